/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows through stages: pieces of the batch, down a stage, and through the whole tail.
 */
#include "step.h"

fm_piece fm_piece_of(const step_view *view, size_t s, fm_range rows)
{
    const training_run *run = view->run;
    const fm_core *core = run->core;
    const fm_workspace *space = &core->workspace;
    const fm_stage *stage = &core->stages[s], *below = &core->stages[s - 1];
    const size_t row = rows.begin - view->shift, at = row * stage->split * stage->stride;
    const bool by_lists = s == 1 && space->sparse;
    const double *x = s == 1 ? space->x[view->turn % 2] : below->y;
    return (fm_piece){.kernels = core->kernels,
                      .x = by_lists ? NULL : x + row * below->split * below->stride,
                      .x_stride = below->stride,
                      .lists = by_lists ? &space->lists[view->turn % 2] : NULL,
                      .active = core->active,
                      .y = stage->y + at,
                      .slope = stage->slope != NULL ? stage->slope + at : NULL,
                      .dz = stage->dz + at,
                      .costs =
                          stage->penalizes ? stage->costs[view->index % 2] + rows.begin : NULL,
                      .batch = view->rows,
                      .first_row = rows.begin * stage->split,
                      .rows = (rows.end - rows.begin) * stage->split,
                      .step = run->first_step + (int64_t)view->index,
                      .training = true,
                      .keep_state = run->only_gradient,
                      .scratch = space->scratch + view->self->index * FM_SCRATCH};
}

void fm_apply_slope(const step_view *view, size_t s, fm_range rows, fm_range panels)
{
    const fm_stage *stage = stage_at(view->run, s);
    if (stage->slope == NULL)
        return;
    const size_t row = (rows.begin - view->shift) * stage->split;
    const size_t at = row * stage->stride + panels.begin * FM_PANEL;
    view->run->core->kernels->multiply(
        (fm_block){.y = stage->dz + at,
                   .slope = stage->slope + at,
                   .stride = stage->stride,
                   .rows = (rows.end - rows.begin) * stage->split,
                   .panels = panels.end - panels.begin});
}

void fm_backward_stage(const step_view *view, size_t s, fm_range rows, fm_range panels)
{
    const fm_stage *stage = stage_at(view->run, s), *below = stage_at(view->run, s - 1);
    const fm_piece piece = fm_piece_of(view, s, rows);
    stage->verbs->backward(
        stage, &piece, below->dz + (rows.begin - view->shift) * below->split * below->stride,
        below->stride, panels);
    fm_apply_slope(view, s - 1, rows, panels);
}

void fm_run_tail(const step_view *view, double factor, fm_range rows)
{
    const fm_core *core = view->run->core;
    const training_plan *plan = &view->run->plan;
    const size_t end = view->run->outputs != NULL ? core->stage_count : core->loss_stage + 1;
    for (size_t s = plan->tail; s < end; s++) {
        const fm_piece piece = fm_piece_of(view, s, rows);
        fm_stage_forward(&core->stages[s], &piece, fm_all_panels(&core->stages[s]));
    }
    fm_loss_rows_of(view, factor, rows);
    fm_apply_slope(view, core->loss_stage, rows,
                   fm_all_panels(&core->stages[core->loss_stage]));
    for (size_t s = core->loss_stage; s > plan->tail && passes_gradient(plan, s); s--)
        fm_backward_stage(view, s, rows, fm_all_panels(&core->stages[s - 1]));
}
