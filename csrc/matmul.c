/* SPDX-License-Identifier: Apache-2.0
 *
 * A dense product of plain row-major matrices by the engine's kernels: what a comparison with
 * a BLAS measures. A slab of b is fm_matmul_depth rows of it in panels. Members share either
 * the rows of y, and pack slabs together, or its columns, and pack their own panels while they
 * multiply the first rows by them. a is copied block by block where it is stored transposed or
 * its rows would fall on the same cache sets.
 */
#include <string.h>

#include "arena.h"
#include "kernels.h"
#include "machine.h"
#include "panel.h"
#include "system.h"
#include "team.h"

typedef struct product {
    const fm_kernels *kernels;
    double *y;                       /* (m, n) */
    const double *a, *b;             /* (m, k), (k, n) */
    bool a_transposed, b_transposed; /* stored as (k, m), (n, k) */
    size_t depth;                    /* of the slabs: fm_matmul_depth */
    double *slabs[2];                /* (depth, n) in panels: one is packed, one in use */
    size_t panel_stride; /* of the slabs, also where the last rows of b fill less: a member
                            that is there already must not write where others still read */
    double *edge;        /* (m, FM_PANEL): the last panel of y if n is not a multiple */
    double *blocks; /* (members, FM_ROW_BLOCK, BLOCK_STRIDE), or NULL: a is used in place */
    size_t m, k, n;
} product;

/* An odd number of cache lines. */
#define BLOCK_STRIDE (FM_LONGEST_BLOCK + FM_PANEL)

/* Panel p of the slab of these rows of b. */
static void pack_panel(const product *run, double *slab, fm_range depth, size_t p)
{
    const size_t rows = depth.end - depth.begin, first = p * FM_PANEL;
    const size_t width = fm_rows_from(first, FM_PANEL, run->n).end - first;
    double *to = slab + p * run->panel_stride;
    if (width < FM_PANEL)
        memset(to, 0, rows * FM_PANEL * sizeof *to);
    if (run->b_transposed) {
        run->kernels->transpose(to, FM_PANEL, run->b + first * run->k + depth.begin, run->k,
                                width, rows);
        return;
    }
    const double *from = run->b + depth.begin * run->n + first;
    for (size_t r = 0; r < rows; r++, to += FM_PANEL, from += run->n)
        if (width == FM_PANEL) /* a size the compiler knows */
            memcpy(to, from, FM_PANEL * sizeof *to);
        else
            memcpy(to, from, width * sizeof *to);
}

/* Some rows of a, the columns of one slab of b: in place or copied. */
typedef struct row_block {
    const double *x; /* (rows, stride) */
    size_t stride, first, rows;
} row_block;

static row_block block_of(const product *run, double *copy, fm_range rows, fm_range depth)
{
    const size_t count = rows.end - rows.begin, length = depth.end - depth.begin;
    const double *a = run->a + rows.begin * run->k + depth.begin;
    if (copy == NULL)
        return (row_block){a, run->k, rows.begin, count};
    if (run->a_transposed)
        run->kernels->transpose(copy, BLOCK_STRIDE, run->a + depth.begin * run->m + rows.begin,
                                run->m, length, count);
    else
        for (size_t r = 0; r < count; r++)
            memcpy(copy + r * BLOCK_STRIDE, a + r * run->k, length * sizeof *copy);
    return (row_block){copy, BLOCK_STRIDE, rows.begin, count};
}

/* The block by the given panels of one slab. */
static void multiply_block(const product *run, const row_block *block, const double *slab,
                           fm_range depth, fm_range panels)
{
    const size_t length = depth.end - depth.begin, whole = run->n / FM_PANEL;
    const size_t stride = run->panel_stride, i = block->first;
    const bool resume = depth.begin > 0;
    const size_t end = panels.end < whole ? panels.end : whole;
    if (panels.begin < end)
        run->kernels->matmul(run->y + i * run->n + panels.begin * FM_PANEL, run->n, block->x,
                             block->stride, slab + panels.begin * stride, stride, block->rows,
                             length, end - panels.begin, resume);
    if (panels.end > whole)
        run->kernels->matmul(run->edge + i * FM_PANEL, FM_PANEL, block->x, block->stride,
                             slab + whole * stride, stride, block->rows, length, 1, resume);
}

/* The same by panels that are not packed yet, and are from then on. */
static void pack_and_multiply(const product *run, const row_block *block, double *slab,
                              fm_range depth, fm_range panels)
{
    const size_t length = depth.end - depth.begin, whole = run->n / FM_PANEL;
    for (size_t p = panels.begin; p < panels.end; p++) {
        if (p < whole && !run->b_transposed) {
            const size_t column = p * FM_PANEL;
            run->kernels->matmul_packing(run->y + block->first * run->n + column, run->n,
                                         block->x, block->stride, slab + p * run->panel_stride,
                                         run->b + depth.begin * run->n + column, run->n,
                                         block->rows, length, depth.begin > 0);
            continue;
        }
        pack_panel(run, slab, depth, p);
        multiply_block(run, block, slab, depth, (fm_range){p, p + 1});
    }
}

