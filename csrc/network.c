/* SPDX-License-Identifier: Apache-2.0
 *
 * Layer specifications -> checked sizes -> one arena -> pointed tensors.
 */
#include "network.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- all networks, for forks -- */

/* A ring through a head. Without it a child could find the lock of a network held by a thread
 * that does not exist there, and half a step in its weights. */
static struct fm_network networks = {.next = &networks, .previous = &networks};
static pthread_mutex_t networks_lock = PTHREAD_MUTEX_INITIALIZER;

/* Waits until no call runs and lets none begin. */
static void before_fork(void)
{
    pthread_mutex_lock(&networks_lock);
    for (fm_network *each = networks.next; each != &networks; each = each->next)
        pthread_mutex_lock(&each->lock);
}

static void after_fork_in_parent(void)
{
    for (fm_network *each = networks.next; each != &networks; each = each->next)
        pthread_mutex_unlock(&each->lock);
    pthread_mutex_unlock(&networks_lock);
}

/* The child's one thread is not the one that locked, in the eyes of some systems: begin anew.
 */
static void after_fork_in_child(void)
{
    for (fm_network *each = networks.next; each != &networks; each = each->next)
        pthread_mutex_init(&each->lock, NULL);
    pthread_mutex_init(&networks_lock, NULL);
}

static void register_fork_handlers(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void enlist(fm_network *network)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_fork_handlers);
    pthread_mutex_lock(&networks_lock);
    network->next = networks.next;
    network->previous = &networks;
    networks.next->previous = network;
    networks.next = network;
    pthread_mutex_unlock(&networks_lock);
}

static void delist(fm_network *network)
{
    pthread_mutex_lock(&networks_lock);
    network->next->previous = network->previous;
    network->previous->next = network->next;
    pthread_mutex_unlock(&networks_lock);
}

/* -- from operations to stages -- */

static bool is_rate(double rate)
{
    return rate >= 0 && rate < 1;
}

static bool operation_is_valid(const fm_operation *operation)
{
    switch (operation->kind) {
    case FM_DENSE:
        return operation->outputs > 0;
    case FM_DROPOUT:
        return is_rate(operation->rate);
    case FM_RELU: /* a zeroed max_value would make every output 0 */
        return isfinite(operation->negative_slope) && isfinite(operation->threshold) &&
               operation->max_value > 0;
    case FM_RESCALING:
        return isfinite(operation->scale) && isfinite(operation->offset);
    case FM_TANH:
    case FM_SOFTMAX:
        return true;
    }
    return false;
}

static bool loss_is_valid(const fm_loss *loss)
{
    return (unsigned)loss->kind <= FM_MEAN_SQUARED_ERROR &&
           (unsigned)loss->reduction <= FM_MEAN_WITH_SAMPLE_WEIGHT &&
           is_rate(loss->label_smoothing) && loss->epsilon >= 0 && loss->epsilon < 0.5;
}

static bool training_is_valid(const fm_loss *loss, const fm_optimizer *optimizer)
{
    if (loss == NULL || optimizer == NULL)
        return loss == NULL && optimizer == NULL;
    if (!loss_is_valid(loss))
        return false;
    if (optimizer->kind == FM_ADAM)
        return is_rate(optimizer->beta_1) && is_rate(optimizer->beta_2) &&
               optimizer->epsilon >= 0 && isfinite(optimizer->epsilon);
    return optimizer->kind == FM_SGD && is_rate(optimizer->momentum);
}

static fm_stage make_stage(fm_stage_kind kind, size_t inputs, size_t width)
{
    fm_stage stage = {.kind = kind, .inputs = inputs, .width = width};
    stage.panels = fm_panels(width);
    stage.stride = (stage.panels | 1) * FM_PANEL;
    return stage;
}

/* Groups the operations: each product or softmax opens a stage, elementwise ones join the
 * last; after a softmax they open a copy. A rescaling in front is folded into the gather. */
