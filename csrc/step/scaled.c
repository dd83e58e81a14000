/* SPDX-License-Identifier: Apache-2.0
 *
 * Scaled optimizers: a direction is made of each gradient and takes its place, and the
 * parameter moves along it by a factor that depends on norms of the whole parameter and of the
 * whole direction. So members meet, as for clips:
 *
 *     (adafactor: | factors of shares of rows and panels |) directions of own parts |
 *     squares of shares of the panels | own parts move
 */
#include <math.h>

#include "step.h"

/* -- Adafactor's factors -- */

/* A member's share of the factors of every matrix. */
static void move_factors(const step_view *view)
{
    const fm_core *core = view->run->core;
    for (size_t s = 1; s < core->stage_count; s++)
        for (size_t i = 0; i < core->stages[s].parameter_count; i++) {
            const fm_parameter *parameter = &core->stages[s].parameters[i];
            if (!core->stages[s].trainable || parameter->row_factors == NULL)
                continue;
            const double *g = core->workspace.gradients + parameter->start;
            const size_t stride = parameter->packed.panel_stride;
            const fm_range rows = fm_team_share(parameter->rows, view->self);
            const fm_range panels = fm_team_share(fm_panels(parameter->columns), view->self);
            core->kernels->row_factors(parameter->row_factors + rows.begin,
                                       g + rows.begin * FM_PANEL, stride, rows.end - rows.begin,
                                       parameter->columns, &view->update);
            core->kernels->column_factors(parameter->column_factors + panels.begin * FM_PANEL,
                                          g + panels.begin * stride, stride, parameter->rows,
                                          panels.end - panels.begin, &view->update);
        }
}

/* -- directions -- */

static void make_direction(const step_view *view, const fm_parameter *parameter,
                           const fm_parameter_part *part)
{
    const fm_core *core = view->run->core;
    fm_packed w = fm_packed_at(&parameter->packed, part->k.begin, part->panels.begin);
    fm_update update = view->update;
    if (parameter->row_factors != NULL) {
        w.slot[1] = parameter->row_factors + part->k.begin;
        w.slot[2] = parameter->column_factors + part->panels.begin * FM_PANEL;
        update.row_mean =
            fm_tree_sum(parameter->row_factors, parameter->rows) / (double)parameter->rows;
    }
    double *g = core->workspace.gradients + parameter->start;
    core->kernels->apply[core->optimizer.kind](
        w, g + fm_place_in(parameter, part->k.begin, part->panels.begin),
        part->k.end - part->k.begin, part->panels.end - part->panels.begin, &update);
    fm_clear_padding(g, parameter, part);
}

/* -- how far along them -- */

/* Sums of squares of all of a parameter and its direction. */
typedef struct squares {
    double w, direction;
    size_t count;
} squares;

static double lamb_factor(const squares *sums, double rate)
{
    const double w = sqrt(sums->w), direction = sqrt(sums->direction);
    return w > 0 && direction > 0 ? w / direction * rate : rate;
}

/* The larger, NaN if x is. */
static double at_least(double least, double x)
{
    return x < least ? least : x;
}

static double adafactor_factor(const fm_adafactor_options *o, const squares *sums, double rate,
                               uint64_t t)
{
    const double size = (double)sums->count, slowest = 1 / sqrt((double)t);
    const double relative = at_least(o->epsilon_2, sqrt(sums->w / size));
    const double alpha = relative * (rate < slowest ? rate : slowest);
    return alpha / at_least(1, sqrt(sums->direction / size) / o->clip_threshold);
}

static double factor_of(const step_view *view, const squares *sums)
{
    const fm_optimizer *optimizer = &view->run->core->optimizer;
    const double rate = view->run->rates[view->index];
    if (optimizer->kind == fm_lamb)
        return lamb_factor(sums, rate);
    const fm_adafactor_options o = fm_adafactor_of(optimizer->option);
    return adafactor_factor(&o, sums, rate, fm_updates_before(view) + 1);
}

static void move(const step_view *view, const fm_parameter *parameter,
                 const fm_parameter_part *part, double factor)
{
    for (size_t p = part->panels.begin; p < part->panels.end; p++) {
        const size_t at = fm_place_in(parameter, part->k.begin, p);
        const double *u = view->run->core->workspace.gradients + parameter->start + at;
        double *w = parameter->packed.value + at;
        for (size_t i = 0; i < (part->k.end - part->k.begin) * FM_PANEL; i++)
            w[i] -= factor * u[i];
    }
}

/* -- put together -- */

void fm_make_directions(const step_view *view)
{
    const fm_core *core = view->run->core;
    if (core->optimizer.kind == fm_adafactor) {
        fm_team_wait(view->self);
        move_factors(view);
        fm_team_wait(view->self);
    }
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        const fm_part part = fm_part_of(view, s);
        for (size_t i = 0; stage->trainable && i < stage->parameter_count; i++) {
            const fm_parameter_part own = fm_part_of_parameter(&stage->parameters[i], &part);
            if (stage->parameters[i].role == FM_TRAINED)
                make_direction(view, &stage->parameters[i], &own);
        }
    }
}

void fm_move_scaled(const step_view *view)
{
    const fm_core *core = view->run->core;
    const size_t all = fm_panels_of_all(core);
    const double *norms = core->workspace.norms;
    fm_team_wait(view->self);
    fm_square_panels(view, FM_SQUARES_OF_GRADIENTS);
    fm_square_panels(view, FM_SQUARES_OF_VALUES);
    fm_team_wait(view->self);
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        const fm_part part = fm_part_of(view, s);
        for (size_t i = 0; i < stage->parameter_count; i++) {
            const fm_parameter *parameter = &stage->parameters[i];
            const size_t panels = fm_panels(parameter->columns);
            const squares sums = {.w = fm_tree_sum(norms + all, panels),
                                  .direction = fm_tree_sum(norms, panels),
                                  .count = parameter->rows * parameter->columns};
            const fm_parameter_part own = fm_part_of_parameter(parameter, &part);
            norms += panels;
            if (stage->trainable && parameter->role == FM_TRAINED)
                move(view, parameter, &own, factor_of(view, &sums));
        }
    }
}
