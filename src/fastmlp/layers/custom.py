"""Layers of one's own, in NumPy. They run on the reference engine, which a model that has one
uses unless it is compiled for another.

A subclass of Layer has

- ``forward(x, weights, training)``: y (B, ...) from x (B, ...), weights being a list of arrays;
- ``backward(x, dy, weights, training)``: dx, of the shape of x, and a list of the loss's gradients
  by each weight, from dy, its gradient by y. Both are functions of their arguments alone;
- ``make_weights(input_shape)``, if there are any: calls ``add_weight`` for each;
- ``compute_output_shape(input_shape)``, if that is another.

Examples
--------
>>> import numpy as np
>>> from fastmlp import layers
>>> class Scale(layers.Layer):
...     def make_weights(self, input_shape):
...         self.factor = self.add_weight(input_shape[1:], "ones", name="factor")
...     def forward(self, x, weights, training):
...         return x * weights[0]
...     def backward(self, x, dy, weights, training):
...         return dy * weights[0], [(dy * x).sum(axis=0)]
>>> Scale()([[1.0, 2.0]]).numpy()
array([[1., 2.]])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine import Operation, PythonOperation
from .shapes import Shape

if TYPE_CHECKING:
    from .layer import Layer


def is_custom(layer: Layer) -> bool:
    """Whether the layer is written in Python."""
    return hasattr(layer, "forward")


def make_weights(layer: Layer, input_shape: Shape) -> None:
    """Let a layer of one's own make its weights."""
    make = getattr(layer, "make_weights", None)
    if make is not None:
        make(input_shape)


def operations(layer: Layer) -> list[Operation]:
    """What a built layer without operations of fastmlp's is: Python, or nothing."""
    if not is_custom(layer):
        return []
    before, after = (
        tuple(size for size in shape[1:] if size is not None)
        for shape in (layer.input_shape, layer.output_shape)
    )
    shapes = tuple(variable.shape for variable in layer.weights)
    return [PythonOperation(layer, before, after, shapes, layer.trainable)]
