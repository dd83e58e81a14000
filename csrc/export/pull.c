/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of Jacobians: derivatives of single outputs, or of sums of a sample's outputs, by all
 * parameters and by the inputs. A block of samples goes forward once and backward once for each
 * row that is wanted of a sample. A dense layer's part of a row is an outer product; what other
 * layers, or several rows of a sample, add to it the stages' own gradient verbs make.
 */
#include "pull.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../machine.h"

/* Batch normalization as after training: its moments are those that it has kept. */
static void keep_moments(fm_stage *stage)
{
    if (!stage->whole_batch)
        return;
    const fm_parameter *state = &stage->parameters[stage->parameter_count - 2];
    const double epsilon = fm_batch_normalization_of(stage->layer->option).epsilon;
    fm_set_moments(stage, state[0].packed.value, state[1].packed.value, epsilon);
    stage->whole_batch = false;
}

static void lay_out_lane(const fm_pull_run *run, fm_pull_lane *lane, fm_arena *arena)
{
    const fm_core *core = run->core;
    lane->stages = fm_arena_take(arena, core->stage_count, sizeof *lane->stages);
    lane->x = fm_arena_take(arena, FM_PULL_SAMPLES * core->stages[0].stride, sizeof(double));
    lane->scratch = fm_arena_take(arena, FM_SCRATCH, sizeof(double));
    lane->gradients = lane->row = NULL;
    if (!run->no_rows) {
        lane->gradients = fm_arena_take(arena, core->gradient_size, sizeof(double));
        lane->row = fm_arena_take(arena, fm_strips(run->size), FM_STRIP * sizeof(double));
    }
    for (size_t s = 0; s <= run->last; s++) {
        const fm_stage *stage = &core->stages[s];
        const size_t size = FM_PULL_SAMPLES * stage->split * stage->stride;
        double *y = fm_arena_take(arena, size, sizeof(double));
        double *slope = fm_arena_take(arena, size, sizeof(double));
        double *dz = fm_arena_take(arena, size, sizeof(double));
        double *moments =
            fm_arena_take(arena, stage->whole_batch ? FM_MOMENTS * stage->panels * FM_PANEL : 0,
                          sizeof(double));
        if (arena->base == NULL)
            continue;
        fm_stage *own = &lane->stages[s];
        *own = *stage;
        own->y = s == 0 ? lane->x : y;
        own->slope = stage->activation_count > 0 ? slope : NULL;
        own->dz = dz;
        own->moments = moments;
        keep_moments(own);
        if (own->penalizes) /* which is no matter of what it puts out */
            fm_describe_copy(own);
    }
}

fm_piece fm_pull_piece(const fm_pull_run *run, const fm_pull_lane *lane, size_t s, size_t first,
                       size_t samples)
{
    const fm_stage *stage = &lane->stages[s], *below = &lane->stages[s > 0 ? s - 1 : 0];
    const size_t row = first * stage->split, at = row * stage->stride;
    return (fm_piece){.kernels = run->core->kernels,
                      .x = below->y + first * below->split * below->stride,
                      .x_stride = below->stride,
                      .y = stage->y + at,
                      .slope = stage->slope != NULL ? stage->slope + at : NULL,
                      .dz = stage->dz + at,
                      .batch = samples,
                      .first_row = row,
                      .rows = samples * stage->split,
                      .step = -1,
                      .keep_state = true,
                      .scratch = lane->scratch};
}

void fm_pull_forward(const fm_pull_run *run, const fm_pull_lane *lane, size_t first,
                     size_t samples)
{
    int64_t order[FM_PULL_SAMPLES];
    for (size_t b = 0; b < samples; b++)
        order[b] = (int64_t)(first + b);
    const fm_stage *input = &lane->stages[0];
    run->core->kernels->gather(lane->x, input->stride, &run->source, order, samples);
    for (size_t s = 0; s <= run->last; s++) {
        const fm_piece piece = fm_pull_piece(run, lane, s, 0, samples);
        if (s == 0)
            fm_stage_activate(input, &piece, fm_all_panels(input));
        else
            fm_stage_forward(&lane->stages[s], &piece, fm_all_panels(&lane->stages[s]));
    }
}

