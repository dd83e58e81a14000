/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of few different values become codes, once; those become batches, densely or by pairs.
 */
#include "simd.h"

/* The end of a row's entries, and what was found of values without a code: bits that differ. */
typedef struct coded_end {
    uint32_t *at;
    uint64_t unknown;
} coded_end;

INLINE uint32_t code_of(coded_end *end, const fm_codes *codes, uint64_t multiplier,
                        uint64_t bits)
{
    const uint32_t code = codes->code[fm_code_place(multiplier, bits)];
    end->unknown |= codes->bits[code] ^ bits;
    return code;
}

/* Appends a pair without a branch: the entry is always written and kept if it is not zero. */
INLINE void append_coded(coded_end *end, const fm_codes *codes, uint64_t multiplier,
                         size_t pair, double first, double second)
{
    uint64_t bits[2];
    memcpy(&bits[0], &first, sizeof first);
    memcpy(&bits[1], &second, sizeof second);
    const uint32_t code = code_of(end, codes, multiplier, bits[0]);
    *end->at = (uint32_t)pair << 16 | code_of(end, codes, multiplier, bits[1]) << 8 | code;
    end->at += (bits[0] | bits[1]) << 1 != 0; /* but for the signs */
}

INLINE size_t code_row(uint32_t *entries, const fm_source *source, const fm_dtype dtype,
                       const fm_codes *codes, size_t row)
{
    const size_t start = row * source->features, whole = source->features / 2;
    const uint64_t multiplier = codes->multiplier;
    coded_end end = {entries, 0};
    size_t pair = 0;
    for (; pair + 4 <= whole; pair += 4) {
        if (eight_zeros(source, dtype, start + 2 * pair))
            continue;
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++)
            append_coded(&end, codes, multiplier, pair + i,
                         fm_raw_value(source->x, dtype, start + 2 * (pair + i)),
                         fm_raw_value(source->x, dtype, start + 2 * (pair + i) + 1));
    }
    for (; pair < whole; pair++)
        append_coded(&end, codes, multiplier, pair,
                     fm_raw_value(source->x, dtype, start + 2 * pair),
                     fm_raw_value(source->x, dtype, start + 2 * pair + 1));
    if (source->features % 2 > 0)
        append_coded(&end, codes, multiplier, pair,
                     fm_raw_value(source->x, dtype, start + 2 * pair), 0);
    return end.unknown == 0 ? (size_t)(end.at - entries) : SIZE_MAX;
}

static size_t kernel_code_row(uint32_t *entries, const fm_source *source, const fm_codes *codes,
                              size_t row)
{
    const fm_source from = *source; /* nothing that is stored can change a copy */
    assert(from.indptr == NULL && (from.features + 1) / 2 <= FM_MOST_CODED_PAIRS);
    switch (from.dtype) {
    case FM_FLOAT64:
        return code_row(entries, &from, FM_FLOAT64, codes, row);
    case FM_FLOAT32:
        return code_row(entries, &from, FM_FLOAT32, codes, row);
    case FM_UINT8:
        return code_row(entries, &from, FM_UINT8, codes, row);
    }
    return SIZE_MAX;
}

/* Rows lie anywhere in memory: so many before one is read its entries are fetched, and where
 * they are is fetched in time for that. */
#define CODED_ROWS_AHEAD 6

/* Fetches about what a row has of the pairs [begin, end) of `pairs`. */
INLINE void fetch_coded_row(const fm_coded_row *row, size_t begin, size_t end, size_t pairs)
{
    const size_t last = row->count * end / pairs;
    for (size_t e = row->count * begin / pairs; e < last; e += 16) /* a cache line */
        __builtin_prefetch(&row->entries[e]);
}

