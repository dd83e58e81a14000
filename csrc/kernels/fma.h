/* SPDX-License-Identifier: Apache-2.0
 *
 * fma(a, b, c), a b + c rounded once, for CPUs without the instruction, two at a time: C
 * libraries give it slowly there, and not all of them correctly rounded. Knows nothing of the
 * rest, so that tests/c/fma.c can hold it against the instruction.
 */
#ifndef FM_FMA_H
#define FM_FMA_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fma_integers.h"

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
