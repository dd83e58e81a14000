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
 *
 * A batch goes through the stages in passes: at once, or where that pays (lists or inputs of
 * many rows leave L2) so many rows at a time, its gradients being stored and going on from pass
 * to pass.
 */
#include "../machine.h"
#include "step.h"

/* The rows of a batch that its next pass takes, from `begin` on. */
static fm_range pass_from(const training_run *run, size_t step, size_t begin)
{
    return fm_rows_from(begin, run->pass_rows, fm_rows_of_step(run, step));
}

/* A member's share of gathering what the next pass takes, of this batch or the one behind it.
 */
static void gather_next(step_view *view)
{
    const training_run *run = view->run;
    const bool last = view->pass.end == view->rows;
    const size_t step = last ? view->index + 1 : view->index;
    view->next_gathered = true;
    if (step < run->end)
        fm_gather_pass(run, view->self, step, pass_from(run, step, last ? 0 : view->pass.end),
                       view->turn + 1);
}

/* Members meet. The next rows are gathered after the first meeting of a pass: all have then
 * finished with the pass before this one, whose buffer they take. */
static void meet(step_view *view)
{
    fm_team_wait(view->self);
    if (!view->next_gathered)
        gather_next(view);
}

/* A member's share of the rows of this pass. */
static fm_range own_rows(const step_view *view)
{
    const fm_range own = fm_team_share(view->pass.end - view->pass.begin, view->self);
    return (fm_range){view->pass.begin + own.begin, view->pass.begin + own.end};
}

/* A stage before the tail: a member's share of the batch, or of the columns. */
static void forward_own(step_view *view, size_t s)
{
    const fm_stage *stage = stage_at(view->run, s);
    if (s > 1)
        meet(view);
    const fm_piece piece = fm_piece_of(view, s, stage->by_rows ? own_rows(view) : view->pass);
    fm_stage_forward(stage, &piece,
                     stage->by_rows ? fm_all_panels(stage)
                                    : fm_team_share(stage->panels, view->self));
}

static void backward_own(step_view *view, size_t s)
{
    const fm_stage *stage = stage_at(view->run, s), *below = stage_at(view->run, s - 1);
    meet(view);
    /* what is no product needs whole rows even if the stage below is owned by columns */
    if (!stage->whole_batch && (below->by_rows || !stage->verbs->any_columns))
        fm_backward_stage(view, s, own_rows(view), fm_all_panels(below));
    else
        fm_backward_stage(view, s, view->pass, fm_team_share(below->panels, view->self));
}

static void run_pass(step_view *view, double factor)
{
    const training_run *run = view->run;
    const fm_core *core = run->core;
    const training_plan *plan = &run->plan;
    if (plan->wait_next)
        gather_next(view);
    for (size_t s = 1; s < plan->tail; s++)
        forward_own(view, s);
    if (plan->tail > 1)
        meet(view);
    const fm_range own = own_rows(view);
    for (size_t begin = own.begin; begin < own.end; begin += FM_TAIL_ROWS)
        fm_run_tail(view, factor, fm_rows_from(begin, FM_TAIL_ROWS, own.end));
    for (size_t s = core->loss_stage; s > 0; s--)
        if (s <= plan->tail && passes_gradient(plan, s))
            backward_own(view, s);
    if (plan->wait_update)
        meet(view);
    fm_update_stages(view);
    if (plan->wait_next)
        meet(view);
}

static void prepare_update(step_view *view)
{
    const training_run *run = view->run;
    const fm_optimizer *optimizer = &run->core->optimizer;
    view->update.divider_is_limit = fm_divider_is_limit();
    if (!run->only_gradient)
        run->core->kernels->prepare[optimizer->kind](&view->update, optimizer->option,
                                                     run->rates[view->index],
                                                     fm_updates_before(view) + 1);
}

static void run_step(step_view *view, size_t *turn)
{
    const double factor = fm_loss_factor(view);
    for (size_t begin = 0; begin < view->rows; begin = view->pass.end) {
        view->pass = pass_from(view->run, view->index, begin);
        view->shift = begin;
        view->turn = (*turn)++;
        view->next_gathered = false;
        run_pass(view, factor);
    }
}

static void train_member(void *argument, const fm_member *self)
{
    const training_run *run = argument;
    const bool in_blocks = run->core->workspace.in_blocks;
    size_t turn = 0;
    if (!in_blocks) {
        fm_gather_pass(run, self, run->begin, pass_from(run, run->begin, 0), 0);
        fm_team_wait(self);
    }
    for (size_t step = run->begin; step < run->end; step++) {
        step_view view = {
            .run = run, .self = self, .index = step, .rows = fm_rows_of_step(run, step)};
        prepare_update(&view);
        if (in_blocks)
            fm_run_step_in_blocks(&view);
        else
            run_step(&view, &turn);
        if (self->index == 0)
            run->losses[step] = fm_batch_loss(&view);
    }
}

void fm_run_training(const training_run *run, size_t members)
{
    fm_team_run(members, train_member, (void *)run);
}

static void apply_member(void *argument, const fm_member *self)
{
    step_view view = {.run = argument, .self = self};
    prepare_update(&view);
    fm_apply_stored(&view);
}

void fm_run_apply(const training_run *run, size_t members)
{
    fm_team_run(members, apply_member, (void *)run);
}
