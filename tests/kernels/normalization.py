"""Calls of the kernels of batch normalization. Expectations are in longdouble; a chain of n
additions is within n / 2 ulp of the sum of the absolute terms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact import EPS, Float64Array
from .header import PANEL
from .layout import JUNK, normal, row_mask, strided
from .memory import Call, Want

LONG = np.longdouble


def _columns(name: str, panels: int) -> Float64Array:
    return normal(name, panels * PANEL)


def _rows(name: str, rows: int, panels: int) -> tuple[Float64Array, Float64Array]:
    """(rows, panels * 8) numbers, and the same with a panel of junk behind each row."""
    values = normal(name, rows, panels * PANEL)
    return values, strided(values, (panels + 1) * PANEL, JUNK)


def _want(values: NDArray[Any], error: NDArray[Any]) -> Want:
    return Want(values.astype(np.float64), error.astype(np.float64))


def column_moments(rows: int, panels: int) -> Call:
    values, x = _rows("x", rows, panels)

    def expected() -> dict[str, Want]:
        wide = values.astype(LONG)
        mean, size = wide.mean(axis=0), np.abs(wide).mean(axis=0)
        error = (rows + 2) * EPS * size
        squares = np.square(wide - mean).mean(axis=0)
        return {
            "mean": _want(mean, error),
            # an error of the mean counts squared only: the differences sum to 0
            "variance": _want(squares, (rows + 6) * EPS * squares + np.square(error)),
        }

    return Call(
        "column_moments",
        {
            "mean": np.full(panels * PANEL, JUNK),
            "variance": np.full(panels * PANEL, JUNK),
            "x": x,
            "x_stride": (panels + 1) * PANEL,
            "rows": rows,
            "panels": panels,
        },
        {"mean": None, "variance": None},
        expected,
        traffic=rows * panels * PANEL * 16,
    )


def affine(rows: int, panels: int) -> Call:
    values, x = _rows("x", rows, panels)
    scale, shift = _columns("scale", panels), _columns("shift", panels)
    stride = (panels + 2) * PANEL
    mask = row_mask(rows, stride, panels * PANEL)
    y = np.full((rows, stride), JUNK)

    def expected() -> dict[str, Want]:
        want, error = y.copy(), np.zeros(y.shape)
        product = values.astype(LONG) * scale + shift
        want[:, : panels * PANEL] = product.astype(np.float64)
        error[:, : panels * PANEL] = EPS * np.abs(want[:, : panels * PANEL])  # longdouble is no FMA
        return {"y": Want(want, error, mask)}

    return Call(
        "affine",
        {
            "y": y,
            "y_stride": stride,
            "x": x,
            "x_stride": (panels + 1) * PANEL,
            "scale": scale,
            "shift": shift,
            "rows": rows,
            "panels": panels,
        },
        {"y": mask},
        expected,
        traffic=rows * panels * PANEL * 16,
    )


def normalized_sums(rows: int, panels: int) -> Call:
    values, x = _rows("x", rows, panels)
    slopes, dy = _rows("dy", rows, panels)
    mean, inverse = _columns("mean", panels), np.abs(_columns("inverse", panels))

    def expected() -> dict[str, Want]:
        terms = slopes.astype(LONG) * ((values.astype(LONG) - mean) * inverse)
        sizes = np.abs(slopes) * ((np.abs(values) + np.abs(mean)) * inverse)
        return {
            "sum": _want(slopes.astype(LONG).sum(axis=0), rows * EPS * np.abs(slopes).sum(axis=0)),
            "product": _want(terms.sum(axis=0), (rows + 4) * EPS * sizes.sum(axis=0)),
        }

    return Call(
        "normalized_sums",
        {
            "sum": np.full(panels * PANEL, JUNK),
            "product": np.full(panels * PANEL, JUNK),
            "dy": dy,
            "dy_stride": (panels + 1) * PANEL,
            "x": x,
            "x_stride": (panels + 1) * PANEL,
            "mean": mean,
            "inverse": inverse,
            "rows": rows,
            "panels": panels,
        },
        {"sum": None, "product": None},
        expected,
        traffic=rows * panels * PANEL * 16,
    )


def normalized_gradient(rows: int, panels: int) -> Call:
    values, x = _rows("x", rows, panels)
    slopes, dy = _rows("dy", rows, panels)
    names = ("mean", "inverse", "scale", "sum", "product")
    columns = {name: _columns(name, panels) for name in names}
    stride = (panels + 2) * PANEL
    mask = row_mask(rows, stride, panels * PANEL)
    dx = np.full((rows, stride), JUNK)

    def expected() -> dict[str, Want]:
        c = {name: column.astype(LONG) for name, column in columns.items()}
        normalized = (values.astype(LONG) - c["mean"]) * c["inverse"]
        d = c["scale"] * (slopes - (c["sum"] + normalized * c["product"]) / rows)
        reach = (np.abs(values) + np.abs(c["mean"])) * np.abs(c["inverse"] * c["product"])
        size = np.abs(slopes) + (np.abs(c["sum"]) + reach) / rows
        want, error = dx.copy(), np.zeros(dx.shape)
        want[:, : panels * PANEL] = d.astype(np.float64)
        error[:, : panels * PANEL] = (8 * EPS * np.abs(c["scale"]) * size).astype(np.float64)
        return {"dx": Want(want, error, mask)}

    return Call(
        "normalized_gradient",
        {
            "dx": dx,
            "dx_stride": stride,
            "dy": dy,
            "dy_stride": (panels + 1) * PANEL,
            "x": x,
            "x_stride": (panels + 1) * PANEL,
            **columns,
            "rows": rows,
            "panels": panels,
        },
        {"dx": mask},
        expected,
        traffic=rows * panels * PANEL * 24,
    )
