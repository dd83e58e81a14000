"""Matrices as kernels take them: row-major with a stride, in panels, as lists of non-zeros."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact import Float64Array
from .header import LIST_BLOCK, PANEL

JUNK = 1.0e300  # finite padding that no reduction may read
PAIR = np.dtype([("value", np.float64, 2), ("row", np.uint64)])  # fm_pair
SPAN = np.dtype([("begin", np.uint64), ("count", np.uint64)])  # fm_span

# All that float64 can be, but for infinities and NaN.
HOSTILE = np.array(
    [
        *(0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, -1e-310, 1e-160, -1e-154, 1.0, -1.0, 3.0),
        *(1e154, -1e160, 1e300, np.finfo(float).max, -np.finfo(float).max),
    ]
)


def normal(name: str, *shape: int) -> Float64Array:
    """Normal deviates, a function of the name and the shape."""
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)


def hostile(name: str, *shape: int) -> Float64Array:
    """Draws from HOSTILE, a function of the name and the shape."""
    return np.random.default_rng(zlib.crc32(name.encode())).choice(HOSTILE, shape)


def draw(values: str, name: str, *shape: int) -> Float64Array:
    """``values`` is "normal", "hostile" or a density, the share of elements not zero."""
    if values == "hostile":
        return hostile(name, *shape)
    drawn = normal(name, *shape)
    if values == "normal":
        return drawn
    mask = np.random.default_rng(zlib.crc32((name + "mask").encode())).random(shape)
    return np.where(mask < float(values), drawn, 0.0)


def up(columns: int) -> int:
    """Whole panels: the next multiple of PANEL."""
    return -(-columns // PANEL) * PANEL


def strided(matrix: Float64Array, stride: int, fill: float = JUNK) -> Float64Array:
    """(M, N) -> (M, stride), the rest filled."""
    result = np.full((len(matrix), stride), fill)
    result[:, : matrix.shape[1]] = matrix
    return result


def packed(matrix: Float64Array, rows: int, gap: float = np.nan) -> Float64Array:
    """(K, N) -> (panels, rows, PANEL); columns past N are 0, rows from K on are not the
    matrix's: the gap that a panel stride leaves."""
    depth, columns = matrix.shape
    panels = up(columns) // PANEL
    result = np.full((panels, rows, PANEL), gap)
    padded = np.zeros((depth, panels * PANEL))
    padded[:, :columns] = matrix
    result[:, :depth] = padded.reshape(depth, panels, PANEL).transpose(1, 0, 2)
    return result


def row_mask(rows: int, stride: int, columns: int) -> NDArray[np.bool_]:
    """(rows, stride): true in the first ``columns`` columns."""
    return np.broadcast_to(np.arange(stride) < columns, (rows, stride)).copy()


def row_lists(x: Float64Array, room: int) -> tuple[Float64Array, NDArray[Any], NDArray[Any]]:
    """The non-zeros of x (B, K), row behind row: (room) values and places, NaN and a place out of
    reach behind the last, and the (B * blocks + 1) starts."""
    rows, features = x.shape
    blocks = max(1, -(-features // LIST_BLOCK))
    row, feature = np.nonzero(x)
    values, places = np.full(room, np.nan), np.full(room, 2**32 - 1, np.uint32)
    values[: len(row)], places[: len(row)] = x[row, feature], feature * PANEL
    counts = np.bincount(row * blocks + feature // LIST_BLOCK, minlength=rows * blocks)
    return values, places, np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)


def pair_lists(
    x: Float64Array, size: int, start: int = 0
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """x (B, K) by pairs of features: (size) of PAIR, the lists one behind the other from
    ``start`` on with NaN around them, and the (ceil(K / 2)) SPAN of each list."""
    rows, features = x.shape
    pairs = (features + 1) // 2
    padded = np.zeros((rows, 2 * pairs))
    padded[:, :features] = x
    values = padded.reshape(rows, pairs, 2).transpose(1, 0, 2)  # (pairs, B, 2)
    lists, spans = np.zeros(size, PAIR), np.zeros(pairs, SPAN)
    lists["value"] = np.nan
    for pair in range(pairs):
        (row,) = np.nonzero(values[pair].any(axis=1))
        spans[pair] = start, len(row)
        lists["value"][start : start + len(row)] = values[pair, row]
        lists["row"][start : start + len(row)] = row
        start += len(row)
    return lists, spans
