/* SPDX-License-Identifier: Apache-2.0
 *
 * Optimizers that go the stored way: the constants of a step, the formula on one vector of a
 * parameter, and the loop over a parameter. What each computes says catalog.h; t counts from 1.
 */
#include "simd.h"

/* The larger, NaN if either is. */
INLINE vec v_largest(vec a, vec b)
{
    return v_select((a > b) | (a != a), a, b);
}

INLINE vec v_magnitude(vec x)
{
    return v_of_bits((veci)x & ~(veci)v_set1(-0.0));
}

/* A running mean of squares, v += (g g - v) rest, and of gradients, m += (g - m) rest. */
INLINE vec move_squares(vec g, double *v, vec rest)
{
    const vec v0 = v_load(v), v1 = v_fma(v_fma(g, g, -v0), rest, v0);
    v_store(v, v1);
    return v1;
}

INLINE vec move_mean(vec g, double *m, vec rest)
{
    const vec m0 = v_load(m), m1 = v_fma(g - m0, rest, m0);
    v_store(m, m1);
    return m1;
}

INLINE void subtract_from(double *w, vec step)
{
    v_store(w, v_load(w) - step);
}

typedef void stored_formula(vec g, fm_packed w, size_t at, const fm_update *update);

INLINE void apply_each(stored_formula one, fm_packed w, const double *g, size_t depth,
                       size_t panels, const fm_update *update)
{
    for (size_t p = 0; p < panels; p++)
        for (size_t i = 0; i < depth * FM_PANEL; i += VL) {
            const size_t at = p * w.panel_stride + i;
            one(v_load(g + at), w, at, update);
        }
}

/* -- rmsprop -- */

enum { RMSPROP_RATE, RMSPROP_RHO, RMSPROP_REST_RHO, RMSPROP_MOMENTUM, RMSPROP_EPSILON };
enum { RMSPROP_WITH_MOMENTUM = 1, RMSPROP_CENTERED = 2 };

static void kernel_prepare_rmsprop(fm_update *update, const double *option, double rate,
                                   uint64_t t)
{
    const fm_rmsprop_options o = fm_rmsprop_of(option);
    (void)t;
    set_constant(update, RMSPROP_RATE, rate);
    set_constant(update, RMSPROP_RHO, o.rho);
    set_constant(update, RMSPROP_REST_RHO, 1 - o.rho);
    set_constant(update, RMSPROP_MOMENTUM, o.momentum);
    set_constant(update, RMSPROP_EPSILON, o.epsilon);
    update->variant = (o.momentum != 0 ? RMSPROP_WITH_MOMENTUM : 0) |
                      (o.centered != 0 ? RMSPROP_CENTERED : 0);
}

INLINE void rmsprop_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec rho = constant(update, RMSPROP_RHO), rest = constant(update, RMSPROP_REST_RHO);
    double *const *slot = w.slot;
    const vec v = v_fma(v_load(*slot + at), rho, rest * (g * g));
    v_store(*slot++ + at, v);
    double *m = update->variant & RMSPROP_WITH_MOMENTUM ? *slot++ + at : NULL;
    vec d = v;
    if (update->variant & RMSPROP_CENTERED) {
        const vec a = v_fma(v_load(*slot + at), rho, rest * g);
        v_store(*slot + at, a);
        d = v_fnma(a, a, v);
    }
    vec step =
        constant(update, RMSPROP_RATE) * g / v_sqrt(d + constant(update, RMSPROP_EPSILON));
    if (m != NULL) {
        step = v_fma(v_load(m), constant(update, RMSPROP_MOMENTUM), step);
        v_store(m, step);
    }
    subtract_from(w.value + at, step);
}

/* -- amsgrad -- */

enum { AMSGRAD_ALPHA, AMSGRAD_REST_BETA_1, AMSGRAD_REST_BETA_2, AMSGRAD_EPSILON };

static void kernel_prepare_amsgrad(fm_update *update, const double *option, double rate,
                                   uint64_t t)
{
    const fm_amsgrad_options o = fm_amsgrad_of(option);
    set_constant(update, AMSGRAD_ALPHA,
                 rate * sqrt(1 - power(o.beta_2, t)) / (1 - power(o.beta_1, t)));
    set_constant(update, AMSGRAD_REST_BETA_1, 1 - o.beta_1);
    set_constant(update, AMSGRAD_REST_BETA_2, 1 - o.beta_2);
    set_constant(update, AMSGRAD_EPSILON, o.epsilon);
}

