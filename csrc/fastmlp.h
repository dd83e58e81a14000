/* SPDX-License-Identifier: Apache-2.0
 *
 * fastmlp: multilayer perceptrons in float64 on the CPU. The whole public C API.
 *
 * Letters: N samples in a set, B rows in a batch, F input features, K outputs, S rows of
 * outputs that a sample has: 1, but where its outputs have several axes, the last of size K.
 * All matrices given here are row-major and contiguous. No function prints or exits; all that
 * can fail return a status. Results are bitwise independent of the number of threads and of
 * the instruction set, as long as weights are finite: inputs that are zero are skipped where
 * that pays, so 0 * infinity may be left out. Calls on one network are serialised by a lock
 * inside it. A fork waits for running calls, so that the child has networks between two of
 * them.
 */
#ifndef FASTMLP_H
#define FASTMLP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalog.h"
#include "types.h"

typedef enum fm_status {
    FM_OK = 0,
    FM_ERROR_ARGUMENT, /* a size, kind or index is outside what this header allows */
    FM_ERROR_MEMORY,   /* an allocation failed; the network is as it was before the call */
    FM_ERROR_SIZE,     /* a product of sizes does not fit in size_t */
    FM_ERROR_ISA,      /* the instruction set is unknown, or this CPU cannot run it */
} fm_status;

/* One English sentence for a status; never NULL. */
const char *fm_status_message(fm_status status);

/* -- what a network is made of -- */

/* Words: a kind of the catalog (catalog.h, which says what each computes and what its options
 * are) and its options in the catalog's order. fm_find and fm_option_name tell them by name;
 * options out of their range are FM_ERROR_ARGUMENT. */
typedef struct fm_operation {
    fm_operation_kind kind;
    double option[FM_MAX_OPTIONS];
    uint64_t seed; /* dropout: the Philox key */
} fm_operation;

typedef struct fm_loss {
    fm_loss_kind kind;
    double option[FM_MAX_OPTIONS];
    fm_reduction_kind reduction;
    double weight; /* what the reduced loss is multiplied by */
} fm_loss;

typedef struct fm_optimizer {
    fm_optimizer_kind kind;
    double option[FM_MAX_OPTIONS];
    /* Gradients are clipped before they are used, at most one way; 0: not. */
    double clip_norm;        /* each parameter's to this Euclidean norm */
    double clip_value;       /* each element to [-clip_value, clip_value] */
    double clip_global_norm; /* all together to this norm */
    double weight_decay;     /* before each update at rate r, w -= w weight_decay r */
    /* More than 1: only every so many steps is an update, with the mean of their gradients; an
     * optimizer's t counts updates. */
    size_t accumulate;
    /* A running average of each trained parameter, moved after every step, an update or not:
     * average_momentum times itself plus the rest of the value; the value alone until the first
     * update is finished. With average_every > 0 it overwrites the value after that many
     * updates, always. */
    bool average;
    double average_momentum; /* in [0, 1] */
    size_t average_every;
    bool stored; /* store gradients where they could be applied in registers: the same bits */
} fm_optimizer;

typedef struct fm_regularizer {
    fm_regularizer_kind kind;
    double option[FM_MAX_OPTIONS];
} fm_regularizer;

typedef struct fm_constraint {
    fm_constraint_kind kind;
    double option[FM_MAX_OPTIONS];
} fm_constraint;

/* -- networks -- */

typedef struct fm_network fm_network;

/* Makes a network of F = inputs features and the operations in order; parameters and slots
 * are zero. loss and optimizer may be NULL together: such a network only predicts. isa is a
 * name that fm_isa_usable accepts, or NULL for the default. Arguments are copied.
 * Where the last operation is a softmax and the loss a categorical crossentropy of
 * probabilities, or a sigmoid and a binary one, the loss and its gradient are those of logits,
 * of what that operation takes: exact also where a probability rounds to 0 or 1. */
fm_status fm_network_create(fm_network **network, const char *isa, size_t inputs,
                            const fm_operation *operations, size_t operation_count,
                            const fm_loss *loss, const fm_optimizer *optimizer);

/* Frees a network; NULL is allowed. No call on it may be running. */
void fm_network_free(fm_network *network);

/* The width K of what the network puts out, and its rows S for a sample. */
size_t fm_network_outputs(const fm_network *network);
size_t fm_network_split(const fm_network *network);

/* How many parameters there are, and the shape and role of one: rank 2 (inputs, outputs) for a
 * kernel, else rank 1 (outputs). Only trained ones have slots; a state changes while training,
 * too. FM_ERROR_ARGUMENT if there is no such parameter. */
typedef enum fm_role { FM_TRAINED, FM_STATE } fm_role;
typedef struct fm_shape {
    fm_role role;
    size_t rank, size[2];
} fm_shape;
size_t fm_network_parameters(const fm_network *network);
fm_status fm_network_shape(const fm_network *network, size_t parameter, fm_shape *shape);

