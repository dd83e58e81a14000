/* SPDX-License-Identifier: Apache-2.0
 *
 * What follows a product, in place on a block that is still in cache: y = f(y), and for
 * training slope *= f'(y), so that the backward pass is one multiplication whatever f was.
 */
#include "simd.h"

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

/* Loops a formula on one vector, which reads its options from `option`, over the block. */
INLINE void activate(fm_value_slope function(vec, const double *), fm_block block,
                     const double *option)
{
    for (size_t b = 0; b < block.rows; b++)
        for (size_t j = 0; j < block.panels * FM_PANEL; j += VL)
            store_value_slope(block, b, j, function(load_biased(block, b, j), option));
}

/* The kernel of an activation, from its formula. The options are copied, or every store could
 * be one to them. */
#define ACTIVATION(name)                                                                       \
    static void kernel_activation_##name(fm_block block, const double *option)                 \
    {                                                                                          \
        const fm_##name##_options own = fm_##name##_of(option);                                \
        activate(name##_formula, block, (const double *)&own);                                 \
    }

static void kernel_multiply(fm_block d)
{
    for (size_t b = 0; b < d.rows; b++)
        for (size_t j = 0; j < d.panels * FM_PANEL; j += VL) {
            const size_t at = b * d.stride + j;
            v_store(d.y + at, v_load(d.y + at) * v_load(d.slope + at));
        }
}
