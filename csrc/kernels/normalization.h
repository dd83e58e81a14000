/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalization of columns by the moments of a batch. Lanes run across columns; each column is
 * owned whole, so its sums are chains over the rows, in order.
 */
#include "simd.h"

static void kernel_column_moments(double *mean, double *variance, const double *x,
                                  size_t x_stride, size_t rows, size_t panels)
{
    assert(rows > 0);
    const vec count = v_set1((double)rows);
    for (size_t j = 0; j < panels * FM_PANEL; j += VL) {
        vec sum = {0}, squares = {0};
        for (size_t b = 0; b < rows; b++)
            sum += v_load(x + b * x_stride + j);
        const vec average = sum / count;
        for (size_t b = 0; b < rows; b++) {
            const vec d = v_load(x + b * x_stride + j) - average;
            squares = v_fma(d, d, squares);
        }
        v_store(mean + j, average);
        v_store(variance + j, squares / count);
    }
}

static void kernel_affine(double *y, size_t y_stride, const double *x, size_t x_stride,
                          const double *scale, const double *shift, size_t rows, size_t panels)
{
    for (size_t b = 0; b < rows; b++)
        for (size_t j = 0; j < panels * FM_PANEL; j += VL)
            v_store(y + b * y_stride + j,
                    v_fma(v_load(x + b * x_stride + j), v_load(scale + j), v_load(shift + j)));
}

/* The sums of one vector of columns over the rows [begin, end). */
typedef struct vector_sums {
    vec sum, product;
} vector_sums;

INLINE vector_sums sums_of(const double *dy, size_t dy_stride, const double *x, size_t x_stride,
                           vec mean, vec inverse, size_t begin, size_t end)
{
    vector_sums s = {{0}, {0}};
    for (size_t b = begin; b < end; b++) {
        const vec d = v_load(dy + b * dy_stride);
        s.sum += d;
        s.product = v_fma(d, (v_load(x + b * x_stride) - mean) * inverse, s.product);
    }
    return s;
}

/* Levels of the tree over gradient blocks: for as many rows as an address space has. */
#define BLOCK_LEVELS 64

INLINE vector_sums add_sums(vector_sums a, vector_sums b)
{
    return (vector_sums){a.sum + b.sum, a.product + b.product};
}

static void kernel_normalized_sums(double *sum, double *product, const double *dy,
                                   size_t dy_stride, const double *x, size_t x_stride,
                                   const double *mean, const double *inverse, size_t rows,
                                   size_t panels)
{
    for (size_t j = 0; j < panels * FM_PANEL; j += VL) {
        vector_sums level[BLOCK_LEVELS] = {{{0}, {0}}}; /* as the sums of gradient.h */
        size_t blocks = 0;
        for (size_t b = 0; b < rows; b += FM_GRADIENT_BLOCK, blocks++) {
            vector_sums fresh =
                sums_of(dy + j, dy_stride, x + j, x_stride, v_load(mean + j),
                        v_load(inverse + j), b, smaller(b + FM_GRADIENT_BLOCK, rows));
            size_t l = 0;
            for (; blocks >> l & 1; l++)
                fresh = add_sums(fresh, level[l]);
            level[l] = fresh;
        }
        size_t l = 0;
        while (blocks > 0 && !(blocks >> l & 1))
            l++;
        vector_sums total = level[l];
        while (blocks >> ++l != 0)
            if (blocks >> l & 1)
                total = add_sums(total, level[l]);
        v_store(sum + j, total.sum);
        v_store(product + j, total.product);
    }
}

static void kernel_normalized_gradient(double *dx, size_t dx_stride, const double *dy,
                                       size_t dy_stride, const double *x, size_t x_stride,
                                       const double *mean, const double *inverse,
                                       const double *scale, const double *sum,
                                       const double *product, size_t rows, size_t panels)
{
    const vec share = v_set1(1.0 / (double)rows);
    for (size_t j = 0; j < panels * FM_PANEL; j += VL) {
        const vec average = v_load(sum + j) * share, trend = v_load(product + j) * share;
        for (size_t b = 0; b < rows; b++) {
            const vec normalized =
                (v_load(x + b * x_stride + j) - v_load(mean + j)) * v_load(inverse + j);
            const vec d = v_load(dy + b * dy_stride + j) - v_fma(normalized, trend, average);
            v_store(dx + b * dx_stride + j, v_load(scale + j) * d);
        }
    }
}

