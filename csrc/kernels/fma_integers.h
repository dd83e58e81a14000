/* SPDX-License-Identifier: Apache-2.0
 *
 * fma(a, b, c), a b + c rounded once, of any arguments, by integers and in C99: for what fma.h
 * cannot compute by doubles, and for models exported as C where the library rounds twice. To
 * nearest, ties to even, subnormal and infinite results too.
 */
#ifndef FM_FMA_INTEGERS_H
#define FM_FMA_INTEGERS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* An integer of 128 bits. */
typedef struct wide {
    uint64_t high, low;
} wide;

static inline wide wide_product(uint64_t a, uint64_t b)
{
    const uint64_t mask = UINT32_MAX;
    const uint64_t low = (a & mask) * (b & mask);
    const uint64_t middle = (a >> 32) * (b & mask) + (low >> 32);
    const uint64_t other = (a & mask) * (b >> 32) + (middle & mask);
    return (wide){(a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32),
                  other << 32 | (low & mask)};
}

static inline wide wide_shift_left(wide x, int bits)
{
    if (bits >= 64)
        return (wide){x.low << (bits - 64), 0};
    return bits == 0 ? x : (wide){x.high << bits | x.low >> (64 - bits), x.low << bits};
}

/* Bits that fall off leave a 1 in the last place: enough to round by, two places further up. */
static inline wide wide_shift_right(wide x, int bits)
{
    if (bits == 0)
        return x;
    if (bits >= 128)
        return (wide){0, (x.high | x.low) != 0};
    const wide kept = bits >= 64
                          ? (wide){0, x.high >> (bits - 64)}
                          : (wide){x.high >> bits, x.high << (64 - bits) | x.low >> bits};
    const wide back = wide_shift_left(kept, bits);
    return (wide){kept.high, kept.low | (back.high != x.high || back.low != x.low)};
}

static inline wide wide_sum(wide a, wide b)
{
    const uint64_t low = a.low + b.low;
    return (wide){a.high + b.high + (low < a.low), low};
}

/* a - b, a >= b. */
static inline wide wide_difference(wide a, wide b)
{
    return (wide){a.high - b.high - (a.low < b.low), a.low - b.low};
}

/* A finite number but 0 as significand * 2^exponent, the significand of 53 bits. */
typedef struct fma_number {
    uint64_t significand;
    int exponent;
} fma_number;

static inline fma_number fma_decompose(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t first = (uint64_t)1 << 52;
    const int exponent = (int)(bits >> 52 & 0x7ff);
    if (exponent > 0)
        return (fma_number){(bits & (first - 1)) | first, exponent - 1075};
    fma_number n = {bits & (first - 1), -1074};
    for (; n.significand < first; n.exponent--)
        n.significand <<= 1;
    return n;
}

/* x * 2^exponent, x below 2^127 and not 0, to the nearest double, ties to even. */
static inline double fma_round(wide x, int exponent, int negative)
{
    while (x.high >> 62 == 0) { /* the first bit to place 126 */
        const int bits = x.high >> 32 == 0 ? 30 : 1;
        x = wide_shift_left(x, bits);
        exponent -= bits;
    }
    const uint64_t top = x.high | (x.low != 0);
    exponent += 64;
    int drop = 10; /* of 63 bits 53 are left, or fewer where the result is subnormal */
    if (exponent + drop < -1074)
        drop = -1074 - exponent;
    uint64_t bits = 0;
    if (drop <= 63) {
        const uint64_t half = (uint64_t)1 << (drop - 1), rest = top & (2 * half - 1);
        uint64_t kept = drop == 63 ? 0 : top >> drop;
        kept += rest > half || (rest == half && (kept & 1) != 0);
        /* what kept has from bit 52 on is one or two steps of the exponent */
        const int last = exponent + drop;
        bits = last > 971 ? (uint64_t)0x7ff << 52 : ((uint64_t)(last + 1074) << 52) + kept;
    }
    bits |= (uint64_t)negative << 63;
    double result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

static inline double fma_by_integers(double a, double b, double c)
{
    const int finite = fabs(a) < INFINITY && fabs(b) < INFINITY;
    if (!finite || a == 0 || b == 0)
        return a * b + c; /* the product is exact, or no number */
    if (!(fabs(c) < INFINITY))
        return c;
    if (c == 0)
        return a * b;
    const fma_number x = fma_decompose(a), y = fma_decompose(b), z = fma_decompose(c);
    /* Both begin at bit 124 or 125. Where bits of one leave, the sum has more than 100. */
    wide p = wide_shift_left(wide_product(x.significand, y.significand), 20);
    wide q = {z.significand << 9, 0};
    const int p_exponent = x.exponent + y.exponent - 20, q_exponent = z.exponent - 73;
    const int exponent = p_exponent > q_exponent ? p_exponent : q_exponent;
    p = wide_shift_right(p, exponent - p_exponent);
    q = wide_shift_right(q, exponent - q_exponent);
    const int p_negative = (a < 0) != (b < 0), q_negative = c < 0;
    if (p_negative == q_negative)
        return fma_round(wide_sum(p, q), exponent, p_negative);
    if (p.high == q.high && p.low == q.low)
        return 0;
    const int p_larger = p.high > q.high || (p.high == q.high && p.low > q.low);
    return p_larger ? fma_round(wide_difference(p, q), exponent, p_negative)
                    : fma_round(wide_difference(q, p), exponent, q_negative);
}

#endif
