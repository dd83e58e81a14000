/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FM_ARENA_H
#define FM_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "fastmlp.h"

/* One memory block from which tensors are pointed: laid out once with base NULL to learn the
 * size, then again for real. */
typedef struct fm_arena {
    char *base;
    size_t used;
    bool overflow; /* the size does not fit in size_t */
} fm_arena;

/* count items of `size` bytes, 64-byte aligned; NULL while sizing. */
void *fm_arena_take(fm_arena *arena, size_t count, size_t size);

/* Allocates what a sizing pass counted; base is memory or NULL. */
fm_status fm_arena_reserve(fm_arena *arena);

/* The same, zeroed. */
fm_status fm_arena_allocate(fm_arena *arena);

/* Gives its memory back, if it has any. */
void fm_arena_free(fm_arena *arena);

#endif
