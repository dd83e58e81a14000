/* SPDX-License-Identifier: Apache-2.0
 *
 * A dense product of plain row-major matrices by the engine's kernels: what a comparison with
 * a BLAS measures. A slab of b, FM_DEPTH_BLOCK rows of it, is packed to panels by all members
 * and stays in L3 while each multiplies its rows or columns by it; a is copied block by block
 * where it is stored transposed or its rows would fall on the same cache sets.
 */
#include <stdlib.h>
#include <string.h>

#include "network.h"

typedef struct product {
    const fm_kernels *kernels;
    double *y;                       /* (m, n) */
    const double *a, *b;             /* (m, k), (k, n) */
    bool a_transposed, b_transposed; /* stored as (k, m), (n, k) */
    double *slabs[2]; /* (n, FM_DEPTH_BLOCK) in panels: one is packed, one in use */
    double *edge;     /* (m, FM_PANEL): the last panel of y if n is not a multiple */
    double *blocks;   /* (members, FM_ROW_BLOCK, BLOCK_STRIDE), or NULL: a is used in place */
    size_t m, k, n;
} product;

/* An odd number of cache lines. */
#define BLOCK_STRIDE (FM_DEPTH_BLOCK + FM_PANEL)

static void pack_panels(const product *run, double *slab, fm_range depth, fm_range panels)
{
    const size_t rows = depth.end - depth.begin;
    for (size_t p = panels.begin; p < panels.end; p++) {
        const size_t first = p * FM_PANEL;
        const size_t width = fm_rows_from(first, FM_PANEL, run->n).end - first;
        double *to = slab + first * rows;
        if (width < FM_PANEL)
            memset(to, 0, rows * FM_PANEL * sizeof *to);
        if (run->b_transposed) {
            for (size_t c = 0; c < width; c++)
                for (size_t r = 0; r < rows; r++)
                    to[r * FM_PANEL + c] = run->b[(first + c) * run->k + depth.begin + r];
            continue;
        }
        const double *from = run->b + depth.begin * run->n + first;
        for (size_t r = 0; r < rows; r++, to += FM_PANEL, from += run->n)
            if (width == FM_PANEL) /* a size the compiler knows */
                memcpy(to, from, FM_PANEL * sizeof *to);
            else
                memcpy(to, from, width * sizeof *to);
    }
}

/* block (rows, BLOCK_STRIDE) = rows [i, i + rows) of a, depth columns of it. */
static void copy_block(const product *run, double *block, size_t i, size_t rows, fm_range depth)
{
    const size_t length = depth.end - depth.begin;
    if (run->a_transposed) {
        for (size_t c = 0; c < length; c++) {
            const double *from = run->a + (depth.begin + c) * run->m + i;
            for (size_t r = 0; r < rows; r++)
                block[r * BLOCK_STRIDE + c] = from[r];
        }
        return;
    }
    for (size_t r = 0; r < rows; r++)
        memcpy(block + r * BLOCK_STRIDE, run->a + (i + r) * run->k + depth.begin,
               length * sizeof *block);
}

/* Rows [i, i + rows) by one slab, the given panels of it. */
static void multiply_block(const product *run, double *block, const double *slab, size_t i,
                           size_t rows, fm_range depth, fm_range panels)
{
    const size_t length = depth.end - depth.begin, whole = run->n / FM_PANEL;
    const size_t stride = length * FM_PANEL;
    const double *x = run->a + i * run->k + depth.begin;
    size_t x_stride = run->k;
    if (block != NULL) {
        copy_block(run, block, i, rows, depth);
        x = block;
        x_stride = BLOCK_STRIDE;
    }
    const bool resume = depth.begin > 0;
    const size_t end = panels.end < whole ? panels.end : whole;
    if (panels.begin < end)
        run->kernels->matmul(run->y + i * run->n + panels.begin * FM_PANEL, run->n, x, x_stride,
                             slab + panels.begin * stride, stride, rows, length,
                             end - panels.begin, resume);
    if (panels.end > whole)
        run->kernels->matmul(run->edge + i * FM_PANEL, FM_PANEL, x, x_stride,
                             slab + whole * stride, stride, rows, length, 1, resume);
}

/* The ragged last columns of y. */
static void store_edge(const product *run, fm_range rows)
{
    const size_t whole = run->n / FM_PANEL * FM_PANEL;
    for (size_t r = rows.begin; r < rows.end; r++)
        memcpy(run->y + r * run->n + whole, run->edge + r * FM_PANEL,
               (run->n - whole) * sizeof *run->y);
}

