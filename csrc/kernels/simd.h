/* SPDX-License-Identifier: Apache-2.0
 *
 * The vector vocabulary: all that differs between instruction sets. VL doubles make a vec, an
 * FM_PANEL of eight doubles makes VECS of them. Plain arithmetic on vec uses the compiler's
 * vector operators; what those cannot say is a v_ word here, and nowhere else an intrinsic.
 */
#ifndef FM_SIMD_H
#define FM_SIMD_H

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../kernels.h"
#include "fma.h"

#if defined(FM_ISA_avx512)
#include <immintrin.h>
#define VL 8
#elif defined(FM_ISA_avx2)
#include <immintrin.h>
#define VL 4
#elif defined(FM_ISA_neon)
#include <arm_neon.h>
#define VL 2
#elif defined(FM_ISA_baseline)
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#define VL 2
#elif defined(FM_ISA_wide)
#define VL 8 /* the avx512 templates on CPUs without it, for tests: no intrinsics */
#else
#error "compile this file through table.c with one FM_ISA_* defined"
#endif

#define VECS (FM_PANEL / VL)
#define INLINE static inline __attribute__((always_inline))

#if defined(__GNUC__) && !defined(__clang__)
/* All that passes or returns a vec is inlined: no vector argument crosses an ABI. */
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

typedef double vec __attribute__((vector_size(8 * VL)));
typedef int64_t veci __attribute__((vector_size(8 * VL)));  /* masks, bits of doubles */
typedef uint64_t vecu __attribute__((vector_size(8 * VL))); /* words of Philox */

