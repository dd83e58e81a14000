/* SPDX-License-Identifier: Apache-2.0
 *
 * Stages: what a network is made of. A stage is a layer (or a copy, or the gathered input) and
 * the activations that follow it, which work in place on what it wrote. Each kind of layer is
 * one file with the same verbs; training and inference call the same forward.
 */
#ifndef FM_STAGE_H
#define FM_STAGE_H

#include <assert.h>

#include "../fastmlp.h"
#include "../kernels.h"
#include "../panel.h"
#include "../team.h"

typedef struct fm_parameter {
    size_t rows, columns;
    bool vector; /* its one row is a vector to those outside */
    fm_role role;
    bool exempt;      /* from weight decay */
    fm_packed packed; /* (rows, columns) in panels, and its slots */
    /* What training keeps besides, NULL where it does not. In panels as the parameter: the sum
     * of gradients since the last update, and the running average of the value. Adafactor's of
     * a matrix: (rows) and (columns), filled up to whole panels. */
    double *gathered, *average, *row_factors, *column_factors;
    size_t start; /* of its gradient where those of all parameters are stored */
    bool regularized, constrained;
    fm_regularizer regularizer;
    fm_constraint constraint;
    size_t first_unit, units; /* of its penalty, see regularize.c; 0 where there is none */
} fm_parameter;

/* Where row k of a panel lies in arrays in panels as the parameter. */
static inline size_t fm_place_in(const fm_parameter *parameter, size_t k, size_t panel)
{
    return panel * parameter->packed.panel_stride + k * FM_PANEL;
}

/* A batch of inputs listed by pairs of features, see kernels.h. */
typedef struct fm_pair_lists {
    fm_pair *entries; /* (pairs * batch) */
    fm_span *spans;   /* (pairs) */
} fm_pair_lists;

static inline size_t fm_pairs(size_t features)
{
    return (features + 1) / 2;
}

/* Rows listed by their non-zeros, see kernels.h. */
typedef struct fm_row_lists {
    double *values;
    uint32_t *places, *starts;
} fm_row_lists;

/* Scratch of one member, for the kernel that wants most. */
#define FM_SCRATCH FM_UPDATE_SCRATCH
static_assert(FM_SCRATCH >= FM_TRANSPOSE_SCRATCH, "matmul_transposed fits");

/* Some rows of a batch on their way through a stage. */
typedef struct fm_piece {
    const fm_kernels *kernels;
    const double *x; /* (rows, x_stride), what the stage before put out; or by lists: */
    size_t x_stride;
    const fm_pair_lists *lists; /* the batch by pairs, or NULL */
    const fm_row_lists *listed; /* rows by their non-zeros, or NULL */
    const uint8_t *active;      /* (pairs): which w rows of a listed batch may have to change */
    double *y, *slope, *dz;     /* (rows, stride of the stage); slope NULL: not wanted */
    double *costs;              /* (samples), of a stage that penalizes; NULL: not wanted */
    size_t first_row, rows;     /* of the stage: split for each sample */
    size_t batch;               /* samples of the batch, for backward */
    int64_t step;               /* of dropout, off if < 0 */
    bool training;              /* else as after training */
    bool keep_state;            /* training changes no state */
    double *scratch;            /* FM_SCRATCH; may be NULL for forward */
} fm_piece;

/* A member's part of a stage's parameters: rows and panels of its kernel, panels of vectors. */
typedef struct fm_part {
    fm_range k, panels, vectors;
} fm_part;

/* The panels of a vector that a part holds: a vector may have fewer than the stage. */
static inline fm_range fm_vector_part(const fm_parameter *vector, const fm_part *part)
{
    const size_t panels = fm_panels(vector->columns);
    const size_t begin = part->vectors.begin < panels ? part->vectors.begin : panels;
    return (fm_range){begin, part->vectors.end < panels ? part->vectors.end : panels};
}

typedef struct fm_stage fm_stage;

/* How a change of a row x changes a row y: by the matrix of derivatives, whose product with dz
 * backward is. */
typedef enum fm_derivative {
    FM_ANY_DERIVATIVE,       /* only backward knows; a row of y is of one of x */
    FM_NO_DERIVATIVE,        /* not at all */
    FM_LINEAR_DERIVATIVE,    /* as forward changes x; and y is linear in the parameters, too */
    FM_SYMMETRIC_DERIVATIVE, /* as backward changes dz */
} fm_derivative;

typedef struct fm_verbs {
    /* y of some panels from x, without activations. */
    void (*forward)(const fm_stage *stage, const fm_piece *piece, fm_range panels);
    /* dx (rows, dx_stride) of some panels of the stage before, from dz. */
    void (*backward)(const fm_stage *stage, const fm_piece *piece, double *dx, size_t dx_stride,
                     fm_range panels);
    /* The gradients of a part of the parameters, stored in panels from gradients[start] of each
     * on; if resume, their chains go on. NULL where there are none. */
    void (*gradient)(const fm_stage *stage, const fm_piece *piece, const fm_part *part,
                     double *gradients, bool resume);
    /* gradient and the step of a fused optimizer in one, or NULL. */
    void (*update)(const fm_stage *stage, const fm_piece *piece, const fm_part *part,
                   fm_optimizer_kind optimizer, const fm_update *update);
    fm_derivative derivative;
    bool any_columns;  /* backward and forward work on some columns as well as on all */
    bool reads_output; /* backward reads y: activations that follow work on a copy of it */
} fm_verbs;

