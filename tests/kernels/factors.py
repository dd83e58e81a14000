"""Calls of Cholesky's factor and its solutions: chains of fused multiply-adds, to the bit."""

from __future__ import annotations

import numpy as np

from .exact import Float64Array, fma_scalar
from .header import PANEL
from .layout import normal
from .memory import Call, Want


def _positive(n: int) -> Float64Array:
    """(n, n) symmetric and positive definite."""
    a = normal("factored", n, n)
    return a @ a.T + n * np.eye(n)


def _reduced(d: Float64Array, rows: Float64Array) -> Float64Array:
    """rows d^-T for d (c, c) lower triangular."""
    x = rows.copy()
    for row in x:
        for c in range(len(d)):
            for k in range(c):
                row[c] = fma_scalar(-float(row[k]), float(d[c, k]), float(row[c]))
            row[c] /= d[c, c]
    return x


def _factor(matrix: Float64Array) -> Float64Array:
    """Cholesky's, row by row."""
    n = len(matrix)
    lower = np.zeros((n, n))
    for i in range(n):
        lower[i, :i] = _reduced(lower[:i, :i], matrix[i : i + 1, :i])[0]
        pivot = matrix[i, i]
        for k in range(i):
            pivot = fma_scalar(-float(lower[i, k]), float(lower[i, k]), float(pivot))
        lower[i, i] = np.sqrt(pivot)
    return lower


def _columns(matrix: Float64Array) -> Float64Array:
    """(m, n) as (m, PANEL), zeros behind it."""
    padded = np.zeros((len(matrix), PANEL))
    padded[:, : matrix.shape[1]] = matrix
    return padded


def factor_block(columns: int, positive: bool = True) -> Call:
    matrix = _positive(columns)
    if not positive:
        matrix[-1, -1] = -1.0
    lower = np.tri(columns, dtype=bool)
    want = _factor(matrix) if positive else matrix
    where = _columns(lower.astype(float)) > 0
    return Call(
        "factor_block",
        {"d": _columns(np.where(lower, matrix, 0.0)), "columns": columns},
        {"d": None},
        lambda: {
            "d": Want(_columns(want), where=where & positive),
            "return": Want(np.array(positive)),
        },
    )


def factor_rows(rows: int, columns: int) -> Call:
    d, t = _factor(_positive(columns)), normal("t", rows, columns)
    arguments = {"t": _columns(t), "d": _columns(d), "rows": rows, "columns": columns}
    return Call(
        "factor_rows", arguments, {"t": None}, lambda: {"t": Want(_columns(_reduced(d, t)))}
    )


def solve_factor(n: int) -> Call:
    lower, x = _factor(_positive(n)), normal("x", n)
    want = _reduced(lower, x[None])[0]
    for i in reversed(range(n)):
        want[i] /= lower[i, i]
        for k in range(i):
            want[k] = fma_scalar(-float(want[i]), float(lower[i, k]), float(want[k]))
    above = np.triu(np.full((n, n), np.nan), 1)  # not read
    arguments = {"x": x, "lower": np.where(np.isnan(above), above, lower), "n": n}
    return Call("solve_factor", arguments, {"x": None}, lambda: {"x": Want(want)})
