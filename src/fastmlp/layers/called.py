"""How ``call`` of a layer of one's own runs: with values in the places of its weights, which the
package autograd may watch."""

from __future__ import annotations

import _thread
import inspect
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..engine import Network, Operation
from ..engine.words import Context
from ..variable import Variable
from .shapes import Shape, check_categories

if TYPE_CHECKING:
    from .layer import Layer


def differentiable(
    function: Callable[[Any], Any], arguments: tuple[Any, ...], context: Context
) -> tuple[Any, Any]:
    """What the function gives for a tuple of arrays, and what derives it; only while training is
    it watched."""

    def without(error: ImportError | None) -> tuple[Any, Any]:
        def derive(dy: Any) -> Any:
            raise error or AssertionError("only what was computed for training is derived")

        y: Any = function(arguments)
        return y, derive

    if not context.training:
        return without(None)
    from ..ops.traced import watched  # few have such layers

    try:
        y, backward = watched(function, arguments)
    except ImportError as error:
        return without(error)

    def derive(dy: Any) -> Any:
        dx, *gradients = backward(np.asarray(dy))
        return dx, gradients

    return y, derive


class State(NDArrayOperatorsMixin):
    """The value of a weight that ``call`` may assign to, in its place."""

    __array_priority__ = 100.0

    def __init__(self, value: Any) -> None:
        self.value = np.asarray(value, np.float64)

    def assign(self, value: Any) -> None:
        """Replace the value by one of the same shape."""
        from ..ops.arrays import convert_to_numpy

        value = np.asarray(convert_to_numpy(value), np.float64)
        if value.shape != self.shape:
            raise ValueError(
                f"value must have shape {self.shape}. Received: value of shape {value.shape}"
            )
        self.value = value

    def assign_add(self, value: Any) -> None:
        """Add an array of the same shape."""
        self.assign(self.value + value)

    def assign_sub(self, value: Any) -> None:
        """Subtract an array of the same shape."""
        self.assign(self.value - value)

    def numpy(self) -> Any:
        """A copy of the value."""
        return self.value.copy()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.value, dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [x.value if isinstance(x, State) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)


class Frame(NamedTuple):
    """While ``call`` runs: the values of weights by the variable's id, and in which pass."""

    values: dict[int, Any]
    context: Context

    def value(self, variable: Variable) -> Any:
        value = self.values.get(id(variable))
        if value is None:  # of a layer that is tried out
            value = variable.value if variable.trainable else State(variable.value)
        return value


class _Now(_thread._local):
    """In which ``call`` a thread is."""

    frame: Frame | None = None


now = _Now()


def call_options(layer: Any, training: bool) -> dict[str, Any]:
    """What ``call`` of the layer is given by name."""
    named: dict[str, Any] = {}
    takes = inspect.signature(layer.call).parameters
    if "training" in takes or any(p.kind is p.VAR_KEYWORD for p in takes.values()):
        named["training"] = training
    if "mask" in takes and takes["mask"].default is inspect.Parameter.empty:
        named["mask"] = None
    return named


def called(layer: Any, x: Any, inside: Frame) -> Any:
    """What ``call`` of the layer makes of x, with the weights' values in their places."""
    twin = object.__new__(type(layer))
    twin.__dict__.update({name: _valued(value, inside) for name, value in vars(layer).items()})
    for name in ("_own_weights", "_built_in_weights"):
        setattr(twin, name, getattr(layer, name))
    twin._input_shape = layer._input_shape or (None, *np.shape(x)[1:])
    named = call_options(layer, inside.context.training)
    outer, now.frame = now.frame, inside
    try:
        return twin.call(x, **named)
    finally:
        now.frame = outer


def _valued(value: Any, inside: Frame) -> Any:
    """An attribute with the values of variables in it."""
    if isinstance(value, Variable):
        return inside.value(value)
    if hasattr(value, "_own_weights"):
        return _Inner(value, inside)
    if type(value) in (list, tuple):
        return type(value)(_valued(part, inside) for part in value)
    if type(value) is dict:
        return {key: _valued(part, inside) for key, part in value.items()}
    return value


