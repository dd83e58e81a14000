/* SPDX-License-Identifier: Apache-2.0
 *
 * Batch normalization (Ioffe and Szegedy, "Batch normalization: accelerating deep network
 * training by reducing internal covariate shift", ICML 2015, algorithms 1 and 2): by column
 * y = x scale + shift, scale = gamma / sqrt(variance + epsilon), shift = beta - mean scale.
 */
#include "stage.h"

/* Rows of stage->moments: of the batch that is being trained on. */
enum { MEAN, VARIANCE, INVERSE, SCALE, SUM, PRODUCT };
_Static_assert(PRODUCT + 1 == FM_MOMENTS, "all rows have a place");

/* The values of each parameter from a panel on, NULL for one that is not used. */
typedef struct columns {
    double *gamma, *beta, *mean, *variance;
} columns;

static columns columns_of(const fm_stage *stage, size_t panel)
{
    const fm_batch_normalization_options o = fm_batch_normalization_of(stage->layer->option);
    const fm_parameter *next = stage->parameters;
    const size_t at = panel * FM_PANEL;
    columns c = {NULL, NULL, NULL, NULL};
    if (o.scale != 0)
        c.gamma = next++->packed.value + at;
    if (o.center != 0)
        c.beta = next++->packed.value + at;
    c.mean = next++->packed.value + at;
    c.variance = next->packed.value + at;
    return c;
}

static double *moment(const fm_stage *stage, int which, size_t panel)
{
    return stage->moments + ((size_t)which * stage->panels + panel) * FM_PANEL;
}

/* Real columns of a panel. */
static size_t real_columns(const fm_stage *stage, size_t panel)
{
    const size_t first = panel * FM_PANEL;
    return fm_rows_from(first, FM_PANEL, stage->width).end - first;
}

/* 1 / sqrt(variance + epsilon) and gamma times that, for the columns of one panel; 0 for its
 * padding, where a variance of 0 may meet an epsilon of 0. */
static void scale_panel(const fm_stage *stage, size_t panel, const double *variance,
                        double *inverse, double *scale)
{
    const double epsilon = fm_batch_normalization_of(stage->layer->option).epsilon;
    const columns c = columns_of(stage, panel);
    const size_t real = real_columns(stage, panel);
    for (size_t i = 0; i < FM_PANEL; i++) {
        inverse[i] = i < real ? 1 / sqrt(variance[i] + epsilon) : 0;
        scale[i] = c.gamma != NULL ? c.gamma[i] * inverse[i] : inverse[i];
    }
}

static void normalize_panel(const fm_stage *stage, const fm_piece *piece, size_t panel,
                            const double *mean, const double *scale)
{
    const columns c = columns_of(stage, panel);
    double shift[FM_PANEL];
    for (int i = 0; i < FM_PANEL; i++)
        shift[i] = (c.beta != NULL ? c.beta[i] : 0) - mean[i] * scale[i];
    piece->kernels->affine(piece->y + panel * FM_PANEL, stage->stride,
                           piece->x + panel * FM_PANEL, piece->x_stride, scale, shift,
                           piece->rows, 1);
}

/* The moving moments go towards the batch's; padding stays as it is, 0. */
static void move_moments(const fm_stage *stage, size_t panel)
{
    const double momentum = fm_batch_normalization_of(stage->layer->option).momentum;
    const columns c = columns_of(stage, panel);
    const double *mean = moment(stage, MEAN, panel), *variance = moment(stage, VARIANCE, panel);
    for (size_t i = 0; i < real_columns(stage, panel); i++) {
        c.mean[i] = c.mean[i] * momentum + mean[i] * (1 - momentum);
        c.variance[i] = c.variance[i] * momentum + variance[i] * (1 - momentum);
    }
}

static bool by_the_batch(const fm_stage *stage, const fm_piece *piece)
{
    return piece->training && stage->whole_batch;
}

