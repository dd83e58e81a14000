/* SPDX-License-Identifier: Apache-2.0
 *
 * All that the engine asks of the operating system. system_posix.c and system_windows.c answer;
 * no other file of the engine includes a header of theirs.
 */
#ifndef FM_SYSTEM_H
#define FM_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

#if defined(_WIN32)
/* An SRWLOCK, a CONDITION_VARIABLE and an INIT_ONCE, by their size and their initial zero:
 * windows.h and its macros stay out of the engine. */
typedef struct fm_mutex {
    void *native;
} fm_mutex;
typedef struct fm_condition {
    void *native;
} fm_condition;
typedef struct fm_once {
    void *native;
} fm_once;
#define FM_MUTEX_INITIALIZER {0}
#define FM_ONCE_INITIALIZER {0}
#else
#include <pthread.h>
typedef pthread_mutex_t fm_mutex;
typedef pthread_cond_t fm_condition;
typedef pthread_once_t fm_once;
#define FM_MUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER
#define FM_ONCE_INITIALIZER PTHREAD_ONCE_INIT
#endif

/* Memory whose address is a multiple of `alignment`, a power of two, and not freed by free;
 * NULL if there is none. What is aligned to huge pages is advised to use them. */
#define FM_HUGE_PAGE ((size_t)2 << 20)
void *fm_memory_take(size_t size, size_t alignment);
void fm_memory_free(void *memory); /* or NULL */

/* Not recursive. A mutex that was initialised may be so again where nobody can hold it: in the
 * child of a fork. */
void fm_mutex_init(fm_mutex *mutex);
void fm_mutex_destroy(fm_mutex *mutex);
void fm_mutex_lock(fm_mutex *mutex);
bool fm_mutex_trylock(fm_mutex *mutex); /* whether it is now the caller's */
void fm_mutex_unlock(fm_mutex *mutex);

/* Waiting gives the mutex up meanwhile, and may end without a cause. */
void fm_condition_init(fm_condition *condition);
void fm_condition_wait(fm_condition *condition, fm_mutex *mutex);
void fm_condition_wake_all(fm_condition *condition);

/* Returns when `first` has been called, be it by another thread. */
void fm_call_once(fm_once *once, void (*first)(void));

/* Whether a thread was started that runs body(argument), is waited for by nobody and takes no
 * signals: those belong to the threads of the program. */
bool fm_thread_start(void (*body)(void *), void *argument);

/* What every later fork calls, each may be NULL: before, by the latest first, and after. */
void fm_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/* CPUs that this process may use, at least 1: those of its affinity mask, or fewer where the
 * system grants it only so much of their time (cgroup quota, job object). */
size_t fm_system_cpus(void);

/* Bytes of a core's second cache; 0 where the system does not tell. */
size_t fm_system_l2(void);

/* A clock that only goes on, to measure with. */
double fm_system_seconds(void);

#endif
