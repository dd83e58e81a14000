/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples of few different values, learned in one pass: members code rows of their own and
 * share the codes, which who meets a new value adds to.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../machine.h"
#include "network.h"

/* Memory for entries, on huge pages: rows are read in any order. */
typedef struct entry_block {
    struct entry_block *before;
    size_t count, room;
    uint32_t entries[]; /* (room) */
} entry_block;
#define BLOCK_BYTES FM_HUGE_PAGE

struct fm_coded {
    size_t rows, features, members;
    double value[FM_MOST_CODES];
    fm_coded_row *row;   /* (rows) */
    entry_block **block; /* (members): the latest of each */
};

/* Codes as they were published: who reads them never sees them change. */
typedef struct known_codes {
    fm_codes codes;
    size_t count;
    struct known_codes *before;
} known_codes;

typedef struct coding {
    fm_coded *coded;
    const fm_kernels *kernels;
    fm_source source;
    fm_mutex adding;
    _Atomic(known_codes *) known; /* the latest */
    size_t most;                  /* entries */
    atomic_size_t taken;          /* of them */
    atomic_bool failed;           /* for want of memory or codes */
} coding;

/* Multipliers are tried until no two values share a place: a few, mostly one or two. */
#define MOST_MULTIPLIERS 64

static bool place_codes(known_codes *known)
{
    fm_codes *codes = &known->codes;
    for (uint64_t i = 0; i < MOST_MULTIPLIERS; i++) {
        codes->multiplier = 0x9E3779B97F4A7C15 * (2 * i + 1); /* 2^64 over the golden ratio */
        memset(codes->code, 0, sizeof codes->code);
        size_t c = 1;
        for (; c < known->count; c++) {
            const size_t place = fm_code_place(codes->multiplier, codes->bits[c]);
            if (place == 0 || codes->code[place] != 0)
                break;
            codes->code[place] = (uint8_t)c;
        }
        if (c == known->count)
            return true;
    }
    return false;
}

/* Adds a value unless it is there; false where it is not finite, or there are as many already.
 */
static bool add_value(known_codes *known, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    for (size_t c = 0; c < known->count; c++)
        if (known->codes.bits[c] == bits)
            return true;
    if (!isfinite(value) || known->count == FM_MOST_CODES)
        return false;
    known->codes.bits[known->count++] = bits;
    return true;
}

/* Publishes codes that have all values of a row. */
static bool learn_row(coding *run, size_t row)
{
    known_codes *known = malloc(sizeof *known);
    if (known == NULL)
        return false;
    fm_mutex_lock(&run->adding);
    known_codes *before = atomic_load(&run->known);
    *known = *before;
    known->before = before;
    const fm_source *from = &run->source;
    bool learned = true;
    for (size_t k = 0; k < from->features && learned; k++)
        learned =
            add_value(known, fm_raw_value(from->x, from->dtype, row * from->features + k));
    learned = learned && place_codes(known);
    if (learned)
        atomic_store(&run->known, known);
    else
        free(known);
    fm_mutex_unlock(&run->adding);
    return learned;
}

/* The block with room for a row; NULL if there is no memory. */
static entry_block *block_for_row(coding *run, entry_block **latest, size_t rows)
{
    /* The kernel may write four entries behind the last. */
    const size_t row = fm_pairs(run->source.features) + 4;
    entry_block *block = *latest;
    if (block != NULL && block->room - block->count >= row)
        return block;
    const size_t most = (BLOCK_BYTES - sizeof *block) / sizeof(uint32_t);
    const size_t fitting = rows < most / row ? row * rows : most;
    const size_t room = row > fitting ? row : fitting;
    block = fm_memory_take(sizeof *block + room * sizeof(uint32_t), FM_HUGE_PAGE);
    if (block == NULL)
        return NULL;
    *block = (entry_block){.before = *latest, .room = room};
    *latest = block;
    return block;
}

