/* SPDX-License-Identifier: Apache-2.0
 *
 * Which instruction sets are compiled in, and which this CPU runs. Compiled for the baseline
 * like all glue; only kernels/table.c is compiled for more.
 */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "machine.h"
#include "system.h"

#if defined(__AVX__)
#error "the dispatcher must run on every CPU: compile it for the baseline"
#endif

extern const fm_kernels fm_kernels_baseline, fm_kernels_avx2, fm_kernels_avx512,
    fm_kernels_neon, fm_kernels_wide;

/* __builtin_cpu_supports also asks whether the operating system saves the wide registers. */
static bool always(void)
{
    return true;
}

#if defined(FM_HAVE_avx2)
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

#if defined(FM_HAVE_avx512)
static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("fma");
}
#endif

typedef struct isa_entry {
    const fm_kernels *kernels;
    bool (*usable)(void);
} isa_entry;

static const isa_entry isas[] = {
#if defined(FM_HAVE_avx512)
    {&fm_kernels_avx512, has_avx512},
#endif
#if defined(FM_HAVE_avx2)
    {&fm_kernels_avx2, has_avx2},
#endif
#if defined(FM_HAVE_neon)
    {&fm_kernels_neon, always},
#endif
    {&fm_kernels_baseline, always},
#if defined(FM_HAVE_wide)
    {&fm_kernels_wide, always},
#endif
};

static const size_t isa_count = sizeof isas / sizeof isas[0];

const char *fm_isa_name(size_t index)
{
    return index < isa_count ? isas[index].kernels->isa : NULL;
}

static const fm_kernels *find_kernels(const char *isa)
{
    for (size_t i = 0; i < isa_count; i++) {
        bool wanted = isa == NULL || strcmp(isa, isas[i].kernels->isa) == 0;
        if (wanted && isas[i].usable())
            return isas[i].kernels;
    }
    return NULL;
}

/* Asked for once: another thread may change the environment while it is read. */
static const fm_kernels *default_kernels;

size_t fm_strip_depth = FM_DEPTH_BLOCK;

static void know_machine(void)
{
    fm_strip_depth = fm_long_block(FM_ROW_BLOCK, FM_DEPTH_BLOCK, FM_LONGEST_BLOCK);
    default_kernels = find_kernels(getenv("FASTMLP_ISA"));
}

const fm_kernels *fm_find_kernels(const char *isa)
{
    static fm_once once = FM_ONCE_INITIALIZER;
    fm_call_once(&once, know_machine);
    return isa != NULL ? find_kernels(isa) : default_kernels;
}

bool fm_isa_usable(const char *name)
{
    return name != NULL && fm_find_kernels(name) != NULL;
}

const void *fm_kernel_address(const char *isa, const char *name)
{
    const fm_kernels *kernels = fm_find_kernels(isa);
    if (kernels == NULL)
        return NULL;
    /* a function pointer is as wide as an object pointer wherever POSIX is */
#define X(result, kernel, parameters)                                                          \
    if (strcmp(name, #kernel) == 0)                                                            \
        return (const void *)(uintptr_t)kernels->kernel;
    FM_KERNELS(X)
#undef X
    const struct {
        const char *prefix;
        fm_family family;
        int first, count;
        const void *kernels;
    } families[] = {
        {"activation_", FM_OPERATION_FAMILY, FM_LAYER_COUNT, FM_ACTIVATION_COUNT,
         kernels->activation},
        {"loss_", FM_LOSS_FAMILY, 0, FM_LOSS_COUNT, kernels->loss},
        {"prepare_", FM_OPTIMIZER_FAMILY, 0, FM_OPTIMIZER_COUNT, kernels->prepare},
        {"apply_", FM_OPTIMIZER_FAMILY, 0, FM_OPTIMIZER_COUNT, kernels->apply},
        {"update_", FM_OPTIMIZER_FAMILY, 0, FM_OPTIMIZER_COUNT, kernels->update},
        {"sparse_update_", FM_OPTIMIZER_FAMILY, 0, FM_OPTIMIZER_COUNT, kernels->sparse_update},
    };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        const size_t length = strlen(families[i].prefix);
        if (strncmp(name, families[i].prefix, length) != 0)
            continue;
        const int kind = fm_find(families[i].family, name + length) - families[i].first;
        if (kind < 0 || kind >= families[i].count)
            return NULL;
        const void *address; /* every member of a family is a pointer to a function */
        memcpy(&address, (const char *)families[i].kernels + (size_t)kind * sizeof address,
               sizeof address);
        return address;
    }
    return NULL;
}
