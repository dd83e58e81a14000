/* SPDX-License-Identifier: Apache-2.0
 *
 * system.h on Windows, by its own calls: no layer of POSIX threads is linked. From Windows 8
 * on, as every Python is that runs this.
 */
#define _WIN32_WINNT 0x0602
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <assert.h>
#include <malloc.h>
#include <process.h>
#include <stdlib.h>

#include "system.h"

/* -- memory: large pages need a privilege that users lack, so alignment is all -- */

void *fm_memory_take(size_t size, size_t alignment)
{
    return _aligned_malloc(size > 0 ? size : 1, alignment);
}

void fm_memory_free(void *memory)
{
    _aligned_free(memory);
}

/* -- threads -- */

static_assert(sizeof(fm_mutex) == sizeof(SRWLOCK), "a mutex is an SRWLOCK");
static_assert(sizeof(fm_condition) == sizeof(CONDITION_VARIABLE), "a condition is theirs");
static_assert(sizeof(fm_once) == sizeof(INIT_ONCE), "a first call is an INIT_ONCE");

void fm_mutex_init(fm_mutex *mutex)
{
    InitializeSRWLock((SRWLOCK *)mutex);
}

void fm_mutex_destroy(fm_mutex *mutex)
{
    (void)mutex; /* it has nothing beside its word */
}

void fm_mutex_lock(fm_mutex *mutex)
{
    AcquireSRWLockExclusive((SRWLOCK *)mutex);
}

bool fm_mutex_trylock(fm_mutex *mutex)
{
    return TryAcquireSRWLockExclusive((SRWLOCK *)mutex);
}

void fm_mutex_unlock(fm_mutex *mutex)
{
    ReleaseSRWLockExclusive((SRWLOCK *)mutex);
}

void fm_condition_init(fm_condition *condition)
{
    InitializeConditionVariable((CONDITION_VARIABLE *)condition);
}

void fm_condition_wait(fm_condition *condition, fm_mutex *mutex)
{
    SleepConditionVariableSRW((CONDITION_VARIABLE *)condition, (SRWLOCK *)mutex, INFINITE, 0);
}

void fm_condition_wake_all(fm_condition *condition)
{
    WakeAllConditionVariable((CONDITION_VARIABLE *)condition);
}

static BOOL CALLBACK call_first(INIT_ONCE *once, void *first, void **context)
{
    (void)once;
    (void)context;
    (*(void (**)(void))first)();
    return TRUE;
}

void fm_call_once(fm_once *once, void (*first)(void))
{
    InitOnceExecuteOnce((INIT_ONCE *)once, call_first, &first, NULL);
}

typedef struct thread_start {
    void (*body)(void *);
    void *argument;
} thread_start;

static unsigned __stdcall thread_main(void *start_pointer)
{
    const thread_start start = *(thread_start *)start_pointer;
    free(start_pointer);
    start.body(start.argument);
    return 0;
}

/* Ctrl-C comes in a thread that the system makes for it: there is nothing to mask. */
bool fm_thread_start(void (*body)(void *), void *argument)
{
    thread_start *start = malloc(sizeof *start);
    if (start == NULL)
        return false;
    *start = (thread_start){body, argument};
    const uintptr_t thread = _beginthreadex(NULL, 0, thread_main, start, 0, NULL);
    if (thread == 0)
        free(start);
    else
        CloseHandle((HANDLE)thread);
    return thread != 0;
}

/* There are no forks. */
void fm_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    (void)before;
    (void)in_parent;
    (void)in_child;
}

/* -- CPUs -- */

/* The share of the whole machine's time that a job object, such as a container's, leaves to its
 * processes, in CPUs rounded up; 0 if unlimited. */
static size_t quota_cpus(void)
{
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate;
    const DWORD hard =
        JOB_OBJECT_CPU_RATE_CONTROL_ENABLE | JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP;
    if (!QueryInformationJobObject(NULL, JobObjectCpuRateControlInformation, &rate, sizeof rate,
                                   NULL) ||
        (rate.ControlFlags & hard) != hard)
        return 0;
    const size_t all = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    return (rate.CpuRate * all + 9999) / 10000; /* CpuRate: of 10,000 */
}

size_t fm_system_cpus(void)
{
    DWORD_PTR own, all;
    size_t cpus = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &own, &all))
        for (; own != 0; own &= own - 1)
            cpus++;
    if (cpus == 0) /* its threads are in several groups of 64 */
        cpus = GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
    const size_t quota = quota_cpus();
    cpus = quota > 0 && quota < cpus ? quota : cpus;
    return cpus > 0 ? cpus : 1;
}

size_t fm_system_l2(void)
{
    SYSTEM_LOGICAL_PROCESSOR_INFORMATION part[256];
    DWORD size = sizeof part;
    if (!GetLogicalProcessorInformation(part, &size))
        return 0; /* of more CPUs than fit, too */
    for (size_t i = 0; i < size / sizeof *part; i++)
        if (part[i].Relationship == RelationCache && part[i].Cache.Level == 2)
            return part[i].Cache.Size;
    return 0;
}

double fm_system_seconds(void)
{
    LARGE_INTEGER count, rate;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&rate);
    return (double)count.QuadPart / (double)rate.QuadPart;
}
