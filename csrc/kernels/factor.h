/* SPDX-License-Identifier: Apache-2.0
 *
 * Cholesky's factor of a symmetric matrix, eight columns at a time, and its two triangular
 * solutions. Every element is one chain of fused multiply-adds by ascending column, then a
 * division or a root.
 */
#include <math.h>

#include "simd.h"

INLINE double fma_of_one(double a, double b, double c)
{
    return v_first(v_fma(v_set1(a), v_set1(b), v_set1(c)));
}

static bool kernel_factor_block(double *d, size_t columns)
{
    for (size_t c = 0; c < columns; c++) {
        const double pivot = d[c * FM_PANEL + c];
        if (!(pivot > 0 && pivot < INFINITY)) /* nor NaN */
            return false;
        const double root = v_first(v_sqrt(v_set1(pivot)));
        d[c * FM_PANEL + c] = root;
        for (size_t r = c + 1; r < columns; r++)
            d[r * FM_PANEL + c] /= root;
        for (size_t r = c + 1; r < columns; r++)
            for (size_t k = c + 1; k <= r; k++)
                d[r * FM_PANEL + k] =
                    fma_of_one(-d[r * FM_PANEL + c], d[k * FM_PANEL + c], d[r * FM_PANEL + k]);
    }
    return true;
}

static void kernel_factor_rows(double *t, const double *d, size_t rows, size_t columns)
{
    /* column c of d below the diagonal, 0 above: those elements of a row are finished */
    double below[FM_PANEL][FM_PANEL];
    for (size_t c = 0; c < columns; c++)
        for (size_t k = 0; k < FM_PANEL; k++)
            below[c][k] = k > c && k < columns ? d[k * FM_PANEL + c] : 0;
    for (size_t r = 0; r < rows; r++) {
        double *row = t + r * FM_PANEL;
        for (size_t c = 0; c < columns; c++) {
            const double x = row[c] / d[c * FM_PANEL + c];
            for (size_t i = 0; i < VECS; i++)
                v_store(row + i * VL,
                        v_fma(v_set1(-x), v_load(below[c] + i * VL), v_load(row + i * VL)));
            row[c] = x;
        }
    }
}

static void kernel_solve_factor(double *x, const double *lower, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sum = x[i];
        for (size_t k = 0; k < i; k++)
            sum = fma_of_one(-lower[i * n + k], x[k], sum);
        x[i] = sum / lower[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        const double solved = x[i] /= lower[i * n + i];
        size_t k = 0;
        for (; k + VL <= i; k += VL)
            v_store(x + k, v_fma(v_set1(-solved), v_load(lower + i * n + k), v_load(x + k)));
        for (; k < i; k++)
            x[k] = fma_of_one(-solved, lower[i * n + k], x[k]);
    }
}
