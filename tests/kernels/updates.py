"""Calls of the fused updates: a weight gradient whose bits are known, and the optimizer's step
on it, known to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact import EPS, Float64Array, chain, gradient
from .header import GRADIENT_BLOCK, MAX_SLOTS, PANEL, UPDATE_CONSTANTS, UPDATE_SCRATCH, options
from .layout import JUNK, draw, normal, packed, pair_lists, strided, up
from .memory import Call, Want

RATE, MOMENTUM, BETA_1, BETA_2, EPSILON, ALPHA, RHO = 0.05, 0.9, 0.9, 0.999, 1e-7, 0.003, 0.8

# How a step shows its gradient to the bit: from m = 0 and beta_1 = 0 Adam's new m is g;
# w = 0 becomes -g in plain SGD at a rate of 1, and m = 0 becomes -g with momentum.
OPTIMIZERS = ("adam", "sgd", "momentum", "nesterov")
# RMSprop shows none, and is applied to stored gradients only.
RMSPROPS = ("rmsprop", "rmsprop_momentum", "rmsprop_centered", "rmsprop_both")


def word_of(optimizer: str) -> str:
    """The catalog's name."""
    if optimizer in RMSPROPS:
        return "rmsprop"
    return "adam" if optimizer == "adam" else "sgd"


# What fm_update's rows of constants are, by the enumerations in csrc/kernels/optimizers.h.
PLACES = {
    "adam": ("alpha", "rest_beta_1", "rest_beta_2", "epsilon"),
    "sgd": ("rate", "momentum"),
    "rmsprop": ("rate", "rho", "rest_rho", "momentum", "epsilon"),
}


def with_momentum(optimizer: str) -> bool:
    return optimizer in ("momentum", "nesterov", "rmsprop_momentum", "rmsprop_both")


def centered(optimizer: str) -> bool:
    return optimizer in ("rmsprop_centered", "rmsprop_both")


def constants(optimizer: str, probe: bool, shared: bool) -> dict[str, Any]:
    """The numbers of a step by name, and what else fm_update holds."""
    return {
        "alpha": ALPHA,
        "rest_beta_1": 1.0 if probe else 1.0 - BETA_1,
        "rest_beta_2": 1.0 - BETA_2,
        "epsilon": EPSILON,
        "rate": 1.0 if probe else RATE,
        "momentum": MOMENTUM if with_momentum(optimizer) else 0.0,
        "rho": RHO,
        "rest_rho": 1.0 - RHO,
        "shared_division": shared,
        "variant": (optimizer == "nesterov")
        | (with_momentum(optimizer) and optimizer in RMSPROPS)
        | centered(optimizer) * 2,
    }


def fm_update(optimizer: str, c: dict[str, Any]) -> dict[str, Any]:
    """fm_update's members: each constant repeated over a panel."""
    rows = np.zeros((UPDATE_CONSTANTS, PANEL))
    for row, name in zip(rows, PLACES[word_of(optimizer)], strict=False):
        row[:] = c[name]
    return {
        "constant": rows,
        "shared_division": c["shared_division"],
        "variant": int(c["variant"]),
    }


def start(optimizer: str, probe: bool, depth: int, columns: int) -> list[Float64Array | None]:
    """[w, slots...] (depth, columns) before the step; NULL where there is no slot."""
    size = 0.0 if probe else 1.0
    w, m = normal("w0", depth, columns) * size, normal("m0", depth, columns) * size
    v = np.square(normal("v0", depth, columns))  # a running mean of squares
    slots: list[Float64Array | None]
    if optimizer in RMSPROPS:
        a = 0.1 * normal("a0", depth, columns)  # a running mean, smaller than the root of v
        v += np.square(a)
        slots = [v, *([m] if with_momentum(optimizer) else [])]
        slots += [a] if centered(optimizer) else []
    else:
        slots = [None if optimizer == "sgd" else m, v if optimizer == "adam" else None]
    return [w, *slots, *[None] * (MAX_SLOTS - len(slots))]