static void build_stages(fm_network *network, size_t operation_count)
{
    fm_stage *stage = network->stages;
    *stage = make_stage(FM_STAGE_INPUT, network->inputs, network->inputs);
    stage->elementwise = network->operations;
    for (size_t i = 0; i < operation_count; i++) {
        const fm_operation *operation = &network->operations[i];
        if (operation->kind == FM_DENSE) {
            size_t inputs = stage->width;
            *++stage = make_stage(FM_STAGE_DENSE, inputs, operation->outputs);
            stage->trainable = operation->trainable;
            stage->kernel = &network->parameters[network->parameter_count++];
            *stage->kernel = (fm_parameter){.rows = inputs, .columns = operation->outputs};
            if (operation->use_bias) {
                stage->bias = &network->parameters[network->parameter_count++];
                *stage->bias =
                    (fm_parameter){.rows = 1, .columns = operation->outputs, .vector = true};
            }
            stage->elementwise = operation + 1;
        } else if (operation->kind == FM_SOFTMAX) {
            size_t width = stage->width;
            *++stage = make_stage(FM_STAGE_SOFTMAX, width, width);
        } else if (i == 0 && operation->kind == FM_RESCALING) {
            network->scale = operation->scale;
            network->offset = operation->offset;
            stage->elementwise = operation + 1;
        } else {
            if (stage->kind == FM_STAGE_SOFTMAX) {
                size_t width = stage->width;
                *++stage = make_stage(FM_STAGE_COPY, width, width);
                stage->elementwise = operation;
            }
            stage->elementwise_count++;
        }
    }
    if (stage->kind == FM_STAGE_INPUT) {
        /* training wants a stage with an output and a gradient of its own */
        *++stage = make_stage(FM_STAGE_COPY, network->inputs, network->inputs);
    }
    network->stage_count = (size_t)(stage - network->stages) + 1;
    network->outputs = stage->width;
}

static void lay_out_parameters(fm_network *network)
{
    network->gradient_size = 0;
    for (size_t i = 0; i < network->parameter_count; i++) {
        fm_parameter *parameter = &network->parameters[i];
        size_t row = fm_panels(parameter->columns) * FM_PANEL * sizeof(double);
        parameter->packed.panel_stride = parameter->rows * FM_PANEL;
        parameter->start = network->gradient_size;
        network->gradient_size += fm_packed_size(parameter->rows, parameter->columns);
        parameter->packed.value = fm_arena_take(&network->memory, parameter->rows, row);
        for (size_t slot = 0; slot < network->slots; slot++)
            parameter->packed.slot[slot] =
                fm_arena_take(&network->memory, parameter->rows, row);
    }
    network->active =
        fm_arena_take(&network->memory, fm_pairs(network->inputs), sizeof(uint8_t));
}

/* Columns are padded to panels and rows to odd panels; refuse what that could overflow. */
#define FM_MAX_WIDTH (SIZE_MAX >> 12)

static bool widths_fit(size_t inputs, const fm_operation *operations, size_t count)
{
    bool fit = inputs <= FM_MAX_WIDTH;
    for (size_t i = 0; i < count; i++)
        fit = fit && (operations[i].kind != FM_DENSE || operations[i].outputs <= FM_MAX_WIDTH);
    return fit;
}

fm_status fm_network_create(fm_network **network_out, const char *isa, size_t inputs,
                            const fm_operation *operations, size_t operation_count,
                            const fm_loss *loss, const fm_optimizer *optimizer)
{
    *network_out = NULL;
    if (inputs == 0 || !training_is_valid(loss, optimizer))
        return FM_ERROR_ARGUMENT;
    for (size_t i = 0; i < operation_count; i++)
        if (!operation_is_valid(&operations[i]))
            return FM_ERROR_ARGUMENT;
    if (!widths_fit(inputs, operations, operation_count))
        return FM_ERROR_SIZE;
    const fm_kernels *kernels = fm_find_kernels(isa);
    if (kernels == NULL)
        return FM_ERROR_ISA;

    fm_status status = FM_ERROR_MEMORY;
    fm_network *network = calloc(1, sizeof *network);
    if (network == NULL)
        return status;
    pthread_mutex_init(&network->lock, NULL);
    network->kernels = kernels;
    network->inputs = inputs;
    network->scale = 1;
    network->operations = malloc((operation_count + 1) * sizeof *operations);
    network->stages = calloc(operation_count + 2, sizeof *network->stages);
    network->parameters = calloc(2 * operation_count + 1, sizeof *network->parameters);
    if (network->operations == NULL || network->stages == NULL || network->parameters == NULL)
        goto error;
    if (operation_count > 0)
        memcpy(network->operations, operations, operation_count * sizeof *operations);
    build_stages(network, operation_count);
    const fm_float_state saved = fm_float_state_enter();
    for (int byte = 0; byte < 256; byte++)
        network->table[byte] = byte * network->scale + network->offset;
    fm_float_state_leave(saved);
    if (loss != NULL) {
        network->trains = true;
        network->loss = *loss;
        network->optimizer = *optimizer;
        network->slots = optimizer->kind == FM_ADAM ? 2 : optimizer->momentum != 0;
    }
    lay_out_parameters(network);
    status = fm_arena_allocate(&network->memory);
    if (status != FM_OK)
        goto error;
    lay_out_parameters(network);
    enlist(network);
    *network_out = network;
    return FM_OK;
error:
    fm_network_free(network);
    return status;
}

