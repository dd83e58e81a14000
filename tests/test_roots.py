"""Roots and reciprocals by FMAs round correctly: every argument that could round wrongly.

csrc/kernels/simd.h starts from an estimate with a relative error below 2^-14 and ends with one
correction by an exact residual. Which estimate a CPU gives is its own affair, so the arguments
below are all for which any such estimate could lead to a wrong rounding; that none does on the
CPU at hand is what is tested, against NumPy's sqrt and division, which are the hardware's.

Root of v. After two steps g is within 2^-52 of sqrt(v) and h within 2^-51 of 1 / (2 sqrt(v)),
both relatively, and d = v - g^2 is exact but for 2^-53 of it. What is rounded at the end, g + h d,
is sqrt(v) to less than 2^-102: d / (2 sqrt(v)) times the error of h, (g - sqrt(v))^2 / (2 sqrt(v))
and the rounding of d. So only a root that close to the midpoint m + 1/2 of two neighbours m, m + 1
can be rounded wrongly, m in [2^52, 2^53). Scaled by a power of four, v is n 2^52 or n 2^53 with n
in [2^52, 2^53), and

    v - (m + 1/2)^2 = c - 1/4,  c = v - m^2 - m,    |c - 1/4| < 2 * 2^106 * 2^-102 = 32.

As v is a multiple of 2^52 or 2^53, m solves m^2 + m = -c modulo that: a few m for every c.

Reciprocal of b. Newton's r (2 - b r) is 1 / b less the square of r's relative error e: below 2^-56
before the last step, so that r is then within 2^-53 + 2^-56, and e^2 < 1.3 * 2^-106 at the end.
Scaled, b is in [2^52, 2^53), a midpoint t / 2 with t odd in (2^53, 2^54) and 2^105 / b lies above
it by (2^106 - b t) / (2 b), which is k 2^-106 of it with k = 2^106 - b t. So k is 1, and b is a
divisor of 2^106 - 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from kernels.exact import Float64Array, same_bits
from test_math import ISAS, LARGEST, TINY, any_double, around, evaluate

C_LIMIT = 4096  # 32 is enough: see above
# 2^106 - 1 = (2^53 - 1)(2^53 + 1) = 6361 * 69431 * 20394401 * 3 * 107 * 28059810762433
PRIMES = (3, 107, 6361, 69431, 20394401, 28059810762433)


def odd_roots(a: int, bits: int) -> set[int]:
    """All t in [0, 2^bits) with t^2 = a modulo 2^bits, for a = 1 modulo 8 and bits > 3."""
    t = 1
    for k in range(3, bits):  # t^2 = a modulo 2^k; t + 2^(k - 1) squares to 2^k more
        if (t * t - a) >> k & 1:
            t += 1 << (k - 1)
    half, modulus = 1 << (bits - 1), 1 << bits
    return {(sign * t + shift) % modulus for sign in (1, -1) for shift in (0, half)}


def roots_near_midpoints() -> Iterator[int]:
    """All v = n 2^52 or n 2^53 with |c| < C_LIMIT."""
    for shift, c in product((52, 53), range(-C_LIMIT + 2, C_LIMIT, 2)):
        # m^2 + m = -c modulo 2^shift is (2 m + 1)^2 = 1 - 4 c modulo 2^(shift + 2)
        for t in odd_roots((1 - 4 * c) % (1 << (shift + 2)), shift + 2):
            for m in {t // 2 % (1 << shift), t // 2 % (1 << shift) + (1 << 52)}:
                v = m * m + m + c
                if v % (1 << shift) == 0 and 1 << 52 <= v >> shift < 1 << 53 <= 2 * m < 1 << 54:
                    yield v


def scaled(x: Float64Array, exponents: range) -> Float64Array:
    """Every x times every 2^exponent."""
    return np.concatenate([np.ldexp(x, exponent) for exponent in exponents])


def sqrt_points() -> Float64Array:
    hard = np.array(sorted({float(v) for v in roots_near_midpoints()}))
    assert all(float(v) == v for v in map(int, hard))  # exact
    assert len(hard) > C_LIMIT
    closest = hard[[is_within(int(v), 32) for v in hard]]
    # with powers of four the exponents from 2^-1000 to 2^1020, far beyond where FMAs are used
    return np.concatenate([hard, scaled(closest, range(-1104, 916, 2))])


def is_within(v: int, limit: int) -> bool:
    m = math.isqrt(v)
    return abs(v - m * m - m) < limit


def reciprocal_points() -> Float64Array:
    divisors = {math.prod(some) for some in product(*((1, p) for p in PRIMES))}
    assert math.prod(PRIMES) == 2**106 - 1
    hard = np.array(sorted(float(b) for b in divisors if 1 << 52 <= b < 1 << 53))
    assert 2.0**53 - 1 in hard
    near = around([*hard.tolist(), 2.0**52, 2.0**53 - 1], 8)
    return scaled(near, range(-1074, 970))


def special_points() -> Float64Array:
    """Zeros, subnormals, infinities, NaN, and the ends of the range where FMAs are used."""
    ends = [2.0**k for k in (-1022, -1000, -960, -901, -900, 0, 899, 900, 901, 1000, 1023)]
    special = [0.0, -0.0, TINY, -TINY, 2.0**-1060, LARGEST, math.inf, math.nan, 1.0, 2.0, 3.0]
    return np.concatenate([around(ends, 16), special, [-1.0, -LARGEST, -math.inf]])


def random_points() -> Float64Array:
    rng = np.random.default_rng(3)
    return np.concatenate(
        [
            np.abs(any_double(rng, 400_000)),
            rng.uniform(1.0, 4.0, 400_000),
            np.square(rng.normal(size=200_000)) * 1e-6,  # a moment of Adam's
        ]
    )


POINTS = {"map_sqrt": sqrt_points, "map_reciprocal": reciprocal_points}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kernel", POINTS)
def test_correctly_rounded(kernel: str, isa: str) -> None:
    """To the bit, where the result is closest to a midpoint and elsewhere."""
    for points in (POINTS[kernel], random_points, special_points):
        x = points()
        with np.errstate(all="ignore"):
            want = np.sqrt(x) if kernel == "map_sqrt" else 1.0 / x
        got = evaluate(kernel, x, isa)
        assert np.array_equal(np.isnan(got), np.isnan(want))
        known = ~np.isnan(want)  # which NaN is not promised
        wrong = np.flatnonzero(got[known].view(np.uint64) != want[known].view(np.uint64))
        assert wrong.size == 0, f"{points.__name__}: {wrong.size} wrong, {x[known][wrong[:3]]}"


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kernel", POINTS)
def test_rare_lanes_leave_the_others(kernel: str, isa: str) -> None:
    """One special lane in each place of a vector of ordinary ones."""
    for rare in (0.0, TINY, LARGEST, math.inf, 2.0 - 2.0**-52):
        x = np.linspace(1.1, 7.3, 64).reshape(8, 8)
        np.fill_diagonal(x, rare)
        with np.errstate(all="ignore"):
            want = np.sqrt(x) if kernel == "map_sqrt" else 1.0 / x
        assert same_bits(evaluate(kernel, x.ravel(), isa), want.ravel())


def test_candidates_are_all() -> None:
    """On a small scale, where every argument can be looked at: the enumeration finds all roots
    within |c| < 4 of a midpoint for significands of 12 bits."""
    bits = 11  # v = n 2^11 or n 2^12, n in [2^11, 2^12)
    for shift in (bits, bits + 1):
        every = set()
        for v in range(1 << (bits + shift), 1 << (bits + 1 + shift), 1 << shift):
            m = math.isqrt(v)
            c = v - m * m - m
            if abs(c) < 4:
                assert c % 2 == 0
                every.add((m, c))
        found = set()
        for c in (-2, 0, 2):
            for t in odd_roots((1 - 4 * c) % (1 << (shift + 2)), shift + 2):
                for high in (0, 1 << bits):
                    m = t // 2 % (1 << shift) + high
                    v = m * m + m + c
                    if v % (1 << shift) == 0 and 1 << bits <= v >> shift < 1 << (bits + 1):
                        found.add((math.isqrt(v), v - math.isqrt(v) * (math.isqrt(v) + 1)))
        assert every <= found
