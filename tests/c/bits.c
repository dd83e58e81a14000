/* SPDX-License-Identifier: Apache-2.0
 *
 * Trains small networks through the public C API on made-up data and prints one hash of all
 * parameters, losses and predictions a case. The output has to be the same for every
 * instruction set (FASTMLP_ISA), thread count (FASTMLP_NUM_THREADS), processor and compiler.
 * Also the program that ThreadSanitizer watches. Exit status 1 if a call fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastmlp.h"

/* An epoch visits every row once, or REPEATS times where a batch is longer than the set. */
enum { ROWS = 83, REPEATS = 30, INPUTS = 70, MAX_WIDTH = 400, MAX_OUTPUTS = 10 };

/* A fixed sequence in [0, 1): the 64-bit linear congruential generator of Knuth's MMIX. */
static uint64_t state = 1;
static double next_uniform(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(state >> 11) * 0x1p-53;
}

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211); /* FNV-1a */
    return hash;
}

static void require(fm_status status, const char *what)
{
    if (status == FM_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, fm_status_message(status));
    exit(1);
}

typedef struct test_case {
    const char *name;
    fm_operation operations[6];
    size_t count, outputs, batch;
    fm_loss loss;
    fm_optimizer optimizer;
    double density;
    bool vectors; /* hash them, too; the older cases do not, so that their hashes stay */
} test_case;

/* Options in the catalog's order. */
#define DENSE(n)                                                                               \
    {                                                                                          \
        .kind = fm_dense, .option = {(n), true, true}                                          \
    }
#define RELU {.kind = fm_relu, .option = {0, 1e308, 0}}
#define TANH {.kind = fm_tanh}
#define DROPOUT(rate, key) {.kind = fm_dropout, .option = {rate, 0, 1, 1}, .seed = (key)}
#define SIGMOID {.kind = fm_sigmoid}
#define NORMALIZATION                                                                          \
    {                                                                                          \
        .kind = fm_batch_normalization, .option = {0.99, 1e-3, true, true, true}               \
    }
#define ADAM {.kind = fm_adam, .option = {0.9, 0.999, 1e-7}}
#define LOGITS {.kind = fm_sparse_categorical_crossentropy, .option = {true, 1e-7}, .weight = 1}

static const test_case cases[] = {
    {"wide hidden, narrow head",
     {DENSE(MAX_WIDTH), RELU, DROPOUT(0.2, 7), DENSE(10)},
     4,
     10,
     32,
     LOGITS,
     ADAM,
     0.2,
     false},
    {"the same, dense input",
     {DENSE(MAX_WIDTH), RELU, DROPOUT(0.2, 7), DENSE(10)},
     4,
     10,
     32,
     LOGITS,
     ADAM,
     1,
     false},
    {"two wide layers, momentum",
     {DENSE(300), TANH, DENSE(301), RELU, DENSE(3)},
     5,
     3,
     29,
     LOGITS,
     {.kind = fm_sgd, .option = {0.9, true}},
     1,
     false},
    {"narrow, squared error",
     {DENSE(20), TANH, DENSE(17), TANH, DENSE(2)},
     5,
     2,
     83,
     {.kind = fm_mean_squared_error, .weight = 1},
     ADAM,
     1,
     false},
    {"softmax and probabilities",
     {DENSE(33), RELU, DENSE(9), {.kind = fm_softmax}},
     4,
     9,
     16,
     {.kind = fm_categorical_crossentropy, .option = {false, 1e-7, 0.1}, .weight = 1},
     {.kind = fm_sgd},
     0.5,
     false},
    {"narrow, a batch of several gradient blocks",
     {DENSE(20), TANH, DROPOUT(0.3, 5), DENSE(3)},
     4,
     3,
     2400,
     LOGITS,
     ADAM,
     1,
     false},
    {"the same, stored gradients",
     {DENSE(20), TANH, DROPOUT(0.3, 5), DENSE(3)},
     4,
     3,
     2400,
     LOGITS,
     {.kind = fm_adam, .option = {0.9, 0.999, 1e-7}, .stored = true},
     1,
     false},
    {"normalized, sparse input, clipped RMSprop",
     {DENSE(MAX_WIDTH), NORMALIZATION, RELU, DENSE(10)},
     4,
     10,
     32,
     LOGITS,
     {.kind = fm_rmsprop, .option = {0.9, 0.9, 1e-7, true}, .clip_global_norm = 0.1},
     0.2,
     true},
    {"binary crossentropy of a long batch, normalized",
     {DENSE(20), SIGMOID, NORMALIZATION, DENSE(7), SIGMOID},
     5,
     7,
     2400,
     {.kind = fm_binary_crossentropy, .option = {false, 1e-7, 0.1}, .weight = 1},
     {.kind = fm_adam, .option = {0.9, 0.999, 1e-7}, .clip_norm = 0.01},
     1,
     true},
};

