"""The engine's own exp, log, tanh and their kin: accuracy against mpmath, edges, monotony, one
result on every instruction set."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest
from kernels.exact import Float64Array, same_bits
from kernels.header import function

from fastmlp import _core

ISAS = [name for name in _core.isas() if _core.isa_usable(name)]
TINY = 2.0**-1074
LARGEST = float(np.finfo(float).max)
LN_LARGEST, LN_TINY = math.log(LARGEST), math.log(TINY)
POINTS = 48_000  # per function; mpmath takes about 20 us for each


def evaluate(kernel: str, x: Float64Array, isa: str = "baseline") -> Float64Array:
    """y[i] = f(x[i]) by the engine."""
    y = np.empty_like(x)
    pointers = (ctypes.c_void_p(a.ctypes.data) for a in (y, x))
    function(_core.kernel_address(isa, kernel), kernel)(*pointers, len(x))
    return y


def around(points: list[float], ulps: int = 64) -> Float64Array:
    """All doubles within some ulps of each point, below and above."""
    bits = np.array(points).view(np.int64)[:, None] + np.arange(-ulps, ulps + 1)
    return bits.view(np.float64).ravel()


def any_double(rng: np.random.Generator, n: int) -> Float64Array:
    """Finite doubles of every exponent alike, subnormals among them."""
    exponents = rng.integers(0, 2047, n) << 52
    bits = exponents | rng.integers(0, 1 << 52, n) | rng.integers(0, 2, n) << 63
    return bits.view(np.float64)


def exp_points(rng: np.random.Generator, n: int) -> Float64Array:
    parts = [
        rng.uniform(LN_TINY - 1, LN_LARGEST, n // 4),
        rng.uniform(-40, 0, n // 4),  # what softmax asks for
        rng.uniform(-1, 1, n // 4),
        any_double(rng, n // 4),
    ]
    half_ln_2 = [k * math.log(2) / 2 for k in range(-2100, 2048, 61) if k]
    edges = [LN_LARGEST, LN_TINY, math.log(2.0**-1022), -745.2, -708.4, 1e-300, 1.0, -1.0]
    return np.concatenate([*parts, around(half_ln_2, 1), around(edges), around([-0.5, 0.5])])


def log_points(rng: np.random.Generator, n: int) -> Float64Array:
    parts = [
        rng.uniform(0.5, 2.0, n // 3),  # where the result cancels towards 0
        rng.uniform(1.0, 1000.0, n // 6),  # sums of a softmax
        np.exp2(rng.uniform(-1074, -1022, n // 6)),
        np.abs(any_double(rng, n // 3)),
    ]
    edges = [1.0, math.sqrt(0.5), math.sqrt(2.0), 2.0**-1022, 2.0, 0.5, 1e-7, 1 - 1e-7]
    largest = around([LARGEST])
    tiny = np.arange(1, 65) * TINY
    return np.concatenate([*parts, around(edges), largest[np.isfinite(largest)], tiny])


def tanh_points(rng: np.random.Generator, n: int) -> Float64Array:
    parts = [
        rng.uniform(-1, 1, n // 4),
        rng.uniform(-20, 20, n // 4),
        np.exp2(rng.uniform(-60, 0, n // 4)) * rng.choice([-1.0, 1.0], n // 4),
        any_double(rng, n // 4),
    ]
    edges = [0.5, -0.5, 19.0, 19.06, 19.1, -19.1, 22.0, 22.5, math.log(2) / 4, 1e-8, 2.0**-1022]
    return np.concatenate([*parts, around(edges)])


def expm1_points(rng: np.random.Generator, n: int) -> Float64Array:
    """x <= 0, which activations ask for."""
    parts = [
        rng.uniform(-1, 0, n // 3),
        rng.uniform(-40, 0, n // 3),
        -np.exp2(rng.uniform(-1070, 9, n // 3)),
    ]
    half_ln_2 = [k * math.log(2) / 2 for k in range(-100, 0)]
    return np.concatenate([*parts, around(half_ln_2, 8), around([-0.5, -38.0, -745.2])])


def log1p_points(rng: np.random.Generator, n: int) -> Float64Array:
    parts = [rng.random(n // 2), np.exp2(rng.uniform(-1074, 0, n // 2))]
    one = around([1.0])
    return np.concatenate([*parts, around([math.sqrt(2.0) - 1, 1e-8]), one[one <= 1]])


def normal_points(rng: np.random.Generator, n: int) -> Float64Array:
    parts = [
        rng.uniform(-3, 3, n // 3),
        rng.uniform(-37.5, 9, n // 3),
        np.exp2(rng.uniform(-60, 3, n // 3)) * rng.choice([-1.0, 1.0], n // 3),
    ]
    return np.concatenate([*parts, around([-5.0, -1.0, 0.0, 5.0, 8.2, -37.5])])


@dataclass(frozen=True)
class Function:
    kernel: str
    points: Callable[[np.random.Generator, int], Float64Array]
    exact: Callable[[mpmath.mpf], mpmath.mpf]
    ulps: float  # the promise of csrc/kernels/math.h


FUNCTIONS = [
    Function("map_exp", exp_points, mpmath.exp, 1.0),
    Function("map_log", log_points, mpmath.log, 1.0),
    Function("map_tanh", tanh_points, mpmath.tanh, 2.5),
    Function("map_expm1", expm1_points, mpmath.expm1, 2.0),
    Function("map_log1p", log1p_points, mpmath.log1p, 1.2),
    Function("map_normal_cdf", normal_points, mpmath.ncdf, 7.5),
]


def ulp_error(got: float, exact: mpmath.mpf) -> float:
    """|got - exact| in units of the last place of a double of the exact value's size. Beyond
    the largest double the only right answer is infinity, half an ulp above it or more."""
    overflow = mpmath.mpf(LARGEST) + mpmath.ldexp(1, 970)
    if not math.isfinite(got) or abs(exact) >= overflow:
        near = abs(abs(exact) - overflow) <= mpmath.ldexp(1, 971)
        wrong_side = math.isfinite(got) != (abs(exact) < overflow)
        return math.inf if wrong_side and not near else 0.0
    if exact == 0:
        return 0.0 if got == 0 else math.inf
    _, exponent = mpmath.frexp(exact)
    unit = mpmath.ldexp(1, max(int(exponent) - 53, -1074))
    return float(abs(mpmath.mpf(got) - exact) / unit)


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.kernel)
def test_accuracy(f: Function) -> None:
    """Within the stated ulps over all ranges, and on all instruction sets the same."""
    x = f.points(np.random.default_rng(1), POINTS)
    assert len(x) >= POINTS
    y = evaluate(f.kernel, x)
    for isa in ISAS:
        assert same_bits(evaluate(f.kernel, x, isa), y), isa
    with mpmath.workprec(120):  # 1 - tanh(19) and log near 1 lose up to 55 bits
        errors = [
            ulp_error(got, f.exact(mpmath.mpf(at)))
            for at, got in zip(x.tolist(), y.tolist(), strict=True)
        ]
    worst = int(np.argmax(errors))
    print(f"{f.kernel}: at most {errors[worst]:.3f} ulp, at {x[worst]!r}, of {len(x)} points")
    assert errors[worst] <= f.ulps


SPECIALS = {
    "map_exp": [
        (0.0, 1.0),
        (-0.0, 1.0),
        (math.inf, math.inf),
        (-math.inf, 0.0),
        (math.nan, math.nan),
        (TINY, 1.0),
        (-TINY, 1.0),
        (1000.0, math.inf),
        (LARGEST, math.inf),
        (-1000.0, 0.0),
        (-LARGEST, 0.0),
    ],
    "map_log": [
        (1.0, 0.0),
        (0.0, -math.inf),
        (-0.0, -math.inf),
        (math.inf, math.inf),
        (-math.inf, math.nan),
        (math.nan, math.nan),
        (-1.0, math.nan),
        (-TINY, math.nan),
    ],
    "map_tanh": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (math.inf, 1.0),
        (-math.inf, -1.0),
        (math.nan, math.nan),
        (TINY, TINY),
        (-TINY, -TINY),
        (40.0, 1.0),
        (-LARGEST, -1.0),
    ],
    "map_expm1": [
        (0.0, 0.0),
        (math.inf, math.inf),
        (-math.inf, -1.0),
        (math.nan, math.nan),
        (TINY, TINY),
        (-TINY, -TINY),
        (1000.0, math.inf),
        (-1000.0, -1.0),
        (-LARGEST, -1.0),
    ],
    "map_log1p": [(0.0, 0.0), (TINY, TINY), (1.0, math.log(2.0)), (math.nan, math.nan)],
    "map_normal_cdf": [
        (0.0, 0.5),
        (-0.0, 0.5),
        (math.inf, 1.0),
        (-math.inf, 0.0),
        (math.nan, math.nan),
        (LARGEST, 1.0),
        (-LARGEST, 0.0),
        (-39.0, 0.0),
    ],
}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kernel", SPECIALS)
def test_special_values(kernel: str, isa: str) -> None:
    """To the bit; one at a time and all in one vector."""
    x, want = (np.array(column) for column in zip(*SPECIALS[kernel], strict=True))
    assert same_bits(evaluate(kernel, x, isa), want)
    for i in range(len(x)):
        assert same_bits(evaluate(kernel, x[i : i + 1], isa), want[i : i + 1]), x[i]


@pytest.mark.parametrize(
    ("kernel", "wobble", "starts"),
    [
        ("map_exp", 0, [-745.0, -708.5, -30.0, -0.35, -1e-9, 1e-9, 0.3465, 5.0, 700.0]),
        ("map_log", 0, [TINY, 2.0**-1022, 1e-7, 0.7071, 0.9999, 1.0, 1.4142, 5.0, 1e300]),
        ("map_tanh", 1, [-20.0, -0.2, 1e-12, 0.17328, 0.5, 1.5, 10.0, 19.0]),
        ("map_expm1", 2, [-40.0, -2.0, -0.7, -0.34657, -1e-9]),
        ("map_normal_cdf", 4, [-30.0, -5.0, -0.5, 1e-9, 0.3, 2.0, 5.0]),
    ],
)
def test_monotone_between_neighbours(kernel: str, wobble: int, starts: list[float]) -> None:
    """From a double to the next above the result does not fall; tanh, whose error may be more
    than one ulp, may fall by one."""
    edges = [math.log(2) / 2, math.log(2) / 4, math.sqrt(2.0), math.sqrt(0.5), 1.0, 22.0]
    for start in [*starts, *edges]:
        first = np.array([start]).view(np.int64)[0] - (2048 if start > 1e-300 else 0)
        x = np.sort((first + np.arange(4096)).view(np.float64))
        y = evaluate(kernel, x)
        falls = np.maximum(-np.diff(y), 0.0) / np.spacing(np.abs(y[1:]))
        assert falls.max() <= wobble, f"{kernel} falls by {falls.max()} ulp near {start!r}"
