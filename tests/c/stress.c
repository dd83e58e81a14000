/* SPDX-License-Identifier: Apache-2.0
 *
 * Random networks and products through the public C API, for ThreadSanitizer and for
 * AddressSanitizer with UndefinedBehaviorSanitizer: with 1, 2, 3 and 5 threads, then all of
 * them from several threads at once, among them a network that these share, while another
 * thread keeps changing the number of threads. Every result has to have the bits that one
 * thread alone gave.
 *
 *     fastmlp_stress [seed [rounds]]
 *
 * Every round draws anew. Exit status 1, with a message, if a bit differs or a call fails.
 * Arrays have exactly the sizes that the header says, so that a step beyond is seen.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fastmlp.h"

enum {
    DEFAULT_ROUNDS = 3, /* some 30 s under ThreadSanitizer on two cores */
    NETWORKS = 9,       /* of a round: each family three times */
    PRODUCTS = 12,
    REPEATS = 3, /* of a product: a race shows now and then */
    CALLERS = 3,
    EPOCHS = 2,
    FIRST_STEP = 255, /* every 256th step does more */
    MAX_HIDDEN = 3,
    MAX_OPERATIONS = 3 + 8 * (MAX_HIDDEN + 1),
    MAX_PARAMETERS = 6 * (MAX_HIDDEN + 1),
    LONG_BATCH = 1025, /* more rows than a block of the weight gradient */
};

static const size_t team_sizes[] = {2, 3, 5};

static void require(fm_status status, const char *what)
{
    if (status == FM_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, fm_status_message(status));
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = malloc(count * size);
    if (memory == NULL && count > 0)
        require(FM_ERROR_MEMORY, "the test's own arrays");
    return memory;
}

/* -- drawing -- */

/* The 64-bit linear congruential generator of Knuth's MMIX. */
typedef struct generator {
    uint64_t state;
} generator;

static double draw_uniform(generator *random)
{
    random->state =
        random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(random->state >> 11) * 0x1p-53;
}

/* A whole number in [first, last]. */
static size_t draw(generator *random, size_t first, size_t last)
{
    return first + (size_t)(draw_uniform(random) * (double)(last - first + 1));
}

/* One in so many. */
static bool chance(generator *random, size_t many)
{
    return draw(random, 1, many) == 1;
}

