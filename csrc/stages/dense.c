/* SPDX-License-Identifier: Apache-2.0
 *
 * The dense layer: y = x w + bias. Its bias is added by what follows the product.
 */
#include "stage.h"

/* The product by lists adds to a row of y many times, a few lines after each other, and CPUs
 * fetch the lines behind them ahead: those of another member, which has just written them. So a
 * member that owns some columns forms them in memory of its own. */
static void forward_lists(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    const fm_packed *w = &stage->parameters[0].packed;
    const double *from = w->value + panels.begin * w->panel_stride;
    const size_t count = panels.end - panels.begin, width = count * FM_PANEL;
    double *y = piece->y + panels.begin * FM_PANEL;
    const bool apart = count < stage->panels && piece->scratch != NULL &&
                       width <= FM_SCRATCH / (piece->rows > 0 ? piece->rows : 1);
    double *to = apart ? piece->scratch : y;
    piece->kernels->sparse_matmul(to, apart ? width : stage->stride, piece->lists->entries,
                                  piece->lists->spans, from, w->panel_stride, piece->rows,
                                  stage->inputs, count);
    for (size_t b = 0; apart && b < piece->rows; b++)
        memcpy(y + b * stage->stride, to + b * width, width * sizeof *y);
}

static void forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    if (piece->lists != NULL) {
        forward_lists(stage, piece, panels);
        return;
    }
    const fm_packed *w = &stage->parameters[0].packed;
    const double *from = w->value + panels.begin * w->panel_stride;
    const size_t count = panels.end - panels.begin;
    double *y = piece->y + panels.begin * FM_PANEL;
    if (piece->listed != NULL)
        piece->kernels->sparse_rows(y, stage->stride, piece->listed->values,
                                    piece->listed->places, piece->listed->starts, from,
                                    w->panel_stride, piece->rows, stage->inputs, count);
    else
        piece->kernels->matmul(y, stage->stride, piece->x, piece->x_stride, from,
                               w->panel_stride, piece->rows, stage->inputs, count, false);
}

static void backward(const fm_stage *stage, const fm_piece *piece, double *dx, size_t dx_stride,
                     fm_range panels)
{
    const size_t first = panels.begin * FM_PANEL;
    const fm_packed *w = &stage->parameters[0].packed;
    piece->kernels->matmul_transposed(
        dx + first, dx_stride, piece->dz, stage->stride, w->value + first * FM_PANEL,
        w->panel_stride, stage->inputs - (first < stage->inputs ? first : stage->inputs),
        piece->rows, stage->width, panels.end - panels.begin, piece->scratch);
}

/* A bias is a kernel whose one input is 1. */
static const double one[1] = {1};

static void gradient(const fm_stage *stage, const fm_piece *piece, const fm_part *part,
                     double *gradients, bool resume)
{
    const fm_kernels *kernels = piece->kernels;
    const fm_parameter *kernel = &stage->parameters[0];
    const size_t panel_stride = kernel->packed.panel_stride;
    const size_t depth = part->k.end - part->k.begin;
    const size_t count = part->panels.end - part->panels.begin;
    const double *dz = piece->dz + part->panels.begin * FM_PANEL;
    double *g = gradients + kernel->start + part->panels.begin * panel_stride +
                part->k.begin * FM_PANEL;
    if (piece->lists != NULL)
        kernels->sparse_gradient(g, panel_stride, piece->lists->entries, piece->lists->spans,
                                 dz, stage->stride, depth, count, resume);
    else
        kernels->gradient(g, panel_stride, piece->x + part->k.begin, piece->x_stride, dz,
                          stage->stride, piece->rows, depth, count, resume, piece->scratch);
    if (stage->parameter_count < 2)
        return;
    const fm_range vectors = part->vectors;
    kernels->gradient(gradients + stage->parameters[1].start + vectors.begin * FM_PANEL,
                      FM_PANEL, one, 0, piece->dz + vectors.begin * FM_PANEL, stage->stride,
                      piece->rows, 1, vectors.end - vectors.begin, resume, piece->scratch);
}

static void update(const fm_stage *stage, const fm_piece *piece, const fm_part *part,
                   fm_optimizer_kind optimizer, const fm_update *step)
{
    const fm_kernels *kernels = piece->kernels;
    const fm_packed w =
        fm_packed_at(&stage->parameters[0].packed, part->k.begin, part->panels.begin);
    const size_t depth = part->k.end - part->k.begin;
    const size_t count = part->panels.end - part->panels.begin;
    const double *dz = piece->dz + part->panels.begin * FM_PANEL;
    if (piece->lists != NULL)
        kernels->sparse_update[optimizer](w, piece->lists->entries, piece->lists->spans,
                                          piece->active, dz, stage->stride, depth, count, step);
    else
        kernels->update[optimizer](w, piece->x + part->k.begin, piece->x_stride, dz,
                                   stage->stride, piece->rows, depth, count, step,
                                   piece->scratch);
    if (stage->parameter_count < 2)
        return;
    const fm_range vectors = part->vectors;
    kernels->update[optimizer](fm_packed_at(&stage->parameters[1].packed, 0, vectors.begin),
                               one, 0, piece->dz + vectors.begin * FM_PANEL, stage->stride,
                               piece->rows, 1, vectors.end - vectors.begin, step,
                               piece->scratch);
}

const fm_verbs fm_dense_verbs = {.forward = forward,
                                 .backward = backward,
                                 .gradient = gradient,
                                 .update = update,
                                 .derivative = FM_LINEAR_DERIVATIVE,
                                 .any_columns = true};

void fm_describe_dense(fm_stage *stage)
{
    const fm_dense_options o = fm_dense_of(stage->layer->option);
    stage->verbs = &fm_dense_verbs;
    stage->width = (size_t)o.outputs;
    stage->trainable = o.trainable != 0;
    fm_add_parameter(stage, stage->inputs, false, FM_TRAINED);
    if (o.use_bias != 0)
        fm_add_parameter(stage, 1, true, FM_TRAINED);
}
