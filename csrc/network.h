/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of a network, shared by network.c, train.c and infer.c.
 */
#ifndef FM_NETWORK_H
#define FM_NETWORK_H

#include <assert.h>
#include <pthread.h>

#include "arena.h"
#include "kernels.h"
#include "panel.h"
#include "team.h"

typedef enum fm_stage_kind {
    FM_STAGE_INPUT,
    FM_STAGE_DENSE,
    FM_STAGE_SOFTMAX,
    FM_STAGE_COPY, /* for elementwise operations after a softmax, whose output its gradient
                      needs */
} fm_stage_kind;

typedef struct fm_parameter {
    size_t rows, columns;
    bool vector;      /* its one row is a vector to those outside */
    fm_packed packed; /* (rows, columns) in panels, and its slots */
    size_t start;     /* of its gradient where those of all parameters are stored */
} fm_parameter;

/* A stage is a product, softmax or copy (stage 0: the gathered input) and the elementwise
 * operations that follow it, which work in place on what it wrote. */
typedef struct fm_stage {
    fm_stage_kind kind;
    size_t inputs, width;  /* (B, inputs) -> (B, width) */
    size_t panels, stride; /* of (B, width) buffers; an odd number of panels a row, so that
                              rows never fall on the same cache sets */
    const fm_operation *elementwise;
    size_t elementwise_count;
    fm_parameter *kernel, *bias; /* FM_STAGE_DENSE; bias may be NULL */
    bool trainable;
    /* Who computes: members own batch rows if the weights are small enough to be read by
     * all, else members own columns, whose weights then stay in their own caches. */
    bool by_rows;
    /* Training buffers, (batch, stride). slope (B, width) is d out / d product, NULL if no
     * elementwise operation follows; dz is the gradient with respect to the product. */
    double *y, *slope, *dz;
} fm_stage;

/* A batch of inputs listed by pairs of features, see kernels.h. */
typedef struct fm_pair_lists {
    fm_pair *entries; /* (pairs * batch) */
    fm_span *spans;   /* (pairs) */
} fm_pair_lists;

static inline size_t fm_pairs(size_t features)
{
    return (features + 1) / 2;
}

/* Scratch of one member, for the kernel that wants most. */
#define FM_SCRATCH FM_UPDATE_SCRATCH
static_assert(FM_SCRATCH >= FM_TRANSPOSE_SCRATCH, "matmul_transposed fits");

/* One part of a workspace: memory of its own, which only grows, so that calls that alternate
 * between ways of training allocate nothing. */
typedef struct fm_room {
    fm_arena arena;
    size_t rows, threads; /* laid out for */
} fm_room;

/* Buffers of training. Those used from one step to the next are double. */
typedef struct fm_workspace {
    fm_room batch_room, activation_room, dense_room, list_room, gradient_room;
    bool sparse;            /* this call */
    bool in_blocks;         /* this call, see blocks.c: activations are of (threads *
                               FM_TAIL_ROWS) rows */
    double *gradients;      /* (1 + threads, gradient_size): the sum, each member's */
    double *x[2];           /* (rows, stages[0].stride), if not sparse */
    fm_pair_lists lists[2]; /* if sparse; capacity list_room.rows */
    double *losses[2];      /* (batch) */
    double *scale[2];       /* (batch) weight of each row's loss and gradient */
    int32_t *labels;        /* (batch) */
    const double **targets; /* (batch) pointers to rows of the caller's targets */
    double *scratch;        /* (threads, FM_SCRATCH) */
    fm_pair *pair_scratch;  /* (threads, FM_PAIR_SCRATCH), if sparse */
} fm_workspace;

void fm_workspace_free(fm_workspace *space);

/* Buffers of inference: each member pushes blocks of rows through all stages. */
typedef struct fm_lane {
    double *x;    /* (FM_LANE_ROWS, stages[0].stride) */
    double *y[2]; /* (FM_LANE_ROWS, widest stride): a stage reads one and writes the other */
    double *dy;   /* (FM_LANE_ROWS, last stride): the loss kernel's scratch */
    /* if the first product is by lists */
    fm_entry *entries;     /* (inputs), for a few rows */
    fm_pair_lists lists;   /* capacity FM_LANE_ROWS, for more */
    fm_pair *pair_scratch; /* FM_PAIR_SCRATCH */
} fm_lane;

#define FM_LANE_ROWS 48

struct fm_network {
    struct fm_network *next, *previous; /* in the list of all networks, see network.c */
    pthread_mutex_t lock;               /* held by every call that uses what follows */
    const fm_kernels *kernels;
    size_t inputs, outputs;
    fm_operation *operations;
    double scale, offset; /* of a leading rescaling, folded into the gather */
    double table[256];    /* byte -> value under that rescaling */
    bool trains;
    fm_loss loss;
    fm_optimizer optimizer;
    size_t slots; /* of the optimizer, per parameter */
    fm_stage *stages;
    size_t stage_count;
    fm_parameter *parameters;
    size_t parameter_count;
    size_t gradient_size; /* doubles of all packed parameters */
    fm_arena memory;      /* parameters, slots, active */
    uint8_t *active; /* (pairs): which pairs of the first kernel's rows may have slots that are
                        not 0 */
    fm_workspace workspace;
    fm_arena lane_memory, lane_list_memory;
    fm_lane *lanes;                     /* (lane_count), allocated with lane_memory */
    size_t lane_count, lane_list_count; /* the first so many lanes have lists, too */
};

static inline const fm_stage *fm_last_stage(const fm_network *network)
{
    return &network->stages[network->stage_count - 1];
}

/* The caller's x as the gather kernels take it. */
fm_source fm_network_source(const fm_network *network, const fm_data *data);

/* Members worth waking, at most the threads set, for `fmas` fused multiply-adds between two
 * meetings and `total` of them in the whole call. */
size_t fm_members_for(double fmas, double total);

/* Whether rows of that many doubles, one behind the other, share few cache sets: their stride
 * is then a multiple of 1 KB. */
static inline bool fm_rows_collide(size_t columns)
{
    return columns % 128 == 0;
}

/* Fused multiply-adds of one row's forward pass. */
double fm_network_row_fmas(const fm_network *network);

/* Whether the first product should be driven by lists of non-zeros: judged on a sample of
 * the rows order[0 .. count), NULL meaning 0, 1, 2 ... Both ways give the same bits. */
bool fm_network_prefers_sparse(const fm_network *network, const fm_source *source,
                               const int64_t *order, size_t count);

/* Sets by_rows of all stages. A first product by lists is always owned by columns. */
void fm_network_choose_owners(fm_network *network, bool sparse);

/* y = elementwise operations of `stage` applied to rows [0, rows), panels [first, last) of y
 * and slope (NULL when not training), both with the stage's stride; batch row of the first
 * row for dropout, which is off if step < 0. Bias first. */
void fm_stage_finish(const fm_network *network, const fm_stage *stage, double *y, double *slope,
                     size_t first_row, size_t rows, fm_range panels, int64_t step);

#endif
