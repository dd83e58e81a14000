"""Calls of the steps of optimizers that go the stored way, known to rounding, and their constants.

Each formula is written from the constants of a step, as the kernel has them. All that it adds up
has one sign here (of a weight and its gradient, of means of one kind), so that a result is a few
roundings of itself away, except a weight, which may cancel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .exact import EPS, Float64Array, fma
from .header import CONSTANT_PLACES, MAX_SLOTS, PANEL, PLACES
from .layout import normal, packed, up
from .memory import Call, Want
from .words import CATALOG

Constants = dict[str, float]
Slots = list[Float64Array]
Step = Callable[[Float64Array, Float64Array, Slots, Constants], tuple[Float64Array, Slots]]

ROUNDINGS = 64 * EPS  # of a formula's some twenty operations, through roots and quotients


def power(b: float, t: int) -> float:
    """b^t by squaring."""
    result = 1.0
    while t > 0:
        if t & 1:
            result *= b
        t, b = t >> 1, b * b
    return result


# -- constants: options, rate and t to the values of the places, and the variant --


def _amsgrad(o: Constants, rate: float, t: int) -> Constants:
    return {
        "AMSGRAD_ALPHA": rate * math.sqrt(1 - power(o["beta_2"], t)) / (1 - power(o["beta_1"], t)),
        "AMSGRAD_REST_BETA_1": 1 - o["beta_1"],
        "AMSGRAD_REST_BETA_2": 1 - o["beta_2"],
        "AMSGRAD_EPSILON": o["epsilon"],
    }


def _nadam(o: Constants, rate: float, t: int) -> Constants:
    beta_1, decay, product = o["beta_1"], 1.0, 1.0
    for _ in range(min(t, 900)):
        decay *= 0.96
        product *= 1 - 0.5 * decay
    product *= power(beta_1, t)
    now, following = (beta_1 * (1 - 0.5 * power(0.96, i)) for i in (t, t + 1))
    return {
        "NADAM_REST_BETA_1": 1 - beta_1,
        "NADAM_REST_BETA_2": 1 - o["beta_2"],
        "NADAM_MEAN_RATE": rate * following / (1 - product * following),
        "NADAM_GRADIENT_RATE": rate * (1 - now) / (1 - product),
        "NADAM_REST_POWER": 1 - power(o["beta_2"], t),
        "NADAM_EPSILON": o["epsilon"],
    }


def _adamax(o: Constants, rate: float, t: int) -> Constants:
    return {
        "ADAMAX_ALPHA": rate / (1 - power(o["beta_1"], t)),
        "ADAMAX_REST_BETA_1": 1 - o["beta_1"],
        "ADAMAX_BETA_2": o["beta_2"],
        "ADAMAX_EPSILON": o["epsilon"],
    }


def _adagrad(o: Constants, rate: float, t: int) -> Constants:
    return {"ADAGRAD_RATE": rate, "ADAGRAD_EPSILON": o["epsilon"]}


def _adadelta(o: Constants, rate: float, t: int) -> Constants:
    return {
        "ADADELTA_RATE": rate,
        "ADADELTA_RHO": o["rho"],
        "ADADELTA_REST_RHO": 1 - o["rho"],
        "ADADELTA_EPSILON": o["epsilon"],
    }


def _lion(o: Constants, rate: float, t: int) -> Constants:
    return {
        "LION_RATE": rate,
        "LION_BETA_1": o["beta_1"],
        "LION_REST_BETA_1": 1 - o["beta_1"],
        "LION_BETA_2": o["beta_2"],
        "LION_REST_BETA_2": 1 - o["beta_2"],
    }


def _ftrl(o: Constants, rate: float, t: int) -> Constants:
    l2 = o["l2_regularization_strength"] + o["beta"] / (2 * rate)
    return {
        "FTRL_RATE": rate,
        "FTRL_POWER": -o["learning_rate_power"],
        "FTRL_L1": o["l1_regularization_strength"],
        "FTRL_QUADRATIC": 2 * l2,
        "FTRL_SHRINKAGE": 2 * o["l2_shrinkage_regularization_strength"],
        "variant": PLACES["FTRL_ROOT"] if o["learning_rate_power"] == -0.5 else 0,
    }


def _schedule_free(o: Constants, rate: float, t: int) -> Constants:
    return {
        "SCHEDULE_FREE_RATE": rate * (t / o["warmup_steps"] if t < o["warmup_steps"] else 1),
        "SCHEDULE_FREE_BETA_1": o["beta_1"],
        "SCHEDULE_FREE_REST_BETA_1": 1 - o["beta_1"],
        "SCHEDULE_FREE_REST_BETA_2": 1 - o["beta_2"],
        "SCHEDULE_FREE_REST_POWER": 1 - power(o["beta_2"], t),
        "SCHEDULE_FREE_EPSILON": o["epsilon"],
        "SCHEDULE_FREE_SHARE": 1 / t,
    }


def _lamb(o: Constants, rate: float, t: int) -> Constants:
    return {
        "LAMB_REST_BETA_1": 1 - o["beta_1"],
        "LAMB_REST_BETA_2": 1 - o["beta_2"],
        "LAMB_REST_POWER_1": 1 - power(o["beta_1"], t),
        "LAMB_REST_POWER_2": 1 - power(o["beta_2"], t),
        "LAMB_EPSILON": o["epsilon"],
    }


def _adafactor(o: Constants, rate: float, t: int) -> Constants:
    rest = t ** o["beta_2_decay"]  # the kernel's by its own exp and log
    return {
        "ADAFACTOR_BETA_2": 1 - rest,
        "ADAFACTOR_REST_BETA_2": 1 - (1 - rest),
        "ADAFACTOR_EPSILON_1": o["epsilon_1"],
    }


PREPARED: dict[str, Callable[[Constants, float, int], Constants]] = {
    "amsgrad": _amsgrad,
    "nadam": _nadam,
    "adamax": _adamax,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "lion": _lion,
    "ftrl": _ftrl,
    "schedule_free_adamw": _schedule_free,
    "lamb": _lamb,
    "adafactor": _adafactor,
}


# -- steps: g, w and slots to w and slots --


def _mean(m: Float64Array, g: Float64Array, rest: float) -> Float64Array:
    return m + (g - m) * rest


def amsgrad(g: Float64Array, w: Float64Array, s: Slots, c: Constants) -> Any:
    m = _mean(s[0], g, c["AMSGRAD_REST_BETA_1"])
    v = _mean(s[1], g * g, c["AMSGRAD_REST_BETA_2"])
    top = np.maximum(v, s[2])
    return w - m * c["AMSGRAD_ALPHA"] / (np.sqrt(top) + c["AMSGRAD_EPSILON"]), [m, v, top]


def nadam(g: Float64Array, w: Float64Array, s: Slots, c: Constants) -> Any:
    m = _mean(s[0], g, c["NADAM_REST_BETA_1"])
    v = _mean(s[1], g * g, c["NADAM_REST_BETA_2"])
    ahead = m * c["NADAM_MEAN_RATE"] + g * c["NADAM_GRADIENT_RATE"]
    return w - ahead / (np.sqrt(v / c["NADAM_REST_POWER"]) + c["NADAM_EPSILON"]), [m, v]


def adamax(g: Float64Array, w: Float64Array, s: Slots, c: Constants) -> Any:
    m = _mean(s[0], g, c["ADAMAX_REST_BETA_1"])
    u = np.maximum(s[1] * c["ADAMAX_BETA_2"], np.abs(g))
    return w - m * c["ADAMAX_ALPHA"] / (u + c["ADAMAX_EPSILON"]), [m, u]


def adagrad(g: Float64Array, w: Float64Array, s: Slots, c: Constants) -> Any:
    a = s[0] + g * g
    return w - c["ADAGRAD_RATE"] * g / np.sqrt(a + c["ADAGRAD_EPSILON"]), [a]


def adadelta(g: Float64Array, w: Float64Array, s: Slots, c: Constants) -> Any:
    a = c["ADADELTA_RHO"] * s[0] + c["ADADELTA_REST_RHO"] * g * g
    step = g * np.sqrt((s[1] + c["ADADELTA_EPSILON"]) / (a + c["ADADELTA_EPSILON"]))
    d = c["ADADELTA_RHO"] * s[1] + c["ADADELTA_REST_RHO"] * step * step
    return w - c["ADADELTA_RATE"] * step, [a, d]


def lion(g: Float64Array, w: Float64Array, s: Slots, c: Constants) -> Any:
    mixed = s[0] * c["LION_BETA_1"] + g * c["LION_REST_BETA_1"]
    m = s[0] * c["LION_BETA_2"] + g * c["LION_REST_BETA_2"]
    return w - c["LION_RATE"] * np.sign(mixed), [m]


def ftrl(g: Float64Array, w: Float64Array, s: Slots, c: Constants) -> Any:
    a, q, rate, l1 = s[0] + g * g, c["FTRL_POWER"], c["FTRL_RATE"], c["FTRL_L1"]
    moved = (a**q - s[0] ** q) / rate * w
    linear = s[1] + g + c["FTRL_SHRINKAGE"] * w - moved
    quadratic = a**q / rate + c["FTRL_QUADRATIC"]
    return (np.clip(linear, -l1, l1) - linear) / quadratic, [a, linear]


def schedule_free_adamw(g: Float64Array, w: Float64Array, s: Slots, c: Constants) -> Any:
    share, beta_1 = c["SCHEDULE_FREE_SHARE"], c["SCHEDULE_FREE_BETA_1"]
    rest = c["SCHEDULE_FREE_REST_BETA_1"]
    v = _mean(s[1], g * g, c["SCHEDULE_FREE_REST_BETA_2"])
    root = np.sqrt(v / c["SCHEDULE_FREE_REST_POWER"]) + c["SCHEDULE_FREE_EPSILON"]
    z = s[0] - c["SCHEDULE_FREE_RATE"] * g / root
    x = (w - rest * s[0]) / beta_1
    return rest * z + beta_1 * ((1 - share) * x + share * z), [z, v]


STEPS: dict[str, Step] = {
    "amsgrad": amsgrad,
    "nadam": nadam,
    "adamax": adamax,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "lion": lion,
    "ftrl": ftrl,
    "schedule_free_adamw": schedule_free_adamw,
}
SLOTS = {"adagrad": 1, "lion": 1, "amsgrad": 3, "adafactor": 1}  # of the others: 2


def _start(word: str, depth: int, columns: int) -> tuple[Float64Array, Float64Array, Slots]:
    """g, w and slots: the first slot a mean of g, but where it can not be negative, and the others
    means of squares."""
    g, sign = normal("g", depth, columns), np.sign(normal("g", depth, columns))
    sizes = [0.1 + np.abs(normal(f"s{i}", depth, columns)) for i in range(SLOTS.get(word, 2))]
    if word not in ("adagrad", "adadelta", "ftrl", "adafactor"):
        sizes[0] = sizes[0] * sign
    if word == "ftrl":
        sizes[1] = sizes[1] * sign
    return g, np.abs(normal("w0", depth, columns)) * -sign, sizes


def fm_update(word: str, o: Constants, t: int = 5, row_mean: float = math.nan) -> Any:
    """The members of a step's constants; a place that the optimizer does not have is NaN."""
    c = PREPARED[word](o, 0.05, t)
    places = np.full((CONSTANT_PLACES, PANEL), np.nan)
    for name in c.keys() & PLACES.keys():
        places[PLACES[name]] = c[name]
    return c, {
        "constant": places,
        "shared_division": False,
        "divider_is_limit": False,
        "variant": int(c.get("variant", 0)),
        "row_mean": row_mean,
    }


