/* SPDX-License-Identifier: Apache-2.0
 *
 * A dense product of plain row-major matrices by the engine's kernels: what a comparison with
 * a BLAS measures. b is packed to panels, members share it; a is copied block by block where
 * its rows would fall on the same cache sets.
 */
#include <stdlib.h>
#include <string.h>

#include "network.h"

typedef struct product {
    const fm_kernels *kernels;
    double *y;           /* (m, n) */
    const double *a, *b; /* (m, k), (k, n) */
    double *packed;      /* b in panels */
    double *edge;        /* (m, FM_PANEL): the last panel of y if n is not a multiple */
    double *blocks; /* (members, FM_ROW_BLOCK, BLOCK_STRIDE), or NULL: a is used in place */
    size_t m, k, n;
} product;

/* An odd number of cache lines. */
#define BLOCK_STRIDE (FM_DEPTH_BLOCK + FM_PANEL)

static void pack_panels(const product *run, fm_range panels)
{
    for (size_t p = panels.begin; p < panels.end; p++) {
        const size_t first = p * FM_PANEL, left = run->n - first;
        const size_t width = left < FM_PANEL ? left : FM_PANEL;
        double *to = run->packed + p * run->k * FM_PANEL;
        for (size_t r = 0; r < run->k; r++, to += FM_PANEL) {
            const double *from = run->b + r * run->n + first;
            if (width == FM_PANEL)
                memcpy(to, from, FM_PANEL * sizeof *to);
            else
                for (size_t c = 0; c < FM_PANEL; c++)
                    to[c] = c < width ? from[c] : 0;
        }
    }
}

/* Rows [i, i + rows) by a depth block from k on, by the given panels. */
static void multiply_block(const product *run, double *block, size_t i, size_t rows, size_t k,
                           fm_range panels)
{
    const size_t depth = run->k - k < FM_DEPTH_BLOCK ? run->k - k : FM_DEPTH_BLOCK;
    const size_t stride = run->k * FM_PANEL, whole = run->n / FM_PANEL;
    const double *x = run->a + i * run->k + k;
    size_t x_stride = run->k;
    if (block != NULL) {
        for (size_t r = 0; r < rows; r++)
            memcpy(block + r * BLOCK_STRIDE, x + r * x_stride, depth * sizeof *x);
        x = block;
        x_stride = BLOCK_STRIDE;
    }
    const double *w = run->packed + panels.begin * stride + k * FM_PANEL;
    const size_t end = panels.end < whole ? panels.end : whole;
    if (panels.begin < end)
        run->kernels->matmul(run->y + i * run->n + panels.begin * FM_PANEL, run->n, x, x_stride,
                             w, stride, rows, depth, end - panels.begin, k > 0);
    if (panels.end > whole)
        run->kernels->matmul(run->edge + i * FM_PANEL, FM_PANEL, x, x_stride,
                             run->packed + whole * stride + k * FM_PANEL, stride, rows, depth,
                             1, k > 0);
}

static void multiply_member(void *argument, const fm_member *self)
{
    const product *run = argument;
    const size_t panels = fm_panels(run->n), whole = run->n / FM_PANEL;
    pack_panels(run, fm_team_share(panels, self));
    fm_team_wait(self);
    fm_range rows = {0, run->m}, own = {0, panels};
    if (run->m >= run->n)
        rows = fm_team_share(run->m, self);
    else
        own = fm_team_share(panels, self);
    double *block = run->blocks;
    if (block != NULL)
        block += self->index * FM_ROW_BLOCK * BLOCK_STRIDE;
    for (size_t i = rows.begin; i < rows.end; i += FM_ROW_BLOCK) {
        const size_t left = rows.end - i, count = left < FM_ROW_BLOCK ? left : FM_ROW_BLOCK;
        for (size_t k = 0; k < run->k; k += FM_DEPTH_BLOCK)
            multiply_block(run, block, i, count, k, own);
        if (own.end > whole)
            for (size_t r = i; r < i + count; r++)
                memcpy(run->y + r * run->n + whole * FM_PANEL, run->edge + r * FM_PANEL,
                       (run->n - whole * FM_PANEL) * sizeof *run->y);
    }
}

fm_status fm_matmul(double *y, const double *a, const double *b, size_t m, size_t k, size_t n)
{
    if (m == 0 || n == 0)
        return FM_OK;
    if (k == 0) {
        memset(y, 0, m * n * sizeof *y);
        return FM_OK;
    }
    product run = {.y = y, .a = a, .b = b, .m = m, .k = k, .n = n};
    run.kernels = fm_find_kernels(NULL);
    if (run.kernels == NULL)
        return FM_ERROR_ISA;
    const double fmas = (double)m * (double)k * (double)n;
    const size_t members = fm_members_for(fmas, fmas);
    /* rows a multiple of 1 KB apart share few cache sets, which matters once they leave L1 */
    const bool copies = k % 128 == 0 && m * k > 4096;
    fm_arena arena = {0};
    for (int pass = 0; pass < 2; pass++) {
        run.packed = fm_arena_take(&arena, fm_panels(n) * FM_PANEL, k * sizeof(double));
        run.edge = fm_arena_take(&arena, m, FM_PANEL * sizeof(double));
        run.blocks = copies ? fm_arena_take(&arena, members * FM_ROW_BLOCK,
                                            BLOCK_STRIDE * sizeof(double))
                            : NULL;
        if (pass == 0) {
            const fm_status status = fm_arena_allocate(&arena);
            if (status != FM_OK)
                return status;
        }
    }
    fm_team_run(members, multiply_member, &run);
    free(arena.base);
    return FM_OK;
}
