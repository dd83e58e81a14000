/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of Jacobians for those who use them up, as plain rows or in strips of columns; and the
 * passes up and down that make them, for products without rows.
 */
#ifndef FM_PULL_H
#define FM_PULL_H

#include "../network/network.h"

/* Columns of a strip: whole tiles of every instruction set. */
#define FM_STRIP ((size_t)24)

static inline size_t fm_strips(size_t columns)
{
    return (columns + FM_STRIP - 1) / FM_STRIP;
}

/* Samples that go through the stages together. */
#define FM_PULL_SAMPLES ((size_t)64)

/* One member's buffers. */
typedef struct fm_pull_lane {
    fm_stage *stages;  /* as the network's, with buffers of this lane */
    double *x;         /* (FM_PULL_SAMPLES, stages[0].stride) */
    double *scratch;   /* (FM_SCRATCH) */
    double *gradients; /* (gradient_size) of one sample, packed; if rows are wanted */
    double *row;       /* (P, filled up with zeros to whole strips); likewise */
} fm_pull_lane;

/* Row number (sample * split + row of outputs) * count + seed is of one seed of a row. */
typedef struct fm_pull_run {
    const fm_core *core;
    fm_source source;
    size_t samples, last; /* the stage whose outputs are meant */
    const double *seeds;  /* (samples * split, count, outputs), or NULL: unit vectors */
    size_t count, size;   /* rows of each row of outputs; P */
    double *rows;         /* (samples * split, count, P), or NULL */
    double *inputs;       /* (samples * split, count, F), or NULL */
    /* Or NULL: rows from number strips_first on, (strips, rows, FM_STRIP), the strips
     * strip_stride apart; columns past P become 0. */
    double *strips;
    size_t strips_first, strip_stride;
    bool no_rows;        /* nobody wants rows, only passes */
    fm_pull_lane *lanes; /* (members) */
} fm_pull_run;

/* All but where rows go and lanes. */
fm_pull_run fm_pull_prepare(const fm_network *network, const fm_data *data, bool graded,
                            const double *seeds, size_t count);

/* Lanes, from zeroed memory. */
void fm_pull_lay_out(fm_pull_run *run, fm_arena *arena, size_t members);

/* What all rows take. */
double fm_pull_fmas(const fm_pull_run *run);

/* The rows of some samples, by a member's lane. */
void fm_pull_samples(const fm_pull_run *run, size_t lane, fm_range samples);

/* A block of at most FM_PULL_SAMPLES samples up to stage `last`, the first of them being
 * `first`; and down again to stage `lowest`, from dz of stage `last` with respect to what that
 * stage put out. */
void fm_pull_forward(const fm_pull_run *run, const fm_pull_lane *lane, size_t first,
                     size_t samples);
void fm_pull_backward(const fm_pull_run *run, const fm_pull_lane *lane, size_t samples,
                      size_t lowest);

/* dz of stage `last`: seed `number` of row `row` of each sample's outputs, 0 in the others. */
void fm_pull_seeds(const fm_pull_run *run, const fm_pull_lane *lane, size_t first,
                   size_t samples, size_t row, size_t number);

/* Samples [first, first + samples) of the block in a lane, at stage s. */
fm_piece fm_pull_piece(const fm_pull_run *run, const fm_pull_lane *lane, size_t s, size_t first,
                       size_t samples);

#endif
