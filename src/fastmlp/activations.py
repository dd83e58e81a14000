"""Activation functions: on arrays, and as what a layer lowers to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import engine
from .engine import reference
from .tensor import Tensor, as_tensor

Activation = Callable[..., Tensor]


def linear(x: Any) -> Tensor:
    """x itself, (...).

    Examples
    --------
    >>> linear([1.0, -2.0]).numpy()
    array([ 1., -2.])
    """
    return as_tensor(x)


def relu(
    x: Any,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """Rectified linear unit of each element of x, (...).

    ``max_value`` where x >= max_value, x where x > threshold, otherwise
    ``negative_slope * (x - threshold)``.

    Examples
    --------
    >>> relu([-1.0, 0.5, 9.0], max_value=6.0).numpy()
    array([0. , 0.5, 6. ])
    """
    top = np.inf if max_value is None else max_value
    return as_tensor(reference.relu(np.asarray(x, np.float64), negative_slope, top, threshold))


def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent of each element of x, (...).

    Examples
    --------
    >>> tanh([0.0]).numpy()
    array([0.])
    """
    return as_tensor(np.tanh(np.asarray(x, np.float64)))


def softmax(x: Any, axis: int = -1) -> Tensor:
    """exp(x - max(x)) / sum(exp(x - max(x))) of x, (...), along ``axis``.

    Examples
    --------
    >>> softmax([[0.0, 0.0]]).numpy()
    array([[0.5, 0.5]])
    """
    last = np.moveaxis(np.asarray(x, np.float64), axis, -1)
    return as_tensor(np.moveaxis(reference.softmax(last), -1, axis))


# Registry: what each function lowers to in the engine.
_OPERATIONS: dict[Activation, list[engine.Operation]] = {
    linear: [],
    relu: [engine.Relu()],
    tanh: [engine.Tanh()],
    softmax: [engine.Softmax()],
}
_FUNCTIONS = {function.__name__: function for function in _OPERATIONS}


def get(identifier: str | Activation | None) -> Activation:
    """The activation function of that name; None is ``linear``.

    Raises
    ------
    ValueError
        If fastmlp has no such activation.

    Examples
    --------
    >>> get("relu") is relu
    True
    """
    if identifier is None:
        return linear
    if callable(identifier) and identifier in _OPERATIONS:
        return identifier
    if isinstance(identifier, str) and identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier]
    known = ", ".join(repr(name) for name in sorted(_FUNCTIONS))
    raise ValueError(
        f"activation must be None, one of {known}, or one of these functions. "
        f"Received: activation={identifier!r}"
    )


def serialize(activation: Activation) -> str:
    """The name under which :func:`get` finds the activation.

    Examples
    --------
    >>> serialize(relu)
    'relu'
    """
    return get(activation).__name__


def operations(activation: Activation, shape: tuple[int | None, ...]) -> list[engine.Operation]:
    """What the activation of a layer with output ``shape`` (None, ...) lowers to.

    Raises
    ------
    ValueError
        If it works along an axis and the shape has more than one besides the batch.
    """
    if activation is softmax and len(shape) != 2:
        raise ValueError(
            f"softmax works on inputs of shape (batch, features); put Flatten() before it. "
            f"Received: input shape {shape}"
        )
    return _OPERATIONS[activation]