/* dz of a stage by what it put out becomes that by what its layer did. */
static void apply_slope(const fm_pull_run *run, const fm_stage *stage, size_t samples)
{
    if (stage->slope != NULL)
        run->core->kernels->multiply((fm_block){.y = stage->dz,
                                                .slope = stage->slope,
                                                .stride = stage->stride,
                                                .rows = samples * stage->split,
                                                .panels = stage->panels});
}

void fm_pull_backward(const fm_pull_run *run, const fm_pull_lane *lane, size_t samples,
                      size_t lowest)
{
    apply_slope(run, &lane->stages[run->last], samples);
    for (size_t s = run->last; s > lowest; s--) {
        const fm_stage *stage = &lane->stages[s], *below = &lane->stages[s - 1];
        const fm_piece piece = fm_pull_piece(run, lane, s, 0, samples);
        stage->verbs->backward(stage, &piece, below->dz, below->stride, fm_all_panels(below));
        apply_slope(run, below, samples);
    }
}

void fm_pull_seeds(const fm_pull_run *run, const fm_pull_lane *lane, size_t first,
                   size_t samples, size_t row, size_t number)
{
    const fm_stage *last = &lane->stages[run->last];
    memset(last->dz, 0, samples * last->split * last->stride * sizeof *last->dz);
    for (size_t b = 0; b < samples; b++) {
        double *dz = last->dz + (b * last->split + row) * last->stride;
        const size_t at = ((first + b) * last->split + row) * run->count + number;
        if (run->seeds == NULL)
            dz[number] = 1;
        else
            memcpy(dz, run->seeds + at * last->width, last->width * sizeof *dz);
    }
}

/* row (inputs, outputs) = x dz^T. Adding 0 makes of -0 what a chain from +0 has. */
static void multiply_out(double *row, const double *x, size_t inputs, const double *dz,
                         size_t outputs)
{
    for (size_t k = 0; k < inputs; k++, row += outputs) {
        size_t j = 0;
        for (; j + FM_PANEL <= outputs; j += FM_PANEL)
            for (size_t i = 0; i < FM_PANEL; i++) /* of a size that compilers unroll */
                row[j + i] = x[k] * dz[j + i] + 0.0;
        for (; j < outputs; j++)
            row[j] = x[k] * dz[j] + 0.0;
    }
}

static void store_dense(const fm_pull_run *run, const fm_pull_lane *lane, size_t s, size_t b,
                        double *row)
{
    static const double one[1] = {1}; /* of a bias */
    const fm_stage *stage = &lane->stages[s];
    const fm_piece piece = fm_pull_piece(run, lane, s, b, 1);
    multiply_out(row, piece.x, stage->inputs, piece.dz, stage->width);
    if (stage->parameter_count > 1)
        multiply_out(row + stage->inputs * stage->width, one, 1, piece.dz, stage->width);
}

static void store_any(const fm_pull_run *run, const fm_pull_lane *lane, size_t s, size_t b,
                      double *row)
{
    const fm_stage *stage = &lane->stages[s];
    const fm_piece piece = fm_pull_piece(run, lane, s, b, 1);
    const fm_range panels = fm_all_panels(stage);
    const fm_part all = {{0, fm_matrix_rows(stage)}, panels, panels};
    stage->verbs->gradient(stage, &piece, &all, lane->gradients, false);
    for (size_t i = 0; i < stage->parameter_count; i++) {
        const fm_parameter *p = &stage->parameters[i];
        if (p->role != FM_TRAINED)
            continue;
        fm_unpack(row, lane->gradients + p->start, p->rows, p->columns);
        row += p->rows * p->columns;
    }
}

/* Elements of a stage's trained parameters. */
static size_t trained_size(const fm_stage *stage)
{
    size_t size = 0;
    for (size_t i = 0; i < stage->parameter_count; i++)
        if (stage->parameters[i].role == FM_TRAINED)
            size += stage->parameters[i].rows * stage->parameters[i].columns;
    return size;
}

/* What one sample of the block adds to the gradients, as a row (P). */
static void store_row(const fm_pull_run *run, const fm_pull_lane *lane, size_t b, double *row)
{
    for (size_t s = 1; s < run->core->stage_count; s++) {
        const fm_stage *stage = &run->core->stages[s];
        const size_t size = trained_size(stage);
        if (s > run->last || !stage->trainable || stage->verbs->gradient == NULL)
            memset(row, 0, size * sizeof *row);
        else if (stage->verbs == &fm_dense_verbs && stage->split == 1)
            store_dense(run, lane, s, b, row);
        else
            store_any(run, lane, s, b, row);
        row += size;
    }
}

