"""Calls of the kernels that work element by element, and of those that read the caller's rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastmlp.random import dropout_mask

from .exact import EPS, Float64Array
from .header import CONSTANTS, PAIR_SCRATCH, PANEL
from .layout import JUNK, PAIR, SPAN, draw, normal, pair_lists, row_lists, row_mask, up
from .memory import Call, Want
from .words import options

SPECIAL = np.array([0.0, -0.0, np.inf, np.nan, 5e-324, -1e308, 1e308, 1.5, -2.0])


# Where exp(-|x|) is 1, is rounded away beside 1, is subnormal, and is 0.
SIGMOIDAL = np.array(
    [*SPECIAL, -np.inf, 36.0, 38.0, *(s * x for x in (709, 740, 746) for s in (1, -1))]
)


def _values(values: str, rows: int, stride: int) -> Float64Array:
    if values in ("special", "sigmoidal"):
        return np.resize(SPECIAL if values == "special" else SIGMOIDAL, (rows, stride))
    return draw(values, "y", rows, stride)


# fm_block's members for what draws random numbers, where nothing does.
NOWHERE = {"seed": 0, "step": 0, "first_row": 0, "first_column": 0}


@dataclass(frozen=True)
class _Block:
    """What every elementwise kernel is given: y before (rows, stride), whose last panel is not
    the block's, and a bias (columns) or None. As the first operation it writes the slope, else
    it multiplies it. z (rows, stride) is what its function is applied to."""

    y: Float64Array
    bias: Float64Array | None
    slope: bool
    first: bool

    @property
    def z(self) -> Float64Array:
        if self.bias is None:
            return self.y
        return self.y + np.pad(self.bias, (0, PANEL))

    def call(
        self,
        kernel: str,
        option: Float64Array | None,
        y: Float64Array,
        dy: Float64Array,
        y_error: Float64Array | float = 0.0,
        dy_error: Float64Array | float = 0.0,
        tiny: float = 0.0,
        random: dict[str, int] = NOWHERE,
    ) -> Call:
        """y and dy: function and derivative at z, with what they may be off by; tiny: what any
        result may be off by besides; option: None where the kernel has no such parameter;
        random: fm_block's members for what draws random numbers."""
        rows, stride = y.shape
        panels = stride // PANEL - 1
        mask = row_mask(rows, stride, panels * PANEL)
        before = normal("slope", rows, stride) if self.slope else None
        wants = {"block.y": Want(y, y_error + tiny, mask)}
        if before is not None:
            factor = np.ones_like(before) if self.first else before
            wants["block.slope"] = Want(factor * dy, dy_error * np.abs(factor) + tiny, mask)
        block = {
            "y": self.y,
            "slope": before,
            "stride": stride,
            "rows": rows,
            "panels": panels,
            "bias": self.bias,
            "first": self.first,
            **random,
        }
        return Call(
            kernel,
            {"block": block} | ({} if option is None else {"option": option}),
            dict.fromkeys(wants, mask),
            lambda: wants,
            traffic=rows * panels * PANEL * 16 * len(wants),
        )


def make_block(rows: int, panels: int, slope: bool, first: bool, values: str = "normal") -> _Block:
    bias = normal("bias", panels * PANEL) if first else None
    return _Block(_values(values, rows, (panels + 1) * PANEL), bias, slope, first)


def add_bias(rows: int, panels: int, slope: bool, bias: bool = True) -> Call:
    block = make_block(rows, panels, slope, first=True)
    if not bias:
        block = replace(block, bias=None)
    return block.call("add_bias", None, block.z, np.ones(block.z.shape))


def relu(
    rows: int,
    panels: int,
    slope: bool,
    first: bool = True,
    values: str = "normal",
    negative_slope: float = 0.0,
    max_value: float = np.inf,
    threshold: float = 0.0,
) -> Call:
    block = make_block(rows, panels, slope, first, values)
    z = block.z
    with np.errstate(invalid="ignore", over="ignore"):
        below = negative_slope * (z - threshold)
    y = np.where(z >= max_value, max_value, np.where(z > threshold, z, below))
    dy = np.where(z >= max_value, 0.0, np.where(z > threshold, 1.0, negative_slope))
    option = options(
        "operation",
        "relu",
        negative_slope=negative_slope,
        max_value=max_value,
        threshold=threshold,
    )
    call = block.call("activation_relu", option, y, dy)
    if negative_slope == 0.0:  # the sign of a zero is no part of the contract
        want = call.expected()["block.y"]
        call.expected()["block.y"] = Want(want.values, np.where(y == 0, 5e-324, 0.0), want.where)
    return call