/* Parameters count layer by layer: of a dense one kernel, then bias if used; of a batch
 * normalization gamma and beta if used, moving mean, moving variance; see catalog.h. slot is
 * FM_VALUE for the parameter itself or the number of an array that training keeps for it: the
 * optimizer's slots, then the sum of gradients if they accumulate, then the average if there is
 * one.
 * fm_network_slot_shape: FM_ERROR_ARGUMENT if there is no such slot. */
#define FM_VALUE (-1)
fm_status fm_network_slot_shape(const fm_network *network, size_t parameter, int slot,
                                fm_shape *shape);
fm_status fm_network_read(fm_network *network, size_t parameter, int slot, double *values);
fm_status fm_network_write(fm_network *network, size_t parameter, int slot,
                           const double *values);

/* From now on weight decay leaves this parameter alone. */
fm_status fm_network_exempt(fm_network *network, size_t parameter);

/* Gives a trained parameter a regularizer or constraint, which hold where its layer is
 * trainable. FM_ERROR_ARGUMENT if it has one already, or one that is not for its shape. */
fm_status fm_network_regularize(fm_network *network, size_t parameter,
                                const fm_regularizer *regularizer);
fm_status fm_network_constrain(fm_network *network, size_t parameter,
                               const fm_constraint *constraint);

/* -- ways of training -- */

/* All ways of training give the same bits; which one is taken is chosen by their times in the
 * first steps of each batch size ("1", the default) or by rule ("0"). For tests and
 * measurements: "lists" (the first product by lists of non-zeros wherever that is possible),
 * "dense", "whole" (dense, and a batch in one pass), "turns" (another way each step). What was
 * known of ways is forgotten. FM_ERROR_ARGUMENT for other words. */
fm_status fm_network_tune(fm_network *network, const char *how);

/* What is known of the ways of the last few jobs, one after the other: index counts all ways of
 * all jobs. FM_ERROR_ARGUMENT past the last. */
typedef struct fm_way {
    size_t batch;
    double density;     /* of the inputs; INFINITY: they cannot be listed */
    bool by_lists;      /* the first product */
    size_t pass_rows;   /* of the batch that go through the network at once */
    size_t members;     /* threads */
    double row_seconds; /* that a row took; 0 if it was not measured */
    bool chosen;
} fm_way;
fm_status fm_network_way(fm_network *network, size_t index, fm_way *way);

/* -- data, training, inference -- */

typedef struct fm_coded fm_coded;

typedef struct fm_data {
    const void *x; /* (N, F) of dtype, or the float64 values of compressed sparse rows */
    fm_dtype dtype;
    size_t rows;                 /* N */
    const int32_t *labels;       /* (N, S), for losses that take labels */
    const double *targets;       /* (N, S, K), for the others */
    const double *sample_weight; /* (N, S), or NULL for ones */
    /* Compressed sparse rows: row n has the values x[indptr[n] .. indptr[n + 1]) for the
     * features that indices holds at the same places, ascending; what is not in [0, F) is left
     * out. Of a row that does not ascend any part may be left out, but nothing is read or
     * written out of bounds. */
    const int64_t *indptr;  /* (N + 1), or NULL: x is (N, F) */
    const int32_t *indices; /* (indptr[N]) */
    const fm_coded *coded;  /* of these x and perhaps more behind them: trained on in their
                               place, and they may no longer change; or NULL */
} fm_data;

/* What training may keep of samples, once learned, for as long as they are trained on: of an x
 * of few non-zeros, at most 256 different values, all finite, the rows' pairs of features that
 * are not both 0, in 4 bytes each, and 16 bytes a row. *coded is NULL where x is none such,
 * they would take more than so many bytes, or the network has no use for them; that is no
 * error. It is of no network: any that takes such samples may train on it. */
fm_status fm_code(fm_network *network, const fm_data *data, size_t most_bytes,
                  fm_coded **coded);
void fm_coded_free(fm_coded *coded); /* or NULL; no call may be training on it */

/* Trains for epochs over the rows order (epochs, count), batch rows a step; the last step of
 * an epoch may be shorter.
 *   rates      (steps) learning rates, steps = epochs * ceil(count / batch)
 *   iterations the optimizer's count of finished steps; advanced by one after each
 *   losses     (steps) reduced loss of each batch and all penalties, before its update
 *   outputs    (epochs * count, S, K) the network's outputs in visiting order, or NULL
 * Every order[i] must be < data->rows and every label in [0, K). */
fm_status fm_train(fm_network *network, const fm_data *data, const int64_t *order,
                   size_t epochs, size_t count, size_t batch, const double *rates,
                   int64_t *iterations, double *losses, double *outputs);

/* Doubles of a gradient: of all trained parameters, in order, each row-major. */
size_t fm_network_gradient_size(const fm_network *network);

/* The reduced loss of the batch order[0 .. count) and all penalties, with the dropout masks of
 * step iterations, and their gradient, not clipped; 0 where a layer is not trainable. Changes
 * no parameter. */
