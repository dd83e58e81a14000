/* SPDX-License-Identifier: Apache-2.0
 *
 * Regularizers: penalties of parameters and what their slopes add to the stored gradients,
 * before those are clipped and applied.
 *
 * A penalty is a sum over units that sizes alone fix, each of them one member's: of l1_l2 the
 * (FM_PANEL, FM_PANEL) tiles of the parameter, of orthogonal its vectors. Units of two steps
 * lie beside each other, since the loss of a step is summed while others are in the next.
 */
#include <string.h>

#include "step.h"

/* -- a matrix as vectors, for the orthogonal regularizer -- */

typedef struct vector_shape {
    size_t n, d;               /* n vectors of length d */
    size_t n_stride, d_stride; /* of rows of n and d numbers, whole panels */
    bool columns;
} vector_shape;

static vector_shape shape_of(const fm_parameter *parameter)
{
    const bool columns = fm_orthogonal_of(parameter->regularizer.option).columns != 0;
    vector_shape shape = {.n = columns ? parameter->columns : parameter->rows,
                          .d = columns ? parameter->rows : parameter->columns,
                          .columns = columns};
    shape.n_stride = fm_panels(shape.n) * FM_PANEL;
    shape.d_stride = fm_panels(shape.d) * FM_PANEL;
    return shape;
}

/* Where element j of vector i lies in the packed parameter and its gradient. */
static size_t place_of(const fm_parameter *parameter, const vector_shape *shape, size_t i,
                       size_t j)
{
    const size_t row = shape->columns ? j : i, column = shape->columns ? i : j;
    return column / FM_PANEL * parameter->packed.panel_stride + row * FM_PANEL +
           column % FM_PANEL;
}

static bool is_orthogonal(const fm_parameter *parameter)
{
    return parameter->regularized && parameter->regularizer.kind == fm_orthogonal;
}

