/* SPDX-License-Identifier: Apache-2.0
 *
 * The public calls that train: arguments checked, a way chosen, a run of the team.
 */
#include <string.h>

#include "../machine.h"
#include "network.h"

/* Dropout numbers its masks with 48 bits, and calls outside of training take the upper half. */
#define FM_MAX_ITERATIONS ((int64_t)1 << 47)

/* Fused multiply-adds of a step: forward, gradient by inputs and by weights, and the
 * optimizer's some 20 a parameter. */
static double step_fmas(const fm_core *core, size_t batch)
{
    double fmas = 3 * fm_row_fmas(core) * (double)batch;
    for (size_t i = 0; i < core->parameter_count; i++)
        fmas += 20.0 * (double)core->parameters[i].rows * (double)core->parameters[i].columns;
    return fmas;
}

static bool order_is_valid(const fm_network *network, const fm_data *data, const int64_t *order,
                           size_t visits)
{
    const bool labels = fm_loss_takes_labels((int)network->core.loss.kind);
    if (labels ? data->labels == NULL : data->targets == NULL || data->labels != NULL)
        return false;
    for (size_t i = 0; i < visits; i++)
        if (order[i] < 0 || (size_t)order[i] >= data->rows)
            return false;
    return true;
}

/* A dense update touches every pair; and where the optimizer is not still (Adam without
 * epsilon: 0 / 0), the step of a weight without gradient is something, which the contract has
 * everywhere or nowhere. */
static void mark_active(fm_core *core, bool sparse)
{
    if (!sparse || !core->still)
        memset(core->active, 1, fm_pairs(core->inputs));
}

/* Rows that go through the stages at once: lists of more leave L2, and so do the inputs and
 * activations of a dense batch, which the gradient wants again. Each pass reads and writes all
 * gradients, so that large ones want fewer passes. Where all stages are by rows there is
 * nothing to gain: members keep to blocks of rows of their own, forward and backward. */
static size_t pass_rows(const fm_core *core, const training_plan *plan, size_t batch,
                        bool sparse)
{
    size_t rows = batch;
    if (sparse)
        rows = FM_LIST_ROWS;
    else if (plan->tail > 1)
        rows = core->gradient_size * sizeof(double) <= FM_LIGHT_GRADIENTS ? FM_LIST_ROWS
                                                                          : 2 * FM_LIST_ROWS;
    return rows < batch ? rows : batch;
}

/* Chooses the way of a run and runs it; the lock is held. */
static fm_status train(fm_core *core, training_run *run)
{
    run->core = core;
    run->source = fm_source_of(core, run->data);
    run->epoch_steps = (run->count + run->batch - 1) / run->batch;
    const bool one_pass = fm_wants_one_pass(core);
    const bool sparse = (run->batch <= FM_GRADIENT_BLOCK || !one_pass) &&
                        fm_prefers_sparse(core, &run->source, run->order, run->count);
    fm_choose_owners(core, sparse);
    run->plan = fm_make_plan(core);
    run->pass_rows = one_pass ? run->batch : pass_rows(core, &run->plan, run->batch, sparse);
    const double fmas = step_fmas(core, run->batch);
    const size_t members = fm_members_for(fmas, fmas * (double)run->steps);
    const bool in_blocks = !one_pass && fm_wants_blocks(&run->plan, run->batch, sparse);
    const training_way way = {.batch = run->batch,
                              .pass_rows = run->pass_rows,
                              .members = members,
                              .sparse = sparse,
                              .in_blocks = in_blocks,
                              .stored = run->only_gradient};
    const fm_status status = fm_prepare_workspace(core, &way);
    if (status != FM_OK)
        return status;
    if (!run->only_gradient)
        mark_active(core, sparse);
    fm_run_training(run, members);
    return FM_OK;
}

