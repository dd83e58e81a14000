/* SPDX-License-Identifier: Apache-2.0
 *
 * Stages that lay a sample out anew: the same numbers in rows of another width, axes swapped,
 * rows repeated. They open a row of a sample where the layer behind them works along its last
 * axis.
 */
#include "stage.h"

/* A walk over numbers that lie in rows, padded to a stride. */
typedef struct walk {
    double *at; /* the row */
    size_t column, width, stride;
} walk;

static size_t left_in_row(const walk *w)
{
    return w->width - w->column;
}

static void advance(walk *w, size_t count)
{
    w->column += count;
    if (w->column == w->width) {
        w->at += w->stride;
        w->column = 0;
    }
}

/* The next `count` numbers, and zeros behind every row of `to` that is full. */
static void copy_numbers(walk to, walk from, size_t count)
{
    while (count > 0) {
        size_t run =
            left_in_row(&to) < left_in_row(&from) ? left_in_row(&to) : left_in_row(&from);
        run = run < count ? run : count;
        memcpy(to.at + to.column, from.at + from.column, run * sizeof *to.at);
        if (run == left_in_row(&to))
            fm_clear_row(to.at, to.width);
        advance(&to, run);
        advance(&from, run);
        count -= run;
    }
}

static walk rows_from(const double *row, size_t width, size_t stride)
{
    return (walk){(double *)row, 0, width, stride};
}

/* -- the same numbers, in rows of another width -- */

static void reshape_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels);
    (void)panels;
    copy_numbers(rows_from(piece->y, stage->width, stage->stride),
                 rows_from(piece->x, stage->inputs, piece->x_stride),
                 piece->rows * stage->width);
}

static void reshape_backward(const fm_stage *stage, const fm_piece *piece, double *dx,
                             size_t dx_stride, fm_range panels)
{
    assert(panels.end - panels.begin == fm_panels(stage->inputs));
    (void)panels;
    copy_numbers(rows_from(dx, stage->inputs, dx_stride),
                 rows_from(piece->dz, stage->width, stage->stride), piece->rows * stage->width);
}

static const fm_verbs reshape_verbs = {.forward = reshape_forward,
                                       .backward = reshape_backward,
                                       .derivative = FM_LINEAR_DERIVATIVE};

void fm_describe_reshape(fm_stage *stage)
{
    stage->verbs = &reshape_verbs;
    stage->width = (size_t)fm_reshape_of(stage->layer->option).width;
    stage->split = fm_split_of(stage->below_split * stage->inputs, stage->width);
}

/* -- two axes swapped -- */

/* y = x, a sample of `numbers` read as (.., first, second, inner), as (.., second, first,
 * inner); both in rows of that width. */
static void swap_axes(walk y, walk x, size_t numbers, size_t first, size_t second, size_t inner)
{
    const size_t block = first * second * inner;
    for (size_t begin = 0; begin < numbers; begin += block)
        for (size_t s = 0; s < second; s++)
            for (size_t f = 0; f < first; f++) {
                const size_t place = begin + (f * second + s) * inner;
                walk from = x;
                from.at += place / x.width * x.stride;
                from.column = place % x.width;
                copy_numbers(y, from, inner);
                for (size_t left = inner, run; left > 0; left -= run) {
                    run = left < left_in_row(&y) ? left : left_in_row(&y);
                    advance(&y, run);
                }
            }
}

static void transpose_samples(const fm_stage *stage, double *y, size_t y_stride,
                              const double *x, size_t x_stride, size_t rows, bool back)
{
    const fm_transpose_options o = fm_transpose_of(stage->layer->option);
    const size_t first = (size_t)o.first, second = (size_t)o.second;
    for (size_t row = 0; row < rows; row += stage->split)
        swap_axes(rows_from(y + row * y_stride, stage->width, y_stride),
                  rows_from(x + row * x_stride, stage->width, x_stride),
                  stage->split * stage->width, back ? second : first, back ? first : second,
                  (size_t)o.inner);
}

static void transpose_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels);
    (void)panels;
    transpose_samples(stage, piece->y, stage->stride, piece->x, piece->x_stride, piece->rows,
                      false);
}

static void transpose_backward(const fm_stage *stage, const fm_piece *piece, double *dx,
                               size_t dx_stride, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels);
    (void)panels;
    transpose_samples(stage, dx, dx_stride, piece->dz, stage->stride, piece->rows, true);
}

static const fm_verbs transpose_verbs = {.forward = transpose_forward,
                                         .backward = transpose_backward,
                                         .derivative = FM_LINEAR_DERIVATIVE};

void fm_describe_transpose(fm_stage *stage)
{
    const fm_transpose_options o = fm_transpose_of(stage->layer->option);
    stage->verbs = &transpose_verbs;
    stage->width = stage->inputs;
    size_t block;
    if (__builtin_mul_overflow((size_t)o.first, (size_t)o.second, &block) ||
        __builtin_mul_overflow(block, (size_t)o.inner, &block) ||
        fm_split_of(stage->below_split * stage->inputs, block) == 0)
        stage->split = 0;
}

/* -- each row several times -- */

static size_t times_of(const fm_stage *stage)
{
    return (size_t)fm_repeat_of(stage->layer->option).times;
}

static void repeat_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels);
    (void)panels;
    for (size_t b = 0; b < piece->rows; b++)
        memcpy(piece->y + b * stage->stride, piece->x + b / times_of(stage) * piece->x_stride,
               stage->panels * FM_PANEL * sizeof *piece->y);
}

/* The sum over a row's copies, in their order. */
static void repeat_backward(const fm_stage *stage, const fm_piece *piece, double *dx,
                            size_t dx_stride, fm_range panels)
{
    assert(panels.end - panels.begin == stage->panels);
    (void)panels;
    const size_t times = times_of(stage), columns = stage->panels * FM_PANEL;
    for (size_t b = 0; b < piece->rows; b++) {
        double *to = dx + b / times * dx_stride;
        const double *from = piece->dz + b * stage->stride;
        if (b % times == 0)
            memset(to, 0, columns * sizeof *to);
        for (size_t j = 0; j < columns; j++)
            to[j] += from[j];
    }
}

static const fm_verbs repeat_verbs = {
    .forward = repeat_forward, .backward = repeat_backward, .derivative = FM_LINEAR_DERIVATIVE};

void fm_describe_repeat(fm_stage *stage)
{
    stage->verbs = &repeat_verbs;
    stage->width = stage->inputs;
    if (__builtin_mul_overflow(stage->below_split, times_of(stage), &stage->split))
        stage->split = 0;
}