static double *draw_array(generator *random, size_t count, double scale)
{
    double *values = allocate(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = scale * (2 * draw_uniform(random) - 1);
    return values;
}

/* -- comparing -- */

/* A hash of every array that a run gives. */
enum {
    LOSSES,
    OUTPUTS,
    PARAMETERS,
    SLOTS,
    EVALUATED_LOSSES,
    EVALUATED_OUTPUTS,
    PREDICTIONS,
    DROPPED_PREDICTIONS,
    PENALTIES,
    MOVED_LOSSES,
    GRADIENT,
    PRODUCT,
    FACTOR,
    DERIVATIVES,
    HASHES
};
static const char *const hash_names[HASHES] = {
    [LOSSES] = "losses",
    [OUTPUTS] = "outputs",
    [PARAMETERS] = "parameters",
    [SLOTS] = "optimizer slots",
    [EVALUATED_LOSSES] = "evaluated losses",
    [EVALUATED_OUTPUTS] = "evaluated outputs",
    [PREDICTIONS] = "predictions",
    [DROPPED_PREDICTIONS] = "predictions with dropout",
    [PENALTIES] = "penalties",
    [MOVED_LOSSES] = "losses after parameters and slots have moved to another network",
    [GRADIENT] = "gradient",
    [PRODUCT] = "product",
    [FACTOR] = "factor",
    [DERIVATIVES] = "derivatives",
};

typedef struct outcome {
    uint64_t hash[HASHES];
} outcome;

static void add_doubles(outcome *result, int name, const double *values, size_t count)
{
    const unsigned char *bytes = (const unsigned char *)values;
    uint64_t hash = result->hash[name] ^ UINT64_C(14695981039346656037);
    for (size_t i = 0; i < count * sizeof *values; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211); /* FNV-1a */
    result->hash[name] = hash;
}

static atomic_bool failed;

static void compare(const outcome *result, const outcome *expected, const char *label,
                    const char *where)
{
    for (int name = 0; name < HASHES; name++)
        if (result->hash[name] != expected->hash[name]) {
            fprintf(stderr, "%s, %s: %s are not those of one thread\n", label, where,
                    hash_names[name]);
            atomic_store(&failed, true);
        }
}

/* -- networks: the only part that knows what describes one -- */

typedef struct description {
    size_t inputs, outputs;
    fm_operation operations[MAX_OPERATIONS];
    size_t operation_count;
    fm_loss loss;
    fm_optimizer optimizer;
    fm_shape parameters[MAX_PARAMETERS]; /* as a network tells them */
    size_t parameter_count;
    bool regularized[MAX_PARAMETERS], constrained[MAX_PARAMETERS];
    fm_regularizer regularizers[MAX_PARAMETERS];
    fm_constraint constraints[MAX_PARAMETERS];
    bool summed; /* the loss grows with the batch */
} description;

static void append(description *net, fm_operation operation)
{
    net->operations[net->operation_count++] = operation;
}

static void append_dense(description *net, generator *random, size_t outputs)
{
    const bool use_bias = !chance(random, 4), trainable = !chance(random, 5);
    append(net,
           (fm_operation){.kind = fm_dense, .option = {(double)outputs, use_bias, trainable}});
    net->outputs = outputs;
}

static void append_rescaling(description *net, double scale, double offset)
{
    append(net, (fm_operation){.kind = fm_rescaling, .option = {scale, offset}});
}

static void append_normalization(description *net, generator *random)
{
    const bool center = !chance(random, 4), scale = !chance(random, 4);
    append(net, (fm_operation){.kind = fm_batch_normalization,
                               .option = {0.9, 1e-2, center, scale, !chance(random, 4)}});
}

/* Any activation with its options as they are, but the one whose outputs could be infinite. */
static void append_activation(description *net, generator *random)
{
    const int kind = FM_LAYER_COUNT + (int)draw(random, 0, FM_ACTIVATION_COUNT - 1);
    fm_operation operation = {.kind = (fm_operation_kind)kind, .seed = draw(random, 1, 1000)};
    for (size_t i = 0; fm_option_name(FM_OPERATION_FAMILY, kind, i) != NULL; i++)
        operation.option[i] = fm_option_default(FM_OPERATION_FAMILY, kind, i);
    if (kind != fm_exponential)
        append(net, operation);
}

/* Trained slopes, each column's own or one for all. */
static void append_prelu(description *net, generator *random)
{
    const double shared = chance(random, 2) ? (double)net->outputs : 1;
    append(net, (fm_operation){.kind = fm_prelu, .option = {shared, 1, !chance(random, 5)}});
}

static void append_elementwise(description *net, generator *random)
{
    switch (draw(random, 0, 7)) {
    case 0:
        append(net, (fm_operation){.kind = fm_relu, .option = {0, 1e308, 0}});
        break;
    case 1:
        append(net, (fm_operation){.kind = fm_relu, .option = {0.1, 1.5, 0.2}});
        break;
    case 2:
        append(net, (fm_operation){.kind = fm_tanh});
        break;
    case 3:
        append(net, (fm_operation){.kind = fm_dropout,
                                   .option = {0.3, chance(random, 3), 1, 1},
                                   .seed = draw(random, 1, 1000)});
        break;
    case 4:
        append(net, (fm_operation){.kind = fm_sigmoid});
        break;
    case 5:
    case 6:
        append_activation(net, random);
        break;
    default:
        append_rescaling(net, 0.9, 0.1);
    }
}

static void choose_loss(description *net, generator *random)
{
    static const fm_loss_kind kinds[] = {fm_sparse_categorical_crossentropy,
                                         fm_categorical_crossentropy, fm_binary_crossentropy,
                                         fm_mean_squared_error};
    const fm_loss_kind kind = kinds[draw(random, 0, sizeof kinds / sizeof *kinds - 1)];
    const fm_reduction_kind reduction =
        (fm_reduction_kind)draw(random, 0, FM_REDUCTION_COUNT - 1);
    const bool from_logits = chance(random, 2);
    net->loss = (fm_loss){.kind = kind, .reduction = reduction, .weight = 1};
    if (kind != fm_mean_squared_error) {
        const double smoothing = fm_loss_takes_labels((int)kind) ? 0 : 0.1;
        memcpy(net->loss.option, (double[]){from_logits, 1e-7, smoothing}, 3 * sizeof(double));
        if (!from_logits)
            append(net, (fm_operation){.kind = kind == fm_binary_crossentropy ? fm_sigmoid
                                                                              : fm_softmax});
    }
    net->summed = reduction == fm_sum;
}

/* One of those that leave weights alone at a rate of 0, with its options as they are. */
static void choose_stored_optimizer(description *net, generator *random)
{
    static const fm_optimizer_kind kinds[] = {fm_amsgrad,  fm_nadam, fm_adamax, fm_adagrad,
                                              fm_adadelta, fm_lion,  fm_lamb,   fm_adafactor};
    const fm_optimizer_kind kind = kinds[draw(random, 0, sizeof kinds / sizeof *kinds - 1)];
    net->optimizer = (fm_optimizer){.kind = kind};
    for (size_t i = 0; fm_option_name(FM_OPTIMIZER_FAMILY, (int)kind, i) != NULL; i++)
        net->optimizer.option[i] = fm_option_default(FM_OPTIMIZER_FAMILY, (int)kind, i);
}

static void choose_optimizer(description *net, generator *random)
{
    const double rest = chance(random, 2) ? 0.9 : 0;
    switch (draw(random, 0, 3)) {
    case 0:
        net->optimizer = (fm_optimizer){.kind = fm_adam, .option = {0.9, 0.999, 1e-7}};
        break;
    case 1:
        net->optimizer = (fm_optimizer){.kind = fm_sgd, .option = {rest, rest != 0}};
        break;
    case 2:
        net->optimizer =
            (fm_optimizer){.kind = fm_rmsprop, .option = {0.9, rest, 1e-7, chance(random, 2)}};
        break;
    default:
        choose_stored_optimizer(net, random);
    }
    net->optimizer.stored = chance(random, 4);
    net->optimizer.weight_decay = chance(random, 4) ? 0.1 : 0;
    net->optimizer.accumulate = chance(random, 4) ? 2 : 1;
    net->optimizer.average = chance(random, 4);
    net->optimizer.average_momentum = 0.9;
    switch (draw(random, 0, 5)) {
    case 0:
        net->optimizer.clip_norm = 0.1;
        break;
    case 1:
        net->optimizer.clip_value = 0.01;
        break;
    case 2:
        net->optimizer.clip_global_norm = 0.2;
        break;
    }
}

static fm_network *create(const description *net)
{
    fm_network *network;
    require(fm_network_create(&network, NULL, net->inputs, net->operations,
                              net->operation_count, &net->loss, &net->optimizer),
            "create");
    const char *how = getenv("FASTMLP_TUNE");
    require(fm_network_tune(network, how != NULL ? how : "1"), "tune");
    if (!fm_isa_usable(fm_network_isa(network)))
        require(FM_ERROR_ISA, fm_network_isa(network));
    for (size_t i = 0; i < net->parameter_count; i++) {
        if (net->regularized[i])
            require(fm_network_regularize(network, i, &net->regularizers[i]), "regularize");
        if (net->constrained[i])
            require(fm_network_constrain(network, i, &net->constraints[i]), "constrain");
    }
    return network;
}

/* Asks a network what its parameters are. */
static void learn_parameters(description *net)
{
    fm_network *network = create(net);
    net->parameter_count = fm_network_parameters(network);
    for (size_t i = 0; i < net->parameter_count; i++)
        require(fm_network_shape(network, i, &net->parameters[i]), "shape");
    fm_network_free(network);
}

/* Regularizers and, where weights may move, constraints of some parameters. */
static void choose_rules(description *net, generator *random, bool plain)
{
    for (size_t i = 0; i < net->parameter_count; i++) {
        const fm_shape *shape = &net->parameters[i];
        const bool matrix = shape->rank == 2, trained = shape->role == FM_TRAINED;
        net->regularized[i] = trained && chance(random, 3);
        net->constrained[i] = trained && !plain && chance(random, 3);
        net->regularizers[i] = (fm_regularizer){.kind = fm_l1_l2, .option = {1e-3, 1e-2}};
        const bool columns = chance(random, 2);
        if (matrix && shape->size[columns] > 1 && chance(random, 2))
            net->regularizers[i] =
                (fm_regularizer){.kind = fm_orthogonal, .option = {0.1, columns, 1e-7}};
        net->constraints[i] = (fm_constraint){.kind = fm_non_neg};
        if (chance(random, 2)) {
            const double axis = matrix ? (double)draw(random, 0, 2) : 0;
            net->constraints[i] =
                (fm_constraint){.kind = fm_norm, .option = {0.1, 0.9, 0.7, axis, 1e-7}};
        }
    }
}

static size_t elements(const description *net, size_t parameter)
{
    const fm_shape *shape = &net->parameters[parameter];
    return shape->size[0] * (shape->rank == 2 ? shape->size[1] : 1);
}

/* -- a network, what it is trained on, and what has to come of it -- */

typedef enum family {
    SPARSE, /* few inputs are not zero */
    DENSE,  /* layers of any width */
    NARROW, /* narrow layers, batches of several gradient blocks */
    FAMILIES,
} family;

typedef struct training {
    char label[64];
    description net;
    double *initial[MAX_PARAMETERS];
    fm_data data;
    size_t count, batch, steps; /* of an epoch */
    int64_t *order;             /* (EPOCHS, count) */
    double *rates;              /* (EPOCHS * steps) */
    outcome expected;
} training;

/* plain: without layers whose state changes at a learning rate of 0. */
static void describe(description *net, generator *random, family kind, bool bytes, bool plain)
{
    static const fm_operation_kind rows[] = {fm_softmax, fm_log_softmax, fm_sparsemax};
    *net = (description){.inputs = kind == SPARSE  ? draw(random, 150, 450)
                                   : kind == DENSE ? draw(random, 1, 300)
                                                   : draw(random, 1, 20)};
    net->outputs = net->inputs;
    if (bytes) /* an offset would make all inputs dense */
        append_rescaling(net, 1.0 / 255, kind == SPARSE ? 0 : -0.5);
    else if (kind != SPARSE && chance(random, 3))
        append_elementwise(net, random);
    for (size_t layers = draw(random, 0, MAX_HIDDEN); layers > 0; layers--) {
        append_dense(net, random, draw(random, 1, kind == NARROW ? 40 : 200));
        if (!plain && chance(random, 3))
            append_normalization(net, random);
        if (chance(random, 4))
            append_prelu(net, random);
        if (chance(random, 5))
            append(net, (fm_operation){.kind = rows[draw(random, 0, 2)]});
        if (chance(random, 5))
            append(net,
                   (fm_operation){.kind = fm_activity_regularization, .option = {1e-3, 1e-2}});
        for (size_t more = draw(random, 0, 2); more > 0; more--)
            append_elementwise(net, random);
    }
    append_dense(net, random, draw(random, 1, chance(random, 4) ? 100 : 12));
    choose_loss(net, random);
    choose_optimizer(net, random);
    learn_parameters(net);
    if (chance(random, 2))
        choose_rules(net, random, plain);
}

/* x (rows, inputs) of dtype, sometimes of few values. */
static void *draw_inputs(generator *random, size_t count, fm_dtype dtype, double density)
{
    double *x = draw_array(random, count, 1);
    const bool few = chance(random, 2); /* different values */
    for (size_t i = 0; i < count && few; i++)
        x[i] = round(8 * x[i]) / 8;
    for (size_t i = 0; i < count; i++)
        if (draw_uniform(random) >= density)
            x[i] = 0;
    if (dtype == FM_FLOAT64)
        return x;
    float *floats = allocate(count, dtype == FM_FLOAT32 ? sizeof *floats : 1);
    uint8_t *bytes = (uint8_t *)floats;
    for (size_t i = 0; i < count; i++)
        if (dtype == FM_FLOAT32)
            floats[i] = (float)x[i];
        else
            bytes[i] = (uint8_t)(255 * fabs(x[i]));
    free(x);
    return floats;
}

/* x (rows, F) becomes compressed sparse rows; now and then a row's first or last index is out
 * of range, which the engine leaves out. */
static void compress(training *job, generator *random)
{
    const size_t rows = job->data.rows, features = job->net.inputs;
    double *x = (double *)job->data.x;
    int64_t *indptr = allocate(rows + 1, sizeof *indptr);
    int32_t *indices = allocate(rows * features, sizeof *indices);
    size_t count = 0;
    for (size_t b = 0; b < rows; b++) {
        indptr[b] = (int64_t)count;
        for (size_t k = 0; k < features; k++) {
            if (x[b * features + k] == 0)
                continue;
            indices[count] = (int32_t)k;
            x[count++] = x[b * features + k];
        }
        const size_t first = (size_t)indptr[b];
        if (count > first && chance(random, 8))
            indices[first] = -1 - (int32_t)draw(random, 0, features);
        if (count > first + 1 && chance(random, 8))
            indices[count - 1] = (int32_t)(features + draw(random, 0, features));
    }
    indptr[rows] = (int64_t)count;
    job->data.indptr = indptr;
    job->data.indices = indices;
}

static void draw_data(training *job, generator *random, size_t rows, fm_dtype dtype,
                      double density)
{
    const size_t outputs = job->net.outputs;
    job->data = (fm_data){.dtype = dtype, .rows = rows};
    job->data.x = draw_inputs(random, rows * job->net.inputs, dtype, density);
    if (dtype == FM_FLOAT64 && chance(random, 3))
        compress(job, random);
    if (fm_loss_takes_labels((int)job->net.loss.kind)) {
        int32_t *labels = allocate(rows, sizeof *labels);
        for (size_t i = 0; i < rows; i++)
            labels[i] = (int32_t)draw(random, 0, outputs - 1);
        job->data.labels = labels;
    } else {
        double *targets = allocate(rows * outputs, sizeof *targets);
        for (size_t i = 0; i < rows * outputs; i++)
            targets[i] = draw_uniform(random);
        job->data.targets = targets;
    }
    if (chance(random, 2)) {
        double *weight = allocate(rows, sizeof *weight);
        for (size_t i = 0; i < rows; i++)
            weight[i] = 0.1 + draw_uniform(random);
        job->data.sample_weight = weight;
    }
}

static void draw_job(training *job, generator *random, family kind, bool plain)
{
    static const fm_dtype dtypes[] = {FM_FLOAT64, FM_FLOAT32, FM_UINT8};
    const fm_dtype dtype = dtypes[draw(random, 0, 2)];
    describe(&job->net, random, kind, dtype == FM_UINT8, plain);
    /* lists of more rows than are listed at a time, or than a gradient block has */
    const bool long_lists = kind == SPARSE && !plain && chance(random, 2);
    const bool is_long = kind == NARROW || long_lists;
    const size_t rows = kind == NARROW ? draw(random, LONG_BATCH, 3600)
                        : long_lists   ? draw(random, 300, 2600)
                                       : draw(random, 30, 130);
    draw_data(job, random, rows, dtype, kind == SPARSE ? 0.2 : 1);
    for (size_t i = 0; i < job->net.parameter_count; i++) {
        const fm_shape *of = &job->net.parameters[i];
        const size_t count = elements(&job->net, i);
        job->initial[i] =
            draw_array(random, count, of->rank == 2 ? 1 / sqrt((double)of->size[0]) : 1);
        for (size_t j = 0; of->role == FM_STATE && j < count; j++)
            job->initial[i][j] = 0.5 + fabs(job->initial[i][j]); /* a variance */
    }
    job->count = is_long ? rows : draw(random, rows / 2, rows);
    job->batch = kind == NARROW ? draw(random, LONG_BATCH, rows)
                 : long_lists   ? draw(random, 257, rows)
                                : draw(random, 1, 70);
    job->steps = (job->count + job->batch - 1) / job->batch;
    job->rates = allocate(EPOCHS * job->steps, sizeof *job->rates);
    for (size_t i = 0; i < EPOCHS * job->steps; i++)
        job->rates[i] = 1e-3 / (double)(i + 1) / (job->net.summed ? (double)job->batch : 1);
    job->order = allocate(EPOCHS * job->count, sizeof *job->order);
    int64_t *permutation = allocate(rows, sizeof *permutation);
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        fm_permutation(draw(random, 0, 1000), epoch, rows, permutation);
        memcpy(job->order + epoch * job->count, permutation, job->count * sizeof *permutation);
    }
    free(permutation);
}