struct fm_stage {
    const fm_verbs *verbs;
    size_t inputs, width;      /* of a row: (B * below_split, inputs) -> (B * split, width) */
    size_t below_split, split; /* rows of a sample: 1, but for samples of several axes */
    size_t panels, stride; /* of (B * split, width) buffers; an odd number of panels a row, so
                              that rows never fall on the same cache sets */
    const fm_operation *layer; /* NULL: input or copy */
    const fm_operation *activations;
    size_t activation_count;
    fm_parameter *parameters; /* (parameter_count), in the order of the public API */
    size_t parameter_count;
    bool trainable;
    /* Its gradients are formed of all rows at once: they cannot be resumed. */
    bool whole_gradient;
    /* Its gradients for a member read columns below that other members own. */
    bool crosses_columns;
    /* It needs the whole batch while training, column by column: rows in pieces will not do. */
    bool whole_batch;
    bool penalizes; /* activities cost something */
    /* Who computes: members own batch rows if the weights are small enough to be read by
     * all, else members own columns, whose weights then stay in their own caches. */
    bool by_rows;
    /* Training buffers, (batch * split, stride). slope is d out / d layer, NULL if no
     * activation follows; dz is the gradient with respect to what the layer put out. */
    double *y, *slope, *dz;
    double *costs[2]; /* (batch), those of the step before beside them: if it penalizes */
    double *moments;  /* whole_batch: (FM_MOMENTS, panels * FM_PANEL) of the batch */
};

extern const fm_verbs fm_dense_verbs;

/* What each layer needs to be known of before its memory is: width, split, parameters and
 * flags, from stage->layer, inputs and below_split; split is below_split already, and 0 says
 * that the layer cannot work on such rows. */
void fm_describe_copy(fm_stage *stage);
void fm_describe_dense(fm_stage *stage);
void fm_describe_softmax(fm_stage *stage);
void fm_describe_log_softmax(fm_stage *stage);
void fm_describe_sparsemax(fm_stage *stage);
void fm_describe_glu(fm_stage *stage);
void fm_describe_prelu(fm_stage *stage);
void fm_describe_batch_normalization(fm_stage *stage);
void fm_describe_row_normalization(fm_stage *stage);
void fm_describe_scaling(fm_stage *stage);
void fm_describe_standardization(fm_stage *stage);
void fm_describe_reshape(fm_stage *stage);
void fm_describe_transpose(fm_stage *stage);
void fm_describe_repeat(fm_stage *stage);
void fm_describe_embedding(fm_stage *stage);
void fm_describe_category_encoding(fm_stage *stage);
void fm_describe_discretization(fm_stage *stage);
void fm_describe_activity_regularization(fm_stage *stage);
#define FM_MOMENTS 6

/* Gives a batch normalization these moments in place of those of a batch: of (1, width) packed
 * mean and variance. */
void fm_set_moments(const fm_stage *stage, const double *mean, const double *variance,
                    double epsilon);
#define FM_STAGE_PARAMETERS 4 /* at most */

/* The split that makes rows of stage->width of so many numbers a sample, or 0. */
size_t fm_split_of(size_t numbers, size_t width);

/* Adds a parameter to a stage that is being described. */
fm_parameter *fm_add_parameter(fm_stage *stage, size_t rows, bool vector, fm_role role);

/* The bias that a dense layer leaves to what follows its product, which takes it along; or
 * NULL.
 */
const double *fm_stage_bias(const fm_stage *stage);

/* y of some panels from x, then the activations, and slope if wanted. */
void fm_stage_forward(const fm_stage *stage, const fm_piece *piece, fm_range panels);

/* The activations alone, for what the layer has put to y. The layer's bias comes first. */
void fm_stage_activate(const fm_stage *stage, const fm_piece *piece, fm_range panels);

/* The part of a packed parameter that begins at this row and panel. */
fm_packed fm_packed_at(const fm_packed *whole, size_t row, size_t panel);

/* Rows of the first parameter. */
static inline size_t fm_matrix_rows(const fm_stage *stage)
{
    return stage->parameter_count > 0 ? stage->parameters[0].rows : 0;
}

/* Zeros from column `width` of a row to the end of its panels. */
static inline void fm_clear_row(double *row, size_t width)
{
    const size_t end = fm_panels(width) * FM_PANEL;
    memset(row + width, 0, (end - width) * sizeof *row);
}

static inline fm_range fm_all_panels(const fm_stage *stage)
{
    return (fm_range){0, stage->panels};
}

#endif
