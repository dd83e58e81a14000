/* SPDX-License-Identifier: Apache-2.0
 *
 * How many threads to use: the CPUs this process may run on, what the user asked for, and what
 * the work is worth.
 */
#if defined(__linux__)
#define _GNU_SOURCE
#include <sched.h>
#endif
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fastmlp.h"
#include "machine.h"

#if defined(__linux__)

/* CPUs that a cgroup v2 "cpu.max" file (quota period) or a v1 pair of files allows, rounded
 * up; 0 if unlimited or unreadable. */
static size_t quota_of_file(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    double quota = 0, period = 0;
    int fields = fscanf(file, "%lf %lf", &quota, &period); /* "max 100000" reads 0 fields */
    fclose(file);
    if (fields != 2 || quota <= 0 || period <= 0)
        return 0;
    return (size_t)((quota + period - 1) / period);
}

static size_t quota_v1(void)
{
    double quota = 0, period = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
    if (file == NULL)
        return 0;
    int fields = fscanf(file, "%lf", &quota);
    fclose(file);
    file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
    if (file == NULL)
        return 0;
    fields += fscanf(file, "%lf", &period);
    fclose(file);
    if (fields != 2 || quota <= 0 || period <= 0)
        return 0;
    return (size_t)((quota + period - 1) / period);
}

/* The smallest quota from this process's v2 group up to the root. */
static size_t quota_cpus(void)
{
    char line[512] = "", path[700];
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file != NULL) {
        while (fgets(line, sizeof line, file) != NULL && strncmp(line, "0::", 3) != 0)
            line[0] = '\0';
        fclose(file);
    }
    char *group = strncmp(line, "0::", 3) == 0 ? line + 3 : line;
    group[strcspn(group, "\n")] = '\0';
    size_t smallest = quota_v1();
    for (;;) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
        size_t quota = quota_of_file(path);
        if (quota > 0 && (smallest == 0 || quota < smallest))
            smallest = quota;
        char *slash = strrchr(group, '/');
        if (slash == NULL)
            return smallest;
        *slash = '\0';
    }
}

static size_t affinity_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return (size_t)CPU_COUNT(&set);
    return 0; /* more CPUs than cpu_set_t holds: ask sysconf */
}

#else

static size_t quota_cpus(void)
{
    return 0;
}

static size_t affinity_cpus(void)
{
    return 0;
}

#endif

static size_t usable_cpus;
static atomic_size_t num_threads;
static pthread_once_t counted = PTHREAD_ONCE_INIT;

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
    size_t cpus = affinity_cpus();
    if (cpus == 0) {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        cpus = online > 0 ? (size_t)online : 1;
    }
    size_t quota = quota_cpus();
    usable_cpus = quota > 0 && quota < cpus ? quota : cpus;

    size_t threads = threads_of_environment("FASTMLP_NUM_THREADS");
    if (threads == 0)
        threads = threads_of_environment("OMP_NUM_THREADS");
    if (threads == 0)
        threads = usable_cpus;
    atomic_store(&num_threads, threads < FM_MAX_THREADS ? threads : FM_MAX_THREADS);
}

size_t fm_usable_cpus(void)
{
    pthread_once(&counted, count_cpus);
    return usable_cpus;
}

size_t fm_get_num_threads(void)
{
    pthread_once(&counted, count_cpus);
    return atomic_load(&num_threads);
}

void fm_set_num_threads(size_t count)
{
    pthread_once(&counted, count_cpus);
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
