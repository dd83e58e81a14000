/* SPDX-License-Identifier: Apache-2.0
 *
 * system.h on POSIX: Linux and macOS.
 */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE /* the number of CPUs */
#elif defined(__linux__)
#define _GNU_SOURCE /* CPU sets */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#endif
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "system.h"

/* -- memory -- */

void *fm_memory_take(size_t size, size_t alignment)
{
    void *memory;
    if (posix_memalign(&memory, alignment, size > 0 ? size : 1) != 0)
        return NULL;
#if defined(MADV_HUGEPAGE)
    if (alignment == FM_HUGE_PAGE)
        madvise(memory, size, MADV_HUGEPAGE); /* advice: failure changes nothing */
#endif
    return memory;
}

void fm_memory_free(void *memory)
{
    free(memory);
}

/* -- threads -- */

void fm_mutex_init(fm_mutex *mutex)
{
    pthread_mutex_init(mutex, NULL);
}

void fm_mutex_destroy(fm_mutex *mutex)
{
    pthread_mutex_destroy(mutex);
}

void fm_mutex_lock(fm_mutex *mutex)
{
    pthread_mutex_lock(mutex);
}

bool fm_mutex_trylock(fm_mutex *mutex)
{
    return pthread_mutex_trylock(mutex) == 0;
}

void fm_mutex_unlock(fm_mutex *mutex)
{
    pthread_mutex_unlock(mutex);
}

void fm_condition_init(fm_condition *condition)
{
    pthread_cond_init(condition, NULL);
}

void fm_condition_wait(fm_condition *condition, fm_mutex *mutex)
{
    pthread_cond_wait(condition, mutex);
}

void fm_condition_wake_all(fm_condition *condition)
{
    pthread_cond_broadcast(condition);
}

void fm_call_once(fm_once *once, void (*first)(void))
{
    pthread_once(once, first);
}

typedef struct thread_start {
    void (*body)(void *);
    void *argument;
} thread_start;

static void *thread_main(void *start_pointer)
{
    const thread_start start = *(thread_start *)start_pointer;
    free(start_pointer);
    start.body(start.argument);
    return NULL;
}

bool fm_thread_start(void (*body)(void *), void *argument)
{
    thread_start *start = malloc(sizeof *start);
    if (start == NULL)
        return false;
    *start = (thread_start){body, argument};
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&thread, NULL, thread_main, start) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    else
        free(start);
    return started;
}

void fm_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    pthread_atfork(before, in_parent, in_child);
}

/* -- CPUs -- */

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

size_t fm_system_cpus(void)
{
    size_t cpus = affinity_cpus();
    if (cpus == 0) {
        const long online = sysconf(_SC_NPROCESSORS_ONLN);
        cpus = online > 0 ? (size_t)online : 1;
    }
    const size_t quota = quota_cpus();
    return quota > 0 && quota < cpus ? quota : cpus;
}

size_t fm_system_l2(void)
{
#if defined(_SC_LEVEL2_CACHE_SIZE)
    const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return bytes > 0 ? (size_t)bytes : 0;
#else
    return 0;
#endif
}

double fm_system_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
