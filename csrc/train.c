/* SPDX-License-Identifier: Apache-2.0
 *
 * The training step, put together: the body that every member of the team runs.
 *
 * Owner computes. A stage with large weights is computed by columns: each member owns a share
 * of its panels, forward, backward and in the update, so that their weights and moments stay in
 * its own cache. A stage with small weights is computed by batch rows, and its update is shared
 * by rows of the kernel, which are the columns that the stage before it owns. Barriers stand
 * only where one member needs what another wrote; plan.c says where. For a wide hidden layer
 * and a narrow head these are two a step:
 *
 *     hidden layer, own columns | head and loss, own batch rows | gradients and updates, own
 *                               '- gather the next batch       columns of the hidden layer
 */
#include <stdlib.h>
#include <string.h>

#include "training.h"

/* Members meet. The next batch is gathered after the first meeting of a step: all have then
 * finished with the batch before this one, whose buffer it takes. */
static void meet(step_view *view)
{
    fm_team_wait(view->self);
    if (!view->next_gathered) {
        fm_gather_step(view->run, view->self, view->index + 1);
        view->next_gathered = true;
    }
}

void fm_run_tail(const step_view *view, double factor, fm_range rows)
{
    const training_run *run = view->run;
    const fm_network *network = run->network;
    const training_plan *plan = &run->plan;
    for (size_t s = plan->tail; s < network->stage_count; s++)
        fm_forward_stage(view, s, rows, all_panels(&network->stages[s]));
    fm_loss_rows_of(view, factor, rows);
    fm_apply_slope(view, network->stage_count - 1, rows, all_panels(fm_last_stage(network)));
    for (size_t s = network->stage_count - 1; s > plan->tail && passes_gradient(plan, s); s--)
        fm_backward_stage(view, s, rows, all_panels(&network->stages[s - 1]));
}

/* A stage before the tail: a member's share of the batch, or of the columns. */
static void forward_own(step_view *view, size_t s)
{
    const fm_stage *stage = stage_at(view->run, s);
    if (s > 1)
        meet(view);
    if (stage->by_rows)
        fm_forward_stage(view, s, fm_team_share(view->rows, view->self), all_panels(stage));
    else
        fm_forward_stage(view, s, (fm_range){0, view->rows},
                         fm_team_share(stage->panels, view->self));
}

static void backward_own(step_view *view, size_t s)
{
    const fm_stage *below = stage_at(view->run, s - 1);
    meet(view);
    /* what is no product needs whole rows even if the stage below is owned by columns */
    if (below->by_rows || stage_at(view->run, s)->kind != FM_STAGE_DENSE)
        fm_backward_stage(view, s, fm_team_share(view->rows, view->self), all_panels(below));
    else
        fm_backward_stage(view, s, (fm_range){0, view->rows},
                          fm_team_share(below->panels, view->self));
}

static void run_step(step_view *view)
{
    const training_run *run = view->run;
    const fm_network *network = run->network;
    const training_plan *plan = &run->plan;
    if (plan->wait_next) {
        fm_gather_step(run, view->self, view->index + 1);
        view->next_gathered = true;
    }
    for (size_t s = 1; s < plan->tail; s++)
        forward_own(view, s);
    if (plan->tail > 1)
        meet(view);
    const double factor = fm_reduction_factor(view);
    const fm_range own = fm_team_share(view->rows, view->self);
    for (size_t begin = own.begin; begin < own.end; begin += FM_TAIL_ROWS)
        fm_run_tail(view, factor, fm_rows_from(begin, FM_TAIL_ROWS, own.end));
    for (size_t s = network->stage_count - 1; s > 0; s--)
        if (s <= plan->tail && passes_gradient(plan, s))
            backward_own(view, s);
    if (plan->wait_update)
        meet(view);
    for (size_t s = plan->lowest; s < network->stage_count; s++)
        fm_update_stage(view, s);
    if (plan->wait_next)
        meet(view);
}

