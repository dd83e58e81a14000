/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine's own fma, by doubles and by integers, against the CPU's instruction, or the C
 * library's where there is none: all triples of remarkable numbers, then drawn ones that are
 * likely to round wrongly.
 *
 *     fastmlp_fma [triples [seed]]
 *
 * Exit status 1 and the triple if a bit differs; a NaN is as good as another.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/kernels/fma.h"

enum { DEFAULT_TRIPLES = 300000 };

#if defined(__x86_64__)
__attribute__((target("fma"))) static double by_instruction(double a, double b, double c)
{
    return __builtin_fma(a, b, c);
}
static bool has_instruction(void)
{
    return __builtin_cpu_supports("fma");
}
#else
static double by_instruction(double a, double b, double c)
{
    return fma(a, b, c); /* which compilers make the instruction */
}
static bool has_instruction(void)
{
    return true;
}
#endif

static double by_library(double a, double b, double c)
{
    return fma(a, b, c);
}

static double (*expected_fma)(double a, double b, double c);

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void require(const char *way, double a, double b, double c, double got)
{
    const double want = expected_fma(a, b, c);
    if (bits_of(got) == bits_of(want) || (isnan(got) && isnan(want)))
        return;
    printf("fma(%a, %a, %a) by %s is %a, not %a\n", a, b, c, way, got, want);
    exit(1);
}

/* In either lane, beside a neighbour that is usual. */
static void check(double a, double b, double c)
{
    require("integers", a, b, c, fma_by_integers(a, b, c));
    require("doubles", a, b, c,
            fma_by_doubles((fma_pair){a, 3}, (fma_pair){b, 5}, (fma_pair){c, 7})[0]);
    require("doubles", a, b, c,
            fma_by_doubles((fma_pair){3, a}, (fma_pair){5, b}, (fma_pair){7, c})[1]);
}

/* -- remarkable numbers -- */

static const double remarkable[] = {
    0.0,
    0x1p-1074,               /* the least */
    0x0.fffffffffffffp-1022, /* the largest subnormal */
    0x1p-1022,               /* the least normal */
    0x1.fffffffffffffp-1022,
    0x1p-969, /* 2^-53 of it is the least normal */
    0x1p-538,
    0x1p-537,
    0x1.fffffffffffffp-451,
    0x1p-450, /* squared, where integers take over */
    0x1p-54,
    0x1p-53,
    0x1.0000000000001p-53,
    0x1.fffffffffffffp-1,
    1.0,
    0x1.0000000000001p0,
    0x1.0000002p0,
    0x1.0000004p0,
    0x1.ffffffcp0,
    0x1.ffffffep0,
    3.0,
    0x1p52,
    0x1.fffffffffffffp52,
    0x1p53,
    0x1.fffffffffffffp511,
    0x1p512,
    0x1p970,
    0x1p1023,
    0x1.ffffffffffffep1023,
    0x1.fffffffffffffp1023, /* the largest */
    INFINITY,
    NAN,
};

enum { REMARKABLE = sizeof remarkable / sizeof remarkable[0] };

static double signed_number(size_t i)
{
    return i < REMARKABLE ? remarkable[i] : -remarkable[i - REMARKABLE];
}

static size_t check_remarkable(void)
{
    for (size_t i = 0; i < 2 * REMARKABLE; i++)
        for (size_t j = 0; j < 2 * REMARKABLE; j++)
            for (size_t k = 0; k < 2 * REMARKABLE; k++)
                check(signed_number(i), signed_number(j), signed_number(k));
    return (size_t)8 * REMARKABLE * REMARKABLE * REMARKABLE;
}

/* -- drawn numbers -- */

/* The 64-bit linear congruential generator of Knuth's MMIX, its upper half. */
static uint64_t state;
static uint32_t draw32(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

static uint64_t draw64(void)
{
    const uint64_t high = draw32();
    return high << 32 | draw32();
}

/* A whole number in [first, last]. */
static int draw(int first, int last)
{
    return first + (int)(draw32() % (uint32_t)(last - first + 1));
}

/* Random bits; few of them; or long runs of ones and zeros. */
static uint64_t draw_fraction(void)
{
    const uint64_t all = ((uint64_t)1 << 52) - 1;
    switch (draw(0, 3)) {
    case 0:
        return draw64() & all;
    case 1:
        return draw64() & all & ~(all >> draw(1, 52));
    case 2:
        return ((uint64_t)1 << draw(0, 51) | (uint64_t)1 << draw(0, 51)) & all;
    default:
        return (all >> draw(0, 52)) ^ (all >> draw(0, 52));
    }
}

/* With the biased exponent in [0, 2046], to which a wrong one is brought. */
static double draw_number(int exponent)
{
    exponent = exponent < 0 ? 0 : exponent > 2046 ? 2046 : exponent;
    return of_bits((uint64_t)(draw32() & 1) << 63 | (uint64_t)exponent << 52 | draw_fraction());
}

static void check_drawn(void)
{
    if (draw(0, 15) == 0) {
        check(of_bits(draw64()), of_bits(draw64()), of_bits(draw64()));
        return;
    }
    /* products of every size, more of them where results are subnormal or overflow */
    static const int sizes[] = {0, 0, 0, -1080, -1022, -969, -900, 1020};
    const int size = sizes[draw(0, 7)], first = draw(-400, 400);
    const double a = draw_number(1023 + first + draw(-2, 2));
    const double b = draw_number(1023 + size - first + draw(-2, 2));
    const double product = a * b;
    switch (draw(0, 2)) {
    case 0: /* overlaps the product, or just does not */
        check(a, b, draw_number(1023 + size + draw(-110, 110)));
        return;
    case 1: /* cancels it */
        check(a, b, of_bits(bits_of(-product) + (uint64_t)(int64_t)draw(-3, 3)));
        return;
    default: /* decides a tie, from afar */
        check(a, b, draw_number(draw(0, 2046)));
    }
}

int main(int count, char **arguments)
{
    const unsigned long long triples =
        count > 1 ? strtoull(arguments[1], NULL, 0) : DEFAULT_TRIPLES;
    state = count > 2 ? strtoull(arguments[2], NULL, 0) : 1;
    expected_fma = has_instruction() ? by_instruction : by_library;
    const size_t fixed = check_remarkable();
    for (unsigned long long i = 0; i < triples; i++)
        check_drawn();
    printf("%llu triples, every bit that of the %s\n", fixed + triples,
           has_instruction() ? "instruction" : "C library");
    return 0;
}