static void free_job(training *job)
{
    for (size_t i = 0; i < job->net.parameter_count; i++)
        free(job->initial[i]);
    free((void *)job->data.x);
    free((void *)job->data.indptr);
    free((void *)job->data.indices);
    free((void *)job->data.labels);
    free((void *)job->data.targets);
    free((void *)job->data.sample_weight);
    free(job->order);
    free(job->rates);
}

static void write_initial(const training *job, fm_network *network)
{
    for (size_t i = 0; i < job->net.parameter_count; i++)
        require(fm_network_write(network, i, FM_VALUE, job->initial[i]), "write");
}

/* Trains the network for all epochs in one call; several threads on what they may keep of the
 * samples, so that its bits meet those of the samples themselves. */
static void train(const training *job, fm_network *network, const double *rates,
                  int64_t iterations, outcome *result, int losses_name)
{
    const size_t steps = EPOCHS * job->steps, outputs = EPOCHS * job->count * job->net.outputs;
    double *losses = allocate(steps, sizeof *losses), *y = allocate(outputs, sizeof *y);
    fm_data data = job->data;
    fm_coded *coded = NULL;
    if (fm_get_num_threads() > 1)
        require(fm_code(network, &job->data, 1 << 26, &coded), "code");
    data.coded = coded;
    require(fm_train(network, &data, job->order, EPOCHS, job->count, job->batch, rates,
                     &iterations, losses, y),
            "train");
    fm_coded_free(coded);
    for (size_t i = 0; i < steps; i++)
        if (!isfinite(losses[i])) { /* bits are promised for finite numbers only */
            fprintf(stderr, "%s: the loss is not finite\n", job->label);
            exit(1);
        }
    add_doubles(result, losses_name, losses, steps);
    add_doubles(result, OUTPUTS, y, outputs);
    free(losses);
    free(y);
}

