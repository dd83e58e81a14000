/* SPDX-License-Identifier: Apache-2.0
 *
 * The loss of a batch, row by row, and what a reduction makes of it.
 */
#include <string.h>

#include "step.h"

/* Of row j of the outputs of a sample. */
static double weight_of(const training_run *run, int64_t sample, size_t j)
{
    const double *weights = run->data->sample_weight;
    return weights != NULL ? weights[(size_t)sample * run->core->split + j] : 1.0;
}

/* How many rows of outputs take part in a mean: those whose label is not to be ignored. */
static size_t counted_rows(const step_view *view, const int64_t *order)
{
    const fm_core *core = view->run->core;
    const size_t split = core->split, all = view->rows * split;
    if (core->loss.kind != fm_sparse_categorical_crossentropy)
        return all;
    const double ignored =
        fm_sparse_categorical_crossentropy_of(core->loss.option).ignore_class;
    if (ignored == FM_NO_CLASS)
        return all;
    size_t counted = 0;
    for (size_t i = 0; i < all; i++)
        counted +=
            (double)view->run->data->labels[(size_t)order[i / split] * split + i % split] !=
            ignored;
    return counted;
}

/* The weight of a row of outputs in a sum of weights: 0 if its label is to be ignored. */
static double counted_weight(const step_view *view, int64_t sample, size_t j)
{
    const fm_core *core = view->run->core;
    const size_t at = (size_t)sample * core->split + j;
    if (core->loss.kind == fm_sparse_categorical_crossentropy &&
        (double)view->run->data->labels[at] ==
            fm_sparse_categorical_crossentropy_of(core->loss.option).ignore_class)
        return 0;
    return weight_of(view->run, sample, j);
}

static double reduction_factor(const step_view *view)
{
    const int64_t *order = view->run->order + start_of_step(view->run, view->index);
    const size_t split = view->run->core->split;
    double total = 0;
    size_t counted;
    switch (view->run->core->loss.reduction) {
    case fm_sum:
        return 1;
    case fm_sum_over_batch_size:
        counted = counted_rows(view, order);
        return counted != 0 ? 1.0 / (double)counted : 0;
    case fm_mean_with_sample_weight:
        for (size_t b = 0; b < view->rows; b++)
            for (size_t j = 0; j < split; j++)
                total += counted_weight(view, order[b], j);
        return total != 0 ? 1.0 / total : 0;
    case FM_REDUCTION_COUNT:
        break;
    }
    return 0;
}

double fm_loss_factor(const step_view *view)
{
    return view->run->core->loss.weight * reduction_factor(view);
}

/* Weights and targets of the rows of outputs of some samples. */
static void find_targets(const step_view *view, double factor, fm_range rows, bool labels)
{
    const training_run *run = view->run;
    const fm_core *core = run->core;
    const fm_data *data = run->data;
    const fm_workspace *space = &core->workspace;
    const int64_t *order = run->order + start_of_step(run, view->index);
    const size_t split = core->split;
    double *scale = space->scale[view->index % 2];
    for (size_t b = rows.begin; b < rows.end; b++)
        for (size_t j = 0; j < split; j++) {
            const size_t from = (size_t)order[b] * split + j, to = b * split + j;
            scale[to] =
                data->sample_weight != NULL ? data->sample_weight[from] * factor : factor;
            if (labels)
                space->labels[to] = data->labels[from];
            else
                space->targets[to] = data->targets + from * core->outputs;
        }
}

void fm_loss_rows_of(const step_view *view, double factor, fm_range rows)
{
    const training_run *run = view->run;
    const fm_core *core = run->core;
    const fm_workspace *space = &core->workspace;
    const fm_stage *stage = &core->stages[core->loss_stage], *last = fm_last_stage(core);
    const size_t outputs = core->outputs, first = start_of_step(run, view->index);
    const size_t split = core->split, begin = rows.begin * split;
    const bool labels = fm_loss_takes_labels(core->loss.kind);
    find_targets(view, factor, rows, labels);
    const size_t row = (rows.begin - view->shift) * split;
    core->kernels->loss[core->loss.kind](
        core->loss.option, (fm_loss_rows){.y = stage->y + row * stage->stride,
                                          .stride = stage->stride,
                                          .rows = (rows.end - rows.begin) * split,
                                          .outputs = outputs,
                                          .labels = labels ? space->labels + begin : NULL,
                                          .targets = space->targets + begin,
                                          .scale = space->scale[view->index % 2] + begin,
                                          .dy = stage->dz + row * stage->stride,
                                          .losses = space->losses[view->index % 2] + begin});
    if (run->outputs == NULL)
        return;
    double *to = run->outputs + (first * split + begin) * outputs;
    for (size_t i = 0; i < (rows.end - rows.begin) * split; i++)
        memcpy(to + i * outputs, last->y + (row + i) * last->stride, outputs * sizeof *to);
}

/* The sum of n numbers, each times its scale (NULL: 1), over eight lanes that n alone fixes. */
static double sum_rows(const double *x, const double *scale, size_t n)
{
    double lane[FM_PANEL] = {0};
    for (size_t b = 0; b < n; b++)
        lane[b % FM_PANEL] += scale != NULL ? scale[b] * x[b] : x[b];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

/* The reduced loss of a finished batch, with all penalties. */
double fm_batch_loss(const step_view *view)
{
    const fm_core *core = view->run->core;
    const fm_workspace *space = &core->workspace;
    const size_t turn = view->index % 2;
    double loss = sum_rows(space->losses[turn], space->scale[turn], view->rows * core->split);
    for (size_t s = 1; s < core->stage_count; s++)
        if (core->stages[s].penalizes)
            loss +=
                sum_rows(core->stages[s].costs[turn], NULL, view->rows) / (double)view->rows;
    return core->has_rules ? loss + fm_parameter_penalties(view) : loss;
}
