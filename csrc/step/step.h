/* SPDX-License-Identifier: Apache-2.0
 *
 * One training step, put together of the stages' verbs. plan.c says where members meet,
 * gather.c and loss.c are both ends of the forward pass, tail.c takes rows through the last
 * stages, update.c changes parameters, with common.c around each optimizer's step and scaled.c
 * for those that need norms, blocks.c trains long batches of narrow networks; train.c is the
 * body that every member runs.
 */
#ifndef FM_STEP_H
#define FM_STEP_H

#include "../arena.h"
#include "../stages/stage.h"

/* Rows that pass through the stages of the tail together, so that they stay in L1 and L2. */
#define FM_TAIL_ROWS 48

/* The same while blocks of a narrow network are formed. */
#define FM_NARROW_ROWS 32

/* Rows between the activations of two members that train in blocks: the prefetcher of one runs
 * ahead of its last rows, and must not into lines that the other writes. 4-32-16-4, 10,000
 * rows, two cores (Zen 4), AVX2 and AVX-512: 48 rows 1.23 and 1.04 ms a step, 64 1.07 and 0.92,
 * 128 0.96 and 0.86, 256 0.96 and 0.86; half of one core's time is 0.92 and 0.85. */
#define FM_MEMBER_ROWS 128

/* One part of a workspace: memory of its own, which only grows, so that calls that alternate
 * between ways of training allocate nothing. */
typedef struct fm_room {
    fm_arena arena;
    size_t rows, threads; /* laid out for */
} fm_room;

/* A matrix as n vectors of length d, for an orthogonal regularizer; sizes are the largest. */
typedef struct fm_vectors {
    double *rows;    /* (n, d padded) normalized */
    double *packed;  /* the same (n, d) in panels */
    double *norms;   /* (n) */
    double *signs;   /* (threads, FM_TAIL_ROWS, n padded) of products, a member's own */
    double *slopes;  /* (threads, FM_TAIL_ROWS, d padded) */
    double *scratch; /* (threads, FM_TRANSPOSE_SCRATCH) */
} fm_vectors;

/* Buffers of training. Those used from one step to the next are double. */
typedef struct fm_workspace {
    fm_room batch_room, activation_room, dense_room, list_room, gradient_room, rule_room;
    bool sparse;            /* this call */
    bool in_blocks;         /* this call: activations are (threads * FM_MEMBER_ROWS) rows */
    double *gradients;      /* (gradient_room.rows, gradient_size), see update.c and blocks.c */
    double *norms;          /* (2, panels of all parameters) sums of squares */
    double *penalties[2];   /* (core->penalty_units), see regularize.c */
    fm_vectors vectors;     /* of an orthogonal regularizer, see there */
    double *x[2];           /* (rows, stages[0].stride), if not sparse */
    fm_pair_lists lists[2]; /* if sparse; capacity list_room.rows */
    double *losses[2];      /* (batch * split) */
    double *scale[2];       /* (batch * split) weight of each row's loss and gradient */
    int32_t *labels;        /* (batch * split) */
    const double **targets; /* (batch * split) pointers to rows of the caller's targets */
    double *scratch;        /* (threads, FM_SCRATCH) */
    fm_pair *pair_scratch;  /* (threads, FM_PAIR_SCRATCH), if sparse */
} fm_workspace;

/* What computes: the stages with their parameters, and how they are trained. A network is this
 * with a lock, memory and lanes for inference around it. */
typedef struct fm_core {
    const fm_kernels *kernels;
    size_t inputs, outputs,
        split;            /* of a sample, of its rows of outputs, and how many those are */
    double scale, offset; /* of a leading rescaling, folded into the gather */
    double table[256];    /* byte -> value under that rescaling */
    bool trains;
    fm_loss loss;
    fm_optimizer optimizer;
    size_t slots;       /* of the optimizer, per parameter and of its shape */
    bool still, scaled; /* see FM_OPTIMIZERS */
    fm_stage *stages;
    size_t stage_count;
    size_t loss_stage;        /* the loss is of its outputs: the last, or the one before it */
    fm_parameter *parameters; /* of all stages */
    size_t parameter_count;
    size_t gradient_size;  /* doubles of all packed parameters */
    size_t gradient_block; /* batch rows: FM_GRADIENT_BLOCK or, if narrow, FM_NARROW_BLOCK */
    bool has_rules;        /* some parameter has a regularizer or constraint */
    size_t penalty_units;  /* of all parameters */
    uint8_t *active; /* (pairs): which pairs of the first kernel's rows may have slots that are
                        not 0 */
    bool active_stale; /* by updates that were not by lists */
    fm_workspace workspace;
} fm_core;

static inline const fm_stage *fm_last_stage(const fm_core *core)
{
    return &core->stages[core->stage_count - 1];
}