/* Row number `at` of those wanted, to where it belongs. */
static void put_row(const fm_pull_run *run, const double *row, size_t at)
{
    if (run->rows != NULL)
        memcpy(run->rows + at * run->size, row, run->size * sizeof *row);
    if (run->strips == NULL)
        return;
    double *to = run->strips + (at - run->strips_first) * FM_STRIP;
    for (size_t s = 0; s < fm_strips(run->size); s++, to += run->strip_stride)
        memcpy(to, row + s * FM_STRIP, FM_STRIP * sizeof *to);
}

static void pull_block(const fm_pull_run *run, const fm_pull_lane *lane, size_t first,
                       size_t samples)
{
    const fm_stage *input = &lane->stages[0];
    const size_t split = lane->stages[run->last].split, features = run->core->inputs;
    fm_pull_forward(run, lane, first, samples);
    for (size_t row = 0; row < split; row++)
        for (size_t number = 0; number < run->count; number++) {
            fm_pull_seeds(run, lane, first, samples, row, number);
            fm_pull_backward(run, lane, samples, run->inputs != NULL ? 0 : 1);
            for (size_t b = 0; b < samples; b++) {
                const size_t at = ((first + b) * split + row) * run->count + number;
                if (run->rows != NULL || run->strips != NULL) {
                    store_row(run, lane, b, lane->row);
                    put_row(run, lane->row, at);
                }
                for (size_t k = 0; run->inputs != NULL && k < features; k++)
                    run->inputs[at * features + k] =
                        input->dz[b * input->stride + k] * run->core->scale;
            }
        }
}

void fm_pull_samples(const fm_pull_run *run, size_t lane, fm_range samples)
{
    for (size_t b = samples.begin; b < samples.end; b += FM_PULL_SAMPLES) {
        const fm_range block = fm_rows_from(b, FM_PULL_SAMPLES, samples.end);
        pull_block(run, &run->lanes[lane], block.begin, block.end - block.begin);
    }
}

static void pull_member(void *argument, const fm_member *self)
{
    const fm_pull_run *run = argument;
    fm_pull_samples(run, self->index, fm_team_share(run->samples, self));
}

void fm_pull_lay_out(fm_pull_run *run, fm_arena *arena, size_t members)
{
    run->lanes = fm_arena_take(arena, members, sizeof *run->lanes);
    fm_pull_lane sizing;
    for (size_t i = 0; i < members; i++)
        lay_out_lane(run, arena->base != NULL ? &run->lanes[i] : &sizing, arena);
}

double fm_pull_fmas(const fm_pull_run *run)
{
    return 3 * fm_row_fmas(run->core) * (double)run->samples * (double)run->count;
}

fm_pull_run fm_pull_prepare(const fm_network *network, const fm_data *data, bool graded,
                            const double *seeds, size_t count)
{
    const fm_core *core = &network->core;
    return (fm_pull_run){.core = core,
                         .source = fm_source_of(core, data),
                         .samples = data->rows,
                         .last = graded ? core->loss_stage : core->stage_count - 1,
                         .seeds = seeds,
                         .count = count,
                         .size = fm_network_gradient_size(network)};
}

static fm_status pull(fm_network *network, fm_pull_run *run)
{
    const double fmas = fm_pull_fmas(run);
    size_t members = fm_members_for(fmas, fmas);
    members = members < run->samples ? members : run->samples;
    fm_arena arena = {0};
    fm_pull_lay_out(run, &arena, members);
    fm_mutex_lock(&network->lock);
    const fm_status status = fm_arena_allocate(&arena);
    if (status == FM_OK) {
        fm_pull_lay_out(run, &arena, members);
        fm_team_run(members, pull_member, run);
    }
    fm_mutex_unlock(&network->lock);
    fm_arena_free(&arena);
    return status;
}

fm_status fm_pull(fm_network *network, const fm_data *data, bool graded, const double *seeds,
                  size_t count, double *parameters, double *inputs)
{
    if (count == 0 || (seeds == NULL && count > network->core.outputs))
        return FM_ERROR_ARGUMENT;
    fm_pull_run run = fm_pull_prepare(network, data, graded, seeds, count);
    run.rows = parameters;
    run.inputs = inputs;
    return data->rows == 0 ? FM_OK : pull(network, &run);
}
