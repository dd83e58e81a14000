/* SPDX-License-Identifier: Apache-2.0
 *
 * The matrix of Gauss and Newton, J^T J of rows of a Jacobian that are formed, used up and
 * forgotten, a block of samples at a time:
 *
 *     own samples' rows of block 0 | own tiles of J^T J; own samples' rows of block 1 | ...
 *
 * in two buffers that take turns, so that members meet once a block. Rows lie in strips of
 * FM_STRIP columns, in which a tile of J^T J is a gradient: of the one strip's columns as
 * inputs by the other's. Tiles on and below the diagonal are formed, half of all; those above
 * are the same bits.
 *
 * Bits: each element is the sum of chains over FM_GRADIENT_BLOCK rows or what a block of
 * samples has of them, added in order. The tree that gradients of batches have would want as
 * many matrices as it has levels, 8 MB each for 1,000 parameters; and in order a million rows
 * are 1,000 additions, no more roundings than each chain has.
 */
#include <string.h>

#include "../machine.h"
#include "pull.h"

/* Rows of two groups of strips that stay in L2 together. */
#define DEPTH ((size_t)256)
#define MOST_GROUP ((size_t)4) /* strips of a group */
#define TILE (FM_STRIP * FM_STRIP)

typedef struct gram_run {
    fm_pull_run pull;
    double *matrix;       /* (P, P) */
    double *strips[2];    /* (strips, block_rows, FM_STRIP) */
    double *tiles;        /* (members, MOST_GROUP^2, TILE), a tile in panels */
    double *scratch;      /* (members, FM_UPDATE_SCRATCH) */
    size_t block_samples; /* whose rows are formed together */
    size_t block_rows, sample_rows, group;
} gram_run;

/* Columns of strip i that are not padding. */
static size_t width_of(const gram_run *run, size_t i)
{
    return fm_rows_from(i * FM_STRIP, FM_STRIP, run->pull.size).end - i * FM_STRIP;
}

/* tile (3, FM_STRIP, 8) of the strips i >= j takes in some rows; on the diagonal each panel
 * from its own rows on. */
static void add_rows(const gram_run *run, double *tile, const double *strips, fm_range rows,
                     size_t i, size_t j, bool resume, double *scratch)
{
    const size_t stride = run->pull.strip_stride, count = rows.end - rows.begin;
    const double *x = strips + i * stride + rows.begin * FM_STRIP;
    const double *dz = strips + j * stride + rows.begin * FM_STRIP;
    const size_t height = fm_panels(width_of(run, i)) * FM_PANEL; /* whole tiles */
    const fm_kernels *kernels = run->pull.core->kernels;
    if (i != j) {
        kernels->gradient(tile, FM_STRIP * FM_PANEL, x, FM_STRIP, dz, FM_STRIP, count, height,
                          FM_STRIP / FM_PANEL, resume, scratch);
        return;
    }
    for (size_t c = 0; c < height; c += FM_PANEL)
        kernels->gradient(tile + c * (FM_STRIP + FM_PANEL), FM_STRIP * FM_PANEL, x + c,
                          FM_STRIP, dz + c, FM_STRIP, count, height - c, 1, resume, scratch);
}

/* A tile goes to the matrix, and to its mirror image if that is wanted. */
static void add_tile(const gram_run *run, const double *tile, size_t i, size_t j, bool mirror)
{
    const size_t n = run->pull.size, rows = width_of(run, i), columns = width_of(run, j);
    double *to = run->matrix + i * FM_STRIP * n + j * FM_STRIP;
    double *image = run->matrix + j * FM_STRIP * n + i * FM_STRIP;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < (i == j ? r + 1 : columns); c++) {
            const double sum =
                to[r * n + c] + tile[(c / FM_PANEL * FM_STRIP + r) * FM_PANEL + c % FM_PANEL];
            to[r * n + c] = sum;
            if (mirror)
                image[c * n + r] = sum;
        }
}

/* One group of strips by another, over all rows of a block. */
static void add_group(const gram_run *run, const fm_member *self, const double *strips,
                      size_t rows, size_t gi, size_t gj, bool mirror)
{
    double *tiles = run->tiles + self->index * MOST_GROUP * MOST_GROUP * TILE;
    double *scratch = run->scratch + self->index * FM_UPDATE_SCRATCH;
    const size_t all = fm_strips(run->pull.size);
    const fm_range is = fm_rows_from(gi * run->group, run->group, all);
    const fm_range js = fm_rows_from(gj * run->group, run->group, all);
    for (size_t chain = 0; chain < rows; chain += FM_GRADIENT_BLOCK) {
        const fm_range block = fm_rows_from(chain, FM_GRADIENT_BLOCK, rows);
        for (size_t b = block.begin; b < block.end; b += DEPTH)
            for (size_t j = js.begin; j < js.end; j++)
                for (size_t i = is.begin < j ? j : is.begin; i < is.end; i++)
                    add_rows(run, tiles + ((i - is.begin) * MOST_GROUP + j - js.begin) * TILE,
                             strips, fm_rows_from(b, DEPTH, block.end), i, j, b > block.begin,
                             scratch);
        for (size_t j = js.begin; j < js.end; j++)
            for (size_t i = is.begin < j ? j : is.begin; i < is.end; i++)
                add_tile(run, tiles + ((i - is.begin) * MOST_GROUP + j - js.begin) * TILE, i, j,
                         mirror && block.end == rows);
    }
}

