/* SPDX-License-Identifier: Apache-2.0
 *
 * What surrounds the step of every optimizer, element by element, each member on its own part:
 * gradients gathered over several steps, decay of the weights before, running averages of them
 * after.
 */
#include "step.h"

uint64_t fm_updates_before(const step_view *view)
{
    const size_t every = view->run->core->optimizer.accumulate;
    const uint64_t iterations = (uint64_t)view->run->first_step + view->index;
    return every > 1 ? iterations / every : iterations;
}

bool fm_is_update(const step_view *view)
{
    const size_t every = view->run->core->optimizer.accumulate;
    const uint64_t iterations = (uint64_t)view->run->first_step + view->index;
    return every <= 1 || (iterations + 1) % every == 0;
}

/* -- on `count` doubles -- */

static void gather_gradient(double *sum, const double *g, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] += g[i];
}

static void finish_gradient(double *sum, double *g, size_t count, double steps)
{
    for (size_t i = 0; i < count; i++) {
        g[i] = (g[i] + sum[i]) / steps;
        sum[i] = 0;
    }
}

static void decay(double *w, size_t count, double strength, double rate)
{
    for (size_t i = 0; i < count; i++)
        w[i] -= w[i] * strength * rate;
}

static void move_average(double *average, double *w, size_t count, double momentum)
{
    const double rest = 1 - momentum;
    for (size_t i = 0; i < count; i++)
        average[i] = momentum * average[i] + rest * w[i];
}

/* -- on a member's part of one parameter -- */

void fm_gather_gradient(const step_view *view, const fm_parameter *parameter,
                        const fm_parameter_part *part)
{
    const fm_core *core = view->run->core;
    const bool last = fm_is_update(view);
    for (size_t p = part->panels.begin; p < part->panels.end; p++) {
        const size_t at = fm_place_in(parameter, part->k.begin, p);
        const size_t count = (part->k.end - part->k.begin) * FM_PANEL;
        double *g = core->workspace.gradients + parameter->start + at;
        if (last)
            finish_gradient(parameter->gathered + at, g, count,
                            (double)core->optimizer.accumulate);
        else
            gather_gradient(parameter->gathered + at, g, count);
    }
}

void fm_decay_part(const step_view *view, const fm_parameter *parameter,
                   const fm_parameter_part *part)
{
    const double strength = view->run->core->optimizer.weight_decay;
    if (strength == 0 || parameter->exempt)
        return;
    for (size_t p = part->panels.begin; p < part->panels.end; p++)
        decay(parameter->packed.value + fm_place_in(parameter, part->k.begin, p),
              (part->k.end - part->k.begin) * FM_PANEL, strength,
              view->run->rates[view->index]);
}

void fm_average_part(const step_view *view, const fm_parameter *parameter,
                     const fm_parameter_part *part)
{
    const fm_optimizer *optimizer = &view->run->core->optimizer;
    if (!optimizer->average)
        return;
    const uint64_t updates = fm_updates_before(view);
    const bool overwrite =
        optimizer->average_every > 0 && (updates + 1) % optimizer->average_every == 0;
    for (size_t p = part->panels.begin; p < part->panels.end; p++) {
        const size_t at = fm_place_in(parameter, part->k.begin, p);
        const size_t count = (part->k.end - part->k.begin) * FM_PANEL;
        double *average = parameter->average + at, *w = parameter->packed.value + at;
        move_average(average, w, count, updates == 0 ? 0 : optimizer->average_momentum);
        if (overwrite)
            memcpy(w, average, count * sizeof *w);
    }
}

/* Zeroes the columns of `values` that are padding, where a part holds them. */
static void clear_padding_of(double *values, const fm_parameter *parameter,
                             const fm_parameter_part *part)
{
    const size_t used = parameter->columns % FM_PANEL;
    if (used == 0 || part->panels.end * FM_PANEL <= parameter->columns ||
        part->panels.begin == part->panels.end)
        return;
    for (size_t k = part->k.begin; k < part->k.end; k++) {
        double *row = values + fm_place_in(parameter, k, part->panels.end - 1);
        memset(row + used, 0, (FM_PANEL - used) * sizeof *row);
    }
}

void fm_clear_padding(double *gradient, const fm_parameter *parameter,
                      const fm_parameter_part *part)
{
    clear_padding_of(gradient, parameter, part);
    clear_padding_of(parameter->packed.value, parameter, part);
    for (int slot = 0; slot < FM_MAX_SLOTS && parameter->packed.slot[slot] != NULL; slot++)
        clear_padding_of(parameter->packed.slot[slot], parameter, part);
}