/* The ragged last columns of y. */
static void store_edge(const product *run, fm_range rows)
{
    const size_t whole = run->n / FM_PANEL * FM_PANEL;
    for (size_t r = rows.begin; r < rows.end; r++)
        memcpy(run->y + r * run->n + whole, run->edge + r * FM_PANEL,
               (run->n - whole) * sizeof *run->y);
}

static double *copy_of(const product *run, const fm_member *self)
{
    return run->blocks == NULL ? NULL : run->blocks + self->index * FM_ROW_BLOCK * BLOCK_STRIDE;
}

/* Its rows by all panels, which all members pack. */
static void multiply_rows(const product *run, const fm_member *self)
{
    const fm_range rows = fm_team_share(run->m, self), all = {0, fm_panels(run->n)};
    const fm_range packs = fm_team_share(all.end, self);
    for (size_t k = 0, turn = 0; k < run->k; k += run->depth, turn = !turn) {
        const fm_range depth = fm_rows_from(k, run->depth, run->k);
        double *slab = run->slabs[turn];
        for (size_t p = packs.begin; p < packs.end; p++)
            pack_panel(run, slab, depth, p);
        fm_team_wait(self); /* after which nobody reads the other slab any more */
        for (size_t i = rows.begin; i < rows.end; i += FM_ROW_BLOCK) {
            const row_block block = block_of(run, copy_of(run, self),
                                             fm_rows_from(i, FM_ROW_BLOCK, rows.end), depth);
            multiply_block(run, &block, slab, depth, all);
        }
    }
    store_edge(run, rows);
}

/* All rows by its panels, which it packs itself: nobody waits. */
static void multiply_columns(const product *run, const fm_member *self)
{
    const fm_range own = fm_team_share(fm_panels(run->n), self);
    double *slab = run->slabs[0];
    for (size_t k = 0; k < run->k; k += run->depth) {
        const fm_range depth = fm_rows_from(k, run->depth, run->k);
        for (size_t i = 0; i < run->m; i += FM_ROW_BLOCK) {
            const row_block block =
                block_of(run, copy_of(run, self), fm_rows_from(i, FM_ROW_BLOCK, run->m), depth);
            if (i == 0)
                pack_and_multiply(run, &block, slab, depth, own);
            else
                multiply_block(run, &block, slab, depth, own);
        }
    }
    if (own.end * FM_PANEL > run->n && own.begin < own.end)
        store_edge(run, (fm_range){0, run->m});
}

/* Rows up to which members that share columns win, though each copies all of a: at 1024 rows
 * both ways take as long. */
#define COLUMNS_ROWS 512

static void multiply_member(void *argument, const fm_member *self)
{
    const product *run = argument;
    if (self->count > 1 && (run->m > run->n || run->m > COLUMNS_ROWS))
        multiply_rows(run, self);
    else
        multiply_columns(run, self);
}

/* -- the public call -- */

/* Memory kept from one call to the next: fresh pages would cost more than small products. A
 * call that finds it taken has memory of its own. */
#define FM_KEPT_BYTES ((size_t)64 << 20)
static struct {
    fm_mutex taken;
    void *base;
    size_t size;
} kept = {.taken = FM_MUTEX_INITIALIZER};

/* In the child of a fork nobody is in a product; who was may have left half of a change. */
static void forget_kept_in_child(void)
{
    if (!fm_mutex_trylock(&kept.taken)) {
        kept.base = NULL;
        kept.size = 0;
    }
    fm_mutex_init(&kept.taken);
}

static void register_fork_handler(void)
{
    fm_at_fork(NULL, NULL, forget_kept_in_child);
}

static void lay_out(product *run, fm_arena *arena, size_t members)
{
    /* colliding rows matter once a leaves L1 */
    const bool copies =
        run->a_transposed || (fm_rows_collide(run->k) && run->m * run->k > 4096);
    const size_t depth = fm_rows_from(0, run->depth, run->k).end;
    run->panel_stride = depth * FM_PANEL;
    for (int i = 0; i < 2; i++)
        run->slabs[i] =
            fm_arena_take(arena, fm_panels(run->n), run->panel_stride * sizeof(double));
    run->edge = fm_arena_take(arena, run->m, FM_PANEL * sizeof(double));
    run->blocks =
        copies ? fm_arena_take(arena, members * FM_ROW_BLOCK, BLOCK_STRIDE * sizeof(double))
               : NULL;
}

/* Memory for what arena has counted: the kept one, which it replaces if that is too small, or
 * fresh. *own says which. */
static fm_status provide(fm_arena *arena, bool *own)
{
    static fm_once once = FM_ONCE_INITIALIZER;
    fm_call_once(&once, register_fork_handler);
    const size_t size = arena->used;
    *own = arena->overflow || size > FM_KEPT_BYTES || !fm_mutex_trylock(&kept.taken);
    if (!*own && size <= kept.size) {
        arena->base = kept.base;
        arena->used = 0;
        return FM_OK;
    }
    const fm_status status = fm_arena_reserve(arena);
    if (*own)
        return status;
    if (status != FM_OK) {
        fm_mutex_unlock(&kept.taken);
        return status;
    }
    fm_memory_free(kept.base);
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
    run.depth = fm_matmul_depth(run.kernels->strip);
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
        fm_arena_free(&arena);
    else
        fm_mutex_unlock(&kept.taken);
    return FM_OK;
}
