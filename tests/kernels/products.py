"""Calls of the matrix products: every element is one chain of FMAs, so all bits are known."""

from __future__ import annotations

import numpy as np

from .exact import chain
from .header import PANEL, TRANSPOSE_SCRATCH
from .layout import JUNK, draw, packed, pair_lists, row_lists, row_mask, strided, up
from .memory import Call, Want


def matmul(
    rows: int,
    depth: int,
    panels: int,
    values: str = "normal",
    gap: int = 0,
    resume: bool = False,
) -> Call:
    """y (rows, panels * 8) = x (rows, depth) w, or y + x w chain by chain if resume; gap: extra
    panels and rows in the strides."""
    columns = panels * PANEL
    x, w = draw(values, "x", rows, depth), draw("normal", "w", depth, columns)
    y_stride, x_stride = columns + gap * PANEL, up(depth) + gap * PANEL
    mask = row_mask(rows, y_stride, columns)
    start = draw("normal", "start", rows, columns) if resume else None
    y = np.full((rows, y_stride), JUNK)
    if start is not None:
        y[:, :columns] = start

    return Call(
        "matmul",
        {
            "y": y,
            "y_stride": y_stride,
            "x": strided(x, x_stride),
            "x_stride": x_stride,
            "w": packed(w, depth + gap),
            "panel_stride": (depth + gap) * PANEL,
            "rows": rows,
            "depth": depth,
            "panels": panels,
            "resume": resume,
        },
        {"y": mask},
        lambda: {"y": Want(strided(chain(x, w, start), y_stride), where=mask)},
        fmas=rows * depth * columns,
    )


def matmul_packing(
    rows: int, depth: int, values: str = "normal", gap: int = 0, resume: bool = False
) -> Call:
    """y (rows, 8) = x (rows, depth) w, the first eight columns of a plain w (depth, 8 + gap),
    which also become the panel (depth, 8)."""
    x, w = draw(values, "x", rows, depth), draw("normal", "w", depth, PANEL)
    y_stride, x_stride, w_stride = PANEL + gap, depth + gap, PANEL + gap
    mask = row_mask(rows, y_stride, PANEL)
    start = draw("normal", "start", rows, PANEL)
    return Call(
        "matmul_packing",
        {
            "y": strided(start, y_stride),
            "y_stride": y_stride,
            "x": strided(x, x_stride),
            "x_stride": x_stride,
            "panel": np.full((depth, PANEL), JUNK),
            "w": strided(w, w_stride),
            "w_stride": w_stride,
            "rows": rows,
            "depth": depth,
            "resume": resume,
        },
        {"y": mask, "panel": None},
        lambda: {
            "y": Want(strided(chain(x, w, start if resume else None), y_stride), where=mask),
            "panel": Want(w),
        },
        fmas=rows * depth * PANEL,
    )


def transpose(rows: int, columns: int, gap: int = 0) -> Call:
    """t (columns, rows) = w (rows, columns)^T; gap: extra columns in the strides."""
    w = draw("normal", "w", rows, columns)
    t_stride, w_stride = rows + gap, columns + gap
    mask = row_mask(columns, t_stride, rows)
    return Call(
        "transpose",
        {
            "t": np.full((columns, t_stride), JUNK),
            "t_stride": t_stride,
            "w": strided(w, w_stride),
            "w_stride": w_stride,
            "rows": rows,
            "columns": columns,
        },
        {"t": mask},
        lambda: {"t": Want(strided(w.T, t_stride), where=mask)},
        traffic=16.0 * rows * columns,
    )


def matmul_transposed(
    rows: int, depth: int, w_rows: int, panels: int, values: str = "normal", gap: int = 0
) -> Call:
    """y (rows, panels * 8) = x (rows, depth) w^T, w (w_rows, depth) in panels of its columns."""
    columns = panels * PANEL
    x, w = draw(values, "x", rows, depth), draw("normal", "w", w_rows, depth)
    transposed = np.zeros((depth, columns))
    transposed[:, : min(w_rows, columns)] = w.T[:, :columns]
    y_stride, x_stride = columns + gap * PANEL, up(depth) + gap * PANEL
    mask = row_mask(rows, y_stride, columns)

    return Call(
        "matmul_transposed",
        {
            "y": np.full((rows, y_stride), JUNK),
            "y_stride": y_stride,
            "x": strided(x, x_stride),
            "x_stride": x_stride,
            "w": packed(w, w_rows + gap),
            "panel_stride": (w_rows + gap) * PANEL,
            "w_rows": w_rows,
            "rows": rows,
            "depth": depth,
            "panels": panels,
            "scratch": np.full(TRANSPOSE_SCRATCH, np.nan),
        },
        {"y": mask, "scratch": None},
        lambda: {"y": Want(strided(chain(x, transposed), y_stride), where=mask)},
        fmas=rows * depth * columns,
    )


def sparse_rows(rows: int, depth: int, panels: int, density: str, gap: int = 0) -> Call:
    """Rows by their non-zeros: the bits of the dense product."""
    columns = panels * PANEL
    x, w = draw(density, "x", rows, depth), draw("normal", "w", depth, columns)
    y_stride = columns + gap * PANEL
    values, places, starts = row_lists(x, np.count_nonzero(x) + gap)
    mask = row_mask(rows, y_stride, columns)
    return Call(
        "sparse_rows",
        {
            "y": np.full((rows, y_stride), JUNK),
            "y_stride": y_stride,
            "values": values,
            "places": places,
            "starts": starts,
            "w": packed(w, depth + gap),
            "panel_stride": (depth + gap) * PANEL,
            "rows": rows,
            "depth": depth,
            "panels": panels,
        },
        {"y": mask},
        lambda: {"y": Want(strided(chain(x, w), y_stride), where=mask)},
        fmas=float(np.count_nonzero(x) * columns),
    )


def sparse_matmul(rows: int, depth: int, panels: int, density: str, gap: int = 0) -> Call:
    """A batch listed by pairs of features: the bits of the dense product."""
    columns = panels * PANEL
    x, w = draw(density, "x", rows, depth), draw("normal", "w", depth, columns)
    y_stride = columns + gap * PANEL
    lists, spans = pair_lists(x, up(depth) * rows + gap, gap)
    mask = row_mask(rows, y_stride, columns)
    return Call(
        "sparse_matmul",
        {
            "y": np.full((rows, y_stride), JUNK),
            "y_stride": y_stride,
            "entries": lists,
            "spans": spans,
            "w": packed(w, depth + gap),
            "panel_stride": (depth + gap) * PANEL,
            "rows": rows,
            "depth": depth,
            "panels": panels,
        },
        {"y": mask},
        lambda: {"y": Want(strided(chain(x, w), y_stride), where=mask)},
        fmas=float(np.count_nonzero(x) * columns),
    )
