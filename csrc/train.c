/* SPDX-License-Identifier: Apache-2.0
 *
 * The training step: gather, forward, loss, backward, update; the body that every member of
 * the team runs.
 *
 * Owner computes. A stage with large weights is computed by columns: each member owns a share
 * of its panels, forward, backward and in the update, so that their weights and moments stay in
 * its own cache. A stage with small weights is computed by batch rows, and its update is shared
 * by rows of the kernel, which are the columns that the stage before it owns. Barriers stand
 * only where one member needs what another wrote; make_plan says where. For a wide hidden layer
 * and a narrow head these are two a step:
 *
 *     hidden layer, own columns | head and loss, own batch rows | gradients and updates, own
 *                               '- gather the next batch       columns of the hidden layer
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"

/* Where members have to meet, by stage. */
typedef struct training_plan {
    size_t tail;      /* stages from here on are all by rows: one pass over row blocks */
    size_t lowest;    /* gradients are carried down to this stage; stage_count if to none */
    bool wait_update; /* before the updates */
    bool wait_next;   /* before the next step */
} training_plan;

typedef struct training_run {
    fm_network *network;
    const fm_data *data;
    fm_source source;
    training_plan plan;
    const int64_t *order; /* (count) */
    size_t count, batch, steps;
    const double *rates; /* (steps) */
    int64_t first_step;  /* iterations before this run */
    double *losses;      /* (steps) */
    double *outputs;     /* (count, K) or NULL */
} training_run;

/* One member's view of one step. */
typedef struct step_view {
    const training_run *run;
    const fm_member *self;
    size_t index; /* of this step in the run */
    size_t rows;  /* of this batch */
    fm_update update;
    bool next_gathered;
} step_view;

/* Rows that pass through the stages of the tail together, so that they stay in L1 and L2. */
#define FM_TAIL_ROWS 48

/* -- the plan
 * ------------------------------------------------------------------------------------------ */

static const fm_stage *stage_at(const training_run *run, size_t s)
{
    return &run->network->stages[s];
}

/* Whether the gradient of stage s is carried to stage s - 1. */
static bool passes_gradient(const training_plan *plan, size_t s)
{
    return s > plan->lowest;
}

/* Whether the members have to meet before the gradient of stage s is carried down: always,
 * except inside the tail, where each stays with batch rows of its own. */
static bool wait_backward(const training_plan *plan, size_t s)
{
    return s <= plan->tail;
}

/* Whether dz of stage s was left by rows, whoever owns the stage's columns. */
static bool gradient_by_rows(const fm_network *network, size_t s)
{
    return network->stages[s].by_rows || s + 1 == network->stage_count ||
           network->stages[s + 1].kind != FM_STAGE_DENSE;
}

/* Whether updating stage s right after the backward pass would race with other members that
 * still read its kernel or write its dz. */
static bool update_conflicts(const fm_network *network, const training_plan *plan, size_t s)
{
    const fm_stage *stage = &network->stages[s];
    bool met_since = false; /* a meeting after the gradient of stage s was carried down */
    for (size_t below = plan->lowest + 1; below < s; below++)
        met_since = met_since || wait_backward(plan, below);
    if (met_since)
        return false;
    bool read_by_all =
        passes_gradient(plan, s) && (!stage->by_rows || network->stages[s - 1].by_rows);
    bool needs_all_rows = gradient_by_rows(network, s);
    bool met_on_passing = passes_gradient(plan, s) && wait_backward(plan, s);
    return read_by_all || (needs_all_rows && !met_on_passing);
}

