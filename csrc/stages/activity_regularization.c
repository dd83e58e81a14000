/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts out its input, and what large activities cost: the mean over a batch of each sample's
 * l1 sum |y| + l2 sum y^2 is part of its loss.
 */
#include <string.h>

#include "stage.h"

/* Padding becomes 0, so that sums and slopes may run over whole panels. */
static void forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels && piece->x_stride == stage->stride);
    (void)panels;
    const fm_activity_regularization_options o =
        fm_activity_regularization_of(stage->layer->option);
    const size_t padded = stage->panels * FM_PANEL;
    for (size_t b = 0; b < piece->rows; b++) {
        double *y = piece->y + b * stage->stride;
        memcpy(y, piece->x + b * piece->x_stride, stage->width * sizeof *y);
        memset(y + stage->width, 0, (padded - stage->width) * sizeof *y);
        if (piece->costs == NULL)
            continue;
        const double cost = piece->kernels->penalty(y, padded, o.l1, o.l2);
        double *sample = piece->costs + b / stage->split;
        *sample = b % stage->split == 0 ? cost : *sample + cost;
    }
}

static void backward(const fm_stage *stage, const fm_piece *piece, double *dx, size_t dx_stride,
                     fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels && dx_stride == stage->stride);
    (void)panels;
    const fm_activity_regularization_options o =
        fm_activity_regularization_of(stage->layer->option);
    const double batch = (double)piece->batch;
    const size_t padded = stage->panels * FM_PANEL;
    for (size_t b = 0; b < piece->rows; b++) {
        memcpy(dx + b * dx_stride, piece->dz + b * stage->stride, padded * sizeof *dx);
        for (size_t p = 0; p < stage->panels; p++)
            piece->kernels->regularize(
                dx + b * dx_stride + p * FM_PANEL, piece->y + b * stage->stride + p * FM_PANEL,
                FM_PANEL, fm_columns_of_panel(p, stage->width), o.l1 / batch, o.l2 / batch);
    }
}

const fm_verbs fm_activity_regularization_verbs = {.forward = forward,
                                                   .backward = backward,
                                                   .derivative = FM_LINEAR_DERIVATIVE,
                                                   .reads_output = true};

void fm_describe_activity_regularization(fm_stage *stage)
{
    stage->verbs = &fm_activity_regularization_verbs;
    stage->width = stage->inputs;
    stage->penalizes = true;
}
