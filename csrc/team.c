/* SPDX-License-Identifier: Apache-2.0 */
#include "team.h"

#include <assert.h>
#include <stdint.h>

#include "fastmlp.h"
#include "system.h"

#if defined(__x86_64__) || defined(__i386__)
#include <xmmintrin.h>
#endif

/* Polls before sleeping: about 20 us, longer than a member usually waits for its slowest
 * sibling and short beside the 50 us that a sleep and a wake-up cost. */
#define FM_SPINS 1500

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* -- an event: a counter that others wait on, spinning first, then asleep -- */

typedef struct fm_event {
    _Alignas(64) atomic_uint value;
    _Alignas(64) atomic_uint sleepers;
    fm_mutex mutex;
    fm_condition changed;
} fm_event;

static void event_init(fm_event *event)
{
    atomic_store(&event->value, 0);
    atomic_store(&event->sleepers, 0);
    fm_mutex_init(&event->mutex);
    fm_condition_init(&event->changed);
}

/* Both orders below are sequentially consistent on purpose: either the signaller sees the
 * sleeper, or the sleeper sees the new value. */
static void event_signal(fm_event *event)
{
    atomic_fetch_add(&event->value, 1);
    if (atomic_load(&event->sleepers) > 0) {
        fm_mutex_lock(&event->mutex);
        fm_condition_wake_all(&event->changed);
        fm_mutex_unlock(&event->mutex);
    }
}

/* Returns once the value is no longer `seen`. */
static void event_wait(fm_event *event, unsigned seen, unsigned spins)
{
    for (unsigned spin = 0; spin < spins; spin++) {
        if (atomic_load_explicit(&event->value, memory_order_acquire) != seen)
            return;
        spin_pause();
    }
    fm_mutex_lock(&event->mutex);
    atomic_fetch_add(&event->sleepers, 1);
    while (atomic_load(&event->value) == seen)
        fm_condition_wait(&event->changed, &event->mutex);
    atomic_fetch_sub(&event->sleepers, 1);
    fm_mutex_unlock(&event->mutex);
}

/* -- floating-point state -- */

#if defined(__x86_64__) || defined(__i386__)
fm_float_state fm_float_state_enter(void)
{
    unsigned saved = _mm_getcsr();
    _mm_setcsr(0x1F80); /* nearest, all exceptions masked, no flush to zero */
    return saved;
}
void fm_float_state_leave(fm_float_state saved)
{
    _mm_setcsr((unsigned)saved);
}
#elif defined(__aarch64__)
fm_float_state fm_float_state_enter(void)
{
    uint64_t saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" ::"r"(UINT64_C(0)));
    return saved;
}
void fm_float_state_leave(fm_float_state saved)
{
    __asm__ volatile("msr fpcr, %0" ::"r"(saved));
}
#else
#error "no floating-point control word known for this architecture"
#endif

/* -- barrier and team -- */

struct fm_barrier {
    fm_event released;
    _Alignas(64) atomic_uint arrived;
    unsigned spins;
};

typedef struct worker_start {
    size_t index;      /* as a member */
    unsigned run_seen; /* value of run_ready before its first run */
} worker_start;

typedef struct fm_team {
    fm_mutex busy; /* held for a whole run */
    bool initialised;
    size_t started; /* worker threads alive, till exit; worker i is member i + 1 */
    worker_start starts[FM_MAX_THREADS];
    fm_event run_ready, run_done;
    atomic_size_t unfinished; /* workers of this run that have not left the body */
    fm_barrier barrier;
    fm_team_body *body;
    void *argument;
    size_t count; /* members of this run */
} fm_team;

static fm_team team = {.busy = FM_MUTEX_INITIALIZER};

void fm_team_wait(const fm_member *self)
{
    if (self->count == 1)
        return;
    fm_barrier *barrier = self->barrier;
    unsigned seen = atomic_load_explicit(&barrier->released.value, memory_order_relaxed);
    if (atomic_fetch_add(&barrier->arrived, 1) + 1 == self->count) {
        atomic_store(&barrier->arrived, 0);
        event_signal(&barrier->released);
    } else {
        event_wait(&barrier->released, seen, barrier->spins);
    }
}

static void run_member(size_t index)
{
    fm_member self = {index, team.count, &team.barrier};
    fm_float_state saved = fm_float_state_enter();
    team.body(team.argument, &self);
    fm_float_state_leave(saved);
}

static void worker_main(void *start_pointer)
{
    const worker_start start = *(const worker_start *)start_pointer;
    unsigned seen = start.run_seen;
    unsigned spins = FM_SPINS;
    for (;;) {
        event_wait(&team.run_ready, seen, spins);
        seen = atomic_load(&team.run_ready.value);
        spins = team.barrier.spins;
        if (start.index >= team.count)
            spins = 0; /* not of this run: nothing soon to come for it */
        else
            run_member(start.index);
        /* Members that sit a run out report too, so that the caller may change the team. */
        if (atomic_fetch_sub(&team.unfinished, 1) == 1)
            event_signal(&team.run_done);
    }
}

/* The child of a fork has no workers, and its locks may have been held by threads that do
 * not exist there: begin anew. */
static void forget_team_in_child(void)
{
    fm_mutex_init(&team.busy);
    team.initialised = false;
    team.started = 0;
}

static void register_fork_handler(void)
{
    fm_at_fork(NULL, NULL, forget_team_in_child);
}

static bool start_worker(void)
{
    worker_start *start = &team.starts[team.started];
    *start = (worker_start){team.started + 1, atomic_load(&team.run_ready.value)};
    if (!fm_thread_start(worker_main, start))
        return false;
    team.started++;
    return true;
}

static void prepare_team(size_t count)
{
    static fm_once once = FM_ONCE_INITIALIZER;
    fm_call_once(&once, register_fork_handler);
    if (!team.initialised) {
        event_init(&team.run_ready);
        event_init(&team.run_done);
        event_init(&team.barrier.released);
        atomic_store(&team.barrier.arrived, 0);
        team.initialised = true;
    }
    while (team.started + 1 < count && start_worker())
        ;
}

void fm_team_run(size_t count, fm_team_body *body, void *argument)
{
    assert(count >= 1 && count <= FM_MAX_THREADS);
    if (count == 1 || !fm_mutex_trylock(&team.busy)) {
        fm_member alone = {0, 1, NULL};
        fm_float_state saved = fm_float_state_enter();
        body(argument, &alone);
        fm_float_state_leave(saved);
        return;
    }
    prepare_team(count);
    team.count = count < team.started + 1 ? count : team.started + 1;
    team.body = body;
    team.argument = argument;
    team.barrier.spins = team.count <= fm_usable_cpus() ? FM_SPINS : 0;
    atomic_store(&team.unfinished, team.started);
    unsigned seen = atomic_load(&team.run_done.value);
    if (team.started > 0)
        event_signal(&team.run_ready);
    run_member(0);
    if (team.started > 0)
        event_wait(&team.run_done, seen, team.barrier.spins);
    fm_mutex_unlock(&team.busy);
}