static training_plan make_plan(const fm_network *network)
{
    training_plan plan = {network->stage_count, network->stage_count, false, false};
    while (plan.tail > 1 && network->stages[plan.tail - 1].by_rows)
        plan.tail--;
    for (size_t s = network->stage_count; s-- > 1;)
        if (network->stages[s].trainable)
            plan.lowest = s;
    for (size_t s = plan.lowest; s < network->stage_count; s++)
        if (network->stages[s].trainable)
            plan.wait_update = plan.wait_update || update_conflicts(network, &plan, s);

    /* A member that runs ahead starts the next step with the columns of stage 1 that it owns;
     * it must not if others still read those activations (the update of a stage 2 by columns),
     * and the shape has to have the two meetings that order the gathered batches. */
    const fm_stage *stages = network->stages;
    bool own_start = plan.tail > 1 && stages[1].kind == FM_STAGE_DENSE && !stages[1].by_rows;
    bool lone_readers = plan.tail == 2 && plan.lowest == 1;
    plan.wait_next = !(own_start && lone_readers);
    return plan;
}

/* -- gather
 * ----------------------------------------------------------------------------------------------
 */

static size_t rows_of_step(const training_run *run, size_t step)
{
    size_t left = run->count - step * run->batch;
    return left < run->batch ? left : run->batch;
}

static void gather_lists(const training_run *run, const fm_member *self, size_t step)
{
    fm_network *network = run->network;
    const fm_sparse_batch *lists = &network->workspace.lists[step % 2];
    const size_t capacity = network->workspace.batch;
    const fm_range own = fm_team_share(network->inputs, self);
    memset(lists->feature_counts + own.begin, 0,
           (own.end - own.begin) * sizeof *lists->feature_counts);
    for (size_t b = 0; b < rows_of_step(run, step); b++) {
        size_t row = (size_t)run->order[step * run->batch + b];
        size_t found = network->kernels->gather_sparse(
            lists->by_sample + b * network->inputs + own.begin, &run->source, row, own.begin,
            own.end, lists->by_feature, lists->feature_counts, capacity, b);
        lists->sample_counts[b * self->count + self->index] = (uint32_t)found;
    }
    for (size_t k = own.begin; k < own.end; k++)
        network->active[k] |= lists->feature_counts[k] > 0;
}

static void gather_dense(const training_run *run, const fm_member *self, size_t step)
{
    const fm_network *network = run->network;
    const fm_stage *input = &network->stages[0];
    const fm_range own = fm_team_share(rows_of_step(run, step), self);
    double *x = network->workspace.x[step % 2] + own.begin * input->stride;
    size_t rows = own.end - own.begin;
    network->kernels->gather(x, input->stride, &run->source,
                             run->order + step * run->batch + own.begin, rows);
    fm_stage_finish(network, input, x, NULL, own.begin, rows, (fm_range){0, input->panels},
                    run->first_step + (int64_t)step);
}

static void gather_step(const training_run *run, const fm_member *self, size_t step)
{
    if (step >= run->steps)
        return;
    if (run->network->workspace.sparse)
        gather_lists(run, self, step);
    else
        gather_dense(run, self, step);
}

/* Members meet. The next batch is gathered after the first meeting of a step: all have then
 * finished with the batch before this one, whose buffer it takes. */
static void meet(step_view *view)
{
    fm_team_wait(view->self);
    if (!view->next_gathered) {
        gather_step(view->run, view->self, view->index + 1);
        view->next_gathered = true;
    }
}

/* -- forward
 * ------------------------------------------------------------------------------------------------
 */

/* Inputs of stage s: (batch, stride of stage s - 1). Not for a sparse first product. */
static const double *inputs_of(const step_view *view, size_t s)
{
    const fm_network *network = view->run->network;
    return s == 1 ? network->workspace.x[view->index % 2] : network->stages[s - 1].y;
}

