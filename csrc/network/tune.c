/* SPDX-License-Identifier: Apache-2.0
 *
 * An exploration goes over the ways round by round, each timed for some steps; the best of its
 * rounds counts, since whatever else the machine does only makes a way slower. One that is far
 * behind is out. The winner takes the place of the way in use if it is clearly faster, and not
 * in one round only: a CPU may change its speed in the middle. The next exploration comes when
 * the one before has become a small part of the time.
 */
#include <math.h>
#include <string.h>

#include "../machine.h"
#include "network.h"
#include "tune.h"

#define TRIAL_SECONDS 2e-3
/* Slower by this after two rounds: out. After one, memory may have been fresh, or another
 * process may have had the CPU. */
#define FAR_BEHIND 1.5
/* And not even tried in later explorations. */
#define NEVER_AGAIN 2.5
/* What is not faster by this is no reason to change. */
#define CLEARLY_FASTER 0.97
/* Time from one exploration to the next, in explorations; each pause is longer than the last.
 */
#define PAUSE 20.0
#define PAUSE_GROWTH 4.0

/* FMAs a second and member, until steps have been timed. */
#define ASSUMED_SPEED 1e10

static void begin_exploration(fm_tuned *job)
{
    size_t left = 0;
    const double best = job->trial[job->chosen].best;
    for (size_t i = 0; i < job->count; i++) {
        const double before = job->trial[i].best; /* 0 at first */
        job->trial[i] = (fm_trial){.best = before, .out = before > NEVER_AGAIN * best};
        left += !job->trial[i].out;
    }
    job->exploring = left > 1;
    job->round = 0;
    job->next = job->chosen;
    job->spent = 0;
    job->pause = INFINITY;
}

static bool same_job(const fm_tuned *job, size_t batch, double density)
{
    const double larger = fmax(job->density, density), smaller = fmin(job->density, density);
    return job->count > 0 && job->batch == batch && job->threads == fm_get_num_threads() &&
           (larger == smaller || larger - smaller <= 0.02 + 0.25 * larger);
}

/* The job of that batch and density, or the place of a new one. */
static fm_tuned *find_job(fm_tuner *tuner, size_t batch, double density)
{
    fm_tuned *oldest = &tuner->job[0];
    for (size_t i = 0; i < FM_TUNED_JOBS; i++) {
        fm_tuned *job = &tuner->job[i];
        if (same_job(job, batch, density))
            return job;
        if (job->used < oldest->used)
            oldest = job;
    }
    oldest->count = 0;
    return oldest;
}

static void make_job(fm_tuned *job, training_run *run, fm_tuning how, double density)
{
    *job = (fm_tuned){.batch = run->batch,
                      .threads = fm_get_num_threads(),
                      .density = density,
                      .factor = PAUSE};
    job->count = fm_list_ways(run, how, density, job->way);
    begin_exploration(job);
}

fm_status fm_tuned_job(fm_tuner *tuner, training_run *run, fm_tuned **found)
{
    fm_core *core = run->core;
    const double density = fm_density(core, &run->source, run->order, run->count);
    fm_tuned *job =
        run->only_gradient ? &tuner->gradient : find_job(tuner, run->batch, density);
    if (run->only_gradient || job->count == 0)
        make_job(job, run, tuner->how, density);
    job->used = ++tuner->calls;
    *found = job;
    /* the way by rule last: what it needs is there when the others have failed, too */
    fm_status status = FM_OK;
    for (size_t i = job->count; i-- > 0;) {
        status = fm_prepare_workspace(core, &job->way[i]);
        if (status != FM_OK) {
            job->count = 1;
            job->chosen = 0;
            begin_exploration(job);
            i = i > 0 ? 1 : 0;
        }
    }
    return status;
}

/* Steps that make a trial: some milliseconds of work, two steps unless one is long, since the
 * first of them gathers its rows with nobody to wait for. */
static size_t trial_steps(const fm_tuned *job, const training_run *run)
{
    const double known = job->trial[job->chosen].best * (double)job->batch;
    const double step = known > 0 ? known
                                  : fm_step_fmas(run->core, job->batch) / ASSUMED_SPEED /
                                        (double)job->way[job->chosen].members;
    const double steps = ceil(TRIAL_SECONDS / step);
    return steps > 500 ? 500 : steps > 2 ? (size_t)steps : step > 10 * TRIAL_SECONDS ? 1 : 2;
}