static void kernel_standardize(double *y, size_t y_stride, const double *x, size_t x_stride,
                               const double *mean, const double *factor, size_t rows,
                               size_t panels)
{
    for (size_t b = 0; b < rows; b++)
        for (size_t j = 0; j < panels * FM_PANEL; j += VL)
            v_store(y + b * y_stride + j,
                    (v_load(x + b * x_stride + j) - v_load(mean + j)) * v_load(factor + j));
}

/* -- along rows: sums by eight lanes and the tree of sum_lanes, see losses.h -- */

/* How: see normalize_rows. */
typedef struct row_moments {
    double epsilon;
    bool center, unit;
} row_moments;

/* What a row is normalized by: y = (x - mean) inverse. */
typedef struct row_scale {
    double mean, inverse;
    bool flat; /* its norm is too small to be divided by: inverse is a constant */
} row_scale;

/* The difference from the mean of a vector of columns; 0 in padding. */
INLINE vec row_difference(const double *x, size_t j, size_t width, vec mean)
{
    return v_keep(real_lanes(j, width), v_load(x + j) - mean);
}

INLINE row_scale row_scale_of(const double *x, size_t width, row_moments by)
{
    vec sum[VECS] = {0}, squares[VECS] = {0};
    for (size_t c = 0; by.center && c < width; c += FM_PANEL)
        for (int v = 0; v < VECS; v++)
            sum[v] += row_difference(x, c + (size_t)v * VL, width, (vec){0});
    const double mean = by.center ? sum_lanes(sum) / (double)width : 0;
    for (size_t c = 0; c < width; c += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const vec d = row_difference(x, c + (size_t)v * VL, width, v_set1(mean));
            squares[v] = v_fma(d, d, squares[v]);
        }
    const double total = sum_lanes(squares);
    const bool flat = by.unit && !(total > by.epsilon);
    const double square = !by.unit ? total / (double)width + by.epsilon
                          : flat   ? by.epsilon
                                   : total;
    return (row_scale){mean, 1 / sqrt(square), flat};
}

static void kernel_normalize_rows(double *y, const double *x, size_t stride, size_t rows,
                                  size_t width, double epsilon, bool center, bool unit)
{
    const row_moments by = {epsilon, center, unit};
    for (size_t at = 0; at < rows * stride; at += stride) {
        const row_scale s = row_scale_of(x + at, width, by);
        for (size_t j = 0; j < padded(width); j += VL)
            v_store(y + at + j,
                    row_difference(x + at, j, width, v_set1(s.mean)) * v_set1(s.inverse));
    }
}

static void kernel_normalize_rows_gradient(double *dx, const double *dy, const double *x,
                                           size_t stride, size_t rows, size_t width,
                                           double epsilon, bool center, bool unit)
{
    const row_moments by = {epsilon, center, unit};
    const double share = by.unit ? 1 : 1 / (double)width;
    for (size_t at = 0; at < rows * stride; at += stride) {
        const row_scale s = row_scale_of(x + at, width, by);
        const vec inverse = v_set1(s.inverse), mean = v_set1(s.mean);
        vec sum[VECS] = {0}, product[VECS] = {0};
        for (size_t c = 0; c < width; c += FM_PANEL)
            for (int v = 0; v < VECS; v++) {
                const size_t j = c + (size_t)v * VL;
                const vec d = v_keep(real_lanes(j, width), v_load(dy + at + j));
                sum[v] += d;
                product[v] =
                    v_fma(d, row_difference(x + at, j, width, mean) * inverse, product[v]);
            }
        const vec average = v_set1(by.center ? sum_lanes(sum) * share : 0);
        const vec trend = v_set1(s.flat ? 0 : sum_lanes(product) * share);
        for (size_t j = 0; j < padded(width); j += VL) {
            const vec y = row_difference(x + at, j, width, mean) * inverse;
            const vec d = v_load(dy + at + j) - v_fma(y, trend, average);
            v_store(dx + at + j, v_keep(real_lanes(j, width), d * inverse));
        }
    }
}
