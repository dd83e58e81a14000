/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the caller's array become float64, densely or as lists of non-zeros.
 */
#include "simd.h"

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

/* The feature of entry e of a sparse source; a negative one is too large. */
INLINE size_t sparse_feature(const fm_source *source, int64_t e)
{
    return (size_t)(uint32_t)source->indices[e];
}

static void gather_sparse_rows(double *x, size_t x_stride, const fm_source *source,
                               const int64_t *order, size_t rows)
{
    for (size_t b = 0; b < rows; b++) {
        double *row = x + b * x_stride;
        for (size_t k = 0; k < x_stride; k++)
            row[k] = k < source->features ? source->offset : 0;
        const int64_t end = source->indptr[order[b] + 1];
        for (int64_t e = source->indptr[order[b]]; e < end; e++) {
            const size_t k = sparse_feature(source, e);
            if (k < source->features)
                row[k] = source_value(source, FM_FLOAT64, (size_t)e);
        }
    }
}

static void kernel_gather(double *x, size_t x_stride, const fm_source *source,
                          const int64_t *order, size_t rows)
{
    if (source->coded != NULL) {
        gather_coded_rows(x, x_stride, source, order, rows);
        return;
    }
    if (source->indptr != NULL) {
        gather_sparse_rows(x, x_stride, source, order, rows);
        return;
    }
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

/* Where the next entries of a list go. */
typedef struct list_end {
    double *value;
    uint32_t *place;
} list_end;

/* Appends without a branch: the entry is always written and kept if it is not zero. */
INLINE void append(list_end *end, double value, size_t k)
{
    *end->value = value;
    *end->place = (uint32_t)(k * FM_PANEL);
    end->value += value != 0;
    end->place += value != 0;
}

/* Appends the features k to k + 7, from `at` on in the source. */
INLINE void append_eight(list_end *end, const fm_source *source, const fm_dtype dtype,
                         size_t at, size_t k)
{
    if (eight_zeros(source, dtype, at))
        return;
#if defined(FM_APPEND_NONZEROS)
    if (dtype != FM_UINT8) {
        vec x;
        if (dtype == FM_FLOAT64) {
            x = v_load((const double *)source->x + at);
        } else {
            typedef float floats __attribute__((vector_size(FM_PANEL * sizeof(float))));
            floats narrow;
            memcpy(&narrow, (const float *)source->x + at, sizeof narrow);
            x = __builtin_convertvector(narrow, vec);
        }
        x = x * v_set1(source->scale) + v_set1(source->offset);
        const size_t count =
            append_nonzeros(end->value, end->place, x, (uint32_t)(k * FM_PANEL));
        end->value += count;
        end->place += count;
        return;
    }
#endif
    for (size_t i = 0; i < FM_PANEL; i++)
        append(end, source_value(source, dtype, at + i), k + i);
}

/* Appends the features [k, stop) of the row from `start` on. */
INLINE void list_features(list_end *end, const fm_source *source, const fm_dtype dtype,
                          size_t start, size_t k, size_t stop)
{
    for (; k + FM_PANEL <= stop; k += FM_PANEL)
        append_eight(end, source, dtype, start + k, k);
    for (; k < stop; k++)
        append(end, source_value(source, dtype, start + k), k);
}

/* The same of a sparse row, whose entries are looked at from *next on. */
static void list_sparse_features(list_end *end, const fm_source *source, int64_t last,
                                 int64_t *next, size_t k, size_t stop)
{
    int64_t e = *next;
    for (; e < last; e++) {
        const size_t feature = sparse_feature(source, e);
        if (feature >= stop && feature < source->features)
            break;
        if (feature < k || feature >= source->features)
            continue;
        append(end, source_value(source, FM_FLOAT64, (size_t)e), feature);
        k = feature + 1;
    }
    *next = e;
}

static void kernel_list_rows(double *values, uint32_t *places, uint32_t *starts,
                             const fm_source *source, size_t first, size_t rows)
{
    assert(source->offset == 0 && source->features <= FM_LIST_FEATURES);
    const fm_source from = *source; /* nothing that is stored can change a copy */
    const size_t blocks = fm_list_blocks(from.features);
    list_end end = {values, places};
    *starts = 0;
    for (size_t row = first; row < first + rows; row++) {
        const size_t start = row * from.features;
        int64_t next = from.indptr != NULL ? from.indptr[row] : 0;
        for (size_t i = 0; i < blocks; i++) {
            const size_t k = i * FM_LIST_BLOCK;
            const size_t stop = smaller(k + FM_LIST_BLOCK, from.features);
            if (from.indptr != NULL)
                list_sparse_features(&end, &from, from.indptr[row + 1], &next, k, stop);
            else if (from.dtype == FM_FLOAT64)
                list_features(&end, &from, FM_FLOAT64, start, k, stop);
            else if (from.dtype == FM_FLOAT32)
                list_features(&end, &from, FM_FLOAT32, start, k, stop);
            else
                list_features(&end, &from, FM_UINT8, start, k, stop);
            *++starts = (uint32_t)(end.value - values);
        }
    }
}

/* Whether the features at and at + 1 of the source are not both zero. */
INLINE bool pair_is_nonzero(const fm_source *source, const fm_dtype dtype, size_t at)
{
    uint64_t words[2] = {0};
    uint16_t bytes;
    switch (dtype) {
    case FM_FLOAT64:
        memcpy(words, (const double *)source->x + at, sizeof words);
        return (words[0] | words[1]) << 1 != 0; /* but for the signs */
    case FM_FLOAT32:
        memcpy(words, (const float *)source->x + at, sizeof words[0]);
        return (words[0] & 0x7FFFFFFF7FFFFFFF) != 0;
    case FM_UINT8:
        memcpy(&bytes, (const uint8_t *)source->x + at, sizeof bytes);
        return bytes != 0;
    }
    return false;
}

/* Appends batch row b to the list that ends at *end, without a branch, as append does. */
INLINE void append_pair(fm_pair **end, const fm_source *source, const fm_dtype dtype, size_t at,
                        size_t b)
{
    fm_pair *to = *end;
    *to = (fm_pair){{source_value(source, dtype, at), source_value(source, dtype, at + 1)}, b};
    *end = to + pair_is_nonzero(source, dtype, at);
}

/* Bytes of a feature. */
INLINE size_t source_bytes(const fm_dtype dtype)
{
    return dtype == FM_FLOAT64 ? 8 : dtype == FM_FLOAT32 ? 4 : 1;
}

/* Fetches the line that holds element `at` of the source, or would. */
INLINE void fetch_element(const fm_source *source, const fm_dtype dtype, size_t at)
{
    __builtin_prefetch((const char *)source->x + at * source_bytes(dtype));
}

/* Appends a row to the lists of the pairs [begin, end), which end at ends[0 .. end - begin).
 * What the row has `ahead` features further on is fetched: it is read after the other rows of
 * the batch. The source comes by value, since nothing that is stored can change a copy. */
INLINE void list_pairs(fm_pair **ends, const fm_source source, const fm_dtype dtype,
                       size_t start, size_t b, size_t begin, size_t end, size_t ahead)
{
    size_t pair = begin;
    for (; pair + 4 <= end && 2 * pair + 8 <= source.features; pair += 4) {
        const size_t at = start + 2 * pair;
        fetch_element(&source, dtype, at + ahead);
        if (eight_zeros(&source, dtype, at))
            continue;
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++)
            append_pair(&ends[pair - begin + i], &source, dtype, at + 2 * i, b);
    }
    for (; pair < end && 2 * pair + 1 < source.features; pair++)
        append_pair(&ends[pair - begin], &source, dtype, start + 2 * pair, b);
    if (pair < end) { /* the last of an odd number of features */
        const double value = source_value(&source, dtype, start + 2 * pair);
        *ends[pair - begin] = (fm_pair){{value, 0}, b};
        ends[pair - begin] += value != 0;
    }
}

