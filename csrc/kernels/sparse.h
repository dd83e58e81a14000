/* SPDX-License-Identifier: Apache-2.0
 *
 * The first layer on inputs that are mostly zero: products driven by lists of non-zeros.
 * Skipping a zero changes no bit, since fma(0, w, acc) is acc.
 */
#include "simd.h"

/* -- rows by their non-zeros -- */

/* Panels whose accumulators stay in registers together, the weights being memory operands: as
 * many chains as an FMA takes cycles. No clear win from prefetching what later entries want. */
#define NP_ROW 4

/* y (np * 8) = the entries [begin, end) x their w rows; if resume, the chains go on from y. */
INLINE void row_strip(const int np, double *y, const bool resume, const double *values,
                      const uint32_t *places, size_t begin, size_t end, const double *w,
                      size_t panel_stride)
{
    vec acc[NP_ROW * VECS];
#pragma GCC unroll 32
    for (int j = 0; j < np * VECS; j++)
        acc[j] = resume ? v_load(y + j * VL) : (vec){0};
    for (size_t e = begin; e < end; e++) {
        const vec a = v_set1(values[e]);
        const double *row = w + places[e];
#pragma GCC unroll 32
        for (int j = 0; j < np * VECS; j++)
            acc[j] =
                v_fma(a, v_load(row + (j / VECS) * panel_stride + (j % VECS) * VL), acc[j]);
    }
#pragma GCC unroll 32
    for (int j = 0; j < np * VECS; j++)
        v_store(y + j * VL, acc[j]);
}

/* From this many rows on weights are read block by block, for all rows from L1. */
#define LISTED_ROWS 3

/* A strip of np panels of all rows. */
INLINE void rows_strip(const int np, double *y, size_t y_stride, const double *values,
                       const uint32_t *places, const uint32_t *starts, const double *w,
                       size_t panel_stride, size_t rows, size_t depth)
{
    const size_t blocks = fm_list_blocks(depth), some = rows < LISTED_ROWS ? blocks : 1;
    for (size_t b = 0; b < rows; b++)
        row_strip(np, y + b * y_stride, false, values, places, starts[b * blocks],
                  starts[b * blocks + some], w, panel_stride);
    for (size_t i = some; i < blocks; i++)
        for (size_t b = 0; b < rows; b++) {
            const uint32_t *at = starts + b * blocks + i;
            if (at[0] < at[1])
                row_strip(np, y + b * y_stride, true, values, places, at[0], at[1], w,
                          panel_stride);
        }
}

static void kernel_sparse_rows(double *y, size_t y_stride, const double *values,
                               const uint32_t *places, const uint32_t *starts, const double *w,
                               size_t panel_stride, size_t rows, size_t depth, size_t panels)
{
    for (size_t p = 0, np; p < panels; p += np) {
        double *to = y + p * FM_PANEL;
        const double *from = w + p * panel_stride;
        np = p + NP_ROW <= panels ? NP_ROW : p + 2 <= panels ? 2 : 1;
        if (np == NP_ROW)
            rows_strip(NP_ROW, to, y_stride, values, places, starts, from, panel_stride, rows,
                       depth);
        else if (np == 2)
            rows_strip(2, to, y_stride, values, places, starts, from, panel_stride, rows,
                       depth);
        else
            rows_strip(1, to, y_stride, values, places, starts, from, panel_stride, rows,
                       depth);
    }
}

/* -- a batch by pairs of features -- */

/* Two features at a time halve the loads and stores of what the list points at: neighbouring
 * pixels are mostly zero or not together. A pair's weights (or gradients) for NP_PAIR panels
 * fill the registers: 2 * NP_PAIR * VECS, and half as many of y (or dz).
 *
 * Strips of panels are the outer loop although every one of them reads all lists again: what a
 * strip streams (weights, both moments, lists) are then few enough streams for the CPU to
 * prefetch. With the pair outside and 8 panels inside, 24 of them, the flagship's step took
 * 177 us instead of 130, while each kernel alone, on data at rest in L2, was no slower. */
#if defined(FM_ISA_avx512) || defined(FM_ISA_wide)
#define NP_PAIR 8
#else
#define NP_PAIR 2
#endif

/* The second row of a pair; behind the last row of an odd count, where its inputs are zero, it
 * is the first again. */
INLINE size_t second_row(size_t pair, size_t depth)
{
    return 2 * pair + 1 < depth ? FM_PANEL : 0;
}