INLINE void amsgrad_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec m = move_mean(g, w.slot[0] + at, constant(update, AMSGRAD_REST_BETA_1));
    const vec v = move_squares(g, w.slot[1] + at, constant(update, AMSGRAD_REST_BETA_2));
    const vec largest = v_largest(v_load(w.slot[2] + at), v);
    v_store(w.slot[2] + at, largest);
    subtract_from(w.value + at, m * constant(update, AMSGRAD_ALPHA) /
                                    (v_sqrt(largest) + constant(update, AMSGRAD_EPSILON)));
}

/* -- nadam -- */

enum {
    NADAM_REST_BETA_1,
    NADAM_REST_BETA_2,
    NADAM_MEAN_RATE,
    NADAM_GRADIENT_RATE,
    NADAM_REST_POWER,
    NADAM_EPSILON
};

/* (1 - 0.96^1 / 2) ... (1 - 0.96^t / 2); from 0.96^900 < 2^-52 on the factors are 1. */
static double nadam_product(uint64_t t)
{
    double product = 1, decay = 1;
    for (uint64_t i = 0; i < t && i < 900; i++) {
        decay *= 0.96;
        product *= 1 - 0.5 * decay;
    }
    return product;
}

static void kernel_prepare_nadam(fm_update *update, const double *option, double rate,
                                 uint64_t t)
{
    const fm_nadam_options o = fm_nadam_of(option);
    const double now = o.beta_1 * (1 - 0.5 * power(0.96, t));
    const double next = o.beta_1 * (1 - 0.5 * power(0.96, t + 1));
    const double product = nadam_product(t) * power(o.beta_1, t);
    set_constant(update, NADAM_REST_BETA_1, 1 - o.beta_1);
    set_constant(update, NADAM_REST_BETA_2, 1 - o.beta_2);
    set_constant(update, NADAM_MEAN_RATE, rate * next / (1 - product * next));
    set_constant(update, NADAM_GRADIENT_RATE, rate * (1 - now) / (1 - product));
    set_constant(update, NADAM_REST_POWER, 1 - power(o.beta_2, t));
    set_constant(update, NADAM_EPSILON, o.epsilon);
}

INLINE void nadam_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec m = move_mean(g, w.slot[0] + at, constant(update, NADAM_REST_BETA_1));
    const vec v = move_squares(g, w.slot[1] + at, constant(update, NADAM_REST_BETA_2));
    const vec ahead =
        v_fma(m, constant(update, NADAM_MEAN_RATE), g * constant(update, NADAM_GRADIENT_RATE));
    const vec root = v_sqrt(v / constant(update, NADAM_REST_POWER));
    subtract_from(w.value + at, ahead / (root + constant(update, NADAM_EPSILON)));
}

/* -- adamax -- */

enum { ADAMAX_ALPHA, ADAMAX_REST_BETA_1, ADAMAX_BETA_2, ADAMAX_EPSILON };

static void kernel_prepare_adamax(fm_update *update, const double *option, double rate,
                                  uint64_t t)
{
    const fm_adamax_options o = fm_adamax_of(option);
    set_constant(update, ADAMAX_ALPHA, rate / (1 - power(o.beta_1, t)));
    set_constant(update, ADAMAX_REST_BETA_1, 1 - o.beta_1);
    set_constant(update, ADAMAX_BETA_2, o.beta_2);
    set_constant(update, ADAMAX_EPSILON, o.epsilon);
}

INLINE void adamax_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec m = move_mean(g, w.slot[0] + at, constant(update, ADAMAX_REST_BETA_1));
    const vec u =
        v_largest(v_load(w.slot[1] + at) * constant(update, ADAMAX_BETA_2), v_magnitude(g));
    v_store(w.slot[1] + at, u);
    subtract_from(w.value + at,
                  m * constant(update, ADAMAX_ALPHA) / (u + constant(update, ADAMAX_EPSILON)));
}

/* -- adagrad -- */

enum { ADAGRAD_RATE, ADAGRAD_EPSILON };

