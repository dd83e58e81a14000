/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows a product, in place on a block that is still in cache: y = f(y), and for
 * training slope *= f'(y), so that the backward pass is one multiplication whatever f was.
 */
#include "simd.h"
#include "../random.h"

/* What f is applied to: the vector at row b and column j of the block. */
INLINE vec load_biased(fm_block block, size_t b, size_t j)
{
    const vec z = v_load(block.y + b * block.stride + j);
    return block.bias != NULL ? z + v_load(block.bias + j) : z;
}

/* One vector: y, and the factor to its slope. */
typedef struct fm_value_slope {
    vec y, slope;
} fm_value_slope;

INLINE void store_value_slope(fm_block block, size_t b, size_t j, fm_value_slope result)
{
    const size_t at = b * block.stride + j;
    v_store(block.y + at, result.y);
    if (block.slope == NULL)
        return;
    v_store(block.slope + at,
            block.first ? result.slope : v_load(block.slope + at) * result.slope);
}

static void kernel_add_bias(fm_block block)
{
    for (size_t b = 0; b < block.rows; b++)
        for (size_t j = 0; j < block.panels * FM_PANEL; j += VL)
            store_value_slope(block, b, j,
                              (fm_value_slope){load_biased(block, b, j), v_set1(1.0)});
}

static void kernel_activation_relu(fm_block block, const double *option)
{
    const fm_relu_options o = fm_relu_of(option);
    const vec slope = v_set1(o.negative_slope), top = v_set1(o.max_value);
    const vec edge = v_set1(o.threshold), one = v_set1(1.0);
    for (size_t b = 0; b < block.rows; b++)
        for (size_t j = 0; j < block.panels * FM_PANEL; j += VL) {
            const vec z = load_biased(block, b, j);
            const veci above = z > edge, cut = z >= top;
            /* NaN passes; minus infinity gives 0, not NaN, if the slope is 0 */
            const vec below = o.negative_slope == 0 ? v_keep(z != z, z) : slope * (z - edge);
            const vec y = v_select(cut, top, v_select(above, z, below));
            const vec dy = v_select(cut, (vec){0}, v_select(above, one, slope));
            store_value_slope(block, b, j, (fm_value_slope){y, dy});
        }
}

/* Loops a formula on one vector, which reads its options from `option`, over the block. */
INLINE void activate(fm_value_slope function(vec, const double *), fm_block block,
                     const double *option)
{
    for (size_t b = 0; b < block.rows; b++)
        for (size_t j = 0; j < block.panels * FM_PANEL; j += VL)
            store_value_slope(block, b, j, function(load_biased(block, b, j), option));
}

INLINE fm_value_slope tanh_formula(vec x, const double *option)
{
    (void)option;
    const vec y = v_tanh(x);
    return (fm_value_slope){y, v_fnma(y, y, v_set1(1.0))};
}

static void kernel_activation_tanh(fm_block block, const double *option)
{
    activate(tanh_formula, block, option);
}

/* e = exp(-|x|) does not overflow, and e / (1 + e) keeps small values accurate. */
INLINE fm_value_slope sigmoid_formula(vec x, const double *option)
{
    (void)option;
    const vec one = v_set1(1.0);
    const vec e = v_exp(v_of_bits((veci)x | (veci)v_set1(-0.0)));
    const vec above = one / (one + e);
    const vec y = v_select(x < (vec){0}, e * above, above);
    return (fm_value_slope){y, e * above * above};
}

static void kernel_activation_sigmoid(fm_block block, const double *option)
{
    activate(sigmoid_formula, block, option);
}

INLINE fm_value_slope rescaling_formula(vec x, const double *option)
{
    const fm_rescaling_options o = fm_rescaling_of(option);
    return (fm_value_slope){x * v_set1(o.scale) + v_set1(o.offset), v_set1(o.scale)};
}

static void kernel_activation_rescaling(fm_block block, const double *option)
{
    activate(rescaling_formula, block, option);
}

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

/* The mask of column j is word j / 8 % 4 of block j / 32 * 8 + j % 8 (fastmlp/random.py): the
 * four panels of a group of 32 columns are the four words of eight blocks. */
static void kernel_activation_dropout(fm_block block, const double *option)
{
    const double rate = fm_dropout_of(option).rate;
    const size_t first = block.first_column / FM_PANEL, last = first + block.panels;
    const veci threshold = (veci){0} + (int64_t)(rate * 4294967296.0);
    const vec scale = v_set1(1.0 / (1.0 - rate));
    vecu lane = {0};
    for (int i = 0; i < VL; i++)
        lane[i] = (uint64_t)i;
    for (size_t b = 0; b < block.rows; b++)
        for (size_t group = first / 4; group * 4 < last; group++)
            for (int v = 0; v < VECS; v++) {
                vecu c[4] = {lane + (uint64_t)(group * 8 + (size_t)v * VL),
                             (vecu){0} + (uint32_t)(block.first_row + b),
                             (vecu){0} + fm_counter_step(block.step),
                             (vecu){0} + fm_counter_what(FM_RANDOM_DROPOUT, block.step)};
                philox_lanes(c, block.seed);
                for (size_t word = 0; word < 4; word++) {
                    const size_t panel = group * 4 + word;
                    if (panel < first || panel >= last)
                        continue;
                    const size_t j = (panel - first) * FM_PANEL + (size_t)v * VL;
                    const vec kept = v_keep((veci)c[word] >= threshold, scale);
                    /* a dropped infinity must become 0, not NaN: mask, do not multiply */
                    const vec y =
                        v_keep((veci)c[word] >= threshold, load_biased(block, b, j) * scale);
                    store_value_slope(block, b, j, (fm_value_slope){y, kept});
                }
            }
}

static void kernel_multiply(fm_block d)
{
    for (size_t b = 0; b < d.rows; b++)
        for (size_t j = 0; j < d.panels * FM_PANEL; j += VL) {
            const size_t at = b * d.stride + j;
            v_store(d.y + at, v_load(d.y + at) * v_load(d.slope + at));
        }
}