/* Groups in turn, the halves on the diagonal last. */
static void add_block(const gram_run *run, const fm_member *self, const double *strips,
                      size_t rows, bool last)
{
    const size_t groups = (fm_strips(run->pull.size) + run->group - 1) / run->group;
    size_t turn = 0;
    for (size_t below = groups; below-- > 0;)
        for (size_t j = 0; j + below < groups; j++, turn++)
            if (turn % self->count == self->index)
                add_group(run, self, strips, rows, j + below, j, last);
}

static void gram_member(void *argument, const fm_member *self)
{
    const gram_run *run = argument;
    fm_pull_run pull = run->pull;
    size_t turn = 0;
    for (size_t first = 0; first < pull.samples; first += run->block_samples, turn = !turn) {
        const fm_range block = fm_rows_from(first, run->block_samples, pull.samples);
        const size_t samples = block.end - block.begin;
        const fm_range own = fm_team_share(samples, self);
        pull.strips = run->strips[turn];
        pull.strips_first = first * run->sample_rows;
        fm_pull_samples(&pull, self->index, (fm_range){first + own.begin, first + own.end});
        fm_team_wait(self); /* after which nobody reads the other buffer any more */
        add_block(run, self, run->strips[turn], samples * run->sample_rows,
                  block.end == pull.samples);
    }
}

static void lay_out(gram_run *run, fm_arena *arena, size_t members)
{
    for (int i = 0; i < 2; i++)
        run->strips[i] = fm_arena_take(arena, fm_strips(run->pull.size),
                                       run->pull.strip_stride * sizeof(double));
    run->tiles = fm_arena_take(arena, members * MOST_GROUP * MOST_GROUP, TILE * sizeof(double));
    run->scratch = fm_arena_take(arena, members * FM_UPDATE_SCRATCH, sizeof(double));
}

/* Sizes of what members share, small enough that each has some groups. */
static void choose_blocks(gram_run *run, size_t members)
{
    run->sample_rows = run->pull.core->stages[run->pull.last].split * run->pull.count;
    run->block_samples =
        run->sample_rows < FM_GRADIENT_BLOCK ? FM_GRADIENT_BLOCK / run->sample_rows : 1;
    if (run->block_samples > run->pull.samples)
        run->block_samples = run->pull.samples;
    run->block_rows = run->block_samples * run->sample_rows;
    /* an odd number of lines: strips do not fall on the same cache sets */
    run->pull.strip_stride = run->block_rows * FM_STRIP + FM_PANEL * (1 + run->block_rows % 2);
    run->group = MOST_GROUP;
    for (size_t groups; run->group > 1; run->group /= 2) {
        groups = fm_strips(run->pull.size) / run->group;
        if (groups * groups / 2 >= 4 * members)
            break;
    }
}

fm_status fm_gauss_newton(fm_network *network, const fm_data *data, const double *seeds,
                          size_t count, double *matrix)
{
    if (count == 0)
        return FM_ERROR_ARGUMENT;
    gram_run run = {.pull = fm_pull_prepare(network, data, true, seeds, count),
                    .matrix = matrix};
    const double size = (double)run.pull.size;
    const double fmas = fm_pull_fmas(&run.pull) + size * size / 2 * (double)data->rows;
    const size_t members = fm_members_for(fmas, fmas);
    choose_blocks(&run, members);
    if (run.block_rows == 0 || run.pull.size == 0)
        return FM_OK;
    fm_arena lanes = {0}, blocks = {0};
    fm_pull_lay_out(&run.pull, &lanes, members);
    lay_out(&run, &blocks, members);
    fm_mutex_lock(&network->lock);
    fm_status status = fm_arena_allocate(&lanes);
    if (status == FM_OK)
        status = fm_arena_reserve(&blocks);
    if (status == FM_OK) {
        fm_pull_lay_out(&run.pull, &lanes, members);
        lay_out(&run, &blocks, members);
        fm_team_run(members, gram_member, &run);
    }
    fm_mutex_unlock(&network->lock);
    fm_arena_free(&lanes);
    fm_arena_free(&blocks);
    return status;
}
