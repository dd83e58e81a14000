/* SPDX-License-Identifier: Apache-2.0
 *
 * One aligned block of memory, from which tensors are pointed.
 */
#include "arena.h"

#include <stdint.h>
#include <string.h>

#include "system.h"

#define FM_ALIGNMENT 64

void *fm_arena_take(fm_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)FM_ALIGNMENT - 1, &bytes)) {
        arena->overflow = true;
        return NULL;
    }
    bytes &= ~(size_t)(FM_ALIGNMENT - 1);
    size_t start = arena->used;
    if (__builtin_add_overflow(start, bytes, &arena->used)) {
        arena->overflow = true;
        return NULL;
    }
    return arena->base != NULL ? arena->base + start : NULL;
}

fm_status fm_arena_reserve(fm_arena *arena)
{
    if (arena->overflow || arena->used > SIZE_MAX / 2)
        return FM_ERROR_SIZE;
    /* A step walks all parameters, which would need more TLB entries than there are. */
    const size_t alignment = arena->used >= FM_HUGE_PAGE ? FM_HUGE_PAGE : FM_ALIGNMENT;
    void *base = fm_memory_take(arena->used, alignment);
    if (base == NULL)
        return FM_ERROR_MEMORY;
    arena->base = base;
    arena->used = 0;
    return FM_OK;
}

fm_status fm_arena_allocate(fm_arena *arena)
{
    const size_t used = arena->used;
    const fm_status status = fm_arena_reserve(arena);
    if (status == FM_OK)
        memset(arena->base, 0, used);
    return status;
}

void fm_arena_free(fm_arena *arena)
{
    fm_memory_free(arena->base);
    arena->base = NULL;
}
