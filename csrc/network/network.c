/* SPDX-License-Identifier: Apache-2.0
 *
 * Words -> checked sizes -> one arena -> pointed tensors.
 */
#include "network.h"

#include <stdlib.h>
#include <string.h>

/* -- what is allowed -- */

/* Columns are padded to panels and rows to odd panels; refuse what that could overflow. */
#define FM_MAX_WIDTH (SIZE_MAX >> 12)

/* Whether columns that share masks are no more than there can be. */
static bool sharing_is_valid(const fm_operation *operation)
{
    if (operation->kind == fm_dropout) {
        const fm_dropout_options o = fm_dropout_of(operation->option);
        return o.shared * o.inner <= (double)FM_MAX_WIDTH;
    }
    if (operation->kind == fm_alpha_dropout) {
        const fm_alpha_dropout_options o = fm_alpha_dropout_of(operation->option);
        return o.shared * o.inner <= (double)FM_MAX_WIDTH;
    }
    return true;
}

static fm_status check_operations(size_t inputs, const fm_operation *operations, size_t count)
{
    if (inputs == 0)
        return FM_ERROR_ARGUMENT;
    for (size_t i = 0; i < count; i++)
        if (!fm_word_is_valid(FM_OPERATION_FAMILY, (int)operations[i].kind,
                              operations[i].option) ||
            !sharing_is_valid(&operations[i]))
            return FM_ERROR_ARGUMENT;
    return inputs <= FM_MAX_WIDTH ? FM_OK : FM_ERROR_SIZE;
}

static bool training_is_valid(const fm_loss *loss, const fm_optimizer *optimizer)
{
    if (loss == NULL || optimizer == NULL)
        return loss == NULL && optimizer == NULL;
    const double clips[] = {optimizer->clip_norm, optimizer->clip_value,
                            optimizer->clip_global_norm};
    int clipped = 0;
    for (int i = 0; i < 3; i++) {
        if (!(clips[i] >= 0 && isfinite(clips[i])))
            return false;
        clipped += clips[i] > 0;
    }
    const double momentum = optimizer->average_momentum;
    if (!(optimizer->weight_decay >= 0 && isfinite(optimizer->weight_decay)) ||
        !(momentum >= 0 && momentum <= 1))
        return false;
    return clipped <= 1 && fm_word_is_valid(FM_LOSS_FAMILY, (int)loss->kind, loss->option) &&
           (unsigned)loss->reduction < FM_REDUCTION_COUNT && isfinite(loss->weight) &&
           fm_word_is_valid(FM_OPTIMIZER_FAMILY, (int)optimizer->kind, optimizer->option);
}

/* -- from operations to stages -- */

/* What a layer needs to be known of before its memory is. */
static void describe(fm_stage *stage)
{
    static void (*const describers[])(fm_stage *) = {
#define X(name, ...) fm_describe_##name,
        FM_LAYERS(X, FM_NO_OPTION)
#undef X
    };
    stage->split = stage->below_split;
    if (stage->layer != NULL)
        describers[stage->layer->kind](stage);
    else
        fm_describe_copy(stage);
    stage->panels = fm_panels(stage->width);
    stage->stride = (stage->panels | 1) * FM_PANEL;
}

/* Opens a stage behind the last; layer NULL: a copy. */
static fm_stage *open_stage(fm_core *core, const fm_operation *layer)
{
    fm_stage *stage = &core->stages[core->stage_count++];
    *stage = (fm_stage){.layer = layer,
                        .inputs = core->stage_count > 1 ? stage[-1].width : core->inputs,
                        .below_split = core->stage_count > 1 ? stage[-1].split : 1,
                        .parameters = core->parameters + core->parameter_count};
    describe(stage);
    core->parameter_count += stage->parameter_count;
    return stage;
}

/* Whether a loss of probabilities is told from what the last operation made them of: log p
 * never sees a p that was rounded or clipped. */
