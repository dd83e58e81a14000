/* SPDX-License-Identifier: Apache-2.0
 *
 * Upwards: gather, forward, loss.
 */
#include <string.h>

#include "training.h"

/* -- gather -- */

static void gather_lists(const training_run *run, const fm_member *self, size_t step)
{
    fm_network *network = run->network;
    const fm_pair_lists *lists = &network->workspace.lists[step % 2];
    const fm_range own = fm_team_share(fm_pairs(network->inputs), self);
    const fm_workspace *space = &network->workspace;
    network->kernels->gather_pairs(lists->entries, lists->spans, space->list_room.rows,
                                   &run->source, run->order + start_of_step(run, step),
                                   rows_of_step(run, step), own.begin, own.end,
                                   space->pair_scratch + self->index * FM_PAIR_SCRATCH);
    for (size_t pair = own.begin; pair < own.end; pair++)
        network->active[pair] |= lists->spans[pair].count > 0;
}

void fm_gather_rows(const training_run *run, double *x, size_t step, size_t begin, size_t rows)
{
    const fm_network *network = run->network;
    const fm_stage *input = &network->stages[0];
    network->kernels->gather(x, input->stride, &run->source,
                             run->order + start_of_step(run, step) + begin, rows);
    fm_stage_finish(network, input, x, NULL, begin, rows, (fm_range){0, input->panels},
                    run->first_step + (int64_t)step);
}

static void gather_dense(const training_run *run, const fm_member *self, size_t step)
{
    const fm_network *network = run->network;
    const fm_range own = fm_team_share(rows_of_step(run, step), self);
    double *x = network->workspace.x[step % 2] + own.begin * network->stages[0].stride;
    fm_gather_rows(run, x, step, own.begin, own.end - own.begin);
}

void fm_gather_step(const training_run *run, const fm_member *self, size_t step)
{
    if (step >= run->steps)
        return;
    if (run->network->workspace.sparse)
        gather_lists(run, self, step);
    else
        gather_dense(run, self, step);
}

/* -- forward -- */

void fm_forward_stage(const step_view *view, size_t s, fm_range rows, fm_range panels)
{
    const training_run *run = view->run;
    const fm_network *network = run->network;
    const fm_stage *stage = &network->stages[s];
    const size_t count = rows.end - rows.begin;
    const size_t at = row_at(view, stage, rows.begin);
    double *y = stage->y + at;
    if (stage->kind == FM_STAGE_DENSE && s == 1 && network->workspace.sparse) {
        const fm_pair_lists *lists = &network->workspace.lists[view->index % 2];
        const fm_packed *w = &stage->kernel->packed;
        network->kernels->sparse_matmul(
            y + panels.begin * FM_PANEL, stage->stride, lists->entries, lists->spans,
            w->value + panels.begin * w->panel_stride, w->panel_stride, count, stage->inputs,
            panels.end - panels.begin);
    } else {
        const size_t x_stride = network->stages[s - 1].stride;
        const double *x = inputs_of(view, s, rows.begin);
        if (stage->kind == FM_STAGE_SOFTMAX) {
            network->kernels->softmax(y, x, stage->stride, count, stage->width);
        } else if (stage->kind == FM_STAGE_COPY) {
            memcpy(y, x, count * stage->stride * sizeof *y);
        } else {
            const fm_packed *w = &stage->kernel->packed;
            network->kernels->matmul(y + panels.begin * FM_PANEL, stage->stride, x, x_stride,
                                     w->value + panels.begin * w->panel_stride, w->panel_stride,
                                     count, stage->inputs, panels.end - panels.begin, false);
        }
    }
    double *slope = stage->slope != NULL ? stage->slope + at : NULL;
    fm_stage_finish(network, stage, y, slope, rows.begin, count, panels,
                    run->first_step + (int64_t)view->index);
}

/* -- loss -- */

static double weight_of(const training_run *run, int64_t row)
{
    return run->data->sample_weight != NULL ? run->data->sample_weight[row] : 1.0;
}

double fm_reduction_factor(const step_view *view)
{
    const int64_t *order = view->run->order + start_of_step(view->run, view->index);
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

void fm_loss_rows_of(const step_view *view, double factor, fm_range rows)
{
    const training_run *run = view->run;
    const fm_network *network = run->network;
    const fm_workspace *space = &network->workspace;
    const fm_stage *last = fm_last_stage(network);
    const size_t outputs = network->outputs, first = start_of_step(run, view->index);
    for (size_t b = rows.begin; b < rows.end; b++) {
        int64_t row = run->order[first + b];
        space->scale[view->index % 2][b] = weight_of(run, row) * factor;
        if (run->data->labels != NULL)
            space->labels[b] = run->data->labels[row];
        else
            space->targets[b] = run->data->targets + (size_t)row * outputs;
    }
    const size_t at = row_at(view, last, rows.begin);
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
            memcpy(run->outputs + (first + b) * outputs, last->y + row_at(view, last, b),
                   outputs * sizeof(double));
}

/* The reduced loss of a finished batch, summed over eight lanes that its size alone fixes. */
double fm_batch_loss(const step_view *view)
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
