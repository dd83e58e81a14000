/* SPDX-License-Identifier: Apache-2.0
 *
 * Regularizers and constraints: what penalties add to gradients, and where weights are brought
 * back to.
 */
#include "simd.h"

/* -- l1 |w| + l2 w^2 -- */

/* The slope of |x| as JAX has it: 1 also at 0. NaN stays. */
INLINE vec v_slope_of_abs(vec x)
{
    const vec one = v_set1(1.0);
    return v_select(x >= (vec){0}, one, v_select(x < (vec){0}, -one, x));
}

static double kernel_penalty(const double *w, size_t count, double l1, double l2)
{
    assert(count % FM_PANEL == 0);
    vec sum[VECS] = {0};
    for (size_t i = 0; i < count; i += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const vec x = v_load(w + i + v * VL);
            sum[v] = v_fma(x * v_set1(l2), x, v_fma(v_set1(l1), v_abs(x), sum[v]));
        }
    return sum_lanes(sum);
}

static void kernel_regularize(double *g, const double *w, size_t count, size_t columns,
                              double l1, double l2)
{
    assert(count % FM_PANEL == 0 && columns <= FM_PANEL);
    double factors[FM_PANEL] = {0};
    for (size_t i = 0; i < columns; i++)
        factors[i] = l1;
    const vec twice = v_set1(2 * l2);
    for (size_t i = 0; i < count; i += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const size_t at = i + (size_t)v * VL;
            const vec x = v_load(w + at), factor = v_load(factors + v * VL);
            v_store(g + at, v_fma(twice, x, v_fma(factor, v_slope_of_abs(x), v_load(g + at))));
        }
}

/* -- constraints -- */

static void kernel_clip_below(double *w, size_t count)
{
    for (size_t i = 0; i < count; i += VL)
        v_store(w + i, v_max((vec){0}, v_load(w + i)));
}

/* What weights whose squares have that sum are multiplied by. */
INLINE vec norm_factor(vec squares, const double *option)
{
    const fm_norm_options o = fm_norm_of(option);
    const vec n = v_sqrt(squares);
    const vec inside = v_min(v_set1(o.max_value), v_max(v_set1(o.min_value), n));
    const vec desired = v_fma(v_set1(o.rate), inside, v_set1(1 - o.rate) * n);
    const vec divisor = v_set1(o.epsilon) + n;
    return v_select(divisor == (vec){0}, (vec){0}, desired / divisor);
}

static double kernel_norm_factor(double squares, const double *option)
{
    double lanes[VL];
    v_store(lanes, norm_factor(v_set1(squares), option));
    return lanes[0];
}

static void kernel_norm_columns(double *w, size_t rows, const double *option)
{
    for (int v = 0; v < VECS; v++) {
        double *column = w + v * VL;
        vec sum = {0};
        for (size_t r = 0; r < rows; r++) {
            const vec x = v_load(column + r * FM_PANEL);
            sum = v_fma(x, x, sum);
        }
        const vec factor = norm_factor(sum, option);
        for (size_t r = 0; r < rows; r++)
            v_store(column + r * FM_PANEL, v_load(column + r * FM_PANEL) * factor);
    }
}

static void kernel_norm_row(double *w, size_t panel_stride, size_t panels, const double *option)
{
    vec sum[VECS] = {0};
    for (size_t p = 0; p < panels; p++)
        for (int v = 0; v < VECS; v++) {
            const vec x = v_load(w + p * panel_stride + v * VL);
            sum[v] = v_fma(x, x, sum[v]);
        }
    const vec factor = norm_factor(v_set1(sum_lanes(sum)), option);
    for (size_t p = 0; p < panels; p++)
        for (int v = 0; v < VECS; v++) {
            double *at = w + p * panel_stride + v * VL;
            v_store(at, v_load(at) * factor);
        }
}
