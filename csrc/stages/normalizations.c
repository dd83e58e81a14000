/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalizations that need no batch: rows by their own moments (Ba, Kiros and Hinton, "Layer
 * normalization", 2016; Zhang and Sennrich, "Root mean square layer normalization", NeurIPS
 * 2019), a trained scale and shift by column, and columns by moments that are given.
 */
#include "stage.h"

static const double zeros[FM_PANEL] = {0}, ones[FM_PANEL] = {1, 1, 1, 1, 1, 1, 1, 1};

/* -- rows by their own moments -- */

static fm_row_normalization_options options_of(const fm_stage *stage)
{
    return fm_row_normalization_of(stage->layer->option);
}

static void rows_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels && piece->x_stride == stage->stride);
    (void)panels;
    const fm_row_normalization_options o = options_of(stage);
    piece->kernels->normalize_rows(piece->y, piece->x, stage->stride, piece->rows, stage->width,
                                   o.epsilon, o.center != 0, o.unit != 0);
}

static void rows_backward(const fm_stage *stage, const fm_piece *piece, double *dx,
                          size_t dx_stride, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels && dx_stride == stage->stride);
    (void)panels;
    const fm_row_normalization_options o = options_of(stage);
    piece->kernels->normalize_rows_gradient(dx, piece->dz, piece->x, dx_stride, piece->rows,
                                            stage->width, o.epsilon, o.center != 0,
                                            o.unit != 0);
}

static const fm_verbs row_verbs = {
    .forward = rows_forward, .backward = rows_backward, .derivative = FM_SYMMETRIC_DERIVATIVE};

void fm_describe_row_normalization(fm_stage *stage)
{
    stage->verbs = &row_verbs;
    stage->width = stage->inputs;
}

/* -- y = x gamma + beta by column -- */

/* gamma or beta from a panel on, or what stands for it where it is not used. */
static const double *values_of(const fm_stage *stage, bool of_beta, size_t panel)
{
    const fm_scaling_options o = fm_scaling_of(stage->layer->option);
    if ((of_beta ? o.center : o.scale) == 0)
        return of_beta ? zeros : ones;
    return stage->parameters[of_beta && o.scale != 0].packed.value + panel * FM_PANEL;
}

static void scaling_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    for (size_t p = panels.begin; p < panels.end; p++)
        piece->kernels->affine(piece->y + p * FM_PANEL, stage->stride, piece->x + p * FM_PANEL,
                               piece->x_stride, values_of(stage, false, p),
                               values_of(stage, true, p), piece->rows, 1);
}

static void scaling_backward(const fm_stage *stage, const fm_piece *piece, double *dx,
                             size_t dx_stride, fm_range panels)
{
    for (size_t p = panels.begin; p < panels.end; p++)
        piece->kernels->affine(dx + p * FM_PANEL, dx_stride, piece->dz + p * FM_PANEL,
                               stage->stride, values_of(stage, false, p), zeros, piece->rows,
                               1);
}

/* gamma's is sum dz x, beta's sum dz. */
static void scaling_gradient(const fm_stage *stage, const fm_piece *piece, const fm_part *part,
                             double *gradients, bool resume)
{
    assert(!resume);
    (void)resume;
    const fm_scaling_options o = fm_scaling_of(stage->layer->option);
    double sum[FM_PANEL], product[FM_PANEL];
    for (size_t p = part->vectors.begin; p < part->vectors.end; p++) {
        const fm_parameter *next = stage->parameters;
        piece->kernels->normalized_sums(sum, product, piece->dz + p * FM_PANEL, stage->stride,
                                        piece->x + p * FM_PANEL, piece->x_stride, zeros, ones,
                                        piece->rows, 1);
        if (o.scale != 0)
            memcpy(gradients + next++->start + p * FM_PANEL, product, sizeof product);
        if (o.center != 0)
            memcpy(gradients + next->start + p * FM_PANEL, sum, sizeof sum);
    }
}

static const fm_verbs scaling_verbs = {.forward = scaling_forward,
                                       .backward = scaling_backward,
                                       .gradient = scaling_gradient,
                                       .derivative = FM_SYMMETRIC_DERIVATIVE,
                                       .any_columns = true};

void fm_describe_scaling(fm_stage *stage)
{
    const fm_scaling_options o = fm_scaling_of(stage->layer->option);
    stage->verbs = &scaling_verbs;
    stage->width = stage->inputs;
    stage->trainable = o.trainable != 0 && (o.scale != 0 || o.center != 0);
    stage->whole_gradient = true;
    if (o.scale != 0)
        fm_add_parameter(stage, 1, true, FM_TRAINED);
    if (o.center != 0)
        fm_add_parameter(stage, 1, true, FM_TRAINED);
}

/* -- columns by moments that are given -- */

/* By which a deviation is divided at least, as in Keras. */
#define SMALLEST_DEVIATION 1e-7

/* What the differences of a panel's columns from their mean are multiplied by. */
static void factors_of(const fm_stage *stage, size_t panel, double factor[FM_PANEL])
{
    const bool invert = fm_standardization_of(stage->layer->option).invert != 0;
    const double *variance = stage->parameters[1].packed.value + panel * FM_PANEL;
    for (size_t i = 0; i < FM_PANEL; i++) {
        const double root = sqrt(variance[i]);
        const double deviation = root > SMALLEST_DEVIATION ? root : SMALLEST_DEVIATION;
        factor[i] = invert ? deviation : 1 / deviation;
        if (panel * FM_PANEL + i >= stage->width)
            factor[i] = 0; /* padding */
    }
}

static void standardize(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    const bool invert = fm_standardization_of(stage->layer->option).invert != 0;
    const double *means = stage->parameters[0].packed.value;
    for (size_t p = panels.begin; p < panels.end; p++) {
        double factor[FM_PANEL];
        factors_of(stage, p, factor);
        const double *x = piece->x + p * FM_PANEL, *mean = means + p * FM_PANEL;
        double *y = piece->y + p * FM_PANEL;
        if (invert)
            piece->kernels->affine(y, stage->stride, x, piece->x_stride, factor, mean,
                                   piece->rows, 1);
        else
            piece->kernels->standardize(y, stage->stride, x, piece->x_stride, mean, factor,
                                        piece->rows, 1);
    }
}

static void standardize_backward(const fm_stage *stage, const fm_piece *piece, double *dx,
                                 size_t dx_stride, fm_range panels)
{
    for (size_t p = panels.begin; p < panels.end; p++) {
        double factor[FM_PANEL];
        factors_of(stage, p, factor);
        piece->kernels->affine(dx + p * FM_PANEL, dx_stride, piece->dz + p * FM_PANEL,
                               stage->stride, factor, zeros, piece->rows, 1);
    }
}

static const fm_verbs standardization_verbs = {.forward = standardize,
                                               .backward = standardize_backward,
                                               .derivative = FM_SYMMETRIC_DERIVATIVE,
                                               .any_columns = true};

void fm_describe_standardization(fm_stage *stage)
{
    stage->verbs = &standardization_verbs;
    stage->width = stage->inputs;
    fm_add_parameter(stage, 1, true, FM_STATE);
    fm_add_parameter(stage, 1, true, FM_STATE);
}
