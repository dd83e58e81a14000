/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums over samples, of so many numbers as all parameters have elements. Members form those of
 * a block of samples each; then blocks are added in order, whoever has formed them, so that no
 * bit depends on how many members there are.
 */
#ifndef FM_SUMS_H
#define FM_SUMS_H

#include "pull.h"

/* Samples of a block at most. */
#define FM_SUM_SAMPLES (4 * FM_PULL_SAMPLES)

/* The first member of what such a sum needs besides. */
typedef struct fm_sum_run {
    fm_pull_run pull;
    size_t block_samples;
    /* Takes memory, zeroed, for each member; base NULL while sizing. */
    void (*lay_out)(struct fm_sum_run *run, fm_arena *arena, size_t members);
    /* Stores the sums (gradient_size) of a block of samples, in panels as the parameters; zeros
     * at first, and later what a block before has left there. */
    void (*sum_block)(const struct fm_sum_run *run, size_t member, fm_range samples,
                      double *sums);
    double *parts[2]; /* (members, gradient_size), which take turns */
    double *total;    /* (gradient_size) */
} fm_sum_run;

/* sums (P), of the parameters that are trained; `fmas` fused multiply-adds for all of it. */
fm_status fm_sum_samples(fm_network *network, fm_sum_run *run, double fmas, double *sums);

/* Whether a stage has parameters that training changes. */
static inline bool fm_is_trained(const fm_stage *stage)
{
    return stage->trainable && stage->verbs->gradient != NULL;
}

/* The lowest such stage, or stage_count. */
size_t fm_lowest_trained(const fm_pull_run *pull);

/* Adds x (count) to y. */
void fm_add_numbers(double *y, const double *x, size_t count);

#endif