/* The shape of a parameter. */
static fm_shape shape_of(const fm_network *network, size_t parameter)
{
    fm_shape shape;
    require(fm_network_shape(network, parameter, &shape), "shape");
    return shape;
}

/* Whether all that an initializer would draw is in it: a kernel. */
static bool is_matrix(fm_shape shape)
{
    return shape.rank == 2;
}

static size_t elements(fm_shape shape)
{
    return is_matrix(shape) ? shape.size[0] * shape.size[1] : shape.size[0];
}

static void run_case(const test_case *test)
{
    static double x[ROWS * INPUTS], targets[ROWS * MAX_OUTPUTS], weights[MAX_WIDTH * MAX_WIDTH];
    static double losses[ROWS], rates[ROWS], outputs[REPEATS * ROWS * MAX_OUTPUTS];
    static int32_t labels[ROWS];
    static int64_t order[REPEATS * ROWS];
    const size_t visits = test->batch > ROWS ? REPEATS * ROWS : ROWS;
    state = 1;
    for (size_t i = 0; i < ROWS * INPUTS; i++) {
        double value = next_uniform();
        x[i] = next_uniform() < test->density ? value : 0;
    }
    for (size_t i = 0; i < ROWS; i++) {
        labels[i] = (int32_t)(next_uniform() * (double)test->outputs);
        rates[i] = 1e-2;
        for (size_t j = 0; j < test->outputs; j++)
            targets[i * test->outputs + j] = (size_t)labels[i] == j;
    }
    fm_network *network;
    require(fm_network_create(&network, NULL, INPUTS, test->operations, test->count,
                              &test->loss, &test->optimizer),
            "create");
    const char *how = getenv("FASTMLP_TUNE");
    require(fm_network_tune(network, how != NULL ? how : "1"), "tune");
    const size_t parameters = fm_network_parameters(network);
    for (size_t i = 0; i < parameters; i++) {
        const fm_shape shape = shape_of(network, i);
        for (size_t j = 0; j < elements(shape); j++)
            weights[j] = is_matrix(shape) ? (next_uniform() - 0.5) * 0.2 : test->vectors;
        require(fm_network_write(network, i, FM_VALUE, weights), "write");
    }
    bool sparse = fm_loss_takes_labels(test->loss.kind);
    fm_data data = {.x = x,
                    .dtype = FM_FLOAT64,
                    .rows = ROWS,
                    .labels = sparse ? labels : NULL,
                    .targets = sparse ? NULL : targets};
    int64_t iterations = 0;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (uint64_t epoch = 0; epoch < 5; epoch++) {
        fm_permutation(3, epoch, ROWS, order);
        for (size_t i = ROWS; i < visits; i++)
            order[i] = order[i - ROWS];
        size_t steps = (visits + test->batch - 1) / test->batch;
        require(fm_train(network, &data, order, 1, visits, test->batch, rates, &iterations,
                         losses, outputs),
                "train");
        hash = hash_bytes(hash, losses, steps * sizeof *losses);
        hash = hash_bytes(hash, outputs, visits * test->outputs * sizeof *outputs);
    }
    for (size_t i = 0; i < parameters; i++) {
        const fm_shape shape = shape_of(network, i);
        require(fm_network_read(network, i, FM_VALUE, weights), "read");
        if (is_matrix(shape) || test->vectors)
            hash = hash_bytes(hash, weights, elements(shape) * sizeof *weights);
    }
    require(fm_evaluate(network, &data, losses, outputs), "evaluate");
    hash = hash_bytes(hash, losses, sizeof losses);
    require(fm_predict(network, &data, 5, outputs), "predict");
    hash = hash_bytes(hash, outputs, ROWS * test->outputs * sizeof *outputs);
    printf("%016llx  %s\n", (unsigned long long)hash, test->name);
    fm_network_free(network);
}

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        run_case(&cases[i]);
    return 0;
}