static void sparse_product(const step_view *view, const fm_stage *stage, fm_range rows,
                           fm_range panels)
{
    const fm_network *network = view->run->network;
    const fm_sparse_batch *lists = &network->workspace.lists[view->index % 2];
    const fm_packed *w = &stage->kernel->packed;
    for (size_t b = rows.begin; b < rows.end; b++)
        for (size_t m = 0; m < view->self->count; m++) {
            const fm_member member = {m, view->self->count, NULL};
            size_t begin = fm_team_share(network->inputs, &member).begin;
            network->kernels->sparse_matmul(stage->y + b * stage->stride +
                                                panels.begin * FM_PANEL,
                                            lists->by_sample + b * network->inputs + begin,
                                            lists->sample_counts[b * view->self->count + m],
                                            w->value + panels.begin * w->panel_stride,
                                            w->panel_stride, panels.end - panels.begin, m > 0);
        }
}

static void forward_stage(const step_view *view, size_t s, fm_range rows, fm_range panels)
{
    const training_run *run = view->run;
    const fm_network *network = run->network;
    const fm_stage *stage = &network->stages[s];
    const size_t count = rows.end - rows.begin;
    double *y = stage->y + rows.begin * stage->stride;
    if (stage->kind == FM_STAGE_DENSE && s == 1 && network->workspace.sparse) {
        sparse_product(view, stage, rows, panels);
    } else {
        const size_t x_stride = network->stages[s - 1].stride;
        const double *x = inputs_of(view, s) + rows.begin * x_stride;
        if (stage->kind == FM_STAGE_SOFTMAX) {
            network->kernels->softmax(y, x, stage->stride, count, stage->width);
        } else if (stage->kind == FM_STAGE_COPY) {
            memcpy(y, x, count * stage->stride * sizeof *y);
        } else {
            const fm_packed *w = &stage->kernel->packed;
            network->kernels->matmul(y + panels.begin * FM_PANEL, stage->stride, x, x_stride,
                                     w->value + panels.begin * w->panel_stride, w->panel_stride,
                                     count, stage->inputs, panels.end - panels.begin);
        }
    }
    double *slope = stage->slope != NULL ? stage->slope + rows.begin * stage->stride : NULL;
    fm_stage_finish(network, stage, y, slope, rows.begin, count, panels,
                    run->first_step + (int64_t)view->index);
}

/* -- loss
 * ----------------------------------------------------------------------------------------------------
 */

static double weight_of(const training_run *run, int64_t row)
{
    return run->data->sample_weight != NULL ? run->data->sample_weight[row] : 1.0;
}

/* The factor that the reduction puts before each weighted loss. */
static double reduction_factor(const step_view *view, const int64_t *order)
{
    double total = 0;
    switch (view->run->network->loss.reduction) {
    case FM_SUM:
        return 1;
    case FM_SUM_OVER_BATCH_SIZE:
        return 1.0 / (double)view->rows;
    case FM_MEAN_WITH_SAMPLE_WEIGHT:
        for (size_t b = 0; b < view->rows; b++)
            total += weight_of(view->run, order[b]);
        return total != 0 ? 1.0 / total : 0;
    }
    return 0;
}

/* Losses of rows and the gradient dz of the last stage with respect to its outputs. */
static void loss_rows(const step_view *view, double factor, fm_range rows)
{
    const training_run *run = view->run;
    const fm_network *network = run->network;
    const fm_workspace *space = &network->workspace;
    const fm_stage *last = fm_last_stage(network);
    const size_t outputs = network->outputs, first = view->index * run->batch;
    for (size_t b = rows.begin; b < rows.end; b++) {
        int64_t row = run->order[first + b];
        space->scale[view->index % 2][b] = weight_of(run, row) * factor;
        if (run->data->labels != NULL)
            space->labels[b] = run->data->labels[row];
        else
            space->targets[b] = run->data->targets + (size_t)row * outputs;
    }
    const size_t at = rows.begin * last->stride;
    network->kernels->loss(
        &network->loss,
        (fm_loss_rows){.y = last->y + at,
                       .stride = last->stride,
                       .rows = rows.end - rows.begin,
                       .outputs = outputs,
                       .labels = run->data->labels != NULL ? space->labels + rows.begin : NULL,
                       .targets = space->targets + rows.begin,
                       .scale = space->scale[view->index % 2] + rows.begin,
                       .dy = last->dz + at,
                       .losses = space->losses[view->index % 2] + rows.begin});
    if (run->outputs != NULL)
        for (size_t b = rows.begin; b < rows.end; b++)
            memcpy(run->outputs + (first + b) * outputs, last->y + b * last->stride,
                   outputs * sizeof(double));
}

