/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread team: own POSIX threads, one team a process, knowing nothing of layers.
 *
 * Threads are started at the first fm_team_run that wants more than one, never at load, and
 * sleep between runs. A forked child forgets the team and starts its own when it needs one.
 * Waiting spins briefly only if there are at least as many usable CPUs as members, then
 * sleeps, so that neither an idle nor an oversubscribed team burns the machine.
 */
#ifndef FM_TEAM_H
#define FM_TEAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fm_barrier fm_barrier;

/* Member `index` of `count` that run one body together. */
typedef struct fm_member {
    size_t index, count;
    fm_barrier *barrier;
} fm_member;

typedef void fm_team_body(void *argument, const fm_member *self);

/* Runs body(argument, self) on up to `count` members, the caller being member 0, and returns
 * when all are done. If the team is busy with another caller's run, or threads cannot be
 * started, fewer members run: a body must do all the work whatever self->count is. Every
 * member runs under round-to-nearest with subnormals kept, and the caller's floating-point
 * state is restored afterwards. */
void fm_team_run(size_t count, fm_team_body *body, void *argument);

/* The floating-point state that the numerics contract asks for (nearest, subnormals kept), for
 * arithmetic outside of a run; leave restores what enter returned. */
typedef uint64_t fm_float_state;
fm_float_state fm_float_state_enter(void);
void fm_float_state_leave(fm_float_state saved);

/* Blocks until all members of the run have called it; what they wrote before is visible. */
void fm_team_wait(const fm_member *self);

/* The contiguous share [begin, end) of `items` that belongs to a member. */
typedef struct fm_range {
    size_t begin, end;
} fm_range;

static inline fm_range fm_team_share(size_t items, const fm_member *self)
{
    return (fm_range){items * self->index / self->count,
                      items * (self->index + 1) / self->count};
}

/* At most `most` items from `begin` on, of those before `end`. */
static inline fm_range fm_rows_from(size_t begin, size_t most, size_t end)
{
    return (fm_range){begin, end - begin < most ? end : begin + most};
}

#endif