static void infer(const training *job, fm_network *network, outcome *result)
{
    const size_t rows = job->data.rows, outputs = rows * job->net.outputs;
    double *losses = allocate(rows, sizeof *losses), *y = allocate(outputs, sizeof *y);
    require(fm_evaluate(network, &job->data, losses, y), "evaluate");
    add_doubles(result, EVALUATED_LOSSES, losses, rows);
    add_doubles(result, EVALUATED_OUTPUTS, y, outputs);
    require(fm_predict(network, &job->data, -1, y), "predict");
    add_doubles(result, PREDICTIONS, y, outputs);
    require(fm_predict(network, &job->data, 5, y), "predict");
    add_doubles(result, DROPPED_PREDICTIONS, y, outputs);
    free(losses);
    free(y);
    const size_t costs = rows * fm_network_activities(network);
    double sum, *activities = allocate(costs + 1, sizeof *activities);
    require(fm_penalties(network, &job->data, 5, &sum, activities), "penalties");
    activities[costs] = sum;
    add_doubles(result, PENALTIES, activities, costs + 1);
    free(activities);
}

/* Derivatives of the first output of each row by the parameters, and by the inputs. */
static void derive(const training *job, fm_network *network, outcome *result)
{
    fm_data data = job->data;
    data.rows = data.rows < 40 ? data.rows : 40;
    const size_t rows = data.rows * fm_network_split(network);
    const size_t parameters = rows * fm_network_gradient_size(network);
    const size_t inputs = rows * job->net.inputs;
    double *p = allocate(parameters, sizeof *p), *x = allocate(inputs, sizeof *x);
    require(fm_pull(network, &data, false, NULL, 1, p, x), "pull");
    add_doubles(result, DERIVATIVES, p, parameters);
    add_doubles(result, DERIVATIVES, x, inputs);
    free(p);
    free(x);
}

