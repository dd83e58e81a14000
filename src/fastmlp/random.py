"""Counter-based random numbers: Philox4x32-10 in NumPy, and what is drawn from it.

Every number is a pure function of (seed, what, step, element), so masks, shuffles and initial
weights depend neither on threads, nor on the order of evaluation, nor on NumPy's version. The
C engine computes the same words (csrc/random.h); tests compare the two.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11.
"""

from __future__ import annotations

import os
from _thread import _local  # threading's, as in _locks
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from ._locks import Lock
from ._normal import normal_quantile

# What a number is drawn for: the top half of the last counter word, so that no two uses of
# one seed meet. The bottom half holds bits 32 to 47 of the step.
STREAM, DROPOUT, SHUFFLE, SEED, NOISE = 0, 1, 2, 3, 4

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def philox4x32(counter: NDArray[np.uint64], seed: int) -> NDArray[np.uint32]:
    """Philox4x32-10 of counters (..., 4), each word below 2**32, under a 64-bit seed.

    Returns (..., 4) uint32. The key is (low half, high half) of the seed.
    """
    c0, c1, c2, c3 = (counter[..., i].astype(np.uint64) for i in range(4))
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def _counters(
    what: int,
    step: int,
    row: NDArray[np.uint64] | np.uint64,
    group: NDArray[np.uint64],
) -> NDArray[np.uint64]:
    """Counters (group, row, step low, what << 16 | step high), broadcast over row and group."""
    if not 0 <= step < 1 << 48:
        raise ValueError(f"step must lie in [0, 2**48). Received: step={step}")
    row, group = np.broadcast_arrays(row, group)
    counter = np.empty((*row.shape, 4), np.uint64)
    counter[..., 0] = group
    counter[..., 1] = row
    counter[..., 2] = step & 0xFFFFFFFF
    counter[..., 3] = what << 16 | step >> 32
    return counter


def dropout_mask(seed: int, step: int, rows: int, columns: int, rate: float) -> NDArray[np.bool_]:
    """Which elements of a (rows, columns) batch dropout keeps at training step ``step``.

    Element (b, j) looks at word j // 8 % 4 of the block with counter (j // 32 * 8 + j % 8, b)
    and is kept if the word is at least ``floor(rate * 2**32)``. Eight neighbours thus come from
    the same word of eight blocks, so that vector lanes run along a row at any vector length.
    """
    groups = (columns + 31) // 32
    counter = _counters(
        DROPOUT,
        step,
        np.arange(rows, dtype=np.uint64)[:, None],
        np.arange(groups * 8, dtype=np.uint64)[None, :],
    )
    words = philox4x32(counter, seed).reshape(rows, groups, 8, 4).transpose(0, 1, 3, 2)
    return words.reshape(rows, groups * 32)[:, :columns] >= np.uint64(int(rate * 4294967296.0))


def normal_noise(seed: int, step: int, rows: int, columns: int) -> NDArray[np.float64]:
    """Normal deviates (rows, columns) of mean 0 and variance 1 for training step ``step``.

    Element (b, j) is the inverse of the normal distribution at (the top 52 bits + 1/2) / 2**52 of
    words 2 w and 2 w + 1, w = j // 8 % 2, of the block with counter (j // 16 * 8 + j % 8, b).
    """
    groups = (columns + 15) // 16
    counter = _counters(
        NOISE,
        step,
        np.arange(rows, dtype=np.uint64)[:, None],
        np.arange(groups * 8, dtype=np.uint64)[None, :],
    )
    words = philox4x32(counter, seed).astype(np.uint64)
    pairs = words[..., 0::2] | words[..., 1::2] << _SHIFT
    drawn = pairs.reshape(rows, groups, 8, 2).transpose(0, 1, 3, 2).reshape(rows, groups * 16)
    return normal_quantile(_open_interval(drawn[:, :columns]))


def random_uint64(seed: int, n: int, what: int = STREAM, step: int = 0) -> NDArray[np.uint64]:
    """n 64-bit words: the block with counter (i, 0) gives words 2i and 2i + 1, low half first."""
    blocks = np.arange((n + 1) // 2, dtype=np.uint64)
    words = philox4x32(_counters(what, step, np.uint64(0), blocks), seed).astype(np.uint64)
    return (words[:, 0::2] | words[:, 1::2] << _SHIFT).reshape(-1)[:n]


def random_uniform(seed: int, n: int) -> NDArray[np.float64]:
    """n numbers in (0, 1): (the top 52 bits + 1/2) / 2**52, all exact in float64."""
    return _open_interval(random_uint64(seed, n))


def _open_interval(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers in (0, 1) from 64-bit words: (the top 52 bits + 1/2) / 2**52, all exact."""
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def permutation(seed: int, step: int, n: int) -> NDArray[np.int64]:
    """A permutation of range(n): the order of the epoch that begins at training step ``step``.

    Fisher and Yates from the top: for i = n-1 .. 1 swap i with floor(r_i * (i + 1) / 2**64).
    """
    words = random_uint64(seed, n, SHUFFLE, step).tolist()
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = words[i] * (i + 1) >> 64
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)


class _SeedSequence:
    """Hands out 64-bit seeds: the n-th is a function of the global seed and n."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.drawn = 0
        self._lock = Lock()

    def next(self) -> int:
        with self._lock:
            drawn = self.drawn
            self.drawn += 1
        counter = _counters(SEED, 0, np.uint64(0), np.array([drawn], np.uint64))
        words = philox4x32(counter, self.seed)[0]
        return int(words[0]) | int(words[1]) << 32


_seeds = _SeedSequence(int.from_bytes(os.urandom(8), "little"))


_own = _local()


def next_seed() -> int:
    """A fresh 64-bit seed for something that was given none (an initializer, a Dropout layer)."""
    seeds: _SeedSequence = getattr(_own, "seeds", None) or _seeds
    return seeds.next()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """In this thread seeds come from a sequence of ``seed`` meanwhile, and the global one stays
    where it is."""
    before = getattr(_own, "seeds", None)
    _own.seeds = _SeedSequence(seed)
    try:
        yield
    finally:
        _own.seeds = before


def set_random_seed(seed: int) -> None:
    """Seed everything that draws: Python's ``random``, ``numpy.random`` and fastmlp.

    Raises
    ------
    ValueError
        If ``seed`` is not an integer in [0, 2**32).
    """
    global _seeds
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise ValueError(f"seed must be an integer. Received: seed={seed!r}")
    if not 0 <= seed < 1 << 32:
        raise ValueError(f"seed must lie in [0, 2**32). Received: seed={seed}")
    import random as python_random  # here: it would be a tenth of the package's import time

    python_random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - for scripts that use NumPy's global state
    _seeds = _SeedSequence(int(seed))
