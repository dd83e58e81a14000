/* SPDX-License-Identifier: Apache-2.0
 *
 * The diagonal of Gauss and Newton's matrix: the sum of the squares of the rows that fm_pull
 * gives, without those rows where that can be. An element of a dense layer's part of a row is
 * x_k dz_j, so the sum of its squares over the rows of a sample is x_k^2 times the sum of
 * dz_j^2: a gradient, of squared x by those sums. What other layers, or dense ones on several
 * rows of a sample, add to a row is formed sample by sample.
 */
#include <string.h>

#include "sums.h"

/* One member's buffers besides its lane. */
typedef struct square_lane {
    double **squares; /* (stages): (FM_PULL_SAMPLES, stride) sums of dz^2, or NULL */
    double *x;        /* (FM_PULL_SAMPLES, the largest stride): x^2 */
} square_lane;

typedef struct diagonal_run {
    fm_sum_run sum;     /* first: it comes back as this */
    size_t lowest;      /* stage that is trained */
    square_lane *lanes; /* (members) */
} diagonal_run;

static bool is_outer_product(const fm_stage *stage)
{
    return stage->verbs == &fm_dense_verbs && stage->split == 1;
}

/* Adds the squares of count numbers. */
static void add_squares(double *sums, const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sums[i] += x[i] * x[i];
}

/* The gradients of a stage, sample by sample, squared. */
static void add_rows(const fm_pull_run *run, const fm_pull_lane *lane, size_t s, size_t samples,
                     double *sums)
{
    const fm_stage *stage = &lane->stages[s];
    const fm_range panels = fm_all_panels(stage);
    const fm_part all = {{0, fm_matrix_rows(stage)}, panels, panels};
    for (size_t b = 0; b < samples; b++) {
        const fm_piece piece = fm_pull_piece(run, lane, s, b, 1);
        stage->verbs->gradient(stage, &piece, &all, lane->gradients, false);
        for (size_t i = 0; i < stage->parameter_count; i++) {
            const fm_parameter *p = &stage->parameters[i];
            if (p->role == FM_TRAINED)
                add_squares(sums + p->start, lane->gradients + p->start,
                            fm_packed_size(p->rows, p->columns));
        }
    }
}

/* One row of Jacobians for each sample, its backward pass being done. */
static void add_sweep(const diagonal_run *run, const fm_pull_lane *lane,
                      const square_lane *squared, size_t samples, double *sums)
{
    for (size_t s = run->lowest; s <= run->sum.pull.last; s++) {
        const fm_stage *stage = &lane->stages[s];
        if (!fm_is_trained(stage))
            continue;
        if (is_outer_product(stage))
            add_squares(squared->squares[s], stage->dz, samples * stage->stride);
        else
            add_rows(&run->sum.pull, lane, s, samples, sums);
    }
}

/* What dense layers add, all sweeps being done. */
static void add_outer_products(const diagonal_run *run, const fm_pull_lane *lane,
                               const square_lane *squared, size_t samples, double *sums,
                               bool resume)
{
    for (size_t s = run->lowest; s <= run->sum.pull.last; s++) {
        const fm_stage *stage = &lane->stages[s];
        if (!fm_is_trained(stage) || !is_outer_product(stage))
            continue;
        fm_piece piece = fm_pull_piece(&run->sum.pull, lane, s, 0, samples);
        const size_t count = samples * piece.x_stride;
        for (size_t i = 0; i < count; i++)
            squared->x[i] = piece.x[i] * piece.x[i];
        piece.x = squared->x;
        piece.dz = squared->squares[s];
        const fm_range panels = fm_all_panels(stage);
        const fm_part all = {{0, fm_matrix_rows(stage)}, panels, panels};
        stage->verbs->gradient(stage, &piece, &all, sums, resume);
        memset(squared->squares[s], 0, samples * stage->stride * sizeof(double));
    }
}

static void clear_rows(const diagonal_run *run, const fm_pull_lane *lane, double *sums)
{
    for (size_t s = run->lowest; s <= run->sum.pull.last; s++) {
        const fm_stage *stage = &lane->stages[s];
        for (size_t i = 0; !is_outer_product(stage) && i < stage->parameter_count; i++) {
            const fm_parameter *p = &stage->parameters[i];
            if (p->role == FM_TRAINED)
                memset(sums + p->start, 0, fm_packed_size(p->rows, p->columns) * sizeof *sums);
        }
    }
}

static void sum_block(const fm_sum_run *sum, size_t member, fm_range block, double *sums)
{
    const diagonal_run *run = (const diagonal_run *)sum;
    const fm_pull_run *pull = &sum->pull;
    const fm_pull_lane *lane = &pull->lanes[member];
    const square_lane *squared = &run->lanes[member];
    const size_t split = lane->stages[pull->last].split;
    clear_rows(run, lane, sums);
    for (size_t first = block.begin; first < block.end; first += FM_PULL_SAMPLES) {
        const size_t samples = fm_rows_from(first, FM_PULL_SAMPLES, block.end).end - first;
        fm_pull_forward(pull, lane, first, samples);
        for (size_t row = 0; row < split; row++)
            for (size_t number = 0; number < pull->count; number++) {
                fm_pull_seeds(pull, lane, first, samples, row, number);
                fm_pull_backward(pull, lane, samples, run->lowest);
                add_sweep(run, lane, squared, samples, sums);
            }
        add_outer_products(run, lane, squared, samples, sums, first > block.begin);
    }
}

static void lay_out(fm_sum_run *sum, fm_arena *arena, size_t members)
{
    diagonal_run *run = (diagonal_run *)sum;
    const fm_core *core = sum->pull.core;
    run->lanes = fm_arena_take(arena, members, sizeof *run->lanes);
    for (size_t m = 0; m < members; m++) {
        square_lane lane;
        lane.squares = fm_arena_take(arena, core->stage_count, sizeof *lane.squares);
        size_t widest = 0;
        for (size_t s = run->lowest; s <= sum->pull.last; s++) {
            const fm_stage *stage = &core->stages[s];
            if (!is_outer_product(stage))
                continue;
            double *squares =
                fm_arena_take(arena, FM_PULL_SAMPLES * stage->stride, sizeof *squares);
            if (arena->base != NULL)
                lane.squares[s] = squares;
            const size_t below = core->stages[s - 1].stride;
            widest = below > widest ? below : widest;
        }
        lane.x = fm_arena_take(arena, FM_PULL_SAMPLES * widest, sizeof(double));
        if (arena->base != NULL)
            run->lanes[m] = lane;
    }
}

fm_status fm_gauss_newton_diagonal(fm_network *network, const fm_data *data,
                                   const double *seeds, size_t count, double *diagonal)
{
    if (count == 0)
        return FM_ERROR_ARGUMENT;
    diagonal_run run = {.sum = {.pull = fm_pull_prepare(network, data, true, seeds, count),
                                .block_samples = FM_SUM_SAMPLES,
                                .lay_out = lay_out,
                                .sum_block = sum_block}};
    run.lowest = fm_lowest_trained(&run.sum.pull);
    return fm_sum_samples(network, &run.sum, fm_pull_fmas(&run.sum.pull), diagonal);
}
