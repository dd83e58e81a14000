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
} test_case;

/* Options in the catalog's order. */
#define DENSE(n)                                                                               \
    {                                                                                          \
        .kind = fm_dense, .option = {(n), true, true}                                          \
    }
#define RELU {.kind = fm_relu, .option = {0, 1e308, 0}}
#define TANH {.kind = fm_tanh}
#define DROPOUT(rate, key) {.kind = fm_dropout, .option = {rate}, .seed = (key)}
#define ADAM {.kind = fm_adam, .option = {0.9, 0.999, 1e-7}}
#define LOGITS {.kind = fm_sparse_categorical_crossentropy, .option = {true, 1e-7}}

static const test_case cases[] = {
    {"wide hidden, narrow head",
     {DENSE(MAX_WIDTH), RELU, DROPOUT(0.2, 7), DENSE(10)},
     4,
     10,
     32,
     LOGITS,
     ADAM,
     0.2},
    {"the same, dense input",
     {DENSE(MAX_WIDTH), RELU, DROPOUT(0.2, 7), DENSE(10)},
     4,
     10,
     32,
     LOGITS,
     ADAM,
     1},
    {"two wide layers, momentum",
     {DENSE(300), TANH, DENSE(301), RELU, DENSE(3)},
     5,
     3,
     29,
     LOGITS,
     {.kind = fm_sgd, .option = {0.9, true}},
     1},
    {"narrow, squared error",
     {DENSE(20), TANH, DENSE(17), TANH, DENSE(2)},
     5,
     2,
     83,
     {.kind = fm_mean_squared_error},
     ADAM,
     1},
    {"softmax and probabilities",
     {DENSE(33), RELU, DENSE(9), {.kind = fm_softmax}},
     4,
     9,
     16,
     {.kind = fm_categorical_crossentropy, .option = {false, 1e-7, 0.1}},
     {.kind = fm_sgd},
     0.5},
    {"narrow, a batch of several gradient blocks",
     {DENSE(20), TANH, DROPOUT(0.3, 5), DENSE(3)},
     4,
     3,
     2400,
     LOGITS,
     ADAM,
     1},
};

static size_t outputs_of(const fm_operation *dense)
{
    return (size_t)fm_dense_of(dense->option).outputs;
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
    size_t inputs = INPUTS, parameter = 0;
    for (size_t i = 0; i < test->count; i++) {
        if (test->operations[i].kind != fm_dense)
            continue;
        for (size_t j = 0; j < inputs * outputs_of(&test->operations[i]); j++)
            weights[j] = (next_uniform() - 0.5) * 0.2;
        require(fm_network_write(network, parameter, FM_VALUE, weights), "write");
        parameter += 2;
        inputs = outputs_of(&test->operations[i]);
    }
    bool sparse = fm_loss_takes_labels(test->loss.kind);
    fm_data data = {x, FM_FLOAT64, ROWS, sparse ? labels : NULL, sparse ? NULL : targets, NULL};
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
    inputs = INPUTS;
    parameter = 0;
    for (size_t i = 0; i < test->count; i++) {
        if (test->operations[i].kind != fm_dense)
            continue;
        require(fm_network_read(network, parameter, FM_VALUE, weights), "read");
        hash = hash_bytes(hash, weights,
                          inputs * outputs_of(&test->operations[i]) * sizeof *weights);
        parameter += 2;
        inputs = outputs_of(&test->operations[i]);
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
