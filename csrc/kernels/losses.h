/* SPDX-License-Identifier: Apache-2.0
 *
 * Row-wise work on the network's outputs: softmax, the losses and their gradients. Sums over
 * a row use eight virtual lanes and the tree of sum_lanes on every instruction set.
 */
#include "simd.h"

/* Columns with padding: whole panels. */
INLINE size_t padded(size_t outputs)
{
    return (outputs + FM_PANEL - 1) / FM_PANEL * FM_PANEL;
}

/* The largest of K; the order of comparison cannot matter. */
INLINE double row_max(const double *z, size_t outputs)
{
    double top = z[0];
    for (size_t j = 1; j < outputs; j++)
        top = z[j] > top ? z[j] : top;
    return top;
}

/* e (padded) = exp(z - top), padding 0; returns the sum. */
INLINE double exp_row(double *e, const double *z, double top, size_t outputs)
{
    vec sum[VECS] = {0};
    for (size_t c = 0; c < outputs; c += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const size_t j = c + (size_t)v * VL;
            const vec y = v_keep(real_lanes(j, outputs), v_exp(v_load(z + j) - v_set1(top)));
            v_store(e + j, y);
            sum[v] += y;
        }
    return sum_lanes(sum);
}

INLINE double log_of(double x)
{
    return v_first(v_log(v_set1(x)));
}

INLINE void divide_row(double *y, double divisor, size_t outputs)
{
    for (size_t j = 0; j < padded(outputs); j += VL)
        v_store(y + j, v_load(y + j) / v_set1(divisor));
}

static void kernel_softmax(double *y, const double *z, size_t stride, size_t rows,
                           size_t outputs)
{
    for (size_t b = 0; b < rows; b++) {
        const double *zb = z + b * stride;
        double *yb = y + b * stride;
        divide_row(yb, exp_row(yb, zb, row_max(zb, outputs), outputs), outputs);
    }
}

/* sum_j a_j b_j over eight virtual lanes. */
INLINE double dot_row(const double *a, const double *b, size_t outputs)
{
    vec sum[VECS] = {0};
    for (size_t c = 0; c < outputs; c += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const size_t j = c + (size_t)v * VL;
            sum[v] = v_fma(v_load(a + j), v_load(b + j), sum[v]);
        }
    return sum_lanes(sum);
}

static void kernel_softmax_gradient(double *dz, const double *dy, const double *y,
                                    size_t stride, size_t rows, size_t outputs)
{
    /* padding of y and dy is zero */
    for (size_t b = 0; b < rows; b++) {
        const size_t row = b * stride;
        const vec mean = v_set1(dot_row(dy + row, y + row, outputs));
        for (size_t j = 0; j < padded(outputs); j += VL)
            v_store(dz + row + j, v_load(y + row + j) * (v_load(dy + row + j) - mean));
    }
}

/* How targets are smoothed: t (1 - smoothing) + share; 0: not at all. */
typedef struct fm_smoothing {
    double smoothing, share;
} fm_smoothing;

/* Targets of one row at column j: one-hot of its label, or the given row, smoothed. */
INLINE vec target_lanes(fm_smoothing s, const fm_loss_rows *rows, size_t b, size_t j)
{
    vec t = {0};
    for (int i = 0; i < VL; i++)
        if (rows->labels != NULL)
            t[i] = (int64_t)j + i == rows->labels[b];
        else if (j + (size_t)i < rows->outputs)
            t[i] = rows->targets[b][j + (size_t)i];
    if (s.smoothing == 0)
        return t;
    return v_keep(real_lanes(j, rows->outputs),
                  v_fma(t, v_set1(1.0 - s.smoothing), v_set1(s.share)));
}

/* -- along a row: crossentropies -- */

