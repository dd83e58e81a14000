/* SPDX-License-Identifier: Apache-2.0
 *
 * fastmlp: multilayer perceptrons in float64 on the CPU. The whole public C API.
 *
 * Letters: N samples in a set, B rows in a batch, F input features, K outputs.
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

typedef enum fm_operation_kind {
    FM_DENSE,     /* y = x w + bias; w (inputs, outputs), bias (outputs) */
    FM_RELU,      /* x >= max_value: max_value; x > threshold: x; else slope (x - threshold) */
    FM_TANH,      /* y = tanh(x) */
    FM_SOFTMAX,   /* by row: exp(x - max) / sum exp(x - max) */
    FM_DROPOUT,   /* while training keep with probability 1 - rate, scaled by 1 / (1 - rate) */
    FM_RESCALING, /* y = x * scale + offset, two roundings */
} fm_operation_kind;

typedef struct fm_operation {
    fm_operation_kind kind;
    size_t outputs;                   /* FM_DENSE */
    bool use_bias, trainable;         /* FM_DENSE */
    double negative_slope, threshold; /* FM_RELU */
    double max_value;                 /* FM_RELU, > 0; INFINITY for none */
    double rate;                      /* FM_DROPOUT, in [0, 1) */
    uint64_t seed;                    /* FM_DROPOUT, the Philox key */
    double scale, offset;             /* FM_RESCALING */
} fm_operation;

typedef enum fm_loss_kind {
    FM_SPARSE_CATEGORICAL_CROSSENTROPY, /* labels (N) in [0, K) */
    FM_CATEGORICAL_CROSSENTROPY,        /* targets (N, K) */
    FM_MEAN_SQUARED_ERROR,              /* targets (N, K) */
} fm_loss_kind;

typedef enum fm_reduction {
    FM_SUM_OVER_BATCH_SIZE,     /* sum_b weight_b loss_b / B */
    FM_SUM,                     /* sum_b weight_b loss_b */
    FM_MEAN_WITH_SAMPLE_WEIGHT, /* sum_b weight_b loss_b / sum_b weight_b */
} fm_reduction;

typedef struct fm_loss {
    fm_loss_kind kind;
    bool from_logits;       /* the crossentropies: outputs are logits, else probabilities */
    double label_smoothing; /* FM_CATEGORICAL_CROSSENTROPY: t (1 - s) + s / K */
    double epsilon;         /* probabilities are clipped to [epsilon, 1 - epsilon] */
    fm_reduction reduction;
} fm_loss;

typedef enum fm_optimizer_kind { FM_ADAM, FM_SGD } fm_optimizer_kind;

/* Adam, step t >= 1: alpha = rate sqrt(1 - beta_2^t) / (1 - beta_1^t);
 *   m += (g - m)(1 - beta_1); v += (g g - v)(1 - beta_2); w -= m alpha / (sqrt(v) + epsilon).
 * SGD: w -= rate g; with momentum: m = momentum m - rate g; w += m,
 *   with nesterov: w += momentum m - rate g. */
typedef struct fm_optimizer {
    fm_optimizer_kind kind;
    double beta_1, beta_2, epsilon; /* FM_ADAM; slots 0, 1 = m, v */
    double momentum;                /* FM_SGD; slot 0 = m if not zero */
    bool nesterov;
} fm_optimizer;

/* -- networks -- */

typedef struct fm_network fm_network;

/* Makes a network of F = inputs features and the operations in order; parameters and slots
 * are zero. loss and optimizer may be NULL together: such a network only predicts. isa is a
 * name that fm_isa_usable accepts, or NULL for the default. Arguments are copied. */
fm_status fm_network_create(fm_network **network, const char *isa, size_t inputs,
                            const fm_operation *operations, size_t operation_count,
                            const fm_loss *loss, const fm_optimizer *optimizer);

/* Frees a network; NULL is allowed. No call on it may be running. */
void fm_network_free(fm_network *network);

