/* SPDX-License-Identifier: Apache-2.0
 *
 * The rectified linear unit with a trained slope below 0 (He, Zhang, Ren, Sun, "Delving deep
 * into rectifiers", ICCV 2015). Members work on whole rows, since columns that share a slope
 * may belong to several, and each owns some panels of the slopes.
 */
#include "stage.h"

static fm_sharing sharing_of(const fm_stage *stage)
{
    const fm_prelu_options o = fm_prelu_of(stage->layer->option);
    return (fm_sharing){stage->width, (size_t)o.shared, (size_t)o.inner};
}

static void forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels);
    (void)panels;
    piece->kernels->prelu(piece->y, stage->stride, piece->x, piece->x_stride,
                          stage->parameters[0].packed.value, sharing_of(stage), piece->rows,
                          stage->panels);
}

static void backward(const fm_stage *stage, const fm_piece *piece, double *dx, size_t dx_stride,
                     fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels);
    (void)panels;
    piece->kernels->prelu_backward(dx, dx_stride, piece->dz, stage->stride, piece->x,
                                   piece->x_stride, stage->parameters[0].packed.value,
                                   sharing_of(stage), piece->rows, stage->panels);
}

static void gradient(const fm_stage *stage, const fm_piece *piece, const fm_part *part,
                     double *gradients, bool resume)
{
    const fm_parameter *alpha = &stage->parameters[0];
    const fm_range own = fm_vector_part(alpha, part);
    piece->kernels->prelu_gradient(gradients + alpha->start + own.begin * FM_PANEL, piece->dz,
                                   stage->stride, piece->x, piece->x_stride, sharing_of(stage),
                                   piece->rows, own.begin, own.end, resume);
}

void fm_describe_prelu(fm_stage *stage)
{
    static const fm_verbs verbs = {.forward = forward,
                                   .backward = backward,
                                   .gradient = gradient,
                                   .derivative = FM_SYMMETRIC_DERIVATIVE};
    const fm_prelu_options o = fm_prelu_of(stage->layer->option);
    const size_t shared = (size_t)o.shared, inner = (size_t)o.inner;
    const bool fits = stage->inputs % shared == 0 && stage->inputs / shared % inner == 0;
    stage->verbs = &verbs;
    stage->width = stage->inputs;
    if (!fits)
        stage->split = 0;
    stage->trainable = o.trainable != 0;
    stage->crosses_columns = shared > 1;
    fm_add_parameter(stage, 1, true, FM_TRAINED)->columns = fits ? stage->inputs / shared : 1;
}
