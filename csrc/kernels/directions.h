/* SPDX-License-Identifier: Apache-2.0
 *
 * Scaled optimizers: a direction takes the gradient's place; how far w moves along it says
 * csrc/step/scaled.c. What each computes says catalog.h; t counts from 1.
 */
#include "simd.h"

enum { LAMB_REST_BETA_1, LAMB_REST_BETA_2, LAMB_REST_POWER_1, LAMB_REST_POWER_2, LAMB_EPSILON };

static void kernel_prepare_lamb(fm_update *update, const double *option, double rate,
                                uint64_t t)
{
    const fm_lamb_options o = fm_lamb_of(option);
    (void)rate;
    set_constant(update, LAMB_REST_BETA_1, 1 - o.beta_1);
    set_constant(update, LAMB_REST_BETA_2, 1 - o.beta_2);
    set_constant(update, LAMB_REST_POWER_1, 1 - power(o.beta_1, t));
    set_constant(update, LAMB_REST_POWER_2, 1 - power(o.beta_2, t));
    set_constant(update, LAMB_EPSILON, o.epsilon);
}

static void kernel_apply_lamb(fm_packed w, double *g, size_t depth, size_t panels,
                              const fm_update *update)
{
    for (size_t p = 0; p < panels; p++)
        for (size_t i = 0; i < depth * FM_PANEL; i += VL) {
            const size_t at = p * w.panel_stride + i;
            const vec gradient = v_load(g + at);
            const vec m =
                move_mean(gradient, w.slot[0] + at, constant(update, LAMB_REST_BETA_1));
            const vec v =
                move_squares(gradient, w.slot[1] + at, constant(update, LAMB_REST_BETA_2));
            const vec root = v_sqrt(v / constant(update, LAMB_REST_POWER_2));
            v_store(g + at, m / constant(update, LAMB_REST_POWER_1) /
                                (root + constant(update, LAMB_EPSILON)));
        }
}

enum { ADAFACTOR_BETA_2, ADAFACTOR_REST_BETA_2, ADAFACTOR_EPSILON_1 };

static void kernel_prepare_adafactor(fm_update *update, const double *option, double rate,
                                     uint64_t t)
{
    const fm_adafactor_options o = fm_adafactor_of(option);
    double
        rest[VL]; /* t^beta_2_decay by the engine's own functions: the same bits everywhere */
    v_store(rest, v_exp(v_set1(o.beta_2_decay) * v_log(v_set1((double)t))));
    (void)rate;
    set_constant(update, ADAFACTOR_BETA_2, 1 - rest[0]);
    set_constant(update, ADAFACTOR_REST_BETA_2, 1 - (1 - rest[0]));
    set_constant(update, ADAFACTOR_EPSILON_1, o.epsilon_1);
}

/* A running mean of mean squares: of `size` squares with that sum. */
INLINE double moved_factor(double factor, double sum, size_t size, const fm_update *update)
{
    const double mean = sum / (double)size + update->constant[ADAFACTOR_EPSILON_1][0];
    return update->constant[ADAFACTOR_BETA_2][0] * factor +
           update->constant[ADAFACTOR_REST_BETA_2][0] * mean;
}

static void kernel_row_factors(double *factors, const double *g, size_t panel_stride,
                               size_t depth, size_t columns, const fm_update *update)
{
    for (size_t k = 0; k < depth; k++) {
        vec sum[VECS] = {{0}};
        for (size_t p = 0; p * FM_PANEL < columns; p++)
            for (size_t v = 0; v < VECS; v++) {
                const vec x = v_load(g + p * panel_stride + k * FM_PANEL + v * VL);
                sum[v] = v_fma(x, x, sum[v]);
            }
        factors[k] = moved_factor(factors[k], sum_lanes(sum), columns, update);
    }
}

static void kernel_column_factors(double *factors, const double *g, size_t panel_stride,
                                  size_t depth, size_t panels, const fm_update *update)
{
    for (size_t p = 0; p < panels; p++) {
        vec sum[VECS] = {{0}};
        for (size_t k = 0; k < depth; k++)
            for (size_t v = 0; v < VECS; v++) {
                const vec x = v_load(g + p * panel_stride + k * FM_PANEL + v * VL);
                sum[v] = v_fma(x, x, sum[v]);
            }
        double *own = factors + p * FM_PANEL, sums[FM_PANEL];
        for (size_t v = 0; v < VECS; v++)
            v_store(sums + v * VL, sum[v]);
        for (size_t j = 0; j < FM_PANEL; j++)
            own[j] = moved_factor(own[j], sums[j], depth, update);
    }
}

static void kernel_apply_adafactor(fm_packed w, double *g, size_t depth, size_t panels,
                                   const fm_update *update)
{
    const vec beta = constant(update, ADAFACTOR_BETA_2),
              epsilon = constant(update, ADAFACTOR_EPSILON_1);
    const vec rest = constant(update, ADAFACTOR_REST_BETA_2);
    const double *rows = w.slot[1], *columns = w.slot[2];
    for (size_t p = 0; p < panels; p++)
        for (size_t i = 0; i < depth * FM_PANEL; i += VL) {
            const size_t at = p * w.panel_stride + i;
            const vec gradient = v_load(g + at);
            vec v;
            if (rows != NULL)
                v = v_set1(rows[i / FM_PANEL] / update->row_mean) *
                    v_load(columns + p * FM_PANEL + i % FM_PANEL);
            else
                v = v_fma(v_load(w.slot[0] + at), beta,
                          rest * v_fma(gradient, gradient, epsilon));
            v_store(w.slot[0] + at, v);
            v_store(g + at, gradient / v_sqrt(v));
        }
}
