/* SPDX-License-Identifier: Apache-2.0
 *
 * Long batches through narrow networks. Where all stages are by rows and the batch has more
 * than FM_GRADIENT_BLOCK rows, a pass over the whole batch would push every activation out to
 * L3 and back. Instead a member takes a gradient block of its own, pushes it through all
 * stages FM_TAIL_ROWS at a time and adds their gradients to buffers of its own, all in its L1
 * and L2. The blocks' gradients are then summed by the tree of FM_GRADIENT_BLOCK, whoever
 * formed them, which are the bits that a product over the whole batch has, and applied:
 *
 *     form a block each | sum shares of the parameters | form the next block each | ...
 *
 * Buffers, each of gradient_size: the total, a sum for each level of the tree, one a member.
 */
#include <string.h>

#include "step.h"

size_t fm_block_buffers(size_t batch, size_t forming)
{
    return 1 + fm_tree_levels(fm_gradient_blocks(batch)) + forming;
}

static double *buffer(const fm_core *core, size_t index)
{
    return core->workspace.gradients + index * core->gradient_size;
}

static double *level_sum(const fm_core *core, size_t level)
{
    return buffer(core, 1 + level);
}

double *fm_forming_gradients(const training_run *run, size_t index)
{
    return buffer(run->core, 1 + fm_tree_levels(fm_gradient_blocks(run->batch)) + index);
}

/* Adds the gradients of rows that the stages have just passed to the member's own. */
static void add_gradients(const step_view *view, fm_range rows, bool resume)
{
    const fm_core *core = view->run->core;
    for (size_t s = view->run->plan.lowest; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        if (!stage->trainable)
            continue;
        const fm_piece piece = fm_piece_of(view, s, rows);
        const fm_part all = {{0, stage->inputs}, fm_all_panels(stage), fm_all_panels(stage)};
        stage->verbs->gradient(stage, &piece, &all,
                               fm_forming_gradients(view->run, view->self->index), resume);
    }
}

static void form_block(step_view *view, double factor, size_t block)
{
    const training_run *run = view->run;
    const fm_core *core = run->core;
    const size_t begin = block * FM_GRADIENT_BLOCK;
    const size_t end = fm_rows_from(begin, FM_GRADIENT_BLOCK, view->rows).end;
    const size_t first = view->self->index * FM_TAIL_ROWS; /* of the member's activations */
    double *x = core->workspace.x[view->turn % 2] + first * core->stages[0].stride;
    for (size_t row = begin; row < end; row += FM_TAIL_ROWS) {
        const fm_range rows = fm_rows_from(row, FM_TAIL_ROWS, end);
        view->shift = row - first;
        fm_gather_rows(run, x, view->index, row, rows.end - row);
        fm_run_tail(view, factor, rows);
        add_gradients(view, rows, row > begin);
    }
}

static void add(double *to, const double *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

/* Takes the gradients of blocks first, first + 1, ... < end, one of each member, into the sums:
 * `count` doubles from `at` on. After the last block the total is there. */
static void reduce_run(const step_view *view, size_t at, size_t count, size_t first, size_t end,
                       bool last)
{
    const fm_core *core = view->run->core;
    for (size_t block = first; block < end; block++) {
        double *fresh = fm_forming_gradients(view->run, block - first) + at;
        size_t level = 0;
        for (; block >> level & 1; level++)
            add(fresh, level_sum(core, level) + at, count);
        memcpy(level_sum(core, level) + at, fresh, count * sizeof *fresh);
    }
    if (!last)
        return;
    size_t level = 0;
    while (!(end >> level & 1))
        level++;
    double *total = buffer(core, 0) + at;
    memcpy(total, level_sum(core, level) + at, count * sizeof *total);
    while (end >> ++level != 0)
        if (end >> level & 1)
            add(total, level_sum(core, level) + at, count);
}

/* The part of a member is that which it applies. */
void fm_sum_blocks(const step_view *view, size_t first, size_t end, bool last)
{
    const fm_core *core = view->run->core;
    for (size_t s = view->run->plan.lowest; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        if (!stage->trainable)
            continue;
        const fm_part part = fm_part_of(view, s);
        for (size_t i = 0; i < stage->parameter_count; i++) {
            const fm_parameter *parameter = &stage->parameters[i];
            const fm_range panels = parameter->vector ? part.vectors : part.panels;
            const fm_range k = parameter->vector ? (fm_range){0, 1} : part.k;
            for (size_t p = panels.begin; p < panels.end; p++)
                reduce_run(view,
                           parameter->start + p * parameter->packed.panel_stride +
                               k.begin * FM_PANEL,
                           (k.end - k.begin) * FM_PANEL, first, end, last);
        }
    }
}

void fm_run_step_in_blocks(step_view *view)
{
    const double factor = fm_reduction_factor(view);
    const size_t blocks = fm_gradient_blocks(view->rows), members = view->self->count;
    for (size_t first = 0; first < blocks; first += members) {
        const fm_range formed = fm_rows_from(first, members, blocks);
        if (first + view->self->index < formed.end)
            form_block(view, factor, first + view->self->index);
        fm_team_wait(view->self);
        fm_sum_blocks(view, first, formed.end, formed.end == blocks);
        if (formed.end == blocks && !view->run->only_gradient)
            fm_apply_stored(view);
        fm_team_wait(view->self);
    }
}