INLINE vec v_load(const double *p)
{
    vec x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* A load that stays one: without it the compiler makes every use a memory operand, and load
 * ports, not FMAs, limit the product. */
INLINE vec v_load_once(const double *p)
{
    vec x = v_load(p);
#if defined(FM_ISA_avx2) || defined(FM_ISA_avx512)
    __asm__("" : "+v"(x));
#endif
    return x;
}

/* A pointer that the compiler can not take apart: without it GCC forms the address of every
 * vector of a row anew, two instructions each where the front end is the limit. */
INLINE double *opaque(double *p)
{
    __asm__("" : "+r"(p));
    return p;
}

INLINE void v_store(double *p, vec x)
{
    memcpy(p, &x, sizeof x);
}

INLINE vec v_set1(double x)
{
    return x - (vec){0}; /* x - 0 is x for every x, -0 included */
}

INLINE vec v_of_bits(veci bits)
{
    return (vec)bits;
}

INLINE veci v_bits(vec x)
{
    return (veci)x;
}

INLINE double v_first(vec x)
{
    return x[0];
}

/* lanes of a where the mask is all ones, of b where it is zero */
INLINE vec v_select(veci mask, vec a, vec b)
{
    return (vec)((mask & (veci)a) | (~mask & (veci)b));
}

/* a where the mask is all ones, else +0 */
INLINE vec v_keep(veci mask, vec a)
{
    return (vec)(mask & (veci)a);
}

/* +0 where the mask is all ones, else a */
INLINE vec v_drop(veci mask, vec a)
{
    return (vec)(~mask & (veci)a);
}

/* Lanes of the vector at column `first` that are real columns, of which there are `columns`. */
INLINE veci real_lanes(size_t first, size_t columns)
{
    veci lane = {0};
    for (int i = 0; i < VL; i++)
        lane[i] = (int64_t)first + i;
    return lane < (veci){0} + (int64_t)columns;
}

/* the larger; b if either is NaN */
INLINE vec v_max(vec a, vec b)
{
    return v_select(a > b, a, b);
}

/* the smaller; b if either is NaN */
INLINE vec v_min(vec a, vec b)
{
#if defined(FM_ISA_avx512)
    return (vec)_mm512_min_pd((__m512d)a, (__m512d)b);
#elif defined(FM_ISA_avx2)
    return (vec)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
    return v_select(a < b, a, b);
#endif
}

/* v_fma(a, b, c) = a b + c, one rounding. v_mul32: the 64-bit products of the low halves. */
#if defined(FM_ISA_avx512)
INLINE vec v_fma(vec a, vec b, vec c)
{
    return (vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
INLINE vec v_sqrt(vec a)
{
    return (vec)_mm512_sqrt_pd((__m512d)a);
}
INLINE vecu v_mul32(vecu a, vecu b)
{
    return (vecu)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}
#elif defined(FM_ISA_avx2)
INLINE vec v_fma(vec a, vec b, vec c)
{
    return (vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
INLINE vec v_sqrt(vec a)
{
    return (vec)_mm256_sqrt_pd((__m256d)a);
}
INLINE vecu v_mul32(vecu a, vecu b)
{
    return (vecu)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}
#elif defined(FM_ISA_neon)
INLINE vec v_fma(vec a, vec b, vec c)
{
    return (vec)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
INLINE vec v_sqrt(vec a)
{
    return (vec)vsqrtq_f64((float64x2_t)a);
}
INLINE vecu v_mul32(vecu a, vecu b)
{
    return (vecu)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}
#else
#if defined(FP_FAST_FMA) || defined(__aarch64__)
INLINE vec v_fma(vec a, vec b, vec c)
{
    vec r = {0};
    for (int i = 0; i < VL; i++)
        r[i] = fma(a[i], b[i], c[i]);
    return r;
}
#else
/* Too long to be anywhere but in one place. */
static __attribute__((noinline)) fma_pair pair_fma(fma_pair a, fma_pair b, fma_pair c)
{
    return fma_by_doubles(a, b, c);
}
INLINE vec v_fma(vec a, vec b, vec c)
{
    fma_pair x[VL / 2], y[VL / 2], z[VL / 2];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    memcpy(z, &c, sizeof z);
    for (int i = 0; i < VL / 2; i++)
        z[i] = pair_fma(x[i], y[i], z[i]);
    memcpy(&c, z, sizeof c);
    return c;
}
#endif
INLINE vec v_sqrt(vec a)
{
    vec r = {0};
    for (int i = 0; i < VL; i++)
        r[i] = sqrt(a[i]);
    return r;
}
INLINE vecu v_mul32(vecu a, vecu b)
{
    return (a & 0xFFFFFFFF) * (b & 0xFFFFFFFF);
}
#endif

#if defined(FM_ISA_avx2) || defined(FM_ISA_avx512)
#define FM_TRANSPOSE_4X4
/* t (4, 4) = w (4, 4)^T. */
INLINE void transpose_4x4(double *t, size_t t_stride, const double *w, size_t w_stride)
{
    __m256d r0 = _mm256_loadu_pd(w), r1 = _mm256_loadu_pd(w + w_stride);
    __m256d r2 = _mm256_loadu_pd(w + 2 * w_stride), r3 = _mm256_loadu_pd(w + 3 * w_stride);
    __m256d a0 = _mm256_unpacklo_pd(r0, r1), a1 = _mm256_unpackhi_pd(r0, r1);
    __m256d a2 = _mm256_unpacklo_pd(r2, r3), a3 = _mm256_unpackhi_pd(r2, r3);
    _mm256_storeu_pd(t, _mm256_permute2f128_pd(a0, a2, 0x20));
    _mm256_storeu_pd(t + t_stride, _mm256_permute2f128_pd(a1, a3, 0x20));
    _mm256_storeu_pd(t + 2 * t_stride, _mm256_permute2f128_pd(a0, a2, 0x31));
    _mm256_storeu_pd(t + 3 * t_stride, _mm256_permute2f128_pd(a1, a3, 0x31));
}
#endif

/* Negated product: c - a b, one rounding. */
INLINE vec v_fnma(vec a, vec b, vec c)
{
    return v_fma(-a, b, c);
}

/* v_sqrt_by_fma, v_reciprocal_by_fma: sqrt(a) and 1 / a, to the bit, where an estimate of 14
 * bits lets FMAs stand in for the divider: two steps that each double the bits, then one
 * correction by the residual. Which arguments could round wrongly after it, and that none does:
 * tests/test_roots.py. Arguments whose residual could leave the range of normal numbers, and
 * the one significand that the correction misses, take the divider; a root of 0 does not. */
#if defined(FM_ISA_avx512)
#define ROOTS_BY_FMA true
INLINE vec v_sqrt_by_fma(vec a)
{
    const vecu above = (vecu)a - (vecu)v_set1(0x1p-900);
    const __mmask8 usual =
        _mm512_cmplt_epu64_mask((__m512i)above, _mm512_set1_epi64((int64_t)1800 << 52));
    const vec estimate = (vec)_mm512_maskz_rsqrt14_pd(usual, (__m512d)a);
    const vec half = v_set1(0.5);
    vec g = a * estimate, h = half * estimate; /* towards sqrt(a), 1 / (2 sqrt(a)) */
#pragma GCC unroll 2
    for (int step = 0; step < 2; step++) {
        const vec r = v_fnma(g, h, half);
        g = v_fma(g, r, g);
        h = v_fma(h, r, h);
    }
    g = v_fma(h, v_fnma(g, g, a), g);
    const __mmask8 rare =
        _mm512_mask_test_epi64_mask(_knot_mask8(usual), (__m512i)a, (__m512i)a);
    if (__builtin_expect(rare != 0, 0))
        g = (vec)_mm512_mask_sqrt_pd((__m512d)g, rare, (__m512d)a);
    return g;
}
INLINE vec v_reciprocal_by_fma(vec a)
{
    const vec one = v_set1(1.0);
    /* the significand of all ones makes that of the difference zero */
    const vecu above = (vecu)a - (vecu)v_set1(0x1.fffffffffffffp-901);
    const __mmask8 usual = _mm512_mask_test_epi64_mask(
        _mm512_cmplt_epu64_mask((__m512i)above, _mm512_set1_epi64((int64_t)1800 << 52)),
        (__m512i)above, _mm512_set1_epi64(((int64_t)1 << 52) - 1));
    vec r = (vec)_mm512_rcp14_pd((__m512d)a);
#pragma GCC unroll 3
    for (int step = 0; step < 3; step++)
        r = v_fma(v_fnma(a, r, one), r, r);
    if (__builtin_expect(usual != 0xff, 0))
        r = one / a;
    return r;
}
#else
#define ROOTS_BY_FMA false
INLINE vec v_sqrt_by_fma(vec a)
{
    return v_sqrt(a);
}
INLINE vec v_reciprocal_by_fma(vec a)
{
    return v_set1(1.0) / a;
}
#endif

/* Whether eight doubles are all +0. */
INLINE bool panel_is_zero(const double *p)
{
#if defined(FM_ISA_avx512)
    const __m512i x = _mm512_loadu_si512(p);
    return _mm512_test_epi64_mask(x, x) == 0;
#elif defined(FM_ISA_avx2)
    const __m256i x = (__m256i)v_load(p) | (__m256i)v_load(p + VL);
    return _mm256_testz_si256(x, x);
#else
    uint64_t words[FM_PANEL], any = 0;
    memcpy(words, p, sizeof words);
    for (int i = 0; i < FM_PANEL; i++)
        any |= words[i];
    return any == 0;
#endif
}

#if defined(FM_ISA_avx512)
#define FM_APPEND_NONZEROS
/* The lanes of x that are not zero, to values, and place + 8 lane of each to places; returns
 * how many. Eight of both are written. */
INLINE size_t append_nonzeros(double *values, uint32_t *places, vec x, uint32_t place)
{
    const __mmask8 kept = _mm512_cmp_pd_mask((__m512d)x, _mm512_setzero_pd(), _CMP_NEQ_UQ);
    const __m256i all = _mm256_add_epi32(_mm256_set1_epi32((int32_t)place),
                                         _mm256_setr_epi32(0, 8, 16, 24, 32, 40, 48, 56));
    _mm512_storeu_pd(values, _mm512_maskz_compress_pd(kept, (__m512d)x));
    _mm256_storeu_si256((__m256i *)places, _mm256_maskz_compress_epi32(kept, all));
    return (size_t)__builtin_popcount(kept);
}
#endif

/* The sum of eight lanes by the one tree that every instruction set uses:
 * ((0+4) + (2+6)) + ((1+5) + (3+7)). */
INLINE double sum_lanes(const vec x[VECS])
{
    double lane[FM_PANEL];
    for (int v = 0; v < VECS; v++)
        v_store(lane + v * VL, x[v]);
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

#endif