def rmsprop_step(
    optimizer: str, g: Float64Array, before: list[Any], c: dict[str, Any]
) -> list[tuple[Float64Array, Float64Array] | None]:
    """As ``step``; v - a^2 may cancel, which the error of the root has."""
    w, *slots = before
    v0 = slots.pop(0)
    m0 = slots.pop(0) if with_momentum(optimizer) else None
    v = RHO * v0 + (1.0 - RHO) * g * g
    v_error = 4 * EPS * (v0 + g * g)
    d, d_error = v, v_error
    results: list[tuple[Float64Array, Float64Array] | None] = [(v, v_error)]
    last = []
    if centered(optimizer):
        a0 = slots[0]
        a = RHO * a0 + (1.0 - RHO) * g
        a_error = 4 * EPS * (np.abs(a0) + np.abs(g))
        last = [(a, a_error)]
        d, d_error = v - a * a, v_error + 2 * np.abs(a) * a_error + 2 * EPS * (v + a * a)
    root = np.sqrt(d + EPSILON)
    moved = c["rate"] * g / root
    error = np.abs(moved) * (6 * EPS + d_error / (d + EPSILON))
    if m0 is not None:
        moved = MOMENTUM * m0 + moved
        error = error + 2 * EPS * (np.abs(m0) + np.abs(moved))
        results.append((moved, error))
    results += last
    w_error = error + EPS * (np.abs(w) + np.abs(moved))
    return [(w - moved, w_error), *results, *[None] * (MAX_SLOTS - len(results))]


def step(
    optimizer: str, g: Float64Array, before: list[Any], c: dict[str, Any]
) -> list[tuple[Float64Array, Float64Array] | None]:
    """(value, tolerance) of [w, slot 0, slot 1] after the step. The formulas leave open where a
    multiplication and an addition are fused, so each result may be a few roundings of its
    largest term away; Adam's quotient adds those of a root, a division and up to five products
    and a sum, where two share the division."""
    if optimizer in RMSPROPS:
        return rmsprop_step(optimizer, g, before, c)
    w, m0, v0, _ = before
    if optimizer == "adam":
        m = m0 + (g - m0) * c["rest_beta_1"]
        v = v0 + (g * g - v0) * c["rest_beta_2"]
        root = np.sqrt(v) + c["epsilon"]
        w1 = w - m * c["alpha"] / root
        m_error = 4 * EPS * (np.abs(m0) + np.abs(g))
        v_error = 4 * EPS * (v0 + g * g)
        w_error = 12 * EPS * (np.abs(w) + np.abs(m * c["alpha"] / root))
        return [(w1, w_error + m_error * c["alpha"] / root), (m, m_error), (v, v_error), None]
    step_g = c["rate"] * g
    if optimizer == "sgd":
        return [(w - step_g, 2 * EPS * (np.abs(w) + np.abs(step_g))), None, None, None]
    m = c["momentum"] * m0 - step_g
    m_error = 4 * EPS * (np.abs(m0) + np.abs(step_g))
    moved = c["momentum"] * m - step_g if optimizer == "nesterov" else m
    w_error = 4 * EPS * (np.abs(w) + np.abs(m0) + np.abs(step_g))
    return [(w + moved, w_error), (m, m_error), None, None]


def _probe(optimizer: str, g: Float64Array) -> list[tuple[Float64Array, Float64Array] | None]:
    """The gradient to the bit, where the step shows it (OPTIMIZERS)."""
    exactly = np.zeros_like(g)
    if optimizer == "adam":
        return [None, (g, exactly), None, None]
    shown = (0.0 - g, exactly)  # from +0, so that a gradient of 0 leaves +0
    return [*((shown, None) if optimizer == "sgd" else (None, shown)), None, None]


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
    paths = ("w.value", *(f"w.slot.{i}" for i in range(MAX_SLOTS)))
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
    """update_* of a fused optimizer on w (depth, columns); bias: x = {1} with a stride of 0."""
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
        f"update_{word_of(optimizer)}",
        {
            "w": w,
            "x": np.ones(1) if bias else strided(x, x_stride),
            "x_stride": 0 if bias else x_stride,
            "dz": dz_rows,
            "dz_stride": dz_stride,
            "rows": rows,
            "depth": depth,
            "panels": up(columns) // PANEL,
            "update": fm_update(optimizer, c),
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

    def of_chains() -> Float64Array:
        return gradient(x, dz, GRADIENT_BLOCK) if before is None else chain(x.T, dz, before)

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
            "scratch": np.full(UPDATE_SCRATCH, np.nan),
        },
        {"g": mask, "scratch": None},
        lambda: {"g": Want(packed(of_chains(), depth + gap), where=mask)},
        fmas=rows * depth * up(columns),
    )


