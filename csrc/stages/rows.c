/* SPDX-License-Identifier: Apache-2.0
 *
 * Activations along whole rows: softmax and its kin, and the gated linear unit, which halves
 * them.
 */
#include "stage.h"

static void check_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels && piece->x_stride == stage->stride);
    (void)stage;
    (void)piece;
    (void)panels;
}

static void check_backward(const fm_stage *stage, size_t dx_stride, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels && dx_stride == stage->stride);
    (void)stage;
    (void)dx_stride;
    (void)panels;
}

/* The stage of a function of a row whose gradient is told by dy and y, as its kernels are
 * named. */
#define ROW_STAGE(name, its_derivative)                                                        \
    static void name##_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)  \
    {                                                                                          \
        check_forward(stage, piece, panels);                                                   \
        piece->kernels->name(piece->y, piece->x, stage->stride, piece->rows, stage->width);    \
    }                                                                                          \
    static void name##_backward(const fm_stage *stage, const fm_piece *piece, double *dx,      \
                                size_t dx_stride, fm_range panels)                             \
    {                                                                                          \
        check_backward(stage, dx_stride, panels);                                              \
        piece->kernels->name##_gradient(dx, piece->dz, piece->y, dx_stride, piece->rows,       \
                                        stage->width);                                         \
    }                                                                                          \
    void fm_describe_##name(fm_stage *stage)                                                   \
    {                                                                                          \
        static const fm_verbs verbs = {.forward = name##_forward,                              \
                                       .backward = name##_backward,                            \
                                       .derivative = its_derivative,                           \
                                       .reads_output = true};                                  \
        stage->verbs = &verbs;                                                                 \
        stage->width = stage->inputs;                                                          \
    }

ROW_STAGE(softmax, FM_SYMMETRIC_DERIVATIVE)
ROW_STAGE(log_softmax, FM_ANY_DERIVATIVE)
ROW_STAGE(sparsemax, FM_SYMMETRIC_DERIVATIVE)

static void glu_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels);
    (void)panels;
    piece->kernels->glu(piece->y, stage->stride, piece->x, piece->x_stride, piece->rows,
                        stage->width);
}

static void glu_backward(const fm_stage *stage, const fm_piece *piece, double *dx,
                         size_t dx_stride, fm_range panels)
{
    assert(panels.end - panels.begin == fm_panels(stage->inputs));
    (void)panels;
    piece->kernels->glu_gradient(dx, dx_stride, piece->dz, stage->stride, piece->x,
                                 piece->x_stride, piece->rows, stage->width);
}

void fm_describe_glu(fm_stage *stage)
{
    static const fm_verbs verbs = {
        .forward = glu_forward, .backward = glu_backward, .derivative = FM_ANY_DERIVATIVE};
    stage->verbs = &verbs;
    stage->width = (stage->inputs + 1) / 2;
    if (stage->inputs % 2 != 0)
        stage->split = 0;
}