static void forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    if (by_the_batch(stage, piece))
        piece->kernels->column_moments(moment(stage, MEAN, panels.begin),
                                       moment(stage, VARIANCE, panels.begin),
                                       piece->x + panels.begin * FM_PANEL, piece->x_stride,
                                       piece->rows, panels.end - panels.begin);
    for (size_t p = panels.begin; p < panels.end; p++) {
        if (by_the_batch(stage, piece)) {
            scale_panel(stage, p, moment(stage, VARIANCE, p), moment(stage, INVERSE, p),
                        moment(stage, SCALE, p));
            normalize_panel(stage, piece, p, moment(stage, MEAN, p), moment(stage, SCALE, p));
            if (!piece->keep_state)
                move_moments(stage, p);
            continue;
        }
        const columns c = columns_of(stage, p);
        double inverse[FM_PANEL], scale[FM_PANEL];
        scale_panel(stage, p, c.variance, inverse, scale);
        normalize_panel(stage, piece, p, c.mean, scale);
    }
}

static void sum_columns(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    const size_t first = panels.begin;
    piece->kernels->normalized_sums(
        moment(stage, SUM, first), moment(stage, PRODUCT, first), piece->dz + first * FM_PANEL,
        stage->stride, piece->x + first * FM_PANEL, piece->x_stride, moment(stage, MEAN, first),
        moment(stage, INVERSE, first), piece->rows, panels.end - first);
}

static void backward(const fm_stage *stage, const fm_piece *piece, double *dx, size_t dx_stride,
                     fm_range panels)
{
    const size_t first = panels.begin;
    if (stage->whole_batch) {
        sum_columns(stage, piece, panels);
        piece->kernels->normalized_gradient(
            dx + first * FM_PANEL, dx_stride, piece->dz + first * FM_PANEL, stage->stride,
            piece->x + first * FM_PANEL, piece->x_stride, moment(stage, MEAN, first),
            moment(stage, INVERSE, first), moment(stage, SCALE, first),
            moment(stage, SUM, first), moment(stage, PRODUCT, first), piece->rows,
            panels.end - first);
        return;
    }
    static const double zero[FM_PANEL] = {0};
    for (size_t p = panels.begin; p < panels.end; p++) {
        double inverse[FM_PANEL], scale[FM_PANEL];
        scale_panel(stage, p, columns_of(stage, p).variance, inverse, scale);
        piece->kernels->affine(dx + p * FM_PANEL, dx_stride, piece->dz + p * FM_PANEL,
                               stage->stride, scale, zero, piece->rows, 1);
    }
}

/* gamma's is sum dz (x - mean) inverse, beta's sum dz; the sums may be those of the backward
 * pass, but a lowest stage has none. */
static void gradient(const fm_stage *stage, const fm_piece *piece, const fm_part *part,
                     double *gradients, bool resume)
{
    assert(!resume);
    (void)resume;
    const fm_range panels = part->vectors;
    const size_t bytes = (panels.end - panels.begin) * FM_PANEL * sizeof(double);
    const fm_batch_normalization_options o = fm_batch_normalization_of(stage->layer->option);
    const fm_parameter *next = stage->parameters;
    if (panels.begin == panels.end)
        return;
    sum_columns(stage, piece, panels);
    if (o.scale != 0)
        memcpy(gradients + next++->start + panels.begin * FM_PANEL,
               moment(stage, PRODUCT, panels.begin), bytes);
    if (o.center != 0)
        memcpy(gradients + next->start + panels.begin * FM_PANEL,
               moment(stage, SUM, panels.begin), bytes);
}

void fm_set_moments(const fm_stage *stage, const double *mean, const double *variance,
                    double epsilon)
{
    for (size_t j = 0; j < stage->panels * FM_PANEL; j++) {
        moment(stage, MEAN, 0)[j] = mean[j];
        moment(stage, INVERSE, 0)[j] = j < stage->width ? 1 / sqrt(variance[j] + epsilon) : 0;
    }
}

static const fm_verbs verbs = {.forward = forward,
                               .backward = backward,
                               .gradient = gradient,
                               .derivative = FM_SYMMETRIC_DERIVATIVE,
                               .any_columns = true};

void fm_describe_batch_normalization(fm_stage *stage)
{
    const fm_batch_normalization_options o = fm_batch_normalization_of(stage->layer->option);
    stage->verbs = &verbs;
    stage->width = stage->inputs;
    stage->trainable = stage->whole_batch = o.trainable != 0;
    if (o.scale != 0)
        fm_add_parameter(stage, 1, true, FM_TRAINED);
    if (o.center != 0)
        fm_add_parameter(stage, 1, true, FM_TRAINED);
    fm_add_parameter(stage, 1, true, FM_STATE);
    fm_add_parameter(stage, 1, true, FM_STATE);
}