def tanh(rows: int, panels: int, slope: bool, first: bool = True, values: str = "normal") -> Call:
    block = make_block(rows, panels, slope, first, values)
    y = np.tanh(block.z)
    # tanh is within 2.5 ulp and NumPy's within 4; the slope 1 - y^2 then moves by 2 |y| times that
    option = options("operation", "tanh")
    return block.call("activation_tanh", option, y, 1.0 - y * y, 16 * EPS * np.abs(y), 16 * EPS)


def sigmoid(
    rows: int, panels: int, slope: bool, first: bool = True, values: str = "normal"
) -> Call:
    """e = exp(-|z|) is within 1 ulp, at most EPS; 1 + e, the quotient and each product round by
    half of that. So y = 1 / (1 + e) or e / (1 + e) is within 2.5 EPS, and the slope
    e / (1 + e)^2, in which 1 + e and the quotient count twice, within 4; rounding what is
    expected and multiplying with the slope before add up to 1.5. Where a result is subnormal
    it may be two steps off."""
    block = make_block(rows, panels, slope, first, values)
    z = block.z.astype(np.longdouble)
    with np.errstate(under="ignore", over="ignore"):
        e = np.exp(-np.abs(z))
        y = np.asarray(np.where(z < 0, e, 1) / (1 + e), np.float64)
        dy = np.asarray(e / np.square(1 + e), np.float64)
        option, errors = options("operation", "sigmoid"), (4 * EPS * y, 6 * EPS * dy)
        return block.call("activation_sigmoid", option, y, dy, *errors, tiny=1e-323)


def rescaling(
    rows: int, panels: int, slope: bool, scale: float, offset: float = 0.0, first: bool = True
) -> Call:
    block = make_block(rows, panels, slope, first)
    y, dy = block.z * scale + offset, np.full(block.z.shape, scale)
    option = options("operation", "rescaling", scale=scale, offset=offset)
    return block.call("activation_rescaling", option, y, dy)


def dropout(
    rows: int,
    panels: int,
    slope: bool,
    rate: float,
    step: int = 0,
    first_row: int = 0,
    first_panel: int = 0,
    first: bool = False,
    values: str = "normal",
) -> Call:
    """Keeps what random.dropout_mask keeps, to the bit; a dropped infinity or NaN becomes 0."""
    seed = 0x0123456789ABCDEF
    block = make_block(rows, panels, slope, first, values)
    z = block.z
    first_column = first_panel * PANEL
    kept = dropout_mask(seed, step, first_row + rows, first_column + z.shape[1], rate)
    kept = kept[first_row:, first_column:]
    scale = 1.0 / (1.0 - rate)
    with np.errstate(over="ignore"):
        y = np.where(kept, z * scale, 0.0)
    random = {
        "seed": seed,
        "step": step,
        "first_row": first_row,
        "first_column": first_column,
    }
    option, dy = options("operation", "dropout", rate=rate), np.where(kept, scale, 0.0)
    return block.call("activation_dropout", option, y, dy, random=random)


def multiply(rows: int, panels: int, values: str = "normal") -> Call:
    """The gradient (the block's y) times the slope, which stays as it is."""
    z = _values(values, rows, (panels + 1) * PANEL)
    mask = row_mask(rows, z.shape[1], panels * PANEL)
    slope = normal("slope", *z.shape)
    with np.errstate(over="ignore"):
        want = Want(z * slope, where=mask)
    block = {
        "y": z,
        "slope": slope,
        "stride": z.shape[1],
        "rows": rows,
        "panels": panels,
        "bias": None,
        "first": False,
        **NOWHERE,
    }
    return Call(
        "multiply",
        {"d": block},
        {"d.y": mask},
        lambda: {"d.y": want},
        traffic=rows * panels * PANEL * 24,
    )


