"""Activations by name, and what each lowers to in the engines' words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import FunctionType
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from .. import engine
from .._objects import within
from .._registry import Registry
from .._registry import serialize as serialize_any
from ..engine.words import INFERENCE
from ..engine.words import Activation as Elementwise
from ..tensor import Tensor, as_tensor

Shape = tuple[int | None, ...]
Function = TypeVar("Function", bound=Callable[..., Tensor])


@runtime_checkable
class Configured(Protocol):
    """A layer that can be another layer's activation, such as ``LeakyReLU(0.1)``."""

    def lowered(self, shape: Shape) -> list[engine.Operation]:
        """What it lowers to behind an output of shape (None, ...)."""


#: One of the functions, one with options as functools.partial gives it, or a layer.
Activation = Callable[..., Tensor]

_registry: Registry[Activation] = Registry("activation", FunctionType, "keras.activations")
_words: dict[Activation, Callable[..., engine.Operation | None]] = {}
_by_row: set[Activation] = set()


def register(
    *aliases: str, word: Callable[..., engine.Operation | None], by_row: bool = False
) -> Callable[[Function], Function]:
    """Decorator: make a function known under its name and the aliases.

    ``word``: what it lowers to, from its options (None: to nothing). ``by_row``: whether it works
    along an axis, which it has as an option, not on each element.
    """

    def add(function: Function) -> Function:
        _words[function] = word
        if by_row:
            _by_row.add(function)
        return _registry.register(*aliases)(function)

    return add


def is_traced(x: Any) -> bool:
    """Whether autograd watches what is computed from x, for which it has been imported."""
    return "autograd.tracer" in sys.modules and isinstance(x, sys.modules["autograd.tracer"].Box)


def _operated(word: engine.Operation, x: Any) -> Any:
    """What an operation makes of x, differentiable."""
    from ..ops.traced import operated  # few layers are written in Python

    return operated([word], x, [], INFERENCE)


def on_elements(word: Elementwise, x: Any) -> Tensor:
    """The word's value at each element of x, (...), in float64."""
    if is_traced(x):
        return _operated(word, x)  # type: ignore[no-any-return]
    with np.errstate(all="ignore"):  # as in the engines, NaN and infinity pass
        return as_tensor(word.value(np.asarray(x, np.float64)))


def on_rows(word: engine.Operation, x: Any, axis: int) -> Tensor:
    """The word's value along an axis of x, (...), in float64."""
    if is_traced(x):
        numpy = sys.modules["autograd.numpy"]
        rows = _operated(word, numpy.moveaxis(x, axis, -1))
        return numpy.moveaxis(rows, -1, axis)  # type: ignore[no-any-return]
    array = np.asarray(x, np.float64)
    if array.ndim == 0:
        raise ValueError("x must have at least one axis. Received: a single number")
    last = np.moveaxis(array, axis, -1)
    with np.errstate(all="ignore"):
        return as_tensor(np.moveaxis(word.forward(last, [], INFERENCE), -1, axis))


def get(identifier: Any) -> Activation:
    """The activation of that name; None is ``linear``.

    Parameters
    ----------
    identifier : str, function, functools.partial, Layer, dict or None
        A name; one of these functions, with options by ``functools.partial`` if there are any; a
        layer without weights such as ``LeakyReLU(0.1)``; what :func:`serialize` gave; or a
        function of one's own, of one array (B, ...), written with :mod:`fastmlp.ops` (see
        :mod:`fastmlp.layers.custom`).

    Raises
    ------
    ValueError
        If fastmlp has no such activation.

    Examples
    --------
    >>> from functools import partial
    >>> from fastmlp import activations
    >>> get("relu") is activations.relu
    True
    >>> get(partial(activations.leaky_relu, negative_slope=0.1))([-1.0, 1.0]).numpy()
    array([-0.1,  1. ])
    """
    if identifier is None:
        identifier = "linear"
    if isinstance(identifier, dict):
        return _from_config(identifier)
    function: Any = _registry.find(identifier) or identifier
    if isinstance(function, FunctionType) and function in _words:
        return function
    if isinstance(function, partial) and function.func in _words and not function.args:
        _word(function)  # its options are checked here, not where it is used
        return function
    if isinstance(function, Configured) and not isinstance(function, type):
        return function  # type: ignore[return-value]
    if _may_be_own(function):
        return function  # type: ignore[no-any-return]
    raise ValueError(
        f"activation must be None, one of {_registry.known}, one of these functions, such a "
        "function with options by functools.partial, a layer without weights that is an "
        f"activation, or a function of one's own. Received: activation={identifier!r}"
    )


