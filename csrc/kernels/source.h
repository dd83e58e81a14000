/* SPDX-License-Identifier: Apache-2.0
 *
 * One look at the caller's array.
 */
#include "simd.h"

/* Element `at` of the source, rescaled; dtype is a compile-time constant where this is used. */
INLINE double source_value(const fm_source *source, const fm_dtype dtype, size_t at)
{
    if (dtype == FM_UINT8)
        return source->table[((const uint8_t *)source->x)[at]];
    return fm_raw_value(source->x, dtype, at) * source->scale + source->offset;
}

/* Whether the features at, ... at + 7 of the source are zero; -0 may pass for a non-zero, which
 * only costs a closer look. table[0] must be 0. */
INLINE bool eight_zeros(const fm_source *source, const fm_dtype dtype, size_t at)
{
    uint64_t words[4];
    switch (dtype) {
    case FM_FLOAT64:
        return panel_is_zero((const double *)source->x + at);
    case FM_FLOAT32:
        memcpy(words, (const float *)source->x + at, sizeof words);
        return ((words[0] | words[1]) | (words[2] | words[3])) == 0;
    case FM_UINT8:
        memcpy(words, (const uint8_t *)source->x + at, sizeof words[0]);
        return words[0] == 0;
    }
    return false;
}
