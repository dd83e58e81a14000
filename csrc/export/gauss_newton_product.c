/* SPDX-License-Identifier: Apache-2.0
 *
 * Gauss and Newton's matrix times a vector, without the matrix and without rows of a Jacobian:
 * H v = J^T S^T S J v with the root S of the loss's second derivatives (Schraudolph, "Fast
 * curvature matrix-vector products for second-order gradient descent", Neural Computation 14,
 * 2002, sections 3 and 4). Some samples go
 *
 *     forward | J v: the change of what each stage puts out, stage by stage | S^T S of it |
 *     backward, and the gradients of all parameters
 *
 * A stage's change is what its x's change makes (see fm_derivative), and what the change of its
 * own parameters makes, in all of which it is affine; then its activations' slopes.
 *
 * Bits: gradients of a block of samples are chains as those of training are.
 */
#include <string.h>

#include "sums.h"

/* One member's buffers besides its lane. */
typedef struct change_lane {
    double **change;    /* (stages): (FM_PULL_SAMPLES * split, stride), of what each puts out */
    double *by_weights; /* as the largest of them */
    double *at_zero;    /* likewise */
} change_lane;

typedef struct product_run {
    fm_sum_run sum;         /* first: it comes back as this */
    const double *v;        /* (P) */
    size_t lowest;          /* stage that changes */
    fm_stage *along, *zero; /* (stages) with v in place of trained parameters, and with zeros */
    double *direction;      /* (2, gradient_size): v in panels, and zeros */
    change_lane *lanes;     /* (members) */
} product_run;

/* The change y that one of x makes, by the columns of y: what backward makes of each one's unit
 * vector is a row of the derivatives' matrix. */
static void change_by_columns(const fm_stage *stage, const fm_piece *piece,
                              const fm_stage *below, const double *x, double *y)
{
    assert(stage->split == stage->below_split);
    for (size_t j = 0; j < stage->width; j++) {
        memset(stage->dz, 0, piece->rows * stage->stride * sizeof *stage->dz);
        for (size_t b = 0; b < piece->rows; b++)
            stage->dz[b * stage->stride + j] = 1;
        stage->verbs->backward(stage, piece, below->dz, below->stride, fm_all_panels(below));
        for (size_t b = 0; b < piece->rows; b++) {
            double sum = 0;
            for (size_t k = 0; k < stage->inputs; k++)
                sum += below->dz[b * below->stride + k] * x[b * below->stride + k];
            y[b * stage->stride + j] = sum;
        }
    }
}

static void change_by_inputs(const fm_stage *stage, fm_piece piece, const fm_stage *below,
                             double *x, double *y)
{
    switch (stage->verbs->derivative) {
    case FM_ANY_DERIVATIVE:
        change_by_columns(stage, &piece, below, x, y);
        return;
    case FM_NO_DERIVATIVE:
        memset(y, 0, piece.rows * stage->stride * sizeof *y);
        return;
    case FM_LINEAR_DERIVATIVE:
        piece.x = x;
        piece.y = y;
        stage->verbs->forward(stage, &piece, fm_all_panels(stage));
        return;
    case FM_SYMMETRIC_DERIVATIVE:
        piece.dz = x;
        stage->verbs->backward(stage, &piece, y, stage->stride, fm_all_panels(below));
        return;
    }
}

/* The change y that one of the parameters makes, x being what it is. */
static void change_by_parameters(const product_run *run, const change_lane *lane, size_t s,
                                 fm_piece piece, double *y)
{
    const fm_stage *along = &run->along[s];
    const fm_range panels = fm_all_panels(along);
    piece.y = y;
    along->verbs->forward(along, &piece, panels);
    if (fm_stage_bias(along) != NULL)
        piece.kernels->add_bias((fm_block){.y = y,
                                           .stride = along->stride,
                                           .rows = piece.rows,
                                           .panels = along->panels,
                                           .bias = fm_stage_bias(along)});
    if (along->verbs->derivative == FM_LINEAR_DERIVATIVE)
        return;
    piece.y = lane->at_zero;
    along->verbs->forward(&run->zero[s], &piece, panels);
    for (size_t i = 0; i < piece.rows * along->stride; i++)
        y[i] -= lane->at_zero[i];
}

