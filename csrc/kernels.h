/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of kernels: the contract of each, once. kernels/table.c implements them, compiled
 * once per instruction set; every object exports one symbol, its table.
 *
 * Letters: B batch rows, K reduced width (features of a layer's input), N output columns.
 * A micropanel ("panel") holds FM_PANEL columns of a matrix (K, N), row after row:
 *
 *     panel 0: w[0][0..8) w[1][0..8) ... w[K-1][0..8)     panel 1: w[0][8..16) ...
 *
 * Panels lie panel_stride doubles apart (K * FM_PANEL where nothing else is said). Columns
 * past N are padding: zero in parameters and gradients, where they stay zero; finite but
 * otherwise unspecified in activations, which no reduction reads there. Row-major activations
 * (B, N) have a row stride that is a multiple of FM_PANEL.
 *
 * Common to all: every element of a product is one chain of fused multiply-adds that starts
 * from +0 and takes the reduced index in ascending order. Pointers to different arrays do not
 * alias. Zero sizes are allowed: an empty sum is 0, and else nothing is done. Values are
 * finite where skipping zeros or sharing divisions has to be exact.
 */
#ifndef FM_KERNELS_H
#define FM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalog.h"
#include "types.h"

#define FM_PANEL 8

/* A sum over more batch rows (a weight gradient) is formed of the chains of blocks of this
 * many, added by a binary tree: blocks 2i and 2i + 1, then those sums, and so on; a block
 * without a partner goes up as it is. */
#define FM_GRADIENT_BLOCK 1024

static inline size_t fm_gradient_blocks(size_t rows)
{
    return (rows + FM_GRADIENT_BLOCK - 1) / FM_GRADIENT_BLOCK;
}

/* In a narrow network blocks have so many rows, and kernels get one block at a time: dense
 * layers have all its parameters, no more numbers than that with padding, and each sample is
 * one row. Members then own rows through all stages from the second block on. 20-64-64-1, two
 * cores (Zen 4), an epoch of 100,000 rows in ms, AVX-512: batch 128 58 with blocks of 1,024
 * rows and 50 with 64, 256 52 and 47, 512 56 and 54, 1,024 level; AVX2: 64 and 53, 56 and 48.
 * Networks of more parameters lost up to 5 %, since each block adds all of them. */
#define FM_NARROW_BLOCK 64
#define FM_NARROW_PARAMETERS 8192

/* Sums of the tree over so many blocks that are needed at once, one a level: sum l is that of
 * 2^l blocks where bit l of the number of blocks so far is set, as in counting. */
static inline size_t fm_tree_levels(size_t blocks)
{
    size_t levels = 0;
    for (; blocks > 0; blocks >>= 1)
        levels++;
    return levels;
}

/* Cache blocks of the products. FM_DEPTH_BLOCK of the reduced index at a time, so that a panel
 * block (16 KB) stays in L1 over the rows of an FM_ROW_BLOCK, whose block of x (192 KB) stays
 * in L2. */
#define FM_DEPTH_BLOCK 256
#define FM_ROW_BLOCK 96

/* Where several panels beside each other are multiplied at once, their blocks come from L2
 * anyway, and a longer block of the reduced index stores and loads y less often: as long as the
 * L2 of this CPU has room for, FM_DEPTH_BLOCK to FM_LONGEST_BLOCK. Set before any kernels are
 * found. */
#define FM_LONGEST_BLOCK 512
extern size_t fm_strip_depth;

/* Scratch that matmul_transposed wants: one panel block, in doubles. */
#define FM_TRANSPOSE_SCRATCH (FM_PANEL * FM_DEPTH_BLOCK)

/* Scratch that update_* want, in doubles: a block of x, packed, that stays in L2. */
#define FM_UPDATE_SCRATCH 24576

/* Rows by their non-zeros (of the source; a scale may make them 0, which changes no sum), one
 * row behind the other, each in blocks of so many features: of row b and block i of n the
 * entries [starts[b n + i], starts[b n + i + 1]), ascending in feature: values[e], and
 * places[e] = 8 times the feature, where its row begins in a panel. Up to FM_PANEL entries
 * behind the last may be written. 112 features by four panels are 28 KB of weights, which stay
 * in L1 while all rows pass: a flagship row took 965 to 974 ns with 112 to 196, 1,010 with 80,
 * 1,037 with 64. */
#define FM_LIST_BLOCK 112
#define FM_LIST_FEATURES (1 << 24) /* at most: places and starts of a few rows are 32 bits */

static inline size_t fm_list_blocks(size_t features)
{
    return features > 0 ? (features + FM_LIST_BLOCK - 1) / FM_LIST_BLOCK : 1;
}

/* Features 2p and 2p + 1 of batch row `row`, not both zero in the source (a scale may make them
 * so, which changes no sum). Behind the last of an odd number
 * of features the second value is 0. */
typedef struct fm_pair {
    double value[2];
    size_t row;
} fm_pair;

/* A batch is listed by pairs p of features: entries[begin .. begin + count) of spans[p],
 * ascending in row. */
typedef struct fm_span {
    size_t begin, count;
} fm_span;

/* Scratch that gather_pairs wants, in entries: FM_PAIR_BLOCK lists of up to 256 rows, or fewer
 * and longer ones. 16 pairs are four lines of a float64 row: with half as many a batch of 128
 * took 408 us a step instead of 381, with twice as many one of 32 took 138 instead of 135. */
#define FM_PAIR_BLOCK 16
#define FM_PAIR_SCRATCH 4096

/* One optimizer step, as the optimizer's prepare kernel makes it of rate and step number. What
 * meets vectors is repeated over a panel, so that kernels use it as memory operands: registers
 * are short where Adam runs. The formulas (optimizers.h) name the places. */
#define FM_CONSTANTS 7
typedef struct fm_update {
    double constant[FM_CONSTANTS][FM_PANEL];
    bool shared_division;  /* Adam: rows 2i and 2i + 1 may share one, epsilon being no tiny
                              number */
    bool divider_is_limit; /* Adam: roots and divisions by FMAs, where that is an alternative,
                              beside products by lists; the same bits */
    unsigned variant;      /* which of the optimizer's, by its options */
    double row_mean;       /* Adafactor: the mean of a matrix's row factors, see apply */
} fm_update;

/* A parameter matrix (K, N) in panels with its optimizer slots, all of one layout; NULL for
 * slots that the optimizer does not have. */
typedef struct fm_packed {
    double *value, *slot[FM_MAX_SLOTS];
    size_t panel_stride;
} fm_packed;

/* A row of samples that have few different values: its pairs p of features that are not both
 * zero, ascending, each as p << 16 | code of feature 2p + 1 << 8 | code of 2p. The codes of a
 * set number its values; 0 is +0, also behind the last of an odd number of features. */
typedef struct fm_coded_row {
    const uint32_t *entries;
    size_t count;
} fm_coded_row;
#define FM_MOST_CODES 256
#define FM_MOST_CODED_PAIRS 65536

/* The codes of values: that of a value with the bits b is code[b multiplier >> 48], if bits of
 * that code are b; else it has none. No two values with codes share a place, and +0 has place
 * 0. */
#define FM_CODE_PLACES 65536
typedef struct fm_codes {
    uint64_t multiplier;
    uint64_t bits[FM_MOST_CODES];
    uint8_t code[FM_CODE_PLACES];
} fm_codes;

static inline size_t fm_code_place(uint64_t multiplier, uint64_t bits)
{
    return (size_t)(bits * multiplier >> 48);
}

/* How rows become float64: y = x * scale + offset, two roundings. A sparse source has row r's
 * values at x[indptr[r] .. indptr[r + 1]), float64, and their features, ascending, at the same
 * places of indices; what is out of order or range there is left out, so that nothing is read
 * or written out of bounds. */
typedef struct fm_source {
    const void *x; /* (rows of the set, features) of dtype, or the values of a sparse source */
    fm_dtype dtype;
    size_t features;
    double scale, offset;
    const double *table;    /* (256) the value of each byte, where they are FM_UINT8, or code */
    const int64_t *indptr;  /* (rows of the set + 1), or NULL: x is dense */
    const int32_t *indices; /* of a sparse source */
    const fm_coded_row *coded; /* (rows of the set), read in place of x, or NULL */
} fm_source;

/* Element `at` of a caller's dense array, as it is there. */
static inline double fm_raw_value(const void *x, fm_dtype dtype, size_t at)
{
    switch (dtype) {
    case FM_FLOAT64:
        return ((const double *)x)[at];
    case FM_FLOAT32:
        return (double)((const float *)x)[at];
    case FM_UINT8:
        return ((const uint8_t *)x)[at];
    }
    return 0;
}

/* Columns that share something, a slope or a mask: of `columns`, as (outer, shared, inner),
 * those of equal outer and inner. Nothing is shared where `shared` is 1. */
typedef struct fm_sharing {
    size_t columns, shared, inner;
} fm_sharing;

/* The number of what column j has. */
static inline size_t fm_shared_column(fm_sharing sharing, size_t j)
{
    return j / (sharing.shared * sharing.inner) * sharing.inner + j % sharing.inner;
}

/* Where activations work: rows [0, rows) of a block of `panels` panels. y is replaced by
 * f(y + bias); slope, unless NULL, becomes f' if `first`, else it is multiplied by f'. So the
 * first activation behind a product takes the bias along, in one pass. */
typedef struct fm_block {
    double *y, *slope; /* (rows, panels * FM_PANEL), row strides `stride` */
    size_t stride, rows, panels;
    const double *bias; /* (panels * FM_PANEL), NULL: none */
    bool first;
    /* for what draws random numbers: key, step, batch row of the first row, first column (a
     * multiple of FM_PANEL) */
    uint64_t seed, step;
    size_t first_row, first_column;
} fm_block;

/* One loss for some rows. */
typedef struct fm_loss_rows {
    const double *y; /* (rows, stride) outputs, K = outputs of them used */
    size_t stride, rows, outputs;
    const int32_t *labels;        /* (rows) for losses that take labels */
    const double *const *targets; /* (rows) pointers to (K) for the others */
    const double *scale; /* (rows) factor of each row's gradient, or NULL: no gradient */
    double *dy;          /* (rows, stride) gradient with respect to y; scratch if none */
    double *losses;      /* (rows) */
} fm_loss_rows;

/* clang-format off */
#define FM_KERNELS(X)                                                                          \
    /* y (rows, panels * 8) = x (rows, depth) w (depth, panels * 8); w in panels. If resume,    \
     * the chains go on from y. */                                                              \
    X(void, matmul,                                                                            \
      (double *y, size_t y_stride, const double *x, size_t x_stride, const double *w,          \
       size_t panel_stride, size_t rows, size_t depth, size_t panels, bool resume))            \
    /* matmul by eight columns of a plain w (depth, w_stride); leaves them in panel (depth, 8); rows > 0. */ \
    X(void, matmul_packing,                                                                    \
      (double *y, size_t y_stride, const double *x, size_t x_stride, double *panel,            \
       const double *w, size_t w_stride, size_t rows, size_t depth, bool resume))              \
    /* t (columns, rows) = w (rows, columns)^T, both plain. */                                 \
    X(void, transpose,                                                                         \
      (double *t, size_t t_stride, const double *w, size_t w_stride, size_t rows,              \
       size_t columns))                                                                        \
    /* y (rows, panels * 8) = x (rows, depth) w^T: column j of y belongs to row j of w, for the \
     * w rows [0, panels * 8) seen from w; depth counts columns of w. Rows of w from w_rows on \
     * are taken as zero. scratch: FM_TRANSPOSE_SCRATCH doubles, 64-byte aligned.           */ \
    X(void, matmul_transposed,                                                                 \
      (double *y, size_t y_stride, const double *x, size_t x_stride, const double *w,          \
       size_t panel_stride, size_t w_rows, size_t rows, size_t depth, size_t panels,           \
       double *scratch))                                                                       \
    /* g (depth, panels * 8) = x^T (depth, rows) dz (rows, panels * 8), in panels of the stride  \
     * given. If resume, the chains go on from g, and rows + those before are at most            \
     * FM_GRADIENT_BLOCK; else more rows are summed as it says. x_stride may be 0 (a bias: x =    \
     * {1}, depth 1). scratch: FM_UPDATE_SCRATCH doubles, 64-byte aligned. */                     \
    X(void, gradient,                                                                          \
      (double *g, size_t panel_stride, const double *x, size_t x_stride, const double *dz,     \
       size_t dz_stride, size_t rows, size_t depth, size_t panels, bool resume,                \
       double *scratch))                                                                       \
    /* The same for rows listed by pairs, at most FM_GRADIENT_BLOCK of them. */                 \
    X(void, sparse_gradient,                                                                   \
      (double *g, size_t panel_stride, const fm_pair *entries, const fm_span *spans,           \
       const double *dz, size_t dz_stride, size_t depth, size_t panels, bool resume))                       \
    /* The sum of the squares of count = 8 n numbers, by eight lanes and the tree of sum_lanes. */ \
    X(double, squares, (const double *g, size_t count))                                        \
    /* Adafactor's factors of a matrix by its gradient g, with b = beta_2 of the step: f[k] = b   \
     * f[k] + (1 - b) (mean over the columns of g[k]^2 + epsilon_1) for w rows [0, depth), summed  \
     * as squares does; f[j] likewise by the means over depth > 0 rows, each sum one chain. */    \
    X(void, row_factors,                                                                       \
      (double *factors, const double *g, size_t panel_stride, size_t depth, size_t columns,    \
       const fm_update *update))                                                               \
    X(void, column_factors,                                                                    \
      (double *factors, const double *g, size_t panel_stride, size_t depth, size_t panels,     \
       const fm_update *update))                                                               \
    /* g *= factor; g = clipped to [-limit, limit], NaN kept; count = 8 n. */                   \
    X(void, multiply_by, (double *g, size_t count, double factor))                             \
    X(void, clip, (double *g, size_t count, double limit))                                     \
    /* The sum of l1 |w| + l2 w^2 over count = 8 n numbers, by eight lanes and the tree of        \
     * sum_lanes; and, where they are rows of a panel with so many columns, g += l1 s + 2 l2 w,     \
     * s = -1 where w < 0, else 1. Padding is 0 and stays so. */                                \
    X(double, penalty, (const double *w, size_t count, double l1, double l2))                  \
    X(void, regularize,                                                                        \
      (double *g, const double *w, size_t count, size_t columns, double l1, double l2))        \
    /* w = max(w, 0), NaN kept; count = 8 n. */                                                 \
    X(void, clip_below, (double *w, size_t count))                                             \
    /* What the constraint norm multiplies weights by whose squares have that sum. */          \
    X(double, norm_factor, (double squares, const double *option))                             \
    /* The constraint norm on the columns of one panel w (rows, 8), each one chain over the       \
     * rows; and on one row of all panels, by eight lanes and the tree of sum_lanes. */        \
    X(void, norm_columns, (double *w, size_t rows, const double *option))                      \
    X(void, norm_row,                                                                          \
      (double *w, size_t panel_stride, size_t panels, const double *option))                   \
    /* matmul for rows listed by their non-zeros. */                                            \
    X(void, sparse_rows,                                                                       \
      (double *y, size_t y_stride, const double *values, const uint32_t *places,               \
       const uint32_t *starts, const double *w, size_t panel_stride, size_t rows, size_t depth, \
       size_t panels))                                                                         \
    /* matmul for a batch listed by pairs. */                                                   \
    X(void, sparse_matmul,                                                                     \
      (double *y, size_t y_stride, const fm_pair *entries, const fm_span *spans,               \
       const double *w, size_t panel_stride, size_t rows, size_t depth, size_t panels))        \
    /* x (rows, x_stride) = the source's rows order[0 .. rows); columns from features on are 0. */ \
    X(void, gather,                                                                            \
      (double *x, size_t x_stride, const fm_source *source, const int64_t *order, size_t rows))  \
    /* The lower triangle of d (columns, 8), columns <= 8, becomes Cholesky's factor of it; false, and \
     * d of no use, where it is not positive definite and finite. */                            \
    X(bool, factor_block, (double *d, size_t columns))                                         \
    /* t (rows, 8) becomes t d^-T over the first columns, d from factor_block; columns behind them   \
     * are 0. */                                                                                \
    X(void, factor_rows, (double *t, const double *d, size_t rows, size_t columns))            \
    /* x (n) becomes (L L^T)^-1 x, L = lower (n, n), of which what is above the diagonal is not    \
     * read. */                                                                                \
    X(void, solve_factor, (double *x, const double *lower, size_t n))                          \
    /* Codes a dense row of the source, before scale and offset, to at most as many entries as     \
     * it has pairs, FM_MOST_CODED_PAIRS or fewer; their number, or SIZE_MAX if some value has no    \
     * code. Up to four entries behind the last may be written. */                              \
    X(size_t, code_row,                                                                        \
      (uint32_t *entries, const fm_source *source, const fm_codes *codes, size_t row))         \
    /* Lists the source's rows [first, first + rows) by their non-zeros, to (rows * features +     \
     * FM_PANEL) values and places; the source's offset is 0, its features at most             \
     * FM_LIST_FEATURES. */                                                                    \
    X(void, list_rows,                                                                         \
      (double *values, uint32_t *places, uint32_t *starts, const fm_source *source,            \
       size_t first, size_t rows))                                                             \
    /* Lists the source's rows order[0 .. rows) by pairs, the pairs [begin, end) of them, one    \
     * list behind the other from entries[begin * capacity] on; rows <= capacity, the source's  \
     * offset is 0; rows <= FM_GRADIENT_BLOCK. scratch: FM_PAIR_SCRATCH entries. */                                  \
    X(void, gather_pairs,                                                                      \
      (fm_pair * entries, fm_span * spans, size_t capacity, const fm_source *source,           \
       const int64_t *order, size_t rows, size_t begin, size_t end, fm_pair *scratch))         \
    /* f(y) = y, see fm_block: where no activation takes the bias. */                           \
    X(void, add_bias, (fm_block block))                                                        \
    /* d (rows, panels * 8) *= slope, strides as the block's; d is the block's y; no bias.  */ \
    X(void, multiply, (fm_block d))                                                            \
    /* y (rows, stride) = softmax of the rows of z over K = outputs columns; padding 0.     */ \
    X(void, softmax,                                                                           \
      (double *y, const double *z, size_t stride, size_t rows, size_t outputs))                \
    /* dz = y (dy - sum_j dy_j y_j), the gradient through softmax; dz may be dy.            */ \
    X(void, softmax_gradient,                                                                  \
      (double *dz, const double *dy, const double *y, size_t stride, size_t rows,              \
       size_t outputs))                                                                        \
    /* y (rows, stride) = z - max - log sum exp(z - max) of the rows of z (rows, stride) over       \
     * outputs columns; dz = dy - exp(y) sum_j dy_j; padding 0.                             */ \
    X(void, log_softmax,                                                                       \
      (double *y, const double *z, size_t stride, size_t rows, size_t outputs))                \
    X(void, log_softmax_gradient,                                                              \
      (double *dz, const double *dy, const double *y, size_t stride, size_t rows,              \
       size_t outputs))                                                                        \
    /* y = max(z - tau, 0) with sum 1; dz = dy - its mean where y > 0, else 0; padding 0.   */ \
    X(void, sparsemax,                                                                         \
      (double *y, const double *z, size_t stride, size_t rows, size_t outputs))                \
    X(void, sparsemax_gradient,                                                                \
      (double *dz, const double *dy, const double *y, size_t stride, size_t rows,              \
       size_t outputs))                                                                        \
    /* y (rows, y_stride) = a sigmoid(g) over outputs columns, a and g the halves of x (rows, 2   \
     * outputs); dx likewise; padding 0. */                                                    \
    X(void, glu,                                                                               \
      (double *y, size_t y_stride, const double *x, size_t x_stride, size_t rows,              \
       size_t outputs))                                                                        \
    X(void, glu_gradient,                                                                      \
      (double *dx, size_t dx_stride, const double *dy, size_t dy_stride, const double *x,      \
       size_t x_stride, size_t rows, size_t outputs))                                          \
    /* y (rows, panels * 8) = x above 0, else alpha x; alpha (columns / shared), see fm_sharing; \
     * dx = dy above 0, alpha dy below, 0 at 0. */                                             \
    X(void, prelu,                                                                             \
      (double *y, size_t y_stride, const double *x, size_t x_stride, const double *alpha,      \
       fm_sharing sharing, size_t rows, size_t panels))                                        \
    X(void, prelu_backward,                                                                    \
      (double *dx, size_t dx_stride, const double *dy, size_t dy_stride, const double *x,      \
       size_t x_stride, const double *alpha, fm_sharing sharing, size_t rows, size_t panels))  \
    /* g (end - begin panels) of alpha's panels [begin, end) = sum_b dy min(x, 0), and over the   \
     * columns that share; rows beyond a block see FM_GRADIENT_BLOCK. If resume, the chains go on  \
     * from g, and rows + those before are at most FM_GRADIENT_BLOCK. */                       \
    X(void, prelu_gradient,                                                                    \
      (double *g, const double *dy, size_t dy_stride, const double *x, size_t x_stride,        \
       fm_sharing sharing, size_t rows, size_t begin, size_t end, bool resume))                \
    /* mean, variance (panels * 8): of the columns of x (rows, panels * 8), each one chain over  \
     * the rows, the variance of the differences from the mean, biased; rows > 0. */            \
    X(void, column_moments,                                                                    \
      (double *mean, double *variance, const double *x, size_t x_stride, size_t rows,          \
       size_t panels))                                                                         \
    /* y (rows, panels * 8) = x scale + shift by column; y may be x. */                         \
    X(void, affine,                                                                            \
      (double *y, size_t y_stride, const double *x, size_t x_stride, const double *scale,      \
       const double *shift, size_t rows, size_t panels))                                       \
    /* By column: sum = sum_b dy, product = sum_b dy (x - mean) inverse; rows beyond a block see  \
     * FM_GRADIENT_BLOCK. */                                                                    \
    X(void, normalized_sums,                                                                   \
      (double *sum, double *product, const double *dy, size_t dy_stride, const double *x,      \
       size_t x_stride, const double *mean, const double *inverse, size_t rows,                \
       size_t panels))                                                                         \
    /* dx = scale (dy - (sum + (x - mean) inverse product) / rows) by column, the gradient through \
     * a normalization by the batch's own moments with scale = gamma inverse. */                \
    X(void, normalized_gradient,                                                               \
      (double *dx, size_t dx_stride, const double *dy, size_t dy_stride, const double *x,      \
       size_t x_stride, const double *mean, const double *inverse, const double *scale,        \
       const double *sum, const double *product, size_t rows, size_t panels))                  \
    /* y = (x - mean) factor by column; y may be x. */                                          \
    X(void, standardize,                                                                       \
      (double *y, size_t y_stride, const double *x, size_t x_stride, const double *mean,       \
       const double *factor, size_t rows, size_t panels))                                      \
    /* y (rows, stride) = rows of x normalized over `width` columns: divided by           \
     * sqrt(mean of squares + epsilon), of differences from the mean if center; or if unit by    \
     * the square root of the sum of squares, of epsilon where that is larger. Padding 0. */     \
    X(void, normalize_rows,                                                                    \
      (double *y, const double *x, size_t stride, size_t rows, size_t width,                   \
       double epsilon, bool center, bool unit))                                                                     \
    /* dx from dy through normalize_rows of x: inverse (dy - average - y trend), average and trend \
     * being the means of dy and dy y (unit: the sum of dy y); padding 0; dx may be dy. */      \
    X(void, normalize_rows_gradient,                                                           \
      (double *dx, const double *dy, const double *x, size_t stride, size_t rows,              \
       size_t width, double epsilon, bool center, bool unit))                                                       \
    /* y[i] = exp(x[i]), log(x[i]), tanh(x[i]), i < n: the engine's own, for tests of accuracy. */ \
    X(void, map_exp, (double *y, const double *x, size_t n))                                   \
    X(void, map_log, (double *y, const double *x, size_t n))                                   \
    X(void, map_tanh, (double *y, const double *x, size_t n))                                  \
    /* exp(x) - 1; log(1 + x), x in [0, 1]; the normal distribution's integral up to x. */     \
    X(void, map_expm1, (double *y, const double *x, size_t n))                                 \
    X(void, map_log1p, (double *y, const double *x, size_t n))                                 \
    X(void, map_normal_cdf, (double *y, const double *x, size_t n))                            \
    /* y[i] = sqrt(x[i]), 1 / x[i], i < n, by FMAs where those stand in for the divider. */    \
    X(void, map_sqrt, (double *y, const double *x, size_t n))                                  \
    X(void, map_reciprocal, (double *y, const double *x, size_t n))


/* Families: one kernel for each word of the catalog, found by its kind (activations from
 * FM_LAYER_COUNT on). F(family, parameters). */
#define FM_KERNEL_FAMILIES(F)                                                                  \
    /* Elementwise, see fm_block. */                                                            \
    F(activation, (fm_block block, const double *option))                                      \
    /* losses and, with scale, dy = scale_b dloss_b/dy. Padding of dy to whole panels is set to 0. */ \
    F(loss, (const double *option, fm_loss_rows rows))                                         \
    /* One step's constants, t >= 1. */                                                         \
    F(prepare, (fm_update *update, const double *option, double rate, uint64_t t))             \
    /* The optimizer's step on w with gradient g, panels of the stride of w. Of those that are   \
     * SCALED: the slots move, the direction takes the place of g, and w stays. adafactor: w is   \
     * a matrix if slot[1] is not NULL; that is its row factors (depth) and slot[2] its column   \
     * factors (panels * 8), update->row_mean the mean of all row factors. */                   \
    F(apply,                                                                                   \
      (fm_packed w, double *g, size_t depth, size_t panels, const fm_update *update))          \
    /* gradient and apply in one, g tile by tile in registers, never stored; NULL for optimizers  \
     * that are not FUSED. */                                                                   \
    F(update,                                                                                  \
      (fm_packed w, const double *x, size_t x_stride, const double *dz, size_t dz_stride,      \
       size_t rows, size_t depth, size_t panels, const fm_update *update, double *scratch))    \
    /* The same for a batch listed by pairs, of at most FM_GRADIENT_BLOCK rows. Pairs that are   \
     * not `active` have never had a non-zero, so that their update is nothing, and are left   \
     * alone. */                                                                                \
    F(sparse_update,                                                                           \
      (fm_packed w, const fm_pair *entries, const fm_span *spans, const uint8_t *active,       \
       const double *dz, size_t dz_stride, size_t depth, size_t panels,                        \
       const fm_update *update))

/* clang-format on */

#define F(family, parameters) typedef void fm_##family##_kernel parameters;
FM_KERNEL_FAMILIES(F)
#undef F

typedef struct fm_kernels {
    const char *isa;
    size_t strip; /* panels that matmul multiplies at once */
#define X(result, name, parameters) result(*name) parameters;
    FM_KERNELS(X)
#undef X
    fm_activation_kernel *activation[FM_ACTIVATION_COUNT];
    fm_loss_kernel *loss[FM_LOSS_COUNT];
    fm_prepare_kernel *prepare[FM_OPTIMIZER_COUNT];
    fm_apply_kernel *apply[FM_OPTIMIZER_COUNT];
    fm_update_kernel *update[FM_OPTIMIZER_COUNT];
    fm_sparse_update_kernel *sparse_update[FM_OPTIMIZER_COUNT];
} fm_kernels;

/* The reduced index that matmul takes at a time. */
static inline size_t fm_matmul_depth(size_t strip)
{
    return strip > 1 ? fm_strip_depth : FM_DEPTH_BLOCK;
}

/* The table for a usable ISA; NULL: the default, which is FASTMLP_ISA at the first call, or
 * else the best. NULL if not usable. */
const fm_kernels *fm_find_kernels(const char *isa);

/* The kernel of that name for a usable ISA, or NULL: how tests and benchmarks call kernels. One
 * of a family is called as "activation_relu". */
const void *fm_kernel_address(const char *isa, const char *name);

#endif