static void kernel_prepare_adagrad(fm_update *update, const double *option, double rate,
                                   uint64_t t)
{
    (void)t;
    set_constant(update, ADAGRAD_RATE, rate);
    set_constant(update, ADAGRAD_EPSILON, fm_adagrad_of(option).epsilon);
}

INLINE void adagrad_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec a = v_fma(g, g, v_load(w.slot[0] + at));
    v_store(w.slot[0] + at, a);
    subtract_from(w.value + at, constant(update, ADAGRAD_RATE) * g /
                                    v_sqrt(a + constant(update, ADAGRAD_EPSILON)));
}

/* -- adadelta -- */

enum { ADADELTA_RATE, ADADELTA_RHO, ADADELTA_REST_RHO, ADADELTA_EPSILON };

static void kernel_prepare_adadelta(fm_update *update, const double *option, double rate,
                                    uint64_t t)
{
    const fm_adadelta_options o = fm_adadelta_of(option);
    (void)t;
    set_constant(update, ADADELTA_RATE, rate);
    set_constant(update, ADADELTA_RHO, o.rho);
    set_constant(update, ADADELTA_REST_RHO, 1 - o.rho);
    set_constant(update, ADADELTA_EPSILON, o.epsilon);
}

INLINE void adadelta_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec rho = constant(update, ADADELTA_RHO), rest = constant(update, ADADELTA_REST_RHO);
    const vec epsilon = constant(update, ADADELTA_EPSILON);
    const vec a = v_fma(v_load(w.slot[0] + at), rho, rest * (g * g));
    const vec d = v_load(w.slot[1] + at);
    const vec step = g * v_sqrt(d + epsilon) / v_sqrt(a + epsilon);
    v_store(w.slot[0] + at, a);
    v_store(w.slot[1] + at, v_fma(d, rho, rest * (step * step)));
    subtract_from(w.value + at, constant(update, ADADELTA_RATE) * step);
}

/* -- lion -- */

enum { LION_RATE, LION_BETA_1, LION_REST_BETA_1, LION_BETA_2, LION_REST_BETA_2 };

static void kernel_prepare_lion(fm_update *update, const double *option, double rate,
                                uint64_t t)
{
    const fm_lion_options o = fm_lion_of(option);
    (void)t;
    set_constant(update, LION_RATE, rate);
    set_constant(update, LION_BETA_1, o.beta_1);
    set_constant(update, LION_REST_BETA_1, 1 - o.beta_1);
    set_constant(update, LION_BETA_2, o.beta_2);
    set_constant(update, LION_REST_BETA_2, 1 - o.beta_2);
}

/* Only the sign of the mixture counts, so it is rounded as others round it: no FMA. */
INLINE void lion_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec m = v_load(w.slot[0] + at), rate = constant(update, LION_RATE), zero = {0};
    const vec mixed =
        m * constant(update, LION_BETA_1) + g * constant(update, LION_REST_BETA_1);
    vec step = v_select(mixed > zero, rate, mixed); /* keeps 0 and NaN */
    step = v_select(mixed < zero, -rate, step);
    subtract_from(w.value + at, step);
    v_store(w.slot[0] + at,
            m * constant(update, LION_BETA_2) + g * constant(update, LION_REST_BETA_2));
}

/* -- ftrl -- */

enum { FTRL_RATE, FTRL_POWER, FTRL_L1, FTRL_QUADRATIC, FTRL_SHRINKAGE };
enum { FTRL_ROOT = 1 };

static void kernel_prepare_ftrl(fm_update *update, const double *option, double rate,
                                uint64_t t)
{
    const fm_ftrl_options o = fm_ftrl_of(option);
    (void)t;
    set_constant(update, FTRL_RATE, rate);
    set_constant(update, FTRL_POWER, -o.learning_rate_power);
    set_constant(update, FTRL_L1, o.l1_regularization_strength);
    set_constant(update, FTRL_QUADRATIC,
                 2 * (o.l2_regularization_strength + o.beta / (2 * rate)));
    set_constant(update, FTRL_SHRINKAGE, 2 * o.l2_shrinkage_regularization_strength);
    update->variant = o.learning_rate_power == -0.5 ? FTRL_ROOT : 0;
}

/* x^power for x >= 0; x^0 is 1. */
INLINE vec ftrl_power(vec x, const fm_update *update)
{
    if (update->variant & FTRL_ROOT)
        return v_sqrt(x);
    const vec exponent = constant(update, FTRL_POWER);
    return v_select(exponent == (vec){0}, v_set1(1.0), v_exp(exponent * v_log(x)));
}

