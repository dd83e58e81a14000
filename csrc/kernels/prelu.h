/* SPDX-License-Identifier: Apache-2.0
 *
 * The rectified linear unit with a trained slope below 0, alpha, which columns may share.
 */
#include "simd.h"

/* The slopes of the eight columns of a panel; past the last column 0. */
INLINE void panel_slopes(double slope[FM_PANEL], const double *alpha, fm_sharing sharing,
                         size_t panel)
{
    for (size_t i = 0; i < FM_PANEL; i++) {
        const size_t j = panel * FM_PANEL + i;
        slope[i] = j < sharing.columns ? alpha[fm_shared_column(sharing, j)] : 0;
    }
}

/* An infinity times 0 is NaN, as in Keras. */
static void kernel_prelu(double *y, size_t y_stride, const double *x, size_t x_stride,
                         const double *alpha, fm_sharing sharing, size_t rows, size_t panels)
{
    for (size_t p = 0; p < panels; p++) {
        double slope[FM_PANEL];
        panel_slopes(slope, alpha, sharing, p);
        for (size_t b = 0; b < rows; b++)
            for (size_t i = 0; i < FM_PANEL; i += VL) {
                const vec z = v_load(x + b * x_stride + p * FM_PANEL + i);
                v_store(y + b * y_stride + p * FM_PANEL + i,
                        v_select(z > (vec){0}, z, v_load(slope + i) * z));
            }
    }
}

/* The slope at 0 is 0, as in Keras. */
static void kernel_prelu_backward(double *dx, size_t dx_stride, const double *dy,
                                  size_t dy_stride, const double *x, size_t x_stride,
                                  const double *alpha, fm_sharing sharing, size_t rows,
                                  size_t panels)
{
    for (size_t p = 0; p < panels; p++) {
        double slope[FM_PANEL];
        panel_slopes(slope, alpha, sharing, p);
        for (size_t b = 0; b < rows; b++)
            for (size_t i = 0; i < FM_PANEL; i += VL) {
                const size_t j = p * FM_PANEL + i;
                const vec z = v_load(x + b * x_stride + j), d = v_load(dy + b * dy_stride + j);
                const vec below = v_keep(z < (vec){0}, v_load(slope + i) * d);
                v_store(dx + b * dx_stride + j, v_select(z > (vec){0}, d, below));
            }
    }
}

/* Sums for a panel of alpha. */
typedef struct panel_sums {
    vec g[VECS];
} panel_sums;

INLINE panel_sums add_panels(panel_sums a, panel_sums b)
{
    for (int v = 0; v < VECS; v++)
        a.g[v] += b.g[v];
    return a;
}

/* Eight numbers of a row, at the columns given. */
INLINE panel_sums pick(const double *row, const size_t column[FM_PANEL])
{
    double lane[FM_PANEL];
    panel_sums picked;
    for (int i = 0; i < FM_PANEL; i++)
        lane[i] = row[column[i]];
    for (int v = 0; v < VECS; v++)
        picked.g[v] = v_load(lane + v * VL);
    return picked;
}

/* sums += dy min(x, 0) over the rows given, and in each over the columns that share an alpha;
 * of those `column` names the first. */
INLINE panel_sums add_below(panel_sums sums, const double *dy, size_t dy_stride,
                            const double *x, size_t x_stride, const size_t first[FM_PANEL],
                            fm_sharing sharing, size_t rows)
{
    for (size_t b = 0; b < rows; b++)
        for (size_t s = 0; s < sharing.shared; s++) {
            const size_t step = s * sharing.inner;
            const panel_sums z = pick(x + b * x_stride + step, first);
            const panel_sums d = pick(dy + b * dy_stride + step, first);
            for (int v = 0; v < VECS; v++)
                sums.g[v] = v_fma(v_min(z.g[v], (vec){0}), d.g[v], sums.g[v]);
        }
    return sums;
}

static void kernel_prelu_gradient(double *g, const double *dy, size_t dy_stride,
                                  const double *x, size_t x_stride, fm_sharing sharing,
                                  size_t rows, size_t begin, size_t end, bool resume)
{
    for (size_t p = begin; p < end; p++) {
        double *to = g + (p - begin) * FM_PANEL;
        const size_t alphas = sharing.columns / sharing.shared;
        size_t first[FM_PANEL];
        for (size_t i = 0; i < FM_PANEL; i++) {
            const size_t a = smaller(p * FM_PANEL + i, alphas - 1);
            first[i] = a / sharing.inner * sharing.shared * sharing.inner + a % sharing.inner;
        }
        panel_sums level[BLOCK_LEVELS]; /* as the sums of gradient.h */
        size_t blocks = 0;
        for (size_t b = 0; b < rows || b == 0; b += FM_GRADIENT_BLOCK, blocks++) {
            panel_sums fresh = {{{0}}};
            for (int v = 0; v < VECS && resume; v++)
                fresh.g[v] = v_load(to + v * VL);
            fresh = add_below(fresh, dy + b * dy_stride, dy_stride, x + b * x_stride, x_stride,
                              first, sharing, smaller(FM_GRADIENT_BLOCK, rows - b));
            size_t l = 0;
            for (; blocks >> l & 1; l++)
                fresh = add_panels(fresh, level[l]);
            level[l] = fresh;
        }
        size_t l = 0;
        while (!(blocks >> l & 1))
            l++;
        panel_sums total = level[l];
        while (blocks >> ++l != 0)
            if (blocks >> l & 1)
                total = add_panels(total, level[l]);
        for (int v = 0; v < VECS; v++)
            v_store(to + v * VL,
                    v_keep(real_lanes(p * FM_PANEL + (size_t)v * VL, alphas), total.g[v]));
    }
}
