/* SPDX-License-Identifier: Apache-2.0
 *
 * Regularizers and constraints come to parameters.
 */
#include "network.h"

static fm_parameter *trained_parameter(fm_network *network, size_t parameter)
{
    fm_core *core = &network->core;
    const bool there =
        parameter < core->parameter_count && core->parameters[parameter].role == FM_TRAINED;
    return there ? &core->parameters[parameter] : NULL;
}

fm_status fm_network_regularize(fm_network *network, size_t parameter,
                                const fm_regularizer *regularizer)
{
    fm_core *core = &network->core;
    fm_parameter *p = trained_parameter(network, parameter);
    if (p == NULL || p->regularized ||
        !fm_word_is_valid(FM_REGULARIZER_FAMILY, (int)regularizer->kind, regularizer->option))
        return FM_ERROR_ARGUMENT;
    if (regularizer->kind == fm_orthogonal) {
        const bool columns = fm_orthogonal_of(regularizer->option).columns != 0;
        if (p->vector || (columns ? p->columns : p->rows) < 2)
            return FM_ERROR_ARGUMENT;
    }
    fm_mutex_lock(&network->lock);
    p->regularizer = *regularizer;
    p->regularized = core->has_rules = true;
    p->first_unit = core->penalty_units;
    p->units = fm_penalty_units(p);
    core->penalty_units += p->units;
    core->workspace.rule_room.rows = 0; /* laid out anew */
    fm_mutex_unlock(&network->lock);
    return FM_OK;
}

fm_status fm_network_constrain(fm_network *network, size_t parameter,
                               const fm_constraint *constraint)
{
    fm_parameter *p = trained_parameter(network, parameter);
    if (p == NULL || p->constrained ||
        !fm_word_is_valid(FM_CONSTRAINT_FAMILY, (int)constraint->kind, constraint->option))
        return FM_ERROR_ARGUMENT;
    if (p->vector && constraint->kind == fm_norm && fm_norm_of(constraint->option).axis != 0)
        return FM_ERROR_ARGUMENT;
    fm_mutex_lock(&network->lock);
    p->constraint = *constraint;
    p->constrained = network->core.has_rules = true;
    fm_mutex_unlock(&network->lock);
    return FM_OK;
}
