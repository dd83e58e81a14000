"""What networks are made of: activations, one-hot rows, crossentropies."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .arrays import convert_to_numpy, logsumexp, stop_gradient
from .traced import array, is_traced, numpy_for

__all__ = [
    "binary_crossentropy",
    "categorical_crossentropy",
    "elu",
    "erf",
    "gelu",
    "in_top_k",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "multi_hot",
    "normalize",
    "one_hot",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "sparse_categorical_crossentropy",
    "swish",
    "top_k",
]


def relu(x: Any) -> Any:
    """max(x, 0) of each element, (...).

    Examples
    --------
    >>> relu([-1.0, 2.0])
    array([0., 2.])
    """
    x = array(x)
    return numpy_for(x).where(x > 0, x, 0.0)


def relu6(x: Any) -> Any:
    """min(max(x, 0), 6) of each element, (...).

    Examples
    --------
    >>> relu6([-1.0, 9.0])
    array([0., 6.])
    """
    return numpy_for(x).clip(array(x), 0.0, 6.0)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where x > 0, else negative_slope x, of each element, (...).

    Examples
    --------
    >>> leaky_relu([-1.0, 2.0])
    array([-0.2,  2. ])
    """
    x = array(x)
    return numpy_for(x).where(x > 0, x, negative_slope * x)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else alpha (exp(x) - 1), of each element, (...).

    Examples
    --------
    >>> elu([0.0, 2.0])
    array([0., 2.])
    """
    x, numpy = array(x), numpy_for(x)
    return numpy.where(x > 0, x, alpha * numpy.expm1(numpy.where(x > 0, 0.0, x)))


def selu(x: Any) -> Any:
    """1.0507 elu(x, 1.67326) of each element, (...); the constants are in full in the code.

    Examples
    --------
    >>> selu([1.0]).round(4)
    array([1.0507])
    """
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)) of each element, (...), accurate where it is small.

    Examples
    --------
    >>> sigmoid([0.0, -800.0])
    array([0.5, 0. ])
    """
    x, numpy = array(x), numpy_for(x)
    e = numpy.exp(-numpy.abs(x))
    return numpy.where(x < 0, e, 1.0) / (1.0 + e)


def softplus(x: Any) -> Any:
    """log(1 + exp(x)) of each element, (...).

    Examples
    --------
    >>> softplus([0.0]).round(4)
    array([0.6931])
    """
    return numpy_for(x).logaddexp(array(x), 0.0)


