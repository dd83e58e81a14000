"""Calls that form weight gradients, whose bits are known, and of the optimizers' steps on them,
known to rounding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .exact import EPS, Float64Array, chain, fma, gradient
from .header import (
    CONSTANT_PLACES,
    GRADIENT_BLOCK,
    MAX_SLOTS,
    PANEL,
    PLACES,
    TYPES,
    UPDATE_SCRATCH,
)
from .layout import JUNK, draw, normal, packed, pair_lists, strided, up
from .memory import Call, Want
from .stored import PREPARED, power
from .words import CATALOG, options

RATE, MOMENTUM, BETA_1, BETA_2, EPSILON, ALPHA = 0.05, 0.9, 0.9, 0.999, 1e-7, 0.003
RHO = 0.9

# How a step shows its gradient to the bit: from m = 0 and beta_1 = 0 Adam's new m is g;
# w = 0 becomes -g in plain SGD at a rate of 1, and m = 0 becomes -g with momentum.
FUSED = ("adam", "sgd", "momentum", "nesterov")
RMSPROPS = ("rmsprop", "rmsprop_momentum", "rmsprop_centered", "rmsprop_centered_momentum")
WORDS = dict.fromkeys(FUSED, "sgd") | {"adam": "adam"} | dict.fromkeys(RMSPROPS, "rmsprop")

# fm_update, to name places in its bytes.
UPDATE = np.dtype(TYPES["fm_update"])


def constants(optimizer: str, probe: bool) -> dict[str, float]:
    """A step's constants by the names of their places."""
    if optimizer == "adam":
        return {
            "ADAM_ALPHA": ALPHA,
            "ADAM_REST_BETA_1": 1.0 if probe else 1.0 - BETA_1,
            "ADAM_REST_BETA_2": 1.0 - BETA_2,
            "ADAM_EPSILON": EPSILON,
        }
    if optimizer in RMSPROPS:
        return {
            "RMSPROP_RATE": RATE,
            "RMSPROP_RHO": RHO,
            "RMSPROP_REST_RHO": 1.0 - RHO,
            "RMSPROP_MOMENTUM": MOMENTUM if "momentum" in optimizer else 0.0,
            "RMSPROP_EPSILON": EPSILON,
        }
    return {
        "SGD_RATE": 1.0 if probe else RATE,
        "SGD_MOMENTUM": 0.0 if optimizer == "sgd" else MOMENTUM,
    }


def variant(optimizer: str) -> int:
    """Which of the optimizer's formulas."""
    bits = {
        "SGD_NESTEROV": optimizer == "nesterov",
        "RMSPROP_WITH_MOMENTUM": optimizer in RMSPROPS and "momentum" in optimizer,
        "RMSPROP_CENTERED": "centered" in optimizer,
    }
    return sum(PLACES[name] for name, is_set in bits.items() if is_set)


def fm_update(c: dict[str, float], optimizer: str, shared: bool = False) -> dict[str, Any]:
    """Its members; a place that the optimizer does not have is NaN."""
    places = np.full((CONSTANT_PLACES, PANEL), np.nan)
    for name, value in c.items():
        places[PLACES[name]] = value
    return {
        "constant": places,
        "shared_division": shared,
        "divider_is_limit": False,
        "variant": variant(optimizer),
        "row_mean": np.nan,
    }


def start(optimizer: str, probe: bool, depth: int, columns: int) -> list[Float64Array | None]:
    """[w, slot 0, slot 1, slot 2] (depth, columns) before the step; NULL where there is no
    slot."""
    size = 0.0 if probe else 1.0
    w, m = normal("w0", depth, columns) * size, normal("m0", depth, columns) * size
    v = np.square(normal("v0", depth, columns))  # a running mean of squares
    slots = {"adam": [m, v], "sgd": [], "momentum": [m], "nesterov": [m]}
    if optimizer in RMSPROPS:
        a = 0.5 * normal("a0", depth, columns)
        v = v + np.square(a)  # of what has this mean
        slots[optimizer] = [v]
        slots[optimizer] += [m] if "momentum" in optimizer else []
        slots[optimizer] += [a] if "centered" in optimizer else []
    missing = MAX_SLOTS - len(slots[optimizer])
    return [w, *slots[optimizer], *[None] * missing]


Result = tuple[Float64Array, Float64Array]


