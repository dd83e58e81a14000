/* SPDX-License-Identifier: Apache-2.0
 *
 * Weight gradients fused with the optimizer: a tile of g = x^T dz stays in registers over the
 * batch and is applied to the parameters there; no gradient is stored. At the end the same in
 * two halves, for gradients that have to be.
 */
#include "simd.h"

/* Tile height: MR_GRADIENT * VECS chains and two operands in registers. */
#if defined(FM_ISA_avx512) || defined(FM_ISA_wide)
#define MR_GRADIENT 12
#define MR_BEHIND 8
#else
#define MR_GRADIENT 6
#define MR_BEHIND 4
#endif

/* g (mr, 8) += x (rows, mr)^T dz (rows, 8) for the rows [begin, end): its chains go on. */
INLINE void add_rows(const int mr, vec *g, const double *x, size_t x_stride, const double *dz,
                     size_t dz_stride, size_t begin, size_t end)
{
    for (size_t b = begin; b < end; b++) {
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

INLINE void clear_tile(const int mr, vec *g)
{
#pragma GCC unroll 64
    for (int j = 0; j < mr * VECS; j++)
        g[j] = (vec){0};
}

INLINE void update_tile(const formula kind, const int mr, fm_packed w, size_t at,
                        const double *x, size_t x_stride, const double *dz, size_t dz_stride,
                        size_t rows, const fm_update *update)
{
    vec g[MR_GRADIENT * VECS];
    clear_tile(mr, g);
    add_rows(mr, g, x, x_stride, dz, dz_stride, 0, rows);
#pragma GCC unroll 16
    for (int i = 0; i + 1 < mr; i += 2)
#pragma GCC unroll 4
        for (int v = 0; v < VECS; v++)
            apply_pair(kind, g[i * VECS + v], g[(i + 1) * VECS + v], w,
                       at + (size_t)(i * FM_PANEL + v * VL), update);
    if (mr % 2 == 1)
#pragma GCC unroll 4
        for (int v = 0; v < VECS; v++)
            apply(kind, g[(mr - 1) * VECS + v], w, at + (size_t)((mr - 1) * FM_PANEL + v * VL),
                  update);
}

/* A tile of MR_BEHIND rows with Adam for the tiles before it between its products: 118 -> 110
 * us for half the flagship's dense first layer, 441 -> 421 us a step on one thread. 6 rows on
 * AVX2, whose accumulators leave Adam one register, were no faster, nor were finer parts. */
#define TILE_UNITS (MR_BEHIND / 2 * VECS)
INLINE void update_tile_behind(adam_pipeline *pipeline, size_t at, const double *x,
                               size_t x_stride, const double *dz, size_t dz_stride, size_t rows)
{
    vec g[MR_BEHIND * VECS];
    clear_tile(MR_BEHIND, g);
    size_t b = 0;
    const size_t part = rows / TILE_UNITS;
    if (pipeline->formed_at != SIZE_MAX)
#pragma GCC unroll 8
        for (int u = 0; u < TILE_UNITS; u++) {
            pipeline_advance(pipeline, u);
            add_rows(MR_BEHIND, g, x, x_stride, dz, dz_stride, b, b + part);
            b += part;
        }
    add_rows(MR_BEHIND, g, x, x_stride, dz, dz_stride, b, rows);
#pragma GCC unroll 8
    for (int u = 0; u < TILE_UNITS; u++) {
        pipeline->g0[u] = g[u / VECS * 2 * VECS + u % VECS];
        pipeline->g1[u] = g[(u / VECS * 2 + 1) * VECS + u % VECS];
    }
    pipeline_push(TILE_UNITS, pipeline, at);
}

/* x (rows, depth) by tiles of mr columns, each of them (rows, mr): what a tile reads is then a
 * stream of 64-byte lines all of which it uses. In place, its rows are lines apart, and with
 * those of dz they left L1: at 256 rows and (2048, 1024) 30 -> 39 GFLOP/s, SGD 34 -> 43. */
static void pack_inputs(double *to, size_t mr, const double *x, size_t x_stride, size_t rows,
                        size_t depth)
{
    for (size_t k = 0; k < depth; k += mr) {
        mr = smaller(mr, depth - k);
        for (size_t b = 0; b < rows; b++)
            for (size_t i = 0; i < mr; i++)
                *to++ = x[b * x_stride + k + i];
    }
}

/* The inputs of a block of w rows: in place, or packed for tiles of a height. */
typedef struct tile_source {
    const double *x;
    size_t stride, rows;
    bool packed;
} tile_source;

/* Inputs (rows, mr) of the tile at row k of the block, and their row stride. */
INLINE const double *tile_at(const tile_source *source, size_t k)
{
    return source->packed ? source->x + k * source->rows : source->x + k;
}

INLINE size_t tile_stride(const tile_source *source, size_t mr)
{
    return source->packed ? mr : source->stride;
}

/* All w rows of one panel; tiles begin at even rows, so that pairs are those of the kernel. */
INLINE void update_panel(const formula kind, fm_packed w, size_t at, const tile_source *source,
                         const double *dz, size_t dz_stride, size_t depth,
                         const fm_update *update)
{
    const size_t rows = source->rows;
    size_t k = 0;
    if (kind == ADAM_SHARED_DIVISION) {
        adam_pipeline pipeline = {
            .w = w, .step = 2 * FM_PANEL, .update = update, .formed_at = SIZE_MAX};
        for (; k + MR_BEHIND <= depth; k += MR_BEHIND)
            update_tile_behind(&pipeline, at + k * FM_PANEL, tile_at(source, k),
                               tile_stride(source, MR_BEHIND), dz, dz_stride, rows);
        pipeline_finish(TILE_UNITS, &pipeline);
    }
    for (size_t mr; k < depth; k += mr) {
        mr = smaller(MR_GRADIENT, depth - k);
        const size_t here = at + k * FM_PANEL;
        const double *x = tile_at(source, k);
        const size_t x_stride = tile_stride(source, mr);
        switch (mr) {
#define TILE(n)                                                                                \
    case n:                                                                                    \
        update_tile(kind, n, w, here, x, x_stride, dz, dz_stride, rows, update);               \
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

INLINE void gradient_tile(const int mr, double *g, const double *x, size_t x_stride,
                          const double *dz, size_t dz_stride, size_t rows, bool resume)
{
    vec tile[MR_GRADIENT * VECS];
    clear_tile(mr, tile);
    if (resume)
#pragma GCC unroll 64
        for (int j = 0; j < mr * VECS; j++)
            tile[j] = v_load(g + j * VL);
    add_rows(mr, tile, x, x_stride, dz, dz_stride, 0, rows);
#pragma GCC unroll 64
    for (int j = 0; j < mr * VECS; j++)
        v_store(g + j * VL, tile[j]);
}

/* g (count, 8), count <= MR_GRADIENT. */
INLINE void gradient_rows(size_t count, double *g, const double *x, size_t x_stride,
                          const double *dz, size_t dz_stride, size_t rows, bool resume)
{
    if (count == MR_GRADIENT) {
        gradient_tile(MR_GRADIENT, g, x, x_stride, dz, dz_stride, rows, resume);
        return;
    }
    for (size_t i = 0, mr; i < count; i += mr) {
        mr = count - i >= 4 ? 4 : 1;
        double *at = g + i * FM_PANEL;
        if (mr == 4)
            gradient_tile(4, at, x + i, x_stride, dz, dz_stride, rows, resume);
        else
            gradient_tile(1, at, x + i, x_stride, dz, dz_stride, rows, resume);
    }
}

/* Applies g (depth, 8) to the w rows from `at` on. */
INLINE void apply_rows(const formula kind, fm_packed w, size_t at, const double *g,
                       size_t depth, const fm_update *update)
{
    for (size_t k = 0; k < depth; k += 2)
        for (size_t v = 0; v < VECS; v++) {
            const size_t here = k * FM_PANEL + v * VL;
            if (k + 1 < depth)
                apply_pair(kind, v_load(g + here), v_load(g + here + FM_PANEL), w, at + here,
                           update);
            else
                apply(kind, v_load(g + here), w, at + here, update);
        }
}

/* More than FM_GRADIENT_BLOCK rows: LONG_ROWS w rows of up to LONG_PANELS panels at a time,
 * whose gradient is summed in scratch, block by block of the batch. Each block of x is packed
 * once for all these panels. In registers over the whole batch, and x in place, every tile
 * fetched all its rows of x and dz from memory: the flagship's step on dense rows took 50 ms
 * instead of 31 for 4,096 rows and 150 instead of 82 for 10,000. 18 rows were no better. */
#define LONG_ROWS 12
#define LONG_PANELS 32
_Static_assert(LONG_ROWS % MR_GRADIENT == 0 && LONG_ROWS % 2 == 0, "whole tiles and pairs");
_Static_assert(LONG_ROWS *(FM_GRADIENT_BLOCK + LONG_PANELS * FM_PANEL) <= FM_UPDATE_SCRATCH,
               "a packed block of x and the gradients");

/* g (panels, LONG_ROWS, 8) += x (rows, count)^T dz (rows, panels * 8) of one gradient block, or
 * = if fresh; x packed for tiles of MR_GRADIENT. */
INLINE void sum_block(double *g, const double *x, size_t count, const double *dz,
                      size_t dz_stride, size_t rows, size_t panels, bool fresh)
{
    for (size_t p = 0; p < panels; p++)
        for (size_t k = 0; k < count; k += MR_GRADIENT) {
            const size_t mr = smaller(MR_GRADIENT, count - k);
            double *sum = g + (p * LONG_ROWS + k) * FM_PANEL;
            double block[MR_GRADIENT * FM_PANEL];
            gradient_rows(mr, fresh ? sum : block, x + k * rows, mr, dz + p * FM_PANEL,
                          dz_stride, rows, false);
            for (size_t j = 0; !fresh && j < mr * FM_PANEL; j++)
                sum[j] += block[j];
        }
}

INLINE void update_long(const formula kind, fm_packed w, const double *x, size_t x_stride,
                        const double *dz, size_t dz_stride, size_t rows, size_t depth,
                        size_t panels, const fm_update *update, double *scratch)
{
    double *g = scratch + LONG_ROWS * FM_GRADIENT_BLOCK; /* (panels, LONG_ROWS, 8) */
    for (size_t first = 0; first < panels; first += LONG_PANELS)
        for (size_t k = 0; k < depth; k += LONG_ROWS) {
            const size_t count = smaller(LONG_ROWS, depth - k);
            const size_t some = smaller(LONG_PANELS, panels - first);
            for (size_t b = 0; b < rows; b += FM_GRADIENT_BLOCK) {
                const size_t length = smaller(FM_GRADIENT_BLOCK, rows - b);
                pack_inputs(scratch, MR_GRADIENT, x + b * x_stride + k, x_stride, length,
                            count);
                sum_block(g, scratch, count, dz + b * dz_stride + first * FM_PANEL, dz_stride,
                          length, some, b == 0);
            }
            for (size_t p = 0; p < some; p++)
                apply_rows(kind, w, (first + p) * w.panel_stride + k * FM_PANEL,
                           g + p * LONG_ROWS * FM_PANEL, count, update);
        }
}

/* Panels from which packing x is paid back. */
#define PACKED_PANELS 4

INLINE void update_dense(const formula kind, fm_packed w, const double *x, size_t x_stride,
                         const double *dz, size_t dz_stride, size_t rows, size_t depth,
                         size_t panels, const fm_update *update, double *scratch)
{
    if (rows == 0)
        return;
    if (rows > FM_GRADIENT_BLOCK) {
        update_long(kind, w, x, x_stride, dz, dz_stride, rows, depth, panels, update, scratch);
        return;
    }
    const size_t mr = kind == ADAM_SHARED_DIVISION ? MR_BEHIND : MR_GRADIENT;
    const size_t tiles = FM_UPDATE_SCRATCH / rows / mr;
    const size_t block = (tiles > 0 ? tiles : 1) * mr;
    const bool packed = panels >= PACKED_PANELS;
    for (size_t k = 0; k < depth; k += block) {
        const size_t count = smaller(block, depth - k);
        tile_source source = {x + k, x_stride, rows, packed};
        if (packed) {
            pack_inputs(scratch, mr, x + k, x_stride, rows, count);
            source.x = scratch;
        }
        for (size_t p = 0; p < panels; p++)
            update_panel(kind, w, p * w.panel_stride + k * FM_PANEL, &source, dz + p * FM_PANEL,
                         dz_stride, count, update);
    }
}

static void kernel_update_adam(fm_packed w, const double *x, size_t x_stride, const double *dz,
                               size_t dz_stride, size_t rows, size_t depth, size_t panels,
                               const fm_update *update, double *scratch)
{
    if (update->shared_division)
        update_dense(ADAM_SHARED_DIVISION, w, x, x_stride, dz, dz_stride, rows, depth, panels,
                     update, scratch);
    else
        update_dense(ADAM, w, x, x_stride, dz, dz_stride, rows, depth, panels, update, scratch);
}

static void kernel_update_sgd(fm_packed w, const double *x, size_t x_stride, const double *dz,
                              size_t dz_stride, size_t rows, size_t depth, size_t panels,
                              const fm_update *update, double *scratch)
{
    update_dense(SGD, w, x, x_stride, dz, dz_stride, rows, depth, panels, update, scratch);
}

/* -- the halves: gradients that are stored, and what applies them -- */

static void kernel_gradient(double *g, size_t panel_stride, const double *x, size_t x_stride,
                            const double *dz, size_t dz_stride, size_t rows, size_t depth,
                            size_t panels, bool resume)
{
    for (size_t p = 0; p < panels; p++)
        for (size_t k = 0; k < depth; k += MR_GRADIENT)
            gradient_rows(smaller(MR_GRADIENT, depth - k), g + p * panel_stride + k * FM_PANEL,
                          x + k, x_stride, dz + p * FM_PANEL, dz_stride, rows, resume);
}

INLINE void apply_panels(const formula kind, fm_packed w, const double *g, size_t depth,
                         size_t panels, const fm_update *update)
{
    for (size_t p = 0; p < panels; p++)
        apply_rows(kind, w, p * w.panel_stride, g + p * w.panel_stride, depth, update);
}

static void kernel_apply_adam(fm_packed w, const double *g, size_t depth, size_t panels,
                              const fm_update *update)
{
    if (update->shared_division)
        apply_panels(ADAM_SHARED_DIVISION, w, g, depth, panels, update);
    else
        apply_panels(ADAM, w, g, depth, panels, update);
}

static void kernel_apply_sgd(fm_packed w, const double *g, size_t depth, size_t panels,
                             const fm_update *update)
{
    apply_panels(SGD, w, g, depth, panels, update);
}