def apply(
    optimizer: str, depth: int, columns: int, probe: bool, gap: int = 0, shared: bool = False
) -> Call:
    """apply_*: the step of a gradient that is given."""
    g = normal("g", depth, columns)
    before, c = start(optimizer, probe, depth, columns), constants(optimizer, probe, shared)
    w, writes = _parameter(before, depth + gap, np.full(depth, True))

    def expected() -> dict[str, Want]:
        results = _probe(optimizer, g) if probe else step(optimizer, g, before, c)
        return _wants(results, depth + gap, writes)

    return Call(
        f"apply_{word_of(optimizer)}",
        {
            "w": w,
            "g": packed(g, depth + gap),
            "depth": depth,
            "panels": up(columns) // PANEL,
            "update": fm_update(optimizer, c),
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
        f"sparse_update_{word_of(optimizer)}",
        {
            "w": w,
            "entries": lists,
            "spans": spans,
            "active": active_pairs.astype(np.uint8),
            "dz": strided(dz, columns + PANEL, JUNK),
            "dz_stride": columns + PANEL,
            "depth": depth,
            "panels": panels,
            "update": fm_update(optimizer, c),
        },
        writes,
        expected,
        fmas=float(np.count_nonzero(x) * columns),
    )


def sparse_gradient(rows: int, depth: int, panels: int, density: str, gap: int = 0) -> Call:
    """The gradient by lists of pairs of features: the bits of the dense one."""
    columns = panels * PANEL
    x, dz = draw(density, "x", rows, depth), normal("dz", rows, columns)
    lists, spans = pair_lists(x, up(depth) * rows + 3, 3)
    g = packed(normal("g", depth, columns), depth + gap)
    mask = np.zeros(g.shape, bool)
    mask[:, :depth] = True
    return Call(
        "sparse_gradient",
        {
            "g": g,
            "panel_stride": (depth + gap) * PANEL,
            "entries": lists,
            "spans": spans,
            "dz": strided(dz, columns + PANEL, JUNK),
            "dz_stride": columns + PANEL,
            "depth": depth,
            "panels": panels,
        },
        {"g": mask},
        lambda: {"g": Want(packed(chain(x.T, dz, None), depth + gap), where=mask)},
        fmas=float(np.count_nonzero(x) * columns),
    )


def prepare(optimizer: str, t: int) -> Call:
    """The constants of step t, as ``constants`` names them; beta^t by at most 2 log2(t) products,
    and 1 - beta^t may cancel."""
    word = word_of(optimizer)
    given: dict[str, Any] = {
        "adam": {"beta_1": BETA_1, "beta_2": BETA_2, "epsilon": EPSILON},
        "sgd": {"momentum": MOMENTUM, "nesterov": optimizer == "nesterov"},
        "rmsprop": {
            "rho": RHO,
            "momentum": MOMENTUM if with_momentum(optimizer) else 0.0,
            "epsilon": EPSILON,
            "centered": centered(optimizer),
        },
    }[word]
    c = constants(optimizer, False, False)
    c["alpha"] = RATE * (1.0 - BETA_2**t) ** 0.5 / (1.0 - BETA_1**t)
    c["momentum"] = given.get("momentum", 0.0)
    expected = fm_update(optimizer, c)["constant"]
    cancelled = 1.0 / (1.0 - BETA_2**t) + 1.0 / (1.0 - BETA_1**t)
    bound = np.where(np.arange(UPDATE_CONSTANTS)[:, None] == 0, 64 * EPS * cancelled, EPS)
    kept = slice(0, UPDATE_CONSTANTS * PANEL)  # of fm_update: the constants come first
    flags = np.zeros(UPDATE_CONSTANTS * PANEL + 1)
    return Call(
        f"prepare_{word}",
        {
            "update": flags,
            "option": np.array(options("optimizer", word, **given)),
            "rate": RATE,
            "t": t,
        },
        {"update": None},
        lambda: {
            "update": Want(
                np.append(expected.ravel(), 0.0),
                np.append((bound * np.abs(expected)).ravel(), 0.0),
                np.arange(flags.size) < kept.stop,
            )
        },
    )


def squares(count: int, values: str = "normal") -> Call:
    """The sum of the squares of count numbers, by eight lanes: count / 8 + 3 additions."""
    g = draw(values, "g", count) if count else np.zeros(0)
    with np.errstate(over="ignore"):  # hostile ones: infinity is the right answer
        total = float(np.square(g).sum())
    return Call(
        "squares",
        {"g": g, "count": count},
        {},
        lambda: {"return": Want(np.array(total), np.array((count / 8 + 4) * EPS * total))},
        traffic=count * 8,
    )


def multiply_by(count: int, factor: float) -> Call:
    g = normal("g", count)
    wants = {"g": Want(g * factor)}
    arguments = {"g": g, "count": count, "factor": factor}
    return Call("multiply_by", arguments, {"g": None}, lambda: wants, traffic=count * 16)


def clip(count: int, limit: float) -> Call:
    """NaN stays."""
    g = normal("g", count)
    g[::5] = np.nan
    wants = {"g": Want(np.clip(g, -limit, limit))}
    arguments = {"g": g, "count": count, "limit": limit}
    return Call("clip", arguments, {"g": None}, lambda: wants, traffic=count * 16)