def _packed(
    word: str, w: Float64Array, slots: list[Any], stride_rows: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """fm_packed's members, and its buffers that may change, where they are the parameter's."""
    value = packed(w, stride_rows)
    mask = np.zeros(value.shape, bool)
    mask[:, : len(w)] = True
    kept = [packed(a, stride_rows) for a in slots]
    writes = {} if word in ("lamb", "adafactor") else {"w.value": mask}
    writes |= {f"w.slot.{i}": mask for i in range(len(slots))}
    kept += [None] * (MAX_SLOTS - len(kept))
    return {"value": value, "slot": kept, "panel_stride": stride_rows * PANEL}, writes


def _without_padding(mask: Any, columns: int) -> Any:
    """Where 0 may be 0 / 0, padding is cleared behind the kernel."""
    kept = mask.copy()
    kept[-1, :, columns % PANEL or PANEL :] = False
    return kept


def _want(value: Float64Array, size: Any, stride_rows: int, mask: Any) -> Want:
    tolerance = ROUNDINGS * np.broadcast_to(size, value.shape)
    return Want(packed(value, stride_rows), packed(tolerance, stride_rows), mask)


def apply(word: str, depth: int, columns: int, gap: int = 0, **given: float) -> Call:
    """apply_*: the step of a gradient that is given."""
    o = CATALOG["optimizer"][word][1] | given
    g, w, slots = _start(word, depth, columns)
    c, update = fm_update(word, o)
    arguments, writes = _packed(word, w, slots, depth + gap)
    g_packed = packed(g, depth + gap)

    def expected() -> dict[str, Want]:
        if word == "lamb":
            return lamb_expected()
        w1, slots1 = STEPS[word](g, w, slots, c)
        sizes = [np.abs(w) + np.abs(w1) + (2 * np.abs(slots[0]) if "free" in word else 0)]
        sizes += [np.abs(a) + np.abs(b) for a, b in zip(slots, slots1, strict=True)]
        if word == "ftrl":  # what is added up: powers over the rate, times w
            sizes[2] = sizes[2] + np.abs(g) + 4 * (1 + g * g) / 0.05 * np.abs(w)
            sizes[0] = (
                sizes[0] + sizes[2] / c["FTRL_QUADRATIC"]
                if c["FTRL_QUADRATIC"]
                else (sizes[0] + sizes[2] * 0.05 / np.abs(slots1[0]) ** c["FTRL_POWER"])
            )
        paths = ("w.value", *(f"w.slot.{i}" for i in range(len(slots))))
        return {
            path: _want(value, size, depth + gap, _without_padding(writes[path], columns))
            for path, value, size in zip(paths, (w1, *slots1), sizes, strict=True)
        }

    def lamb_expected() -> dict[str, Want]:
        m = _mean(slots[0], g, c["LAMB_REST_BETA_1"])
        v = _mean(slots[1], g * g, c["LAMB_REST_BETA_2"])
        root = np.sqrt(v / c["LAMB_REST_POWER_2"]) + c["LAMB_EPSILON"]
        results = {"w.slot.0": m, "w.slot.1": v, "g": m / c["LAMB_REST_POWER_1"] / root}
        mask = writes["w.slot.0"]
        return {p: _want(r, np.abs(r), depth + gap, mask) for p, r in results.items()}

    scaled = {"g": writes["w.slot.0"]} if word == "lamb" else {}
    return Call(
        f"apply_{word}",
        {
            "w": arguments,
            "g": g_packed,
            "depth": depth,
            "panels": up(columns) // PANEL,
            "update": update,
        },
        writes | scaled,
        expected,
        traffic=depth * up(columns) * 8 * (3 + 2 * len(slots)),
    )


def apply_adafactor(depth: int, columns: int, matrix: bool, gap: int = 0) -> Call:
    """The direction of a matrix, by the factors of its rows and columns, or of a vector."""
    mean = 0.7
    c, update = fm_update("adafactor", CATALOG["optimizer"]["adafactor"][1], 5, mean)
    g, w, (v,) = _start("adafactor", depth, columns)
    arguments, writes = _packed("adafactor", w, [v], depth + gap)
    rows, sizes = (0.1 + np.abs(normal(name, n)) for name, n in (("r", depth), ("c", up(columns))))
    if matrix:
        arguments["slot"][1:3] = [rows, sizes]

    def expected() -> dict[str, Want]:
        new = np.outer(rows / mean, sizes)[:, :columns]
        if not matrix:
            new = c["ADAFACTOR_BETA_2"] * v + c["ADAFACTOR_REST_BETA_2"] * (g * g + 1e-30)
        results = {"w.slot.0": new, "g": g / np.sqrt(new)}
        mask = _without_padding(writes["w.slot.0"], columns)
        return {p: _want(r, np.abs(r), depth + gap, mask) for p, r in results.items()}

    return Call(
        "apply_adafactor",
        {
            "w": arguments,
            "g": packed(g, depth + gap),
            "depth": depth,
            "panels": up(columns) // PANEL,
            "update": update,
        },
        writes | {"g": writes["w.slot.0"]},
        expected,
        traffic=depth * up(columns) * 40,
    )


def factors(kernel: str, depth: int, columns: int, gap: int = 0) -> Call:
    """row_factors or column_factors of a gradient."""
    c, update = fm_update("adafactor", CATALOG["optimizer"]["adafactor"][1])
    by_row = kernel == "row_factors"
    g = normal("g", depth, columns)
    before = 0.1 + np.abs(normal("f", depth if by_row else up(columns)))
    count = {"columns": columns} if by_row else {"panels": up(columns) // PANEL}

    def expected() -> dict[str, Want]:
        padded = np.zeros((depth, up(columns)))
        padded[:, :columns] = g
        if by_row:
            sums = np.zeros((depth, PANEL))
            for panel in np.split(padded, up(columns) // PANEL, axis=1):
                sums = fma(panel, panel, sums)
            half = sums[:, :4] + sums[:, 4:]
            mean = ((half[:, 0] + half[:, 2]) + (half[:, 1] + half[:, 3])) / columns + 1e-30
        else:
            total = np.zeros(up(columns))
            for row in padded:
                total = fma(row, row, total)
            mean = total / depth + 1e-30
        return {"factors": Want(c["ADAFACTOR_BETA_2"] * before + c["ADAFACTOR_REST_BETA_2"] * mean)}

    return Call(
        kernel,
        {
            "factors": before,
            "g": packed(g, depth + gap),
            "panel_stride": (depth + gap) * PANEL,
            "depth": depth,
            **count,
            "update": update,
        },
        {"factors": None},
        expected,
        traffic=depth * up(columns) * 8,
    )
