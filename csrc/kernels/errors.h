/* SPDX-License-Identifier: Apache-2.0
 *
 * Losses of an error and of a margin, element by element (mean_row) or along a row. Where a
 * maximum has two equal arguments its gradient is the mean of theirs, as Keras's on JAX.
 */
#include "simd.h"

/* 1, -1, 0; NaN of NaN. */
INLINE vec sign_of(vec x)
{
    const vec one = v_set1(1.0);
    return v_select(x > (vec){0}, one, v_select(x < (vec){0}, -one, x));
}

/* The slope of max(x, 0): 1, 1/2 at 0, 0. */
INLINE vec step_of(vec x)
{
    return v_select(x > (vec){0}, v_set1(1.0), v_keep(x == (vec){0}, v_set1(0.5)));
}

/* A loss that is the mean over a row of a term: one line for its kernel. */
#define MEAN_LOSS(name)                                                                        \
    static void kernel_loss_##name(const double *option, fm_loss_rows rows)                    \
    {                                                                                          \
        for (size_t b = 0; b < rows.rows; b++)                                                 \
            rows.losses[b] = mean_row(name##_term, option, (fm_smoothing){0, 0}, &rows, b);    \
    }

INLINE fm_loss_term mean_absolute_error_term(vec sum, vec y, vec t, const double *option)
{
    (void)option;
    const vec error = y - t;
    return (fm_loss_term){sum + v_abs(error), sign_of(error)};
}
MEAN_LOSS(mean_absolute_error)

INLINE fm_loss_term mean_absolute_percentage_error_term(vec sum, vec y, vec t,
                                                        const double *option)
{
    const double epsilon = fm_mean_absolute_percentage_error_of(option).epsilon;
    const vec error = y - t, divisor = v_max(v_abs(t), v_set1(epsilon));
    const vec hundred = v_set1(100.0);
    return (fm_loss_term){v_fma(v_abs(error) / divisor, hundred, sum),
                          sign_of(error) * (hundred / divisor)};
}
MEAN_LOSS(mean_absolute_percentage_error)

INLINE fm_loss_term mean_squared_logarithmic_error_term(vec sum, vec y, vec t,
                                                        const double *option)
{
    const vec low = v_set1(fm_mean_squared_logarithmic_error_of(option).epsilon);
    const vec one = v_set1(1.0);
    const vec u = v_select(y < low, low, y) + one; /* NaN stays */
    const vec error = v_log(u) - v_log(v_select(t < low, low, t) + one);
    return (fm_loss_term){v_fma(error, error, sum), v_keep(y >= low, (error + error) / u)};
}
MEAN_LOSS(mean_squared_logarithmic_error)

INLINE fm_loss_term huber_term(vec sum, vec y, vec t, const double *option)
{
    const vec delta = v_set1(fm_huber_of(option).delta), half = v_set1(0.5);
    const vec error = y - t, size = v_abs(error);
    const vec outside = v_fma(delta, size, -(half * delta * delta));
    const veci inside = size <= delta;
    return (fm_loss_term){sum + v_select(inside, half * (error * error), outside),
                          v_select(inside, error, delta * sign_of(error))};
}
MEAN_LOSS(huber)

/* log cosh e = |e| + log(1 + exp(-2 |e|)) - log 2; the slope is tanh e. */
INLINE fm_loss_term log_cosh_term(vec sum, vec y, vec t, const double *option)
{
    (void)option;
    const vec error = y - t, size = v_abs(error);
    const vec rest = log1p_of(v_exp(-(size + size))) - v_set1(0x1.62e42fefa39efp-1);
    return (fm_loss_term){sum + (size + rest), v_tanh(error)};
}
MEAN_LOSS(log_cosh)

INLINE fm_loss_term poisson_term(vec sum, vec y, vec t, const double *option)
{
    const vec rate = y + v_set1(fm_poisson_of(option).epsilon);
    return (fm_loss_term){sum + v_fnma(t, v_log(rate), y), v_set1(1.0) - t / rate};
}
MEAN_LOSS(poisson)

/* +0, which means no, becomes -1; -0 is a target between -1 and 1. */
INLINE vec hinge_target(vec t)
{
    return v_select((veci)t == (veci){0}, v_set1(-1.0), t);
}

INLINE fm_loss_term hinge_term(vec sum, vec y, vec t, const double *option)
{
    (void)option;
    const vec sign = hinge_target(t), margin = v_fnma(sign, y, v_set1(1.0));
    return (fm_loss_term){sum + v_select(margin < (vec){0}, (vec){0}, margin),
                          -sign * step_of(margin)};
}
MEAN_LOSS(hinge)

INLINE fm_loss_term squared_hinge_term(vec sum, vec y, vec t, const double *option)
{
    (void)option;
    const vec sign = hinge_target(t), margin = v_fnma(sign, y, v_set1(1.0));
    const vec short_of = v_select(margin < (vec){0}, (vec){0}, margin);
    return (fm_loss_term){v_fma(short_of, short_of, sum), -sign * (short_of + short_of)};
}
MEAN_LOSS(squared_hinge)

/* Clipped to [low, 1]; NaN stays. */
INLINE vec clip_to_one(vec x, vec low)
{
    const vec one = v_set1(1.0), above = v_select(x < low, low, x);
    return v_select(above > one, one, above);
}

INLINE fm_loss_term kl_divergence_term(vec sum, vec y, vec t, const double *option)
{
    const vec low = v_set1(fm_kl_divergence_of(option).epsilon);
    const vec p = clip_to_one(t, low), q = clip_to_one(y, low);
    return (fm_loss_term){v_fma(p, v_log(p / q), sum), v_keep(q == y, -(p / q))};
}

static void kernel_loss_kl_divergence(const double *option, fm_loss_rows rows)
{
    for (size_t b = 0; b < rows.rows; b++)
        rows.losses[b] =
            share_row(kl_divergence_term, option, (fm_smoothing){0, 0}, 1.0, &rows, b);
}

/* -- along a row -- */

/* m = max_j (1 - t_j) y_j - sum_j t_j y_j + 1; equal largest share the gradient. */
static void kernel_loss_categorical_hinge(const double *option, fm_loss_rows rows)
{
    (void)option;
    for (size_t b = 0; b < rows.rows; b++) {
        const double *y = rows.y + b * rows.stride, *t = rows.targets[b];
        double *dy = rows.dy + b * rows.stride;
        double right[FM_PANEL] = {0}, wrong = (1.0 - t[0]) * y[0];
        for (size_t j = 0; j < rows.outputs; j++) {
            const double other = (1.0 - t[j]) * y[j];
            right[j % FM_PANEL] += t[j] * y[j];
            wrong = other > wrong || other != other ? other : wrong;
        }
        size_t equal = 0;
        for (size_t j = 0; j < rows.outputs; j++)
            equal += (1.0 - t[j]) * y[j] == wrong;
        const double sum = ((right[0] + right[4]) + (right[2] + right[6])) +
                           ((right[1] + right[5]) + (right[3] + right[7]));
        const double margin = wrong - sum + 1.0;
        rows.losses[b] = margin < 0 ? 0 : margin;
        if (rows.scale == NULL)
            continue;
        const double factor = rows.scale[b] * (margin > 0 ? 1.0 : margin == 0 ? 0.5 : 0.0);
        const double share = 1.0 / (double)(equal > 0 ? equal : 1);
        for (size_t j = 0; j < padded(rows.outputs); j++) {
            const bool real = j < rows.outputs;
            const double rest = real ? 1.0 - t[j] : 0.0;
            const bool largest = real && rest * y[j] == wrong;
            dy[j] = real ? factor * ((largest ? rest * share : 0.0) - t[j]) : 0.0;
        }
    }
}

/* min(1 / norm, 1 / epsilon) of a row with that sum of squares. */
INLINE double inverse_norm(double squares, double epsilon)
{
    const double inverse = 1.0 / v_sqrt(v_set1(squares))[0];
    return inverse > 1.0 / epsilon ? 1.0 / epsilon : inverse;
}

/* With a = y r, b = t s and c = a . b, the gradient is -r (b - a c); where r does not depend on
 * y, -r b. */
static void kernel_loss_cosine_similarity(const double *option, fm_loss_rows rows)
{
    const double epsilon = fm_cosine_similarity_of(option).epsilon;
    for (size_t b = 0; b < rows.rows; b++) {
        const double *y = rows.y + b * rows.stride;
        double *dy = rows.dy + b * rows.stride;
        vec yy[VECS] = {0}, tt[VECS] = {0}, yt[VECS] = {0};
        for (size_t c = 0; c < rows.outputs; c += FM_PANEL)
            for (int v = 0; v < VECS; v++) {
                const size_t j = c + (size_t)v * VL;
                const vec a = v_keep(real_lanes(j, rows.outputs), v_load(y + j));
                const vec t = target_lanes((fm_smoothing){0, 0}, &rows, b, j);
                yy[v] = v_fma(a, a, yy[v]);
                tt[v] = v_fma(t, t, tt[v]);
                yt[v] = v_fma(a, t, yt[v]);
            }
        const double r = inverse_norm(sum_lanes(yy), epsilon);
        const double s = inverse_norm(sum_lanes(tt), epsilon);
        const double cosine = sum_lanes(yt) * r * s;
        rows.losses[b] = -cosine;
        if (rows.scale == NULL)
            continue;
        const vec factor = v_set1(-rows.scale[b] * r), by_t = v_set1(s);
        const vec by_y = v_set1(r < 1.0 / epsilon ? r * cosine : 0.0);
        for (size_t j = 0; j < padded(rows.outputs); j += VL) {
            const vec t = target_lanes((fm_smoothing){0, 0}, &rows, b, j);
            const vec d = factor * v_fnma(v_load(y + j), by_y, t * by_t);
            v_store(dy + j, v_keep(real_lanes(j, rows.outputs), d));
        }
    }
}

/* One quantile after the other for each target. */
static void kernel_loss_pinball(const double *option, fm_loss_rows rows)
{
    const size_t quantiles = (size_t)fm_pinball_of(option).quantiles;
    const double share = 1.0 / (double)rows.outputs;
    for (size_t b = 0; b < rows.rows; b++) {
        const double *y = rows.y + b * rows.stride;
        double *dy = rows.dy + b * rows.stride;
        vec sum[VECS] = {0};
        for (size_t c = 0; c < rows.outputs; c += FM_PANEL)
            for (int v = 0; v < VECS; v++) {
                const size_t j = c + (size_t)v * VL;
                const veci real = real_lanes(j, rows.outputs);
                vec rate = {0};
                for (int i = 0; i < VL; i++)
                    rate[i] = option[1 + (j + (size_t)i) % quantiles];
                const vec rest = v_set1(1.0) - rate;
                const vec error =
                    v_load(y + j) - target_lanes((fm_smoothing){0, 0}, &rows, b, j);
                const veci above = error > (vec){0}, below = error < (vec){0};
                const vec value = v_select(above, rest * error, -(rate * error));
                sum[v] = v_select(real, sum[v] + value, sum[v]);
                const vec middle = v_set1(0.5) - rate;
                const vec slope = v_select(above, rest, v_select(below, -rate, middle));
                if (rows.scale != NULL)
                    v_store(dy + j, v_keep(real, v_set1(rows.scale[b] * share) * slope));
            }
        rows.losses[b] = sum_lanes(sum) * share;
    }
}

/* Means m in the first half of a row, (log) variances in the second, which begins anywhere. */
static void kernel_loss_gaussian_nll(const double *option, fm_loss_rows rows)
{
    const fm_gaussian_nll_options o = fm_gaussian_nll_of(option);
    const size_t half = rows.outputs / 2;
    const double share = 1.0 / (double)half, full = o.full != 0 ? 0x1.d67f1c864beb4p-1 : 0;
    const vec low = v_set1(o.epsilon), one = v_set1(1.0), middle = v_set1(0.5);
    for (size_t b = 0; b < rows.rows; b++) {
        const double *y = rows.y + b * rows.stride;
        double *dy = rows.dy + b * rows.stride;
        vec sum[VECS] = {0};
        for (size_t c = 0; c < half; c += FM_PANEL)
            for (int v = 0; v < VECS; v++) {
                const size_t j = c + (size_t)v * VL;
                vec given = one;
                for (int i = 0; i < VL; i++)
                    if (j + (size_t)i < half)
                        given[i] = y[half + j + (size_t)i];
                const vec raw = o.log_variance != 0 ? v_exp(given) : given;
                const vec variance = v_select(raw < low, low, raw);
                const vec error =
                    v_load(y + j) - target_lanes((fm_smoothing){0, 0}, &rows, b, j);
                const vec ratio = error / variance;
                const vec value = middle * v_fma(error, ratio, v_log(variance)) + v_set1(full);
                sum[v] = v_select(real_lanes(j, half), sum[v] + value, sum[v]);
                if (rows.scale == NULL)
                    continue;
                const vec factor = v_set1(rows.scale[b] * share);
                const vec by_variance = middle * (v_fnma(ratio, ratio, one / variance));
                const vec by_mean = factor * ratio;
                const vec by_given =
                    factor * (o.log_variance != 0 ? by_variance * raw : by_variance);
                for (int i = 0; i < VL; i++)
                    if (j + (size_t)i < half) {
                        dy[j + (size_t)i] = by_mean[i];
                        dy[half + j + (size_t)i] = by_given[i];
                    }
            }
        for (size_t j = 2 * half; j < padded(rows.outputs); j++)
            dy[j] = 0;
        rows.losses[b] = sum_lanes(sum) * share;
    }
}

/* What the caller computed outside: dy = scale t. */
static void kernel_loss_given_gradient(const double *option, fm_loss_rows rows)
{
    (void)option;
    for (size_t b = 0; b < rows.rows; b++) {
        rows.losses[b] = 0;
        for (size_t j = 0; rows.scale != NULL && j < padded(rows.outputs); j += VL)
            v_store(rows.dy + b * rows.stride + j,
                    v_set1(rows.scale[b]) * target_lanes((fm_smoothing){0, 0}, &rows, b, j));
    }
}