def step(
    optimizer: str, g: Float64Array, before: list[Any], c: dict[str, float]
) -> list[Result | None]:
    """(value, tolerance) of [w, slot 0, slot 1, slot 2] after the step. The formulas leave open
    where a multiplication and an addition are fused, so each result may be a few roundings of
    its largest term away; Adam's quotient adds those of a root, a division and up to five
    products and a sum, where two share the division."""
    if optimizer in RMSPROPS:
        return _rmsprop(optimizer, g, before, c)
    w, m0, v0, _ = before
    if optimizer == "adam":
        m = m0 + (g - m0) * c["ADAM_REST_BETA_1"]
        v = v0 + (g * g - v0) * c["ADAM_REST_BETA_2"]
        root = np.sqrt(v) + c["ADAM_EPSILON"]
        w1 = w - m * c["ADAM_ALPHA"] / root
        m_error = 4 * EPS * (np.abs(m0) + np.abs(g))
        v_error = 4 * EPS * (v0 + g * g)
        w_error = 12 * EPS * (np.abs(w) + np.abs(m * c["ADAM_ALPHA"] / root))
        w_error += m_error * c["ADAM_ALPHA"] / root
        return [(w1, w_error), (m, m_error), (v, v_error), None]
    step_g = c["SGD_RATE"] * g
    if optimizer == "sgd":
        return [(w - step_g, 2 * EPS * (np.abs(w) + np.abs(step_g))), None, None, None]
    m = c["SGD_MOMENTUM"] * m0 - step_g
    m_error = 4 * EPS * (np.abs(m0) + np.abs(step_g))
    moved = c["SGD_MOMENTUM"] * m - step_g if optimizer == "nesterov" else m
    w_error = 4 * EPS * (np.abs(w) + np.abs(m0) + np.abs(step_g))
    return [(w + moved, w_error), (m, m_error), None, None]


def _rmsprop(
    optimizer: str, g: Float64Array, before: list[Any], c: dict[str, float]
) -> list[Result | None]:
    """A root halves the relative error of what it is taken of, in which, centered, v - a a may
    cancel; a root, a division and a product round besides."""
    w, slots = before[0], iter(before[1:])
    rho, rest = c["RMSPROP_RHO"], c["RMSPROP_REST_RHO"]
    v = rho * next(slots) + rest * g * g
    results = [(v, 4 * EPS * v)]
    m0 = next(slots) if "momentum" in optimizer else None
    d, d_error = v, 4 * EPS * v
    if "centered" in optimizer:
        a0 = next(slots)
        a, a_size = rho * a0 + rest * g, rho * np.abs(a0) + rest * np.abs(g)
        a_error = 4 * EPS * a_size
        d, d_error = v - a * a, d_error + 2 * np.abs(a) * a_error + 4 * EPS * (v + a * a)
    below = d + c["RMSPROP_EPSILON"]
    moved = c["RMSPROP_RATE"] * g / np.sqrt(below)
    moved_error = np.abs(moved) * (d_error / below / 2 + 4 * EPS)
    if m0 is not None:
        moved_error += 4 * EPS * (np.abs(m0) + np.abs(moved))
        moved = c["RMSPROP_MOMENTUM"] * m0 + moved
        results.append((moved, moved_error))
    if "centered" in optimizer:
        results.append((a, a_error))
    w_error = moved_error + 2 * EPS * (np.abs(w) + np.abs(moved))
    return [(w - moved, w_error), *results, *[None] * (MAX_SLOTS - len(results))]


def _probe(optimizer: str, g: Float64Array) -> list[Result | None]:
    """The gradient to the bit, where the step shows it (OPTIMIZERS)."""
    exactly = np.zeros_like(g)
    if optimizer == "adam":
        return [None, (g, exactly), None, None]
    shown = (0.0 - g, exactly)  # from +0, so that a gradient of 0 leaves +0
    return [shown, None, None, None] if optimizer == "sgd" else [None, shown, None, None]


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
    """update_adam or update_sgd on w (depth, columns); bias: x = {1} with a stride of 0."""
    x = np.ones((rows, 1)) if bias else draw(values, "x", rows, depth)
    dz = draw("normal", "dz", rows, columns)
    before, c = start(optimizer, probe, depth, columns), constants(optimizer, probe)
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
        f"update_{WORDS[optimizer]}",
        {
            "w": w,
            "x": np.ones(1) if bias else strided(x, x_stride),
            "x_stride": 0 if bias else x_stride,
            "dz": dz_rows,
            "dz_stride": dz_stride,
            "rows": rows,
            "depth": depth,
            "panels": up(columns) // PANEL,
            "update": fm_update(c, optimizer, shared),
            "scratch": np.full(UPDATE_SCRATCH, np.nan),
        },
        writes | {"scratch": None},
        expected,
        fmas=rows * depth * up(columns),
    )