/* Products of derivatives: of small networks all of them, and of all with a vector. */
#define MOST_CURVED 500
static void multiply_derivatives(const training *job, fm_network *network, outcome *result)
{
    fm_data data = job->data;
    data.rows = data.rows < 330 ? data.rows : 330;
    const size_t size = fm_network_gradient_size(network);
    const size_t count = data.rows * fm_network_split(network) * job->net.outputs;
    double *seeds = allocate(count, sizeof *seeds);
    for (size_t i = 0; i < count; i++)
        seeds[i] = 1.0 / (double)(1 + i % 7);
    double *v = allocate(size, sizeof *v), *sums = allocate(size, sizeof *sums);
    for (size_t i = 0; i < size; i++)
        v[i] = 1.0 - (double)(i % 5);
    require(fm_gauss_newton_product(network, &data, seeds, 1, v, sums), "product");
    add_doubles(result, DERIVATIVES, sums, size);
    data.rows = data.rows < 70 ? data.rows : 70;
    require(fm_gauss_newton_diagonal(network, &data, seeds, 1, sums), "diagonal");
    add_doubles(result, DERIVATIVES, sums, size);
    free(v);
    free(sums);
    if (size <= MOST_CURVED) {
        double *matrix = allocate(size * size, sizeof *matrix);
        for (size_t i = 0; i < size * size; i++)
            matrix[i] = 0.25; /* which is added to */
        require(fm_gauss_newton(network, &data, seeds, 1, matrix), "gauss_newton");
        add_doubles(result, DERIVATIVES, matrix, size * size);
        free(matrix);
    }
    free(seeds);
}