/* loss = sum_j t_j (log sum exp(z) - z_j); dloss/dz = softmax(z) sum t - t. */
INLINE double logits_row(fm_smoothing smoothing, const fm_loss_rows *rows, size_t b)
{
    const double *z = rows->y + b * rows->stride;
    double *e = rows->dy + b * rows->stride;
    const double top = row_max(z, rows->outputs);
    const double sum = exp_row(e, z, top, rows->outputs);
    const vec log_sum = v_set1(log_of(sum)), shift = v_set1(top);
    vec total[VECS] = {0}, value[VECS] = {0};
    for (size_t c = 0; c < rows->outputs; c += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const size_t j = c + (size_t)v * VL;
            const vec t = target_lanes(smoothing, rows, b, j);
            total[v] += t;
            /* an infinite logit of a class with no share in the target costs nothing */
            const vec cost = log_sum - (v_load(z + j) - shift);
            value[v] = v_select(t != (vec){0}, v_fma(t, cost, value[v]), value[v]);
        }
    if (rows->scale != NULL) {
        const vec factor = v_set1(sum_lanes(total)), scale = v_set1(rows->scale[b]);
        for (size_t j = 0; j < padded(rows->outputs); j += VL) {
            const vec p = v_load(e + j) / v_set1(sum);
            v_store(e + j, scale * (p * factor - target_lanes(smoothing, rows, b, j)));
        }
    }
    return sum_lanes(value);
}

/* q = y / sum y; loss = -sum_j t_j log(clip(q_j)); the gradient is zero where it clips. */
INLINE double probabilities_row(fm_smoothing smoothing, double epsilon,
                                const fm_loss_rows *rows, size_t b)
{
    const double *y = rows->y + b * rows->stride;
    double *dq = rows->dy + b * rows->stride;
    vec sum[VECS] = {0}, value[VECS] = {0}, mean[VECS] = {0};
    for (size_t c = 0; c < rows->outputs; c += FM_PANEL)
        for (int v = 0; v < VECS; v++)
            sum[v] += v_keep(real_lanes(c + (size_t)v * VL, rows->outputs),
                             v_load(y + c + (size_t)v * VL));
    const vec divisor = v_set1(sum_lanes(sum));
    const vec low = v_set1(epsilon), high = v_set1(1.0 - epsilon);
    for (size_t c = 0; c < rows->outputs; c += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const size_t j = c + (size_t)v * VL;
            const vec t = target_lanes(smoothing, rows, b, j);
            const vec q = v_load(y + j) / divisor;
            vec clipped = v_select(q < low, low, q);
            clipped = v_select(clipped > high, high, clipped);
            const veci real = real_lanes(j, rows->outputs);
            value[v] = v_fnma(t, v_keep(real, v_log(clipped)), value[v]);
            const veci inside = (q >= low) & (q <= high) & real;
            const vec gradient = v_keep(inside, -t / q);
            mean[v] = v_fma(gradient, v_keep(inside, q), mean[v]);
            v_store(dq + j, gradient);
        }
    if (rows->scale != NULL) {
        const vec average = v_set1(sum_lanes(mean)), scale = v_set1(rows->scale[b]);
        for (size_t j = 0; j < padded(rows->outputs); j += VL) {
            const vec d = scale * (v_load(dq + j) - average) / divisor;
            v_store(dq + j, v_keep(real_lanes(j, rows->outputs), d));
        }
    }
    return sum_lanes(value);
}

/* A row that counts for nothing. */
INLINE double no_cost(const fm_loss_rows *rows, size_t b)
{
    for (size_t j = 0; j < padded(rows->outputs); j += VL)
        v_store(rows->dy + b * rows->stride + j, (vec){0});
    return 0;
}

static void kernel_loss_sparse_categorical_crossentropy(const double *option, fm_loss_rows rows)
{
    const fm_sparse_categorical_crossentropy_options o =
        fm_sparse_categorical_crossentropy_of(option);
    const fm_smoothing none = {0, 0};
    for (size_t b = 0; b < rows.rows; b++)
        if ((double)rows.labels[b] == o.ignore_class)
            rows.losses[b] = no_cost(&rows, b);
        else
            rows.losses[b] = o.from_logits != 0 ? logits_row(none, &rows, b)
                                                : probabilities_row(none, o.epsilon, &rows, b);
}

static void kernel_loss_categorical_crossentropy(const double *option, fm_loss_rows rows)
{
    const fm_categorical_crossentropy_options o = fm_categorical_crossentropy_of(option);
    const fm_smoothing smoothing = {o.label_smoothing,
                                    o.label_smoothing / (double)rows.outputs};
    for (size_t b = 0; b < rows.rows; b++)
        rows.losses[b] = o.from_logits != 0 ? logits_row(smoothing, &rows, b)
                                            : probabilities_row(smoothing, o.epsilon, &rows, b);
}