/* One row, the first of so many that are left. */
static bool code_row(coding *run, entry_block **latest, size_t row, size_t left)
{
    entry_block *block = block_for_row(run, latest, left);
    if (block == NULL)
        return false;
    uint32_t *end = block->entries + block->count;
    size_t count;
    while ((count = run->kernels->code_row(end, &run->source, &atomic_load(&run->known)->codes,
                                           row)) == SIZE_MAX)
        if (!learn_row(run, row))
            return false;
    run->coded->row[row] = (fm_coded_row){end, count};
    block->count += count;
    return atomic_fetch_add(&run->taken, count) + count <= run->most;
}

static void code_share(void *argument, const fm_member *self)
{
    coding *run = argument;
    const fm_range own = fm_team_share(run->coded->rows, self);
    entry_block **latest = &run->coded->block[self->index];
    for (size_t row = own.begin; row < own.end && !atomic_load(&run->failed); row++)
        if (!code_row(run, latest, row, own.end - row))
            atomic_store(&run->failed, true);
}

/* As many FMAs as take the time of coding an element. */
#define CODING_FMAS 4.0

/* The values of the latest codes; no codes are needed any more. */
static void keep_values(coding *run)
{
    known_codes *known = atomic_load(&run->known);
    memcpy(run->coded->value, known->codes.bits, sizeof run->coded->value);
    while (known != NULL) {
        known_codes *before = known->before;
        free(known);
        known = before;
    }
}

static fm_status code(coding *run, const fm_core *core, size_t most_bytes)
{
    fm_coded *coded = run->coded;
    const double fmas = CODING_FMAS * (double)coded->rows * (double)coded->features;
    coded->members = fm_members_for(fmas, fmas);
    coded->row = calloc(coded->rows, sizeof *coded->row);
    coded->block = calloc(coded->members, sizeof *coded->block);
    known_codes *first = calloc(1, sizeof *first);
    if (coded->row == NULL || coded->block == NULL || first == NULL) {
        free(first);
        return FM_ERROR_MEMORY;
    }
    first->count = 1; /* +0 */
    place_codes(first);
    atomic_store(&run->known, first);
    run->kernels = core->kernels;
    run->most = (most_bytes - coded->rows * sizeof *coded->row) / sizeof(uint32_t);
    fm_mutex_init(&run->adding);
    fm_team_run(coded->members, code_share, run);
    fm_mutex_destroy(&run->adding);
    keep_values(run);
    return FM_OK;
}

fm_status fm_code(fm_network *network, const fm_data *data, size_t most_bytes, fm_coded **coded)
{
    const fm_core *core = &network->core;
    coding run = {.source = fm_source_of(core, data)};
    *coded = NULL;
    if (!core->trains || data->indptr != NULL ||
        data->rows > most_bytes / sizeof(fm_coded_row) ||
        fm_pairs(core->inputs) > FM_MOST_CODED_PAIRS ||
        !(fm_density(core, &run.source, NULL, data->rows) < FM_SPARSE_DENSITY))
        return FM_OK;
    run.coded = calloc(1, sizeof *run.coded);
    if (run.coded == NULL)
        return FM_ERROR_MEMORY;
    run.coded->rows = data->rows;
    run.coded->features = core->inputs;
    const fm_status status = code(&run, core, most_bytes);
    if (status == FM_OK && !atomic_load(&run.failed))
        *coded = run.coded;
    else
        fm_coded_free(run.coded);
    return status;
}

void fm_coded_free(fm_coded *coded)
{
    if (coded == NULL)
        return;
    for (size_t i = 0; i < coded->members && coded->block != NULL; i++)
        while (coded->block[i] != NULL) {
            entry_block *before = coded->block[i]->before;
            fm_memory_free(coded->block[i]);
            coded->block[i] = before;
        }
    free(coded->block);
    free(coded->row);
    free(coded);
}

bool fm_coded_fits(const fm_coded *coded, size_t rows, size_t features)
{
    return coded->rows >= rows && coded->features == features;
}

void fm_read_coded(training_run *run, const fm_coded *coded)
{
    for (size_t i = 0; i < FM_MOST_CODES; i++)
        run->table[i] = coded->value[i] * run->source.scale + run->source.offset;
    run->source.table = run->table;
    run->source.coded = coded->row;
}
