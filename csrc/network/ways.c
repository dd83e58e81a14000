/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "../machine.h"
#include "tune.h"

/* Alternatives are tried where they may win: lists up to the first share of non-zeros, dense
 * products from the second on, and neither if its buffers take more bytes. The lists of few
 * rows stay in L2: there dense products took 1.3 (a Xeon) to 1.9 times as long (Zen 4) at 0.19,
 * and trials of them 2 % of the first epochs of MNIST. */
#define LISTS_MAY_WIN 0.8
#define DENSE_MAY_WIN 0.05
#define FEW_ROWS 64
#define DENSE_MAY_WIN_FEW_ROWS 0.2
#define TRIAL_BYTES ((double)((size_t)64 << 20))

double fm_step_fmas(const fm_core *core, size_t batch)
{
    double fmas = 3 * fm_row_fmas(core) * (double)batch;
    for (size_t i = 0; i < core->parameter_count; i++)
        fmas += 20.0 * (double)core->parameters[i].rows * (double)core->parameters[i].columns;
    return fmas;
}

/* Rows that go through the stages at once: lists of more leave L2, and so do the inputs and
 * activations of a dense batch, which the gradient wants again. Each pass reads and writes all
 * gradients, so that large ones want fewer passes. Where all stages are by rows there is
 * nothing to gain: members keep to blocks of rows of their own, forward and backward. */
static size_t usual_pass(const fm_core *core, const training_plan *plan, size_t batch,
                         bool sparse)
{
    if (sparse)
        return FM_LIST_ROWS;
    if (plan->tail == 1)
        return batch;
    return core->gradient_size * sizeof(double) <= FM_LIGHT_GRADIENTS ? FM_LIST_ROWS
                                                                      : 2 * FM_LIST_ROWS;
}

/* A way with passes of so many rows at most, 0: the usual. */
static training_way way_of(training_run *run, bool sparse, size_t pass_rows)
{
    fm_core *core = run->core;
    fm_choose_owners(core, sparse);
    const training_plan plan = fm_make_plan(core);
    const bool one_pass = fm_wants_one_pass(core);
    training_way way = {.batch = run->batch,
                        .pass_rows = run->batch,
                        .members = fm_members_for(fm_step_fmas(core, run->batch), INFINITY),
                        .sparse = sparse,
                        .stored = run->only_gradient};
    if (!one_pass) {
        way.in_blocks = fm_wants_blocks(core, &plan, run->batch, sparse);
        size_t rows = pass_rows > 0 ? pass_rows : usual_pass(core, &plan, run->batch, sparse);
        if (fm_is_narrow(core) && !way.in_blocks && rows > core->gradient_block)
            rows = core->gradient_block;
        way.pass_rows = rows < run->batch ? rows : run->batch;
    }
    if (way.in_blocks && way.members > fm_blocks_of(core, run->batch))
        way.members = fm_blocks_of(core, run->batch);
    return way;
}

/* Bytes of the buffers whose size a way decides. */
static double way_bytes(const fm_core *core, const training_way *way)
{
    double row = 0;
    for (size_t s = 0; s < core->stage_count; s++)
        row += (double)core->stages[s].split * (double)core->stages[s].stride *
               (s > 0 ? 3 * sizeof(double) : 0);
    row += way->sparse ? 2.0 * (double)fm_pairs(core->inputs) * sizeof(fm_pair)
                       : 2.0 * (double)core->stages[0].stride * sizeof(double);
    return row * (double)way->pass_rows;
}

/* Adds a way that is none of those listed so far. */
static void add_way(training_way *list, size_t *count, training_way way)
{
    for (size_t i = 0; i < *count; i++)
        if (list[i].sparse == way.sparse && list[i].pass_rows == way.pass_rows &&
            list[i].members == way.members)
            return;
    assert(*count < FM_MOST_WAYS);
    list[(*count)++] = way;
}

