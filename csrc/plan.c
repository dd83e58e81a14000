/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the members have to meet in a step.
 */
#include "training.h"

/* Whether the members have to meet before the gradient of stage s is carried down: always,
 * except inside the tail, where each stays with batch rows of its own. */
static bool wait_backward(const training_plan *plan, size_t s)
{
    return s <= plan->tail;
}

/* Whether dz of stage s was left by rows, whoever owns the stage's columns. */
static bool gradient_by_rows(const fm_network *network, size_t s)
{
    return network->stages[s].by_rows || s + 1 == network->stage_count ||
           network->stages[s + 1].kind != FM_STAGE_DENSE;
}

/* Whether updating stage s right after the backward pass would race with other members that
 * still read its kernel or write its dz. */
static bool update_conflicts(const fm_network *network, const training_plan *plan, size_t s)
{
    const fm_stage *stage = &network->stages[s];
    bool met_since = false; /* a meeting after the gradient of stage s was carried down */
    for (size_t below = plan->lowest + 1; below < s; below++)
        met_since = met_since || wait_backward(plan, below);
    if (met_since)
        return false;
    bool read_by_all =
        passes_gradient(plan, s) && (!stage->by_rows || network->stages[s - 1].by_rows);
    bool needs_all_rows = gradient_by_rows(network, s);
    bool met_on_passing = passes_gradient(plan, s) && wait_backward(plan, s);
    return read_by_all || (needs_all_rows && !met_on_passing);
}

training_plan fm_make_plan(const fm_network *network)
{
    training_plan plan = {network->stage_count, network->stage_count, false, false};
    while (plan.tail > 1 && network->stages[plan.tail - 1].by_rows)
        plan.tail--;
    for (size_t s = network->stage_count; s-- > 1;)
        if (network->stages[s].trainable)
            plan.lowest = s;
    for (size_t s = plan.lowest; s < network->stage_count; s++)
        if (network->stages[s].trainable)
            plan.wait_update = plan.wait_update || update_conflicts(network, &plan, s);

    /* A member that runs ahead starts the next step with the columns of stage 1 that it owns;
     * it must not if others still read those activations (the update of a stage 2 by columns),
     * and the shape has to have the two meetings that order the gathered batches. */
    const fm_stage *stages = network->stages;
    bool own_start = plan.tail > 1 && stages[1].kind == FM_STAGE_DENSE && !stages[1].by_rows;
    bool lone_readers = plan.tail == 2 && plan.lowest == 1;
    plan.wait_next = !(own_start && lone_readers);
    return plan;
}
