/* SPDX-License-Identifier: Apache-2.0
 *
 * Stages that take categories, whole numbers from 0 on, or make them: rows of a trained matrix,
 * encodings, and counts of boundaries. A number outside of the categories counts as the nearest
 * of them, whatever it is: nothing is read or written out of bounds.
 */
#include "stage.h"

static size_t category_of(double x, size_t count)
{
    if (!(x >= 1)) /* NaN, too */
        return 0;
    return x < (double)count ? (size_t)x : count - 1;
}

/* Number i of the rows of a piece of inputs. */
static double number_at(const fm_stage *stage, const fm_piece *piece, size_t i)
{
    return piece->x[i / stage->inputs * piece->x_stride + i % stage->inputs];
}

/* Categories have no gradient. */
static void backward(const fm_stage *stage, const fm_piece *piece, double *dx, size_t dx_stride,
                     fm_range panels)
{
    const size_t rows = piece->rows / stage->split * stage->below_split;
    for (size_t b = 0; b < rows; b++)
        memset(dx + b * dx_stride + panels.begin * FM_PANEL, 0,
               (panels.end - panels.begin) * FM_PANEL * sizeof *dx);
}

/* -- rows of a trained matrix -- */

static double *entry_of(const fm_stage *stage, const fm_piece *piece, size_t b, double *packed)
{
    const size_t entries = stage->parameters[0].rows;
    return packed + category_of(number_at(stage, piece, b), entries) * FM_PANEL;
}

static void embedding_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    const fm_packed *w = &stage->parameters[0].packed;
    for (size_t b = 0; b < piece->rows; b++) {
        const double *from = entry_of(stage, piece, b, w->value);
        for (size_t p = panels.begin; p < panels.end; p++)
            memcpy(piece->y + b * stage->stride + p * FM_PANEL, from + p * w->panel_stride,
                   FM_PANEL * sizeof *from);
    }
}

/* An entry's gradient is the sum over the rows that show it, one chain in their order: a part
 * has all entries of its columns. */
static void embedding_gradient(const fm_stage *stage, const fm_piece *piece,
                               const fm_part *part, double *gradients, bool resume)
{
    assert(!resume && part->k.begin == 0 && part->k.end == stage->parameters[0].rows);
    (void)resume;
    const fm_parameter *w = &stage->parameters[0];
    double *g = gradients + w->start;
    for (size_t p = part->panels.begin; p < part->panels.end; p++) {
        double *panel = g + p * w->packed.panel_stride;
        memset(panel, 0, w->rows * FM_PANEL * sizeof *panel);
        for (size_t b = 0; b < piece->rows; b++) {
            double *to = entry_of(stage, piece, b, panel);
            const double *from = piece->dz + b * stage->stride + p * FM_PANEL;
            for (size_t i = 0; i < FM_PANEL; i++)
                to[i] += from[i];
        }
    }
}

static const fm_verbs embedding_verbs = {.forward = embedding_forward,
                                         .backward = backward,
                                         .gradient = embedding_gradient,
                                         .derivative = FM_NO_DERIVATIVE};

void fm_describe_embedding(fm_stage *stage)
{
    const fm_embedding_options o = fm_embedding_of(stage->layer->option);
    stage->verbs = &embedding_verbs;
    stage->width = (size_t)o.outputs;
    stage->split = stage->below_split * stage->inputs;
    stage->trainable = o.trainable != 0;
    stage->whole_gradient = stage->crosses_columns = true;
    fm_add_parameter(stage, (size_t)o.entries, false, FM_TRAINED);
}

/* -- encodings -- */

static void encode(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels);
    (void)panels;
    const bool count = fm_category_encoding_of(stage->layer->option).count != 0;
    for (size_t b = 0; b < piece->rows; b++) {
        double *y = piece->y + b * stage->stride;
        memset(y, 0, stage->panels * FM_PANEL * sizeof *y);
        for (size_t i = 0; i < stage->inputs; i++) {
            double *to =
                y + category_of(number_at(stage, piece, b * stage->inputs + i), stage->width);
            *to = count ? *to + 1 : 1;
        }
    }
}

static const fm_verbs encoding_verbs = {
    .forward = encode, .backward = backward, .derivative = FM_NO_DERIVATIVE};

void fm_describe_category_encoding(fm_stage *stage)
{
    stage->verbs = &encoding_verbs;
    stage->width = (size_t)fm_category_encoding_of(stage->layer->option).tokens;
}

/* -- numbers to categories -- */

static void discretize(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    const fm_packed *w = &stage->parameters[0].packed; /* (boundaries, outputs), packed */
    const size_t boundaries = stage->parameters[0].rows;
    for (size_t p = panels.begin; p < panels.end; p++)
        for (size_t b = 0; b < piece->rows; b++) {
            const double *x = piece->x + b * piece->x_stride + p * FM_PANEL;
            double *y = piece->y + b * stage->stride + p * FM_PANEL;
            double below[FM_PANEL] = {0};
            for (size_t k = 0; k < boundaries; k++) {
                const double *boundary = w->value + p * w->panel_stride + k * FM_PANEL;
                for (size_t i = 0; i < FM_PANEL; i++)
                    below[i] += !(x[i] < boundary[i]);
            }
            memcpy(y, below, sizeof below);
        }
}

static const fm_verbs discretization_verbs = {.forward = discretize,
                                              .backward = backward,
                                              .derivative = FM_NO_DERIVATIVE,
                                              .any_columns = true};

void fm_describe_discretization(fm_stage *stage)
{
    stage->verbs = &discretization_verbs;
    stage->width = stage->inputs;
    fm_add_parameter(stage, (size_t)fm_discretization_of(stage->layer->option).boundaries,
                     false, FM_STATE);
}
