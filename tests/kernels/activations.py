"""Calls of the kernels of activations: those that are formulas of one element held to their words
(fastmlp.engine.words), noise to the bits that NumPy draws, rows and PReLU written out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.engine import words
from fastmlp.engine.words import INFERENCE, Operation

from .elementwise import make_block
from .exact import EPS, Float64Array, fma, in_blocks, tree
from .header import GRADIENT_BLOCK, PANEL
from .layout import JUNK, normal, row_mask, strided, up
from .memory import Call, Want
from .words import options

ELEMENTWISE: dict[str, tuple[words.Activation, ...]] = {
    "leaky_relu": (words.LeakyRelu(0.25),),
    "elu": (words.Elu(1.5), words.SELU, words.Elu(0.5, 1.0, 0.5)),
    "exponential": (words.Exponential(),),
    "tanh_shrink": (words.TanhShrink(),),
    "log_sigmoid": (words.LogSigmoid(),),
    "silu": (words.Silu(),),
    "softplus": (words.Softplus(),),
    "mish": (words.Mish(),),
    "gelu": (words.Gelu(), words.Gelu(approximate=True)),
    "hard_sigmoid": (words.HardSigmoid(),),
    "hard_silu": (words.HardSilu(),),
    "hard_tanh": (words.HardTanh(),),
    "hard_shrink": (words.HardShrink(0.25),),
    "soft_shrink": (words.SoftShrink(0.25),),
    "threshold": (words.Threshold(0.25, -3.0),),
    "softsign": (words.Softsign(),),
    "squareplus": (words.Squareplus(), words.Squareplus(0.5)),
    "sparse_plus": (words.SparsePlus(),),
    "sparse_sigmoid": (words.SparseSigmoid(),),
}


def _option(word: Operation) -> Float64Array:
    given = {n: float(v) for n, v in vars(word).items() if n != "seed"}
    return options("operation", word.name, **given)


def _zero_of_either_sign(call: Call) -> Call:
    """The sign of a zero is no part of an activation's contract."""
    for path, want in call.expected().items():
        tolerance = np.where(want.values == 0, np.maximum(want.tolerance, 5e-324), want.tolerance)
        call.expected()[path] = Want(want.values, tolerance, want.where)
    return call


def elementwise(
    word: words.Activation,
    rows: int,
    panels: int,
    slope: bool,
    first: bool = True,
    values: str = "normal",
) -> Call:
    """Formulas of both sides round some ten times, and once more where a slope's terms cancel,
    none of which is above 1.2; accuracy is test_math.py's and test_activations.py's matter."""
    block = make_block(rows, panels, slope, first, values)
    z = block.z
    with np.errstate(all="ignore"):
        y = np.asarray(word.value(z), np.float64)
        dy = np.broadcast_to(np.asarray(word.slope(z, y), np.float64), z.shape)
        # NumPy's own erfc(x / sqrt(2)) is off by x^2 roundings
        y_error = 64 * EPS * np.where(np.isfinite(y), np.abs(y), 0.0)
        dy_error = 64 * EPS * np.where(np.isfinite(dy), 1.0 + np.abs(dy), 0.0)
        call = block.call(
            f"activation_{word.name}", _option(word), y, dy, y_error, dy_error, tiny=1e-290
        )
    return _zero_of_either_sign(call)


def noise(
    word: words.Noise,
    rows: int,
    panels: int,
    slope: bool = True,
    first: bool = False,
    step: int = 0,
    first_row: int = 0,
    first_panel: int = 0,
    values: str = "normal",
) -> Call:
    """To the bit, seeds being the words'."""
    block = make_block(rows, panels, slope, first, values)
    z, columns = block.z, first_panel * PANEL
    with np.errstate(all="ignore"):
        factor, shift = word.terms(step, first_row + rows, columns + z.shape[1])
        part = (slice(first_row, None), slice(columns, None))
        factor = np.broadcast_to(factor, (first_row + rows, columns + z.shape[1]))[part]
        shift = np.broadcast_to(shift, (first_row + rows, columns + z.shape[1]))[part]
        y = np.where(factor == 0, shift, z * factor + shift)
    random = {
        "seed": word.seed,  # type: ignore[attr-defined]
        "step": step,
        "first_row": first_row,
        "first_column": columns,
    }
    call = block.call(f"activation_{word.name}", _option(word), y, factor, random=random)
    return _zero_of_either_sign(call)


