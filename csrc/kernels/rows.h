/* SPDX-License-Identifier: Apache-2.0
 *
 * Activations along a row besides softmax, and their gradients. Sums over a row use eight
 * virtual lanes and the tree of sum_lanes on every instruction set.
 */
#include "simd.h"

/* y = z - max - log sum exp(z - max); padding 0. */
static void kernel_log_softmax(double *y, const double *z, size_t stride, size_t rows,
                               size_t outputs)
{
    for (size_t b = 0; b < rows; b++) {
        const double *zb = z + b * stride;
        double *yb = y + b * stride;
        const double top = row_max(zb, outputs);
        const vec shift = v_set1(log_of(exp_row(yb, zb, top, outputs)));
        for (size_t j = 0; j < padded(outputs); j += VL)
            v_store(yb + j,
                    v_keep(real_lanes(j, outputs), (v_load(zb + j) - v_set1(top)) - shift));
    }
}

/* The sum of the real columns of a row. */
INLINE double sum_row(const double *x, size_t outputs)
{
    vec sum[VECS] = {0};
    for (size_t c = 0; c < outputs; c += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const size_t j = c + (size_t)v * VL;
            sum[v] += v_keep(real_lanes(j, outputs), v_load(x + j));
        }
    return sum_lanes(sum);
}

static void kernel_log_softmax_gradient(double *dz, const double *dy, const double *y,
                                        size_t stride, size_t rows, size_t outputs)
{
    for (size_t b = 0; b < rows; b++) {
        const size_t row = b * stride;
        const vec total = v_set1(sum_row(dy + row, outputs));
        for (size_t j = 0; j < padded(outputs); j += VL) {
            const vec d = v_fnma(v_exp(v_load(y + row + j)), total, v_load(dy + row + j));
            v_store(dz + row + j, v_keep(real_lanes(j, outputs), d));
        }
    }
}

/* What a row has above t: their number, and the sum of z - top. */
typedef struct support {
    double count, sum;
} support;

INLINE support support_of(const double *z, double top, double t, size_t outputs)
{
    vec sum[VECS] = {0}, count[VECS] = {0};
    for (size_t c = 0; c < outputs; c += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const size_t j = c + (size_t)v * VL;
            const vec x = v_load(z + j) - v_set1(top);
            const veci above = (x > v_set1(t)) & real_lanes(j, outputs);
            sum[v] += v_keep(above, x);
            count[v] += v_keep(above, v_set1(1.0));
        }
    return (support){sum_lanes(count), sum_lanes(sum)};
}

/* y = max(z - tau, 0) with sum y = 1 (Martins, Astudillo, "From softmax to sparsemax", ICML
 * 2016). tau = (sum of the support - 1) / count, and from z - max > -1, which holds the
 * support, to what is above tau until nothing leaves (Michelot, "A finite algorithm for finding
 * the projection of a point onto the canonical simplex of R^n", J. Optim. Theory Appl. 50
 * (1986)). NaN stays NaN. */
static void kernel_sparsemax(double *y, const double *z, size_t stride, size_t rows,
                             size_t outputs)
{
    for (size_t b = 0; b < rows; b++) {
        const double *zb = z + b * stride;
        double *yb = y + b * stride;
        const double top = row_max(zb, outputs);
        support s = support_of(zb, top, -1.0, outputs);
        double tau = (s.sum - 1.0) / s.count, before;
        do {
            before = s.count;
            s = support_of(zb, top, tau, outputs);
            tau = s.count < before ? (s.sum - 1.0) / s.count : tau;
        } while (s.count < before);
        for (size_t j = 0; j < padded(outputs); j += VL) {
            const vec x = (v_load(zb + j) - v_set1(top)) - v_set1(tau);
            v_store(yb + j, v_keep(real_lanes(j, outputs), v_drop(x <= (vec){0}, x)));
        }
    }
}

/* On the support, y > 0, dy less its mean there; 0 elsewhere. */
static void kernel_sparsemax_gradient(double *dz, const double *dy, const double *y,
                                      size_t stride, size_t rows, size_t outputs)
{
    for (size_t b = 0; b < rows; b++) {
        const double *yb = y + b * stride, *db = dy + b * stride;
        vec sum[VECS] = {0}, count[VECS] = {0};
        for (size_t c = 0; c < outputs; c += FM_PANEL)
            for (int v = 0; v < VECS; v++) {
                const size_t j = c + (size_t)v * VL;
                const veci on = ~(v_load(yb + j) <= (vec){0});
                sum[v] += v_keep(on, v_load(db + j));
                count[v] += v_keep(on, v_set1(1.0));
            }
        const vec mean = v_set1(sum_lanes(sum) / sum_lanes(count));
        for (size_t j = 0; j < padded(outputs); j += VL)
            v_store(dz + b * stride + j,
                    v_keep(~(v_load(yb + j) <= (vec){0}), v_load(db + j) - mean));
    }
}

/* A vector of which the first `count` lanes are there, the others 0. */
INLINE vec load_some(const double *x, size_t count)
{
    double lane[VL] = {0};
    memcpy(lane, x, smaller(count, VL) * sizeof *x);
    return v_load(lane);
}

INLINE void store_some(double *x, vec y, size_t count)
{
    double lane[VL];
    v_store(lane, y);
    memcpy(x, lane, smaller(count, VL) * sizeof *x);
}

/* y (rows, outputs) = a sigmoid(g), a and g the halves of x (rows, 2 outputs). */
static void kernel_glu(double *y, size_t y_stride, const double *x, size_t x_stride,
                       size_t rows, size_t outputs)
{
    for (size_t b = 0; b < rows; b++)
        for (size_t j = 0; j < padded(outputs); j += VL) {
            const size_t left = j < outputs ? outputs - j : 0;
            const double *a = x + b * x_stride + (left > 0 ? j : 0);
            const fm_value_slope s = sigmoid_formula(load_some(a + outputs, left), NULL);
            v_store(y + b * y_stride + j, load_some(a, left) * s.y);
        }
}

static void kernel_glu_gradient(double *dx, size_t dx_stride, const double *dy,
                                size_t dy_stride, const double *x, size_t x_stride, size_t rows,
                                size_t outputs)
{
    for (size_t b = 0; b < rows; b++) {
        const double *a = x + b * x_stride;
        double *da = dx + b * dx_stride;
        for (size_t j = 0; j < outputs; j += VL) {
            const size_t left = outputs - j;
            const fm_value_slope s = sigmoid_formula(load_some(a + outputs + j, left), NULL);
            const vec d = load_some(dy + b * dy_stride + j, left);
            store_some(da + j, d * s.y, left);
            store_some(da + outputs + j, d * load_some(a + j, left) * s.slope, left);
        }
        for (size_t j = 2 * outputs; j < padded(2 * outputs); j++)
            da[j] = 0;
    }
}