size_t fm_next_way(const fm_tuner *tuner, const fm_tuned *job, training_run *run)
{
    run->end = run->steps;
    if (tuner->how == FM_TUNE_TURNS) {
        run->end = run->begin + 1;
        return ((uint64_t)run->first_step + run->begin) % job->count;
    }
    if (!job->exploring)
        return job->chosen;
    const size_t steps = trial_steps(job, run), done = job->trial[job->next].steps;
    const size_t left = steps > done ? steps - done : 1;
    if (left < run->steps - run->begin)
        run->end = run->begin + left;
    return job->next;
}

/* Whether a way is clearly faster than another, and was faster in two rounds of both. */
static bool beats(const fm_trial *trial, const fm_trial *other)
{
    int won = 0;
    for (size_t i = 0; i < FM_ROUNDS; i++)
        won += trial->round[i] < other->round[i];
    return trial->best < CLEARLY_FASTER * other->best && won >= 2;
}

/* Ends an exploration: the fastest way is chosen if it is clearly faster. */
static void choose(fm_tuned *job)
{
    size_t fastest = job->chosen;
    for (size_t i = 0; i < job->count; i++)
        if (!job->trial[i].out && job->trial[i].best < job->trial[fastest].best)
            fastest = i;
    if (beats(&job->trial[fastest], &job->trial[job->chosen]))
        job->chosen = fastest;
    job->exploring = false;
    job->pause = job->factor * job->spent;
    job->factor *= PAUSE_GROWTH;
}

/* After a round: who is far behind is out. */
static void end_round(fm_tuned *job)
{
    const double limit = job->round == 0 ? INFINITY : FAR_BEHIND;
    double best = INFINITY;
    size_t left = 0;
    for (size_t i = 0; i < job->count; i++)
        if (!job->trial[i].out)
            best = fmin(best, job->trial[i].best);
    for (size_t i = 0; i < job->count; i++) {
        job->trial[i].out = job->trial[i].out || job->trial[i].best > limit * best;
        left += !job->trial[i].out;
    }
    while (job->trial[job->next].out) /* from the way in use on, where rounds begin */
        job->next = (job->next + 1) % job->count;
    if (++job->round == FM_ROUNDS || left == 1)
        choose(job);
}

/* A way has been timed for long enough in this round. */
static void end_trial(fm_tuned *job)
{
    fm_trial *trial = &job->trial[job->next];
    const double found = trial->seconds / (double)trial->rows;
    trial->round[job->round] = found;
    trial->best = job->round > 0 ? fmin(trial->best, found) : found;
    trial->seconds = 0;
    trial->rows = trial->steps = 0;
    const size_t first = job->chosen; /* rounds begin with the way in use */
    do {
        job->next = (job->next + 1) % job->count;
        if (job->next == first) {
            end_round(job);
            return;
        }
    } while (job->trial[job->next].out);
}

void fm_note_time(const fm_tuner *tuner, fm_tuned *job, const training_run *run, size_t way,
                  double seconds)
{
    if (tuner->how != FM_TUNE_MEASURE || run->only_gradient)
        return;
    if (!job->exploring) {
        job->pause -= seconds;
        if (job->pause < 0)
            begin_exploration(job);
        return;
    }
    fm_trial *trial = &job->trial[way];
    trial->seconds += seconds;
    trial->steps += run->end - run->begin;
    for (size_t step = run->begin; step < run->end; step++)
        trial->rows += fm_rows_of_step(run, step);
    job->spent += seconds;
    if (trial->steps >= trial_steps(job, run))
        end_trial(job);
}

/* -- the public calls -- */

static const char *const names[] = {"0", "1", "lists", "dense", "whole", "turns"};

fm_status fm_network_tune(fm_network *network, const char *how)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(how, names[i]) != 0)
            continue;
        fm_mutex_lock(&network->lock);
        network->tuner = (fm_tuner){.how = (fm_tuning)i};
        fm_mutex_unlock(&network->lock);
        return FM_OK;
    }
    return FM_ERROR_ARGUMENT;
}

fm_status fm_network_way(fm_network *network, size_t index, fm_way *way)
{
    fm_status status = FM_ERROR_ARGUMENT;
    fm_mutex_lock(&network->lock);
    for (size_t j = 0; j < FM_TUNED_JOBS; j++) {
        const fm_tuned *job = &network->tuner.job[j];
        if (index < job->count) {
            const training_way *found = &job->way[index];
            *way = (fm_way){.batch = found->batch,
                            .pass_rows = found->pass_rows,
                            .members = found->members,
                            .density = job->density,
                            .by_lists = found->sparse,
                            .chosen = job->chosen == index,
                            .row_seconds = job->trial[index].best};
            status = FM_OK;
            break;
        }
        index -= job->count;
    }
    fm_mutex_unlock(&network->lock);
    return status;
}
