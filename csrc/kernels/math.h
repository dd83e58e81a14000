/* SPDX-License-Identifier: Apache-2.0
 *
 * exp, log, tanh and the normal distribution from FMA and integer operations, the same bits on
 * every instruction set. Largest errors seen against mpmath (tests/test_math.py): exp and log
 * below 1 ulp, log1p 1.2, expm1 2 for x <= 0, tanh 2.5, the distribution 7.5 (near 0 from
 * below; 4 in the tail).
 */
#include "simd.h"

INLINE vec v_abs(vec x)
{
    return v_of_bits(v_bits(x) & ~v_bits(v_set1(-0.0)));
}

/* ln 2 in two parts, the first with 21 trailing zero bits, so that n * FM_LN2_HIGH is exact. */
#define FM_LN2_HIGH 0x1.62e42feep-1
#define FM_LN2_LOW 0x1.a39ef35793c76p-33
/* Adding it leaves the nearest integer in the low bits of the sum. */
#define FM_ROUNDER 0x1.8p52

/* 2^n for n in [-1022, 1023] given as n + FM_ROUNDER. */
INLINE vec power_of_two(vec rounded)
{
    /* unsigned: wraps as it should */
    const vecu n = (vecu)v_bits(rounded) - (vecu)v_bits(v_set1(FM_ROUNDER));
    return v_of_bits((veci)((n + 1023) << 52));
}

/* x = n ln 2 + r, |r| <= ln 2 / 2. Returns exp(r) - 1 as r + tail and *n_rounded =
 * n + FM_ROUNDER. exp(r) - 1 - r by its Taylor series to r^13 / 13!: the next term is below
 * 2^-57. */
INLINE vec exp_reduced(vec x, vec *n_rounded, vec *tail)
{
    const vec rounder = v_set1(FM_ROUNDER);
    *n_rounded = v_fma(x, v_set1(0x1.71547652b82fep0), rounder);
    const vec n = *n_rounded - rounder;
    vec r = v_fnma(n, v_set1(FM_LN2_HIGH), x);
    r = v_fnma(n, v_set1(FM_LN2_LOW), r);
    static const double coefficient[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800,
                                         1.0 / 3628800,    1.0 / 362880,    1.0 / 40320,
                                         1.0 / 5040,       1.0 / 720,       1.0 / 120,
                                         1.0 / 24,         1.0 / 6,         1.0 / 2};
    vec q = v_set1(coefficient[0]);
#pragma GCC unroll 16
    for (int i = 1; i < 12; i++)
        q = v_fma(q, r, v_set1(coefficient[i]));
    *tail = r * r * q;
    return r;
}

/* exp(x), and exp(x) - 1, which near 0 is exp_reduced's, and elsewhere no smaller than 1 -
 * sqrt(1/2). */
INLINE vec v_exp_expm1(vec x, vec *less_one)
{
    /* Beyond these the result is 0 or infinity all the same; the order keeps NaN. */
    const vec low = v_set1(-746.0), high = v_set1(710.0);
    vec bounded = v_select(x < low, low, x);
    bounded = v_select(bounded > high, high, bounded);
    vec rounded, tail;
    const vec r = exp_reduced(bounded, &rounded, &tail);
    const vec one = v_set1(1.0), sum = one + r;
    const vec y = sum + (tail + (r - (sum - one)));
    /* 2^n in two factors, both in range; only the last product rounds, if it is subnormal. */
    const vec rounder = v_set1(FM_ROUNDER), n = rounded - rounder;
    const vec half = v_fma(n, v_set1(0.5), rounder);
    const vec rest = rounded - (half - rounder);
    const vec result = y * power_of_two(half) * power_of_two(rest);
    *less_one = v_select(n == (vec){0}, r + tail, result - one);
    return result;
}

INLINE vec v_exp(vec x)
{
    vec less_one;
    return v_exp_expm1(x, &less_one);
}

INLINE vec v_expm1(vec x)
{
    vec less_one;
    v_exp_expm1(x, &less_one);
    return less_one;
}

/* k ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2)): s = f / (2 + f), as fdlibm's e_log.c
 * (FreeBSD msun), whose minimax coefficients these are. */