/* The ways beside the one by rule. */
static void add_alternatives(training_run *run, fm_tuning how, double density,
                             training_way *list, size_t *count)
{
    const fm_core *core = run->core;
    const bool all = how == FM_TUNE_TURNS;
    const training_way dense = way_of(run, false, 0);
    const double may_win = run->batch <= FEW_ROWS ? DENSE_MAY_WIN_FEW_ROWS : DENSE_MAY_WIN;
    if (all || density >= may_win) {
        const bool small_passes = dense.pass_rows <= FM_LIST_ROWS;
        const size_t other = small_passes ? 2 * FM_LIST_ROWS : FM_LIST_ROWS;
        if (way_bytes(core, &dense) <= TRIAL_BYTES)
            add_way(list, count, dense);
        if (dense.pass_rows < dense.batch && way_bytes(core, &dense) <= TRIAL_BYTES / 2)
            add_way(list, count, way_of(run, false, other));
    }
    if (isfinite(density) && (all || density < LISTS_MAY_WIN)) {
        const training_way lists = way_of(run, true, 0);
        if (way_bytes(core, &lists) <= TRIAL_BYTES)
            add_way(list, count, lists);
    }
    const size_t others = fm_other_members(fm_step_fmas(core, run->batch));
    for (size_t i = 0, known = *count; i < known && others > 0; i++) {
        training_way way = list[i];
        way.members = others;
        add_way(list, count, way);
    }
}

size_t fm_list_ways(training_run *run, fm_tuning how, double density, training_way *way)
{
    const bool possible =
        isfinite(density) && (run->batch <= FM_GRADIENT_BLOCK || !fm_wants_one_pass(run->core));
    if (!possible)
        density = INFINITY;
    size_t count = 0;
    bool sparse = density < FM_SPARSE_DENSITY;
    if (how >= FM_TUNE_LISTS && how <= FM_TUNE_WHOLE)
        sparse = possible && how == FM_TUNE_LISTS;
    add_way(way, &count, way_of(run, sparse, how == FM_TUNE_WHOLE ? run->batch : 0));
    if (how == FM_TUNE_MEASURE || how == FM_TUNE_TURNS)
        add_alternatives(run, how, density, way, &count);
    return count;
}

/* A pair of rows of the first kernel is left alone by lists until an input wakes it, as long as
 * its slots are 0. A dense update tells nobody which those are, so they are looked up. */
static void find_active(fm_core *core)
{
    const fm_parameter *kernel = &core->stages[1].parameters[0];
    const size_t panels = fm_panels(kernel->columns), inputs = kernel->rows;
    for (size_t pair = 0; pair < fm_pairs(inputs); pair++) {
        const size_t rows = 2 * pair + 1 < inputs ? 2 : 1;
        uint64_t any = 0;
        for (int slot = 0; slot < FM_MAX_SLOTS && kernel->packed.slot[slot] != NULL; slot++)
            for (size_t p = 0; p < panels && any == 0; p++) {
                uint64_t bits[2 * FM_PANEL];
                memcpy(bits, kernel->packed.slot[slot] + fm_place_in(kernel, 2 * pair, p),
                       rows * FM_PANEL * sizeof *bits);
                for (size_t i = 0; i < rows * FM_PANEL; i++)
                    any |= bits[i];
            }
        core->active[pair] = any != 0;
    }
}

/* Before updates by lists or dense ones. Where the optimizer is not still (Adam without
 * epsilon: 0 / 0), the step of a weight without gradient is something, which the contract has
 * everywhere or nowhere. */
static void know_active(fm_core *core, bool sparse)
{
    if (!core->still)
        memset(core->active, 1, fm_pairs(core->inputs));
    else if (sparse && core->active_stale)
        find_active(core);
    core->active_stale = !sparse;
}

fm_status fm_take_way(training_run *run, const training_way *way)
{
    fm_core *core = run->core;
    fm_choose_owners(core, way->sparse);
    run->plan = fm_make_plan(core);
    run->pass_rows = way->pass_rows;
    const fm_status status = fm_prepare_workspace(core, way);
    if (status == FM_OK && !run->only_gradient)
        know_active(core, way->sparse);
    return status;
}
