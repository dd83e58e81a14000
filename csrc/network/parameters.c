/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters and their slots, in and out.
 */
#include "network.h"

size_t fm_network_parameters(const fm_network *network)
{
    return network->core.parameter_count;
}

fm_status fm_network_shape(const fm_network *network, size_t parameter, fm_shape *shape)
{
    if (parameter >= network->core.parameter_count)
        return FM_ERROR_ARGUMENT;
    const fm_parameter *p = &network->core.parameters[parameter];
    *shape = p->vector ? (fm_shape){p->role, 1, {p->columns, 0}}
                       : (fm_shape){p->role, 2, {p->rows, p->columns}};
    return FM_OK;
}

/* An array in panels that (parameter, slot) names. */
typedef struct fm_array {
    double *values; /* NULL: there is none */
    size_t rows, columns;
    bool whole; /* as the parameter, else a vector */
} fm_array;

static fm_array find_array(const fm_network *network, size_t parameter, int slot)
{
    const fm_core *core = &network->core;
    if (parameter >= core->parameter_count || slot < FM_VALUE)
        return (fm_array){0};
    const fm_parameter *p = &core->parameters[parameter];
    fm_array arrays[2 + FM_MAX_SLOTS + 2], none = {0};
    int count = 0;
    if (slot == FM_VALUE)
        return (fm_array){p->packed.value, p->rows, p->columns, true};
    if (p->row_factors != NULL) {
        arrays[count++] = (fm_array){p->row_factors, 1, p->rows, false};
        arrays[count++] = (fm_array){p->column_factors, 1, p->columns, false};
    }
    for (int i = 0; i < FM_MAX_SLOTS && p->packed.slot[i] != NULL; i++)
        arrays[count++] = (fm_array){p->packed.slot[i], p->rows, p->columns, true};
    if (p->gathered != NULL)
        arrays[count++] = (fm_array){p->gathered, p->rows, p->columns, true};
    if (p->average != NULL)
        arrays[count++] = (fm_array){p->average, p->rows, p->columns, true};
    return slot < count ? arrays[slot] : none;
}

fm_status fm_network_slot_shape(const fm_network *network, size_t parameter, int slot,
                                fm_shape *shape)
{
    const fm_array array = find_array(network, parameter, slot);
    if (array.values == NULL)
        return FM_ERROR_ARGUMENT;
    const fm_parameter *p = &network->core.parameters[parameter];
    *shape = p->vector || !array.whole ? (fm_shape){p->role, 1, {array.columns, 0}}
                                       : (fm_shape){p->role, 2, {array.rows, array.columns}};
    return FM_OK;
}

fm_status fm_network_exempt(fm_network *network, size_t parameter)
{
    if (parameter >= network->core.parameter_count)
        return FM_ERROR_ARGUMENT;
    fm_mutex_lock(&network->lock);
    network->core.parameters[parameter].exempt = true;
    fm_mutex_unlock(&network->lock);
    return FM_OK;
}

fm_status fm_network_read(fm_network *network, size_t parameter, int slot, double *values)
{
    const fm_array array = find_array(network, parameter, slot);
    if (array.values == NULL)
        return FM_ERROR_ARGUMENT;
    fm_mutex_lock(&network->lock);
    fm_unpack(values, array.values, array.rows, array.columns);
    fm_mutex_unlock(&network->lock);
    return FM_OK;
}

/* Whether a parameter is the kernel that reads the inputs, which may be by lists. */
static bool reads_inputs(const fm_core *core, size_t parameter)
{
    return parameter == 0 && core->stage_count > 1 && core->stages[1].verbs->update != NULL;
}

/* A slot of the first kernel may wake pairs of rows that were inactive. */
static void activate_pairs(fm_core *core, const double *values, size_t columns)
{
    for (size_t r = 0; r < core->inputs; r++)
        for (size_t c = 0; c < columns; c++)
            if (values[r * columns + c] != 0)
                core->active[r / 2] = 1;
}

fm_status fm_network_write(fm_network *network, size_t parameter, int slot,
                           const double *values)
{
    const fm_array array = find_array(network, parameter, slot);
    if (array.values == NULL)
        return FM_ERROR_ARGUMENT;
    const fm_parameter *shape = &network->core.parameters[parameter];
    fm_mutex_lock(&network->lock);
    fm_pack(array.values, values, array.rows, array.columns);
    if (slot != FM_VALUE && reads_inputs(&network->core, parameter) && array.whole)
        activate_pairs(&network->core, values, shape->columns);
    fm_mutex_unlock(&network->lock);
    return FM_OK;
}
