/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the caller's array become float64, densely or as lists of non-zeros.
 */
#include "simd.h"

/* Element `at` of the source, rescaled; dtype is a compile-time constant where this is used. */
INLINE double source_value(const fm_source *source, const fm_dtype dtype, size_t at)
{
    switch (dtype) {
    case FM_FLOAT64:
        return ((const double *)source->x)[at] * source->scale + source->offset;
    case FM_FLOAT32:
        return (double)((const float *)source->x)[at] * source->scale + source->offset;
    case FM_UINT8:
        return source->table[((const uint8_t *)source->x)[at]];
    }
    return 0;
}

INLINE void gather_rows(double *x, size_t x_stride, const fm_source *source,
                        const fm_dtype dtype, const int64_t *order, size_t rows)
{
    for (size_t b = 0; b < rows; b++) {
        double *row = x + b * x_stride;
        const size_t start = (size_t)order[b] * source->features;
        for (size_t k = 0; k < source->features; k++)
            row[k] = source_value(source, dtype, start + k);
        for (size_t k = source->features; k < x_stride; k++)
            row[k] = 0;
    }
}

static void kernel_gather(double *x, size_t x_stride, const fm_source *source,
                          const int64_t *order, size_t rows)
{
    switch (source->dtype) {
    case FM_FLOAT64:
        gather_rows(x, x_stride, source, FM_FLOAT64, order, rows);
        break;
    case FM_FLOAT32:
        gather_rows(x, x_stride, source, FM_FLOAT32, order, rows);
        break;
    case FM_UINT8:
        gather_rows(x, x_stride, source, FM_UINT8, order, rows);
        break;
    }
}

/* Appends without a branch: the entry is always written and kept if it is not zero. */
INLINE size_t append(fm_entry *entries, size_t count, double value, size_t k)
{
    entries[count] = (fm_entry){value, k};
    return count + (value != 0);
}

INLINE size_t list_row(fm_entry *entries, const fm_source *source, const fm_dtype dtype,
                       size_t start, size_t begin, size_t end)
{
    size_t count = 0;
    for (size_t k = begin; k < end; k++)
        count = append(entries, count, source_value(source, dtype, start + k), k);
    return count;
}

/* Bytes: eight zeros at a time are skipped. table[0] must be 0. */
static size_t list_row_of_bytes(fm_entry *entries, const fm_source *source, size_t start,
                                size_t begin, size_t end)
{
    const uint8_t *bytes = (const uint8_t *)source->x + start;
    size_t count = 0, k = begin;
    for (; k + 8 <= end; k += 8) {
        uint64_t word;
        memcpy(&word, bytes + k, sizeof word);
        if (word == 0)
            continue;
        for (size_t i = 0; i < 8; i++)
            count = append(entries, count, source->table[bytes[k + i]], k + i);
    }
    for (; k < end; k++)
        count = append(entries, count, source->table[bytes[k]], k);
    return count;
}

static size_t kernel_gather_sparse(fm_entry *entries, const fm_source *source, size_t row,
                                   size_t begin, size_t end, fm_entry *by_feature,
                                   uint32_t *counts, size_t capacity, size_t b)
{
    assert(source->offset == 0);
    const size_t start = row * source->features;
    size_t count = 0;
    switch (source->dtype) {
    case FM_FLOAT64:
        count = list_row(entries, source, FM_FLOAT64, start, begin, end);
        break;
    case FM_FLOAT32:
        count = list_row(entries, source, FM_FLOAT32, start, begin, end);
        break;
    case FM_UINT8:
        count = list_row_of_bytes(entries, source, start, begin, end);
        break;
    }
    if (by_feature != NULL)
        for (size_t e = 0; e < count; e++) {
            const size_t k = entries[e].index;
            by_feature[k * capacity + counts[k]++] = (fm_entry){entries[e].value, b};
        }
    return count;
}