/* Reads every parameter and, if wanted, all that training keeps for it, and writes them to
 * `to`. */
static void move(const training *job, fm_network *from, fm_network *to, bool slots,
                 outcome *result)
{
    fm_shape shape;
    for (size_t i = 0; i < job->net.parameter_count; i++)
        for (int slot = FM_VALUE; slot == FM_VALUE || slots; slot++) {
            if (fm_network_slot_shape(from, i, slot, &shape) != FM_OK)
                break;
            const size_t count = shape.size[0] * (shape.rank > 1 ? shape.size[1] : 1);
            double *values = allocate(count, sizeof *values);
            require(fm_network_read(from, i, slot, values), "read");
            add_doubles(result, slot == FM_VALUE ? PARAMETERS : SLOTS, values, count);
            require(fm_network_write(to, i, slot, values), "write");
            free(values);
        }
}

/* A step by way of its gradient. */
static void step_by_gradient(const training *job, fm_network *network, outcome *result)
{
    const size_t size = fm_network_gradient_size(network);
    double *gradient = allocate(size, sizeof *gradient), loss;
    int64_t iterations = FIRST_STEP;
    require(fm_gradient(network, &job->data, job->order,
                        job->batch < job->count ? job->batch : job->count, iterations, &loss,
                        gradient),
            "gradient");
    add_doubles(result, GRADIENT, &loss, 1);
    add_doubles(result, GRADIENT, gradient, size);
    require(fm_apply(network, gradient, job->rates[0], &iterations), "apply");
    free(gradient);
}

/* Trains, infers, and goes on with another network that has the first one's state. */
static outcome run_job(const training *job)
{
    outcome result = {0};
    fm_network *network = create(&job->net), *other = create(&job->net);
    write_initial(job, network);
    train(job, network, job->rates, FIRST_STEP, &result, LOSSES);
    infer(job, network, &result);
    derive(job, network, &result);
    multiply_derivatives(job, network, &result);
    step_by_gradient(job, network, &result);
    move(job, network, other, true, &result);
    fm_network_free(network);
    train(job, other, job->rates, FIRST_STEP + (int64_t)(EPOCHS * job->steps), &result,
          MOVED_LOSSES);
    fm_network_free(other);
    return result;
}

