/* SPDX-License-Identifier: Apache-2.0
 *
 * Who computes what, and where the members have to meet in a step.
 */
#include "../machine.h"
#include "step.h"

void fm_choose_owners(fm_core *core, bool sparse)
{
    for (size_t s = 0; s < core->stage_count; s++) {
        fm_stage *stage = &core->stages[s];
        const size_t row = stage->panels * FM_PANEL * sizeof(double);
        const bool product = stage->verbs->update != NULL;
        stage->by_rows = !stage->whole_batch && (!product || stage->panels == 1 ||
                                                 stage->inputs <= FM_SHARED_WEIGHTS / row);
    }
    if (sparse)
        core->stages[1].by_rows = false;
}

/* Whether the members have to meet before the gradient of stage s is carried down: always,
 * except inside the tail, where each stays with batch rows of its own. */
static bool wait_backward(const training_plan *plan, size_t s)
{
    return s <= plan->tail;
}

/* Whether dz of stage s was left by rows, whoever owns the stage's columns. */
static bool gradient_by_rows(const fm_core *core, size_t s)
{
    return core->stages[s].by_rows || s == core->loss_stage ||
           !core->stages[s + 1].verbs->any_columns;
}

/* Whether updating stage s right after the backward pass would race with other members that
 * still read its kernel or write its dz. */
static bool update_conflicts(const fm_core *core, const training_plan *plan, size_t s)
{
    const fm_stage *stage = &core->stages[s];
    bool met_since = false; /* a meeting after the gradient of stage s was carried down */
    for (size_t below = plan->lowest + 1; below < s; below++)
        met_since = met_since || wait_backward(plan, below);
    if (met_since)
        return false;
    bool read_by_all =
        passes_gradient(plan, s) && !stage->whole_batch &&
        (!stage->by_rows || core->stages[s - 1].by_rows || !stage->verbs->any_columns);
    bool needs_all_rows = gradient_by_rows(core, s);
    bool met_on_passing = passes_gradient(plan, s) && wait_backward(plan, s);
    return read_by_all || (needs_all_rows && !met_on_passing);
}

training_plan fm_make_plan(const fm_core *core)
{
    training_plan plan = {core->stage_count, core->stage_count, false, false};
    while (plan.tail > 1 && core->stages[plan.tail - 1].by_rows)
        plan.tail--;
    for (size_t s = core->stage_count; s-- > 1;)
        if (core->stages[s].trainable)
            plan.lowest = s;
    for (size_t s = plan.lowest; s < core->stage_count; s++)
        if (core->stages[s].trainable)
            plan.wait_update = plan.wait_update || update_conflicts(core, &plan, s);

    /* A member that runs ahead starts the next step with the columns of stage 1 that it owns;
     * it must not if others still read those activations (the update of a stage 2 by columns,
     * or across them), and the shape has to have the two meetings that order the gathered
     * batches. */
    const fm_stage *stages = core->stages;
    bool own_start = plan.tail > 1 && stages[1].verbs->update != NULL && !stages[1].by_rows;
    bool lone_readers = plan.tail == 2 && plan.lowest == 1 &&
                        (core->loss_stage == 1 || !stages[2].crosses_columns);
    plan.wait_next = !(own_start && lone_readers) || core->has_rules; /* norms cross parts */
    return plan;
}

size_t fm_gradient_block_of(const fm_core *core)
{
    bool narrow = core->gradient_size <= FM_NARROW_PARAMETERS;
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        const bool product = stage->verbs->update != NULL;
        narrow = narrow && stage->split == 1 && (product || stage->parameter_count == 0);
    }
    return narrow ? FM_NARROW_BLOCK : FM_GRADIENT_BLOCK;
}

bool fm_wants_blocks(const fm_core *core, const training_plan *plan, size_t batch, bool sparse)
{
    return plan->tail == 1 && batch > core->gradient_block && !sparse;
}

bool fm_stores_gradients(const fm_core *core)
{
    const fm_optimizer *o = &core->optimizer;
    return o->stored || core->has_rules || o->clip_norm > 0 || o->clip_value > 0 ||
           o->clip_global_norm > 0 || o->accumulate > 1 || o->average ||
           core->kernels->update[o->kind] == NULL;
}

double fm_row_fmas(const fm_core *core)
{
    double fmas = 0;
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        const bool product = stage->verbs->update != NULL;
        /* exp and its kin cost some 20 FMAs an element */
        const double numbers = (double)stage->split * (double)stage->width;
        fmas += numbers * (product ? (double)stage->inputs : 20.0);
        fmas += numbers * 8.0 * (double)stage->activation_count;
    }
    return fmas;
}

bool fm_wants_one_pass(const fm_core *core)
{
    for (size_t s = 1; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        if (stage->whole_batch ||
            (stage->trainable && (stage->whole_gradient || stage->split > 1)))
            return true;
    }
    return false;
}

bool fm_wants_whole_batch(const fm_core *core)
{
    for (size_t s = 1; s < core->stage_count; s++)
        if (core->stages[s].whole_batch)
            return true;
    return false;
}
