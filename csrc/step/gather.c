/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the caller's arrays become the inputs of a batch, dense or by lists of non-zeros.
 */
#include <math.h>

#include "../machine.h"
#include "step.h"

fm_source fm_source_of(const fm_core *core, const fm_data *data)
{
    return (fm_source){.x = data->x,
                       .dtype = data->dtype,
                       .features = core->inputs,
                       .scale = core->scale,
                       .offset = core->offset,
                       .table = core->table,
                       .indptr = data->indptr,
                       .indices = data->indices};
}

/* Of so many rows, and of about so many features of each. */
#define FM_DENSITY_SAMPLE 64
#define FM_DENSITY_FEATURES 256

/* The share of a row's features that are not zero; of a sparse row, that it has. */
static double nonzero_share(const fm_source *source, size_t row)
{
    const size_t start = row * source->features, end = start + source->features;
    const size_t step = (source->features / FM_DENSITY_FEATURES) | 1; /* odd: images are even */
    size_t found = 0;
    if (source->indptr != NULL)
        return (double)(source->indptr[row + 1] - source->indptr[row]) /
               (double)source->features;
    switch (source->dtype) {
    case FM_FLOAT64:
        for (size_t k = start; k < end; k += step)
            found += ((const double *)source->x)[k] != 0;
        break;
    case FM_FLOAT32:
        for (size_t k = start; k < end; k += step)
            found += ((const float *)source->x)[k] != 0;
        break;
    case FM_UINT8:
        for (size_t k = start; k < end; k += step)
            found += ((const uint8_t *)source->x)[k] != 0;
        break;
    }
    return (double)found / (double)((source->features + step - 1) / step);
}

double fm_density(const fm_core *core, const fm_source *source, const int64_t *order,
                  size_t count)
{
    const fm_stage *stages = core->stages;
    if (core->stage_count < 2 || stages[1].verbs->update == NULL ||
        stages[0].activation_count > 0 || source->offset != 0 || count == 0 ||
        core->inputs > FM_LIST_FEATURES)
        return INFINITY;
    const size_t rows = count < FM_DENSITY_SAMPLE ? count : FM_DENSITY_SAMPLE;
    double sum = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t at = i * (count / rows);
        size_t row = order != NULL ? (size_t)order[at] : at;
        sum += nonzero_share(source, row);
    }
    return sum / (double)rows;
}

static void gather_lists(const training_run *run, const fm_member *self, size_t step,
                         fm_range pass, size_t turn)
{
    const fm_core *core = run->core;
    const fm_workspace *space = &core->workspace;
    const fm_pair_lists *lists = &space->lists[turn % 2];
    const fm_range own = fm_team_share(fm_pairs(core->inputs), self);
    core->kernels->gather_pairs(
        lists->entries, lists->spans, space->list_room.rows, &run->source,
        run->order + start_of_step(run, step) + pass.begin, pass.end - pass.begin, own.begin,
        own.end, space->pair_scratch + self->index * FM_PAIR_SCRATCH);
    for (size_t pair = own.begin; pair < own.end; pair++)
        core->active[pair] |= lists->spans[pair].count > 0;
}

void fm_gather_rows(const training_run *run, double *x, size_t step, size_t begin, size_t rows)
{
    const fm_core *core = run->core;
    const fm_stage *input = &core->stages[0];
    core->kernels->gather(x, input->stride, &run->source,
                          run->order + start_of_step(run, step) + begin, rows);
    const fm_piece piece = {.kernels = core->kernels,
                            .y = x,
                            .first_row = begin,
                            .rows = rows,
                            .step = run->first_step + (int64_t)step};
    fm_stage_activate(input, &piece, fm_all_panels(input));
}

static void gather_dense(const training_run *run, const fm_member *self, size_t step,
                         fm_range pass, size_t turn)
{
    const fm_core *core = run->core;
    const fm_range own = fm_team_share(pass.end - pass.begin, self);
    double *x = core->workspace.x[turn % 2] + own.begin * core->stages[0].stride;
    fm_gather_rows(run, x, step, pass.begin + own.begin, own.end - own.begin);
}

void fm_gather_pass(const training_run *run, const fm_member *self, size_t step, fm_range pass,
                    size_t turn)
{
    if (run->core->workspace.sparse)
        gather_lists(run, self, step, pass, turn);
    else
        gather_dense(run, self, step, pass, turn);
}
