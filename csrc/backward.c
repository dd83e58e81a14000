/* SPDX-License-Identifier: Apache-2.0
 *
 * Downwards: gradients with respect to activations, then the fused updates.
 */
#include <math.h>
#include <string.h>

#include "training.h"

static double *scratch_of(const step_view *view)
{
    return view->run->network->workspace.scratch + view->self->index * FM_SCRATCH;
}

/* -- backward -- */

void fm_apply_slope(const step_view *view, size_t s, fm_range rows, fm_range panels)
{
    const fm_stage *stage = stage_at(view->run, s);
    if (stage->slope == NULL)
        return;
    const size_t at = row_at(view, stage, rows.begin) + panels.begin * FM_PANEL;
    view->run->network->kernels->multiply((fm_block){.y = stage->dz + at,
                                                     .slope = stage->slope + at,
                                                     .stride = stage->stride,
                                                     .rows = rows.end - rows.begin,
                                                     .panels = panels.end - panels.begin});
}

void fm_backward_stage(const step_view *view, size_t s, fm_range rows, fm_range panels)
{
    const fm_network *network = view->run->network;
    const fm_stage *stage = &network->stages[s], *below = &network->stages[s - 1];
    const size_t count = rows.end - rows.begin;
    const size_t at = row_at(view, stage, rows.begin);
    const double *dz = stage->dz + at;
    double *d_below = below->dz + row_at(view, below, rows.begin);
    if (stage->kind == FM_STAGE_SOFTMAX) {
        network->kernels->softmax_gradient(d_below, dz, stage->y + at, stage->stride, count,
                                           stage->width);
    } else if (stage->kind == FM_STAGE_COPY) {
        memcpy(d_below, dz, count * stage->stride * sizeof *dz);
    } else {
        const size_t first = panels.begin * FM_PANEL;
        const fm_packed *w = &stage->kernel->packed;
        network->kernels->matmul_transposed(
            d_below + first, below->stride, dz, stage->stride, w->value + first * FM_PANEL,
            w->panel_stride, stage->inputs - (first < stage->inputs ? first : stage->inputs),
            count, stage->width, panels.end - panels.begin, scratch_of(view));
    }
    fm_apply_slope(view, s - 1, rows, panels);
}

/* -- update -- */

/* b^t by squaring: the same bits everywhere, unlike pow. */
static double power(double b, uint64_t t)
{
    double result = 1;
    for (; t > 0; t >>= 1, b *= b)
        if (t & 1)
            result *= b;
    return result;
}

static void repeat(double constant[FM_PANEL], double value)
{
    for (int i = 0; i < FM_PANEL; i++)
        constant[i] = value;
}

fm_update fm_update_of_step(const training_run *run, size_t step)
{
    const fm_optimizer *optimizer = &run->network->optimizer;
    const double rate = run->rates[step];
    const uint64_t t = (uint64_t)run->first_step + step + 1;
    fm_update update = {
        .rate = rate, .momentum = optimizer->momentum, .nesterov = optimizer->nesterov};
    if (optimizer->kind == FM_SGD)
        return update;
    repeat(update.alpha,
           rate * sqrt(1 - power(optimizer->beta_2, t)) / (1 - power(optimizer->beta_1, t)));
    repeat(update.rest_beta_1, 1 - optimizer->beta_1);
    repeat(update.rest_beta_2, 1 - optimizer->beta_2);
    repeat(update.epsilon, optimizer->epsilon);
    /* (sqrt(v) + epsilon)^2 must not underflow */
    update.shared_division = optimizer->epsilon > 1e-150;
    return update;
}

fm_packed fm_packed_at(const fm_packed *whole, size_t row, size_t panel)
{
    const size_t at = panel * whole->panel_stride + row * FM_PANEL;
    fm_packed part = *whole;
    part.value += at;
    for (int slot = 0; slot < 2; slot++)
        part.slot[slot] = whole->slot[slot] != NULL ? whole->slot[slot] + at : NULL;
    return part;
}

/* A moment whose gradient stays 0 shrinks to a subnormal (at beta_1 = 0.9 after 6,700 steps)
 * and rounds to itself from there on, while every operation on it is slow: from the fifth epoch
 * on the flagship's step took 180 us instead of 134. So the smallest become 0 now and then,
 * seldom enough to cost nothing, and early enough: 0.9^256 is 2^-39. */
#define SETTLING_STEPS 256
#define SMALLEST_MOMENT 0x1p-960

void fm_settle_moments(const step_view *view, fm_packed w, size_t depth, size_t panels)
{
    const uint64_t t = (uint64_t)view->run->first_step + view->index + 1;
    if (t % SETTLING_STEPS != 0)
        return;
    for (int slot = 0; slot < 2 && w.slot[slot] != NULL; slot++)
        for (size_t p = 0; p < panels; p++) {
            double *moment = w.slot[slot] + p * w.panel_stride; /* (depth, FM_PANEL) */
            for (size_t i = 0; i < depth * FM_PANEL; i++)
                moment[i] = fabs(moment[i]) < SMALLEST_MOMENT ? 0 : moment[i];
        }
}

/* Rows [k.begin, k.end) and the given panels of the kernel of stage s. */
static void update_kernel(const step_view *view, size_t s, fm_range k, fm_range panels)
{
    const fm_network *network = view->run->network;
    const fm_kernels *kernels = network->kernels;
    const fm_stage *stage = &network->stages[s];
    const bool adam = network->optimizer.kind == FM_ADAM;
    const fm_packed w = fm_packed_at(&stage->kernel->packed, k.begin, panels.begin);
    const double *dz = stage->dz + panels.begin * FM_PANEL;
    const size_t depth = k.end - k.begin, count = panels.end - panels.begin;
    if (s == 1 && network->workspace.sparse) {
        const fm_pair_lists *lists = &network->workspace.lists[view->index % 2];
        (adam ? kernels->sparse_update_adam
              : kernels->sparse_update_sgd)(w, lists->entries, lists->spans, network->active,
                                            dz, stage->stride, depth, count, &view->update);
    } else {
        (adam ? kernels->update_adam : kernels->update_sgd)(
            w, inputs_of(view, s, 0) + k.begin, network->stages[s - 1].stride, dz,
            stage->stride, view->rows, depth, count, &view->update, scratch_of(view));
    }
    fm_settle_moments(view, w, depth, count);
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
    const fm_packed w = fm_packed_at(&stage->bias->packed, 0, panels.begin);
    const size_t count = panels.end - panels.begin;
    (adam ? network->kernels->update_adam : network->kernels->update_sgd)(
        w, one, 0, stage->dz + panels.begin * FM_PANEL, stage->stride, view->rows, 1, count,
        &view->update, scratch_of(view));
    fm_settle_moments(view, w, 1, count);
}

void fm_update_stage(const step_view *view, size_t s)
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