/* -- a network that several threads use at once -- */

/* Calls whose results do not depend on what other callers do in between: training at a rate
 * of 0 and writing the values that are there change slots alone. */
static outcome use_shared(const training *job, fm_network *network)
{
    outcome result = {0};
    double *rates = allocate(EPOCHS * job->steps, sizeof *rates);
    for (size_t i = 0; i < EPOCHS * job->steps; i++)
        rates[i] = 0;
    write_initial(job, network);
    train(job, network, rates, FIRST_STEP, &result, LOSSES);
    infer(job, network, &result);
    derive(job, network, &result);
    multiply_derivatives(job, network, &result);
    move(job, network, network, false, &result);
    free(rates);
    return result;
}

/* -- products -- */

typedef struct product {
    char label[64];
    size_t m, k, n;
    double *a[2], *b[2]; /* (m, k), (k, n), as they are and stored transposed */
    outcome expected;
} product;

static double *transposed(const double *matrix, size_t rows, size_t columns)
{
    double *t = allocate(rows * columns, sizeof *t);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            t[c * rows + r] = matrix[r * columns + c];
    return t;
}

/* Wide and tall ones, ragged panels and row blocks, and depths of several depth blocks. */
static void draw_product(product *of, generator *random)
{
    of->m = chance(random, 6) ? draw(random, 513, 600) : draw(random, 1, 130);
    of->k = chance(random, 3) ? draw(random, 1, 256) : draw(random, 257, 700);
    of->n = draw(random, 1, of->m > 512 ? 80 : 260);
    if (chance(random, 4))
        of->k = 128 * draw(random, 1, 5); /* rows that share cache sets */
    of->a[0] = draw_array(random, of->m * of->k, 1);
    of->b[0] = draw_array(random, of->k * of->n, 1);
    of->a[1] = transposed(of->a[0], of->m, of->k);
    of->b[1] = transposed(of->b[0], of->k, of->n);
}

/* a a^T + k I has a factor, by which it is solved with. */
static void factor(const product *of, outcome *result)
{
    const size_t m = of->m, k = of->k;
    double *matrix = allocate(m * m, sizeof *matrix), *lower = allocate(m * m, sizeof *lower);
    double *x = allocate(m, sizeof *x);
    bool positive;
    require(fm_matmul(matrix, of->a[0], false, of->a[0], true, m, k, m), "matmul");
    for (size_t i = 0; i < m; i++)
        matrix[i * m + i] += (double)k;
    require(fm_factor(lower, matrix, m, &positive), "factor");
    if (!positive) {
        fprintf(stderr, "%s: no factor\n", of->label);
        exit(1);
    }
    require(fm_solve(x, lower, of->a[0], m), "solve");
    add_doubles(result, FACTOR, lower, m * m);
    add_doubles(result, FACTOR, x, m);
    free(matrix);
    free(lower);
    free(x);
}

static outcome run_product(const product *of, int layout)
{
    outcome result = {0};
    const int a = layout % 2, b = layout / 2;
    double *y = allocate(of->m * of->n, sizeof *y);
    require(fm_matmul(y, of->a[a], a, of->b[b], b, of->m, of->k, of->n), "matmul");
    add_doubles(&result, PRODUCT, y, of->m * of->n);
    free(y);
    if (of->m <= 130)
        factor(of, &result);
    return result;
}

static void free_product(product *of)
{
    for (int i = 0; i < 2; i++) {
        free(of->a[i]);
        free(of->b[i]);
    }
}

/* -- a round -- */

typedef struct cases {
    training jobs[NETWORKS];
    product products[PRODUCTS];
    fm_network *shared; /* of the first job */
    outcome shared_expected;
} cases;

static void draw_round(cases *all, generator *random, unsigned long long number)
{
    for (size_t i = 0; i < NETWORKS; i++) {
        training *job = &all->jobs[i];
        snprintf(job->label, sizeof job->label, "round %llu, network %zu", number, i);
        draw_job(job, random, (family)(i % FAMILIES), i == 0);
    }
    for (size_t i = 0; i < PRODUCTS; i++) {
        product *of = &all->products[i];
        draw_product(of, random);
        snprintf(of->label, sizeof of->label, "round %llu, (%zu, %zu) x (%zu, %zu)", number,
                 of->m, of->k, of->k, of->n);
    }
    fm_set_num_threads(1);
    for (size_t i = 0; i < NETWORKS; i++)
        all->jobs[i].expected = run_job(&all->jobs[i]);
    for (size_t i = 0; i < PRODUCTS; i++)
        all->products[i].expected = run_product(&all->products[i], 0);
    all->shared = create(&all->jobs[0].net);
    all->shared_expected = use_shared(&all->jobs[0], all->shared);
}

