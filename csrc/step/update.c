/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters change: fused, where the optimizer's step is applied to gradients in registers, or
 * by way of gradients that are stored by their owners, gathered over steps, clipped, and
 * applied to decayed weights. Both give the same bits; the second is for optimizers that are
 * not fused and for all that has to see a gradient.
 */
#include <math.h>

#include "step.h"

fm_part fm_part_of(const step_view *view, size_t s)
{
    const fm_stage *stage = stage_at(view->run, s);
    const fm_range columns = fm_team_share(stage->panels, view->self);
    if (stage->verbs->update == NULL) /* whose matrix, if any, has rows of its own */
        return (fm_part){{0, fm_matrix_rows(stage)}, columns, columns};
    if (!stage->by_rows)
        return (fm_part){{0, stage->inputs}, columns, columns};
    /* by rows of the kernel, in the units in which the stage below owns its columns */
    fm_range k = fm_team_share(stage_at(view->run, s - 1)->panels, view->self);
    k.begin *= FM_PANEL;
    k.end = k.end * FM_PANEL < stage->inputs ? k.end * FM_PANEL : stage->inputs;
    return (fm_part){k, {0, stage->panels}, columns};
}

/* A moment whose gradient stays 0 shrinks to a subnormal (at beta_1 = 0.9 after 6,700 steps)
 * and rounds to itself from there on, while every operation on it is slow: from the fifth epoch
 * on the flagship's step took 180 us instead of 134. So the smallest become 0 now and then,
 * seldom enough to cost nothing, and early enough: 0.9^256 is 2^-39. */
#define SETTLING_STEPS 256
#define SMALLEST_MOMENT 0x1p-960

double fm_constant(const char *name)
{
    return strcmp(name, "gradient_block") == 0      ? FM_GRADIENT_BLOCK
           : strcmp(name, "narrow_block") == 0      ? FM_NARROW_BLOCK
           : strcmp(name, "narrow_parameters") == 0 ? FM_NARROW_PARAMETERS
           : strcmp(name, "settling_steps") == 0    ? SETTLING_STEPS
           : strcmp(name, "smallest_moment") == 0   ? SMALLEST_MOMENT
           : strcmp(name, "max_threads") == 0       ? FM_MAX_THREADS
                                                    : NAN;
}

static void settle_moments(fm_packed w, size_t depth, size_t panels)
{
    for (int slot = 0; slot < FM_MAX_SLOTS && w.slot[slot] != NULL; slot++)
        for (size_t p = 0; p < panels; p++) {
            double *moment = w.slot[slot] + p * w.panel_stride; /* (depth, FM_PANEL) */
            for (size_t i = 0; i < depth * FM_PANEL; i++)
                moment[i] = fabs(moment[i]) < SMALLEST_MOMENT ? 0 : moment[i];
        }
}

fm_parameter_part fm_part_of_parameter(const fm_parameter *parameter, const fm_part *part)
{
    return parameter->vector ? (fm_parameter_part){{0, 1}, fm_vector_part(parameter, part)}
                             : (fm_parameter_part){part->k, part->panels};
}

static void settle_part(const fm_stage *stage, const fm_part *part)
{
    for (size_t i = 0; i < stage->parameter_count; i++) {
        const fm_parameter_part own = fm_part_of_parameter(&stage->parameters[i], part);
        settle_moments(
            fm_packed_at(&stage->parameters[i].packed, own.k.begin, own.panels.begin),
            own.k.end - own.k.begin, own.panels.end - own.panels.begin);
    }
}

/* After the update of a member's part of stage s, every so many steps. */
static void settle(const step_view *view, size_t s, const fm_part *part)
{
    const uint64_t t = (uint64_t)view->run->first_step + view->index + 1;
    if (t % SETTLING_STEPS == 0)
        settle_part(stage_at(view->run, s), part);
}

/* -- clipping -- */

/* Units of the norms: panels of all parameters, in order. */
size_t fm_panels_of_all(const fm_core *core)
{
    size_t panels = 0;
    for (size_t i = 0; i < core->parameter_count; i++)
        panels += fm_panels(core->parameters[i].columns);
    return panels;
}