static void multiply_member(void *argument, const fm_member *self)
{
    const product *run = argument;
    const size_t panels = fm_panels(run->n);
    const bool by_rows = run->m >= run->n;
    const fm_range rows = by_rows ? fm_team_share(run->m, self) : (fm_range){0, run->m};
    const fm_range own = by_rows ? (fm_range){0, panels} : fm_team_share(panels, self);
    double *block = run->blocks;
    if (block != NULL)
        block += self->index * FM_ROW_BLOCK * BLOCK_STRIDE;
    for (size_t k = 0, turn = 0; k < run->k; k += FM_DEPTH_BLOCK, turn = !turn) {
        const fm_range depth = fm_rows_from(k, FM_DEPTH_BLOCK, run->k);
        pack_panels(run, run->slabs[turn], depth, fm_team_share(panels, self));
        fm_team_wait(self); /* after which nobody reads the other slab any more */
        for (size_t i = rows.begin; i < rows.end; i += FM_ROW_BLOCK)
            multiply_block(run, block, run->slabs[turn], i,
                           fm_rows_from(i, FM_ROW_BLOCK, rows.end).end - i, depth, own);
    }
    if (own.end * FM_PANEL > run->n && own.begin < own.end)
        store_edge(run, rows);
}

/* -- the public call -- */

/* Memory kept from one call to the next: fresh pages would cost more than small products. A
 * call that finds it taken has memory of its own. */
#define FM_KEPT_BYTES ((size_t)64 << 20)
static struct {
    pthread_mutex_t taken;
    void *base;
    size_t size;
} kept = {.taken = PTHREAD_MUTEX_INITIALIZER};

static void lay_out(product *run, fm_arena *arena, size_t members)
{
    /* rows a multiple of 1 KB apart share few cache sets, which matters once they leave L1 */
    const bool copies = run->a_transposed || (run->k % 128 == 0 && run->m * run->k > 4096);
    const size_t depth = fm_rows_from(0, FM_DEPTH_BLOCK, run->k).end;
    for (int i = 0; i < 2; i++)
        run->slabs[i] =
            fm_arena_take(arena, fm_panels(run->n) * FM_PANEL, depth * sizeof(double));
    run->edge = fm_arena_take(arena, run->m, FM_PANEL * sizeof(double));
    run->blocks =
        copies ? fm_arena_take(arena, members * FM_ROW_BLOCK, BLOCK_STRIDE * sizeof(double))
               : NULL;
}

/* Memory for what arena has counted: the kept one, which it replaces if that is too small, or
 * fresh. *own says which. */
static fm_status provide(fm_arena *arena, bool *own)
{
    const size_t size = arena->used;
    *own = arena->overflow || size > FM_KEPT_BYTES || pthread_mutex_trylock(&kept.taken) != 0;
    if (!*own && size <= kept.size) {
        arena->base = kept.base;
        arena->used = 0;
        return FM_OK;
    }
    const fm_status status = fm_arena_reserve(arena);
    if (*own)
        return status;
    if (status != FM_OK) {
        pthread_mutex_unlock(&kept.taken);
        return status;
    }
    free(kept.base);
    kept.base = arena->base;
    kept.size = size;
    return FM_OK;
}

fm_status fm_matmul(double *y, const double *a, bool a_transposed, const double *b,
                    bool b_transposed, size_t m, size_t k, size_t n)
{
    if (m == 0 || n == 0)
        return FM_OK;
    if (k == 0) {
        memset(y, 0, m * n * sizeof *y);
        return FM_OK;
    }
    product run = {.y = y,
                   .a = a,
                   .b = b,
                   .a_transposed = a_transposed,
                   .b_transposed = b_transposed,
                   .m = m,
                   .k = k,
                   .n = n,
                   .kernels = fm_find_kernels(NULL)};
    if (run.kernels == NULL)
        return FM_ERROR_ISA;
    const double fmas = (double)m * (double)k * (double)n;
    const size_t members = fm_members_for(fmas, fmas);
    fm_arena arena = {0};
    lay_out(&run, &arena, members);
    bool own;
    const fm_status status = provide(&arena, &own);
    if (status != FM_OK)
        return status;
    lay_out(&run, &arena, members);
    fm_team_run(members, multiply_member, &run);
    if (own)
        free(arena.base);
    else
        pthread_mutex_unlock(&kept.taken);
    return FM_OK;
}