static void compare_product(const product *of, const char *where)
{
    for (int i = 0; i < 4 * REPEATS; i++) {
        const outcome result = run_product(of, i % 4);
        compare(&result, &of->expected, of->label, where);
    }
}

/* One caller, one number of threads after the other. */
static void run_alone(const cases *all)
{
    for (size_t t = 0; t < sizeof team_sizes / sizeof team_sizes[0]; t++) {
        char where[32];
        snprintf(where, sizeof where, "%zu threads", team_sizes[t]);
        fm_set_num_threads(team_sizes[t]);
        for (size_t i = 0; i < NETWORKS; i++) {
            const outcome result = run_job(&all->jobs[i]);
            compare(&result, &all->jobs[i].expected, all->jobs[i].label, where);
        }
        for (size_t i = 0; i < PRODUCTS; i++)
            compare_product(&all->products[i], where);
    }
}

typedef struct caller {
    const cases *all;
    size_t index;
    pthread_t thread;
} caller;

/* Each begins elsewhere, so that different calls meet. */
static void *call(void *argument)
{
    const caller *self = argument;
    const cases *all = self->all;
    for (size_t turn = 0; turn < NETWORKS; turn++) {
        const training *job = &all->jobs[(turn + self->index * NETWORKS / CALLERS) % NETWORKS];
        const outcome result = run_job(job);
        compare(&result, &job->expected, job->label, "several callers");
        const outcome shared = use_shared(&all->jobs[0], all->shared);
        compare(&shared, &all->shared_expected, all->jobs[0].label, "shared by callers");
        compare_product(&all->products[(turn + self->index) % PRODUCTS], "several callers");
    }
    return NULL;
}

static atomic_bool steering;

static void *steer(void *argument)
{
    generator random = {(uintptr_t)argument};
    while (atomic_load(&steering)) {
        const size_t count = draw(&random, 0, 6); /* 0 means 1 */
        fm_set_num_threads(count);
        if (fm_get_num_threads() != (count > 0 ? count : 1)) {
            fprintf(stderr, "%zu threads were set and %zu are\n", count, fm_get_num_threads());
            atomic_store(&failed, true);
        }
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    return NULL;
}

static void start(pthread_t *thread, void *(*body)(void *), void *argument)
{
    if (pthread_create(thread, NULL, body, argument) != 0)
        require(FM_ERROR_MEMORY, "a thread of the test");
}

static void run_together(const cases *all)
{
    pthread_t steerer;
    caller callers[CALLERS];
    atomic_store(&steering, true);
    start(&steerer, steer, (void *)(uintptr_t)1);
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (caller){.all = all, .index = i};
        start(&callers[i].thread, call, &callers[i]);
    }
    for (size_t i = 0; i < CALLERS; i++)
        pthread_join(callers[i].thread, NULL);
    atomic_store(&steering, false);
    pthread_join(steerer, NULL);
}

static void free_round(cases *all)
{
    fm_network_free(all->shared);
    for (size_t i = 0; i < NETWORKS; i++)
        free_job(&all->jobs[i]);
    for (size_t i = 0; i < PRODUCTS; i++)
        free_product(&all->products[i]);
}

/* The rest of the header. */
static void tell_machine(void)
{
    fm_network *none;
    const fm_status status = fm_network_create(&none, NULL, 0, NULL, 0, NULL, NULL);
    if (status != FM_ERROR_ARGUMENT || none != NULL || fm_status_message(status)[0] == '\0') {
        fprintf(stderr, "a network of no inputs: %s\n", fm_status_message(status));
        atomic_store(&failed, true);
    }
    for (size_t i = 0; fm_isa_name(i) != NULL; i++)
        printf("%s%s ", fm_isa_name(i), fm_isa_usable(fm_isa_name(i)) ? "" : " (unusable)");
    printf("on %zu usable CPUs\n", fm_usable_cpus());
    fflush(stdout);
}

int main(int count, char **arguments)
{
    const unsigned long long seed = count > 1 ? strtoull(arguments[1], NULL, 0) : 1;
    const unsigned long long rounds =
        count > 2 ? strtoull(arguments[2], NULL, 0) : DEFAULT_ROUNDS;
    tell_machine();
    generator random = {seed};
    for (unsigned long long number = 0; number < rounds; number++) {
        static cases all;
        memset(&all, 0, sizeof all);
        draw_round(&all, &random, number);
        run_alone(&all);
        run_together(&all);
        free_round(&all);
    }
    if (atomic_load(&failed))
        return 1;
    printf("seed %llu: %llu rounds, every bit that of one thread\n", seed, rounds);
    return 0;
}
