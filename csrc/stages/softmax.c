/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

static void forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels && piece->x_stride == stage->stride);
    (void)panels;
    piece->kernels->softmax(piece->y, piece->x, stage->stride, piece->rows, stage->width);
}

static void backward(const fm_stage *stage, const fm_piece *piece, double *dx, size_t dx_stride,
                     fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels && dx_stride == stage->stride);
    (void)panels;
    piece->kernels->softmax_gradient(dx, piece->dz, piece->y, dx_stride, piece->rows,
                                     stage->width);
}

const fm_verbs fm_softmax_verbs = {.forward = forward, .backward = backward};

void fm_describe_softmax(fm_stage *stage)
{
    stage->verbs = &fm_softmax_verbs;
    stage->width = stage->inputs;
}
