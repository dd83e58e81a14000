/* SPDX-License-Identifier: Apache-2.0
 *
 * Dense products on micropanels: y = x w, and y = x w^T through transposed scratch panels.
 *
 * The microkernel keeps mr rows by np panels of accumulators in registers and walks the
 * reduced index, fm_matmul_depth of it at a time over FM_ROW_BLOCK rows.
 */
#include "simd.h"

/* MR x NP * VECS accumulators, the panel's vectors and one broadcast have to fit the register
 * file: AVX2 6x1x2 + 2 + 1 of 16; AVX-512 8x3x1 + 3 + 1, NEON 6x1x4 + 4 + 1 of 32. */
#if defined(FM_ISA_avx512) || defined(FM_ISA_wide)
#define MR 8
#define NP 3
#else
#define MR 6
#define NP 1
#endif
/* Panels beside each other when there are fewer than SMALL rows: enough chains to cover the
 * FMA's latency, NP_SMALL(mr) * mr * VECS of them. */
#define SMALL 4
#define NP_SMALL(mr) (6 / (mr))

/* Rows of a plain w fetched ahead; 16 and 32 were no better. */
#define PACKING_AHEAD 8

/* np panels, panel_stride apart, of rows w_stride apart. If panel is not NULL, np is 1 and the
 * rows are copied there on the way: the two stores hide beside the FMAs. */