class _Inner:
    """In the place of a layer inside a layer while that runs: called, it can be differentiated."""

    def __init__(self, layer: Any, inside: Frame) -> None:
        self._layer, self._inside = layer, inside

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self._layer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)

    def __call__(self, x: Any, training: bool | None = None, mask: Any = None) -> Any:
        if mask is not None:
            refuse_mask(mask)
        return computed(self._layer, x, training, self._inside)

    call = __call__


def refuse_mask(mask: Any) -> NoReturn:
    """ValueError: nothing is masked."""
    raise ValueError(
        "mask must be None: there are no masks, which leave out steps of a sequence. To leave out "
        "samples give fit and evaluate a sample_weight of 0 for them. Received: mask of type "
        f"{type(mask).__name__}"
    )


def computed(layer: Layer, x: Any, training: bool | None, inside: Frame) -> Any:
    """What a layer that is called in ``call`` of another makes of x (B, ...)."""
    from ..ops.arrays import convert_to_numpy
    from ..ops.traced import is_traced

    if not is_traced(x):
        x = np.asarray(x, np.float64)
    layer.build((None, *x.shape[1:]))
    if layer.category_limit is not None:
        check_categories("x", convert_to_numpy(x), layer.category_limit)
    network, parameters = layer._network(), layer._parameters()
    after = layer.output_shape
    return _operated(layer, network.operations, parameters, x, after, training, inside)


def built_in(layer: Layer, base: type[Layer], x: Any, training: bool | None, inside: Frame) -> Any:
    """What the layer that one of one's own is a subclass of makes of x: ``super().call(x)``."""
    for owner in type(layer).__mro__:
        if vars(owner).get("operations", base.operations) is not base.operations:
            made = vars(owner)["operations"](layer)
            after = vars(owner).get("compute_output_shape", base.compute_output_shape)
            shape = (None, *x.shape[1:])
            after = shape if after is base.compute_output_shape else after(layer, shape)
            return _operated(layer, made, layer._built_in_weights, x, after, training, inside)
    raise NotImplementedError(
        f"{type(layer).__name__} must implement call(inputs), as no layer that it is made from does"
    )


def _operated(
    layer: Layer,
    made: Sequence[Operation],
    parameters: Sequence[Variable],
    x: Any,
    after: Shape,
    training: bool | None,
    inside: Frame,
) -> Any:
    """What operations with these parameters make of x (B, ...), of shape ``after``."""
    from ..ops.traced import new_states, operated

    step = inside.context.step
    if training is not None and training != inside.context.training:
        step = layer._next_dropout_step() if training else None
    context = Context(step, len(x))
    inputs = math.prod(x.shape[1:])
    network = Network(inputs, tuple(made))
    values = [inside.value(variable) for variable in parameters]
    plain = [value.value if isinstance(value, State) else value for value in values]
    shaped = [
        value if np.shape(value) == shape else value.reshape(shape)
        for value, shape in zip(plain, network.parameter_shapes, strict=True)
    ]
    rows = x.reshape((len(x), inputs))
    y = operated(made, rows, shaped, context)
    if context.training:
        for value, new in zip(values, new_states(made, rows, shaped, context), strict=True):
            if isinstance(value, State) and new is not None:
                value.assign(new.reshape(value.shape))
    return y.reshape((len(x), *after[1:]))


def tried_shape(layer: Any, input_shape: Shape) -> Shape:
    """Shape of what ``call`` makes of an input of shape (None, ...), found by trying zeros."""
    before = tuple(size for size in input_shape[1:] if size is not None)

    def function(x: Any) -> Any:
        return called(layer, x, Frame({}, Context(None, len(x))))

    return (None, *tried(f"call of layer {layer.name!r}", function, before))


def tried(what: str, function: Any, before: Sequence[int]) -> tuple[int, ...]:
    """Sizes of the axes of a sample that a function gives for one of these."""
    with np.errstate(all="ignore"):
        shape: tuple[int, ...] = np.shape(function(np.zeros((2, *before))))
    if len(shape) < 2 or shape[0] != 2:
        raise ValueError(
            f"{what} must return an array of shape (samples, ...) for one of shape "
            f"{(2, *before)}. Received: shape {shape}"
        )
    return shape[1:]