void fm_square_panels(const step_view *view, fm_squared what)
{
    const fm_core *core = view->run->core;
    const size_t all = fm_panels_of_all(core);
    double *norms = core->workspace.norms + (what == FM_SQUARES_OF_VALUES ? all : 0);
    const fm_range own = fm_team_share(all, view->self);
    size_t unit = 0;
    for (size_t s = 1; s < core->stage_count; s++)
        for (size_t i = 0; i < core->stages[s].parameter_count; i++) {
            const fm_parameter *parameter = &core->stages[s].parameters[i];
            const size_t length = parameter->rows * FM_PANEL;
            const bool counts = core->stages[s].trainable && parameter->role == FM_TRAINED;
            const double *values = what == FM_SQUARES_OF_VALUES
                                       ? parameter->packed.value
                                       : core->workspace.gradients + parameter->start;
            for (size_t p = 0; p < fm_panels(parameter->columns); p++, unit++)
                if (unit >= own.begin && unit < own.end)
                    norms[unit] =
                        counts ? core->kernels->squares(values + p * length, length) : 0;
        }
}

double fm_tree_sum(const double *x, size_t n)
{
    const size_t first = (n + 1) / 2;
    return n == 1 ? x[0] : fm_tree_sum(x, first) + fm_tree_sum(x + first, n - first);
}

/* What a gradient of that squared norm is multiplied by: NaN if the norm is, as in Keras. */
static double clip_factor(double limit, double squares)
{
    const double norm = sqrt(squares);
    return norm <= limit ? 1 : limit / norm;
}

/* -- the stored way -- */

/* What ends a step on a member's part of stage s, be it an update or not. */
static void finish_part(const step_view *view, size_t s)
{
    const fm_core *core = view->run->core;
    const fm_stage *stage = &core->stages[s];
    const fm_part part = fm_part_of(view, s);
    for (size_t i = 0; i < stage->parameter_count; i++) {
        const fm_parameter *parameter = &stage->parameters[i];
        const fm_parameter_part own = fm_part_of_parameter(parameter, &part);
        if (parameter->role == FM_TRAINED)
            fm_average_part(view, parameter, &own);
    }
    settle(view, s, &part);
}

/* A member's part of stage s: its gradient times a factor for each parameter (from factors
 * on), or clipped by value, and, unless the optimizer is scaled, applied. */
static void apply_part(const step_view *view, size_t s, const double *factors)
{
    const fm_core *core = view->run->core;
    const fm_optimizer *optimizer = &core->optimizer;
    const fm_stage *stage = &core->stages[s];
    const fm_part part = fm_part_of(view, s);
    for (size_t i = 0; i < stage->parameter_count; i++) {
        const fm_parameter *parameter = &stage->parameters[i];
        if (parameter->role != FM_TRAINED)
            continue;
        const fm_parameter_part own = fm_part_of_parameter(parameter, &part);
        const size_t depth = own.k.end - own.k.begin, stride = parameter->packed.panel_stride;
        double *g = core->workspace.gradients + parameter->start + own.panels.begin * stride +
                    own.k.begin * FM_PANEL;
        for (size_t p = 0; p < own.panels.end - own.panels.begin; p++) {
            if (factors != NULL && factors[i] != 1)
                core->kernels->multiply_by(g + p * stride, depth * FM_PANEL, factors[i]);
            if (optimizer->clip_value > 0)
                core->kernels->clip(g + p * stride, depth * FM_PANEL, optimizer->clip_value);
        }
        fm_decay_part(view, parameter, &own);
        if (core->scaled)
            continue;
        core->kernels->apply[optimizer->kind](
            fm_packed_at(&parameter->packed, own.k.begin, own.panels.begin), g, depth,
            own.panels.end - own.panels.begin, &view->update);
        if (!core->still)
            fm_clear_padding(core->workspace.gradients + parameter->start, parameter, &own);
    }
    if (!core->scaled)
        finish_part(view, s);
}

/* A member's parts of all gradients join those of the steps before. */
static void gather_gradients(const step_view *view)
{
    const fm_core *core = view->run->core;
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        const fm_part part = fm_part_of(view, s);
        for (size_t i = 0; stage->trainable && i < stage->parameter_count; i++) {
            const fm_parameter_part own = fm_part_of_parameter(&stage->parameters[i], &part);
            if (stage->parameters[i].role == FM_TRAINED)
                fm_gather_gradient(view, &stage->parameters[i], &own);
        }
    }
}

static void finish_parts(const step_view *view)
{
    const fm_core *core = view->run->core;
    for (size_t s = 1; s < core->stage_count; s++)
        if (core->stages[s].trainable)
            finish_part(view, s);
}