fm_status fm_gradient(fm_network *network, const fm_data *data, const int64_t *order,
                      size_t count, int64_t iterations, double *loss, double *gradient);

/* Clips a gradient and applies it with the optimizer's step at a learning rate; advances
 * iterations by one. fm_gradient, then fm_apply, is a step of fm_train to the bit. */
fm_status fm_apply(fm_network *network, const double *gradient, double rate,
                   int64_t *iterations);

/* Derivatives of outputs, dropout off: for each row of outputs and each of `count` seeds for it
 * those of seed . outputs, by all trained parameters, (N, S, count, P) in the order of
 * fm_gradient and 0 where a layer is not trainable, and by the inputs, (N, S, count, F); either
 * may be NULL. seeds: (N, S, count, K), or NULL: the first unit vectors, count <= K. If
 * `graded`, outputs are those that the loss is of: the logits where it is told from them (see
 * fm_network_create). */
fm_status fm_pull(fm_network *network, const fm_data *data, bool graded, const double *seeds,
                  size_t count, double *parameters, double *inputs);

/* matrix (P, P), symmetric, += R^T R for the rows R (N S count, P) that fm_pull gives of these
 * seeds (N, S, count, K), of the outputs that the loss is of: Gauss and Newton's matrix, if the
 * seeds are a root of the loss's second derivatives. Of matrix the lower triangle is read. */
fm_status fm_gauss_newton(fm_network *network, const fm_data *data, const double *seeds,
                          size_t count, double *matrix);

/* product (P) = R^T R v, v (P), without the rows: in the time of two or three gradients. */
fm_status fm_gauss_newton_product(fm_network *network, const fm_data *data, const double *seeds,
                                  size_t count, const double *v, double *product);

/* diagonal (P) of R^T R, in the time of a backward pass for each of the seeds. */
fm_status fm_gauss_newton_diagonal(fm_network *network, const fm_data *data,
                                   const double *seeds, size_t count, double *diagonal);

/* Losses (N, S) of the rows, unweighted, and outputs (N, S, K) of data; dropout off. */
fm_status fm_evaluate(fm_network *network, const fm_data *data, double *losses,
                      double *outputs);

/* Outputs (N, S, K) of data->x. dropout_step < 0: as after training; else as in training, with
 * that step's dropout masks and moments of this batch in batch normalization. */
fm_status fm_predict(fm_network *network, const fm_data *data, int64_t dropout_step,
                     double *outputs);

/* Layers that put a penalty on activities: A. */
size_t fm_network_activities(const fm_network *network);

/* What the regularizers of parameters add to the loss; and for each layer that penalizes
 * activities what each sample costs, (A, N), the mean of which is added. dropout_step as above.
 */
fm_status fm_penalties(fm_network *network, const fm_data *data, int64_t dropout_step,
                       double *parameters, double *activities);

/* y (m, n) = a (m, k) b (k, n): the engine's product on its own, b packed on the way. What is
 * transposed is stored so: a as (k, m), b as (n, k). */
fm_status fm_matmul(double *y, const double *a, bool a_transposed, const double *b,
                    bool b_transposed, size_t m, size_t k, size_t n);

/* lower (n, n): the factor L with L L^T = matrix (n, n), of which the lower triangle is read,
 * and zeros above; *positive is false, and lower of no use, if it is not positive definite and
 * finite. x (n): what L L^T x = b has for a solution. */
fm_status fm_factor(double *lower, const double *matrix, size_t n, bool *positive);
fm_status fm_solve(double *x, const double *lower, const double *b, size_t n);

/* Numbers that the engine's users may rely on, by name: "gradient_block" (rows of a batch whose
 * gradient is one chain), "settling_steps" and "smallest_moment" (at every so many steps slots
 * smaller than that become 0), "max_threads". NaN for others. */
double fm_constant(const char *name);

/* -- random numbers, instruction sets, threads -- */

/* order (n): the permutation of 0 .. n-1 for the epoch that begins at step. */
void fm_permutation(uint64_t seed, uint64_t step, size_t n, int64_t *order);

/* Names of the instruction sets compiled in, best first, NULL past the end. */
const char *fm_isa_name(size_t index);
bool fm_isa_usable(const char *name); /* compiled in, and this CPU runs it */
const char *fm_network_isa(const fm_network *network);

/* Visible from outside a shared library, for tools that steer thread pools by symbol. */
#if defined(_WIN32)
#define FM_EXPORT __declspec(dllexport)
#else
#define FM_EXPORT __attribute__((visibility("default")))
#endif

/* Threads that a call may use, at least 1. Start value: FASTMLP_NUM_THREADS, else
 * OMP_NUM_THREADS, else the usable CPUs (affinity mask and cgroup quota counted). */
FM_EXPORT size_t fm_get_num_threads(void);
FM_EXPORT void fm_set_num_threads(size_t count); /* clamped to [1, FM_MAX_THREADS] */
size_t fm_usable_cpus(void);
#define FM_MAX_THREADS 256

#endif