def _source(dtype: str, rows: int, features: int, scale: float, offset: float) -> tuple[Any, Any]:
    """fm_source's members, and what it stands for: (rows, features) float64."""
    density = np.random.default_rng(5).random((rows, features)) < 0.3
    x = np.where(density, 100.0 * normal("source", rows, features), 0.0)
    rows_of_lists = _sparse(x) if dtype == "sparse" else {"indptr": None, "indices": None}
    table = np.arange(256) * scale + offset if dtype == "uint8" else None
    coded = None
    if dtype == "coded":
        full, dtype = _few(x), "float64"
        raw = np.zeros(256)
        raw[: len(FEW)] = FEW
        coded, table = [_coded_row(row) for row in full], raw * scale + offset
        x = np.full((0, features), JUNK)  # not read
    elif dtype == "sparse":
        x, dtype = rows_of_lists.pop("x"), "float64"
        full = _dense(x, rows_of_lists["indptr"], rows_of_lists["indices"], rows, features)
    else:
        x = np.abs(x).astype(np.uint8) if dtype == "uint8" else x.astype(dtype)
        full = x.astype(np.float64)
    source = {
        "x": x,
        "dtype": CONSTANTS[f"FM_{dtype.upper()}"],
        "features": features,
        "scale": scale,
        "offset": offset,
        "table": table,
        "coded": coded,
        **rows_of_lists,
    }
    return source, full * scale + offset


# Values of coded rows by their codes; +0 has code 0, and -0 is another value.
FEW = np.array([0.0, 0.5, -0.0, -3.25, 255.0, 1e-300])


def _few(x: Float64Array) -> Float64Array:
    """x with the non-zeros replaced by few values."""
    return np.where(x != 0, FEW[np.abs(x).astype(int) % len(FEW)], 0.0)


def _coded_row(row: Float64Array) -> dict[str, Any]:
    """fm_coded_row's members of a row of FEW."""
    padded = np.zeros(up(len(row)))
    padded[: len(row)] = row
    bits = padded.view(np.uint64)
    codes = (bits[:, None] == FEW.view(np.uint64)).argmax(axis=1).reshape(-1, 2)
    (pairs,) = np.nonzero(padded.reshape(-1, 2).any(axis=1))
    entries = pairs << 16 | codes[pairs, 1] << 8 | codes[pairs, 0]
    return {"entries": entries.astype(np.uint32), "count": len(entries)}


def _codes(values: Float64Array) -> dict[str, Any]:
    """fm_codes's members for some values, +0 first."""
    bits, places = values.view(np.uint64), [0]
    multiplier = 1
    while len(set(places)) < len(bits):
        multiplier = (multiplier + 2 * 0x9E3779B97F4A7C15) % 2**64
        places = [int(b) * multiplier % 2**64 >> 48 for b in bits]
    code = np.zeros(1 << 16, np.uint8)
    code[places] = np.arange(len(bits))
    padded = np.zeros(256, np.uint64)
    padded[: len(bits)] = bits
    return {"multiplier": multiplier, "bits": padded, "code": code}


def code_row(features: int, dtype: str, known: bool = True) -> Call:
    """A row of few values by their codes; one of them may have none."""
    source, values = _source(dtype if dtype == "uint8" else "float64", 5, features, 1.0, 0.0)
    row = values if dtype == "uint8" else _few(values)
    if dtype != "uint8":
        source["x"] = row.astype(dtype)
        row = source["x"].astype(np.float64)
        source["dtype"] = CONSTANTS[f"FM_{dtype.upper()}"]
    row = row[3]
    few = np.unique(row.view(np.uint64)).view(np.float64)
    few = np.concatenate([[0.0], few[few.view(np.uint64) != 0]])
    if not known:
        few = few[:-1]
    pairs = (features + 1) // 2
    padded = np.zeros(2 * pairs)
    padded[:features] = row
    bits = padded.view(np.uint64)
    codes = (bits[:, None] == few.view(np.uint64)).argmax(axis=1).reshape(-1, 2)
    (found,) = np.nonzero(padded.reshape(-1, 2).any(axis=1))
    entries = np.zeros(pairs + 4, np.uint32)
    entries[: len(found)] = found << 16 | codes[found, 1] << 8 | codes[found, 0]
    kept = np.arange(len(entries)) < len(found)
    count = len(found) if known else 2**64 - 1
    return Call(
        "code_row",
        {
            "entries": np.zeros(pairs + 4, np.uint32),
            "source": source,
            "codes": _codes(few),
            "row": 3,
        },
        {"entries": None},
        lambda: {
            "entries": Want(entries, where=kept if known else np.zeros(len(entries), bool)),
            "return": Want(np.array(count, np.uint64)),
        },
        traffic=features * source["x"].itemsize,
    )


def _sparse(x: Float64Array) -> dict[str, Any]:
    """x as compressed sparse rows, some of whose values are 0."""
    kept = (x != 0) | (np.random.default_rng(4).random(x.shape) < 0.1)
    ends = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return {
        "x": x[kept],
        "indptr": ends.astype(np.int64),
        "indices": np.nonzero(kept)[1].astype(np.int32),
    }