static void change_stage(const product_run *run, const fm_pull_lane *pull,
                         const change_lane *lane, size_t s, size_t samples)
{
    const fm_stage *stage = &pull->stages[s];
    const fm_piece piece = fm_pull_piece(&run->sum.pull, pull, s, 0, samples);
    double *y = lane->change[s];
    if (s == run->lowest)
        change_by_parameters(run, lane, s, piece, y);
    else
        change_by_inputs(stage, piece, &pull->stages[s - 1], lane->change[s - 1], y);
    if (s > run->lowest && fm_is_trained(stage)) {
        change_by_parameters(run, lane, s, piece, lane->by_weights);
        fm_add_numbers(y, lane->by_weights, piece.rows * stage->stride);
    }
    if (stage->slope != NULL)
        piece.kernels->multiply((fm_block){.y = y,
                                           .slope = stage->slope,
                                           .stride = stage->stride,
                                           .rows = piece.rows,
                                           .panels = stage->panels});
}

/* dz of the last stage's rows = S^T S of their change, S (count, K). */
static void weigh(const fm_pull_run *run, const fm_stage *last, const double *change,
                  size_t first, size_t samples)
{
    const size_t width = last->width;
    memset(last->dz, 0, samples * last->split * last->stride * sizeof *last->dz);
    for (size_t b = 0; b < samples * last->split; b++) {
        const double *root = run->seeds + (first * last->split + b) * run->count * width;
        for (size_t c = 0; c < run->count; c++, root += width) {
            double sum = 0;
            for (size_t j = 0; j < width; j++)
                sum += root[j] * change[b * last->stride + j];
            for (size_t j = 0; j < width; j++)
                last->dz[b * last->stride + j] += root[j] * sum;
        }
    }
}

static void sum_gradients(const product_run *run, const fm_pull_lane *lane, size_t samples,
                          double *sums, bool resume)
{
    for (size_t s = run->lowest; s <= run->sum.pull.last; s++) {
        const fm_stage *stage = &lane->stages[s];
        if (!fm_is_trained(stage))
            continue;
        const fm_piece piece = fm_pull_piece(&run->sum.pull, lane, s, 0, samples);
        const fm_range panels = fm_all_panels(stage);
        const fm_part all = {{0, fm_matrix_rows(stage)}, panels, panels};
        stage->verbs->gradient(stage, &piece, &all, sums, resume);
    }
}

static void sum_block(const fm_sum_run *sum, size_t member, fm_range block, double *sums)
{
    const product_run *run = (const product_run *)sum;
    const fm_pull_run *pull = &sum->pull;
    const fm_pull_lane *lane = &pull->lanes[member];
    const change_lane *changes = &run->lanes[member];
    for (size_t first = block.begin; first < block.end; first += FM_PULL_SAMPLES) {
        const size_t samples = fm_rows_from(first, FM_PULL_SAMPLES, block.end).end - first;
        fm_pull_forward(pull, lane, first, samples);
        for (size_t s = run->lowest; s <= pull->last; s++)
            change_stage(run, lane, changes, s, samples);
        weigh(pull, &lane->stages[pull->last], changes->change[pull->last], first, samples);
        fm_pull_backward(pull, lane, samples, run->lowest);
        sum_gradients(run, lane, samples, sums, first > block.begin);
    }
}

/* Stages with other values of their trained parameters, all of which lie one behind the other.
 */
static void place_values(const fm_core *core, fm_stage *stages, fm_parameter *parameters,
                         double *values)
{
    for (size_t s = 0; s < core->stage_count; s++) {
        stages[s] = core->stages[s];
        stages[s].parameters = parameters;
        for (size_t i = 0; i < stages[s].parameter_count; i++, parameters++) {
            *parameters = core->stages[s].parameters[i];
            if (parameters->role == FM_TRAINED)
                parameters->packed.value = values + parameters->start;
        }
    }
}

