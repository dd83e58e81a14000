"""Calls of the fused updates: a weight gradient whose bits are known, and the optimizer's step
on it, known to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact import EPS, Float64Array, chain, gradient
from .header import GRADIENT_BLOCK, PANEL, UPDATE_SCRATCH
from .layout import JUNK, draw, normal, packed, pair_lists, strided, up
from .memory import Call, Want

RATE, MOMENTUM, BETA_1, BETA_2, EPSILON, ALPHA = 0.05, 0.9, 0.9, 0.999, 1e-7, 0.003

# How a step shows its gradient to the bit: from m = 0 and beta_1 = 0 Adam's new m is g;
# w = 0 becomes -g in plain SGD at a rate of 1, and m = 0 becomes -g with momentum.
OPTIMIZERS = ("adam", "sgd", "momentum", "nesterov")


def constants(optimizer: str, probe: bool, shared: bool) -> dict[str, Any]:
    """fm_update's members."""
    return {
        "alpha": ALPHA,
        "rest_beta_1": 1.0 if probe else 1.0 - BETA_1,
        "rest_beta_2": 1.0 - BETA_2,
        "epsilon": EPSILON,
        "rate": 1.0 if probe else RATE,
        "momentum": MOMENTUM if optimizer in ("momentum", "nesterov") else 0.0,
        "shared_division": shared,
        "nesterov": optimizer == "nesterov",
    }


def start(optimizer: str, probe: bool, depth: int, columns: int) -> list[Float64Array | None]:
    """[w, slot 0, slot 1] (depth, columns) before the step; NULL where there is no slot."""
    size = 0.0 if probe else 1.0
    w, m = normal("w0", depth, columns) * size, normal("m0", depth, columns) * size
    v = np.square(normal("v0", depth, columns))  # a running mean of squares
    return [w, None if optimizer == "sgd" else m, v if optimizer == "adam" else None]


def step(
    optimizer: str, g: Float64Array, before: list[Any], c: dict[str, Any]
) -> list[tuple[Float64Array, Float64Array] | None]:
    """(value, tolerance) of [w, slot 0, slot 1] after the step. The formulas leave open where a
    multiplication and an addition are fused, so each result may be a few roundings of its
    largest term away; Adam's quotient adds those of a root, a division and up to five products
    and a sum, where two share the division."""
    w, m0, v0 = before
    if optimizer == "adam":
        m = m0 + (g - m0) * c["rest_beta_1"]
        v = v0 + (g * g - v0) * c["rest_beta_2"]
        root = np.sqrt(v) + c["epsilon"]
        w1 = w - m * c["alpha"] / root
        m_error = 4 * EPS * (np.abs(m0) + np.abs(g))
        v_error = 4 * EPS * (v0 + g * g)
        w_error = 12 * EPS * (np.abs(w) + np.abs(m * c["alpha"] / root))
        return [(w1, w_error + m_error * c["alpha"] / root), (m, m_error), (v, v_error)]
    step_g = c["rate"] * g
    if optimizer == "sgd":
        return [(w - step_g, 2 * EPS * (np.abs(w) + np.abs(step_g))), None, None]
    m = c["momentum"] * m0 - step_g
    m_error = 4 * EPS * (np.abs(m0) + np.abs(step_g))
    moved = c["momentum"] * m - step_g if optimizer == "nesterov" else m
    w_error = 4 * EPS * (np.abs(w) + np.abs(m0) + np.abs(step_g))
    return [(w + moved, w_error), (m, m_error), None]


def _probe(optimizer: str, g: Float64Array) -> list[tuple[Float64Array, Float64Array] | None]:
    """The gradient to the bit, where the step shows it (OPTIMIZERS)."""
    exactly = np.zeros_like(g)
    if optimizer == "adam":
        return [None, (g, exactly), None]
    shown = (0.0 - g, exactly)  # from +0, so that a gradient of 0 leaves +0
    return [shown if optimizer == "sgd" else None, None if optimizer == "sgd" else shown, None]


