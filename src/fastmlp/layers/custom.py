"""Layers of one's own. They run on the reference engine, which a model that has one uses unless it
is compiled for another.

As in Keras, a subclass of Layer has

- ``call(inputs)``, or ``call(inputs, training=None)``: y (B, ...) from x (B, ...), computed with
  :mod:`fastmlp.ops`, operators, and other layers that are attributes. The package autograd
  differentiates it (``pip install fastmlp[autograd]``);
- ``build(input_shape)``, if there are any weights: calls ``add_weight`` for each and keeps it as an
  attribute. One with ``trainable=False`` may be assigned to in ``call`` while training;
- ``compute_output_shape(input_shape)``, if ``call`` cannot be tried with zeros.

So has a subclass of Model. Where all that ``call`` does is to call layers one after the other, each
once, that is found out by calling it without values, and it runs on any engine.

Or it is derived by hand, in NumPy:

- ``forward(x, weights, training)``: y (B, ...) from x (B, ...), weights being a list of arrays;
- ``backward(x, dy, weights, training)``: dx, of the shape of x, and a list of the loss's gradients
  by each trained weight, from dy, its gradient by y. Both are functions of their arguments alone;
- ``make_weights(input_shape)``, if there are any: calls ``add_weight`` for each;
- ``compute_output_shape(input_shape)``, if that is another.

Examples
--------
>>> import numpy as np
>>> from fastmlp import layers
>>> class Scale(layers.Layer):
...     def build(self, input_shape):
...         self.factor = self.add_weight(shape=input_shape[1:], initializer="ones")
...     def call(self, inputs):
...         return inputs * self.factor
>>> Scale()([[1.0, 2.0]]).numpy()
array([[1., 2.]])
>>> class ByHand(layers.Layer):
...     def make_weights(self, input_shape):
...         self.factor = self.add_weight(input_shape[1:], "ones", name="factor")
...     def forward(self, x, weights, training):
...         return x * weights[0]
...     def backward(self, x, dy, weights, training):
...         return dy * weights[0], [(dy * x).sum(axis=0)]
>>> ByHand()([[1.0, 2.0]]).numpy()
array([[1., 2.]])
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine import Operation, PythonOperation
from ..engine.words import Context
from ..variable import Variable
from .called import Frame, State, call_options, called, differentiable, tried
from .shapes import Shape
from .symbolic import KerasTensor

if TYPE_CHECKING:
    from .layer import Layer


def is_custom(layer: Any) -> bool:
    """Whether the layer is written in Python."""
    return layer._by_call or hasattr(layer, "forward")


def adopt(cls: type[Layer], base: type[Layer]) -> None:
    """Make a new subclass of Layer run what it defines: ``call`` or ``forward`` instead of what
    built-in layers run, and ``build`` within what ``base.build`` does around it."""
    own = vars(cls)
    if "call" in own:
        cls._by_call = True
        if "__setattr__" not in own:
            cls.__setattr__ = _set_state  # type: ignore[method-assign]
    if "call" in own or "forward" in own:
        for name in ("operations", "_parameters"):
            if name not in own:
                setattr(cls, name, getattr(base, name))
    build = own.get("build")
    if build is None or not (cls._by_call or hasattr(cls, "forward")):
        return

    @functools.wraps(build)
    def once(self: Layer, input_shape: Any) -> None:
        self._build_by(functools.partial(build, self), input_shape)

    cls.build = once  # type: ignore[method-assign, assignment]


def _set_state(layer: Any, name: str, value: Any) -> None:
    """As Keras: what a layer has been built of stays."""
    new = hasattr(value, "_own_weights") or isinstance(value, Variable)
    if new and getattr(layer, "_input_shape", None) is not None:
        raise ValueError(
            "You cannot add new elements of state (variables or sub-layers) to a layer that is "
            "already built. All state must be created in the `__init__()` method or in the "
            f"`build()` method. Received: {name} of {type(layer).__name__} = {value!r}"
        )
    object.__setattr__(layer, name, value)


def scope(layer: Any) -> None:
    """Let paths of weights of layers inside a layer begin with its own."""
    path = "/".join(part for part in (layer._scope, layer.name) if part)
    for inner in inner_layers(layer):
        if not inner.built:
            inner._scope = path


def make_weights(layer: Any, input_shape: Shape) -> None:
    """Let a layer of one's own make its weights."""
    make = getattr(layer, "make_weights", None)
    if make is not None:
        make(input_shape)


def inner_layers(layer: Any) -> list[Layer]:
    """The layers that a layer with ``call`` has as attributes, also in lists, tuples and dicts."""
    if not layer._by_call:
        return []
    found: dict[int, Layer] = {}
    for name, value in vars(layer).items():
        for part in () if name == "_chain" else _parts(value):  # which remembers some of them
            if hasattr(part, "_own_weights"):
                found[id(part)] = part
    return list(found.values())