void fm_apply_stored(const step_view *view)
{
    const fm_core *core = view->run->core;
    const fm_optimizer *optimizer = &core->optimizer;
    const bool by_norm = optimizer->clip_norm > 0 || optimizer->clip_global_norm > 0;
    const double *norms = core->workspace.norms;
    double global = 1;
    if (optimizer->accumulate > 1)
        gather_gradients(view);
    if (!fm_is_update(view)) {
        finish_parts(view);
        if (core->has_rules)
            fm_constrain(view);
        return;
    }
    if (by_norm) {
        fm_team_wait(view->self);
        fm_square_panels(view, FM_SQUARES_OF_GRADIENTS);
        fm_team_wait(view->self);
    }
    if (optimizer->clip_global_norm > 0) {
        const double squares = fm_tree_sum(norms, fm_panels_of_all(core));
        global = isfinite(squares) ? clip_factor(optimizer->clip_global_norm, squares) : NAN;
    }
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        double factors[FM_STAGE_PARAMETERS];
        for (size_t i = 0; i < stage->parameter_count; i++) {
            const size_t panels = fm_panels(stage->parameters[i].columns);
            factors[i] = optimizer->clip_norm > 0
                             ? clip_factor(optimizer->clip_norm, fm_tree_sum(norms, panels))
                             : global;
            norms += panels;
        }
        if (stage->trainable)
            apply_part(view, s, by_norm ? factors : NULL);
    }
    if (core->scaled) {
        fm_make_directions(view);
        fm_move_scaled(view);
        finish_parts(view);
    }
    if (core->has_rules)
        fm_constrain(view);
}

/* -- all stages -- */

static void store_gradient(const step_view *view, size_t s, double *gradients, bool resume)
{
    const fm_stage *stage = stage_at(view->run, s);
    const fm_part part = fm_part_of(view, s);
    const fm_piece piece = fm_piece_of(view, s, view->pass);
    stage->verbs->gradient(stage, &piece, &part, gradients, resume);
}

/* Fused, or stored and applied at once, where all of a stage's update is a member's own matter.
 */
static void update_stage(const step_view *view, size_t s)
{
    const fm_core *core = view->run->core;
    const fm_stage *stage = &core->stages[s];
    if (stage->verbs->update == NULL) {
        store_gradient(view, s, core->workspace.gradients, false);
        apply_part(view, s, NULL);
        return;
    }
    const fm_part part = fm_part_of(view, s);
    const fm_piece piece = fm_piece_of(view, s, view->pass);
    for (size_t i = 0; i < stage->parameter_count; i++) {
        const fm_parameter_part own = fm_part_of_parameter(&stage->parameters[i], &part);
        fm_decay_part(view, &stage->parameters[i], &own);
    }
    stage->verbs->update(stage, &piece, &part, core->optimizer.kind, &view->update);
    settle(view, s, &part);
}

/* The gradients of a pass: to the total if the batch is one pass or one gradient block, else to
 * those of a block, which join the tree when it is whole. */
static void store_pass(const step_view *view)
{
    const training_run *run = view->run;
    const bool first = view->pass.begin == 0, last = view->pass.end == view->rows;
    const size_t rows = run->core->gradient_block, block = view->pass.begin / rows;
    const bool in_place = view->rows <= rows || (first && last);
    double *to =
        in_place ? run->core->workspace.gradients : fm_forming_gradients(run->core, block);
    for (size_t s = run->plan.lowest; s < run->core->stage_count; s++)
        if (stage_at(run, s)->trainable)
            store_gradient(view, s, to, view->pass.begin % rows != 0);
    if (in_place || (view->pass.end % rows != 0 && !last))
        return;
    fm_sum_block(view, block, last);
}

void fm_update_stages(const step_view *view)
{
    const training_run *run = view->run;
    const fm_core *core = run->core;
    const bool last = view->pass.end == view->rows;
    if (view->pass.begin == 0 && last && !run->only_gradient && !fm_stores_gradients(core)) {
        for (size_t s = run->plan.lowest; s < core->stage_count; s++)
            if (core->stages[s].trainable)
                update_stage(view, s);
        return;
    }
    store_pass(view);
    if (last && core->has_rules)
        fm_regularize(view, core->workspace.gradients);
    if (last && !run->only_gradient)
        fm_apply_stored(view);
}
