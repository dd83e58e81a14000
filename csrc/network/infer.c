/* SPDX-License-Identifier: Apache-2.0
 *
 * Inference: members take shares of the rows and push them block by block through all stages,
 * each in a lane of buffers of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "../machine.h"
#include "network.h"

typedef struct inference_run {
    const fm_network *network;
    const fm_data *data;
    fm_source source;
    bool sparse;   /* the first product by lists */
    bool in_place; /* it reads the rows where they lie */
    bool training; /* as while training */
    int64_t dropout_step;
    double *losses;  /* (N, S) or NULL */
    double *outputs; /* (N, S, K) or NULL */
    double *costs;   /* (A, N) of activities, or NULL */
} inference_run;

/* Rows first, first + 1, ... of the set, FM_LANE_ROWS at most at a time. */
typedef struct row_numbers {
    int64_t order[FM_LANE_ROWS];
} row_numbers;

static row_numbers numbers_from(size_t first, size_t rows)
{
    row_numbers numbers;
    for (size_t b = 0; b < rows; b++)
        numbers.order[b] = (int64_t)(first + b);
    return numbers;
}

/* The first product by lists, and what follows it. */
static void sparse_first(const inference_run *run, const fm_lane *lane, fm_piece piece,
                         size_t first)
{
    const fm_core *core = &run->network->core;
    const fm_stage *stage = &core->stages[1];
    core->kernels->list_rows(lane->listed.values, lane->listed.places, lane->listed.starts,
                             &run->source, first, piece.rows);
    piece.listed = &lane->listed;
    fm_stage_forward(stage, &piece, fm_all_panels(stage));
}

static void gather_block(const inference_run *run, const fm_lane *lane, size_t first,
                         size_t rows)
{
    const fm_core *core = &run->network->core;
    const fm_stage *input = &core->stages[0];
    for (size_t begin = 0; begin < rows; begin += FM_LANE_ROWS) {
        const fm_range some = fm_rows_from(begin, FM_LANE_ROWS, rows);
        const row_numbers numbers = numbers_from(first + begin, some.end - begin);
        double *x = lane->x + begin * input->stride;
        core->kernels->gather(x, input->stride, &run->source, numbers.order, some.end - begin);
        const fm_piece piece = {.kernels = core->kernels,
                                .y = x,
                                .first_row = first + begin,
                                .rows = some.end - begin,
                                .step = run->dropout_step};
        fm_stage_activate(input, &piece, fm_all_panels(input));
    }
}

/* Losses of at most FM_LANE_ROWS rows of outputs, of which `first` is the first. */
static void store_losses(const inference_run *run, const fm_lane *lane, const double *y,
                         size_t stride, size_t first, size_t rows)
{
    const fm_core *core = &run->network->core;
    const size_t outputs = core->outputs;
    assert(rows <= FM_LANE_ROWS);
    const double *targets[FM_LANE_ROWS];
    const bool labels = fm_loss_takes_labels((int)core->loss.kind);
    for (size_t b = 0; b < rows && !labels; b++)
        targets[b] = run->data->targets + (first + b) * outputs;
    core->kernels->loss[core->loss.kind](
        core->loss.option, (fm_loss_rows){.y = y,
                                          .stride = stride,
                                          .rows = rows,
                                          .outputs = outputs,
                                          .labels = labels ? run->data->labels + first : NULL,
                                          .targets = targets,
                                          .dy = lane->dy,
                                          .losses = run->losses + first});
}

/* Outputs and, if wanted, losses of rows `first` and on: those of samples, S of each. */
static void store_block(const inference_run *run, const fm_lane *lane, size_t first,
                        size_t rows)
{
    const fm_core *core = &run->network->core;
    const size_t outputs = core->outputs, last = core->stage_count - 1;
    const double *y = lane->y[last % 2], *graded = lane->y[core->loss_stage % 2];
    const size_t stride = core->stages[last].stride;
    assert(run->losses == NULL || core->stages[core->loss_stage].stride == stride);
    for (size_t b = 0; b < rows && run->outputs != NULL; b++)
        memcpy(run->outputs + (first + b) * outputs, y + b * stride, outputs * sizeof *y);
    for (size_t begin = 0; run->losses != NULL && begin < rows; begin += FM_LANE_ROWS) {
        const fm_range some = fm_rows_from(begin, FM_LANE_ROWS, rows);
        store_losses(run, lane, graded + begin * stride, stride, first + begin,
                     some.end - begin);
    }
}