def _dense(
    values: Float64Array, indptr: Any, indices: Any, rows: int, features: int
) -> Float64Array:
    full = np.zeros((rows, features))
    full[np.repeat(np.arange(rows), np.diff(indptr)), indices] = values
    return full


def gather(
    rows: int, features: int, dtype: str, scale: float = 1.0, offset: float = 0.0, gap: int = 0
) -> Call:
    """Rows of the set in an order with repetitions; columns past the features become 0."""
    source, values = _source(dtype, rows + 3, features, scale, offset)
    order = np.random.default_rng(6).integers(0, rows + 3, rows)
    stride = up(features) + gap * PANEL
    want = np.zeros((rows, stride))
    want[:, :features] = values[order]
    return Call(
        "gather",
        {
            "x": np.full((rows, stride), JUNK),
            "x_stride": stride,
            "source": source,
            "order": order,
            "rows": rows,
        },
        {"x": None},
        lambda: {"x": Want(want)},
        traffic=want.nbytes + rows * features * source["x"].itemsize,
    )


def list_rows(rows: int, features: int, dtype: str, scale: float = 1.0) -> Call:
    """Some rows of the source by their non-zeros."""
    source, values = _source(dtype, rows + 3, features, scale, 0.0)
    room, first = rows * features + PANEL, 2
    wants = row_lists(values[first : first + rows], room)
    listed = np.arange(room) < wants[2][-1]  # the entries behind them are unspecified
    return Call(
        "list_rows",
        {
            "values": np.full(room, JUNK),
            "places": np.zeros(room, np.uint32),
            "starts": np.zeros(len(wants[2]), np.uint32),
            "source": source,
            "first": first,
            "rows": rows,
        },
        {"values": None, "places": None, "starts": None},
        lambda: {
            "values": Want(wants[0], where=listed),
            "places": Want(wants[1], where=listed),
            "starts": Want(wants[2]),
        },
        traffic=rows * features * source["x"].itemsize,
    )


def gather_pairs(
    rows: int,
    features: int,
    dtype: str,
    scale: float = 1.0,
    begin: int = 0,
    end: int | None = None,
) -> Call:
    """Pairs [begin, end) of a batch's features, all if end is None; the others' lists stay."""
    source, values = _source(dtype, rows + 3, features, scale, 0.0)
    order = np.random.default_rng(6).integers(0, rows + 3, rows)
    pairs = (features + 1) // 2
    end = pairs if end is None else end
    capacity = rows + 1
    own = (np.arange(pairs) >= begin) & (np.arange(pairs) < end)
    x = values[order] * np.repeat(own, 2)[:features]
    lists, spans = pair_lists(x, pairs * capacity, begin * capacity)
    listed = np.arange(pairs * capacity) - begin * capacity
    wants = {
        "entries": Want(lists, where=(listed >= 0) & (listed < spans["count"].sum())),
        "spans": Want(spans, where=own),
    }
    room = np.repeat(own, capacity)  # a member's lists stay in its pairs' share of the entries
    return Call(
        "gather_pairs",
        {
            "entries": np.zeros(pairs * capacity, PAIR),
            "spans": np.full(pairs, 99, SPAN),
            "capacity": capacity,
            "source": source,
            "order": order,
            "rows": rows,
            "begin": begin,
            "end": end,
            "scratch": np.zeros(PAIR_SCRATCH, PAIR),
        },
        {"entries": room, "spans": own, "scratch": None},
        lambda: wants,
        traffic=rows * (end - begin) * 2 * source["x"].itemsize,
    )


MAPS: dict[str, Callable[[Float64Array], Float64Array]] = {
    "map_exp": np.exp,
    "map_log": np.log,
    "map_tanh": np.tanh,
    "map_expm1": np.expm1,
    "map_log1p": np.log1p,
    "map_normal_cdf": lambda x: np.vectorize(math.erfc, [float])(-x * math.sqrt(0.5)) / 2,
    "map_sqrt": np.sqrt,
    "map_reciprocal": np.reciprocal,
}


def map_function(kernel: str, n: int) -> Call:
    """map_* on n numbers; their accuracy is test_math.py's and test_roots.py's matter."""
    function = MAPS[kernel]
    x = np.minimum(np.abs(normal("map", n)), 1.0)  # log1p is for no more
    y = function(x)
    # both sides are within 4 ulp
    wants = {"y": Want(y, 8 * EPS * np.abs(y))}
    arguments = {"y": np.full(n, JUNK), "x": x, "n": n}
    return Call(kernel, arguments, {"y": None}, lambda: wants, traffic=n * 16)
