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

/* The packed array that (parameter, slot) names, or NULL. */
static double *find_packed(const fm_network *network, size_t parameter, int slot)
{
    const fm_core *core = &network->core;
    if (parameter >= core->parameter_count || slot < FM_VALUE || slot >= (int)core->slots)
        return NULL;
    const fm_packed *packed = &core->parameters[parameter].packed;
    return slot == FM_VALUE ? packed->value : packed->slot[slot];
}

fm_status fm_network_read(fm_network *network, size_t parameter, int slot, double *values)
{
    const double *packed = find_packed(network, parameter, slot);
    if (packed == NULL)
        return FM_ERROR_ARGUMENT;
    const fm_parameter *shape = &network->core.parameters[parameter];
    pthread_mutex_lock(&network->lock);
    fm_unpack(values, packed, shape->rows, shape->columns);
    pthread_mutex_unlock(&network->lock);
    return FM_OK;
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
    double *packed = find_packed(network, parameter, slot);
    if (packed == NULL)
        return FM_ERROR_ARGUMENT;
    const fm_parameter *shape = &network->core.parameters[parameter];
    pthread_mutex_lock(&network->lock);
    fm_pack(packed, values, shape->rows, shape->columns);
    if (parameter == 0 && slot != FM_VALUE && !shape->vector)
        activate_pairs(&network->core, values, shape->columns);
    pthread_mutex_unlock(&network->lock);
    return FM_OK;
}