/* The reduced loss of a finished batch, summed over eight lanes that its size alone fixes. */
static double batch_loss(const step_view *view)
{
    const fm_workspace *space = &view->run->network->workspace;
    const double *scale = space->scale[view->index % 2];
    const double *losses = space->losses[view->index % 2];
    double lane[FM_PANEL] = {0};
    for (size_t b = 0; b < view->rows; b++)
        lane[b % FM_PANEL] += scale[b] * losses[b];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* -- backward
 * -------------------------------------------------------------------------------------------------
 */

/* dz of stage s holds the gradient with respect to what the stage put out; make it that with
 * respect to its product. */
static void apply_slope(const step_view *view, size_t s, fm_range rows, fm_range panels)
{
    const fm_stage *stage = stage_at(view->run, s);
    if (stage->slope == NULL)
        return;
    const size_t at = rows.begin * stage->stride + panels.begin * FM_PANEL;
    view->run->network->kernels->multiply((fm_block){stage->dz + at, stage->slope + at,
                                                     stage->stride, rows.end - rows.begin,
                                                     panels.end - panels.begin});
}

/* From dz of stage s to dz of stage s - 1, for the latter's rows and panels. */
static void backward_stage(const step_view *view, size_t s, fm_range rows, fm_range panels)
{
    const fm_network *network = view->run->network;
    const fm_stage *stage = &network->stages[s], *below = &network->stages[s - 1];
    const size_t count = rows.end - rows.begin;
    const double *dz = stage->dz + rows.begin * stage->stride;
    double *d_below = below->dz + rows.begin * below->stride;
    if (stage->kind == FM_STAGE_SOFTMAX) {
        network->kernels->softmax_gradient(d_below, dz, stage->y + rows.begin * stage->stride,
                                           stage->stride, count, stage->width);
    } else if (stage->kind == FM_STAGE_COPY) {
        memcpy(d_below, dz, count * stage->stride * sizeof *dz);
    } else {
        const size_t first = panels.begin * FM_PANEL;
        const fm_packed *w = &stage->kernel->packed;
        network->kernels->matmul_transposed(
            d_below + first, below->stride, dz, stage->stride, w->value + first * FM_PANEL,
            w->panel_stride, stage->inputs - (first < stage->inputs ? first : stage->inputs),
            count, stage->width, panels.end - panels.begin,
            network->workspace.scratch + view->self->index * FM_TRANSPOSE_SCRATCH);
    }
    apply_slope(view, s - 1, rows, panels);
}

static fm_range all_panels(const fm_stage *stage)
{
    return (fm_range){0, stage->panels};
}

/* Stages by rows at the end: forward, loss and backward, block by block of own rows. */
static void run_tail(const step_view *view, double factor)
{
    const training_run *run = view->run;
    const fm_network *network = run->network;
    const training_plan *plan = &run->plan;
    const fm_range own = fm_team_share(view->rows, view->self);
    for (size_t begin = own.begin; begin < own.end; begin += FM_TAIL_ROWS) {
        const size_t left = own.end - begin;
        const fm_range rows = {begin, begin + (left < FM_TAIL_ROWS ? left : FM_TAIL_ROWS)};
        for (size_t s = plan->tail; s < network->stage_count; s++)
            forward_stage(view, s, rows, all_panels(&network->stages[s]));
        loss_rows(view, factor, rows);
        apply_slope(view, network->stage_count - 1, rows, all_panels(fm_last_stage(network)));
        for (size_t s = network->stage_count - 1; s > plan->tail && passes_gradient(plan, s);
             s--)
            backward_stage(view, s, rows, all_panels(&network->stages[s - 1]));
    }
}

/* -- update
 * ------------------------------------------------------------------------------------------------------
 */

/* b^t by squaring: the same bits everywhere, unlike pow. */
static double power(double b, uint64_t t)
{
    double result = 1;
    for (; t > 0; t >>= 1, b *= b)
        if (t & 1)
            result *= b;
    return result;
}

static fm_update update_of_step(const training_run *run, size_t step)
{
    const fm_optimizer *optimizer = &run->network->optimizer;
    const double rate = run->rates[step];
    if (optimizer->kind == FM_SGD)
        return (fm_update){
            .rate = rate, .momentum = optimizer->momentum, .nesterov = optimizer->nesterov};
    const uint64_t t = (uint64_t)run->first_step + step + 1;
    return (fm_update){.alpha = rate * sqrt(1 - power(optimizer->beta_2, t)) /
                                (1 - power(optimizer->beta_1, t)),
                       .rest_beta_1 = 1 - optimizer->beta_1,
                       .rest_beta_2 = 1 - optimizer->beta_2,
                       .epsilon = optimizer->epsilon};
}

/* The part of a parameter that begins at this row and panel. */
static fm_packed packed_at(const fm_packed *whole, size_t row, size_t panel)
{
    const size_t at = panel * whole->panel_stride + row * FM_PANEL;
    fm_packed part = *whole;
    part.value += at;
    for (int slot = 0; slot < 2; slot++)
        part.slot[slot] = whole->slot[slot] != NULL ? whole->slot[slot] + at : NULL;
    return part;
}

/* Rows [k.begin, k.end) and the given panels of the kernel of stage s. */
static void update_kernel(const step_view *view, size_t s, fm_range k, fm_range panels)
{
    const fm_network *network = view->run->network;
    const fm_kernels *kernels = network->kernels;
    const fm_stage *stage = &network->stages[s];
    const bool adam = network->optimizer.kind == FM_ADAM;
    const fm_packed w = packed_at(&stage->kernel->packed, k.begin, panels.begin);
    const double *dz = stage->dz + panels.begin * FM_PANEL;
    const size_t depth = k.end - k.begin, count = panels.end - panels.begin;
    if (s == 1 && network->workspace.sparse) {
        const fm_sparse_batch *lists = &network->workspace.lists[view->index % 2];
        const size_t capacity = network->workspace.batch;
        (adam ? kernels->sparse_update_adam : kernels->sparse_update_sgd)(
            w, lists->by_feature + k.begin * capacity, lists->feature_counts + k.begin,
            capacity, network->active + k.begin, dz, stage->stride, depth, count,
            &view->update);
    } else {
        (adam ? kernels->update_adam : kernels->update_sgd)(
            w, inputs_of(view, s) + k.begin, network->stages[s - 1].stride, dz, stage->stride,
            view->rows, depth, count, &view->update);
    }
}

/* A bias is a kernel whose one input is 1. */
static void update_bias(const step_view *view, size_t s, fm_range panels)
{
    static const double one[1] = {1};
    const fm_network *network = view->run->network;
    const fm_stage *stage = &network->stages[s];
    if (stage->bias == NULL)
        return;
    const bool adam = network->optimizer.kind == FM_ADAM;
    (adam ? network->kernels->update_adam : network->kernels->update_sgd)(
        packed_at(&stage->bias->packed, 0, panels.begin), one, 0,
        stage->dz + panels.begin * FM_PANEL, stage->stride, view->rows, 1,
        panels.end - panels.begin, &view->update);
}

static void update_stage(const step_view *view, size_t s)
{
    const fm_stage *stage = stage_at(view->run, s);
    if (!stage->trainable)
        return;
    const fm_range columns = fm_team_share(stage->panels, view->self);
    if (stage->by_rows) {
        /* by rows of the kernel, in the units in which the stage below owns its columns */
        fm_range k = fm_team_share(stage_at(view->run, s - 1)->panels, view->self);
        k.begin *= FM_PANEL;
        k.end = k.end * FM_PANEL < stage->inputs ? k.end * FM_PANEL : stage->inputs;
        update_kernel(view, s, k, (fm_range){0, stage->panels});
    } else {
        update_kernel(view, s, (fm_range){0, stage->inputs}, columns);
    }
    update_bias(view, s, columns);
}

/* -- the step
 * -------------------------------------------------------------------------------------------------------
 */

/* A stage by rows in the middle: every member takes its share of the batch. */
static void forward_own(step_view *view, size_t s)
{
    const fm_stage *stage = stage_at(view->run, s);
    if (s > 1)
        meet(view);
    if (stage->by_rows)
        forward_stage(view, s, fm_team_share(view->rows, view->self), all_panels(stage));
    else
        forward_stage(view, s, (fm_range){0, view->rows},
                      fm_team_share(stage->panels, view->self));
}

static void backward_own(step_view *view, size_t s)
{
    const fm_stage *below = stage_at(view->run, s - 1);
    meet(view);
    /* what is no product needs whole rows even if the stage below is owned by columns */
    if (below->by_rows || stage_at(view->run, s)->kind != FM_STAGE_DENSE)
        backward_stage(view, s, fm_team_share(view->rows, view->self), all_panels(below));
    else
        backward_stage(view, s, (fm_range){0, view->rows},
                       fm_team_share(below->panels, view->self));
}

static void run_step(step_view *view)
{
    const training_run *run = view->run;
    const fm_network *network = run->network;
    const training_plan *plan = &run->plan;
    if (plan->wait_next) {
        gather_step(run, view->self, view->index + 1);
        view->next_gathered = true;
    }
    for (size_t s = 1; s < plan->tail; s++)
        forward_own(view, s);
    if (plan->tail > 1)
        meet(view);
    run_tail(view, reduction_factor(view, run->order + view->index * run->batch));
    for (size_t s = network->stage_count - 1; s > 0; s--)
        if (s <= plan->tail && passes_gradient(plan, s))
            backward_own(view, s);
    if (plan->wait_update)
        meet(view);
    for (size_t s = plan->lowest; s < network->stage_count; s++)
        update_stage(view, s);
    if (plan->wait_next)
        meet(view);
    if (view->self->index == 0)
        run->losses[view->index] = batch_loss(view);
}

static void train_member(void *argument, const fm_member *self)
{
    const training_run *run = argument;
    gather_step(run, self, 0);
    fm_team_wait(self);
    for (size_t step = 0; step < run->steps; step++) {
        step_view view = {.run = run,
                          .self = self,
                          .index = step,
                          .rows = rows_of_step(run, step),
                          .update = update_of_step(run, step)};
        run_step(&view);
    }
}

/* -- workspace and the public call
 * ---------------------------------------------------------------------------------- */

static void lay_out_workspace(fm_network *network)
{
    fm_workspace *space = &network->workspace;
    fm_arena *arena = &space->arena;
    const size_t batch = space->batch, inputs = network->inputs;
    for (int i = 0; i < 2; i++) {
        fm_sparse_batch *lists = &space->lists[i];
        space->losses[i] = fm_arena_take(arena, batch, sizeof(double));
        space->scale[i] = fm_arena_take(arena, batch, sizeof(double));
        if (!space->sparse) {
            size_t row = network->stages[0].stride * sizeof(double);
            space->x[i] = fm_arena_take(arena, batch, row);
            continue;
        }
        size_t row = inputs * sizeof(fm_entry);
        lists->by_sample = fm_arena_take(arena, batch, row);
        lists->by_feature = fm_arena_take(arena, batch, row);
        lists->sample_counts = fm_arena_take(arena, batch, space->threads * sizeof(uint32_t));
        lists->feature_counts = fm_arena_take(arena, inputs, sizeof(uint32_t));
    }
    space->labels = fm_arena_take(arena, batch, sizeof(int32_t));
    space->targets = fm_arena_take(arena, batch, sizeof(double *));
    space->scratch =
        fm_arena_take(arena, space->threads, FM_TRANSPOSE_SCRATCH * sizeof(double));
    for (size_t s = 1; s < network->stage_count; s++) {
        fm_stage *stage = &network->stages[s];
        size_t row = stage->stride * sizeof(double);
        stage->y = fm_arena_take(arena, batch, row);
        stage->dz = fm_arena_take(arena, batch, row);
        stage->slope = stage->elementwise_count > 0 ? fm_arena_take(arena, batch, row) : NULL;
    }
}

/* Makes the workspace fit; one that fits already is kept. */
static fm_status prepare_workspace(fm_network *network, size_t batch, size_t threads,
                                   bool sparse)
{
    fm_workspace *space = &network->workspace;
    if (space->arena.base != NULL && space->batch >= batch && space->threads >= threads &&
        space->sparse == sparse)
        return FM_OK;
    free(space->arena.base);
    *space = (fm_workspace){.batch = batch, .threads = threads, .sparse = sparse};
    lay_out_workspace(network);
    fm_status status = fm_arena_allocate(&space->arena);
    if (status == FM_OK)
        lay_out_workspace(network);
    else
        *space = (fm_workspace){0};
    return status;
}

static bool data_fits(const fm_network *network, const fm_data *data)
{
    bool sparse_labels = network->loss.kind == FM_SPARSE_CATEGORICAL_CROSSENTROPY;
    return sparse_labels ? data->labels != NULL : data->targets != NULL && data->labels == NULL;
}

fm_status fm_train(fm_network *network, const fm_data *data, const int64_t *order, size_t count,
                   size_t batch, const double *rates, int64_t *iterations, double *losses,
                   double *outputs)
{
    /* dropout numbers its masks with 48 bits, gradients are wanted of rows there are */
    if (!network->trains || batch == 0 || !data_fits(network, data) || *iterations < 0 ||
        *iterations >= (int64_t)1 << 47)
        return FM_ERROR_ARGUMENT;
    for (size_t i = 0; i < count; i++)
        if (order[i] < 0 || (size_t)order[i] >= data->rows)
            return FM_ERROR_ARGUMENT;
    if (count == 0)
        return FM_OK;
    if (batch > count)
        batch = count;

    pthread_mutex_lock(&network->lock);
    training_run run = {.network = network,
                        .data = data,
                        .source = fm_network_source(network, data),
                        .plan = make_plan(network),
                        .order = order,
                        .count = count,
                        .batch = batch,
                        .steps = (count + batch - 1) / batch,
                        .rates = rates,
                        .first_step = *iterations,
                        .losses = losses,
                        .outputs = outputs};
    /* forward, gradient by inputs and by weights, and the optimizer's some 20 a parameter */
    double fmas = 3 * fm_network_row_fmas(network) * (double)batch;
    for (size_t i = 0; i < network->parameter_count; i++)
        fmas +=
            20.0 * (double)network->parameters[i].rows * (double)network->parameters[i].columns;
    const size_t members = fm_network_members(fmas);
    const bool sparse = batch <= FM_GRADIENT_BLOCK &&
                        fm_network_prefers_sparse(network, &run.source, order, count);
    fm_status status = prepare_workspace(network, batch, members, sparse);
    if (status == FM_OK) {
        if (!sparse)
            memset(network->active, 1, network->inputs); /* a dense update touches every row */
        fm_team_run(members, train_member, &run);
        *iterations += (int64_t)run.steps;
    }
    pthread_mutex_unlock(&network->lock);
    return status;
}
