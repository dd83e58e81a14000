/* SPDX-License-Identifier: Apache-2.0
 *
 * Constraints: where parameters are brought back to after each step. What looks at single
 * weights is done by those who have applied them; norms cross their parts, so that members meet
 * first and then share panels, or rows. (They meet again before the next step.)
 */
#include "step.h"

/* Which squares a norm sums. */
typedef enum norm_form {
    NO_NORM,
    NORM_OF_COLUMNS,
    NORM_OF_ROWS,
    NORM_OF_ALL,
} norm_form;

static norm_form form_of(const fm_stage *stage, const fm_parameter *parameter)
{
    if (!stage->trainable || !parameter->constrained || parameter->constraint.kind != fm_norm)
        return NO_NORM;
    const double axis = fm_norm_of(parameter->constraint.option).axis;
    if (parameter->vector) /* its one axis is that of the columns of its one row */
        return NORM_OF_ROWS;
    return axis == 0 ? NORM_OF_COLUMNS : axis == 1 ? NORM_OF_ROWS : NORM_OF_ALL;
}

static void clip_below(const fm_core *core, const fm_parameter *parameter,
                       fm_parameter_part own)
{
    const size_t stride = parameter->packed.panel_stride;
    for (size_t p = own.panels.begin; p < own.panels.end; p++)
        core->kernels->clip_below(parameter->packed.value + p * stride + own.k.begin * FM_PANEL,
                                  (own.k.end - own.k.begin) * FM_PANEL);
}

/* A member's share of one parameter; of norms of all weights, only the squares of its panels.
 */
static void constrain_parameter(const step_view *view, const fm_parameter *parameter,
                                norm_form form, double *squares)
{
    const fm_kernels *kernels = view->run->core->kernels;
    const double *option = parameter->constraint.option;
    const size_t panels = fm_panels(parameter->columns);
    const size_t stride = parameter->packed.panel_stride;
    if (form == NORM_OF_ROWS) {
        const fm_range own = fm_team_share(parameter->rows, view->self);
        for (size_t r = own.begin; r < own.end; r++)
            kernels->norm_row(parameter->packed.value + r * FM_PANEL, stride, panels, option);
        return;
    }
    const fm_range own = fm_team_share(panels, view->self);
    for (size_t p = own.begin; p < own.end; p++) {
        double *panel = parameter->packed.value + p * stride;
        if (form == NORM_OF_COLUMNS)
            kernels->norm_columns(panel, parameter->rows, option);
        else
            squares[p] = kernels->squares(panel, parameter->rows * FM_PANEL);
    }
}

static void scale_all(const step_view *view, const fm_parameter *parameter,
                      const double *squares)
{
    const fm_kernels *kernels = view->run->core->kernels;
    const size_t panels = fm_panels(parameter->columns);
    const size_t stride = parameter->packed.panel_stride;
    const fm_range own = fm_team_share(panels, view->self);
    const double factor =
        kernels->norm_factor(fm_tree_sum(squares, panels), parameter->constraint.option);
    for (size_t p = own.begin; p < own.end; p++)
        kernels->multiply_by(parameter->packed.value + p * stride, stride, factor);
}

/* What an own part needs; the strongest form of norm that is left to do. */
static norm_form constrain_parts(const step_view *view)
{
    const fm_core *core = view->run->core;
    norm_form left = NO_NORM;
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        for (size_t i = 0; i < stage->parameter_count && stage->trainable; i++) {
            const fm_parameter *parameter = &stage->parameters[i];
            const norm_form form = form_of(stage, parameter);
            left = form > left ? form : left;
            if (parameter->constrained && parameter->constraint.kind == fm_non_neg) {
                const fm_part part = fm_part_of(view, s);
                clip_below(core, parameter, fm_part_of_parameter(parameter, &part));
            }
        }
    }
    return left;
}

void fm_constrain(const step_view *view)
{
    const fm_core *core = view->run->core;
    const norm_form left = constrain_parts(view);
    if (left == NO_NORM)
        return;
    fm_team_wait(view->self);
    for (int second = 0; second < (left == NORM_OF_ALL ? 2 : 1); second++) {
        double *squares = core->workspace.norms; /* (panels of all parameters) */
        if (second)
            fm_team_wait(view->self);
        for (size_t s = 1; s < core->stage_count; s++)
            for (size_t i = 0; i < core->stages[s].parameter_count; i++) {
                const fm_parameter *parameter = &core->stages[s].parameters[i];
                const norm_form form = form_of(&core->stages[s], parameter);
                if (second && form == NORM_OF_ALL)
                    scale_all(view, parameter, squares);
                else if (!second && form != NO_NORM)
                    constrain_parameter(view, parameter, form, squares);
                squares += fm_panels(parameter->columns);
            }
    }
}
