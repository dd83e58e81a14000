/* SPDX-License-Identifier: Apache-2.0
 *
 * The vector vocabulary of simd.h for one number at a time, in C99: what formulas are written
 * in where a model is exported as C (src/fastmlp/export). The same words give the same bits.
 */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline
#define FM_PANEL 8
#define VL 1
#define VECS 8

typedef double vec;
typedef int64_t veci;
typedef uint64_t vecu;

INLINE vec v_load(const double *p)
{
    return *p;
}

INLINE void v_store(double *p, vec x)
{
    *p = x;
}

INLINE vec v_set1(double x)
{
    return x;
}

INLINE vec v_of_bits(veci bits)
{
    vec x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

INLINE veci v_bits(vec x)
{
    veci bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

INLINE double v_first(vec x)
{
    return x;
}

/* a where the mask holds, else b */
INLINE vec v_select(veci mask, vec a, vec b)
{
    return mask ? a : b;
}

/* a where the mask holds, else +0 */
INLINE vec v_keep(veci mask, vec a)
{
    return mask ? a : 0;
}

/* +0 where the mask holds, else a */
INLINE vec v_drop(veci mask, vec a)
{
    return mask ? 0 : a;
}

/* whether column `first` is a real one, of which there are `columns` */
INLINE veci real_lanes(size_t first, size_t columns)
{
    return first < columns;
}

/* the larger; b if either is NaN */
INLINE vec v_max(vec a, vec b)
{
    return a > b ? a : b;
}

/* the smaller; b if either is NaN */
INLINE vec v_min(vec a, vec b)
{
    return a < b ? a : b;
}

/* a b + c, one rounding; FM_FMA is the C library's fma, or fma_by_integers */
INLINE vec v_fma(vec a, vec b, vec c)
{
    return FM_FMA(a, b, c);
}

INLINE vec v_fnma(vec a, vec b, vec c)
{
    return v_fma(-a, b, c);
}

INLINE vec v_sqrt(vec a)
{
    return sqrt(a);
}

INLINE size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}
