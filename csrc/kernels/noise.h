/* SPDX-License-Identifier: Apache-2.0
 *
 * What is random while training: dropout and noise. Numbers are functions of (seed, what, step,
 * row, column), see fastmlp/random.py, which draws the same bits.
 */
#include "simd.h"

#include "../random.h"

/* Philox4x32-10 on lanes of 64 bits, one block a lane; c and the key hold 32-bit words. */
INLINE void philox_lanes(vecu c[4], uint64_t seed)
{
    const vecu m0 = (vecu){0} + FM_PHILOX_M0, m1 = (vecu){0} + FM_PHILOX_M1;
    const vecu low = (vecu){0} + UINT32_MAX;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < FM_PHILOX_ROUNDS; round++) {
        const vecu p0 = v_mul32(c[0], m0), p1 = v_mul32(c[2], m1);
        c[0] = (p1 >> 32) ^ c[1] ^ ((vecu){0} + k0);
        c[2] = (p0 >> 32) ^ c[3] ^ ((vecu){0} + k1);
        c[1] = p1 & low;
        c[3] = p0 & low;
        k0 += FM_PHILOX_W0;
        k1 += FM_PHILOX_W1;
    }
}

/* The four words of the block of each lane, for a row of the batch. */
INLINE void draw_words(vecu c[4], vecu lane, uint64_t row, uint32_t what, const fm_block *block)
{
    c[0] = lane;
    c[1] = (vecu){0} + (uint32_t)row;
    c[2] = (vecu){0} + fm_counter_step(block->step);
    c[3] = (vecu){0} + fm_counter_what(what, block->step);
    philox_lanes(c, block->seed);
}

INLINE vecu lane_numbers(size_t first)
{
    vecu lane = {0};
    for (int i = 0; i < VL; i++)
        lane[i] = (uint64_t)first + (uint64_t)i;
    return lane;
}

/* -- dropout -- */

/* How elements are dropped and what becomes of them: kept x scale + shift, the others fill. */
typedef struct fm_drop {
    double rate, scale, shift, fill;
    bool one_row; /* all rows have the mask of row 0 */
    fm_sharing sharing;
} fm_drop;

/* A dropped infinity must become the fill, not NaN: select, do not multiply. */
INLINE void drop(fm_block block, const fm_drop *o, size_t b, size_t j, vecu word)
{
    const veci kept = (veci)word >= (veci){0} + (int64_t)(o->rate * 4294967296.0);
    const vec scale = v_set1(o->scale), x = load_biased(block, b, j);
    store_value_slope(
        block, b, j,
        (fm_value_slope){v_select(kept, x * scale + v_set1(o->shift), v_set1(o->fill)),
                         v_keep(kept, scale)});
}

/* The mask of column j is word j / 8 % 4 of block j / 32 * 8 + j % 8: the four panels of a
 * group of 32 columns are the four words of eight blocks. */
INLINE void drop_own(fm_block block, const fm_drop *o)
{
    const size_t first = block.first_column / FM_PANEL, last = first + block.panels;
    for (size_t b = 0; b < block.rows; b++)
        for (size_t group = first / 4; group * 4 < last; group++)
            for (int v = 0; v < VECS; v++) {
                vecu c[4];
                draw_words(c, lane_numbers(group * 8 + (size_t)v * VL),
                           o->one_row ? 0 : block.first_row + b, FM_RANDOM_DROPOUT, &block);
                for (size_t word = 0; word < 4; word++) {
                    const size_t panel = group * 4 + word;
                    if (panel >= first && panel < last)
                        drop(block, o, b, (panel - first) * FM_PANEL + (size_t)v * VL, c[word]);
                }
            }
}

/* Columns that share masks find the word of each lane by itself. */
INLINE void drop_shared(fm_block block, const fm_drop *o)
{
    for (size_t j = 0; j < block.panels * FM_PANEL; j += VL) {
        vecu lane = {0}, place = {0};
        for (int i = 0; i < VL; i++) {
            const size_t column = block.first_column + j + (size_t)i;
            const size_t mask = fm_shared_column(o->sharing, column);
            lane[i] = mask / 32 * 8 + mask % 8;
            place[i] = mask / 8 % 4;
        }
        for (size_t b = 0; b < block.rows; b++) {
            vecu c[4], word = {0};
            draw_words(c, lane, o->one_row ? 0 : block.first_row + b, FM_RANDOM_DROPOUT,
                       &block);
            for (unsigned i = 0; i < 4; i++)
                word |= c[i] & (vecu)(place == i);
            drop(block, o, b, j, word);
        }
    }
}

/* Once for both kinds. */
__attribute__((noinline)) static void drop_block(fm_block block, fm_drop o)
{
    if (o.sharing.shared == 1)
        drop_own(block, &o);
    else
        drop_shared(block, &o);
}

static void kernel_activation_dropout(fm_block block, const double *option)
{
    const fm_dropout_options o = fm_dropout_of(option);
    /* to add -0 changes nothing */
    drop_block(block, (fm_drop){o.rate,
                                1.0 / (1.0 - o.rate),
                                -0.0,
                                0,
                                o.one_row != 0,
                                {0, (size_t)o.shared, (size_t)o.inner}});
}

/* Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", NIPS 2017: what
 * is dropped takes the value m that selu has far below 0, and a, b restore mean 0 and
 * variance 1. */