/* -- element by element: the mean over a row's K outputs -- */

/* The value is added to a sum, in one rounding where the formula ends in a product. */
typedef struct fm_loss_term {
    vec sum, slope;
} fm_loss_term;

typedef fm_loss_term term_formula(vec sum, vec y, vec t, const double *option);

/* The sum over a row times share. */
INLINE double share_row(term_formula term_of, const double *option, fm_smoothing smoothing,
                        double share, const fm_loss_rows *rows, size_t b)
{
    const double *y = rows->y + b * rows->stride;
    double *dy = rows->dy + b * rows->stride;
    vec sum[VECS] = {0};
    for (size_t c = 0; c < rows->outputs; c += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const size_t j = c + (size_t)v * VL;
            const veci real = real_lanes(j, rows->outputs);
            const fm_loss_term term =
                term_of(sum[v], v_load(y + j), target_lanes(smoothing, rows, b, j), option);
            sum[v] = v_select(real, term.sum, sum[v]);
            if (rows->scale != NULL)
                v_store(dy + j, v_keep(real, v_set1(rows->scale[b] * share) * term.slope));
        }
    return sum_lanes(sum) * share;
}

INLINE double mean_row(term_formula term_of, const double *option, fm_smoothing smoothing,
                       const fm_loss_rows *rows, size_t b)
{
    return share_row(term_of, option, smoothing, 1.0 / (double)rows->outputs, rows, b);
}

INLINE fm_loss_term mean_squared_error_term(vec sum, vec y, vec t, const double *option)
{
    (void)option;
    const vec error = y - t;
    return (fm_loss_term){v_fma(error, error, sum), error + error};
}

static void kernel_loss_mean_squared_error(const double *option, fm_loss_rows rows)
{
    for (size_t b = 0; b < rows.rows; b++)
        rows.losses[b] =
            mean_row(mean_squared_error_term, option, (fm_smoothing){0, 0}, &rows, b);
}

/* log(1 + e) = e log(u) / (u - 1) with u = 1 + e (Goldberg, "What every computer scientist
 * should know about floating-point arithmetic", theorem 4). */
INLINE vec log1p_of(vec e)
{
    const vec one = v_set1(1.0), u = one + e;
    return v_select(u == one, e, v_log(u) * (e / (u - one)));
}

/* max(z, 0) - z t + log(1 + e), e = exp(-|z|). The slope is sigmoid(z) - t. */
INLINE fm_loss_term binary_logits_term(vec sum, vec z, vec t, const double *option)
{
    (void)option;
    const vec zero = {0}, one = v_set1(1.0);
    const vec e = v_exp(v_of_bits((veci)z | (veci)v_set1(-0.0)));
    const vec above = one / (one + e);
    const vec p = v_select(z < zero, e * above, above);
    return (fm_loss_term){sum + (v_fnma(z, t, v_select(z < zero, zero, z)) + log1p_of(e)),
                          p - t};
}

/* -t log p - (1 - t) log(1 - p), p clipped; the slope is 0 where it clips. */
INLINE fm_loss_term binary_probabilities_term(vec sum, vec y, vec t, const double *option)
{
    const double epsilon = fm_binary_crossentropy_of(option).epsilon;
    const vec one = v_set1(1.0), low = v_set1(epsilon), high = v_set1(1.0 - epsilon);
    vec p = v_select(y < low, low, y);
    p = v_select(p > high, high, p);
    const vec q = one - p, rest = one - t;
    const vec cost = v_fnma(t, v_log(p), -(rest * v_log(q)));
    return (fm_loss_term){sum + cost, v_keep((y >= low) & (y <= high), rest / q - t / p)};
}

static void kernel_loss_binary_crossentropy(const double *option, fm_loss_rows rows)
{
    const fm_binary_crossentropy_options o = fm_binary_crossentropy_of(option);
    const fm_smoothing smoothing = {o.label_smoothing, o.label_smoothing / 2};
    for (size_t b = 0; b < rows.rows; b++)
        rows.losses[b] = o.from_logits != 0
                             ? mean_row(binary_logits_term, option, smoothing, &rows, b)
                             : mean_row(binary_probabilities_term, option, smoothing, &rows, b);
}