/* The width K of what the network puts out. */
size_t fm_network_outputs(const fm_network *network);

/* How many parameters there are, and the shape of one: rank 2 (inputs, outputs) for a kernel,
 * rank 1 (outputs) for a bias. FM_ERROR_ARGUMENT if there is no such parameter. */
typedef struct fm_shape {
    size_t rank, size[2];
} fm_shape;
size_t fm_network_parameters(const fm_network *network);
fm_status fm_network_shape(const fm_network *network, size_t parameter, fm_shape *shape);

/* Parameters count Dense by Dense: kernel (inputs, outputs), then bias (outputs) if used.
 * slot is FM_VALUE for the parameter itself or the number of an optimizer slot. */
#define FM_VALUE (-1)
fm_status fm_network_read(fm_network *network, size_t parameter, int slot, double *values);
fm_status fm_network_write(fm_network *network, size_t parameter, int slot,
                           const double *values);

/* -- data, training, inference -- */

typedef enum fm_dtype { FM_FLOAT64, FM_FLOAT32, FM_UINT8 } fm_dtype;

typedef struct fm_data {
    const void *x; /* (N, F) of dtype */
    fm_dtype dtype;
    size_t rows;                 /* N */
    const int32_t *labels;       /* (N), for the sparse loss */
    const double *targets;       /* (N, K), for the others */
    const double *sample_weight; /* (N), or NULL for ones */
} fm_data;

/* Trains for epochs over the rows order (epochs, count), batch rows a step; the last step of
 * an epoch may be shorter.
 *   rates      (steps) learning rates, steps = epochs * ceil(count / batch)
 *   iterations the optimizer's count of finished steps; advanced by one after each
 *   losses     (steps) reduced loss of each batch before its update
 *   outputs    (epochs * count, K) the network's outputs in visiting order, or NULL
 * Every order[i] must be < data->rows and every label in [0, K). */
fm_status fm_train(fm_network *network, const fm_data *data, const int64_t *order,
                   size_t epochs, size_t count, size_t batch, const double *rates,
                   int64_t *iterations, double *losses, double *outputs);

/* Per-sample losses (N), unweighted, and outputs (N, K) of data; dropout off. */
fm_status fm_evaluate(fm_network *network, const fm_data *data, double *losses,
                      double *outputs);

/* Outputs (N, K) of data->x. dropout_step < 0: dropout off, else with that step's masks. */
fm_status fm_predict(fm_network *network, const fm_data *data, int64_t dropout_step,
                     double *outputs);

/* y (m, n) = a (m, k) b (k, n): the engine's product on its own, b packed on the way. What is
 * transposed is stored so: a as (k, m), b as (n, k). */
fm_status fm_matmul(double *y, const double *a, bool a_transposed, const double *b,
                    bool b_transposed, size_t m, size_t k, size_t n);

/* -- random numbers, instruction sets, threads -- */

/* order (n): the permutation of 0 .. n-1 for the epoch that begins at step. */
void fm_permutation(uint64_t seed, uint64_t step, size_t n, int64_t *order);

/* Names of the instruction sets compiled in, best first, NULL past the end. */
const char *fm_isa_name(size_t index);
bool fm_isa_usable(const char *name); /* compiled in, and this CPU runs it */
const char *fm_network_isa(const fm_network *network);

/* Visible from outside a shared library, for tools that steer thread pools by symbol. */
#define FM_EXPORT __attribute__((visibility("default")))

/* Threads that a call may use, at least 1. Start value: FASTMLP_NUM_THREADS, else
 * OMP_NUM_THREADS, else the usable CPUs (affinity mask and cgroup quota counted). */
FM_EXPORT size_t fm_get_num_threads(void);
FM_EXPORT void fm_set_num_threads(size_t count); /* clamped to [1, FM_MAX_THREADS] */
size_t fm_usable_cpus(void);
#define FM_MAX_THREADS 256

#endif