static void kernel_activation_alpha_dropout(fm_block block, const double *option)
{
    const fm_alpha_dropout_options o = fm_alpha_dropout_of(option);
    const double m = -1.6732632423543772 * 1.0507009873554805;
    const double a = 1.0 / sqrt((1.0 - o.rate) * (1.0 + o.rate * (m * m)));
    const double b = -a * m * o.rate;
    drop_block(
        block,
        (fm_drop){
            o.rate, a, b, a * m + b, o.one_row != 0, {0, (size_t)o.shared, (size_t)o.inner}});
}

/* -- normal deviates: no FMA, so that NumPy has the same bits (fastmlp/_normal.py) -- */

/* log(x) for normal x > 0, as there: x = m 2^e, m in [sqrt(1/2), sqrt(2)), 2 atanh((m - 1) / (m
 * + 1)). */
INLINE vec plain_log(vec x)
{
    const vecu bits = (vecu)x, fraction = ((vecu){0} + 1) << 52;
    const vec m0 = v_of_bits((veci)((bits & (fraction - 1)) | (vecu)v_set1(0.5)));
    const veci low = m0 < v_set1(0.70710678118654757); /* sqrt(1/2), rounded up */
    const vec m = v_select(low, m0 + m0, m0), one = v_set1(1.0), magic = v_set1(0x1.8p52);
    const vec e = v_of_bits((veci)((bits >> 52) + (vecu)magic)) - magic -
                  v_select(low, v_set1(1023.0), v_set1(1022.0));
    const vec s = (m - one) / (m + one), square = s * s;
    vec series = {0};
    for (int n = 21; n > 1; n -= 2)
        series = (series + v_set1(1.0 / n)) * square;
    const vec twice = v_set1(2.0) * s;
    return e * v_set1(6.93147180369123816490e-01) +
           (e * v_set1(1.90821492927058770002e-10) + (twice + twice * series));
}

/* Quotients of two polynomials, coefficients from the highest power down: AS241, routine
 * PPND16. */
static const double normal_ratios[3][2][8] = {
    {{2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
      4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
      1.3314166789178437745e2, 3.3871328727963666080e0},
     {5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
      2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
      4.2313330701600911252e1, 1.0}},
    {{7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
      1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
      4.63033784615654529590e0, 1.42343711074968357734e0},
     {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
      1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
      2.05319162663775882187e0, 1.0}},
    {{2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
      2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
      5.46378491116411436990e0, 6.65790464350110377720e0},
     {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
      7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
      5.99832206555887937690e-1, 1.0}}};

INLINE vec ratio(vec x, const double coefficient[2][8])
{
    vec above = v_set1(coefficient[0][0]), below = v_set1(coefficient[1][0]);
    for (int i = 1; i < 8; i++) {
        above = above * x + v_set1(coefficient[0][i]);
        below = below * x + v_set1(coefficient[1][i]);
    }
    return above / below;
}

/* The x of which the normal distribution has p in (0, 1) below. */
INLINE vec normal_quantile(vec p)
{
    const veci sign_bit = (veci)v_set1(-0.0);
    const vec half = v_set1(0.5), five = v_set1(5.0), q = p - half;
    const vec centre = q * ratio(v_set1(0.180625) - q * q, normal_ratios[0]);
    const vec r = v_sqrt(-plain_log(v_min(p, v_set1(1.0) - p)));
    const vec tail = v_select(r <= five, ratio(r - v_set1(1.6), normal_ratios[1]),
                              ratio(r - five, normal_ratios[2]));
    const veci inside = v_of_bits((veci)q & ~sign_bit) <= v_set1(0.425);
    return v_select(inside, centre, v_of_bits((veci)tail | ((veci)q & sign_bit)));
}

/* (the top 52 bits + 1/2) / 2^52 of 64, all exact. */
INLINE vec uniform_of(vecu low, vecu high)
{
    const vec power = v_set1(0x1p52);
    const vecu bits = (low | high << 32) >> 12;
    const vec whole = v_of_bits((veci)(bits | (vecu)power)) - power;
    return (whole + v_set1(0.5)) * v_set1(0x1p-52);
}

/* y = x + n, or x (1 + n), n = deviation times a normal deviate: that of column j is from words
 * 2 w and 2 w + 1, w = j / 8 % 2, of block j / 16 * 8 + j % 8. Once for both kinds. */
__attribute__((noinline)) static void add_noise(fm_block block, double deviation, bool multiply)
{
    const size_t first = block.first_column / FM_PANEL, last = first + block.panels;
    const vec one = v_set1(1.0);
    for (size_t b = 0; b < block.rows; b++)
        for (size_t panel = first; panel < last; panel++)
            for (int v = 0; v < VECS; v++) {
                vecu c[4];
                draw_words(c, lane_numbers(panel / 2 * 8 + (size_t)v * VL), block.first_row + b,
                           FM_RANDOM_NOISE, &block);
                const vec uniform =
                    panel % 2 == 0 ? uniform_of(c[0], c[1]) : uniform_of(c[2], c[3]);
                const vec n = v_set1(deviation) * normal_quantile(uniform);
                const size_t j = (panel - first) * FM_PANEL + (size_t)v * VL;
                const vec x = load_biased(block, b, j), factor = one + n;
                store_value_slope(block, b, j,
                                  multiply ? (fm_value_slope){x * factor, factor}
                                           : (fm_value_slope){x + n, one});
            }
}

static void kernel_activation_gaussian_noise(fm_block block, const double *option)
{
    add_noise(block, fm_gaussian_noise_of(option).stddev, false);
}

static void kernel_activation_gaussian_dropout(fm_block block, const double *option)
{
    const double rate = fm_gaussian_dropout_of(option).rate;
    add_noise(block, sqrt(rate / (1.0 - rate)), true);
}
