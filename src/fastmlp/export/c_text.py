"""The frame of an exported C file."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..engine import Float64Array
from .steps import Lowered


def number(value: float) -> str:
    """The very double, in C."""
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    digits, _, power = float(value).hex().partition("p")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return f"{digits}p{power}"


def array(values: Float64Array) -> str:
    """An initializer, row after row."""
    texts = [number(value) for value in values.ravel().tolist()]
    lines = (", ".join(texts[i : i + 6]) for i in range(0, len(texts), 6))
    return "{\n    " + ",\n    ".join(lines) + "}"


def head(version: str, name: str, lowered: Lowered) -> str:
    """What the file is and how it is used."""
    upper = name.upper()
    return f"""\
/* A neural network in C99, exported by fastmlp {version}. The code is fastmlp's, under
 * Apache-2.0.
 *
 *     void {name}_predict(const double *x, double *y, double *work);
 *     int {name}_self_test(double *work);
 *
 * {name}_predict: y[{upper}_OUTPUTS], the outputs for the sample x[{upper}_INPUTS], row after
 * row: y has the shape {lowered.output_shape}, x {lowered.input_shape}.
 * work[{upper}_WORK] is the caller's: it may hold anything, and is free again afterwards.
 * No function allocates, keeps anything between calls, or calls more than the C library's sqrt,
 * fma, memcpy, memset and memcmp.
 * {name}_self_test: how many outputs of the samples below are not those of fastmlp, to the bit.
 *
 *     cc -std=c99 -O3 -ffp-contract=off -c {name}.c
 *     cc -std=c99 -O3 -ffp-contract=off -DFASTMLP_MAIN {name}.c -o {name} -lm && ./{name}
 *
 * The bits are those of fastmlp's predict as long as the compiler neither fuses products and sums
 * by itself (-ffp-contract=off, which the lines below ask for, too) nor takes doubles for real
 * numbers (-ffast-math). All fused multiply-adds are written. -mfma or -march= for the CPU at hand
 * makes each one instruction, and changes nothing else. */
"""


def preamble(fma_by_integers: str) -> str:
    """Headers, what is asked of the compiler, and the fused multiply-add."""
    return f"""
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if DBL_MANT_DIG != 53 || FLT_EVAL_METHOD == 2 || FLT_EVAL_METHOD == -1
#error "double must be IEEE 754's, and computed with as such"
#endif
#ifdef __FAST_MATH__
#error "compile this file without -ffast-math"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#else
#pragma STDC FP_CONTRACT OFF
#endif

/* a b + c, one rounding: by the C library where that is known to round once. */
#if !defined(FASTMLP_EXACT_FMA) && \\
    (defined(FP_FAST_FMA) || defined(__GLIBC__) || defined(__APPLE__))
#define FM_FMA fma
#else
{fma_by_integers}
#define FM_FMA fma_by_integers
#endif

/* -- what steps are made of -- */

"""


def options_of(kind: str, names: Sequence[str]) -> str:
    """The structure in which a formula reads its options."""
    return f"""\
typedef struct fm_{kind}_options {{
    double {", ".join(names)};
}} fm_{kind}_options;

static inline fm_{kind}_options fm_{kind}_of(const double *option)
{{
    fm_{kind}_options o;
    memcpy(&o, option, sizeof o);
    return o;
}}

"""


def apply(formula: str) -> str:
    """The function that applies a formula to rows, in place."""
    return f"""
static void apply_{formula}(double *y, const double *option, size_t rows, size_t width)
{{
    for (size_t b = 0; b < rows; b++, y += padded(width))
        for (size_t j = 0; j < width; j++)
            y[j] = {formula}_formula(y[j], option).y;
}}
"""


def model(
    name: str, lowered: Lowered, buffer: int, arrays: Sequence[str], lines: Sequence[str]
) -> str:
    """A model's sizes, numbers and function."""
    upper, network = name.upper(), lowered.network
    body = "".join(f"    {line}\n" for line in lines)
    return f"""
/* -- {name} -- */

#define {upper}_INPUTS {network.inputs}
#define {upper}_OUTPUTS {network.outputs * network.split}
#define {upper}_WORK {2 * buffer}

void {name}_predict(const double *x, double *y, double *work);
int {name}_self_test(double *work);

{"".join(arrays)}
void {name}_predict(const double *x, double *y, double *work)
{{
    double *a = work, *b = work + {buffer};
    memset(work, 0, {upper}_WORK * sizeof *work);
{body}    (void)b;
}}
"""


def self_test(name: str, samples: Float64Array, outputs: Float64Array) -> str:
    """The test of a model, with what ``predict`` gives for the samples."""
    upper, inputs, results = name.upper(), array(samples), array(outputs)
    return f"""
int {name}_self_test(double *work)
{{
    static const double samples[{samples.size}] = {inputs};
    static const double outputs[{outputs.size}] = {results};
    double y[{upper}_OUTPUTS];
    int wrong = 0;
    for (size_t n = 0; n < {len(np.atleast_1d(samples))}; n++) {{
        const double *expected = outputs + n * {upper}_OUTPUTS;
        {name}_predict(samples + n * {upper}_INPUTS, y, work);
        for (size_t i = 0; i < {upper}_OUTPUTS; i++)
            wrong += memcmp(&y[i], &expected[i], sizeof *y) != 0 &&
                     (y[i] == y[i] || expected[i] == expected[i]);
    }}
    return wrong;
}}
"""


def main(names: Sequence[str]) -> str:
    """The program that runs the tests."""
    tests = "".join(
        f"""
    {{
        static double work[{name.upper()}_WORK];
        const int own = {name}_self_test(work);
        if (own != 0)
            printf("{name}: %d outputs are not fastmlp's\\n", own);
        wrong += own;
    }}"""
        for name in names
    )
    return f"""
#ifdef FASTMLP_MAIN
#include <stdio.h>

int main(void)
{{
    int wrong = 0;{tests}
    if (wrong == 0)
        printf("all outputs are fastmlp's\\n");
    return wrong != 0;
}}
#endif
"""