def stored_gradient(
    rows: int,
    depth: int,
    columns: int,
    values: str = "normal",
    gap: int = 0,
    resume: bool = False,
    bias: bool = False,
) -> Call:
    """g (depth, columns) = x^T dz in panels; if resume, the chains go on from g; bias: x = {1}
    with a stride of 0."""
    x, dz = draw(values, "x", rows, depth), draw("normal", "dz", rows, columns)
    x = np.ones((rows, 1)) if bias else x
    g = packed(normal("g", depth, columns), depth + gap)
    mask = np.zeros(g.shape, bool)
    mask[:, :depth] = True
    x_stride, dz_stride = up(depth) + gap * PANEL, up(columns) + gap * PANEL
    dz_rows = strided(dz, dz_stride)
    dz_rows[:, columns : up(columns)] = 0.0  # padding of a gradient

    def expected() -> dict[str, Want]:
        if resume:
            total = chain(x.T, dz, normal("g", depth, columns))
        else:
            total = gradient(x, dz, GRADIENT_BLOCK)
        return {"g": Want(packed(total, depth + gap), where=mask)}

    return Call(
        "gradient",
        {
            "g": g,
            "panel_stride": (depth + gap) * PANEL,
            "x": np.ones(1) if bias else strided(x, x_stride),
            "x_stride": 0 if bias else x_stride,
            "dz": dz_rows,
            "dz_stride": dz_stride,
            "rows": rows,
            "depth": depth,
            "panels": up(columns) // PANEL,
            "resume": resume,
            "scratch": np.full(UPDATE_SCRATCH, np.nan),
        },
        {"g": mask, "scratch": None},
        expected,
        fmas=rows * depth * up(columns),
    )


def apply(
    optimizer: str, depth: int, columns: int, probe: bool, gap: int = 0, shared: bool = False
) -> Call:
    """apply_*: the step of a gradient that is given."""
    g = normal("g", depth, columns)
    before, c = start(optimizer, probe, depth, columns), constants(optimizer, probe)
    w, writes = _parameter(before, depth + gap, np.full(depth, True))

    def expected() -> dict[str, Want]:
        results = _probe(optimizer, g) if probe else step(optimizer, g, before, c)
        return _wants(results, depth + gap, writes)

    return Call(
        f"apply_{WORDS[optimizer]}",
        {
            "w": w,
            "g": packed(g, depth + gap),
            "depth": depth,
            "panels": up(columns) // PANEL,
            "update": fm_update(c, optimizer, shared),
        },
        writes,
        expected,
        traffic=depth * up(columns) * 56,
    )


def sparse_gradient(
    rows: int, depth: int, panels: int, density: str, gap: int = 0, resume: bool = False
) -> Call:
    """gradient of the same rows, given by lists of pairs of features; if resume, the chains go on
    from g."""
    columns = panels * PANEL
    x, dz = draw(density, "x", rows, depth), normal("dz", rows, columns)
    lists, spans = pair_lists(x, up(depth) * rows + 3, 3)
    before = normal("g", depth, columns)
    g = packed(before, depth + gap)
    mask = np.zeros(g.shape, bool)
    mask[:, :depth] = True

    def expected() -> dict[str, Want]:
        formed = chain(x.T, dz, before) if resume else gradient(x, dz, GRADIENT_BLOCK)
        return {"g": Want(packed(formed, depth + gap), where=mask)}

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
            "resume": resume,
        },
        {"g": mask},
        expected,
        fmas=float(np.count_nonzero(x) * columns),
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
    before, c = start(optimizer, probe, depth, columns), constants(optimizer, probe)
    w, writes = _parameter(before, depth, active)

    def expected() -> dict[str, Want]:
        g = gradient(x, dz, GRADIENT_BLOCK)
        results = _probe(optimizer, g) if probe else step(optimizer, g, before, c)
        return _wants(results, depth, writes)

    return Call(
        f"sparse_update_{WORDS[optimizer]}",
        {
            "w": w,
            "entries": lists,
            "spans": spans,
            "active": active_pairs.astype(np.uint8),
            "dz": strided(dz, columns + PANEL, JUNK),
            "dz_stride": columns + PANEL,
            "depth": depth,
            "panels": panels,
            "update": fm_update(c, optimizer, shared),
        },
        writes,
        expected,
        fmas=float(np.count_nonzero(x) * columns),
    )