static void infer_block(const inference_run *run, const fm_lane *lane, size_t first,
                        size_t rows)
{
    const fm_core *core = &run->network->core;
    fm_piece piece = {.kernels = core->kernels,
                      .x = lane->x,
                      .x_stride = core->stages[0].stride,
                      .step = run->dropout_step,
                      .training = run->training,
                      .keep_state = true};
    if (run->in_place) {
        piece.x_stride = core->inputs;
        piece.x = (const double *)run->source.x + first * core->inputs;
    } else if (!run->sparse) {
        gather_block(run, lane, first, rows);
    }
    double *costs = run->costs != NULL ? run->costs + first : NULL;
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        piece.costs = stage->penalizes ? costs : NULL;
        if (piece.costs != NULL)
            costs += run->data->rows;
        piece.y = lane->y[s % 2];
        piece.first_row = first * stage->split;
        piece.rows = rows * stage->split;
        if (s == 1 && run->sparse)
            sparse_first(run, lane, piece, first);
        else
            fm_stage_forward(stage, &piece, fm_all_panels(stage));
        piece.x = piece.y;
        piece.x_stride = stage->stride;
    }
    store_block(run, lane, first * core->split, rows * core->split);
}

static void infer_member(void *argument, const fm_member *self)
{
    const inference_run *run = argument;
    const fm_network *network = run->network;
    const fm_range own = fm_team_share(run->data->rows, self);
    for (size_t first = own.begin; first < own.end; first += network->lane_rows) {
        const fm_range rows = fm_rows_from(first, network->lane_rows, own.end);
        infer_block(run, &network->lanes[self->index], first, rows.end - first);
    }
}

/* -- lanes and the public calls -- */

static void lay_out_lanes(fm_network *network)
{
    const fm_core *core = &network->core;
    size_t widest = 0;
    for (size_t s = 1; s < core->stage_count; s++)
        if (core->stages[s].split * core->stages[s].stride > widest)
            widest = core->stages[s].split * core->stages[s].stride;
    fm_arena *arena = &network->lane_memory;
    const size_t row = network->lane_rows * sizeof(double);
    for (size_t i = 0; i < network->lane_count; i++) {
        fm_lane *lane = &network->lanes[i];
        lane->x = fm_arena_take(arena, core->stages[0].stride, row);
        lane->y[0] = fm_arena_take(arena, widest, row);
        lane->y[1] = fm_arena_take(arena, widest, row);
        lane->dy = fm_arena_take(arena, fm_last_stage(core)->stride, row);
    }
}

static void lay_out_lane_lists(fm_network *network)
{
    const size_t inputs = network->core.inputs;
    const size_t room = inputs * FM_LANE_ROWS + FM_PANEL;
    fm_arena *arena = &network->lane_list_memory;
    for (size_t i = 0; i < network->lane_list_count; i++) {
        fm_row_lists *listed = &network->lanes[i].listed;
        listed->values = fm_arena_take(arena, room, sizeof(double));
        listed->places = fm_arena_take(arena, room, sizeof(uint32_t));
        listed->starts =
            fm_arena_take(arena, FM_LANE_ROWS * fm_list_blocks(inputs) + 1, sizeof(uint32_t));
    }
}

/* Memory anew for what lay_out points at. */
static fm_status renew(fm_network *network, fm_arena *memory, void lay_out(fm_network *))
{
    fm_arena_free(memory);
    *memory = (fm_arena){0};
    lay_out(network);
    const fm_status status = fm_arena_allocate(memory);
    if (status == FM_OK)
        lay_out(network);
    return status;
}

static fm_status prepare_lanes(fm_network *network, size_t count, size_t rows)
{
    if (network->lane_count >= count && network->lane_rows == rows)
        return FM_OK;
    if (network->lane_count > count)
        count = network->lane_count;
    fm_lane *lanes = realloc(network->lanes, count * sizeof *lanes);
    if (lanes == NULL)
        return FM_ERROR_MEMORY;
    network->lanes = lanes;
    network->lane_count = count;
    network->lane_rows = rows;
    const fm_status status = renew(network, &network->lane_memory, lay_out_lanes);
    if (status != FM_OK)
        network->lane_count = network->lane_list_count = 0;
    return status;
}

