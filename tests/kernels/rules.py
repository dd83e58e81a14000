"""Calls of regularizers and constraints. Each is a few operations in a stated order, so that the
bits are known."""

from __future__ import annotations

import numpy as np

from .exact import Float64Array, fma
from .header import PANEL
from .layout import draw, normal, packed, up
from .memory import Call, Want
from .updates import lanes_sum
from .words import options


def penalty(count: int, l1: float, l2: float, values: str = "normal") -> Call:
    """Eight chains of l1 |w| and (l2 w) w, and the tree."""
    w = draw(values, "w", count)

    def expected() -> dict[str, Want]:
        sums = np.zeros(PANEL)
        with np.errstate(over="ignore", under="ignore"):
            for row in w.reshape(-1, PANEL):
                sums = fma(row * l2, row, fma(np.full(PANEL, l1), np.abs(row), sums))
            return {"return": Want(np.array(lanes_sum(sums)))}

    arguments = {"w": w, "count": count, "l1": l1, "l2": l2}
    return Call("penalty", arguments, {}, expected, traffic=count * 8)


def regularize(rows: int, columns: int, l1: float, l2: float, values: str = "normal") -> Call:
    """Rows of one panel, the padding of which has no slope."""
    w, g = normal("w", rows, PANEL), normal("g", rows, PANEL)
    if values == "special":
        w = np.resize([0.0, -0.0, np.nan, 1.0, -1.0, 5e-324, -5e-324], (rows, PANEL))
    w[:, columns:] = g[:, columns:] = 0.0

    def expected() -> dict[str, Want]:
        slope = np.where(w >= 0, 1.0, np.sign(w))
        factors = np.where(np.arange(PANEL) < columns, l1, 0.0)
        with np.errstate(over="ignore", under="ignore"):
            return {"g": Want(fma(np.full(w.shape, 2 * l2), w, fma(factors, slope, g)))}

    arguments = {"g": g, "w": w, "count": w.size, "columns": columns, "l1": l1, "l2": l2}
    return Call("regularize", arguments, {"g": None}, expected, traffic=w.size * 24)


def clip_below(count: int) -> Call:
    special = [0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 5e-324, -5e-324]
    w = np.where(np.arange(count) % 3 == 0, np.resize(special, count), normal("w", count))
    wants = {"w": Want(np.where(w < 0, 0.0, w))}
    return Call("clip_below", {"w": w, "count": count}, {"w": None}, lambda: wants, count * 16)


def _factor(squares: Float64Array, o: Float64Array) -> Float64Array:
    least, most, rate, _, epsilon = o
    n = np.sqrt(squares)
    inside = np.minimum(most, np.maximum(least, n))
    desired = fma(np.full(n.shape, rate), inside, (1 - rate) * n)
    divisor = epsilon + n
    return np.where(divisor == 0, 0.0, desired / np.where(divisor == 0, 1.0, divisor))


def norm_factor(squares: float, **given: float) -> Call:
    option = options("constraint", "norm", **given)
    wants = {"return": Want(_factor(np.array(squares), option))}
    return Call("norm_factor", {"squares": squares, "option": option}, {}, lambda: wants)


def norm_columns(rows: int, **given: float) -> Call:
    """One chain of squares a column."""
    option = options("constraint", "norm", **given)
    w = normal("w", rows, PANEL)
    w[:, 3] = 0.0

    def expected() -> dict[str, Want]:
        sums = np.zeros(PANEL)
        for row in w:
            sums = fma(row, row, sums)
        return {"w": Want(w * _factor(sums, option))}

    arguments = {"w": w, "rows": rows, "option": option}
    return Call("norm_columns", arguments, {"w": None}, expected, traffic=w.size * 24)


def norm_row(columns: int, rows: int = 3, **given: float) -> Call:
    """The first of so many rows: eight chains of squares over the panels, and the tree."""
    option = options("constraint", "norm", **given)
    w = normal("w", rows, columns)
    panels = up(columns) // PANEL
    whole = packed(np.pad(w, ((0, 0), (0, up(columns) - columns))), rows)
    mask = np.zeros(whole.shape, bool)
    mask.reshape(panels, rows, PANEL)[:, 0] = True

    def expected() -> dict[str, Want]:
        first = whole.reshape(panels, rows, PANEL)[:, 0]
        sums = np.zeros(PANEL)
        for row in first:
            sums = fma(row, row, sums)
        changed = whole.copy()
        factor = _factor(np.array(lanes_sum(sums)), option)
        changed.reshape(panels, rows, PANEL)[:, 0] = first * factor
        return {"w": Want(changed, where=mask)}

    arguments = {"w": whole, "panel_stride": rows * PANEL, "panels": panels, "option": option}
    return Call("norm_row", arguments, {"w": mask}, expected, traffic=columns * 24)
