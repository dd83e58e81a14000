"""Correctly rounded fused multiply-adds in NumPy, and the chains of them that kernels promise.

Nothing here uses the engine or the machine's fma instruction: it is what they are held to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]

EPS = 2.0**-52  # distance from 1 to the next double
HALF_ULP = 2.0**-53  # largest relative error of one rounding


def fma_scalar(a: float, b: float, c: float) -> float:
    """a * b + c, rounded once, for every float64: by rational arithmetic."""
    if math.isfinite(a) and math.isfinite(b) and math.isinf(c):
        return c  # however large the product, it is finite
    if not all(map(math.isfinite, (a, b, c))) or a == 0 or b == 0:
        return a * b + c  # infinities, NaN, or an exact product of zero: nothing to round
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    try:
        return float(exact)  # int / int is correctly rounded; +0 where all cancels
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def _two_sum(a: Float64Array, b: Float64Array) -> tuple[Float64Array, Float64Array]:
    """a + b = s + e exactly (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _split(a: Float64Array) -> tuple[Float64Array, Float64Array]:
    t = a * 134217729.0  # 2**27 + 1
    high = t - (t - a)
    return high, a - high


def _two_product(a: Float64Array, b: Float64Array) -> tuple[Float64Array, Float64Array]:
    """a b = p + e exactly (Dekker)."""
    p = a * b
    a1, a2 = _split(a)
    b1, b2 = _split(b)
    return p, a2 * b2 - (((p - a1 * b1) - a2 * b1) - a1 * b2)


def _sum_to_odd(a: Float64Array, b: Float64Array) -> Float64Array:
    """a + b rounded to odd: if inexact, to the neighbour whose last bit is 1."""
    s, e = _two_sum(a, b)
    even = (s.view(np.int64) & 1) == 0
    toward = np.where((e > 0), np.inf, -np.inf)
    return np.where((e != 0) & even, np.nextafter(s, toward), s)


def _moderate(a: Float64Array, low: float, high: float) -> NDArray[np.bool_]:
    size = np.abs(a)
    return (size == 0) | ((size > low) & (size < high))


def fma(a: Float64Array, b: Float64Array, c: Float64Array) -> Float64Array:
    """a * b + c, rounded once, elementwise.

    Source: Boldo, Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms
    using rounding to odd", IEEE TC 2008. Where it could under- or overflow: fma_scalar.
    """
    a, b, c = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (a, b, c)))
    with np.errstate(all="ignore"):
        product, product_error = _two_product(a, b)
        high, low = _two_sum(c, product_error)
        top, rest = _two_sum(product, high)
        result = np.asarray(top + _sum_to_odd(rest, low))
        result = np.where(result == 0, product + c, result)  # exact, and so is the zero's sign
    safe = _moderate(a, 1e-120, 1e120) & _moderate(b, 1e-120, 1e120) & _moderate(c, 1e-250, 1e250)
    for i in np.ndindex(result.shape) if not safe.all() else ():
        if not safe[i]:
            result[i] = fma_scalar(float(a[i]), float(b[i]), float(c[i]))
    return result


def chain(x: Float64Array, w: Float64Array, start: Float64Array | None = None) -> Float64Array:
    """x (M, K) w (K, N) as one chain of FMAs per element, k ascending, from start or +0."""
    y = np.zeros((len(x), w.shape[1])) if start is None else start
    for k in range(len(w)):
        y = fma(x[:, k, None], w[k], y)
    return y


def tree(blocks: Sequence[Float64Array]) -> Float64Array:
    """The sum of blocks by a binary tree: 2i and 2i + 1, then those sums, and so on; a block
    without a partner goes up as it is."""
    while len(blocks) > 1:
        pairs = zip(blocks[::2], blocks[1::2], strict=False)
        alone = blocks[len(blocks) // 2 * 2 :]
        blocks = [*(a + b for a, b in pairs), *alone]
    return blocks[0]


def in_blocks(rows: int, block: int) -> list[slice]:
    """The batch rows of each block; without rows one block without any."""
    return [slice(first, min(first + block, rows)) for first in range(0, max(rows, 1), block)]


_gradients: dict[Any, Float64Array] = {}  # each optimizer asks for the same ones


def gradient(x: Float64Array, dz: Float64Array, block: int) -> Float64Array:
    """x^T (K, B) dz (B, N): the tree's sum of the chains of blocks of batch rows."""
    key = (x.shape, dz.shape, block, x.tobytes(), dz.tobytes())
    if key not in _gradients:
        chains = [chain(x[rows].T, dz[rows]) for rows in in_blocks(len(x), block)]
        _gradients[key] = tree(chains)
    return _gradients[key]


def equal_bits(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    """Elementwise: equal to the bit, signs of zero included. The payload of a NaN is no result:
    which operand's survives is the compiler's choice of operand order."""
    if a.dtype != np.float64:
        return np.asarray(a == b)
    bits = np.ascontiguousarray(a).view(np.int64) == np.ascontiguousarray(b).view(np.int64)
    return np.asarray(bits | (np.isnan(a) & np.isnan(b)))


def same_bits(a: NDArray[Any], b: NDArray[Any]) -> bool:
    """equal_bits everywhere."""
    return a.shape == b.shape and bool(equal_bits(a, b).all())