def _from_config(config: dict[str, Any]) -> Activation:
    """The activation of ``{"class_name": ..., "config": ...}``."""
    name, options = config.get("class_name"), config.get("config", {})
    if name == "function":
        return get(_registry.deserialize(config))
    function = None if config.get("registered_name") else _registry.find(name)
    if function is None:
        from ..layers import deserialize as deserialize_layer  # layers need this module

        return get(deserialize_layer(config))
    return get(partial(function, **options) if isinstance(options, dict) else function)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Activation:
    """The activation of a name, or of what :func:`serialize` gave.

    Parameters
    ----------
    config : str or dict
        Its name or configuration.
    custom_objects : dict, optional
        What other names stand for: anything that :func:`get` takes.

    Raises
    ------
    ValueError
        If there is no such activation.

    Examples
    --------
    >>> from functools import partial
    >>> from fastmlp import activations
    >>> half = partial(activations.elu, alpha=0.5)
    >>> deserialize("half_elu", {"half_elu": half})([-800.0]).numpy()
    array([-0.5])
    """
    if isinstance(config, str) and config in (custom_objects or {}):
        return get((custom_objects or {})[config])
    with within(custom_objects):
        return get(config)


def serialize(activation: Activation) -> str | dict[str, Any]:
    """What :func:`get` makes the activation of again: the name of a function, or a dict.

    Examples
    --------
    >>> from functools import partial
    >>> from fastmlp import activations
    >>> serialize(activations.relu)
    'relu'
    >>> serialize(partial(activations.elu, alpha=0.5))
    {'module': 'fastmlp.activations', 'class_name': 'elu', 'config': {'alpha': 0.5}}
    """
    known: Any = get(activation)
    made: str | dict[str, Any] = serialize_any(known)
    return made


def _word(activation: Activation) -> engine.Operation | None:
    """What a function lowers to, with its options."""
    if not isinstance(activation, partial):
        return _words[activation]()
    try:
        return _words[activation.func](**activation.keywords)
    except TypeError:
        raise ValueError(
            f"activation has an option that {activation.func.__name__} does not know. "
            f"Received: {activation.keywords}"
        ) from None


def operations(activation: Activation, shape: Shape) -> list[engine.Operation]:
    """What the activation of a layer with output ``shape`` (None, ...) lowers to.

    Raises
    ------
    ValueError
        If it works along an axis and that is not the last of (batch, features), or an option that
        it needs is missing.
    """
    # Asked at every run of steps: a function first, as instances of a protocol take long to tell.
    if not isinstance(activation, (FunctionType, partial)) and isinstance(activation, Configured):
        return activation.lowered(shape)
    if _is_own(activation):
        return [_own(activation, shape)[0]]
    function = activation.func if isinstance(activation, partial) else activation
    word = _word(activation)
    made = [] if word is None else [word]
    if function not in _by_row:
        return made
    options = activation.keywords if isinstance(activation, partial) else {}
    if function.__name__ == "glu":
        check_halved(options.get("axis", -1), shape)
    return along_axes(options.get("axis", -1), shape, function.__name__, made)


def along_axes(
    axis: Any, shape: Shape, name: str, operations: list[engine.Operation]
) -> list[engine.Operation]:
    """Operations on rows, for an axis, or several, of a batch of that shape."""
    from ..layers import axes  # layers need this module

    found = axes.sample_axes(axes.axis_or_axes(axis), shape, name)
    return axes.along(found, axes.sizes_of(shape), operations)


def check_halved(axis: Any, shape: Shape) -> None:
    """ValueError unless glu can halve that axis of a batch of that shape: an even last one."""
    if axis not in (-1, len(shape) - 1):
        raise ValueError(f"axis of glu must be the last in a model. Received: axis={axis!r}")
    if (shape[-1] or 0) % 2:
        raise ValueError(
            f"glu halves the features, which must be an even number. Received: shape {shape}"
        )


def _may_be_own(function: Any) -> bool:
    """Whether it is a function of one's own, which neither fastmlp nor NumPy has; layers that are
    no activations can be called, too."""
    inner = function.func if isinstance(function, partial) else function
    known = isinstance(inner, (type, np.ufunc)) or hasattr(inner, "weights") or inner in _words
    return callable(inner) and not known


def _is_own(activation: Any) -> bool:
    """Whether it is a function that no engine has."""
    function = activation.func if isinstance(activation, partial) else activation
    if isinstance(function, FunctionType):  # told first, for the reason that operations has
        return function not in _words
    return not isinstance(activation, Configured) and function not in _words


def _own(activation: Any, shape: Shape) -> tuple[engine.Operation, Shape]:
    """A function of one's own behind an output of shape (None, ...)."""
    from ..layers.custom import function_operation  # layers need this module

    name = getattr(activation, "__name__", type(activation).__name__)
    return function_operation(activation, f"activation {name!r}", shape)


def output_shape(activation: Activation, shape: Shape) -> Shape:
    """Shape of what the activation makes of a layer's output of ``shape`` (None, ...)."""
    if isinstance(activation, Configured):
        made: Shape = activation.compute_output_shape(shape)
        return made
    if _is_own(activation):
        return _own(activation, shape)[1]
    operations(activation, shape)
    function = activation.func if isinstance(activation, partial) else activation
    if getattr(function, "__name__", "") == "glu":
        return (*shape[:-1], (shape[-1] or 0) // 2)
    return shape
