/* SPDX-License-Identifier: Apache-2.0
 *
 * What this machine is and has, and what pays on it: the costs by which the engine chooses
 * among ways that all give the same bits.
 */
#ifndef FM_MACHINE_H
#define FM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

/* Members worth waking, at most the threads set, for `fmas` fused multiply-adds between two
 * meetings and `total` of them in the whole call. */
size_t fm_members_for(double fmas, double total);

/* Another number of members that may be faster for so many between two meetings; 0 where there
 * is no doubt. */
size_t fm_other_members(double fmas);

/* The reduced index of a product's block of x that has so many rows: what half of L2 holds, in
 * whole cache lines, between the two; the lower where L2 is not known. */
size_t fm_long_block(size_t rows, size_t least, size_t most);

/* Whether rows of that many doubles, one behind the other, share few cache sets: their stride
 * is then a multiple of 1 KB. */
static inline bool fm_rows_collide(size_t columns)
{
    return columns % 128 == 0;
}

/* Below this share of non-zeros lists win over the register-blocked product. */
#define FM_SPARSE_DENSITY 0.4

/* Rows that are listed at a time; gradient blocks are whole numbers of them. Dense ones too,
 * where the stored gradients, which are read and written each time, take no more bytes; else
 * twice as many. */
#define FM_LIST_ROWS ((size_t)256)
#define FM_LIGHT_GRADIENTS ((size_t)2 << 20)

/* Weights up to this many bytes are read by all members: a fraction of any L2. */
#define FM_SHARED_WEIGHTS ((size_t)128 << 10)

/* Whether this CPU's divider is so slow beside its FMA units that even behind products Adam
 * waits for it: fm_update's divider_is_limit. */
bool fm_divider_is_limit(void);

#endif
