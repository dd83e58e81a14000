/* SPDX-License-Identifier: Apache-2.0
 *
 * Long batches through narrow networks. Where all stages are by rows and the batch has more
 * than FM_GRADIENT_BLOCK rows, a pass over the whole batch would push every activation out to
 * L3 and back. Instead a member takes a gradient block of its own, pushes it through all
 * stages FM_TAIL_ROWS at a time and adds their gradients to buffers of its own, all in its L1
 * and L2. The blocks' gradients are then summed in the blocks' order, whoever formed them,
 * which are the bits that a product over the whole batch has, and applied:
 *
 *     form a block each | sum shares of the parameters | form the next block each | ...
 */
#include <string.h>

#include "training.h"

bool fm_wants_blocks(const training_plan *plan, size_t batch, bool sparse)
{
    return plan->tail == 1 && batch > FM_GRADIENT_BLOCK && !sparse;
}

static double *member_gradients(const fm_network *network, size_t member)
{
    return network->workspace.gradients + (1 + member) * network->gradient_size;
}

/* Adds the gradients of rows that the stages have just passed to the member's own. */
static void add_gradients(const step_view *view, fm_range rows, bool resume)
{
    static const double one[1] = {1};
    const fm_network *network = view->run->network;
    double *own = member_gradients(network, view->self->index);
    const size_t count = rows.end - rows.begin;
    for (size_t s = view->run->plan.lowest; s < network->stage_count; s++) {
        const fm_stage *stage = &network->stages[s];
        if (!stage->trainable)
            continue;
        const fm_parameter *kernel = stage->kernel, *bias = stage->bias;
        const double *dz = stage->dz + row_at(view, stage, rows.begin);
        network->kernels->gradient(own + kernel->start, kernel->packed.panel_stride,
                                   inputs_of(view, s, rows.begin),
                                   network->stages[s - 1].stride, dz, stage->stride, count,
                                   stage->inputs, stage->panels, resume);
        if (bias != NULL)
            network->kernels->gradient(own + bias->start, FM_PANEL, one, 0, dz, stage->stride,
                                       count, 1, stage->panels, resume);
    }
}

static void form_block(step_view *view, double factor, size_t block)
{
    const training_run *run = view->run;
    const fm_network *network = run->network;
    const size_t begin = block * FM_GRADIENT_BLOCK;
    const size_t end = fm_rows_from(begin, FM_GRADIENT_BLOCK, view->rows).end;
    const size_t first = view->self->index * FM_TAIL_ROWS; /* of the member's activations */
    double *x = network->workspace.x[view->index % 2] + first * network->stages[0].stride;
    for (size_t row = begin; row < end; row += FM_TAIL_ROWS) {
        const fm_range rows = fm_rows_from(row, FM_TAIL_ROWS, end);
        view->shift = row - first;
        fm_gather_rows(run, x, view->index, row, rows.end - row);
        fm_run_tail(view, factor, rows);
        add_gradients(view, rows, row > begin);
    }
}

/* Sums `blocks` members' gradients of w rows k of a parameter into the total, which begins
 * with them if `fresh`, and applies it after the last. */
static void reduce(const step_view *view, const fm_parameter *parameter, fm_range k,
                   size_t blocks, bool fresh, bool last)
{
    const fm_network *network = view->run->network;
    const fm_packed w = fm_packed_at(&parameter->packed, k.begin, 0);
    const size_t panels = fm_panels(parameter->columns);
    const size_t length = (k.end - k.begin) * FM_PANEL;
    const size_t start = parameter->start + k.begin * FM_PANEL;
    double *total = network->workspace.gradients + start;
    for (size_t p = 0; p < panels; p++, total += w.panel_stride)
        for (size_t m = 0; m < blocks; m++) {
            const double *g = member_gradients(network, m) + start + p * w.panel_stride;
            if (fresh && m == 0)
                memcpy(total, g, length * sizeof *total);
            else
                for (size_t i = 0; i < length; i++)
                    total[i] += g[i];
        }
    if (!last)
        return;
    const bool adam = network->optimizer.kind == FM_ADAM;
    (adam ? network->kernels->apply_adam : network->kernels->apply_sgd)(
        w, network->workspace.gradients + start, k.end - k.begin, panels, &view->update);
    fm_settle_moments(view, w, k.end - k.begin, panels);
}

/* A member's share of all parameters: pairs of kernel rows, which may share divisions. */
static void reduce_share(const step_view *view, size_t blocks, bool fresh, bool last)
{
    const fm_network *network = view->run->network;
    for (size_t s = view->run->plan.lowest; s < network->stage_count; s++) {
        const fm_stage *stage = &network->stages[s];
        if (!stage->trainable)
            continue;
        const fm_range pairs = fm_team_share(fm_pairs(stage->inputs), view->self);
        const fm_range k = {2 * pairs.begin, fm_rows_from(0, 2 * pairs.end, stage->inputs).end};
        reduce(view, stage->kernel, k, blocks, fresh, last);
        if (stage->bias != NULL && view->self->index == 0)
            reduce(view, stage->bias, (fm_range){0, 1}, blocks, fresh, last);
    }
}

void fm_run_step_in_blocks(step_view *view)
{
    const double factor = fm_reduction_factor(view);
    const size_t blocks = (view->rows + FM_GRADIENT_BLOCK - 1) / FM_GRADIENT_BLOCK;
    const size_t members = view->self->count;
    for (size_t first = 0; first < blocks; first += members) {
        const size_t formed = blocks - first < members ? blocks - first : members;
        if (view->self->index < formed)
            form_block(view, factor, first + view->self->index);
        fm_team_wait(view->self);
        reduce_share(view, formed, first == 0, first + formed == blocks);
        fm_team_wait(view->self);
    }
}
