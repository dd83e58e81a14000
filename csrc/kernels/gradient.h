/* SPDX-License-Identifier: Apache-2.0
 *
 * Weight gradients g = x^T dz, by tiles whose chains go through the batch rows in order: in
 * registers over all rows, in memory between blocks of them, or summed by the tree of
 * FM_GRADIENT_BLOCK. update.h stores or applies them.
 */
#include "simd.h"

/* Tile heights, update.h's with Adam behind them too: MR_GRADIENT * VECS chains and two
 * operands in registers. */
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

/* More than FM_GRADIENT_BLOCK rows: LONG_ROWS w rows of some panels at a time, whose gradient
 * is summed in scratch, block by block of the batch. Each block of x is packed once for all
 * these panels. In registers over the whole batch, and x in place, every tile fetched all its
 * rows of x and dz from memory: the flagship's step on dense rows took 50 ms instead of 31 for
 * 4,096 rows and 150 instead of 82 for 10,000. 18 rows were no better. */
#define LONG_ROWS 12
#define LONG_PANELS 32
#define LONG_SUM (LONG_ROWS * FM_PANEL) /* doubles of one panel's sum */
#define LONG_SPACE (FM_UPDATE_SCRATCH - LONG_ROWS * FM_GRADIENT_BLOCK)
_Static_assert(LONG_ROWS % MR_GRADIENT == 0 && LONG_ROWS % 2 == 0, "whole tiles and pairs");
_Static_assert(LONG_SPACE / LONG_SUM >= 64, "a panel's sums for any number of blocks");

/* to += from. */
INLINE void add_sum(double *to, const double *from, size_t count)
{
    for (size_t j = 0; j < count; j += VL)
        v_store(to + j, v_load(from + j) + v_load(to + j));
}

/* sums (fm_tree_levels, LONG_SUM) of one panel take in the gradient (LONG_ROWS, 8) of block
 * number `block`: x (rows, count), packed for tiles of MR_GRADIENT, dz (rows, 8). */
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
