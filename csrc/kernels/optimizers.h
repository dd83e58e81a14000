/* SPDX-License-Identifier: Apache-2.0
 *
 * The fused optimizers' formulas on vectors, and Adam cut to run between the products of tiles;
 * those that go the stored way only are in stored.h.
 */
#include "simd.h"

/* -- constants of a step -- */

/* b^t by squaring: the same bits everywhere, unlike pow. */
INLINE double power(double b, uint64_t t)
{
    double result = 1;
    for (; t > 0; t >>= 1, b *= b)
        if (t & 1)
            result *= b;
    return result;
}

INLINE void set_constant(fm_update *update, int place, double value)
{
    for (int i = 0; i < FM_PANEL; i++)
        update->constant[place][i] = value;
}

INLINE vec constant(const fm_update *update, int place)
{
    return v_load(update->constant[place]);
}

enum { ADAM_ALPHA, ADAM_REST_BETA_1, ADAM_REST_BETA_2, ADAM_EPSILON };

static void kernel_prepare_adam(fm_update *update, const double *option, double rate,
                                uint64_t t)
{
    const fm_adam_options o = fm_adam_of(option);
    set_constant(update, ADAM_ALPHA,
                 rate * sqrt(1 - power(o.beta_2, t)) / (1 - power(o.beta_1, t)));
    set_constant(update, ADAM_REST_BETA_1, 1 - o.beta_1);
    set_constant(update, ADAM_REST_BETA_2, 1 - o.beta_2);
    set_constant(update, ADAM_EPSILON, o.epsilon);
    /* (sqrt(v) + epsilon)^2 must not underflow */
    update->shared_division = o.epsilon > 1e-150;
}

enum { SGD_RATE, SGD_MOMENTUM };
enum { SGD_NESTEROV = 1 };

static void kernel_prepare_sgd(fm_update *update, const double *option, double rate, uint64_t t)
{
    const fm_sgd_options o = fm_sgd_of(option);
    (void)t;
    set_constant(update, SGD_RATE, rate);
    set_constant(update, SGD_MOMENTUM, o.momentum);
    update->variant = o.nesterov != 0 ? SGD_NESTEROV : 0;
}

/* Which formula, a compile-time constant wherever it is passed: one for each optimizer, and
 * those of Adam where two rows share a division. These differ in what computes roots and that
 * division, not in bits: the divider alone; FMAs for every second root, which is the fastest
 * where nothing else wants either; FMAs alone, for where the divider is the limit beside
 * products. ns a parameter in L2, on Zen 4: 0.72, 0.60, 0.94, on an Intel Xeon 1.06, 0.66,
 * 0.59. */
typedef enum formula {
    FORMULA_SGD,
    FORMULA_ADAM,
    ADAM_SHARED_DIVISION,
    ADAM_MIXED,
    ADAM_BY_FMA
} formula;

INLINE bool shares_division(const formula kind)
{
    return kind >= ADAM_SHARED_DIVISION;
}

/* -- the formulas, on one vector of a parameter -- */

/* What Adam needs of one vector before it divides: w -= numerator / denominator. */
typedef struct adam_step {
    vec numerator, denominator;
} adam_step;

/* Moves the moments. */
INLINE adam_step adam_moments(const bool root_by_fma, vec g, double *m, double *v,
                              const fm_update *update)
{
    const vec m0 = v_load_once(m), v0 = v_load_once(v);
    const vec m1 = v_fma(g - m0, constant(update, ADAM_REST_BETA_1), m0);
    const vec v1 = v_fma(v_fma(g, g, -v0), constant(update, ADAM_REST_BETA_2), v0);
    v_store(m, m1);
    v_store(v, v1);
    const vec root = root_by_fma ? v_sqrt_by_fma(v1) : v_sqrt(v1);
    return (adam_step){m1 * constant(update, ADAM_ALPHA),
                       root + constant(update, ADAM_EPSILON)};
}

INLINE void adam_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const adam_step step = adam_moments(false, g, w.slot[0] + at, w.slot[1] + at, update);
    v_store(w.value + at, v_load(w.value + at) - step.numerator / step.denominator);
}

/* Rows 2i and 2i + 1 of a kernel share one division, a / b = a (d / (b d)), since the divider
 * is what limits Adam: 2 square roots and 1 division for 2 vectors instead of 2 and 2. */
typedef struct adam_pair {
    adam_step row[2];
} adam_pair;

INLINE adam_pair adam_pair_moments(const formula kind, vec g0, vec g1, fm_packed w, size_t at,
                                   const fm_update *update)
{
    const size_t next = at + FM_PANEL;
    const bool first_by_fma = kind == ADAM_BY_FMA, second_by_fma = kind >= ADAM_MIXED;
    adam_pair pair;
    pair.row[0] = adam_moments(first_by_fma, g0, w.slot[0] + at, w.slot[1] + at, update);
    pair.row[1] = adam_moments(second_by_fma, g1, w.slot[0] + next, w.slot[1] + next, update);
    return pair;
}

