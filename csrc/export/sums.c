/* SPDX-License-Identifier: Apache-2.0 */
#include "sums.h"

#include <string.h>

#include "../machine.h"

size_t fm_lowest_trained(const fm_pull_run *pull)
{
    for (size_t s = 1; s <= pull->last; s++) /* stage 0 is the input */
        if (fm_is_trained(&pull->core->stages[s]))
            return s;
    return pull->core->stage_count;
}

void fm_add_numbers(double *y, const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] += x[i];
}

static void sum_member(void *argument, const fm_member *self)
{
    const fm_sum_run *run = argument;
    const size_t size = run->pull.core->gradient_size, samples = run->pull.samples;
    const fm_range own = fm_team_share(size, self);
    size_t turn = 0;
    for (size_t first = 0; first < samples;
         first += self->count * run->block_samples, turn = !turn) {
        double *parts = run->parts[turn];
        const size_t begin = first + self->index * run->block_samples;
        if (begin < samples)
            run->sum_block(run, self->index, fm_rows_from(begin, run->block_samples, samples),
                           parts + self->index * size);
        fm_team_wait(self); /* after which nobody reads the other parts any more */
        for (size_t m = 0; m < self->count; m++)
            if (first + m * run->block_samples < samples)
                fm_add_numbers(run->total + own.begin, parts + m * size + own.begin,
                               own.end - own.begin);
    }
}

static void lay_out(fm_sum_run *run, fm_arena *arena, size_t members)
{
    const size_t size = run->pull.core->gradient_size;
    fm_pull_lay_out(&run->pull, arena, members);
    run->total = fm_arena_take(arena, size, sizeof(double));
    for (int turn = 0; turn < 2; turn++)
        run->parts[turn] = fm_arena_take(arena, members * size, sizeof(double));
    run->lay_out(run, arena, members);
}

static void unpack(const fm_sum_run *run, double *sums)
{
    const fm_core *core = run->pull.core;
    for (size_t i = 0; i < core->parameter_count; i++) {
        const fm_parameter *p = &core->parameters[i];
        if (p->role != FM_TRAINED)
            continue;
        fm_unpack(sums, run->total + p->start, p->rows, p->columns);
        sums += p->rows * p->columns;
    }
}

fm_status fm_sum_samples(fm_network *network, fm_sum_run *run, double fmas, double *sums)
{
    if (run->pull.samples == 0 || fm_lowest_trained(&run->pull) == network->core.stage_count) {
        memset(sums, 0, run->pull.size * sizeof *sums);
        return FM_OK;
    }
    const size_t blocks = (run->pull.samples + run->block_samples - 1) / run->block_samples;
    size_t members = fm_members_for(fmas, fmas);
    members = members < blocks ? members : blocks;
    fm_arena arena = {0};
    lay_out(run, &arena, members);
    fm_mutex_lock(&network->lock);
    const fm_status status = fm_arena_allocate(&arena);
    if (status == FM_OK) {
        lay_out(run, &arena, members);
        fm_team_run(members, sum_member, run);
        unpack(run, sums);
    }
    fm_mutex_unlock(&network->lock);
    fm_arena_free(&arena);
    return status;
}
