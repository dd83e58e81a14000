/* SPDX-License-Identifier: Apache-2.0 */
#include "catalog.h"

#include <string.h>

typedef struct option_entry {
    const char *name;
    double standard;
    fm_range_kind range;
} option_entry;

typedef struct word_entry {
    const char *name;
    option_entry option[FM_MAX_OPTIONS + 1]; /* a word without options needs one, too */
} word_entry;

#define OPTION(name, standard, range) {#name, standard, range},
#define WORD(name, options, ...) {#name, {options{NULL, 0, FM_ANY}}},

static const word_entry operations[] = {FM_OPERATIONS(WORD, OPTION)};
static const word_entry losses[] = {FM_LOSSES(WORD, OPTION)};
static const word_entry reductions[] = {FM_REDUCTIONS(WORD, OPTION)};
static const word_entry optimizers[] = {FM_OPTIMIZERS(WORD, OPTION)};
static const word_entry regularizers[] = {FM_REGULARIZERS(WORD, OPTION)};
static const word_entry constraints[] = {FM_CONSTRAINTS(WORD, OPTION)};

static const struct {
    const word_entry *words;
    int count;
} families[FM_FAMILY_COUNT] = {
    [FM_OPERATION_FAMILY] = {operations, FM_OPERATION_COUNT},
    [FM_LOSS_FAMILY] = {losses, FM_LOSS_COUNT},
    [FM_REDUCTION_FAMILY] = {reductions, FM_REDUCTION_COUNT},
    [FM_OPTIMIZER_FAMILY] = {optimizers, FM_OPTIMIZER_COUNT},
    [FM_REGULARIZER_FAMILY] = {regularizers, FM_REGULARIZER_COUNT},
    [FM_CONSTRAINT_FAMILY] = {constraints, FM_CONSTRAINT_COUNT},
};

static const word_entry *entry_of(fm_family family, int kind)
{
    if ((unsigned)family >= FM_FAMILY_COUNT || kind < 0 || kind >= families[family].count)
        return NULL;
    return &families[family].words[kind];
}

int fm_find(fm_family family, const char *name)
{
    const word_entry *word;
    for (int kind = 0; (word = entry_of(family, kind)) != NULL; kind++)
        if (strcmp(word->name, name) == 0)
            return kind;
    return -1;
}

const char *fm_name(fm_family family, int kind)
{
    const word_entry *word = entry_of(family, kind);
    return word != NULL ? word->name : NULL;
}

static const option_entry *option_of(fm_family family, int kind, size_t index)
{
    static const option_entry none = {NULL, 0, FM_ANY};
    const word_entry *word = entry_of(family, kind);
    return word != NULL && index < FM_MAX_OPTIONS ? &word->option[index] : &none;
}

const char *fm_option_name(fm_family family, int kind, size_t index)
{
    return option_of(family, kind, index)->name;
}

size_t fm_option_index(fm_family family, int kind, const char *name)
{
    size_t index = 0;
    while (strcmp(fm_option_name(family, kind, index), name) != 0)
        index++;
    return index;
}

double fm_option_default(fm_family family, int kind, size_t index)
{
    return option_of(family, kind, index)->standard;
}

static bool is_in_range(fm_range_kind range, double value)
{
    switch (range) {
    case FM_ANY:
        return isfinite(value);
    case FM_LEAST_0:
        return value >= 0 && isfinite(value);
    case FM_POSITIVE:
        return value > 0;
    case FM_MOST_0:
        return value <= 0 && isfinite(value);
    case FM_RATE:
        return value >= 0 && value < 1;
    case FM_SHARE:
        return value > 0 && value <= 1;
    case FM_MARGIN:
        return value >= 0 && value < 0.5;
    case FM_FLAG:
        return value == 0 || value == 1;
    case FM_FEW:
        return value >= 1 && value <= 9 && value == floor(value);
    case FM_SIZE:
        return value >= 1 && value <= 0x1p52 && value == floor(value);
    case FM_AXIS:
        return value == 0 || value == 1 || value == 2;
    }
    return false;
}

bool fm_word_is_valid(fm_family family, int kind, const double option[FM_MAX_OPTIONS])
{
    const word_entry *word = entry_of(family, kind);
    if (word == NULL)
        return false;
    for (size_t i = 0; i < FM_MAX_OPTIONS && word->option[i].name != NULL; i++)
        if (!is_in_range(word->option[i].range, option[i]))
            return false;
    return true;
}

bool fm_operation_is_noise(int kind)
{
#define NOISE(name, options, noise) noise,
    static const bool is[] = {FM_ACTIVATIONS(NOISE, FM_NO_OPTION)};
    return kind >= FM_LAYER_COUNT && is[kind - FM_LAYER_COUNT];
}

bool fm_loss_takes_labels(int kind)
{
#define LABELS(name, options, labels) labels,
    static const bool takes[] = {FM_LOSSES(LABELS, FM_NO_OPTION)};
    return takes[kind];
}

size_t fm_optimizer_slots(int kind, const double option[FM_MAX_OPTIONS])
{
    switch (kind) {
#define SLOTS(name, options, slots, ...)                                                       \
    case fm_##name: {                                                                          \
        const fm_##name##_options o = fm_##name##_of(option);                                  \
        (void)o;                                                                               \
        return (size_t)(slots);                                                                \
    }
        FM_OPTIMIZERS(SLOTS, FM_NO_OPTION)
    }
    return 0;
}

bool fm_optimizer_is_still(int kind, const double option[FM_MAX_OPTIONS])
{
    switch (kind) {
#define STILL(name, options, slots, still, way)                                                \
    case fm_##name: {                                                                          \
        const fm_##name##_options o = fm_##name##_of(option);                                  \
        (void)o;                                                                               \
        return still;                                                                          \
    }
        FM_OPTIMIZERS(STILL, FM_NO_OPTION)
    }
    return false;
}

bool fm_optimizer_is_scaled(int kind)
{
#define FUSED false
#define STORED false
#define SCALED true
#define WAY(name, options, slots, still, way) way,
    static const bool scaled[] = {FM_OPTIMIZERS(WAY, FM_NO_OPTION)};
#undef FUSED
#undef STORED
#undef SCALED
    return scaled[kind];
}
