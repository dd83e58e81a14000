"""Activation functions: on arrays, and as what a layer lowers to."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from . import engine
from ._registry import Registry
from .engine.words import softmax as softmax_of_rows
from .tensor import Tensor, as_tensor

Activation = Callable[..., Tensor]
Function = TypeVar("Function", bound=Activation)

_registry: Registry[Activation] = Registry("activation", FunctionType)
_words: dict[Activation, engine.Operation | None] = {}  # what each function lowers to
_by_row: set[Activation] = set()


def register(
    *aliases: str, word: engine.Operation | None = None, by_row: bool = False
) -> Callable[[Function], Function]:
    """Decorator: make a function known under its name and the aliases.

    ``word``: what it lowers to in the engine, if to anything. ``by_row``: whether it works on
    whole rows (B, K), not on each element.
    """

    def add(function: Function) -> Function:
        _words[function] = word
        if by_row:
            _by_row.add(function)
        return _registry.register(*aliases)(function)

    return add


@register("linear")
def linear(x: Any) -> Tensor:
    """x itself, (...).

    Examples
    --------
    >>> linear([1.0, -2.0]).numpy()
    array([ 1., -2.])
    """
    return as_tensor(x)


@register("relu", word=engine.Relu())
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
    word = engine.Relu(negative_slope, top, threshold)
    return as_tensor(word.value(np.asarray(x, np.float64)))


@register("tanh", word=engine.Tanh())
def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent of each element of x, (...).

    Examples
    --------
    >>> tanh([0.0]).numpy()
    array([0.])
    """
    return as_tensor(np.tanh(np.asarray(x, np.float64)))


@register("sigmoid", word=engine.Sigmoid())
def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x)) of each element of x, (...).

    Examples
    --------
    >>> sigmoid([0.0, -800.0]).numpy()
    array([0.5, 0. ])
    """
    return as_tensor(engine.Sigmoid().value(np.asarray(x, np.float64)))


@register("softmax", word=engine.Softmax(), by_row=True)
def softmax(x: Any, axis: int = -1) -> Tensor:
    """exp(x - max(x)) / sum(exp(x - max(x))) of x, (...), along ``axis``.

    Examples
    --------
    >>> softmax([[0.0, 0.0]]).numpy()
    array([[0.5, 0.5]])
    """
    last = np.moveaxis(np.asarray(x, np.float64), axis, -1)
    return as_tensor(np.moveaxis(softmax_of_rows(last), -1, axis))


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
    if isinstance(identifier, FunctionType) and identifier in _words:
        return identifier
    function: Activation | None = _registry.find(identifier)
    if function is None:
        raise ValueError(
            f"activation must be None, one of {_registry.known}, or one of these functions. "
            f"Received: activation={identifier!r}"
        )
    return function


deserialize = get


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
    if activation in _by_row and len(shape) != 2:
        raise ValueError(
            f"{activation.__name__} works on inputs of shape (batch, features); "
            f"put Flatten() before it. Received: input shape {shape}"
        )
    word = _words[activation]
    return [] if word is None else [word]
