/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing by measuring. Ways of training give the same bits, so which one is taken is a matter
 * of time alone: ways.c lists those that a run may take, tune.c times them in its first steps
 * and keeps the fastest.
 */
#ifndef FM_TUNE_H
#define FM_TUNE_H

#include "../step/step.h"

/* How ways are chosen; fm_network_tune tells them by name. */
typedef enum fm_tuning {
    FM_TUNE_FIXED,   /* by rule */
    FM_TUNE_MEASURE, /* by rule at first, then by time */
    FM_TUNE_LISTS,   /* the first product by lists wherever that is possible */
    FM_TUNE_DENSE,   /* never */
    FM_TUNE_WHOLE,   /* never, and all rows of a batch in one pass */
    FM_TUNE_TURNS,   /* another way each step */
} fm_tuning;

/* Lists and two sizes of dense passes, each on two numbers of members. */
#define FM_MOST_WAYS 6

/* Steps so far of a way in a round, seconds a row in the rounds of the last exploration and the
 * best of these. */
#define FM_ROUNDS 3
typedef struct fm_trial {
    double seconds;
    size_t rows, steps;
    double round[FM_ROUNDS], best; /* 0: not known */
    bool out;                      /* too slow to be tried again */
} fm_trial;

/* The ways of one job, way[0] being that by rule, and what is known of them. */
typedef struct fm_tuned {
    size_t batch, threads; /* the job, with the density of its rows: */
    double density;
    training_way way[FM_MOST_WAYS];
    fm_trial trial[FM_MOST_WAYS];
    size_t count, chosen;
    bool exploring;
    size_t round, next;  /* while exploring: the way to be timed next */
    double spent, pause; /* seconds: of the exploration; until the next one */
    double factor;       /* by which pauses grow */
    uint64_t used;       /* when, counted in calls */
} fm_tuned;

/* Jobs remembered: a new one takes the place of the one that was used longest ago. */
#define FM_TUNED_JOBS 4

typedef struct fm_tuner {
    fm_tuning how;
    fm_tuned job[FM_TUNED_JOBS];
    fm_tuned gradient; /* of a run that only forms one */
    uint64_t calls;
} fm_tuner;

/* -- ways.c -- */

/* Lists to way[] those that a run over rows of a density may take; returns how many, at least
 * one. */
size_t fm_list_ways(training_run *run, fm_tuning how, double density, training_way *way);

/* Makes the run, from its step begin on, one of that way, whose memory is prepared. */
fm_status fm_take_way(training_run *run, const training_way *way);

/* Fused multiply-adds of a step: forward, gradient by inputs and by weights, and the
 * optimizer's some 20 a parameter. */
double fm_step_fmas(const fm_core *core, size_t batch);

/* -- tune.c -- */

/* The job of a run, with memory for all of its ways: a way for which there is none is left
 * out. */
fm_status fm_tuned_job(fm_tuner *tuner, training_run *run, fm_tuned **job);

/* The way of the next steps, [run->begin, run->end) of them. */
size_t fm_next_way(const fm_tuner *tuner, const fm_tuned *job, training_run *run);

/* They have been run that way and took so long. */
void fm_note_time(const fm_tuner *tuner, fm_tuned *job, const training_run *run, size_t way,
                  double seconds);

#endif