static void train_member(void *argument, const fm_member *self)
{
    const training_run *run = argument;
    const bool in_blocks = run->network->workspace.in_blocks;
    if (!in_blocks) {
        fm_gather_step(run, self, 0);
        fm_team_wait(self);
    }
    for (size_t step = 0; step < run->steps; step++) {
        step_view view = {.run = run,
                          .self = self,
                          .index = step,
                          .rows = rows_of_step(run, step),
                          .update = fm_update_of_step(run, step)};
        if (in_blocks)
            fm_run_step_in_blocks(&view);
        else
            run_step(&view);
        if (self->index == 0)
            run->losses[step] = fm_batch_loss(&view);
    }
}

/* -- workspace and the public call -- */

static void lay_out_batch(fm_network *network, fm_room *room)
{
    fm_workspace *space = &network->workspace;
    for (int i = 0; i < 2; i++) {
        space->losses[i] = fm_arena_take(&room->arena, room->rows, sizeof(double));
        space->scale[i] = fm_arena_take(&room->arena, room->rows, sizeof(double));
    }
    space->labels = fm_arena_take(&room->arena, room->rows, sizeof(int32_t));
    space->targets = fm_arena_take(&room->arena, room->rows, sizeof(double *));
    space->scratch = fm_arena_take(&room->arena, room->threads, FM_SCRATCH * sizeof(double));
}

static void lay_out_activations(fm_network *network, fm_room *room)
{
    for (size_t s = 1; s < network->stage_count; s++) {
        fm_stage *stage = &network->stages[s];
        const size_t row = stage->stride * sizeof(double);
        stage->y = fm_arena_take(&room->arena, room->rows, row);
        stage->dz = fm_arena_take(&room->arena, room->rows, row);
        if (stage->elementwise_count > 0)
            stage->slope = fm_arena_take(&room->arena, room->rows, row);
    }
}

static void lay_out_dense(fm_network *network, fm_room *room)
{
    const size_t row = network->stages[0].stride * sizeof(double);
    for (int i = 0; i < 2; i++)
        network->workspace.x[i] = fm_arena_take(&room->arena, room->rows, row);
}

static void lay_out_lists(fm_network *network, fm_room *room)
{
    fm_workspace *space = &network->workspace;
    const size_t pairs = fm_pairs(network->inputs);
    for (int i = 0; i < 2; i++) {
        space->lists[i].entries =
            fm_arena_take(&room->arena, pairs, room->rows * sizeof(fm_pair));
        space->lists[i].spans = fm_arena_take(&room->arena, pairs, sizeof(fm_span));
    }
    space->pair_scratch =
        fm_arena_take(&room->arena, room->threads, FM_PAIR_SCRATCH * sizeof(fm_pair));
}

static void lay_out_gradients(fm_network *network, fm_room *room)
{
    network->workspace.gradients =
        fm_arena_take(&room->arena, 1 + room->threads, network->gradient_size * sizeof(double));
}

/* Makes a room large enough; what it holds is not kept if it has to grow. */
static fm_status provide(fm_network *network, fm_room *room, size_t rows, size_t threads,
                         void lay_out(fm_network *, fm_room *))
{
    if (room->rows >= rows && room->threads >= threads)
        return FM_OK;
    const fm_room larger = {.rows = rows > room->rows ? rows : room->rows,
                            .threads = threads > room->threads ? threads : room->threads};
    free(room->arena.base);
    *room = larger;
    lay_out(network, room);
    const fm_status status = fm_arena_allocate(&room->arena);
    if (status == FM_OK)
        lay_out(network, room);
    else
        *room = (fm_room){0};
    return status;
}