/* y (rows, np * 8) += values of the pair x its two w rows, for the rows in its list. */
INLINE void pair_product(const int np, double *y, size_t y_stride, const fm_pair *entries,
                         size_t count, const double *w, size_t second, size_t panel_stride)
{
    vec w0[NP_PAIR * VECS], w1[NP_PAIR * VECS];
#pragma GCC unroll 32
    for (int j = 0; j < np * VECS; j++) {
        const double *at = w + (j / VECS) * panel_stride + (j % VECS) * VL;
        w0[j] = v_load(at);
        w1[j] = v_load(at + second);
    }
    for (size_t e = 0; e < count; e++) {
        const vec x0 = v_set1(entries[e].value[0]), x1 = v_set1(entries[e].value[1]);
        double *row = opaque(y + entries[e].row * y_stride);
#pragma GCC unroll 32
        for (int j = 0; j < np * VECS; j++)
            v_store(row + j * VL, v_fma(x1, w1[j], v_fma(x0, w0[j], v_load(row + j * VL))));
    }
}

/* A strip of np panels of y, all pairs. */
INLINE void matmul_strip(const int np, double *y, size_t y_stride, const fm_pair *entries,
                         const fm_span *spans, const double *w, size_t panel_stride,
                         size_t depth)
{
    for (size_t pair = 0; pair < (depth + 1) / 2; pair++)
        pair_product(np, y, y_stride, entries + spans[pair].begin, spans[pair].count,
                     w + 2 * pair * FM_PANEL, second_row(pair, depth), panel_stride);
}

static void kernel_sparse_matmul(double *y, size_t y_stride, const fm_pair *entries,
                                 const fm_span *spans, const double *w, size_t panel_stride,
                                 size_t rows, size_t depth, size_t panels)
{
    clear_rows(y, y_stride, rows, panels);
    size_t p = 0;
    for (; p + NP_PAIR <= panels; p += NP_PAIR)
        matmul_strip(NP_PAIR, y + p * FM_PANEL, y_stride, entries, spans, w + p * panel_stride,
                     panel_stride, depth);
    for (; p < panels; p++)
        matmul_strip(1, y + p * FM_PANEL, y_stride, entries, spans, w + p * panel_stride,
                     panel_stride, depth);
}

/* Gradients of the two w rows of a pair for np panels. */
typedef struct pair_gradient {
    vec g0[NP_PAIR * VECS], g1[NP_PAIR * VECS];
} pair_gradient;

/* One batch row's share: g0 += x0 dz, g1 += x1 dz. */
INLINE void add_entry(const int np, pair_gradient *g, const fm_pair *entry, const double *dz,
                      size_t dz_stride)
{
    const vec x0 = v_set1(entry->value[0]), x1 = v_set1(entry->value[1]);
    const double *row = dz + entry->row * dz_stride;
#pragma GCC unroll 32
    for (int j = 0; j < np * VECS; j++) {
        const vec d = v_load(row + j * VL);
        g->g0[j] = v_fma(x0, d, g->g0[j]);
        g->g1[j] = v_fma(x1, d, g->g1[j]);
    }
}

/* A strip of np panels on its own. */
INLINE void update_strip(const formula kind, const int np, fm_packed w, size_t at,
                         const fm_pair *entries, size_t count, const double *dz,
                         size_t dz_stride, const fm_update *update)
{
    pair_gradient g = {0};
    for (size_t e = 0; e < count; e++)
        add_entry(np, &g, &entries[e], dz, dz_stride);
#pragma GCC unroll 32
    for (int j = 0; j < np * VECS; j++)
        apply_pair(kind, g.g0[j], g.g1[j], w,
                   at + (size_t)(j / VECS) * w.panel_stride + (size_t)(j % VECS) * VL, update);
}

/* The gradients of a strip of np panels, stored; behind the last row of an odd count there is
 * no second. */
INLINE void store_strip(const int np, double *to, size_t second, size_t panel_stride,
                        const fm_pair *entries, size_t count, const double *dz,
                        size_t dz_stride, bool resume)
{
    if (resume && count == 0)
        return;
    pair_gradient g = {0};
    if (resume)
#pragma GCC unroll 32
        for (int j = 0; j < np * VECS; j++) {
            const double *at = to + (size_t)(j / VECS) * panel_stride + (size_t)(j % VECS) * VL;
            g.g0[j] = v_load(at);
            g.g1[j] = v_load(at + second);
        }
    for (size_t e = 0; e < count; e++)
        add_entry(np, &g, &entries[e], dz, dz_stride);
#pragma GCC unroll 32
    for (int j = 0; j < np * VECS; j++) {
        double *at = to + (size_t)(j / VECS) * panel_stride + (size_t)(j % VECS) * VL;
        if (second > 0)
            v_store(at + second, g.g1[j]);
        v_store(at, g.g0[j]);
    }
}

