/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers of a model that is exported as C, for one sample: rows of x to rows of y, which do not
 * overlap. Rows are padded to whole panels; padding is finite, and nothing depends on it.
 */
#include "scalar.h"

/* Where number i of rows of that width lies. */
INLINE size_t place_of(size_t i, size_t width)
{
    return i / width * padded(width) + i % width;
}

/* y (rows, outputs) = x (rows, inputs) w + bias; w (inputs, outputs), bias (outputs) or NULL.
 * Every number is one chain of fused multiply-adds from 0 on, in the order of the inputs. */
static void layer_dense(double *restrict y, const double *restrict x, const double *restrict w,
                        const double *restrict bias, size_t rows, size_t inputs, size_t outputs)
{
    for (size_t b = 0; b < rows; b++, x += padded(inputs), y += padded(outputs)) {
        for (size_t j = 0; j < outputs; j++)
            y[j] = 0;
        for (size_t k = 0; k < inputs; k++)
            for (size_t j = 0; j < outputs; j++)
                y[j] = v_fma(x[k], w[k * outputs + j], y[j]);
        for (size_t j = 0; bias != NULL && j < outputs; j++)
            y[j] = y[j] + bias[j];
    }
}

/* Row i of y (numbers, outputs) is the row of w (entries, outputs) that number i of x names. */
static void layer_embedding(double *y, const double *x, const double *w, size_t numbers,
                            size_t inputs, size_t entries, size_t outputs)
{
    for (size_t i = 0; i < numbers; i++)
        memcpy(y + i * padded(outputs),
               w + category_of(x[place_of(i, inputs)], entries) * outputs, outputs * sizeof *y);
}

/* y (rows, tokens) from x (rows, inputs): how often, or whether, each token is there. */
static void layer_encoding(double *y, const double *x, size_t rows, size_t inputs,
                           size_t tokens, bool count)
{
    for (size_t b = 0; b < rows; b++, x += padded(inputs), y += padded(tokens)) {
        for (size_t j = 0; j < tokens; j++)
            y[j] = 0;
        for (size_t i = 0; i < inputs; i++) {
            double *to = y + category_of(x[i], tokens);
            *to = count ? *to + 1 : 1;
        }
    }
}

/* y (rows, inputs): how many of the boundaries of its column, w (boundaries, inputs), are not
 * above each x, all for a NaN. */
static void layer_discretization(double *y, const double *x, const double *w, size_t rows,
                                 size_t inputs, size_t boundaries)
{
    for (size_t b = 0; b < rows; b++, x += padded(inputs), y += padded(inputs))
        for (size_t j = 0; j < inputs; j++) {
            size_t below = 0;
            for (size_t k = 0; k < boundaries; k++)
                below += !(x[j] < w[k * inputs + j]);
            y[j] = (double)below;
        }
}

/* The same numbers in rows of another width. */
static void layer_reshape(double *y, const double *x, size_t numbers, size_t inputs,
                          size_t outputs)
{
    for (size_t i = 0; i < numbers; i++)
        y[place_of(i, outputs)] = x[place_of(i, inputs)];
}

/* x, read as (.., first, second, inner), as (.., second, first, inner), in rows of one width.
 */
static void layer_transpose(double *y, const double *x, size_t numbers, size_t width,
                            size_t first, size_t second, size_t inner)
{
    for (size_t i = 0; i < numbers; i++) {
        const size_t n = i % inner, s = i / inner % second, f = i / inner / second % first;
        const size_t block = i / inner / second / first * first * second;
        y[place_of((block + s * first + f) * inner + n, width)] = x[place_of(i, width)];
    }
}

/* y (rows, width): each row of x so many times. */
static void layer_repeat(double *y, const double *x, size_t rows, size_t width, size_t times)
{
    for (size_t b = 0; b < rows; b++)
        memcpy(y + b * padded(width), x + b / times * padded(width), width * sizeof *y);
}