/* v (P) in panels. */
static void pack(const fm_core *core, double *values, const double *v)
{
    for (size_t i = 0; i < core->parameter_count; i++) {
        const fm_parameter *p = &core->parameters[i];
        if (p->role != FM_TRAINED)
            continue;
        fm_pack(values + p->start, v, p->rows, p->columns);
        v += p->rows * p->columns;
    }
}

static change_lane lay_out_lane(const product_run *run, fm_arena *arena)
{
    const fm_core *core = run->sum.pull.core;
    change_lane lane;
    lane.change = fm_arena_take(arena, core->stage_count, sizeof *lane.change);
    size_t largest = 0;
    for (size_t s = run->lowest; s <= run->sum.pull.last; s++) {
        const size_t count = FM_PULL_SAMPLES * core->stages[s].split * core->stages[s].stride;
        double *change = fm_arena_take(arena, count, sizeof *change);
        if (arena->base != NULL)
            lane.change[s] = change;
        largest = count > largest ? count : largest;
    }
    lane.by_weights = fm_arena_take(arena, largest, sizeof(double));
    lane.at_zero = fm_arena_take(arena, largest, sizeof(double));
    return lane;
}

static void lay_out(fm_sum_run *sum, fm_arena *arena, size_t members)
{
    product_run *run = (product_run *)sum;
    const fm_core *core = sum->pull.core;
    const size_t stages = core->stage_count, parameters = core->parameter_count;
    run->along = fm_arena_take(arena, 2 * stages, sizeof *run->along);
    fm_parameter *placed = fm_arena_take(arena, 2 * parameters, sizeof *placed);
    run->direction = fm_arena_take(arena, 2 * core->gradient_size, sizeof(double));
    run->lanes = fm_arena_take(arena, members, sizeof *run->lanes);
    for (size_t m = 0; m < members; m++) {
        const change_lane lane = lay_out_lane(run, arena);
        if (arena->base != NULL)
            run->lanes[m] = lane;
    }
    if (arena->base == NULL)
        return;
    run->zero = run->along + stages;
    place_values(core, run->along, placed, run->direction);
    place_values(core, run->zero, placed + parameters, run->direction + core->gradient_size);
    pack(core, run->direction, run->v);
}

/* Whether the gradients of blocks may be chains of several passes, and be so long. */
static size_t choose_samples(const fm_pull_run *pull)
{
    size_t split = 1;
    for (size_t s = 1; s <= pull->last; s++) {
        const fm_stage *stage = &pull->core->stages[s];
        if (!fm_is_trained(stage))
            continue;
        if (stage->whole_gradient || stage->whole_batch)
            return FM_PULL_SAMPLES;
        split = stage->split > split ? stage->split : split;
    }
    return FM_SUM_SAMPLES * split <= FM_GRADIENT_BLOCK ? FM_SUM_SAMPLES : FM_PULL_SAMPLES;
}

fm_status fm_gauss_newton_product(fm_network *network, const fm_data *data, const double *seeds,
                                  size_t count, const double *v, double *product)
{
    if (count == 0)
        return FM_ERROR_ARGUMENT;
    product_run run = {.sum = {.pull = fm_pull_prepare(network, data, true, seeds, count),
                               .lay_out = lay_out,
                               .sum_block = sum_block},
                       .v = v};
    run.sum.pull.no_rows = true;
    run.sum.block_samples = choose_samples(&run.sum.pull);
    run.lowest = fm_lowest_trained(&run.sum.pull);
    /* forward, twice more for the change, backward, gradients */
    const double fmas = 5 * fm_row_fmas(&network->core) * (double)data->rows;
    return fm_sum_samples(network, &run.sum, fmas, product);
}