INLINE void fetch_coded_rows(const fm_source *source, const int64_t *order, size_t b,
                             size_t rows, size_t begin, size_t end)
{
    const size_t far = 3 * CODED_ROWS_AHEAD, pairs = (source->features + 1) / 2;
    for (size_t i = b == 0 ? 0 : b + far; i <= b + far && i < rows; i++)
        __builtin_prefetch(&source->coded[order[i]]);
    for (size_t i = b == 0 ? 0 : b + CODED_ROWS_AHEAD; i <= b + CODED_ROWS_AHEAD && i < rows;
         i++)
        fetch_coded_row(&source->coded[order[i]], begin, end, pairs);
}

static void gather_coded_rows(double *x, size_t x_stride, const fm_source *source,
                              const int64_t *order, size_t rows)
{
    const double *table = source->table;
    for (size_t b = 0; b < rows; b++) {
        fetch_coded_rows(source, order, b, rows, 0, (source->features + 1) / 2);
        double *to = x + b * x_stride;
        for (size_t k = 0; k < x_stride; k++)
            to[k] = k < source->features ? table[0] : 0;
        const fm_coded_row row = source->coded[order[b]];
        for (size_t e = 0; e < row.count; e++) {
            const uint32_t entry = row.entries[e];
            const size_t k = entry >> 16 << 1;
            to[k] = table[entry & 255];
            if (k + 1 < source->features)
                to[k + 1] = table[entry >> 8 & 255];
        }
    }
}

/* The first entry of a row whose pair is at least `pair`. */
INLINE size_t coded_from(const fm_coded_row *row, size_t pair)
{
    size_t begin = 0, end = row->count;
    while (begin < end) {
        const size_t middle = (begin + end) / 2;
        if (row->entries[middle] >> 16 < pair)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* Entries of a row that are not listed yet. */
typedef struct coded_share {
    uint32_t begin, end;
} coded_share;

/* Counts what the pairs [begin, end) have of each row, to spans. */
static void count_coded(fm_span *spans, coded_share *shares, const fm_source *source,
                        const int64_t *order, size_t rows, size_t begin, size_t end)
{
    for (size_t pair = begin; pair < end; pair++)
        spans[pair].count = 0;
    for (size_t b = 0; b < rows; b++) {
        fetch_coded_rows(source, order, b, rows, begin, end);
        const fm_coded_row row = source->coded[order[b]];
        const size_t first = coded_from(&row, begin), last = coded_from(&row, end);
        shares[b] = (coded_share){(uint32_t)first, (uint32_t)last};
        for (size_t e = first; e < last; e++)
            spans[row.entries[e] >> 16].count++;
    }
}

/* The pairs [begin, end) of rows, one list behind the other from entries[at] on: counted, then
 * placed in scratch as many lists at a time as fit there, for the reason that gather_pairs
 * has. */
static void list_coded(fm_pair *entries, fm_span *spans, size_t at, const fm_source *source,
                       const int64_t *order, size_t rows, size_t begin, size_t end,
                       fm_pair *scratch)
{
    const double *table = source->table;
    coded_share shares[FM_GRADIENT_BLOCK];
    count_coded(spans, shares, source, order, rows, begin, end);
    for (size_t first = begin, last = begin; first < end; first = last) {
        size_t total = 0;
        for (; last < end && total + spans[last].count <= FM_PAIR_SCRATCH; last++) {
            const size_t count = spans[last].count;
            spans[last] = (fm_span){total, 0};
            total += count;
        }
        assert(last > first);
        for (size_t b = 0; b < rows; b++) {
            const uint32_t *row = source->coded[order[b]].entries;
            uint32_t e = shares[b].begin;
            for (; e < shares[b].end && row[e] >> 16 < last; e++) {
                fm_span *span = &spans[row[e] >> 16];
                scratch[span->begin + span->count++] =
                    (fm_pair){{table[row[e] & 255], table[row[e] >> 8 & 255]}, b};
            }
            shares[b].begin = e;
        }
        for (size_t pair = first; pair < last; pair++)
            spans[pair].begin += at;
        for (size_t e = 0; e < total; e++)
            entries[at + e] = scratch[e];
        at += total;
    }
}