def _logits(values: str, rows: int, outputs: int) -> Float64Array:
    z = normal("z", rows, outputs)
    if values == "steep":
        return z * 1000.0
    if values == "near":  # supports of many classes
        return z * 0.01
    if values == "infinite":
        z[:, 1:-1] = -np.inf
    return z


def _padded(matrix: NDArray[Any], stride: int) -> Float64Array:
    """(M, N) -> (M, stride), 0 up to whole panels, then junk."""
    result = np.full((len(matrix), stride), JUNK)
    result[:, : up(matrix.shape[1])] = 0.0
    result[:, : matrix.shape[1]] = matrix
    return result


def row_value(
    word: Operation, rows: int, outputs: int, values: str = "normal", gap: int = 0
) -> Call:
    """y of z; each sum of a row has outputs / 8 + 3 additions."""
    stride = up(outputs) + gap * PANEL
    z = np.full((rows, stride), JUNK)
    z[:, :outputs] = _logits(values, rows, outputs)
    with np.errstate(all="ignore"):
        y = word.forward(z[:, :outputs], [], INFERENCE)
        spread = np.where(np.isfinite(z[:, :outputs]), np.abs(z[:, :outputs]), 0.0).max(
            axis=1, initial=0.0, keepdims=True
        )
    error = (outputs / 8 + 16) * EPS * (1.0 + spread) * np.ones(y.shape)
    mask = row_mask(rows, stride, up(outputs))
    wants = {"y": Want(_padded(y, stride), strided(error, stride, 0.0), mask)}
    arguments = {"y": np.full((rows, stride), JUNK), "z": z, "stride": stride}
    return Call(
        word.name,
        arguments | {"rows": rows, "outputs": outputs},
        {"y": mask},
        lambda: wants,
        traffic=rows * stride * 16,
    )


def row_gradient(
    word: Operation, rows: int, outputs: int, in_place: bool = False, gap: int = 0
) -> Call:
    """dz of dy and y; in_place: dz is dy."""
    stride = up(outputs) + gap * PANEL
    x = _logits("near", rows, outputs)
    y = word.forward(x, [], INFERENCE)
    dy = normal("dy", rows, outputs)
    dz = word.backward(x, y, dy, [], INFERENCE)
    error = (outputs / 8 + 16) * EPS * (1.0 + np.abs(dy).sum(axis=1, keepdims=True))
    mask = row_mask(rows, stride, up(outputs))
    wants = {"dz": Want(_padded(dz, stride), strided(error * np.ones(dz.shape), stride, 0.0), mask)}
    given = _padded(dy, stride)
    arguments = {"dz": given, "dy": "dz" if in_place else given, "y": _padded(y, stride)}
    return Call(
        f"{word.name}_gradient",
        arguments | {"stride": stride, "rows": rows, "outputs": outputs},
        {"dz": mask},
        lambda: wants,
        traffic=rows * stride * 24,
    )


def glu(rows: int, outputs: int, gap: int = 0) -> Call:
    """Halves that begin anywhere in a panel."""
    x_stride, y_stride = up(2 * outputs) + gap * PANEL, up(outputs) + 2 * gap * PANEL
    x = normal("x", rows, 2 * outputs)
    y = words.Glu().forward(x, [], INFERENCE)
    mask = row_mask(rows, y_stride, up(outputs))
    wants = {
        "y": Want(_padded(y, y_stride), strided(8 * EPS * np.abs(y), y_stride, 0.0), mask),
    }
    arguments = {"y": np.full((rows, y_stride), JUNK), "y_stride": y_stride}
    return Call(
        "glu",
        arguments
        | {"x": strided(x, x_stride), "x_stride": x_stride, "rows": rows}
        | {"outputs": outputs},
        {"y": mask},
        lambda: wants,
        traffic=rows * outputs * 24,
    )


def glu_gradient(rows: int, outputs: int, gap: int = 0) -> Call:
    x_stride, y_stride = up(2 * outputs) + gap * PANEL, up(outputs) + 2 * gap * PANEL
    x, dy = normal("x", rows, 2 * outputs), normal("dy", rows, outputs)
    dx = words.Glu().backward(x, dy, dy, [], INFERENCE)
    mask = row_mask(rows, x_stride, up(2 * outputs))
    wants = {
        "dx": Want(_padded(dx, x_stride), strided(16 * EPS * np.abs(dx), x_stride, 0.0), mask),
    }
    return Call(
        "glu_gradient",
        {
            "dx": np.full((rows, x_stride), JUNK),
            "dx_stride": x_stride,
            "dy": _padded(dy, y_stride),
            "dy_stride": y_stride,
            "x": strided(x, x_stride),
            "x_stride": x_stride,
            "rows": rows,
            "outputs": outputs,
        },
        {"dx": mask},
        lambda: wants,
        traffic=rows * outputs * 40,
    )