static fm_status prepare_workspace(fm_network *network, size_t batch, size_t threads,
                                   bool sparse, bool in_blocks)
{
    fm_workspace *space = &network->workspace;
    const size_t rows = in_blocks ? threads * FM_TAIL_ROWS : batch;
    space->sparse = sparse;
    space->in_blocks = in_blocks;
    fm_status status = provide(network, &space->batch_room, batch, threads, lay_out_batch);
    if (status == FM_OK)
        status = provide(network, &space->activation_room, rows, 1, lay_out_activations);
    if (status == FM_OK && !sparse)
        status = provide(network, &space->dense_room, rows, 1, lay_out_dense);
    if (status == FM_OK && sparse)
        status = provide(network, &space->list_room, batch, threads, lay_out_lists);
    if (status == FM_OK && in_blocks)
        status = provide(network, &space->gradient_room, 1, threads, lay_out_gradients);
    return status;
}

void fm_workspace_free(fm_workspace *space)
{
    free(space->batch_room.arena.base);
    free(space->activation_room.arena.base);
    free(space->dense_room.arena.base);
    free(space->list_room.arena.base);
    free(space->gradient_room.arena.base);
}

static bool data_fits(const fm_network *network, const fm_data *data)
{
    bool sparse_labels = network->loss.kind == FM_SPARSE_CATEGORICAL_CROSSENTROPY;
    return sparse_labels ? data->labels != NULL : data->targets != NULL && data->labels == NULL;
}

fm_status fm_train(fm_network *network, const fm_data *data, const int64_t *order,
                   size_t epochs, size_t count, size_t batch, const double *rates,
                   int64_t *iterations, double *losses, double *outputs)
{
    /* dropout numbers its masks with 48 bits, gradients are wanted of rows there are */
    if (!network->trains || batch == 0 || !data_fits(network, data) || *iterations < 0 ||
        *iterations >= (int64_t)1 << 47)
        return FM_ERROR_ARGUMENT;
    size_t visits;
    if (__builtin_mul_overflow(epochs, count, &visits))
        return FM_ERROR_SIZE;
    for (size_t i = 0; i < visits; i++)
        if (order[i] < 0 || (size_t)order[i] >= data->rows)
            return FM_ERROR_ARGUMENT;
    if (visits == 0)
        return FM_OK;
    if (batch > count)
        batch = count;

    pthread_mutex_lock(&network->lock);
    const fm_source source = fm_network_source(network, data);
    const bool sparse =
        batch <= FM_GRADIENT_BLOCK && fm_network_prefers_sparse(network, &source, order, count);
    fm_network_choose_owners(network, sparse);
    training_run run = {.network = network,
                        .data = data,
                        .source = source,
                        .plan = fm_make_plan(network),
                        .order = order,
                        .count = count,
                        .batch = batch,
                        .steps = epochs * ((count + batch - 1) / batch),
                        .epoch_steps = (count + batch - 1) / batch,
                        .rates = rates,
                        .first_step = *iterations,
                        .losses = losses,
                        .outputs = outputs};
    /* forward, gradient by inputs and by weights, and the optimizer's some 20 a parameter */
    double fmas = 3 * fm_network_row_fmas(network) * (double)batch;
    for (size_t i = 0; i < network->parameter_count; i++)
        fmas +=
            20.0 * (double)network->parameters[i].rows * (double)network->parameters[i].columns;
    const size_t members = fm_members_for(fmas, fmas * (double)run.steps);
    const bool in_blocks = fm_wants_blocks(&run.plan, batch, sparse);
    fm_status status = prepare_workspace(network, batch, members, sparse, in_blocks);
    if (status == FM_OK) {
        /* A dense update touches every pair; and where epsilon is 0, Adam's step of a weight
         * without gradient is 0 / 0, which the contract has everywhere or nowhere. */
        const bool still = network->optimizer.kind == FM_SGD || network->optimizer.epsilon > 0;
        if (!sparse || !still)
            memset(network->active, 1, fm_pairs(network->inputs));
        fm_team_run(members, train_member, &run);
        *iterations += (int64_t)run.steps;
    }
    pthread_mutex_unlock(&network->lock);
    return status;
}
