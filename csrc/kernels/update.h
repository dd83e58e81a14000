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
#define GRADIENT_HEIGHTS TILES_UP_TO_12
#define MR_BEHIND 8
#else
#define MR_GRADIENT 6
#define GRADIENT_HEIGHTS TILES_UP_TO_6
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

/* x (rows, depth) by tiles of mr columns, each of them (rows, mr): what a tile reads is then a
 * stream of 64-byte lines all of which it uses. In place, its rows are lines apart, and with
 * those of dz they left L1: at 256 rows and (2048, 1024) 30 -> 39 GFLOP/s, SGD 34 -> 43. */
INLINE void pack_inputs(double *to, const size_t mr, const double *x, size_t x_stride,
                        size_t rows, size_t depth)
{
    size_t k = 0;
    for (; k + mr <= depth; k += mr)
        for (size_t b = 0; b < rows; b++, to += mr)
            memcpy(to, x + b * x_stride + k, mr * sizeof *to);
    for (size_t b = 0; b < rows; b++)
        for (size_t i = k; i < depth; i++)
            *to++ = x[b * x_stride + i];
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

/* More than FM_GRADIENT_BLOCK rows: LONG_ROWS w rows of some panels at a time, whose gradient
 * is summed in scratch, block by block of the batch. Each block of x is packed once for all
 * these panels. In registers over the whole batch, and x in place, every tile fetched all its
 * rows of x and dz from memory: the flagship's step on dense rows took 50 ms instead of 31 for
 * 4,096 rows and 150 instead of 82 for 10,000. 18 rows were no better.
 *
 * The tree needs one partial sum a level: sums[l] is that of 2^l blocks where bit l of the
 * number of blocks so far is set, as in counting. */
#define LONG_ROWS 12
#define LONG_PANELS 32
#define LONG_SUM (LONG_ROWS * FM_PANEL) /* doubles of one panel's sum */
#define LONG_SPACE (FM_UPDATE_SCRATCH - LONG_ROWS * FM_GRADIENT_BLOCK)
_Static_assert(LONG_ROWS % MR_GRADIENT == 0 && LONG_ROWS % 2 == 0, "whole tiles and pairs");
_Static_assert(LONG_SPACE / LONG_SUM >= 64, "a panel's sums for any number of blocks");

/* Sums needed at once for so many blocks: one a level. */
INLINE size_t tree_levels(size_t blocks)
{
    size_t levels = 0;
    for (; blocks > 0; blocks >>= 1)
        levels++;
    return levels;
}

/* to += from. */
INLINE void add_sum(double *to, const double *from, size_t count)
{
    for (size_t j = 0; j < count; j += VL)
        v_store(to + j, v_load(from + j) + v_load(to + j));
}

/* sums (levels, LONG_SUM) of one panel take in the gradient (LONG_ROWS, 8) of block number
 * `block`: x (rows, count), packed for tiles of MR_GRADIENT, dz (rows, 8). */
INLINE void sum_block(double *sums, size_t block, size_t count, const double *x,
                      const double *dz, size_t dz_stride, size_t rows)
{
    double fresh[LONG_SUM];
    for (size_t k = 0; k < count; k += MR_GRADIENT) {
        const size_t mr = smaller(MR_GRADIENT, count - k);
        gradient_rows(mr, fresh + k * FM_PANEL, x + k * rows, mr, dz, dz_stride, rows, false);
    }
    for (; block & 1; block >>= 1, sums += LONG_SUM)
        add_sum(fresh, sums, count * FM_PANEL);
    memcpy(sums, fresh, count * FM_PANEL * sizeof *sums);
}

/* The sum of `blocks` blocks, in the lowest of their sums; returns it. */
INLINE double *finish_sum(double *sums, size_t blocks, size_t count)
{
    for (; !(blocks & 1); blocks >>= 1)
        sums += LONG_SUM;
    double *total = sums;
    while (blocks >>= 1) {
        sums += LONG_SUM;
        if (blocks & 1)
            add_sum(total, sums, count * FM_PANEL);
    }
    return total;
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
    const size_t blocks = (rows + FM_GRADIENT_BLOCK - 1) / FM_GRADIENT_BLOCK;
    const size_t levels = tree_levels(blocks);
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

/* -- gradients that are stored on the way -- */

/* A long batch, STORED_ROWS of its rows at a time: g goes to memory and its chains on from
 * there. So the x of these rows stays in L2 and their dz of NP_STORED panels in L1, where a
 * tile that stays in registers over the whole batch fetches both anew; and nothing but sums
 * wants registers. */
#if defined(FM_ISA_avx512) || defined(FM_ISA_wide)
#define MR_STORED 8
#define NP_STORED 3
#else
#define MR_STORED 6
#define NP_STORED 1
#endif
#define STORED_ROWS 64

/* g (panels, mr, 8), np panels of it, += x (rows, mr)^T dz (rows, np * 8); = if not resume. */
INLINE void stored_tile(const int mr, const int np, double *g, size_t panel_stride,
                        const double *x, size_t x_stride, const double *dz, size_t dz_stride,
                        size_t rows, bool resume)
{
    const int columns = np * VECS;
    vec tile[MR_STORED * NP_STORED * VECS];
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++) {
            const double *at = g + (j / VECS) * panel_stride + i * FM_PANEL + (j % VECS) * VL;
            tile[i * columns + j] = resume ? v_load(at) : (vec){0};
        }
    for (size_t b = 0; b < rows; b++) {
        vec row[NP_STORED * VECS];
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++)
            row[j] = v_load(dz + b * dz_stride + j * VL);
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            const vec a = v_set1(x[b * x_stride + i]);
#pragma GCC unroll 16
            for (int j = 0; j < columns; j++)
                tile[i * columns + j] = v_fma(a, row[j], tile[i * columns + j]);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 16
        for (int j = 0; j < columns; j++)
            v_store(g + (j / VECS) * panel_stride + i * FM_PANEL + (j % VECS) * VL,
                    tile[i * columns + j]);
}

/* All w rows of np panels. */
INLINE void stored_columns(const int np, double *g, size_t panel_stride, const double *x,
                           size_t x_stride, const double *dz, size_t dz_stride, size_t rows,
                           size_t depth, bool resume)
{
    size_t k = 0;
    for (; k + MR_STORED <= depth; k += MR_STORED)
        stored_tile(MR_STORED, np, g + k * FM_PANEL, panel_stride, x + k, x_stride, dz,
                    dz_stride, rows, resume);
    for (; k + 4 <= depth; k += 4)
        stored_tile(4, np, g + k * FM_PANEL, panel_stride, x + k, x_stride, dz, dz_stride, rows,
                    resume);
    for (; k < depth; k++)
        stored_tile(1, np, g + k * FM_PANEL, panel_stride, x + k, x_stride, dz, dz_stride, rows,
                    resume);
}

/* Whether rows so many doubles apart fall on so few cache sets that L1 and L2 do not hold
 * them. */
INLINE bool collides(size_t stride)
{
    return stride > 512 && stride % 128 == 0;
}

/* g (panels, depth, 8) += x (rows, depth)^T dz (rows, panels * 8), for STORED_ROWS rows at
 * most. */
static void stored_block(double *g, size_t panel_stride, const double *x, size_t x_stride,
                         const double *dz, size_t dz_stride, size_t rows, size_t depth,
                         size_t panels, bool resume)
{
    enum { WIDTH = NP_STORED * FM_PANEL };
    double copy[STORED_ROWS * WIDTH];
    size_t p = 0;
    for (; p + NP_STORED <= panels; p += NP_STORED) {
        const double *strip = dz + p * FM_PANEL;
        size_t stride = dz_stride;
        if (collides(dz_stride)) {
            for (size_t b = 0; b < rows; b++)
                memcpy(copy + b * WIDTH, strip + b * dz_stride, WIDTH * sizeof *copy);
            strip = copy;
            stride = WIDTH;
        }
        stored_columns(NP_STORED, g + p * panel_stride, panel_stride, x, x_stride, strip,
                       stride, rows, depth, resume);
    }
#if NP_STORED > 1
    for (; p < panels; p++)
        stored_columns(1, g + p * panel_stride, panel_stride, x, x_stride, dz + p * FM_PANEL,
                       dz_stride, rows, depth, resume);
#endif
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
        update_dense(formula_adam, w, x, x_stride, dz, dz_stride, rows, depth, panels, update,
                     scratch);
}

static void kernel_update_sgd(fm_packed w, const double *x, size_t x_stride, const double *dz,
                              size_t dz_stride, size_t rows, size_t depth, size_t panels,
                              const fm_update *update, double *scratch)
{
    update_dense(formula_sgd, w, x, x_stride, dz, dz_stride, rows, depth, panels, update,
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
        long_gradient(formula_sgd, &sink, x, x_stride, dz, dz_stride, rows, depth, panels,
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

static void kernel_apply_adam(fm_packed w, const double *g, size_t depth, size_t panels,
                              const fm_update *update)
{
    if (update->shared_division)
        apply_panels(ADAM_MIXED, w, g, depth, panels, update);
    else
        apply_panels(formula_adam, w, g, depth, panels, update);
}

static void kernel_apply_sgd(fm_packed w, const double *g, size_t depth, size_t panels,
                             const fm_update *update)
{
    apply_panels(formula_sgd, w, g, depth, panels, update);
}

static void kernel_apply_rmsprop(fm_packed w, const double *g, size_t depth, size_t panels,
                                 const fm_update *update)
{
    apply_panels(formula_rmsprop, w, g, depth, panels, update);
}

/* -- what is done to gradients before they are applied -- */

static double kernel_squares(const double *g, size_t count)
{
    assert(count % FM_PANEL == 0);
    vec sum[VECS] = {0};
    for (size_t i = 0; i < count; i += FM_PANEL)
        for (int v = 0; v < VECS; v++) {
            const vec x = v_load(g + i + v * VL);
            sum[v] = v_fma(x, x, sum[v]);
        }
    return sum_lanes(sum);
}

static void kernel_multiply_by(double *g, size_t count, double factor)
{
    for (size_t i = 0; i < count; i += VL)
        v_store(g + i, v_load(g + i) * v_set1(factor));
}

static void kernel_clip(double *g, size_t count, double limit)
{
    const vec high = v_set1(limit), low = -high;
    for (size_t i = 0; i < count; i += VL) {
        const vec x = v_load(g + i);
        v_store(g + i, v_select(x > high, high, v_select(x < low, low, x)));
    }
}