INLINE vec log_series(vec f, vec k)
{
    const vec s = f / (v_set1(2.0) + f), z = s * s;
    static const double coefficient[] = {1.479819860511658591e-01, 1.531383769920937332e-01,
                                         1.818357216161805012e-01, 2.222219843214978396e-01,
                                         2.857142874366239149e-01, 3.999999999940941908e-01,
                                         6.666666666666735130e-01};
    vec r = v_set1(coefficient[0]);
#pragma GCC unroll 8
    for (int i = 1; i < 7; i++)
        r = v_fma(r, z, v_set1(coefficient[i]));
    r = r * z;
    const vec half_square = v_set1(0.5) * f * f;
    const vec low = v_fma(s, half_square + r, k * v_set1(FM_LN2_LOW));
    return v_fma(k, v_set1(FM_LN2_HIGH), f - (half_square - low));
}

INLINE vec v_log(vec x)
{
    const veci subnormal = (x < v_set1(0x1p-1022)) & (x > (vec){0});
    const vec scaled = v_select(subnormal, x * v_set1(0x1p54), x);
    /* unsigned, since what is no positive number wraps here and is replaced below */
    const vecu bits = (vecu)v_bits(scaled), one_bits = (vecu)v_bits(v_set1(1.0));
    const vecu root_half = (vecu)v_bits(v_set1(0x1.6a09e667f3bcdp-1));
    const vecu exponent = ((bits + (one_bits - root_half)) >> 52) - 1023;
    const vec f = v_of_bits((veci)(bits - (exponent << 52))) - v_set1(1.0);
    const vec rounder = v_set1(FM_ROUNDER);
    const vec k = v_of_bits((veci)(exponent + (vecu)v_bits(rounder))) - rounder -
                  v_keep(subnormal, v_set1(54.0));
    const vec y = log_series(f, k);

    const vec infinity = v_set1(INFINITY);
    vec result = v_select(x == (vec){0}, -infinity, y);
    result = v_select(x == infinity, infinity, result);
    return v_select((x < (vec){0}) | (x != x), v_set1(NAN), result);
}

/* log(1 + x) for x in [0, 1]: 1 + f is 1 + x or half of it, and f is exact. */
INLINE vec v_log1p(vec x)
{
    const vec one = v_set1(1.0);
    const veci large = x > v_set1(0x1.a827999fcef32p-2); /* sqrt(2) - 1 */
    return log_series(v_select(large, v_set1(0.5) * (x - one), x), v_keep(large, one));
}

/* tanh(x) = e / (e + 2) with e = exp(2|x|) - 1, accurate near 0 since e is. With
 * |x| = (n ln 2) / 2 + s, |s| <= ln 2 / 4, exp(2s) - 1 is its series to (2s)^13 / 13!.
 *
 * The CPU's window holds some three of these: how many follow each other at once, so their
 * chain of dependent operations decides. So the series is summed pairwise (Estrin), and n ln 2
 * / 2 is one product: its error, 2^-55 n, is largest where tanh hardly moves. (e + 2 from p
 * beside e would be two cycles less, but its own rounding was 2.8 ulp at 18.) 27 -> 19.9 cycles
 * a vector of AVX2 on Zen 3. */
INLINE vec v_tanh(vec x)
{
    const veci sign = v_bits(x) & v_bits(v_set1(-0.0));
    const vec magnitude = v_of_bits(v_bits(x) ^ sign);
    const vec bounded = v_min(v_set1(22.0), magnitude); /* tanh is 1 from 19.1 on */
    const vec rounder = v_set1(FM_ROUNDER);
    const vec rounded = v_fma(bounded, v_set1(0x1.71547652b82fep1), rounder);
    const vec s = v_fma(rounded - rounder, v_set1(-0x1.62e42fefa39efp-2), bounded);
    static const double coefficient[] = {
        2.0,       4.0 / 3,    2.0 / 3,     4.0 / 15,     4.0 / 45,     8.0 / 315,
        2.0 / 315, 4.0 / 2835, 4.0 / 14175, 8.0 / 155925, 4.0 / 467775, 8.0 / 6081075};
    vec q[6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++)
        q[i] = v_fma(s, v_set1(coefficient[2 * i + 1]), v_set1(coefficient[2 * i]));
    const vec s2 = s * s, s4 = s2 * s2;
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++)
        q[i] = v_fma(s2, q[2 * i + 1], q[2 * i]);
    const vec p = v_fma(s2, v_fma(s4, v_fma(s4, q[2], q[1]), q[0]), s + s);
    const vec power = power_of_two(rounded);
    const vec e = v_fma(power, p, power - v_set1(1.0));
    return v_of_bits(v_bits(e / (e + v_set1(2.0))) | sign);
}