/* The first entry of a row [begin, end) of a sparse source whose feature is at least k. */
INLINE int64_t sparse_from(const fm_source *source, int64_t begin, int64_t end, size_t k)
{
    while (begin < end) {
        const int64_t middle = begin + (end - begin) / 2;
        if (source->indices[middle] < (int64_t)k)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* Rows of a batch lie anywhere in memory: what a block reads first of a row is fetched while
 * that many rows before it are listed. A step of 128 rows took 362 us without, 338 with. */
#define ROWS_AHEAD 8

/* The pairs [begin, end) of row `row` of a sparse source: each that is there adds to the count
 * of its span, and if `place`, is put behind the list as batch row b. Whether features beside
 * each other are one pair or two no branch predictor knows. The source comes by value, as
 * above. */
INLINE void list_sparse_row_pairs(const bool place, fm_pair *entries, fm_span *spans,
                                  const fm_source source, size_t row, size_t b, size_t begin,
                                  size_t end)
{
    const int64_t stop = (int64_t)smaller(2 * end, source.features);
    const int64_t last = source.indptr[row + 1];
    int64_t next = (int64_t)(2 * begin), e = source.indptr[row];
    size_t open = SIZE_MAX; /* the pair that came last */
    if (begin > 0)
        e = sparse_from(&source, e, last, 2 * begin);
    for (; e < last; e++) {
        const int64_t feature = source.indices[e]; /* negative ones come first */
        if (feature >= stop)
            break;
        if (feature < next || ((const double *)source.x)[e] == 0)
            continue;
        const size_t k = (size_t)feature, pair = k / 2, side = k % 2;
        const bool fresh = pair != open;
        const size_t count = spans[pair].count;
        spans[pair].count = count + fresh;
        if (place) {
            fm_pair *to = &entries[spans[pair].begin + count - !fresh];
            to->value[!side] = fresh ? 0 : to->value[!side];
            to->value[side] = source_value(&source, FM_FLOAT64, (size_t)e);
            to->row = b;
        }
        open = pair;
        next = feature + 1;
    }
}

/* Fetches a row of a sparse source. */
INLINE void fetch_sparse_row(const fm_source *source, size_t row)
{
    const int64_t end = source->indptr[row + 1];
    for (int64_t e = source->indptr[row]; e < end; e += 8) {
        __builtin_prefetch((const double *)source->x + e);
        if (e % 16 < 8)
            __builtin_prefetch(source->indices + e);
    }
}

/* The pairs [begin, end) of a sparse source's rows, one list behind the other from entries[at]
 * on: counted, then placed. Each row adds to a list once at most, so that nothing comes to lie
 * behind entries[at + (end - begin) * rows], even if others change the source meanwhile. */
static void list_sparse(fm_pair *entries, fm_span *spans, size_t at, const fm_source *source,
                        const int64_t *order, size_t rows, size_t begin, size_t end)
{
    for (size_t pair = begin; pair < end; pair++)
        spans[pair].count = 0;
    for (size_t b = 0; b < rows; b++) {
        if (b + ROWS_AHEAD < rows)
            fetch_sparse_row(source, (size_t)order[b + ROWS_AHEAD]);
        list_sparse_row_pairs(false, entries, spans, *source, (size_t)order[b], b, begin, end);
    }
    for (size_t pair = begin; pair < end; pair++) {
        const size_t count = spans[pair].count;
        spans[pair] = (fm_span){at, 0};
        at += count;
    }
    for (size_t b = 0; b < rows; b++)
        list_sparse_row_pairs(true, entries, spans, *source, (size_t)order[b], b, begin, end);
}

/* The pairs [begin, end) of all rows, that of pair i from lists[(i - begin) * rows] on. */
static void list_block(fm_pair *lists, fm_pair **ends, const fm_source *source,
                       const int64_t *order, size_t rows, size_t begin, size_t end)
{
    const size_t ahead = 2 * (end - begin);
    for (size_t i = 0; i < end - begin; i++)
        ends[i] = lists + i * rows;
    for (size_t b = 0; b < rows; b++) {
        const size_t start = (size_t)order[b] * source->features;
        if (b + ROWS_AHEAD < rows)
            fetch_element(source, source->dtype,
                          (size_t)order[b + ROWS_AHEAD] * source->features + 2 * begin);
        switch (source->dtype) {
        case FM_FLOAT64:
            list_pairs(ends, *source, FM_FLOAT64, start, b, begin, end, ahead);
            break;
        case FM_FLOAT32:
            list_pairs(ends, *source, FM_FLOAT32, start, b, begin, end, ahead);
            break;
        case FM_UINT8:
            list_pairs(ends, *source, FM_UINT8, start, b, begin, end, ahead);
            break;
        }
    }
}

/* Lists grow side by side in scratch, a block of pairs at a time, and go from there one behind
 * the other to entries: who reads them, often another core, then reads a stream that
 * the CPU prefetches. */
static void kernel_gather_pairs(fm_pair *entries, fm_span *spans, size_t capacity,
                                const fm_source *source, const int64_t *order, size_t rows,
                                size_t begin, size_t end, fm_pair *scratch)
{
    assert(source->offset == 0 && rows <= capacity && rows <= FM_GRADIENT_BLOCK);
    if (source->coded != NULL) {
        list_coded(entries, spans, begin * capacity, source, order, rows, begin, end, scratch);
        return;
    }
    if (source->indptr != NULL) {
        list_sparse(entries, spans, begin * capacity, source, order, rows, begin, end);
        return;
    }
    fm_pair *ends[FM_PAIR_BLOCK];
    const size_t fitting = rows > 0 ? FM_PAIR_SCRATCH / rows / 4 * 4 : FM_PAIR_BLOCK;
    const size_t block = smaller(fitting, FM_PAIR_BLOCK);
    size_t at = begin * capacity;
    for (size_t first = begin; first < end; first += block) {
        const size_t last = smaller(first + block, end);
        list_block(scratch, ends, source, order, rows, first, last);
        for (size_t pair = first; pair < last; pair++) {
            const fm_pair *list = scratch + (pair - first) * rows;
            const size_t count = (size_t)(ends[pair - first] - list);
            spans[pair] = (fm_span){at, count};
            for (size_t e = 0; e < count; e++)
                entries[at + e] = list[e];
            at += count;
        }
    }
}