void fm_network_free(fm_network *network)
{
    if (network == NULL)
        return;
    if (network->next != NULL)
        delist(network);
    free(network->memory.base);
    fm_workspace_free(&network->workspace);
    free(network->lane_memory.base);
    free(network->lane_list_memory.base);
    free(network->lanes);
    free(network->parameters);
    free(network->stages);
    free(network->operations);
    pthread_mutex_destroy(&network->lock);
    free(network);
}

/* -- parameters -- */

size_t fm_network_outputs(const fm_network *network)
{
    return network->outputs;
}

size_t fm_network_parameters(const fm_network *network)
{
    return network->parameter_count;
}

fm_status fm_network_shape(const fm_network *network, size_t parameter, fm_shape *shape)
{
    if (parameter >= network->parameter_count)
        return FM_ERROR_ARGUMENT;
    const fm_parameter *p = &network->parameters[parameter];
    *shape = p->vector ? (fm_shape){1, {p->columns, 0}} : (fm_shape){2, {p->rows, p->columns}};
    return FM_OK;
}

/* The packed array that (parameter, slot) names, or NULL. */
static double *find_packed(const fm_network *network, size_t parameter, int slot)
{
    if (parameter >= network->parameter_count || slot < FM_VALUE || slot >= (int)network->slots)
        return NULL;
    const fm_packed *packed = &network->parameters[parameter].packed;
    return slot == FM_VALUE ? packed->value : packed->slot[slot];
}

fm_status fm_network_read(fm_network *network, size_t parameter, int slot, double *values)
{
    const double *packed = find_packed(network, parameter, slot);
    if (packed == NULL)
        return FM_ERROR_ARGUMENT;
    const fm_parameter *shape = &network->parameters[parameter];
    pthread_mutex_lock(&network->lock);
    fm_unpack(values, packed, shape->rows, shape->columns);
    pthread_mutex_unlock(&network->lock);
    return FM_OK;
}

/* A slot of the first kernel may wake pairs of rows that were inactive. */
static void activate_pairs(fm_network *network, const double *values, size_t columns)
{
    for (size_t r = 0; r < network->inputs; r++)
        for (size_t c = 0; c < columns; c++)
            if (values[r * columns + c] != 0)
                network->active[r / 2] = 1;
}

fm_status fm_network_write(fm_network *network, size_t parameter, int slot,
                           const double *values)
{
    double *packed = find_packed(network, parameter, slot);
    if (packed == NULL)
        return FM_ERROR_ARGUMENT;
    const fm_parameter *shape = &network->parameters[parameter];
    pthread_mutex_lock(&network->lock);
    fm_pack(packed, values, shape->rows, shape->columns);
    if (parameter == 0 && slot != FM_VALUE)
        activate_pairs(network, values, shape->columns);
    pthread_mutex_unlock(&network->lock);
    return FM_OK;
}

/* -- what training and inference share -- */

fm_source fm_network_source(const fm_network *network, const fm_data *data)
{
    return (fm_source){data->x,        data->dtype,     network->inputs,
                       network->scale, network->offset, network->table};
}

double fm_network_row_fmas(const fm_network *network)
{
    double fmas = 0;
    for (size_t s = 1; s < network->stage_count; s++) {
        const fm_stage *stage = &network->stages[s];
        bool dense = stage->kind == FM_STAGE_DENSE;
        /* exp and its kin cost some 20 FMAs an element */
        fmas += (double)stage->width * (dense ? (double)stage->inputs : 20.0);
        fmas += (double)stage->width * 8.0 * (double)stage->elementwise_count;
    }
    return fmas;
}

/* A meeting costs about 1 us, as long as 20,000 FMAs take. Waking a member that sleeps costs
 * some 20 to 50 us: products of 112^3 FMAs gained by it, those of 96^3 did not, and those of
 * 128^3 that follow each other take 52 us instead of 98. */