def chain_of(layer: Any) -> list[Any]:
    """The layers inside one with ``call`` and without weights of its own, if all that it does is
    to call them one after the other, each once; then it is what a Sequential of them is. Empty
    if not."""
    if not layer._by_call or layer._own_weights or layer._input_shape is None:
        return []
    inner = inner_layers(layer)
    if not inner:
        return []
    made_from = (layer._input_shape, tuple(map(id, inner)))
    if layer._chain[0] != made_from:
        found = [_called_in_turn(layer, training) for training in (True, False)]
        way = found[0] if found[0] == found[1] else []
        once = len({id(each) for each in way}) == len(way)
        fits = once and all(each in inner and each.category_limit is None for each in way)
        layer._chain = (made_from, way if fits else [])
    chain: list[Any] = layer._chain[1]
    return chain


def _called_in_turn(layer: Any, training: bool) -> list[Any]:
    """The layers that ``call`` leads through from an input to what it returns; empty if it does
    anything else."""
    start = _Start(layer._input_shape)
    try:
        at = layer.call(start, **call_options(layer, training))
    except Exception:  # whatever a function says that was not made for this
        return []
    found: list[Any] = []
    while isinstance(at, KerasTensor) and at.training in (None, training):
        found.append(at.layer)
        at = at.before
    return found[::-1] if at is start else []


class _Start:
    """What a chain begins with."""

    symbolic = True

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def _penalizes(layer: Any) -> bool:
    """Whether the layer, or one inside it, has a penalty of its outputs."""
    inside = [*inner_layers(layer), *getattr(layer, "layers", ())]
    return layer.activity_regularizer is not None or any(map(_penalizes, inside))


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _parts(part)
    elif isinstance(value, dict):
        yield from _parts(list(value.values()))
    else:
        yield value


def operations(layer: Layer) -> list[Operation]:
    """What a built layer without operations of fastmlp's is: Python, or nothing."""
    if not is_custom(layer):
        return []
    chain = chain_of(layer)
    if chain:
        return [operation for each in chain for operation in each.regularized_operations()]
    for inner in inner_layers(layer):
        if _penalizes(inner):
            raise ValueError(
                "a layer that is called by a layer of one's own cannot have an "
                f"activity_regularizer. Received: layer {inner.name!r}, called by {layer.name!r}"
            )
    before, after = (
        tuple(size for size in shape[1:] if size is not None)
        for shape in (layer.input_shape, layer.output_shape)
    )
    parameters = layer._parameters()
    shapes = tuple(variable.shape for variable in parameters)
    states = sum(not variable.trainable for variable in parameters)
    runs = _ByCall(layer) if layer._by_call else _ByHand(layer)
    return [PythonOperation(runs, before, after, shapes, states)]


class _ByHand(NamedTuple):
    """A layer with ``forward`` and ``backward``."""

    layer: Any

    @property
    def what(self) -> str:
        return f"layer {self.layer.name!r}"

    def run(self, x: Any, weights: list[Any], context: Context) -> Any:
        layer, training = self.layer, context.training

        def derive(dy: Any) -> Any:
            dx, gradients = layer.backward(x, dy, weights, training)
            return dx, gradients if layer.trainable else []

        return layer.forward(x, weights, training), derive, None


class _ByCall(NamedTuple):
    """A layer with ``call``."""

    layer: Any

    @property
    def what(self) -> str:
        return f"layer {self.layer.name!r}"

    def run(self, x: Any, weights: list[Any], context: Context) -> Any:
        layer = self.layer
        variables = layer._parameters()
        count = sum(variable.trainable for variable in variables)
        states = [State(value) for value in weights[count:]]

        def function(arguments: Any) -> Any:
            values = [arguments[1 + i] for i in range(count)] + states
            frame = Frame(dict(zip(map(id, variables), values, strict=True)), context)
            return called(layer, arguments[0], frame)

        y, derive = differentiable(function, (x, *weights[:count]), context)
        return y, derive, [state.value for state in states]


class OfFunction(NamedTuple):
    """A function of one array."""

    function: Any
    what: str

    def run(self, x: Any, weights: list[Any], context: Context) -> Any:
        y, derive = differentiable(lambda arguments: self.function(arguments[0]), (x,), context)
        return y, derive, None


def function_operation(function: Any, what: str, shape: Shape) -> tuple[Operation, Shape]:
    """A function of one array as an operation behind an output of shape (None, ...), and the shape
    of what it gives."""
    before = tuple(size for size in shape[1:] if size is not None)
    after = tried(what, function, before)
    return PythonOperation(OfFunction(function, what), before, after), (None, *after)