INLINE void matmul_tile(const int mr, const int np, double *y, size_t y_stride, const double *x,
                        size_t x_stride, const double *w, size_t panel_stride, size_t w_stride,
                        double *panel, size_t depth, bool resume)
{
    const int columns = np * VECS;
    vec acc[MR * 6 * VECS];
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 32
        for (int j = 0; j < columns; j++)
            acc[i * columns + j] = resume ? v_load(y + i * y_stride + j * VL) : (vec){0};
    for (size_t k = 0; k < depth; k++) {
        vec row[6 * VECS];
#pragma GCC unroll 32
        for (int j = 0; j < columns; j++)
            row[j] = v_load(w + (j / VECS) * panel_stride + k * w_stride + (j % VECS) * VL);
        if (panel != NULL) {
#pragma GCC unroll 32
            for (int j = 0; j < columns; j++)
                v_store(panel + k * FM_PANEL + j * VL, row[j]);
            if (k + PACKING_AHEAD < depth)
                __builtin_prefetch(w + (k + PACKING_AHEAD) * w_stride);
        }
#pragma GCC unroll 16
        for (int i = 0; i < mr; i++) {
            const vec a = v_set1(x[i * x_stride + k]);
#pragma GCC unroll 32
            for (int j = 0; j < columns; j++)
                acc[i * columns + j] = v_fma(a, row[j], acc[i * columns + j]);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < mr; i++)
#pragma GCC unroll 32
        for (int j = 0; j < columns; j++)
            v_store(y + i * y_stride + j * VL, acc[i * columns + j]);
}

/* TILE for every height up to some, in a switch: the compiler makes a tile of each. */
#define TILES_UP_TO_6 TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#define TILES_UP_TO_8 TILES_UP_TO_6 TILE(7) TILE(8)
#define TILES_UP_TO_12 TILES_UP_TO_8 TILE(9) TILE(10) TILE(11) TILE(12)
#if MR > 6
#define TILE_HEIGHTS TILES_UP_TO_8
#else
#define TILE_HEIGHTS TILES_UP_TO_6
#endif

/* Tile heights for `left` rows: MR, and the last two alike so that no sliver remains. */
INLINE size_t tile_rows(size_t left)
{
    return left >= 2 * MR ? MR : left > MR ? (left + 1) / 2 : left;
}

INLINE size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* From this many rows on a panel's share of the next panel's lines is small beside a tile. */
#define AHEAD_ROWS 64

/* Fetches to L2, while rows [i, i + mr) of all pass over a panel, the same share of the lines
 * of the panel behind it: 43.7 -> 45.8 GFLOP/s where w comes from memory. */
INLINE void fetch_next_panel(const double *w, size_t panel_stride, size_t i, size_t mr,
                             size_t rows, size_t depth)
{
    const size_t first = depth * i / rows, last = depth * (i + mr) / rows;
    for (size_t k = first; k < last; k++)
        __builtin_prefetch(w + panel_stride + k * FM_PANEL, 0, 2);
}

/* Fetches the rows of y that the next tile adds to: 39 -> 46 GFLOP/s where y comes from L3. */
INLINE void fetch_next_rows(double *y, size_t y_stride, size_t begin, size_t rows)
{
    const size_t end = smaller(begin + MR, rows);
    for (size_t i = begin; i < end; i++)
        __builtin_prefetch(y + i * y_stride, 1, 3);
}

/* All rows by np panels. */
INLINE void matmul_column(const int np, double *y, size_t y_stride, const double *x,
                          size_t x_stride, const double *w, size_t panel_stride, size_t rows,
                          size_t depth, bool resume)
{
    for (size_t i = 0, mr; i < rows; i += mr) {
        mr = tile_rows(rows - i);
        double *yi = y + i * y_stride;
        const double *xi = x + i * x_stride;
        if (np == 1 && panel_stride > 0 && rows >= AHEAD_ROWS)
            fetch_next_panel(w, panel_stride, i, mr, rows, depth);
        if (rows >= AHEAD_ROWS)
            fetch_next_rows(y, y_stride, i + mr, rows);
        switch (mr) {
#define TILE(m)                                                                                \
    case m:                                                                                    \
        matmul_tile(m, np, yi, y_stride, xi, x_stride, w, panel_stride, FM_PANEL, NULL, depth, \
                    resume);                                                                   \
        break;
            TILE_HEIGHTS
#undef TILE
        }
    }
}

/* Fewer than SMALL rows by all panels. */
INLINE void matmul_small(const int mr, double *y, size_t y_stride, const double *x,
                         size_t x_stride, const double *w, size_t panel_stride, size_t depth,
                         size_t panels, bool resume)
{
    const size_t np = NP_SMALL(mr);
    size_t p = 0;
    for (; p + np <= panels; p += np)
        matmul_tile(mr, NP_SMALL(mr), y + p * FM_PANEL, y_stride, x, x_stride,
                    w + p * panel_stride, panel_stride, FM_PANEL, NULL, depth, resume);
    for (; p < panels; p++)
        matmul_tile(mr, 1, y + p * FM_PANEL, y_stride, x, x_stride, w + p * panel_stride,
                    panel_stride, FM_PANEL, NULL, depth, resume);
}

/* One (FM_ROW_BLOCK, fm_matmul_depth) block of x times all panels. */
static void matmul_block(double *y, size_t y_stride, const double *x, size_t x_stride,
                         const double *w, size_t panel_stride, size_t rows, size_t depth,
                         size_t panels, bool resume)
{
    switch (rows) {
    case 1:
        matmul_small(1, y, y_stride, x, x_stride, w, panel_stride, depth, panels, resume);
        return;
    case 2:
        matmul_small(2, y, y_stride, x, x_stride, w, panel_stride, depth, panels, resume);
        return;
    case 3:
        matmul_small(3, y, y_stride, x, x_stride, w, panel_stride, depth, panels, resume);
        return;
    }
    size_t p = 0;
    for (; p + NP <= panels; p += NP)
        matmul_column(NP, y + p * FM_PANEL, y_stride, x, x_stride, w + p * panel_stride,
                      panel_stride, rows, depth, resume);
#if NP > 1
    for (; p < panels; p++)
        matmul_column(1, y + p * FM_PANEL, y_stride, x, x_stride, w + p * panel_stride,
                      panel_stride, rows, depth, resume);
#endif
}

/* An empty reduction still defines y: zero. */
static void clear_rows(double *y, size_t y_stride, size_t rows, size_t panels)
{
    for (size_t i = 0; i < rows; i++)
        memset(y + i * y_stride, 0, panels * FM_PANEL * sizeof *y);
}

static void kernel_matmul(double *y, size_t y_stride, const double *x, size_t x_stride,
                          const double *w, size_t panel_stride, size_t rows, size_t depth,
                          size_t panels, bool resume)
{
    assert(y_stride >= panels * FM_PANEL);
    if (depth == 0 && !resume)
        clear_rows(y, y_stride, rows, panels);
    const size_t block = fm_matmul_depth(NP);
    for (size_t k = 0; k < depth; k += block)
        for (size_t i = 0; i < rows; i += FM_ROW_BLOCK)
            matmul_block(y + i * y_stride, y_stride, x + i * x_stride + k, x_stride,
                         w + k * FM_PANEL, panel_stride, smaller(FM_ROW_BLOCK, rows - i),
                         smaller(block, depth - k), panels, resume || k > 0);
}

static void kernel_matmul_packing(double *y, size_t y_stride, const double *x, size_t x_stride,
                                  double *panel, const double *w, size_t w_stride, size_t rows,
                                  size_t depth, bool resume)
{
    assert(rows > 0);
    const size_t mr = tile_rows(rows);
    switch (mr) {
#define TILE(m)                                                                                \
    case m:                                                                                    \
        matmul_tile(m, 1, y, y_stride, x, x_stride, w, 0, w_stride, panel, depth, resume);     \
        break;
        TILE_HEIGHTS
#undef TILE
    }
    matmul_column(1, y + mr * y_stride, y_stride, x + mr * x_stride, x_stride, panel, 0,
                  rows - mr, depth, resume);
}

/* t (8, 8) = w (8, 8)^T. */
INLINE void transpose_square(double *t, size_t t_stride, const double *w, size_t w_stride)
{
#if defined(FM_TRANSPOSE_4X4)
    for (int half = 0; half < 2; half++)
        for (int quarter = 0; quarter < 2; quarter++)
            transpose_4x4(t + quarter * 4 * t_stride + half * 4, t_stride,
                          w + half * 4 * w_stride + quarter * 4, w_stride);
#else
    for (int i = 0; i < FM_PANEL; i++)
        for (int j = 0; j < FM_PANEL; j++)
            t[j * t_stride + i] = w[i * w_stride + j];
#endif
}

static void kernel_transpose(double *t, size_t t_stride, const double *w, size_t w_stride,
                             size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r += FM_PANEL)
        for (size_t c = 0; c < columns; c += FM_PANEL) {
            const double *from = w + r * w_stride + c;
            double *to = t + c * t_stride + r;
            if (r + FM_PANEL <= rows && c + FM_PANEL <= columns) {
                transpose_square(to, t_stride, from, w_stride);
                continue;
            }
            for (size_t i = 0; i < smaller(FM_PANEL, rows - r); i++)
                for (size_t j = 0; j < smaller(FM_PANEL, columns - c); j++)
                    to[j * t_stride + i] = from[i * w_stride + j];
        }
}

