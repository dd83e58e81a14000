/* SPDX-License-Identifier: Apache-2.0
 *
 * Counter-based random numbers: Philox4x32-10, stateless, (key, counter) -> four words.
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11.
 * fastmlp/random.py states the same in NumPy, and how counters are used.
 */
#ifndef FM_RANDOM_H
#define FM_RANDOM_H

#include <stdint.h>

/* What a number is drawn for: the top half of the last counter word. */
enum { FM_RANDOM_DROPOUT = 1, FM_RANDOM_SHUFFLE = 2, FM_RANDOM_NOISE = 4 };

#define FM_PHILOX_M0 UINT32_C(0xD2511F53)
#define FM_PHILOX_M1 UINT32_C(0xCD9E8D57)
#define FM_PHILOX_W0 UINT32_C(0x9E3779B9)
#define FM_PHILOX_W1 UINT32_C(0xBB67AE85)
#define FM_PHILOX_ROUNDS 10

/* The last two counter words of (what, step), step < 2^48. */
static inline uint32_t fm_counter_step(uint64_t step)
{
    return (uint32_t)step;
}

static inline uint32_t fm_counter_what(uint32_t what, uint64_t step)
{
    return what << 16 | (uint32_t)(step >> 32);
}

static inline void fm_philox(uint32_t counter[4], uint64_t seed)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < FM_PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)FM_PHILOX_M0 * counter[0];
        uint64_t p1 = (uint64_t)FM_PHILOX_M1 * counter[2];
        counter[0] = (uint32_t)(p1 >> 32) ^ counter[1] ^ k0;
        counter[2] = (uint32_t)(p0 >> 32) ^ counter[3] ^ k1;
        counter[1] = (uint32_t)p1;
        counter[3] = (uint32_t)p0;
        k0 += FM_PHILOX_W0;
        k1 += FM_PHILOX_W1;
    }
}

#endif
