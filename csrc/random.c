/* SPDX-License-Identifier: Apache-2.0 */
#include "random.h"

#include "fastmlp.h"

/* floor(r n / 2^64) from 32-bit halves, so that no 128-bit type is needed; n < 2^32 or not. */
static uint64_t multiply_high(uint64_t r, uint64_t n)
{
    uint64_t r0 = (uint32_t)r, r1 = r >> 32, n0 = (uint32_t)n, n1 = n >> 32;
    uint64_t middle = r1 * n0 + (r0 * n0 >> 32);
    uint64_t low_middle = (uint32_t)middle + r0 * n1;
    return r1 * n1 + (middle >> 32) + (low_middle >> 32);
}

/* Fisher and Yates from the top; element i swaps with floor(r_i (i + 1) / 2^64). Words 2j and
 * 2j + 1 come from block j. */
void fm_permutation(uint64_t seed, uint64_t step, size_t n, int64_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (int64_t)i;
    uint64_t words[2] = {0, 0};
    for (size_t i = n; i-- > 1;) {
        if (i % 2 == 1 || i == n - 1) {
            uint64_t block = i / 2;
            uint32_t c[4] = {(uint32_t)block, 0, fm_counter_step(step),
                             fm_counter_what(FM_RANDOM_SHUFFLE, step)};
            fm_philox(c, seed);
            words[0] = c[0] | (uint64_t)c[1] << 32;
            words[1] = c[2] | (uint64_t)c[3] << 32;
        }
        size_t j = (size_t)multiply_high(words[i % 2], i + 1);
        int64_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
