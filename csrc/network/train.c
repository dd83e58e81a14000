/* SPDX-License-Identifier: Apache-2.0
 *
 * The public calls that train: arguments checked, a way chosen, a run of the team.
 */
#include <math.h>
#include <string.h>

#include "../machine.h"
#include "network.h"

/* Dropout numbers its masks with 48 bits, and calls outside of training take the upper half. */
#define FM_MAX_ITERATIONS ((int64_t)1 << 47)

static bool order_is_valid(const fm_network *network, const fm_data *data, const int64_t *order,
                           size_t visits)
{
    const bool labels = fm_loss_takes_labels((int)network->core.loss.kind);
    if (labels ? data->labels == NULL : data->targets == NULL || data->labels != NULL)
        return false;
    for (size_t i = 0; i < visits; i++)
        if (order[i] < 0 || (size_t)order[i] >= data->rows)
            return false;
    return data->coded == NULL || fm_coded_fits(data->coded, data->rows, network->core.inputs);
}

/* Runs all steps, each in the way that is chosen for it; the lock is held. */
static fm_status train(fm_network *network, training_run *run)
{
    fm_core *core = &network->core;
    run->core = core;
    run->source = fm_source_of(core, run->data);
    if (run->data->coded != NULL)
        fm_read_coded(run, run->data->coded);
    run->epoch_steps = (run->count + run->batch - 1) / run->batch;
    fm_tuned *job;
    fm_status status = fm_tuned_job(&network->tuner, run, &job);
    if (status != FM_OK)
        return status;
    const double fmas = fm_step_fmas(core, run->batch);
    const size_t worth = fm_members_for(INFINITY, fmas * (double)run->steps);
    for (run->begin = 0; status == FM_OK && run->begin < run->steps; run->begin = run->end) {
        const size_t i = fm_next_way(&network->tuner, job, run);
        const training_way *way = &job->way[i];
        status = fm_take_way(run, way);
        if (status != FM_OK)
            break;
        const double start = fm_system_seconds();
        fm_run_training(run, way->members < worth ? way->members : worth);
        fm_note_time(&network->tuner, job, run, i, fm_system_seconds() - start);
    }
    return status;
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
    const fm_status status = train(network, &run);
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
    const fm_status status = train(network, &run);
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
    core->active_stale = true;
    const double fmas = fm_step_fmas(core, 0);
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