/* t (depth, 8) = rows [0, 8) of w transposed, the first `rows` of them real, others zero.
 * w starts at a panel; its columns run over panels. */
static void transpose_panel(double *t, const double *w, size_t panel_stride, size_t rows,
                            size_t depth)
{
    if (rows == FM_PANEL) {
        for (size_t n = 0; n < depth; n += FM_PANEL) {
            const double *square = w + n / FM_PANEL * panel_stride;
            transpose_square(t + n * FM_PANEL, FM_PANEL, square, FM_PANEL);
            for (size_t r = FM_PANEL; r < 2 * FM_PANEL; r++) /* those of the next eight rows */
                __builtin_prefetch(square + r * FM_PANEL, 0, 2);
        }
        return;
    }
    double square[FM_PANEL * FM_PANEL] = {0};
    for (size_t n = 0; n < depth; n += FM_PANEL) {
        memcpy(square, w + n / FM_PANEL * panel_stride, rows * FM_PANEL * sizeof *square);
        transpose_square(t + n * FM_PANEL, FM_PANEL, square, FM_PANEL);
    }
}

static void kernel_matmul_transposed(double *y, size_t y_stride, const double *x,
                                     size_t x_stride, const double *w, size_t panel_stride,
                                     size_t w_rows, size_t rows, size_t depth, size_t panels,
                                     double *scratch)
{
    assert(y_stride >= panels * FM_PANEL);
    if (depth == 0)
        clear_rows(y, y_stride, rows, panels);
    for (size_t n = 0; n < depth; n += FM_DEPTH_BLOCK)
        for (size_t i = 0; i < rows; i += FM_ROW_BLOCK)
            for (size_t p = 0; p < panels; p++) {
                size_t kc = smaller(FM_DEPTH_BLOCK, depth - n), first = p * FM_PANEL;
                size_t real = first < w_rows ? smaller(FM_PANEL, w_rows - first) : 0;
                transpose_panel(scratch, w + n / FM_PANEL * panel_stride + first * FM_PANEL,
                                panel_stride, real, kc);
                matmul_column(1, y + i * y_stride + first, y_stride, x + i * x_stride + n,
                              x_stride, scratch, 0, smaller(FM_ROW_BLOCK, rows - i), kc, n > 0);
            }
}
