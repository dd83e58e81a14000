/* SPDX-License-Identifier: Apache-2.0
 *
 * Weight gradients fused with the optimizer: a tile of g = x^T dz stays in registers over the
 * batch and is applied to the parameters there; no gradient is ever stored.
 */
#include "simd.h"

/* Tile height: MR_GRADIENT * VECS chains and two operands in registers. */
#if defined(FM_ISA_avx512) || defined(FM_ISA_wide)
#define MR_GRADIENT 12
#else
#define MR_GRADIENT 6
#endif
/* Doubles of x that a block of w rows may need in L2 while all panels pass over it. */
#define X_BLOCK 24576

/* -- the formulas, on one vector of a parameter ----------------------------------------------
 */

INLINE void adam_apply(vec g, double *w, double *m, double *v, const fm_update *update)
{
    const vec m0 = v_load(m), v0 = v_load(v);
    const vec m1 = v_fma(g - m0, v_set1(update->rest_beta_1), m0);
    const vec v1 = v_fma(v_fma(g, g, -v0), v_set1(update->rest_beta_2), v0);
    v_store(m, m1);
    v_store(v, v1);
    const vec step = m1 * v_set1(update->alpha) / (v_sqrt(v1) + v_set1(update->epsilon));
    v_store(w, v_load(w) - step);
}

INLINE void sgd_apply(vec g, double *w, double *m, const fm_update *update)
{
    const vec rate_g = v_set1(update->rate) * g;
    if (m == NULL) {
        v_store(w, v_load(w) - rate_g);
        return;
    }
    const vec momentum = v_set1(update->momentum);
    const vec m1 = v_fma(v_load(m), momentum, -rate_g);
    v_store(m, m1);
    const vec step = update->nesterov ? v_fma(m1, momentum, -rate_g) : m1;
    v_store(w, v_load(w) + step);
}

/* Applies vector `at` doubles into the parameter. */
INLINE void apply(const bool adam, vec g, fm_packed w, size_t at, const fm_update *update)
{
    if (adam)
        adam_apply(g, w.value + at, w.slot[0] + at, w.slot[1] + at, update);
    else
        sgd_apply(g, w.value + at, w.slot[0] ? w.slot[0] + at : NULL, update);
}

/* -- dense
 * --------------------------------------------------------------------------------------- */

/* g (mr, 8) = x (rows, mr)^T dz (rows, 8), one chain each; rows <= FM_GRADIENT_BLOCK. */
INLINE void gradient_chain(const int mr, vec *g, const double *x, size_t x_stride,
                           const double *dz, size_t dz_stride, size_t rows)
{
#pragma GCC unroll 64
    for (int j = 0; j < mr * VECS; j++)
        g[j] = (vec){0};
    for (size_t b = 0; b < rows; b++) {
        vec row[VECS];
#pragma GCC unroll 4
        for (int v = 0; v < VECS; v++)
            row[v] = v_load(dz + b * dz_stride + v * VL);
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            const vec a = v_set1(x[b * x_stride + i]);
#pragma GCC unroll 4
            for (int v = 0; v < VECS; v++)
                g[i * VECS + v] = v_fma(a, row[v], g[i * VECS + v]);
        }
    }
}

INLINE void update_tile(const bool adam, const int mr, fm_packed w, size_t at, const double *x,
                        size_t x_stride, const double *dz, size_t dz_stride, size_t rows,
                        const fm_update *update)
{
    vec g[MR_GRADIENT * VECS];
    gradient_chain(mr, g, x, x_stride, dz, dz_stride, smaller(rows, FM_GRADIENT_BLOCK));
    for (size_t b = FM_GRADIENT_BLOCK; b < rows; b += FM_GRADIENT_BLOCK) {
        vec block[MR_GRADIENT * VECS];
        gradient_chain(mr, block, x + b * x_stride, x_stride, dz + b * dz_stride, dz_stride,
                       smaller(rows - b, FM_GRADIENT_BLOCK));
        for (int j = 0; j < mr * VECS; j++)
            g[j] += block[j];
    }
#pragma GCC unroll 64
    for (int j = 0; j < mr * VECS; j++)
        apply(adam, g[j], w, at + (size_t)j * VL, update);
}

/* w rows [first, last) of one panel. */
INLINE void update_panel(const bool adam, fm_packed w, size_t at, const double *x,
                         size_t x_stride, const double *dz, size_t dz_stride, size_t rows,
                         size_t depth, const fm_update *update)
{
    for (size_t k = 0, mr; k < depth; k += mr) {
        mr = smaller(MR_GRADIENT, depth - k);
        switch (mr) {
#define TILE(n)                                                                                \
    case n:                                                                                    \
        update_tile(adam, n, w, at + k * FM_PANEL, x + k, x_stride, dz, dz_stride, rows,       \
                    update);                                                                   \
        break
            TILE(1);
            TILE(2);
            TILE(3);
            TILE(4);
            TILE(5);
            TILE(6);
#if MR_GRADIENT > 6
            TILE(7);
            TILE(8);
            TILE(9);
            TILE(10);
            TILE(11);
            TILE(12);
#endif
#undef TILE
        }
    }
}

INLINE void update_dense(const bool adam, fm_packed w, const double *x, size_t x_stride,
                         const double *dz, size_t dz_stride, size_t rows, size_t depth,
                         size_t panels, const fm_update *update)
{
    if (rows == 0)
        return;
    size_t tiles = X_BLOCK / rows / MR_GRADIENT;
    size_t block = (tiles > 0 ? tiles : 1) * MR_GRADIENT;
    for (size_t k = 0; k < depth; k += block)
        for (size_t p = 0; p < panels; p++)
            update_panel(adam, w, p * w.panel_stride + k * FM_PANEL, x + k, x_stride,
                         dz + p * FM_PANEL, dz_stride, rows, smaller(block, depth - k), update);
}

static void kernel_update_adam(fm_packed w, const double *x, size_t x_stride, const double *dz,
                               size_t dz_stride, size_t rows, size_t depth, size_t panels,
                               const fm_update *update)
{
    update_dense(true, w, x, x_stride, dz, dz_stride, rows, depth, panels, update);
}

static void kernel_update_sgd(fm_packed w, const double *x, size_t x_stride, const double *dz,
                              size_t dz_stride, size_t rows, size_t depth, size_t panels,
                              const fm_update *update)
{
    update_dense(false, w, x, x_stride, dz, dz_stride, rows, depth, panels, update);
}
