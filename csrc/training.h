/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a training step, which train.c puts together: plan.c says where members meet,
 * forward.c gathers and goes up to the loss, backward.c comes down and updates.
 */
#ifndef FM_TRAINING_H
#define FM_TRAINING_H

#include "network.h"

/* Rows that pass through the stages of the tail together, so that they stay in L1 and L2. */
#define FM_TAIL_ROWS 48

/* Where members have to meet, by stage. */
typedef struct training_plan {
    size_t tail;      /* stages from here on are all by rows: one pass over row blocks */
    size_t lowest;    /* gradients are carried down to this stage; stage_count if to none */
    bool wait_update; /* before the updates */
    bool wait_next;   /* before the next step */
} training_plan;

typedef struct training_run {
    fm_network *network;
    const fm_data *data;
    fm_source source;
    training_plan plan;
    const int64_t *order; /* (epochs, count) */
    size_t count, batch, steps, epoch_steps;
    const double *rates; /* (steps) */
    int64_t first_step;  /* iterations before this run */
    double *losses;      /* (steps) */
    double *outputs;     /* (epochs * count, K) or NULL */
} training_run;

/* One member's view of one step. */
typedef struct step_view {
    const training_run *run;
    const fm_member *self;
    size_t index; /* of this step in the run */
    size_t rows;  /* of this batch */
    fm_update update;
    bool next_gathered;
    size_t shift; /* batch row b has row b - shift of the activations: 0 unless in blocks */
} step_view;

static inline const fm_stage *stage_at(const training_run *run, size_t s)
{
    return &run->network->stages[s];
}

static inline fm_range all_panels(const fm_stage *stage)
{
    return (fm_range){0, stage->panels};
}

/* Where the rows of a step begin in the order, and how many they are. */
static inline size_t start_of_step(const training_run *run, size_t step)
{
    return step / run->epoch_steps * run->count + step % run->epoch_steps * run->batch;
}

static inline size_t rows_of_step(const training_run *run, size_t step)
{
    size_t left = run->count - step % run->epoch_steps * run->batch;
    return left < run->batch ? left : run->batch;
}

/* Whether the gradient of stage s is carried to stage s - 1. */
static inline bool passes_gradient(const training_plan *plan, size_t s)
{
    return s > plan->lowest;
}

/* Inputs of stage s from a batch row on: (rows, stride of stage s - 1). Not for a sparse first
 * product. */
static inline const double *inputs_of(const step_view *view, size_t s, size_t row)
{
    const fm_network *network = view->run->network;
    const double *x = s == 1 ? network->workspace.x[view->index % 2] : network->stages[s - 1].y;
    return x + (row - view->shift) * network->stages[s - 1].stride;
}

/* Where a batch row of stage s begins in its activations. */
static inline size_t row_at(const step_view *view, const fm_stage *stage, size_t row)
{
    return (row - view->shift) * stage->stride;
}

training_plan fm_make_plan(const fm_network *network);

/* A member's share of gathering the batch of a step; nothing past the last. */
void fm_gather_step(const training_run *run, const fm_member *self, size_t step);

/* y and slope of stage s for some rows and panels. */
void fm_forward_stage(const step_view *view, size_t s, fm_range rows, fm_range panels);

/* The factor that the reduction puts before each weighted loss. */
double fm_reduction_factor(const step_view *view);

/* Losses of rows, and dz of the last stage with respect to its outputs. */
void fm_loss_rows_of(const step_view *view, double factor, fm_range rows);

/* The reduced loss of a finished batch. */
double fm_batch_loss(const step_view *view);

/* dz of stage s holds the gradient with respect to what the stage put out; make it that with
 * respect to its product. */
void fm_apply_slope(const step_view *view, size_t s, fm_range rows, fm_range panels);

/* From dz of stage s to dz of stage s - 1, for the latter's rows and panels. */
void fm_backward_stage(const step_view *view, size_t s, fm_range rows, fm_range panels);

fm_update fm_update_of_step(const training_run *run, size_t step);

/* After the update of depth rows and some panels of w: every so many steps, zero for the
 * moments that have all but vanished. */
void fm_settle_moments(const step_view *view, fm_packed w, size_t depth, size_t panels);

/* A member's share of the update of stage s. */
void fm_update_stage(const step_view *view, size_t s);

/* The part of a parameter that begins at this row and panel. */
fm_packed fm_packed_at(const fm_packed *whole, size_t row, size_t panel);

/* The stages from plan.tail on for some rows: forward, loss and backward. */
void fm_run_tail(const step_view *view, double factor, fm_range rows);

/* Gathers rows [begin, begin + rows) of a batch, densely, and what the first stage does to
 * them, to x. */
void fm_gather_rows(const training_run *run, double *x, size_t step, size_t begin, size_t rows);

/* Whether to train in blocks, and a step of it; see blocks.c. */
bool fm_wants_blocks(const training_plan *plan, size_t batch, bool sparse);
void fm_run_step_in_blocks(step_view *view);

#endif