#define FM_MEETING_FMAS 100000.0
#define FM_WAKING_FMAS 700000.0

size_t fm_members_for(double fmas, double total)
{
    const double worth = fmin(fmas / FM_MEETING_FMAS, total / FM_WAKING_FMAS);
    const size_t threads = fm_get_num_threads();
    return worth < 2 ? 1 : worth < (double)threads ? (size_t)worth : threads;
}

/* Below this share of non-zeros lists win over the register-blocked product. */
#define FM_SPARSE_DENSITY 0.4
#define FM_DENSITY_SAMPLE 64

bool fm_network_prefers_sparse(const fm_network *network, const fm_source *source,
                               const int64_t *order, size_t count)
{
    const fm_stage *stages = network->stages;
    if (network->stage_count < 2 || stages[1].kind != FM_STAGE_DENSE ||
        stages[0].elementwise_count > 0 || source->offset != 0 || count == 0)
        return false;
    fm_entry *entries = malloc(network->inputs * sizeof *entries);
    if (entries == NULL)
        return false; /* dense training needs no lists */
    size_t rows = count < FM_DENSITY_SAMPLE ? count : FM_DENSITY_SAMPLE, found = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t at = i * (count / rows);
        size_t row = order != NULL ? (size_t)order[at] : at;
        found += network->kernels->gather_row(entries, source, row);
    }
    free(entries);
    return (double)found < FM_SPARSE_DENSITY * (double)rows * (double)network->inputs;
}

/* Weights up to this many bytes are read by all members: a fraction of any L2. */
#define FM_SHARED_WEIGHTS ((size_t)128 << 10)

void fm_network_choose_owners(fm_network *network, bool sparse)
{
    for (size_t s = 0; s < network->stage_count; s++) {
        fm_stage *stage = &network->stages[s];
        const size_t row = stage->panels * FM_PANEL * sizeof(double);
        stage->by_rows = stage->kind != FM_STAGE_DENSE || stage->panels == 1 ||
                         stage->inputs <= FM_SHARED_WEIGHTS / row;
        if (s == 1 && sparse)
            stage->by_rows = false;
    }
}

void fm_stage_finish(const fm_network *network, const fm_stage *stage, double *y, double *slope,
                     size_t first_row, size_t rows, fm_range panels, int64_t step)
{
    const fm_kernels *kernels = network->kernels;
    const size_t first_column = panels.begin * FM_PANEL;
    const double *bias = stage->bias != NULL ? stage->bias->packed.value + first_column : NULL;
    fm_block block = {.y = y + first_column,
                      .slope = slope != NULL ? slope + first_column : NULL,
                      .stride = stage->stride,
                      .rows = rows,
                      .panels = panels.end - panels.begin,
                      .bias = bias,
                      .first = true};
    for (size_t i = 0; i < stage->elementwise_count; i++) {
        const fm_operation *operation = &stage->elementwise[i];
        switch (operation->kind) {
        case FM_RELU:
            kernels->relu(block, operation->negative_slope, operation->max_value,
                          operation->threshold);
            break;
        case FM_TANH:
            kernels->tanh(block);
            break;
        case FM_RESCALING:
            kernels->rescale(block, operation->scale, operation->offset);
            break;
        case FM_DROPOUT:
            if (step < 0 || operation->rate == 0)
                continue;
            kernels->dropout(block, (fm_mask){operation->seed, (uint64_t)step, first_row,
                                              first_column, operation->rate});
            break;
        case FM_DENSE:
        case FM_SOFTMAX:
            assert(!"not elementwise");
        }
        block.bias = NULL;
        block.first = false;
    }
    if (block.first && (block.bias != NULL || block.slope != NULL))
        kernels->add_bias(block);
}

const char *fm_network_isa(const fm_network *network)
{
    return network->kernels->isa;
}

const char *fm_status_message(fm_status status)
{
    switch (status) {
    case FM_OK:
        return "no error";
    case FM_ERROR_ARGUMENT:
        return "an argument is outside its allowed range";
    case FM_ERROR_MEMORY:
        return "out of memory";
    case FM_ERROR_SIZE:
        return "a size is too large for this machine";
    case FM_ERROR_ISA:
        return "the instruction set is unknown or not usable on this CPU";
    }
    return "unknown status";
}