/* Where members have to meet, by stage. */
typedef struct training_plan {
    size_t tail;      /* stages from here on are all by rows: one pass over row blocks */
    size_t lowest;    /* gradients are carried down to this stage; stage_count if to none */
    bool wait_update; /* before the updates */
    bool wait_next;   /* before the next step */
} training_plan;

typedef struct training_run {
    fm_core *core;
    const fm_data *data;
    fm_source source;
    double table[FM_MOST_CODES]; /* of coded samples */
    training_plan plan;
    const int64_t *order; /* (epochs, count) */
    size_t count, batch, steps, epoch_steps;
    size_t begin, end;   /* the steps that are run now */
    const double *rates; /* (steps) */
    size_t pass_rows;    /* rows that go through the stages at once, see train.c */
    int64_t first_step;  /* iterations before this run */
    double *losses;      /* (steps) */
    double *outputs;     /* (epochs * count, S, K) or NULL */
    bool only_gradient;  /* one step up to the stored gradient; nothing is changed */
} training_run;

/* One member's view of one step. */
typedef struct step_view {
    const training_run *run;
    const fm_member *self;
    size_t index;  /* of this step in the run */
    size_t rows;   /* of this batch */
    size_t turn;   /* passes before this one: its lists and inputs are those of turn % 2 */
    fm_range pass; /* rows of this batch that go through the stages now */
    fm_update update;
    bool next_gathered;
    size_t shift; /* batch row b has row b - shift of the activations */
} step_view;

static inline const fm_stage *stage_at(const training_run *run, size_t s)
{
    return &run->core->stages[s];
}

/* Where the rows of a step begin in the order, and how many they are. */
static inline size_t start_of_step(const training_run *run, size_t step)
{
    return step / run->epoch_steps * run->count + step % run->epoch_steps * run->batch;
}

static inline size_t fm_rows_of_step(const training_run *run, size_t step)
{
    size_t left = run->count - step % run->epoch_steps * run->batch;
    return left < run->batch ? left : run->batch;
}

/* Whether the gradient of stage s is carried to stage s - 1. */
static inline bool passes_gradient(const training_plan *plan, size_t s)
{
    return s > plan->lowest;
}

/* -- plan.c -- */

/* Sets by_rows of all stages. A first product by lists is always owned by columns. */
void fm_choose_owners(fm_core *core, bool sparse);

training_plan fm_make_plan(const fm_core *core);

/* Rows of the core's gradient blocks. */
size_t fm_gradient_block_of(const fm_core *core);

static inline bool fm_is_narrow(const fm_core *core)
{
    return core->gradient_block < FM_GRADIENT_BLOCK;
}

static inline size_t fm_blocks_of(const fm_core *core, size_t rows)
{
    return (rows + core->gradient_block - 1) / core->gradient_block;
}

/* Whether to train in blocks; see blocks.c. */
bool fm_wants_blocks(const fm_core *core, const training_plan *plan, size_t batch, bool sparse);

/* Whether all rows of a batch have to go through the stages together. */
bool fm_wants_whole_batch(const fm_core *core);

/* Whether a step has to be one pass: also where gradient blocks are no blocks of samples, or a
 * gradient cannot be resumed. */
bool fm_wants_one_pass(const fm_core *core);

/* Whether gradients are stored before they are applied. */
bool fm_stores_gradients(const fm_core *core);

/* Fused multiply-adds of one sample's forward pass. */
double fm_row_fmas(const fm_core *core);

/* -- workspace.c -- */

/* One way of training. */
typedef struct training_way {
    size_t batch, pass_rows, members;
    bool sparse, in_blocks;
    bool stored; /* gradients even where the core does not ask for them */
} training_way;

/* Makes the workspace fit for it. */
fm_status fm_prepare_workspace(fm_core *core, const training_way *way);
fm_status fm_prepare_rules(fm_core *core, size_t members); /* the part that penalties need */
void fm_workspace_free(fm_workspace *space);

/* -- gather.c -- */

/* The caller's x as the gather kernels take it. */
fm_source fm_source_of(const fm_core *core, const fm_data *data);

/* The share of non-zeros in a sample of the rows order[0 .. count), NULL meaning 0, 1, 2 ...;
 * INFINITY where the first product cannot be driven by lists of them. */
double fm_density(const fm_core *core, const fm_source *source, const int64_t *order,
                  size_t count);

/* A member's share of gathering the rows of a pass for the given turn. */
void fm_gather_pass(const training_run *run, const fm_member *self, size_t step, fm_range pass,
                    size_t turn);

/* Gathers rows [begin, begin + rows) of a batch, densely, and what the first stage does to
 * them, to x. */
void fm_gather_rows(const training_run *run, double *x, size_t step, size_t begin, size_t rows);

/* -- loss.c -- */

/* The factor that the reduction and the loss's weight put before each weighted loss. */
double fm_loss_factor(const step_view *view);