# -- constants of a step --


def _prepared(word: str, o: dict[str, float], rate: float, t: int) -> dict[str, float | int]:
    """What is stored: constants by the names of their places, other members by theirs."""
    if word in PREPARED:
        return PREPARED[word](o, rate, t)
    if word == "adam":
        return {
            "ADAM_ALPHA": rate * math.sqrt(1 - power(o["beta_2"], t)) / (1 - power(o["beta_1"], t)),
            "ADAM_REST_BETA_1": 1 - o["beta_1"],
            "ADAM_REST_BETA_2": 1 - o["beta_2"],
            "ADAM_EPSILON": o["epsilon"],
            "shared_division": o["epsilon"] > 1e-150,
        }
    if word == "sgd":
        nesterov = PLACES["SGD_NESTEROV"] if o["nesterov"] else 0
        return {"SGD_RATE": rate, "SGD_MOMENTUM": o["momentum"], "variant": nesterov}
    with_momentum = PLACES["RMSPROP_WITH_MOMENTUM"] if o["momentum"] else 0
    return {
        "RMSPROP_RATE": rate,
        "RMSPROP_RHO": o["rho"],
        "RMSPROP_REST_RHO": 1 - o["rho"],
        "RMSPROP_MOMENTUM": o["momentum"],
        "RMSPROP_EPSILON": o["epsilon"],
        "variant": with_momentum + (PLACES["RMSPROP_CENTERED"] if o["centered"] else 0),
    }


def prepare(word: str, rate: float, t: int, **given: float) -> Call:
    """prepare_*: every constant to the bit, in all lanes of its place. fm_update is given as its
    bytes, since what is no part of the optimizer may be anything."""
    option = options("optimizer", word, **given)
    names = CATALOG["optimizer"][word][1].keys()

    def expected() -> dict[str, Want]:
        update = np.zeros(1, UPDATE)
        stored = np.zeros(UPDATE.itemsize, bool)
        values = dict(zip(names, option.tolist(), strict=True))
        for name, value in _prepared(word, values, rate, t).items():
            if name in PLACES:
                update["constant"][0, PLACES[name]] = value
                lanes = PLACES[name] * PANEL * 8
                stored[lanes : lanes + PANEL * 8] = True
            else:
                update[name] = value
                kind, offset = UPDATE.fields[name]
                stored[offset : offset + kind.itemsize] = True
        return {"update": Want(update.view(np.uint8), where=stored)}

    return Call(
        f"prepare_{word}",
        {"update": np.full(UPDATE.itemsize, 0xFF, np.uint8), "option": option}
        | {"rate": rate, "t": t},
        {"update": None},
        expected,
        traffic=UPDATE.itemsize,
    )


# -- what is done to gradients before they are applied --


def lanes_sum(terms: Float64Array) -> float:
    """Of eight: ((0+4) + (2+6)) + ((1+5) + (3+7))."""
    half = terms[:4] + terms[4:]
    quarter = half[:2] + half[2:]
    return float(quarter[0] + quarter[1])


def squares(count: int, values: str = "normal") -> Call:
    """Eight chains and the tree."""
    g = draw(values, "g", count)

    def expected() -> dict[str, Want]:
        sums = np.zeros(PANEL)
        for row in g.reshape(-1, PANEL):
            sums = fma(row, row, sums)
        with np.errstate(over="ignore"):
            return {"return": Want(np.array(lanes_sum(sums)))}

    return Call("squares", {"g": g, "count": count}, {}, expected, traffic=count * 8)


def multiply_by(count: int, factor: float, values: str = "normal") -> Call:
    g = draw(values, "g", count)
    with np.errstate(over="ignore", under="ignore"):
        wants = {"g": Want(g * factor)}
    arguments = {"g": g, "count": count, "factor": factor}
    return Call("multiply_by", arguments, {"g": None}, lambda: wants, traffic=count * 16)


def clip(count: int, limit: float, values: str = "normal") -> Call:
    """special: with NaN, which stays, infinities, zeros of both signs and the limits."""
    g = normal("g", count)
    if values == "special":
        around = (limit, np.nextafter(limit, np.inf), np.nextafter(limit, 0.0))
        special = [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, *around, *np.negative(around)]
        g = np.resize(special, count)
    wants = {"g": Want(np.where(g > limit, limit, np.where(g < -limit, -limit, g)))}
    arguments = {"g": g, "count": count, "limit": limit}
    return Call("clip", arguments, {"g": None}, lambda: wants, traffic=count * 16)