size_t fm_penalty_units(const fm_parameter *parameter)
{
    if (is_orthogonal(parameter))
        return shape_of(parameter).n;
    return fm_panels(parameter->columns) * fm_panels(parameter->rows);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

void fm_lay_out_rules(fm_core *core, fm_room *room)
{
    fm_workspace *space = &core->workspace;
    fm_arena *arena = &room->arena;
    for (int i = 0; i < 2; i++)
        space->penalties[i] = fm_arena_take(arena, core->penalty_units, sizeof(double));
    size_t n = 0, d = 0, matrix = 0;
    for (size_t i = 0; i < core->parameter_count; i++)
        if (is_orthogonal(&core->parameters[i])) {
            const vector_shape shape = shape_of(&core->parameters[i]);
            n = larger(n, shape.n_stride);
            d = larger(d, shape.d_stride);
            matrix = larger(matrix, shape.n * shape.d_stride);
        }
    if (n == 0)
        return;
    fm_vectors *vectors = &space->vectors;
    const size_t block = FM_TAIL_ROWS * sizeof(double);
    vectors->rows = fm_arena_take(arena, matrix, sizeof(double));
    vectors->packed = fm_arena_take(arena, matrix, sizeof(double));
    vectors->norms = fm_arena_take(arena, n, sizeof(double));
    vectors->signs = fm_arena_take(arena, room->threads * n, block);
    vectors->slopes = fm_arena_take(arena, room->threads * d, block);
    vectors->scratch =
        fm_arena_take(arena, room->threads, FM_TRANSPOSE_SCRATCH * sizeof(double));
}

/* -- orthogonal -- */

/* What a vector of that norm is multiplied by. */
static double inverse_of(double norm, double epsilon)
{
    const double divisor = norm <= epsilon ? epsilon : norm;
    return divisor == 0 ? 0 : 1 / divisor;
}

/* Vectors i of a range, normalized: by rows and in panels. */
static void normalize_vectors(const fm_core *core, const fm_parameter *parameter,
                              const vector_shape *shape, fm_range own)
{
    const double epsilon = fm_orthogonal_of(parameter->regularizer.option).epsilon;
    const fm_vectors *vectors = &core->workspace.vectors;
    for (size_t i = own.begin; i < own.end; i++) {
        double *row = vectors->rows + i * shape->d_stride;
        for (size_t j = 0; j < shape->d; j++)
            row[j] = parameter->packed.value[place_of(parameter, shape, i, j)];
        memset(row + shape->d, 0, (shape->d_stride - shape->d) * sizeof *row);
        const double norm = sqrt(core->kernels->squares(row, shape->d_stride));
        vectors->norms[i] = norm;
        core->kernels->multiply_by(row, shape->d_stride, inverse_of(norm, epsilon));
        for (size_t p = 0; p < fm_panels(shape->d); p++)
            memcpy(vectors->packed + (p * shape->n + i) * FM_PANEL, row + p * FM_PANEL,
                   FM_PANEL * sizeof *row);
    }
}

/* Factor of the sum of all products; d penalty / d vector is twice that of the signed sum. */
static double pair_factor(const fm_parameter *parameter)
{
    const double n = (double)shape_of(parameter).n;
    return fm_orthogonal_of(parameter->regularizer.option).factor / (n * (n - 1));
}

/* Adds the slope of vector i, t (d) being the sum of the others with the signs of their
 * products with it. */
static void add_vector_slope(const fm_core *core, const fm_parameter *parameter,
                             const vector_shape *shape, size_t i, const double *t, double *g)
{
    const double epsilon = fm_orthogonal_of(parameter->regularizer.option).epsilon;
    const double *v = core->workspace.vectors.rows + i * shape->d_stride;
    const double norm = core->workspace.vectors.norms[i], twice = 2 * pair_factor(parameter);
    const double inverse = inverse_of(norm, epsilon);
    double along = 0;
    for (size_t j = 0; j < shape->d; j++)
        along += v[j] * (twice * t[j]);
    if (norm <= epsilon)
        along = 0;
    for (size_t j = 0; j < shape->d; j++)
        g[place_of(parameter, shape, i, j)] += (twice * t[j] - v[j] * along) * inverse;
}

/* Sums of |v_i v_j| over j for the vectors i of a range, at most FM_TAIL_ROWS of them, and, if
 * g is not NULL, their slopes. */
static void regularize_vectors(const step_view *view, const fm_parameter *parameter,
                               const vector_shape *shape, fm_range own, double *g)
{
    const fm_core *core = view->run->core;
    const fm_kernels *kernels = core->kernels;
    const fm_vectors *vectors = &core->workspace.vectors;
    const size_t self = view->self->index, rows = own.end - own.begin;
    double *signs = vectors->signs + self * FM_TAIL_ROWS * shape->n_stride;
    double *slopes = vectors->slopes + self * FM_TAIL_ROWS * shape->d_stride;
    kernels->matmul_transposed(
        signs, shape->n_stride, vectors->rows + own.begin * shape->d_stride, shape->d_stride,
        vectors->packed, shape->n * FM_PANEL, shape->n, rows, shape->d, fm_panels(shape->n),
        vectors->scratch + self * FM_TRANSPOSE_SCRATCH);
    for (size_t b = 0; b < rows; b++) {
        double *row = signs + b * shape->n_stride;
        row[own.begin + b] = 0;
        core->workspace.penalties[view->index % 2][parameter->first_unit + own.begin + b] =
            kernels->penalty(row, shape->n_stride, 1, 0);
        for (size_t j = 0; j < shape->n; j++) /* NaN stays */
            row[j] = row[j] >= 0 ? 1 : row[j] < 0 ? -1 : row[j];
        row[own.begin + b] = 0;
    }
    if (g == NULL)
        return;
    kernels->matmul(slopes, shape->d_stride, signs, shape->n_stride, vectors->packed,
                    shape->n * FM_PANEL, rows, shape->n, fm_panels(shape->d), false);
    for (size_t b = 0; b < rows; b++)
        add_vector_slope(core, parameter, shape, own.begin + b, slopes + b * shape->d_stride,
                         g);
}

/* Members meet before, when the gradients of all parts are there, and after. */
static void regularize_orthogonal(const step_view *view, const fm_parameter *parameter,
                                  double *g)
{
    const vector_shape shape = shape_of(parameter);
    const fm_range own = fm_team_share(shape.n, view->self);
    normalize_vectors(view->run->core, parameter, &shape, own);
    fm_team_wait(view->self);
    for (size_t begin = own.begin; begin < own.end; begin += FM_TAIL_ROWS)
        regularize_vectors(view, parameter, &shape, fm_rows_from(begin, FM_TAIL_ROWS, own.end),
                           g);
    fm_team_wait(view->self);
}

/* -- l1_l2 -- */

static void regularize_part(const step_view *view, const fm_parameter *parameter,
                            fm_parameter_part own, double *g)
{
    const fm_core *core = view->run->core;
    const fm_l1_l2_options o = fm_l1_l2_of(parameter->regularizer.option);
    const size_t tiles = fm_panels(parameter->rows);
    double *units = core->workspace.penalties[view->index % 2] + parameter->first_unit;
    assert(own.k.begin % FM_PANEL == 0);
    for (size_t p = own.panels.begin; p < own.panels.end; p++) {
        const size_t panel = p * parameter->packed.panel_stride;
        const double *w = parameter->packed.value + panel;
        for (size_t k = own.k.begin; k < own.k.end; k += FM_PANEL)
            units[p * tiles + k / FM_PANEL] = core->kernels->penalty(
                w + k * FM_PANEL, (fm_rows_from(k, FM_PANEL, own.k.end).end - k) * FM_PANEL,
                o.l1, o.l2);
        if (g != NULL)
            core->kernels->regularize(g + panel + own.k.begin * FM_PANEL,
                                      w + own.k.begin * FM_PANEL,
                                      (own.k.end - own.k.begin) * FM_PANEL,
                                      fm_columns_of_panel(p, parameter->columns), o.l1, o.l2);
    }
}

/* -- all parameters -- */

void fm_regularize(const step_view *view, double *gradients)
{
    const fm_core *core = view->run->core;
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        for (size_t i = 0; i < stage->parameter_count && stage->trainable; i++) {
            const fm_parameter *parameter = &stage->parameters[i];
            double *g = gradients != NULL ? gradients + parameter->start : NULL;
            if (is_orthogonal(parameter)) {
                regularize_orthogonal(view, parameter, g);
            } else if (parameter->regularized) {
                const fm_part part = fm_part_of(view, s);
                regularize_part(view, parameter, fm_part_of_parameter(parameter, &part), g);
            }
        }
    }
}

double fm_parameter_penalties(const step_view *view)
{
    const fm_core *core = view->run->core;
    double sum = 0;
    for (size_t s = 1; s < core->stage_count; s++)
        for (size_t i = 0; i < core->stages[s].parameter_count; i++) {
            const fm_parameter *parameter = &core->stages[s].parameters[i];
            if (!core->stages[s].trainable || !parameter->regularized)
                continue;
            const double units =
                fm_tree_sum(core->workspace.penalties[view->index % 2] + parameter->first_unit,
                            parameter->units);
            sum += is_orthogonal(parameter) ? pair_factor(parameter) * units : units;
        }
    return sum;
}
