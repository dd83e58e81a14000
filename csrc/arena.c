/* SPDX-License-Identifier: Apache-2.0
 *
 * One aligned block of memory, from which tensors are pointed.
 */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#define FM_ALIGNMENT 64
/* Blocks from this size on are aligned to, and advised to use, huge pages: a step walks all
 * parameters, which would need more TLB entries than there are. */
#define FM_HUGE_PAGE ((size_t)2 << 20)

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
    size_t alignment = arena->used >= FM_HUGE_PAGE ? FM_HUGE_PAGE : FM_ALIGNMENT;
    void *base;
    if (posix_memalign(&base, alignment, arena->used > 0 ? arena->used : 1) != 0)
        return FM_ERROR_MEMORY;
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (alignment == FM_HUGE_PAGE)
        madvise(base, arena->used, MADV_HUGEPAGE); /* advice: failure changes nothing */
#endif
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