INLINE void adam_pair_divide(const formula kind, const adam_pair *pair, double *w)
{
    const vec d0 = pair->row[0].denominator, d1 = pair->row[1].denominator;
    const vec r = kind == ADAM_BY_FMA ? v_reciprocal_by_fma(d0 * d1) : v_set1(1.0) / (d0 * d1);
    v_store(w, v_fnma(pair->row[0].numerator, d1 * r, v_load(w)));
    v_store(w + FM_PANEL, v_fnma(pair->row[1].numerator, d0 * r, v_load(w + FM_PANEL)));
}

INLINE void sgd_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec rate_g = constant(update, SGD_RATE) * g;
    vec step = -rate_g;
    if (w.slot[0] != NULL) {
        double *m = w.slot[0] + at;
        const vec momentum = constant(update, SGD_MOMENTUM);
        step = v_fma(v_load(m), momentum, -rate_g);
        v_store(m, step);
        if (update->variant & SGD_NESTEROV)
            step = v_fma(step, momentum, -rate_g);
    }
    v_store(w.value + at, v_load(w.value + at) + step);
}

/* Applies the gradients of one vector, `at` doubles into the parameter. */
INLINE void apply(const formula kind, vec g, fm_packed w, size_t at, const fm_update *update)
{
    if (kind == FORMULA_SGD)
        sgd_apply(g, w, at, update);
    else
        adam_apply(g, w, at, update);
}

/* The same for the rows 2i and 2i + 1 of a kernel. */
INLINE void apply_pair(const formula kind, vec g0, vec g1, fm_packed w, size_t at,
                       const fm_update *update)
{
    if (shares_division(kind)) {
        const adam_pair pair = adam_pair_moments(kind, g0, g1, w, at, update);
        adam_pair_divide(kind, &pair, w.value + at);
        return;
    }
    apply(kind, g0, w, at, update);
    apply(kind, g1, w, at + FM_PANEL, update);
}

/* -- Adam behind the products -- */

/* The divider and the FMA units can work side by side, but the CPU's window is too short to
 * find Adam's long chains (square root, then division) and the next tile's products together:
 * on Zen 3 it runs out of vector registers. So the chains are cut and spread over three tiles.
 * While the gradient of a tile is being formed, that of the tile before moves its moments and
 * takes its roots, and the tile before that one divides; a unit of each at a time, between the
 * products. For half the flagship's sparse first layer: 212k cycles without, 180k with; the
 * divider alone needs 140k. Parts finer than these were slower.
 *
 * A unit is one vector of two rows, that of the row pair and the row behind it; unit u lies
 * u / VECS steps and u % VECS vectors into its tile. */
#define PIPELINE_UNITS 8

typedef struct adam_pipeline {
    fm_packed w;
    size_t step; /* in doubles */
    const fm_update *update;
    vec g0[PIPELINE_UNITS], g1[PIPELINE_UNITS]; /* gradients of the tile before */
    size_t formed_at;                           /* where they belong; SIZE_MAX: none yet */
    adam_pair ready[PIPELINE_UNITS];            /* roots of the tile before that */
    size_t ready_at;
} adam_pipeline;

INLINE size_t unit_at(const adam_pipeline *pipeline, size_t at, int u)
{
    return at + (size_t)(u / VECS) * pipeline->step + (size_t)(u % VECS) * VL;
}

/* Moves unit u of both waiting tiles one stage on. */
INLINE void pipeline_advance(const formula kind, adam_pipeline *pipeline, int u)
{
    adam_pair_divide(kind, &pipeline->ready[u],
                     pipeline->w.value + unit_at(pipeline, pipeline->ready_at, u));
    pipeline->ready[u] =
        adam_pair_moments(kind, pipeline->g0[u], pipeline->g1[u], pipeline->w,
                          unit_at(pipeline, pipeline->formed_at, u), pipeline->update);
}

/* After a tile's gradient has been stored to g0 and g1. The first tile's predecessors are made
 * up: divisions that subtract 0 at a place that is about to be updated anyway. */
INLINE void pipeline_push(const int units, adam_pipeline *pipeline, size_t at)
{
    if (pipeline->formed_at == SIZE_MAX) {
        for (int u = 0; u < units; u++)
            for (int row = 0; row < 2; row++)
                pipeline->ready[u].row[row] = (adam_step){(vec){0}, v_set1(1.0)};
        pipeline->ready_at = at;
    } else {
        pipeline->ready_at = pipeline->formed_at;
    }
    pipeline->formed_at = at;
}

INLINE void pipeline_finish(const formula kind, const int units, adam_pipeline *pipeline)
{
    if (pipeline->formed_at == SIZE_MAX)
        return;
    for (int u = 0; u < units; u++)
        pipeline_advance(kind, pipeline, u);
    for (int u = 0; u < units; u++)
        adam_pair_divide(kind, &pipeline->ready[u],
                         pipeline->w.value + unit_at(pipeline, pipeline->formed_at, u));
}
