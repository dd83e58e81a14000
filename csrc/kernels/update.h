/* SPDX-License-Identifier: Apache-2.0
 *
 * Weight gradients fused with the optimizer: a tile of g = x^T dz stays in registers over the
 * batch and is applied to the parameters there; no gradient is stored. At the end the same in
 * two halves, for gradients that have to be.
 */
#include "simd.h"

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
            pipeline_advance(ADAM_SHARED_DIVISION, pipeline, u);
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
        pipeline_finish(kind, TILE_UNITS, &pipeline);
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
        break;
            GRADIENT_HEIGHTS
#undef TILE
        }
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

/* What is done with a gradient: stored to g, or applied to w by a formula. */
typedef struct long_sink {
    double *g;
    fm_packed w;
    const fm_update *update;
    size_t panel_stride;
} long_sink;

INLINE void long_gradient(const formula kind, const long_sink *sink, const double *x,
                          size_t x_stride, const double *dz, size_t dz_stride, size_t rows,
                          size_t depth, size_t panels, double *scratch)
{
    const size_t blocks = fm_gradient_blocks(rows);
    const size_t levels = fm_tree_levels(blocks);
    const size_t fitting = smaller(LONG_PANELS, LONG_SPACE / LONG_SUM / levels);
    double *sums = scratch + LONG_ROWS * FM_GRADIENT_BLOCK; /* (some, levels, LONG_SUM) */
    for (size_t first = 0; first < panels; first += fitting)
        for (size_t k = 0; k < depth; k += LONG_ROWS) {
            const size_t count = smaller(LONG_ROWS, depth - k);
            const size_t some = smaller(fitting, panels - first);
            for (size_t block = 0; block < blocks; block++) {
                const size_t b = block * FM_GRADIENT_BLOCK;
                const size_t length = smaller(FM_GRADIENT_BLOCK, rows - b);
                pack_inputs(scratch, MR_GRADIENT, x + b * x_stride + k, x_stride, length,
                            count);
                for (size_t p = 0; p < some; p++)
                    sum_block(sums + p * levels * LONG_SUM, block, count, scratch,
                              dz + b * dz_stride + (first + p) * FM_PANEL, dz_stride, length);
            }
            for (size_t p = 0; p < some; p++) {
                const double *g = finish_sum(sums + p * levels * LONG_SUM, blocks, count);
                const size_t at = (first + p) * sink->panel_stride + k * FM_PANEL;
                if (sink->g != NULL)
                    memcpy(sink->g + at, g, count * FM_PANEL * sizeof *g);
                else
                    apply_rows(shares_division(kind) ? ADAM_MIXED : kind, sink->w, at, g, count,
                               sink->update);
            }
        }
}

/* STORED_PANELS panels and as many w rows as scratch holds the gradient of, and x of
 * STORED_ROWS rows if they have to be copied. */
#define STORED_PANELS 24

INLINE void update_stored(const formula kind, fm_packed w, const double *x, size_t x_stride,
                          const double *dz, size_t dz_stride, size_t rows, size_t depth,
                          size_t panels, const fm_update *update, double *scratch)
{
    for (size_t first = 0, some; first < panels; first += some) {
        some = smaller(STORED_PANELS, panels - first);
        const size_t a_row = some * FM_PANEL + STORED_ROWS;
        const size_t block = FM_UPDATE_SCRATCH / a_row / MR_STORED * MR_STORED;
        for (size_t k = 0; k < depth; k += block) {
            const size_t count = smaller(block, depth - k), panel_stride = count * FM_PANEL;
            double *copy = scratch + some * panel_stride; /* (STORED_ROWS, count) */
            for (size_t b = 0; b < rows; b += STORED_ROWS) {
                const size_t length = smaller(STORED_ROWS, rows - b);
                const double *from = x + b * x_stride + k;
                for (size_t i = 0; collides(x_stride) && i < length; i++)
                    memcpy(copy + i * count, from + i * x_stride, count * sizeof *copy);
                stored_block(scratch, panel_stride, collides(x_stride) ? copy : from,
                             collides(x_stride) ? count : x_stride,
                             dz + b * dz_stride + first * FM_PANEL, dz_stride, length, count,
                             some, b > 0);
            }
            for (size_t p = 0; p < some; p++)
                apply_rows(shares_division(kind) ? ADAM_MIXED : kind, w,
                           (first + p) * w.panel_stride + k * FM_PANEL,
                           scratch + p * panel_stride, count, update);
        }
    }
}

/* From where on storing is faster than tiles of packed inputs. AVX2 has registers for Adam
 * beside sums of four w rows only, too few to keep the FMA units busy, so there Adam is better
 * off alone early. */
INLINE bool stored_pays(const formula kind, size_t rows, size_t panels, size_t x_stride)
{
    if (VL == 4 && shares_division(kind))
        return rows >= 256;
    const size_t many = VL == 8 && panels <= STORED_PANELS ? 512 : 1024;
    return rows >= many && !collides(x_stride);
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
        const long_sink sink = {.w = w, .update = update, .panel_stride = w.panel_stride};
        long_gradient(kind, &sink, x, x_stride, dz, dz_stride, rows, depth, panels, scratch);
        return;
    }
    if (stored_pays(kind, rows, panels, x_stride)) {
        update_stored(kind, w, x, x_stride, dz, dz_stride, rows, depth, panels, update,
                      scratch);
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
        update_dense(FORMULA_ADAM, w, x, x_stride, dz, dz_stride, rows, depth, panels, update,
                     scratch);
}

static void kernel_update_sgd(fm_packed w, const double *x, size_t x_stride, const double *dz,
                              size_t dz_stride, size_t rows, size_t depth, size_t panels,
                              const fm_update *update, double *scratch)
{
    update_dense(FORMULA_SGD, w, x, x_stride, dz, dz_stride, rows, depth, panels, update,
                 scratch);
}

/* -- the halves: gradients that are stored, and what applies them -- */

static void kernel_gradient(double *g, size_t panel_stride, const double *x, size_t x_stride,
                            const double *dz, size_t dz_stride, size_t rows, size_t depth,
                            size_t panels, bool resume, double *scratch)
{
    if (rows > FM_GRADIENT_BLOCK) {
        assert(!resume);
        const long_sink sink = {.g = g, .panel_stride = panel_stride};
        long_gradient(FORMULA_SGD, &sink, x, x_stride, dz, dz_stride, rows, depth, panels,
                      scratch);
        return;
    }
    /* with 8 lanes a tile of a panel and 12 w rows is faster where x and dz stay in L1 */
    if (VL < 8 || rows > STORED_ROWS) {
        size_t b = 0;
        do { /* once without rows: g is then zero */
            stored_block(g, panel_stride, x + b * x_stride, x_stride, dz + b * dz_stride,
                         dz_stride, smaller(STORED_ROWS, rows - b), depth, panels,
                         resume || b > 0);
            b += STORED_ROWS;
        } while (b < rows);
        return;
    }
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

static void kernel_apply_adam(fm_packed w, double *g, size_t depth, size_t panels,
                              const fm_update *update)
{
    if (update->shared_division)
        apply_panels(ADAM_MIXED, w, g, depth, panels, update);
    else
        apply_panels(FORMULA_ADAM, w, g, depth, panels, update);
}

static void kernel_apply_sgd(fm_packed w, double *g, size_t depth, size_t panels,
                             const fm_update *update)
{
    apply_panels(FORMULA_SGD, w, g, depth, panels, update);
}
