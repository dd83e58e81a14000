"""Calls of the normalization of rows, and of columns by moments that are given.

Expectations are in longdouble. A sum over a row of K runs over eight lanes and a tree of three,
K / 8 + 3 additions, each of which may round by half an EPS of the sum of the terms' sizes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact import EPS, Float64Array
from .layout import JUNK, normal, row_mask, strided, up
from .memory import Call, Want
from .normalization import LONG

MODES: dict[str, dict[str, Any]] = {
    "layer": {"epsilon": 1e-3, "center": True, "unit": False},
    "root_mean_square": {"epsilon": 1e-6, "center": False, "unit": False},
    "unit": {"epsilon": 1e-12, "center": False, "unit": True},
    "shorter_than_unit": {"epsilon": 1e4, "center": False, "unit": True},
}


def _sum_error(width: int) -> float:
    return EPS * (width / 8 + 4)


def _normalized(x: Float64Array, mode: str) -> tuple[NDArray[Any], ...]:
    """y (rows, K), its error and what differences are multiplied by (rows, 1), in longdouble;
    whether a row is divided by its own length."""
    epsilon, center, unit = MODES[mode].values()
    wide = x.astype(LONG)
    mean = wide.mean(axis=1, keepdims=True) if center else LONG(0)
    d = wide - mean
    total = np.square(d).sum(axis=1, keepdims=True)
    square = np.maximum(total, epsilon) if unit else total / x.shape[1] + LONG(epsilon)
    inverse = 1 / np.sqrt(square)
    y = d * inverse
    moved = np.abs(wide).mean(axis=1, keepdims=True) if center else LONG(0)
    error = inverse * (_sum_error(x.shape[1]) * moved + EPS * np.abs(d))
    error = error + np.abs(y) * (_sum_error(x.shape[1]) + 4 * EPS)
    return y, error, inverse, total > epsilon if unit else np.ones_like(total, bool)


def _padded(values: NDArray[Any], stride: int) -> Float64Array:
    """(rows, K) -> (rows, stride): padding of the last panel is 0."""
    result = np.zeros((len(values), stride))
    result[:, : values.shape[1]] = values.astype(np.float64)
    return result


def _input(rows: int, width: int, stride: int) -> Float64Array:
    x = np.full((rows, stride), JUNK)
    x[:, :width] = normal("x", rows, width) + 0.5
    return x


def normalize_rows(rows: int, width: int, mode: str, gap: int = 0) -> Call:
    stride = up(width) + gap * 8
    x = _input(rows, width, stride)
    mask = row_mask(rows, stride, up(width))

    def expected() -> dict[str, Want]:
        y, error, _, _ = _normalized(x[:, :width], mode)
        return {"y": Want(_padded(y, stride), _padded(error, stride), mask)}

    return Call(
        "normalize_rows",
        {"y": np.full((rows, stride), JUNK), "x": x, "stride": stride, "rows": rows}
        | {"width": width, **MODES[mode]},
        {"y": mask},
        expected,
        traffic=rows * stride * 24,
    )


def normalize_rows_gradient(
    rows: int, width: int, mode: str, in_place: bool = False, gap: int = 0
) -> Call:
    """dx = inverse (dy - average - y trend)."""
    stride = up(width) + gap * 8
    x, dy = _input(rows, width, stride), np.full((rows, stride), JUNK)
    dy[:, :width] = normal("dy", rows, width)
    mask = row_mask(rows, stride, up(width))

    def expected() -> dict[str, Want]:
        y, y_error, inverse, divided = _normalized(x[:, :width], mode)
        d = dy[:, :width].astype(LONG)
        share = 1 if MODES[mode]["unit"] else LONG(1) / width
        average = d.mean(axis=1, keepdims=True) if MODES[mode]["center"] else LONG(0)
        trend = np.where(divided, (d * y).sum(axis=1, keepdims=True) * share, 0)
        size = np.abs(d * y).sum(axis=1, keepdims=True) * share * divided
        moved = (np.abs(d) * y_error).sum(axis=1, keepdims=True) * share * divided
        terms = np.abs(d) + np.abs(d).mean(axis=1, keepdims=True) + np.abs(y) * size
        error = terms * (2 * _sum_error(width) + 8 * EPS) + np.abs(y) * moved + y_error * size
        dx = inverse * (d - average - y * trend)
        return {"dx": Want(_padded(dx, stride), _padded(inverse * error, stride), mask)}

    return Call(
        "normalize_rows_gradient",
        {"dx": dy, "dy": "dx" if in_place else dy, "x": x, "stride": stride}
        | {"rows": rows, "width": width, **MODES[mode]},
        {"dx": mask},
        expected,
        traffic=rows * stride * 40,
    )


def standardize(rows: int, panels: int, in_place: bool = False, gap: int = 0) -> Call:
    """y = (x - mean) factor, each rounded."""
    columns = panels * 8
    stride = columns + gap * 8
    x = strided(normal("x", rows, columns) + 1000.0, stride)
    mean, factor = normal("mean", columns) + 1000.0, normal("factor", columns)
    mask = row_mask(rows, stride, columns)

    def expected() -> dict[str, Want]:
        return {"y": Want(strided((x[:, :columns] - mean) * factor, stride), 0.0, mask)}

    return Call(
        "standardize",
        {
            "y": x if in_place else np.full((rows, stride), JUNK),
            "y_stride": stride,
            "x": "y" if in_place else x,
            "x_stride": stride,
            "mean": mean,
            "factor": factor,
            "rows": rows,
            "panels": panels,
        },
        {"y": mask},
        expected,
        traffic=rows * columns * 16,
    )
