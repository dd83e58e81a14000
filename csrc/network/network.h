/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a network: what computes, with a lock, memory, and lanes for inference.
 */
#ifndef FM_NETWORK_H
#define FM_NETWORK_H

#include "../step/step.h"
#include "../system.h"
#include "tune.h"

/* Buffers of inference: each member pushes blocks of rows through all stages. */
typedef struct fm_lane {
    double *x;    /* (lane_rows, stages[0].stride) */
    double *y[2]; /* (lane_rows, widest split * stride): a stage reads one, writes the other */
    double *dy;   /* (lane_rows, last stride): the loss kernel's scratch */
    fm_row_lists listed; /* FM_LANE_ROWS, if the first product is by lists */
} fm_lane;

#define FM_LANE_ROWS 48

struct fm_network {
    struct fm_network *next, *previous; /* in the list of all networks, see forks.c */
    fm_mutex lock;                      /* held by every call that uses what follows */
    fm_core core;
    fm_tuner tuner;
    fm_operation *operations;
    fm_arena memory; /* parameters, slots, active, moments of whole-batch stages */
    fm_arena lane_memory, lane_list_memory;
    fm_lane *lanes;                     /* (lane_count), allocated with lane_memory */
    size_t lane_count, lane_list_count; /* the first so many lanes have lists, too */
    size_t lane_rows;                   /* FM_LANE_ROWS, or a whole set that goes as one */
};

/* Whether these samples are coded, so many of them at least; and a run that reads them so. */
bool fm_coded_fits(const fm_coded *coded, size_t rows, size_t features);
void fm_read_coded(training_run *run, const fm_coded *coded);

/* Puts a network among those that a fork waits for, and takes it out again if it is there. */
void fm_enlist(fm_network *network);
void fm_delist(fm_network *network);

#endif