/* Losses of rows, and dz of the loss's stage with respect to its outputs. */
void fm_loss_rows_of(const step_view *view, double factor, fm_range rows);

/* The reduced loss of a finished batch. */
double fm_batch_loss(const step_view *view);

/* -- tail.c -- */

/* Some rows of the batch at stage s, as its verbs take them. */
fm_piece fm_piece_of(const step_view *view, size_t s, fm_range rows);

/* dz of stage s, which is the gradient with respect to what the stage put out, becomes that
 * with respect to what its layer did. */
void fm_apply_slope(const step_view *view, size_t s, fm_range rows, fm_range panels);

/* From dz of stage s to dz of stage s - 1, for the latter's rows and panels. */
void fm_backward_stage(const step_view *view, size_t s, fm_range rows, fm_range panels);

/* The stages from plan.tail on for some rows: forward, loss and backward. */
void fm_run_tail(const step_view *view, double factor, fm_range rows);

/* -- regularize.c -- */

/* Units in which the penalty of a parameter is summed. */
size_t fm_penalty_units(const fm_parameter *parameter);

/* Takes the memory of regularizers out of the rule room. */
void fm_lay_out_rules(fm_core *core, fm_room *room);

/* A member's share of adding the slopes of regularizers to the stored gradients, and of the
 * penalties; only those if `gradients` is NULL. Members that call it meet. */
void fm_regularize(const step_view *view, double *gradients);

/* The penalties of all parameters, when all members have finished with them. */
double fm_parameter_penalties(const step_view *view);

/* -- constrain.c -- */

/* A member's share of the constraints of all parameters, after it has applied its part. */
void fm_constrain(const step_view *view);

/* -- update.c -- */

/* A member's part of the parameters of stage s. */
fm_part fm_part_of(const step_view *view, size_t s);

/* After a pass: a member's share of the updates of all stages, where the pass is the batch;
 * else its share of their gradients, applied after the last pass unless run->only_gradient. */
void fm_update_stages(const step_view *view);

/* Clips the stored gradients and applies them: a member's share. */
void fm_apply_stored(const step_view *view);

/* Rows and panels of one parameter that a part holds: a matrix's, or a vector's. */
typedef struct fm_parameter_part {
    fm_range k, panels;
} fm_parameter_part;
fm_parameter_part fm_part_of_parameter(const fm_parameter *parameter, const fm_part *part);

/* Sums of squares of a member's share of the panels of all parameters in order, their gradients
 * to workspace.norms and values behind them; what is not trained counts 0. */
typedef enum fm_squared { FM_SQUARES_OF_GRADIENTS, FM_SQUARES_OF_VALUES } fm_squared;
void fm_square_panels(const step_view *view, fm_squared what);
size_t fm_panels_of_all(const fm_core *core);

/* The sum of n > 0 numbers by a tree that n alone fixes: halves, the first the larger. */
double fm_tree_sum(const double *x, size_t n);

/* -- common.c -- */

/* Updates finished before this step, and whether it is one itself: all are, unless gradients
 * are gathered over several. */
uint64_t fm_updates_before(const step_view *view);
bool fm_is_update(const step_view *view);

/* A part's stored gradient joins those gathered before; in an update their mean takes its
 * place. */
void fm_gather_gradient(const step_view *view, const fm_parameter *parameter,
                        const fm_parameter_part *part);

void fm_decay_part(const step_view *view, const fm_parameter *parameter,
                   const fm_parameter_part *part);
void fm_average_part(const step_view *view, const fm_parameter *parameter,
                     const fm_parameter_part *part);

/* Zeroes the padding of a part's value, slots and gradient (from its first element on), behind
 * an optimizer to which 0 may be 0 / 0. */
void fm_clear_padding(double *gradient, const fm_parameter *parameter,
                      const fm_parameter_part *part);

/* -- scaled.c -- */

/* Members' parts of the directions of all gradients, and of the steps along them. */
void fm_make_directions(const step_view *view);
void fm_move_scaled(const step_view *view);

/* -- blocks.c -- */

/* Buffers of gradient_size for a batch of several gradient blocks whose sums so many form, each
 * of consecutive blocks: members, or 1, all of them together. The total goes to the first. */
size_t fm_block_buffers(const fm_core *core, size_t batch, size_t formers);

/* Formed by all members together, each the part that it applies: where the gradients of a block
 * go, those before it having been formed and summed; and the sum with those before it. */
double *fm_forming_gradients(const fm_core *core, size_t block);
void fm_sum_block(const step_view *view, size_t block, bool last);

/* A step by blocks that members form alone. */
void fm_run_step_in_blocks(step_view *view);

/* -- train.c -- */

/* Runs all steps on `members` of the team, the workspace being prepared. */
void fm_run_training(const training_run *run, size_t members);

/* Clips and applies core->workspace.gradients as one step. */
void fm_run_apply(const training_run *run, size_t members);

#endif