INLINE void ftrl_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec rate = constant(update, FTRL_RATE), l1 = constant(update, FTRL_L1);
    const vec a = v_load(w.slot[0] + at), value = v_load(w.value + at);
    const vec sum = v_fma(g, g, a), new_power = ftrl_power(sum, update);
    const vec shrunk = v_fma(constant(update, FTRL_SHRINKAGE), value, g);
    const vec moved = (new_power - ftrl_power(a, update)) / rate * value;
    const vec linear = v_load(w.slot[1] + at) + (shrunk - moved);
    v_store(w.slot[0] + at, sum);
    v_store(w.slot[1] + at, linear);
    const vec quadratic = new_power / rate + constant(update, FTRL_QUADRATIC);
    vec clipped = v_select(linear > l1, l1, linear);
    clipped = v_select(clipped < -l1, -l1, clipped);
    v_store(w.value + at, (clipped - linear) / quadratic);
}

/* -- schedule-free AdamW -- */

enum {
    SCHEDULE_FREE_RATE,
    SCHEDULE_FREE_BETA_1,
    SCHEDULE_FREE_REST_BETA_1,
    SCHEDULE_FREE_REST_BETA_2,
    SCHEDULE_FREE_REST_POWER,
    SCHEDULE_FREE_EPSILON,
    SCHEDULE_FREE_SHARE
};

static void kernel_prepare_schedule_free_adamw(fm_update *update, const double *option,
                                               double rate, uint64_t t)
{
    const fm_schedule_free_adamw_options o = fm_schedule_free_adamw_of(option);
    const double warm = (double)t < o.warmup_steps ? (double)t / o.warmup_steps : 1;
    set_constant(update, SCHEDULE_FREE_RATE, rate * warm);
    set_constant(update, SCHEDULE_FREE_BETA_1, o.beta_1);
    set_constant(update, SCHEDULE_FREE_REST_BETA_1, 1 - o.beta_1);
    set_constant(update, SCHEDULE_FREE_REST_BETA_2, 1 - o.beta_2);
    set_constant(update, SCHEDULE_FREE_REST_POWER, 1 - power(o.beta_2, t));
    set_constant(update, SCHEDULE_FREE_EPSILON, o.epsilon);
    set_constant(update, SCHEDULE_FREE_SHARE, 1 / (double)t);
}

INLINE void schedule_free_adamw_apply(vec g, fm_packed w, size_t at, const fm_update *update)
{
    const vec beta_1 = constant(update, SCHEDULE_FREE_BETA_1);
    const vec rest = constant(update, SCHEDULE_FREE_REST_BETA_1);
    const vec share = constant(update, SCHEDULE_FREE_SHARE);
    const vec v = move_squares(g, w.slot[1] + at, constant(update, SCHEDULE_FREE_REST_BETA_2));
    const vec root = v_sqrt(v / constant(update, SCHEDULE_FREE_REST_POWER));
    const vec z0 = v_load(w.slot[0] + at);
    const vec z1 = z0 - constant(update, SCHEDULE_FREE_RATE) * g /
                            (root + constant(update, SCHEDULE_FREE_EPSILON));
    const vec x0 = v_fnma(rest, z0, v_load(w.value + at)) / beta_1;
    const vec x1 = v_fma(v_set1(1.0) - share, x0, share * z1);
    v_store(w.slot[0] + at, z1);
    v_store(w.value + at, v_fma(rest, z1, beta_1 * x1));
}

/* -- over a parameter, those of one formula -- */

#define APPLY_EACH(name)                                                                       \
    static void kernel_apply_##name(fm_packed w, double *g, size_t depth, size_t panels,       \
                                    const fm_update *update)                                   \
    {                                                                                          \
        apply_each(name##_apply, w, g, depth, panels, update);                                 \
    }
APPLY_EACH(rmsprop)
APPLY_EACH(amsgrad)
APPLY_EACH(nadam)
APPLY_EACH(adamax)
APPLY_EACH(adagrad)
APPLY_EACH(adadelta)
APPLY_EACH(lion)
APPLY_EACH(ftrl)
APPLY_EACH(schedule_free_adamw)
#undef APPLY_EACH