def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x)) of each element, (...).

    Examples
    --------
    >>> log_sigmoid([0.0]).round(4)
    array([-0.6931])
    """
    return -softplus(-array(x))


def softsign(x: Any) -> Any:
    """x / (1 + |x|) of each element, (...).

    Examples
    --------
    >>> softsign([1.0])
    array([0.5])
    """
    x = array(x)
    return x / (1.0 + numpy_for(x).abs(x))


def silu(x: Any) -> Any:
    """x sigmoid(x) of each element, (...).

    Examples
    --------
    >>> silu([0.0])
    array([0.])
    """
    return array(x) * sigmoid(x)


swish = silu


def erf(x: Any) -> Any:
    """The error function of each element, (...), to 1e-15: its series by powers below 3, its
    continued fraction above (Abramowitz and Stegun, 7.1.6 and 7.1.14).

    Examples
    --------
    >>> erf([0.0, 1.0, -6.0]).round(6)
    array([ 0.      ,  0.842701, -1.      ])
    """
    return _traced_erf()(x) if is_traced(x) else _erf(x)


@functools.cache
def _traced_erf() -> Any:
    """erf as autograd knows it."""
    from autograd.extend import defvjp, primitive

    traced = primitive(_erf)
    slope = 2.0 / np.sqrt(np.pi)
    defvjp(traced, lambda y, x: lambda g: g * slope * numpy_for(x).exp(-(x**2)))
    return traced


def _erf(x: Any) -> Any:
    x = np.asarray(x, np.float64)
    size = np.minimum(np.abs(x), 6.0)  # erf(6) rounds to 1
    near = np.minimum(size, 3.0)
    term = total = near
    for n in range(1, 60):
        term = term * (2.0 * near**2) / (2 * n + 1)
        total = total + term
    inner = 2.0 / np.sqrt(np.pi) * np.exp(-(near**2)) * total
    far = np.maximum(size, 3.0)
    fraction = far
    for n in range(60, 0, -1):
        fraction = far + (n / 2) / fraction
    outer = 1.0 - np.exp(-(far**2)) / (np.sqrt(np.pi) * fraction)
    return np.copysign(np.where(size < 3.0, inner, outer), x)


def gelu(x: Any, approximate: bool = True) -> Any:
    """x times the normal distribution function at x, of each element, (...); approximated by a
    tanh as Keras does.

    Examples
    --------
    >>> gelu([0.0])
    array([0.])
    """
    x = array(x)
    if approximate:
        inner = np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)
        return 0.5 * x * (1.0 + numpy_for(x).tanh(inner))
    return 0.5 * x * (1.0 + erf(x / np.sqrt(2.0)))


def softmax(x: Any, axis: int | None = -1) -> Any:
    """exp(x) / sum(exp(x)) along ``axis``, or over all elements with None.

    Examples
    --------
    >>> softmax([0.0, 0.0])
    array([0.5, 0.5])
    """
    return numpy_for(x).exp(log_softmax(x, axis))


def log_softmax(x: Any, axis: int | None = -1) -> Any:
    """x - logsumexp(x) along ``axis``, or over all elements with None.

    Examples
    --------
    >>> log_softmax([0.0, 0.0]).round(4)
    array([-0.6931, -0.6931])
    """
    return array(x) - logsumexp(x, axis, keepdims=True)


def normalize(x: Any, axis: int = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """x divided by the larger of its norm along ``axis`` and epsilon (1e-7).

    Examples
    --------
    >>> normalize([3.0, 4.0])
    array([0.6, 0.8])
    """
    x, numpy = array(x), numpy_for(x)
    least = 1e-7 if epsilon is None else epsilon
    if order == 2:
        squares = numpy.sum(x**2, axis=axis, keepdims=True)
        return x / numpy.sqrt(numpy.maximum(squares, least**2))
    sums = numpy.sum(numpy.abs(x) ** order, axis=axis, keepdims=True)
    return x / numpy.maximum(sums ** (1.0 / order), least)


def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """Rows of zeros with a one at each index of x, (...), along a new axis; all zeros for an index
    outside [0, num_classes).

    Examples
    --------
    >>> one_hot([1], 3)
    array([[0., 1., 0.]])
    """
    if sparse:
        raise ValueError("sparse must be False: arrays are dense. Received: sparse=True")
    indices = convert_to_numpy(x).astype(np.int64)
    rows = (indices[..., None] == np.arange(num_classes)).astype(dtype or np.float64)
    return np.moveaxis(rows, -1, axis)


def multi_hot(
    inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """Zeros with ones at all the indices along the last axis of inputs, (..., L) to (...,
    num_classes).

    Examples
    --------
    >>> multi_hot([0, 2], 3)
    array([1., 0., 1.])
    """
    rows = one_hot(inputs, num_classes, -1, dtype, sparse)
    return np.moveaxis(rows.max(axis=-2), -1, axis) if rows.ndim > 1 else rows


def top_k(x: Any, k: int, sorted: bool = True) -> tuple[Any, Any]:
    """The k largest along the last axis of x, (..., K), falling, and their indices.

    Examples
    --------
    >>> top_k([1.0, 3.0, 2.0], 2)
    (array([3., 2.]), array([1, 2], dtype=int32))
    """
    values = convert_to_numpy(x)
    places = np.argsort(-values, axis=-1, kind="stable")[..., :k]
    return np.take_along_axis(values, places, -1), places.astype(np.int32)


def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether each target's prediction, (B, K), is among the k largest of its row, ties counted.

    Examples
    --------
    >>> in_top_k([1], [[0.1, 0.9]], 1)
    array([ True])
    """
    scores = convert_to_numpy(predictions)
    own = np.take_along_axis(scores, convert_to_numpy(targets)[:, None].astype(np.int64), 1)
    return np.isfinite(own[:, 0]) & ((scores > own).sum(axis=1) < k)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-t log(p) - (1 - t) log(1 - p) of the elements, p = sigmoid(output) or the output clipped to
    [1e-7, 1 - 1e-7].

    Examples
    --------
    >>> binary_crossentropy([1.0], [0.5]).round(4)
    array([0.6931])
    """
    target, output = array(target), array(output)
    numpy = numpy_for(target, output)
    if from_logits:
        positive = numpy.where(output > 0, output, 0.0)
        return positive - output * target + numpy.log1p(numpy.exp(-numpy.abs(output)))
    p = numpy.clip(output, 1e-7, 1.0 - 1e-7)
    return -target * numpy.log(p) - (1.0 - target) * numpy.log(1.0 - p)


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """-sum(t log p) along ``axis``, p = softmax(output), or the output divided by its sum and
    clipped to [1e-7, 1 - 1e-7].

    Examples
    --------
    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4)
    array([0.6931])
    """
    target, output = array(target), array(output)
    numpy = numpy_for(target, output)
    if from_logits:
        logs = log_softmax(output, axis)
    else:
        shares = output / numpy.sum(output, axis=axis, keepdims=True)
        logs = numpy.log(numpy.clip(shares, 1e-7, 1.0 - 1e-7))
    return -numpy.sum(target * logs, axis=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The same with the index of the true class as the target, (...) or (..., 1).

    Examples
    --------
    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(4)
    array([0.6931])
    """
    labels, classes = convert_to_numpy(target), np.shape(stop_gradient(output))[axis]
    if labels.ndim == np.ndim(stop_gradient(output)) and labels.shape[-1] == 1:
        labels = labels[..., 0]
    return categorical_crossentropy(one_hot(labels, classes, axis), output, from_logits, axis)