fm_status fm_train(fm_network *network, const fm_data *data, const int64_t *order,
                   size_t epochs, size_t count, size_t batch, const double *rates,
                   int64_t *iterations, double *losses, double *outputs)
{
    if (!network->core.trains || batch == 0 || *iterations < 0 ||
        *iterations >= FM_MAX_ITERATIONS)
        return FM_ERROR_ARGUMENT;
    size_t visits;
    if (__builtin_mul_overflow(epochs, count, &visits))
        return FM_ERROR_SIZE;
    if (!order_is_valid(network, data, order, visits))
        return FM_ERROR_ARGUMENT;
    if (visits == 0)
        return FM_OK;
    if (batch > count)
        batch = count;
    training_run run = {.data = data,
                        .order = order,
                        .count = count,
                        .batch = batch,
                        .steps = epochs * ((count + batch - 1) / batch),
                        .rates = rates,
                        .first_step = *iterations,
                        .losses = losses,
                        .outputs = outputs};
    fm_mutex_lock(&network->lock);
    const fm_status status = train(&network->core, &run);
    if (status == FM_OK)
        *iterations += (int64_t)run.steps;
    fm_mutex_unlock(&network->lock);
    return status;
}

/* -- gradients in and out -- */

size_t fm_network_gradient_size(const fm_network *network)
{
    size_t size = 0;
    for (size_t i = 0; i < network->core.parameter_count; i++) {
        const fm_parameter *p = &network->core.parameters[i];
        size += p->role == FM_TRAINED ? p->rows * p->columns : 0;
    }
    return size;
}

fm_status fm_gradient(fm_network *network, const fm_data *data, const int64_t *order,
                      size_t count, int64_t iterations, double *loss, double *gradient)
{
    fm_core *core = &network->core;
    if (!core->trains || count == 0 || iterations < 0 || iterations >= FM_MAX_ITERATIONS ||
        !order_is_valid(network, data, order, count))
        return FM_ERROR_ARGUMENT;
    training_run run = {.data = data,
                        .order = order,
                        .count = count,
                        .batch = count,
                        .steps = 1,
                        .first_step = iterations,
                        .losses = loss,
                        .only_gradient = true};
    fm_mutex_lock(&network->lock);
    const fm_status status = train(core, &run);
    for (size_t s = 0; status == FM_OK && s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        for (size_t i = 0; i < stage->parameter_count; i++) {
            const fm_parameter *p = &stage->parameters[i];
            if (p->role != FM_TRAINED)
                continue;
            if (stage->trainable)
                fm_unpack(gradient, core->workspace.gradients + p->start, p->rows, p->columns);
            else
                memset(gradient, 0, p->rows * p->columns * sizeof *gradient);
            gradient += p->rows * p->columns;
        }
    }
    fm_mutex_unlock(&network->lock);
    return status;
}

fm_status fm_apply(fm_network *network, const double *gradient, double rate,
                   int64_t *iterations)
{
    fm_core *core = &network->core;
    if (!core->trains || *iterations < 0 || *iterations >= FM_MAX_ITERATIONS)
        return FM_ERROR_ARGUMENT;
    training_run run = {.core = core, .steps = 1, .rates = &rate, .first_step = *iterations};
    fm_mutex_lock(&network->lock);
    fm_choose_owners(core, false);
    mark_active(core, false);
    const double fmas = step_fmas(core, 0);
    const size_t members = fm_members_for(fmas, fmas);
    const training_way way = {.batch = 1, .pass_rows = 1, .members = members, .stored = true};
    const fm_status status = fm_prepare_workspace(core, &way);
    if (status == FM_OK) {
        for (size_t i = 0; i < core->parameter_count; i++) {
            const fm_parameter *p = &core->parameters[i];
            if (p->role != FM_TRAINED)
                continue;
            fm_pack(core->workspace.gradients + p->start, gradient, p->rows, p->columns);
            gradient += p->rows * p->columns;
        }
        fm_run_apply(&run, members);
        *iterations += 1;
    }
    fm_mutex_unlock(&network->lock);
    return status;
}
