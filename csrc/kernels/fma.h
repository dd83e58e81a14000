/* SPDX-License-Identifier: Apache-2.0
 *
 * fma(a, b, c), a b + c rounded once, for CPUs without the instruction, two at a time: C
 * libraries give it slowly there, and not all of them correctly rounded. Knows nothing of the
 * rest, so that tests/c/fma.c can hold it against the instruction.
 */
#ifndef FM_FMA_H
#define FM_FMA_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* -- any arguments, by integers -- */

/* significand * 2^exponent, the significand of 53 bits or 0. */
typedef struct fma_number {
    uint64_t significand;
    int exponent;
} fma_number;

static inline fma_number fma_decompose(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    const int exponent = (int)(bits >> 52 & 0x7ff);
    if (exponent > 0)
        return (fma_number){fraction | (uint64_t)1 << 52, exponent - 1075};
    if (fraction == 0)
        return (fma_number){0, -1074};
    const int shift = __builtin_clzll(fraction) - 11;
    return (fma_number){fraction << shift, -1074 - shift};
}

/* magnitude * 2^exponent to the nearest double, ties to even. */
static inline double fma_round(unsigned __int128 magnitude, int exponent, bool negative)
{
    if (magnitude == 0)
        return negative ? -0.0 : 0.0;
    const uint64_t high = (uint64_t)(magnitude >> 64);
    const int length =
        high > 0 ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)magnitude);
    const int last = exponent + length > -1021 ? exponent + length - 53 : -1074;
    const int shift = last - exponent; /* bits to round away, or zeros to add */
    uint64_t kept = 0;                 /* in [2^52, 2^53]; less only if last is -1074 */
    if (shift <= 0) {
        kept = (uint64_t)magnitude << -shift;
    } else if (shift < 128) {
        const unsigned __int128 half = (unsigned __int128)1 << (shift - 1);
        const unsigned __int128 rest = magnitude & (2 * half - 1);
        kept = (uint64_t)(magnitude >> shift);
        kept += rest > half || (rest == half && (kept & 1) != 0);
    }
    /* What kept has from bit 52 on is one or two steps of the exponent. */
    const uint64_t infinity = (uint64_t)0x7ff << 52;
    uint64_t bits = last > 971 ? infinity : ((uint64_t)(last + 1074) << 52) + kept;
    bits |= (uint64_t)negative << 63;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline double fma_by_integers(double a, double b, double c)
{
    if (!isfinite(a) || !isfinite(b) || a == 0 || b == 0)
        return a * b + c; /* the product is exact */
    if (!isfinite(c))
        return c + c;
    const fma_number x = fma_decompose(a), y = fma_decompose(b), z = fma_decompose(c);
    const bool product_negative = signbit(a) != signbit(b), addend_negative = signbit(c);
    /* Both begin at bit 124 or 125. `big` has the larger exponent. */
    unsigned __int128 big = (unsigned __int128)x.significand * y.significand << 20;
    unsigned __int128 small = (unsigned __int128)z.significand << 73;
    int big_exponent = x.exponent + y.exponent - 20;
    int small_exponent = small == 0 ? big_exponent : z.exponent - 73;
    bool negative = product_negative;
    if (small_exponent > big_exponent) {
        const unsigned __int128 product = big;
        const int product_exponent = big_exponent;
        big = small, big_exponent = small_exponent, negative = addend_negative;
        small = product, small_exponent = product_exponent;
    }
    /* Bits that leave are remembered in the last one: big is even, so the sum is odd if it is
     * not exact, and then it has more than 100 bits. */
    const int shift = big_exponent - small_exponent;
    if (shift >= 128)
        small = small != 0;
    else if (shift > 0)
        small = small >> shift | (small << (128 - shift) != 0);
    if (product_negative == addend_negative)
        return fma_round(big + small, big_exponent, negative);
    if (big == small)
        return 0.0;
    return big > small ? fma_round(big - small, big_exponent, negative)
                       : fma_round(small - big, big_exponent, !negative);
}

/* -- usual arguments, by doubles -- */

typedef double fma_pair __attribute__((vector_size(16)));
typedef int64_t fma_words __attribute__((vector_size(16)));
typedef uint64_t fma_unsigned __attribute__((vector_size(16)));

/* x + y rounded, and what it lacks, exactly (Knuth, Møller). */
typedef struct fma_sum {
    fma_pair sum, error;
} fma_sum;

static inline fma_sum fma_two_sum(fma_pair x, fma_pair y)
{
    const fma_pair sum = x + y, other = sum - x;
    return (fma_sum){sum, (x - (sum - other)) + (y - other)};
}

/* The upper 26 bits, rounded: what is left over fits in 26, too. */
static inline fma_pair fma_upper(fma_pair x)
{
    const uint64_t lower = ((uint64_t)1 << 27) - 1;
    return (fma_pair)(((fma_unsigned)x + ((uint64_t)1 << 26)) & ~lower);
}

/* x + y rounded to odd: where the sum is not exact, to the neighbour with an odd last bit. */
static inline fma_pair fma_odd_sum(fma_pair x, fma_pair y)
{
    const fma_sum s = fma_two_sum(x, y);
    const fma_unsigned words = (fma_unsigned)s.sum, zero = {0};
    const fma_unsigned moves = (fma_unsigned)(s.error != (fma_pair)zero) & ~words & 1;
    const fma_unsigned inwards = (words ^ (fma_unsigned)s.error) >> 63;
    return (fma_pair)(words + moves - ((moves & inwards) << 1));
}

/* Boldo and Melquiond, Emulation of a FMA and correctly rounded sums: proved algorithms using
 * rounding to odd (2008). The product is exact by Dekker's way unless it is tiny. What leaves
 * the range of doubles on the way ends as a NaN. */
static inline fma_pair fma_by_doubles(fma_pair a, fma_pair b, fma_pair c)
{
    const fma_pair a1 = fma_upper(a), a2 = a - a1, b1 = fma_upper(b), b2 = b - b1;
    const fma_pair product = a * b, none = {0};
    const fma_pair error = a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2);
    const fma_sum low = fma_two_sum(c, error), high = fma_two_sum(product, low.sum);
    fma_pair result = high.sum + fma_odd_sum(low.error, high.error);
    /* a zero's sign is that of the exact sum */
    const fma_words zero = result == none;
    result = (fma_pair)((zero & (fma_words)(product + c)) | (~zero & (fma_words)result));
    const fma_words tiny =
        (product < 0x1p-900) & (product > -0x1p-900) & (a != none) & (b != none);
    const fma_words rare = tiny | (result != result);
    if (__builtin_expect((rare[0] | rare[1]) != 0, 0))
        for (int i = 0; i < 2; i++)
            if (rare[i] != 0)
                result[i] = fma_by_integers(a[i], b[i], c[i]);
    return result;
}

#endif
