/* SPDX-License-Identifier: Apache-2.0
 *
 * How many threads to use: the CPUs that the system grants, what the user asked for, and what
 * the work is worth.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fastmlp.h"
#include "machine.h"
#include "system.h"

static size_t usable_cpus;
static atomic_size_t num_threads;
static fm_once counted = FM_ONCE_INITIALIZER;

/* A positive integer from the environment, or 0; OMP_NUM_THREADS may be a list "4,2". */
static size_t threads_of_environment(const char *name)
{
    const char *text = getenv(name);
    if (text == NULL)
        return 0;
    char *end;
    long value = strtol(text, &end, 10);
    return end != text && (*end == '\0' || *end == ',') && value > 0 ? (size_t)value : 0;
}

static void count_cpus(void)
{
    usable_cpus = fm_system_cpus();
    size_t threads = threads_of_environment("FASTMLP_NUM_THREADS");
    if (threads == 0)
        threads = threads_of_environment("OMP_NUM_THREADS");
    if (threads == 0)
        threads = usable_cpus;
    atomic_store(&num_threads, threads < FM_MAX_THREADS ? threads : FM_MAX_THREADS);
}

size_t fm_usable_cpus(void)
{
    fm_call_once(&counted, count_cpus);
    return usable_cpus;
}

size_t fm_get_num_threads(void)
{
    fm_call_once(&counted, count_cpus);
    return atomic_load(&num_threads);
}

void fm_set_num_threads(size_t count)
{
    fm_call_once(&counted, count_cpus);
    if (count < 1)
        count = 1;
    atomic_store(&num_threads, count < FM_MAX_THREADS ? count : FM_MAX_THREADS);
}

/* A meeting costs about 1 us, as long as 20,000 FMAs take. Waking a member that sleeps costs
 * some 20 to 50 us: products of 112^3 FMAs gained by it, those of 96^3 did not, and those of
 * 128^3 that follow each other take 52 us instead of 98. */
#define FM_MEETING_FMAS 100000.0
#define FM_WAKING_FMAS 700000.0

size_t fm_members_for(double fmas, double total)
{
    const double worth = fmin(fmas / FM_MEETING_FMAS, total / FM_WAKING_FMAS);
    const size_t threads = fm_get_num_threads();
    return worth < 2 ? 1 : worth < (double)threads ? (size_t)worth : threads;
}

size_t fm_long_block(size_t rows, size_t least, size_t most)
{
    const size_t fitting = fm_system_l2() / 2 / (rows * sizeof(double)) / 8 * 8;
    return fitting < least ? least : fitting < most ? fitting : most;
}

/* Around what fm_members_for takes for the limit. */
#define FM_LEAST_DOUBT (0.5 * FM_MEETING_FMAS)
#define FM_MOST_DOUBT (40 * FM_MEETING_FMAS)

size_t fm_other_members(double fmas)
{
    if (fm_get_num_threads() == 1 || fmas < FM_LEAST_DOUBT || fmas > FM_MOST_DOUBT)
        return 0;
    return fm_members_for(fmas, INFINITY) == 1 ? 2 : 1;
}

/* The flagship's epoch on an Intel Xeon with AVX-512: 235 ms by the divider, 215 by FMAs. On
 * AMD's Zen 4, with half as many FMAs a cycle, the sparse update takes 90 us by the divider,
 * 113 by FMAs, and could at most fall to 81 were roots and divisions free. */
bool fm_divider_is_limit(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_is("intel");
#else
    return false;
#endif
}