/* Lists are larger than all else and wanted for sparse inputs only: 29 MB for 50,000 features.
 */
static fm_status prepare_lane_lists(fm_network *network, size_t count)
{
    if (network->lane_list_count >= count)
        return FM_OK;
    network->lane_list_count = count;
    const fm_status status = renew(network, &network->lane_list_memory, lay_out_lane_lists);
    if (status != FM_OK)
        network->lane_list_count = 0;
    return status;
}

/* Whether a dense first product needs no copy of the rows; other stages read whole panels of a
 * row. (10,000, 784) dense rows: 24.6 -> 23.2 ms. */
static bool reads_in_place(const fm_core *core, const fm_source *source)
{
    return source->indptr == NULL && source->dtype == FM_FLOAT64 && source->scale == 1 &&
           source->offset == 0 && core->stages[0].activation_count == 0 &&
           core->stages[1].verbs->update != NULL && !fm_rows_collide(core->inputs);
}

static fm_status infer(fm_network *network, inference_run *run)
{
    const size_t rows = run->data->rows;
    if (rows == 0)
        return FM_OK;
    const fm_core *core = &network->core;
    const bool together = run->training && fm_wants_whole_batch(core);
    const double fmas = fm_row_fmas(core) * (double)rows;
    size_t members = together ? 1 : fm_members_for(fmas, fmas);
    if (members > rows)
        members = rows;
    fm_mutex_lock(&network->lock);
    run->network = network;
    run->source = fm_source_of(core, run->data);
    run->sparse = !together && fm_density(core, &run->source, NULL, rows) < FM_SPARSE_DENSITY;
    fm_status status = prepare_lanes(network, members, together ? rows : FM_LANE_ROWS);
    if (status == FM_OK && run->sparse)
        status = prepare_lane_lists(network, members);
    if (status == FM_OK) {
        run->in_place = !run->sparse && reads_in_place(core, &run->source);
        fm_team_run(members, infer_member, run);
    }
    fm_mutex_unlock(&network->lock);
    return status;
}

fm_status fm_evaluate(fm_network *network, const fm_data *data, double *losses, double *outputs)
{
    const bool labels = fm_loss_takes_labels((int)network->core.loss.kind);
    if (!network->core.trains ||
        (labels ? data->labels == NULL : data->targets == NULL || data->labels != NULL))
        return FM_ERROR_ARGUMENT;
    inference_run run = {
        .data = data, .dropout_step = -1, .losses = losses, .outputs = outputs};
    return infer(network, &run);
}

fm_status fm_predict(fm_network *network, const fm_data *data, int64_t dropout_step,
                     double *outputs)
{
    if (dropout_step >= (int64_t)1 << 48)
        return FM_ERROR_ARGUMENT;
    inference_run run = {.data = data,
                         .dropout_step = dropout_step,
                         .training = dropout_step >= 0,
                         .outputs = outputs};
    return infer(network, &run);
}

/* -- penalties -- */

size_t fm_network_activities(const fm_network *network)
{
    size_t count = 0;
    for (size_t s = 1; s < network->core.stage_count; s++)
        count += network->core.stages[s].penalizes;
    return count;
}

typedef struct penalty_run {
    training_run run;
    double sum;
} penalty_run;

/* The one member. */
static void sum_penalties(void *argument, const fm_member *self)
{
    penalty_run *penalty = argument;
    const step_view view = {.run = &penalty->run, .self = self};
    fm_regularize(&view, NULL);
    penalty->sum = fm_parameter_penalties(&view);
}

fm_status fm_penalties(fm_network *network, const fm_data *data, int64_t dropout_step,
                       double *parameters, double *activities)
{
    if (dropout_step >= (int64_t)1 << 48)
        return FM_ERROR_ARGUMENT;
    fm_core *core = &network->core;
    penalty_run penalty = {.run = {.core = core}};
    fm_mutex_lock(&network->lock);
    fm_status status = core->has_rules ? fm_prepare_rules(core, 1) : FM_OK;
    if (status == FM_OK && core->has_rules)
        fm_team_run(1, sum_penalties, &penalty);
    fm_mutex_unlock(&network->lock);
    *parameters = penalty.sum;
    if (status != FM_OK || fm_network_activities(network) == 0)
        return status;
    inference_run run = {.data = data,
                         .dropout_step = dropout_step,
                         .training = dropout_step >= 0,
                         .costs = activities};
    return infer(network, &run);
}