static bool takes_logits(const fm_loss *loss, fm_operation_kind last)
{
    if (loss == NULL)
        return false;
    switch (loss->kind) {
    case fm_sparse_categorical_crossentropy:
        return last == fm_softmax &&
               fm_sparse_categorical_crossentropy_of(loss->option).from_logits == 0;
    case fm_categorical_crossentropy:
        return last == fm_softmax &&
               fm_categorical_crossentropy_of(loss->option).from_logits == 0;
    case fm_binary_crossentropy:
        return last == fm_sigmoid && fm_binary_crossentropy_of(loss->option).from_logits == 0;
    default:
        return false;
    }
}

/* Groups the operations: each layer opens a stage, activations join the last, or, if its own
 * gradient reads its output, open a copy. A rescaling in front is folded into the gather. If
 * `apart`, the last operation has a stage of its own behind one that a loss can be of. */
static void build_stages(fm_core *core, const fm_operation *operations, size_t count,
                         bool apart)
{
    fm_stage *stage = open_stage(core, NULL); /* the gathered input */
    stage->activations = operations;
    for (size_t i = 0; i < count; i++) {
        const fm_operation *operation = &operations[i];
        const bool alone = apart && i + 1 == count;
        if (alone && core->stage_count == 1)
            stage = open_stage(core, NULL);
        if (operation->kind < FM_LAYER_COUNT) {
            stage = open_stage(core, operation);
            stage->activations = operation + 1;
        } else if (i == 0 && operation->kind == fm_rescaling) {
            const fm_rescaling_options o = fm_rescaling_of(operation->option);
            core->scale = o.scale;
            core->offset = o.offset;
            stage->activations = operation + 1;
        } else {
            if (alone || stage->verbs->reads_output) {
                stage = open_stage(core, NULL);
                stage->activations = operation;
            }
            stage->activation_count++;
        }
    }
    if (core->stage_count == 1) /* training wants a stage with an output and a gradient */
        stage = open_stage(core, NULL);
    core->loss_stage = core->stage_count - (apart ? 2 : 1);
    core->outputs = stage->width;
    core->split = stage->split;
}

static void lay_out_parameter(fm_core *core, fm_arena *memory, fm_parameter *parameter)
{
    const size_t row = fm_panels(parameter->columns) * FM_PANEL * sizeof(double);
    parameter->packed.panel_stride = parameter->rows * FM_PANEL;
    parameter->start = core->gradient_size;
    core->gradient_size += fm_packed_size(parameter->rows, parameter->columns);
    parameter->packed.value = fm_arena_take(memory, parameter->rows, row);
    if (parameter->role != FM_TRAINED || !core->trains)
        return;
    const fm_optimizer *optimizer = &core->optimizer;
    for (size_t slot = 0; slot < core->slots; slot++)
        parameter->packed.slot[slot] = fm_arena_take(memory, parameter->rows, row);
    if (optimizer->accumulate > 1)
        parameter->gathered = fm_arena_take(memory, parameter->rows, row);
    if (optimizer->average)
        parameter->average = fm_arena_take(memory, parameter->rows, row);
    if (optimizer->kind == fm_adafactor && !parameter->vector) {
        parameter->row_factors =
            fm_arena_take(memory, fm_panels(parameter->rows), FM_PANEL * sizeof(double));
        parameter->column_factors = fm_arena_take(memory, 1, row);
    }
}

static void lay_out_network(fm_network *network)
{
    fm_core *core = &network->core;
    core->gradient_size = 0;
    for (size_t i = 0; i < core->parameter_count; i++)
        lay_out_parameter(core, &network->memory, &core->parameters[i]);
    for (size_t s = 1; s < core->stage_count; s++) {
        fm_stage *stage = &core->stages[s];
        if (stage->whole_batch)
            stage->moments = fm_arena_take(&network->memory, FM_MOMENTS * stage->panels,
                                           FM_PANEL * sizeof(double));
    }
    core->active = fm_arena_take(&network->memory, fm_pairs(core->inputs), sizeof(uint8_t));
}