def _parameter(
    before: list[Any], stride_rows: int, active: NDArray[np.bool_]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """fm_packed's members and which of their elements may change: those of active rows."""
    value = packed(before[0], stride_rows)
    slots = [None if a is None else packed(a, stride_rows) for a in before[1:]]
    mask = np.zeros(value.shape, bool)
    mask[:, : len(active)] = active[:, None]
    writes = {"w.value": mask}
    writes |= {f"w.slot.{i}": mask for i, slot in enumerate(slots) if slot is not None}
    return {"value": value, "slot": slots, "panel_stride": stride_rows * PANEL}, writes


def _wants(results: list[Any], stride_rows: int, writes: dict[str, Any]) -> dict[str, Want]:
    paths = ("w.value", "w.slot.0", "w.slot.1")
    return {
        path: Want(packed(r[0], stride_rows), packed(r[1], stride_rows), writes[path])
        for path, r in zip(paths, results, strict=True)
        if r is not None
    }


def update(
    optimizer: str,
    rows: int,
    depth: int,
    columns: int,
    probe: bool,
    values: str = "normal",
    gap: int = 0,
    bias: bool = False,
    shared: bool = False,
) -> Call:
    """update_adam or update_sgd on w (depth, columns); bias: x = {1} with a stride of 0."""
    x = np.ones((rows, 1)) if bias else draw(values, "x", rows, depth)
    dz = draw("normal", "dz", rows, columns)
    before, c = start(optimizer, probe, depth, columns), constants(optimizer, probe, shared)
    active = np.full(depth, rows > 0)  # no rows, no update
    w, writes = _parameter(before, depth + gap, active)
    x_stride, dz_stride = up(depth) + gap * PANEL, up(columns) + gap * PANEL
    dz_rows = strided(dz, dz_stride)
    dz_rows[:, columns : up(columns)] = 0.0  # padding of a gradient

    def expected() -> dict[str, Want]:
        if rows == 0:
            return {}
        g = gradient(x, dz, GRADIENT_BLOCK)
        results = _probe(optimizer, g) if probe else step(optimizer, g, before, c)
        return _wants(results, depth + gap, writes)

    return Call(
        "update_adam" if optimizer == "adam" else "update_sgd",
        {
            "w": w,
            "x": np.ones(1) if bias else strided(x, x_stride),
            "x_stride": 0 if bias else x_stride,
            "dz": dz_rows,
            "dz_stride": dz_stride,
            "rows": rows,
            "depth": depth,
            "panels": up(columns) // PANEL,
            "update": c,
            "scratch": np.full(UPDATE_SCRATCH, np.nan),
        },
        writes | {"scratch": None},
        expected,
        fmas=rows * depth * up(columns),
    )


def stored_gradient(
    rows: int, depth: int, columns: int, values: str = "normal", gap: int = 0, resume: bool = False
) -> Call:
    """g (depth, columns) = x^T dz in panels; if resume, the chains go on from g."""
    x, dz = draw(values, "x", rows, depth), draw("normal", "dz", rows, columns)
    before = normal("g", depth, columns) if resume else None
    g = packed(normal("g", depth, columns), depth + gap)
    mask = np.zeros(g.shape, bool)
    mask[:, :depth] = True
    x_stride, dz_stride = up(depth) + gap * PANEL, up(columns) + gap * PANEL
    dz_rows = strided(dz, dz_stride)
    dz_rows[:, columns : up(columns)] = 0.0  # padding of a gradient
    return Call(
        "gradient",
        {
            "g": g,
            "panel_stride": (depth + gap) * PANEL,
            "x": strided(x, x_stride),
            "x_stride": x_stride,
            "dz": dz_rows,
            "dz_stride": dz_stride,
            "rows": rows,
            "depth": depth,
            "panels": up(columns) // PANEL,
            "resume": resume,
        },
        {"g": mask},
        lambda: {"g": Want(packed(chain(x.T, dz, before), depth + gap), where=mask)},
        fmas=rows * depth * up(columns),
    )


def apply(
    optimizer: str, depth: int, columns: int, probe: bool, gap: int = 0, shared: bool = False
) -> Call:
    """apply_adam or apply_sgd: the step of a gradient that is given."""
    g = normal("g", depth, columns)
    before, c = start(optimizer, probe, depth, columns), constants(optimizer, probe, shared)
    w, writes = _parameter(before, depth + gap, np.full(depth, True))

    def expected() -> dict[str, Want]:
        results = _probe(optimizer, g) if probe else step(optimizer, g, before, c)
        return _wants(results, depth + gap, writes)

    return Call(
        "apply_adam" if optimizer == "adam" else "apply_sgd",
        {
            "w": w,
            "g": packed(g, depth + gap),
            "depth": depth,
            "panels": up(columns) // PANEL,
            "update": c,
        },
        writes,
        expected,
        traffic=depth * up(columns) * 56,
    )


def sparse_update(
    optimizer: str,
    rows: int,
    depth: int,
    panels: int,
    density: str,
    probe: bool,
    shared: bool = False,
) -> Call:
    """The same by lists of pairs of features. A third of the pairs are not active; of the active
    ones those without a non-zero in this batch are updated with a gradient of 0."""
    columns = panels * PANEL
    active_pairs = np.arange((depth + 1) // 2) % 3 != 1
    active = np.repeat(active_pairs, 2)[:depth]
    x = draw(density, "x", rows, depth) * active
    dz = normal("dz", rows, columns)
    lists, spans = pair_lists(x, up(depth) * rows + 3, 3)
    before, c = start(optimizer, probe, depth, columns), constants(optimizer, probe, shared)
    w, writes = _parameter(before, depth, active)

    def expected() -> dict[str, Want]:
        g = gradient(x, dz, GRADIENT_BLOCK)
        results = _probe(optimizer, g) if probe else step(optimizer, g, before, c)
        return _wants(results, depth, writes)

    return Call(
        "sparse_update_adam" if optimizer == "adam" else "sparse_update_sgd",
        {
            "w": w,
            "entries": lists,
            "spans": spans,
            "active": active_pairs.astype(np.uint8),
            "dz": strided(dz, columns + PANEL, JUNK),
            "dz_stride": columns + PANEL,
            "depth": depth,
            "panels": panels,
            "update": c,
        },
        writes,
        expected,
        fmas=float(np.count_nonzero(x) * columns),
    )