/* The normal distribution: Phi(x), and its density. With a = |x| and t = (a - 5) / (a + 5),
 * Phi(-a) = exp(-a^2 / 2) P(t) / (a + 5), P the Chebyshev series of what that leaves, to degree
 * 22 over a in [0, 40], where Phi(-a) ends (after Shepherd, Laframboise, "Chebyshev
 * approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity", Math. Comp. 36 (1981)). The
 * rounding of a^2 / 2 is made good: at a = 38 its ulp would be 1e-13 of the result. */
typedef struct normal_values {
    vec below, density; /* Phi(x), phi(x) */
} normal_values;

INLINE normal_values v_normal(vec x)
{
    const vec a = v_min(v_set1(40.0), v_abs(x));
    const vec inverse = v_set1(1.0) / (a + v_set1(5.0)), t = (a - v_set1(5.0)) * inverse;
    static const double coefficient[] = {
        -0x1.94e866583810bp-33, 0x1.ceaa4629322cfp-30,  0x1.07cfda70acfd1p-27,
        -0x1.3970ec073bb6ap-27, -0x1.1ae066bd144bep-24, 0x1.6942b0e25ecf2p-25,
        0x1.d0ebee2d50120p-22,  -0x1.694af068ad697p-22, -0x1.73ab329f38dfcp-19,
        0x1.0b268a459ebb7p-18,  0x1.17dd0980b4adbp-16,  -0x1.a170ced28f539p-15,
        -0x1.f2145fb2b7015p-15, 0x1.1daf1d43337e2p-11,  -0x1.a25037dd3bec0p-11,
        -0x1.88590eaadb7f9p-9,  0x1.54b4d4f4c5d11p-6,   -0x1.1b1c254c9a2b6p-4,
        0x1.51f6329f01709p-3,   -0x1.410ed5f875a7cp-2,  0x1.fb31653876f92p-2,
        -0x1.54ad03f27ca17p-1,  0x1.89d3abe1f95aep-1};
    vec p = v_set1(coefficient[0]);
#pragma GCC unroll 32
    for (int i = 1; i < 23; i++)
        p = v_fma(p, t, v_set1(coefficient[i]));
    const vec half = v_set1(0.5) * a, square = half * a, rest = v_fma(half, a, -square);
    vec e = v_exp(-square);
    e = v_fnma(rest, e, e);
    const vec tail = e * (p * inverse);
    return (normal_values){v_select(x > (vec){0}, v_set1(1.0) - tail, tail),
                           e * v_set1(0.39894228040143267794)};
}

INLINE vec v_normal_cdf(vec x)
{
    return v_normal(x).below;
}

/* -- over arrays, for the accuracy tests -- */

INLINE void map(vec function(vec), double *y, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i += VL) {
        double lane[VL] = {0};
        const size_t size = smaller(VL, n - i) * sizeof *x;
        memcpy(lane, x + i, size);
        v_store(lane, function(v_load(lane)));
        memcpy(y + i, lane, size);
    }
}

static void kernel_map_exp(double *y, const double *x, size_t n)
{
    map(v_exp, y, x, n);
}

static void kernel_map_log(double *y, const double *x, size_t n)
{
    map(v_log, y, x, n);
}

static void kernel_map_expm1(double *y, const double *x, size_t n)
{
    map(v_expm1, y, x, n);
}

static void kernel_map_log1p(double *y, const double *x, size_t n)
{
    map(v_log1p, y, x, n);
}

static void kernel_map_normal_cdf(double *y, const double *x, size_t n)
{
    map(v_normal_cdf, y, x, n);
}

static void kernel_map_tanh(double *y, const double *x, size_t n)
{
    map(v_tanh, y, x, n);
}

static void kernel_map_sqrt(double *y, const double *x, size_t n)
{
    map(v_sqrt_by_fma, y, x, n);
}

static void kernel_map_reciprocal(double *y, const double *x, size_t n)
{
    map(v_reciprocal_by_fma, y, x, n);
}