/* Whether every layer can work on the rows that it gets, and samples are not too large. */
static fm_status check_stages(const fm_core *core)
{
    for (size_t s = 0; s < core->stage_count; s++) {
        const fm_stage *stage = &core->stages[s];
        size_t numbers;
        if (stage->split == 0)
            return FM_ERROR_ARGUMENT;
        if (stage->width > FM_MAX_WIDTH ||
            __builtin_mul_overflow(stage->split, stage->stride, &numbers) ||
            numbers > FM_MAX_WIDTH)
            return FM_ERROR_SIZE;
    }
    return FM_OK;
}

/* The tables of the stages; parameters and slots are not there yet. */
static fm_status build_core(fm_network *network, size_t inputs, const fm_operation *operations,
                            size_t count, bool apart)
{
    fm_core *core = &network->core;
    core->inputs = inputs;
    core->scale = 1;
    network->operations = malloc((count + 1) * sizeof *operations);
    core->stages = calloc(count + 3, sizeof *core->stages);
    core->parameters = calloc(FM_STAGE_PARAMETERS * count + 1, sizeof *core->parameters);
    if (network->operations == NULL || core->stages == NULL || core->parameters == NULL)
        return FM_ERROR_MEMORY;
    if (count > 0)
        memcpy(network->operations, operations, count * sizeof *operations);
    build_stages(core, network->operations, count, apart);
    const fm_float_state saved = fm_float_state_enter();
    for (int byte = 0; byte < 256; byte++)
        core->table[byte] = byte * core->scale + core->offset;
    fm_float_state_leave(saved);
    return check_stages(core);
}

static void set_training(fm_core *core, const fm_loss *loss, const fm_optimizer *optimizer)
{
    core->trains = true;
    core->loss = *loss;
    if (core->loss_stage + 1 < core->stage_count)
        core->loss.option[fm_option_index(FM_LOSS_FAMILY, (int)loss->kind, "from_logits")] = 1;
    core->optimizer = *optimizer;
    core->slots = fm_optimizer_slots((int)optimizer->kind, optimizer->option);
    core->still = fm_optimizer_is_still((int)optimizer->kind, optimizer->option);
    core->scaled = fm_optimizer_is_scaled((int)optimizer->kind);
}

fm_status fm_network_create(fm_network **network_out, const char *isa, size_t inputs,
                            const fm_operation *operations, size_t operation_count,
                            const fm_loss *loss, const fm_optimizer *optimizer)
{
    *network_out = NULL;
    fm_status status = check_operations(inputs, operations, operation_count);
    if (status != FM_OK)
        return status;
    if (!training_is_valid(loss, optimizer))
        return FM_ERROR_ARGUMENT;
    const fm_kernels *kernels = fm_find_kernels(isa);
    if (kernels == NULL)
        return FM_ERROR_ISA;
    fm_network *network = calloc(1, sizeof *network);
    if (network == NULL)
        return FM_ERROR_MEMORY;
    fm_mutex_init(&network->lock);
    network->core.kernels = kernels;
    network->tuner.how = FM_TUNE_MEASURE;
    const bool apart =
        operation_count > 0 && takes_logits(loss, operations[operation_count - 1].kind);
    status = build_core(network, inputs, operations, operation_count, apart);
    if (status != FM_OK)
        goto error;
    if (loss != NULL)
        set_training(&network->core, loss, optimizer);
    lay_out_network(network);
    status = fm_arena_allocate(&network->memory);
    if (status != FM_OK)
        goto error;
    lay_out_network(network);
    network->core.gradient_block = fm_gradient_block_of(&network->core);
    fm_enlist(network);
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
    fm_delist(network);
    fm_arena_free(&network->memory);
    fm_workspace_free(&network->core.workspace);
    fm_arena_free(&network->lane_memory);
    fm_arena_free(&network->lane_list_memory);
    free(network->lanes);
    free(network->core.parameters);
    free(network->core.stages);
    free(network->operations);
    fm_mutex_destroy(&network->lock);
    free(network);
}

const char *fm_network_isa(const fm_network *network)
{
    return network->core.kernels->isa;
}

size_t fm_network_outputs(const fm_network *network)
{
    return network->core.outputs;
}

size_t fm_network_split(const fm_network *network)
{
    return network->core.split;
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
