/* SPDX-License-Identifier: Apache-2.0
 *
 * The first layer on inputs that are mostly zero: products driven by lists of non-zeros.
 * Skipping a zero changes no bit, since fma(0, w, acc) is acc.
 */
#include "simd.h"

/* Panels whose accumulators stay in registers together: NP_SPARSE * VECS of them, and a
 * broadcast; the weights come as memory operands. */
#define NP_SPARSE 4

/* acc (np, 8) += sum over entries of value * row, rows `row_stride` doubles apart. */
INLINE void accumulate(const int np, vec *acc, const fm_entry *entries, size_t count,
                       const double *rows, size_t row_stride, size_t panel_stride)
{
    for (size_t e = 0; e < count; e++) {
        const vec a = v_set1(entries[e].value);
        const double *row = rows + entries[e].index * row_stride;
#pragma GCC unroll 32
        for (int j = 0; j < np * VECS; j++)
            acc[j] =
                v_fma(a, v_load(row + (j / VECS) * panel_stride + (j % VECS) * VL), acc[j]);
    }
}

INLINE void sparse_strip(const int np, double *y, const fm_entry *entries, size_t count,
                         const double *w, size_t panel_stride, bool resume)
{
    vec acc[NP_SPARSE * VECS];
#pragma GCC unroll 32
    for (int j = 0; j < np * VECS; j++)
        acc[j] = resume ? v_load(y + j * VL) : (vec){0};
    accumulate(np, acc, entries, count, w, FM_PANEL, panel_stride);
#pragma GCC unroll 32
    for (int j = 0; j < np * VECS; j++)
        v_store(y + j * VL, acc[j]);
}

static void kernel_sparse_matmul(double *y, const fm_entry *entries, size_t count,
                                 const double *w, size_t panel_stride, size_t panels,
                                 bool resume)
{
    size_t p = 0;
    for (; p + NP_SPARSE <= panels; p += NP_SPARSE)
        sparse_strip(NP_SPARSE, y + p * FM_PANEL, entries, count, w + p * panel_stride,
                     panel_stride, resume);
    for (; p < panels; p++)
        sparse_strip(1, y + p * FM_PANEL, entries, count, w + p * panel_stride, panel_stride,
                     resume);
}

/* np panels of all w rows. */
INLINE void sparse_update_strip(const bool adam, const int np, fm_packed w, size_t at,
                                const fm_entry *entries, const uint32_t *counts,
                                size_t capacity, const uint8_t *active, const double *dz,
                                size_t dz_stride, size_t depth, const fm_update *update)
{
    for (size_t k = 0; k < depth; k++) {
        if (!active[k])
            continue;
        vec g[NP_SPARSE * VECS];
#pragma GCC unroll 32
        for (int j = 0; j < np * VECS; j++)
            g[j] = (vec){0};
        accumulate(np, g, entries + k * capacity, counts[k], dz, dz_stride, FM_PANEL);
#pragma GCC unroll 32
        for (int j = 0; j < np * VECS; j++)
            apply(adam, g[j], w,
                  at + (size_t)(j / VECS) * w.panel_stride + k * FM_PANEL + (j % VECS) * VL,
                  update);
    }
}

INLINE void sparse_update(const bool adam, fm_packed w, const fm_entry *entries,
                          const uint32_t *counts, size_t capacity, const uint8_t *active,
                          const double *dz, size_t dz_stride, size_t depth, size_t panels,
                          const fm_update *update)
{
    size_t p = 0;
    for (; p + NP_SPARSE <= panels; p += NP_SPARSE)
        sparse_update_strip(adam, NP_SPARSE, w, p * w.panel_stride, entries, counts, capacity,
                            active, dz + p * FM_PANEL, dz_stride, depth, update);
    for (; p < panels; p++)
        sparse_update_strip(adam, 1, w, p * w.panel_stride, entries, counts, capacity, active,
                            dz + p * FM_PANEL, dz_stride, depth, update);
}

static void kernel_sparse_update_adam(fm_packed w, const fm_entry *entries,
                                      const uint32_t *counts, size_t capacity,
                                      const uint8_t *active, const double *dz, size_t dz_stride,
                                      size_t depth, size_t panels, const fm_update *update)
{
    sparse_update(true, w, entries, counts, capacity, active, dz, dz_stride, depth, panels,
                  update);
}

static void kernel_sparse_update_sgd(fm_packed w, const fm_entry *entries,
                                     const uint32_t *counts, size_t capacity,
                                     const uint8_t *active, const double *dz, size_t dz_stride,
                                     size_t depth, size_t panels, const fm_update *update)
{
    sparse_update(false, w, entries, counts, capacity, active, dz, dz_stride, depth, panels,
                  update);
}
