"""Calls of the row-wise kernels: softmax, its gradient, and the losses.

Expectations are in longdouble; tolerances count roundings. Each sum over a row of K runs over
eight lanes and a tree of three, K / 8 + 3 additions. z - max(z) is rounded, which moves its exp
by as much as half an ulp of the difference, relative; where that is large exp is small. And a
tolerance never falls below a step of the subnormals, where the sign of a zero is left open too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmlp.engine.words import NO_CLASS

from .exact import EPS, HALF_ULP, Float64Array
from .layout import JUNK, normal, row_mask, up
from .memory import Call, Want
from .words import CATALOG, options

LONG = np.longdouble
TINY = 1e-323  # two steps of the subnormals
SPARSE = "sparse_categorical_crossentropy"
CATEGORICAL = "categorical_crossentropy"
BINARY = "binary_crossentropy"
SQUARED = "mean_squared_error"


def _sum_error(outputs: int) -> float:
    """Relative error of a sum of non-negative terms, each within 2 ulp."""
    return EPS * (outputs / 8 + 3 + 4)


def _logits(values: str, rows: int, outputs: int) -> Float64Array:
    """normal; huge: differences of 1e308; steep: some classes beyond exp's range; sure: by about
    20 away from 0; infinite: -inf in all classes but the first and the last; nan: one NaN in
    row 0."""
    z = normal("z", rows, outputs)
    if values == "huge":
        return np.sign(z) * 5e307
    if values == "steep":
        return z * 1000.0
    if values == "sure":  # as a classifier is: losses are as small as exp(-|z|)
        return z + np.sign(z) * 20.0
    if values == "infinite":
        z[:, 1:-1] = -np.inf
    elif values == "nan":
        z[0, outputs // 2] = np.nan
    return z


def _softmax(z: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """(rows, K) in longdouble, and its error."""
    wide = z.astype(LONG)
    with np.errstate(all="ignore"):
        shifted = wide - wide.max(axis=1, keepdims=True)
        e = np.exp(shifted)
        y = e / e.sum(axis=1, keepdims=True)
        shift_error = np.where(y == 0, 0, -shifted * HALF_ULP)
        return y, y * (_sum_error(z.shape[1]) + 4 * EPS + shift_error) + TINY


def _defined(y: Float64Array, outputs: int) -> NDArray[np.bool_]:
    """(rows, stride): where a result is known: whole panels, but in a row with a NaN, which has
    no result, not the padding."""
    known = row_mask(len(y), y.shape[1], up(outputs))
    known[np.isnan(y[:, :outputs]).any(axis=1), outputs:] = False
    return known


def _padded(values: NDArray[Any], stride: int, fill: float) -> Float64Array:
    """(rows, K) -> (rows, stride): padding of the last panel is 0, what follows is fill."""
    rows, outputs = values.shape
    result = np.full((rows, stride), fill)
    result[:, : up(outputs)] = 0.0
    with np.errstate(over="ignore"):  # beyond float64: infinity is the right answer
        result[:, :outputs] = values.astype(np.float64)
    return result


def softmax(rows: int, outputs: int, values: str = "normal", gap: int = 0) -> Call:
    stride = up(outputs) + gap * 8
    z = np.full((rows, stride), JUNK)
    z[:, :outputs] = _logits(values, rows, outputs)
    mask = row_mask(rows, stride, up(outputs))

    def expected() -> dict[str, Want]:
        y, error = _softmax(z[:, :outputs])
        known = _defined(z, outputs)
        return {"y": Want(_padded(y, stride, JUNK), _padded(error, stride, 0.0), known)}

    return Call(
        "softmax",
        {
            "y": np.full((rows, stride), JUNK),
            "z": z,
            "stride": stride,
            "rows": rows,
            "outputs": outputs,
        },
        {"y": mask},
        expected,
        traffic=rows * stride * 16,
    )


def softmax_gradient(rows: int, outputs: int, in_place: bool = False, gap: int = 0) -> Call:
    """dz = y (dy - sum dy y); in_place: dz is dy."""
    stride = up(outputs) + gap * 8
    share = _softmax(normal("z", rows, outputs))[0].astype(np.float64)
    y, dy = _padded(share, stride, JUNK), _padded(normal("dy", rows, outputs), stride, JUNK)
    mask = row_mask(rows, stride, up(outputs))

    def expected() -> dict[str, Want]:
        wide, d = y[:, :outputs].astype(LONG), dy[:, :outputs].astype(LONG)
        mean = (wide * d).sum(axis=1, keepdims=True)
        size = (wide * np.abs(d)).sum(axis=1, keepdims=True)
        error = wide * ((np.abs(d) + size) * 4 * EPS + size * _sum_error(outputs))
        want = Want(
            _padded(wide * (d - mean), stride, JUNK), _padded(error, stride, 0.0) + TINY, mask
        )
        return {"dz": want}

    return Call(
        "softmax_gradient",
        {"dz": dy, "dy": "dz" if in_place else dy, "y": y, "stride": stride}
        | {"rows": rows, "outputs": outputs},
        {"dz": mask},
        expected,
        traffic=rows * stride * 24,
    )


def _targets(kind: str, y: Float64Array, smoothing: float, values: str) -> tuple[Any, Any, Any]:
    """(labels or None, target rows or None, what they mean: (rows, K) longdouble). sure: those
    that y says."""
    rows, outputs = y.shape
    rng = np.random.default_rng(11)
    labels = rng.integers(0, outputs, rows).astype(np.int32)
    labels[: min(rows, 2)] = [0, outputs - 1][: min(rows, 2)]
    if kind == SPARSE:
        return labels, None, np.eye(outputs, dtype=LONG)[labels]
    if kind == SQUARED:
        t = rng.standard_normal((rows, outputs))
        return None, t, t.astype(LONG)
    t = rng.random((rows, outputs))
    if kind == BINARY:
        t = np.clip(1.5 * t - 0.25, 0.0, 1.0)  # often 0 or 1
        t = np.where(y > 0, 1.0, 0.0) if values == "sure" else t
        return None, t, t.astype(LONG) * (1 - smoothing) + LONG(smoothing) / 2
    t[:, rng.integers(0, outputs)] = 0.0
    t /= 0.75 * t.sum(axis=1, keepdims=True) + 1e-3  # no need to sum to 1
    return None, t, t.astype(LONG) * (1 - smoothing) + LONG(smoothing) / outputs


def _of_logits(z: NDArray[Any], t: NDArray[Any]) -> tuple[Any, ...]:
    """(losses, their error, dy, its error), in longdouble."""
    outputs, wide = z.shape[1], z.astype(LONG)
    with np.errstate(all="ignore"):
        shifted = wide - wide.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        terms = np.where(t == 0, 0, t * (log_sum - shifted))
        # t is itself rounded up to three times where it is smoothed
        error = (np.abs(terms).sum(axis=1) + t.sum(axis=1)) * (_sum_error(outputs) + 6 * EPS)
        (p, p_error), total = _softmax(z), t.sum(axis=1, keepdims=True)
        dy_error = p_error * total + (p * total + t) * (_sum_error(outputs) + 8 * EPS)
    return terms.sum(axis=1), error, p * total - t, dy_error


def _of_probabilities(y: NDArray[Any], t: NDArray[Any], epsilon: float) -> tuple[Any, ...]:
    outputs, wide = y.shape[1], y.astype(LONG)
    total = wide.sum(axis=1, keepdims=True)
    q = wide / total
    clipped = np.clip(q, epsilon, 1 - LONG(epsilon))
    terms = -t * np.log(clipped)
    by_share = np.where(q == clipped, -t / clipped, 0)
    mean = (by_share * q).sum(axis=1, keepdims=True)
    size = np.abs(by_share * q).sum(axis=1, keepdims=True)
    error = _sum_error(outputs)
    # log q moves by the relative error of q
    losses_error = (np.abs(terms).sum(axis=1) + t.sum(axis=1)) * (error + 6 * EPS)
    dy_error = (np.abs(by_share) + size) / total * (3 * error + 8 * EPS)
    return terms.sum(axis=1), losses_error, (by_share - mean) / total, dy_error


def _of_binary_logits(z: NDArray[Any], t: NDArray[Any], smoothing: float) -> tuple[Any, ...]:
    """max(z, 0) - z t rounds once and log(1 + e) is within 4 EPS by its formula; neither is
    negative. t is rounded up to three times where it is smoothed."""
    outputs, wide = z.shape[1], z.astype(LONG)
    e = np.exp(-np.abs(wide))
    terms = np.maximum(wide, 0) - wide * t + np.log1p(e)
    error = terms * (_sum_error(outputs) + 6 * EPS)
    error += np.abs(wide) * t * (2 * EPS if smoothing else 0)
    p = np.where(wide < 0, e, 1) / (1 + e)
    dy, dy_error = (p - t) / outputs, (p + t) * 8 * EPS / outputs
    return terms.sum(axis=1) / outputs, error.sum(axis=1) / outputs, dy, dy_error


def _of_binary_probabilities(y: NDArray[Any], t: NDArray[Any], epsilon: float) -> tuple[Any, ...]:
    """Clipped as float64 is, for 1 - (1 - epsilon) is off by 1e-9 of itself. 1 - p is within
    half an ulp and so is each logarithm's argument; t, smoothed, is rounded up to three times,
    which 1 - t takes over, however small it is."""
    outputs = y.shape[1]
    inside = (y >= epsilon) & (y <= 1.0 - epsilon)
    p = np.clip(y, epsilon, 1.0 - epsilon).astype(LONG)
    terms = -t * np.log(p) - (1 - t) * np.log1p(-p)
    error = terms * (_sum_error(outputs) + 6 * EPS) + 4 * EPS * (1 - np.log1p(-p))
    slope = np.where(inside, (1 - t) / (1 - p) - t / p, 0)
    size = np.where(inside, (1 - t) / (1 - p) + t / p, 0)
    slope_error = size * 8 * EPS + 4 * EPS / (1 - p) * inside
    return (
        terms.sum(axis=1) / outputs,
        error.sum(axis=1) / outputs,
        slope / outputs,
        slope_error / outputs,
    )


def _of_squares(y: NDArray[Any], t: NDArray[Any]) -> tuple[Any, ...]:
    outputs = y.shape[1]
    d = y.astype(LONG) - t
    losses = np.square(d).mean(axis=1)
    return losses, losses * (_sum_error(outputs) + 4 * EPS), 2 * d / outputs, np.abs(d) * 6 * EPS


def _outputs(kind: str, from_logits: bool, values: str, rows: int, outputs: int) -> Float64Array:
    """What the network put out. Probabilities need not sum to 1; some are clipped."""
    if kind == SQUARED:
        return normal("y", rows, outputs)
    if from_logits:
        z = _logits(values, rows, outputs)
        # elementwise losses are summed before they are divided: to stay below the largest float64
        return z / outputs if kind == BINARY and values == "huge" else z
    if kind == BINARY:
        y = 0.01 + 0.98 * np.random.default_rng(13).random((rows, outputs))
        if values == "clipped":
            outside = (0.0, 1.0, 1e-12, 1 - 1e-12, -0.5, 2.0, -np.inf, np.inf)
            y[:, ::2] = np.resize(outside, y[:, ::2].shape)
        return y
    y = 0.01 + np.abs(normal("y", rows, outputs))
    if values == "clipped":
        y[:, 0] = np.where(np.arange(rows) % 2 == 0, 1e-12, 1e9)  # below, above the bounds
    return y


def loss(
    kind: str,
    rows: int,
    outputs: int,
    from_logits: bool = True,
    gradient: bool = True,
    smoothing: float = 0.0,
    values: str = "normal",
    gap: int = 0,
) -> Call:
    """Losses and, if gradient, dy: padding of whole panels 0, what follows untouched."""
    stride, epsilon = up(outputs) + gap * 8, 1e-7
    y = np.full((rows, stride), JUNK)
    y[:, :outputs] = _outputs(kind, from_logits, values, rows, outputs)
    labels, targets, t = _targets(kind, y[:, :outputs], smoothing, values)
    scale = 0.5 + np.random.default_rng(12).random(rows) if gradient else None
    mask = row_mask(rows, stride, up(outputs))

    def expected() -> dict[str, Want]:
        real = y[:, :outputs]
        if kind == SQUARED:
            losses, error, dy, dy_error = _of_squares(real, t)
        elif kind == BINARY and from_logits:
            losses, error, dy, dy_error = _of_binary_logits(real, t, smoothing)
        elif kind == BINARY:
            losses, error, dy, dy_error = _of_binary_probabilities(real, t, epsilon)
        elif from_logits:
            losses, error, dy, dy_error = _of_logits(real, t)
        else:
            losses, error, dy, dy_error = _of_probabilities(real, t, epsilon)
        with np.errstate(over="ignore", invalid="ignore"):
            wants = {"rows.losses": Want(losses.astype(float), error.astype(float) + TINY)}
        if scale is not None:
            factor = scale[:, None]
            tolerance = _padded(dy_error * factor, stride, 0.0) + TINY
            wants["rows.dy"] = Want(
                _padded(dy * factor, stride, JUNK), tolerance, _defined(y, outputs)
            )
        return wants

    given = {
        "from_logits": from_logits,
        "ignore_class": float(NO_CLASS),
        "epsilon": epsilon,
        "label_smoothing": smoothing,
    }
    known = CATALOG["loss"][kind][1].keys()
    return Call(
        f"loss_{kind}",
        {
            "option": options("loss", kind, **{name: given[name] for name in known}),
            "rows": {
                "y": y,
                "stride": stride,
                "rows": rows,
                "outputs": outputs,
                "labels": labels,
                "targets": None if targets is None else list(targets),
                "scale": scale,
                "dy": np.full((rows, stride), JUNK),
                "losses": np.full(rows, JUNK),
            },
        },
        {"rows.losses": None, "rows.dy": mask},
        expected,
        traffic=rows * stride * 16,
    )
