/* SPDX-License-Identifier: Apache-2.0
 *
 * The loss of a batch, row by row, and what a reduction makes of it.
 */
#include <string.h>

#include "step.h"

static double weight_of(const training_run *run, int64_t row)
{
    return run->data->sample_weight != NULL ? run->data->sample_weight[row] : 1.0;
}

double fm_reduction_factor(const step_view *view)
{
    const int64_t *order = view->run->order + start_of_step(view->run, view->index);
    double total = 0;
    switch (view->run->core->loss.reduction) {
    case fm_sum:
        return 1;
    case fm_sum_over_batch_size:
        return 1.0 / (double)view->rows;
    case fm_mean_with_sample_weight:
        for (size_t b = 0; b < view->rows; b++)
            total += weight_of(view->run, order[b]);
        return total != 0 ? 1.0 / total : 0;
    case FM_REDUCTION_COUNT:
        break;
    }
    return 0;
}

void fm_loss_rows_of(const step_view *view, double factor, fm_range rows)
{
    const training_run *run = view->run;
    const fm_core *core = run->core;
    const fm_workspace *space = &core->workspace;
    const fm_stage *last = fm_last_stage(core);
    const size_t outputs = core->outputs, first = start_of_step(run, view->index);
    const bool labels = fm_loss_takes_labels(core->loss.kind);
    for (size_t b = rows.begin; b < rows.end; b++) {
        int64_t row = run->order[first + b];
        space->scale[view->index % 2][b] = weight_of(run, row) * factor;
        if (labels)
            space->labels[b] = run->data->labels[row];
        else
            space->targets[b] = run->data->targets + (size_t)row * outputs;
    }
    const size_t at = (rows.begin - view->shift) * last->stride;
    core->kernels->loss[core->loss.kind](
        core->loss.option,
        (fm_loss_rows){.y = last->y + at,
                       .stride = last->stride,
                       .rows = rows.end - rows.begin,
                       .outputs = outputs,
                       .labels = labels ? space->labels + rows.begin : NULL,
                       .targets = space->targets + rows.begin,
                       .scale = space->scale[view->index % 2] + rows.begin,
                       .dy = last->dz + at,
                       .losses = space->losses[view->index % 2] + rows.begin});
    if (run->outputs != NULL)
        for (size_t b = rows.begin; b < rows.end; b++)
            memcpy(run->outputs + (first + b) * outputs,
                   last->y + (b - view->shift) * last->stride, outputs * sizeof(double));
}

/* The reduced loss of a finished batch, summed over eight lanes that its size alone fixes. */
double fm_batch_loss(const step_view *view)
{
    const fm_workspace *space = &view->run->core->workspace;
    const double *scale = space->scale[view->index % 2];
    const double *losses = space->losses[view->index % 2];
    double lane[FM_PANEL] = {0};
    for (size_t b = 0; b < view->rows; b++)
        lane[b % FM_PANEL] += scale[b] * losses[b];
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}