/* A strip of NP_PAIR panels with Adam for the strips before it between its products. */
#define STRIP_UNITS (NP_PAIR * VECS)
INLINE void update_strip_behind(const formula kind, adam_pipeline *pipeline, size_t at,
                                const fm_pair *entries, size_t count, const double *dz,
                                size_t dz_stride)
{
    pair_gradient g = {0};
    size_t e = 0;
    if (pipeline->formed_at != SIZE_MAX)
#pragma GCC unroll 32
        for (int u = 0; u < STRIP_UNITS; u++) {
            pipeline_advance(kind, pipeline, u);
            for (int n = 0; n < 2 && e < count; n++)
                add_entry(NP_PAIR, &g, &entries[e++], dz, dz_stride);
        }
    for (; e < count; e++)
        add_entry(NP_PAIR, &g, &entries[e], dz, dz_stride);
#pragma GCC unroll 32
    for (int u = 0; u < STRIP_UNITS; u++) {
        pipeline->g0[u] = g.g0[u];
        pipeline->g1[u] = g.g1[u];
    }
    pipeline_push(STRIP_UNITS, pipeline, at);
}

/* The last row of an odd count, for one panel. */
INLINE void row_update(const formula kind, fm_packed w, size_t at, const fm_pair *entries,
                       size_t count, const double *dz, size_t dz_stride,
                       const fm_update *update)
{
    for (int v = 0; v < VECS; v++) {
        vec g = {0};
        for (size_t e = 0; e < count; e++)
            g = v_fma(v_set1(entries[e].value[0]),
                      v_load(dz + entries[e].row * dz_stride + v * VL), g);
        apply(kind, g, w, at + (size_t)v * VL, update);
    }
}

static void kernel_sparse_gradient(double *g, size_t panel_stride, const fm_pair *entries,
                                   const fm_span *spans, const double *dz, size_t dz_stride,
                                   size_t depth, size_t panels, bool resume)
{
    for (size_t p = 0, np; p < panels; p += np) {
        np = p + NP_PAIR <= panels ? NP_PAIR : 1;
        for (size_t pair = 0; pair < (depth + 1) / 2; pair++) {
            double *at = g + p * panel_stride + 2 * pair * FM_PANEL;
            const fm_pair *list = entries + spans[pair].begin;
            const size_t second = second_row(pair, depth);
            if (np == NP_PAIR)
                store_strip(NP_PAIR, at, second, panel_stride, list, spans[pair].count,
                            dz + p * FM_PANEL, dz_stride, resume);
            else
                store_strip(1, at, second, panel_stride, list, spans[pair].count,
                            dz + p * FM_PANEL, dz_stride, resume);
        }
    }
}

INLINE void sparse_update(const formula kind, fm_packed w, const fm_pair *entries,
                          const fm_span *spans, const uint8_t *active, const double *dz,
                          size_t dz_stride, size_t depth, size_t panels,
                          const fm_update *update)
{
    adam_pipeline pipeline = {
        .w = w, .step = w.panel_stride, .update = update, .formed_at = SIZE_MAX};
    const size_t last = depth / 2;
    for (size_t p = 0, np; p < panels; p += np) {
        np = p + NP_PAIR <= panels ? NP_PAIR : 1;
        const double *dz_strip = dz + p * FM_PANEL;
        for (size_t pair = 0; pair < last; pair++) {
            if (!active[pair])
                continue;
            const fm_pair *list = entries + spans[pair].begin;
            const size_t at = p * w.panel_stride + 2 * pair * FM_PANEL;
            const size_t count = spans[pair].count;
            if (np == 1)
                update_strip(kind, 1, w, at, list, count, dz_strip, dz_stride, update);
            else if (shares_division(kind))
                update_strip_behind(kind, &pipeline, at, list, count, dz_strip, dz_stride);
            else
                update_strip(kind, NP_PAIR, w, at, list, count, dz_strip, dz_stride, update);
        }
        if (depth % 2 == 1 && active[last])
            for (size_t i = 0; i < np; i++)
                row_update(kind, w, (p + i) * w.panel_stride + 2 * last * FM_PANEL,
                           entries + spans[last].begin, spans[last].count,
                           dz_strip + i * FM_PANEL, dz_stride, update);
    }
    pipeline_finish(kind, STRIP_UNITS, &pipeline);
}

static void kernel_sparse_update_adam(fm_packed w, const fm_pair *entries, const fm_span *spans,
                                      const uint8_t *active, const double *dz, size_t dz_stride,
                                      size_t depth, size_t panels, const fm_update *update)
{
    if (ROOTS_BY_FMA && update->shared_division && update->divider_is_limit)
        sparse_update(ADAM_BY_FMA, w, entries, spans, active, dz, dz_stride, depth, panels,
                      update);
    else if (update->shared_division)
        sparse_update(ADAM_SHARED_DIVISION, w, entries, spans, active, dz, dz_stride, depth,
                      panels, update);
    else
        sparse_update(FORMULA_ADAM, w, entries, spans, active, dz, dz_stride, depth, panels,
                      update);
}

static void kernel_sparse_update_sgd(fm_packed w, const fm_pair *entries, const fm_span *spans,
                                     const uint8_t *active, const double *dz, size_t dz_stride,
                                     size_t depth, size_t panels, const fm_update *update)
{
    sparse_update(FORMULA_SGD, w, entries, spans, active, dz, dz_stride, depth, panels, update);
}