def _prelu(
    rows: int, columns: int, shared: int, inner: int
) -> tuple[words.Prelu, dict[str, int], Float64Array, Float64Array]:
    """Word, fm_sharing's members, x with some zeros, alpha."""
    x = normal("x", rows, columns)
    x[:, ::5] = 0.0
    sharing = {"columns": columns, "shared": shared, "inner": inner}
    return words.Prelu(shared, inner), sharing, x, normal("alpha", columns // shared)


def prelu(rows: int, columns: int, shared: int = 1, inner: int = 1, gap: int = 0) -> Call:
    """To the bit; padding is unspecified."""
    word, sharing, x, alpha = _prelu(rows, columns, shared, inner)
    stride = up(columns) + gap * PANEL
    y = strided(word.forward(x, [alpha], INFERENCE), stride)
    wants = {"y": Want(y, np.where(y == 0, 5e-324, 0.0), row_mask(rows, stride, columns))}
    return Call(
        "prelu",
        {
            "y": np.full((rows, stride), JUNK),
            "y_stride": stride,
            "x": strided(x, stride + PANEL),
            "x_stride": stride + PANEL,
            "alpha": alpha,
            "sharing": sharing,
            "rows": rows,
            "panels": up(columns) // PANEL,
        },
        {"y": row_mask(rows, stride, up(columns))},
        lambda: wants,
        traffic=rows * columns * 16,
    )


def prelu_backward(rows: int, columns: int, shared: int = 1, inner: int = 1, gap: int = 0) -> Call:
    """To the bit; padding of dy is 0 and that of dx, too."""
    word, sharing, x, alpha = _prelu(rows, columns, shared, inner)
    stride = up(columns) + gap * PANEL
    dy = normal("dy", rows, columns)
    dx = _padded(word.backward(x, x, dy, [alpha], INFERENCE), stride)
    mask = row_mask(rows, stride, up(columns))
    wants = {"dx": Want(dx, np.where(dx == 0, 5e-324, 0.0), mask)}
    return Call(
        "prelu_backward",
        {
            "dx": np.full((rows, stride), JUNK),
            "dx_stride": stride,
            "dy": _padded(dy, stride),
            "dy_stride": stride,
            "x": strided(x, stride + PANEL),
            "x_stride": stride + PANEL,
            "alpha": alpha,
            "sharing": sharing,
            "rows": rows,
            "panels": up(columns) // PANEL,
        },
        {"dx": mask},
        lambda: wants,
        traffic=rows * columns * 24,
    )


def prelu_gradient(
    rows: int,
    columns: int,
    shared: int = 1,
    inner: int = 1,
    begin: int = 0,
    resume: bool = False,
) -> Call:
    """Panels of alpha from ``begin`` on, to the bit: chains over rows and, in each, over the
    columns that share, by blocks of rows, added by the tree."""
    _, sharing, x, alpha = _prelu(rows, columns, shared, inner)
    dy = normal("dy", rows, columns)
    stride, panels = up(columns), up(len(alpha)) // PANEL
    parts = (rows, columns // (shared * inner), shared, inner)
    below = np.minimum(x, 0.0).reshape(parts)
    d = dy.reshape(parts)
    start = np.zeros(up(len(alpha)))
    start[: len(alpha)] = normal("start", len(alpha)) if resume else 0.0

    def of_block(block: slice) -> Float64Array:
        g = start[: len(alpha)].reshape(-1, inner)
        for x_row, d_row in zip(below[block], d[block], strict=True):
            for s in range(shared):
                g = fma(x_row[:, s], d_row[:, s], g)
        return g

    def expected() -> dict[str, Want]:
        g = np.zeros(up(len(alpha)))
        g[: len(alpha)] = tree([of_block(b) for b in in_blocks(rows, GRADIENT_BLOCK)]).ravel()
        return {"g": Want(g[begin * PANEL :])}

    return Call(
        "prelu_gradient",
        {
            "g": start[begin * PANEL :].copy(),
            "dy": _padded(dy, stride),
            "dy_stride": stride,
            "x": strided(x, stride + PANEL),
            "x_stride": stride + PANEL,
            "sharing": sharing,
            "rows": rows,
            "begin": begin,
            "end": panels,
            "resume": resume,
        },
        {"g": None},
        expected,
        traffic=rows * columns * 16,
    )
