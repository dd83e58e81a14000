"""An operation that is written in Python by whoever uses fastmlp."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .operation import Context, Float64Array, Operation, Role
from .word import word


@word(frozen=True)
class PythonOperation(Operation):
    """What ``layer.forward`` computes and ``layer.backward`` derives, see
    :mod:`fastmlp.layers.custom`. It has no name in the C catalog: only the reference engine runs
    it.

    before, after: sizes of the axes of a sample going in and coming out. shapes: of the weights,
    all trained.
    """

    layer: Any
    before: tuple[int, ...]
    after: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...] = ()
    trainable: bool = True

    def output_width(self, inputs: int) -> int:
        return self.after[-1]

    def output_split(self, split: int, inputs: int) -> int:
        return math.prod(self.after[:-1])

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        return list(self.shapes)

    @property
    def roles(self) -> tuple[Role, ...]:
        trained: Role = "trained"
        return (trained,) * len(self.shapes)

    def _checked(self, what: str, value: Any, shape: tuple[int, ...]) -> Float64Array:
        array = np.asarray(value, np.float64)
        if array.shape != shape:
            raise ValueError(
                f"{what} of layer {self.layer.name!r} must have shape {shape}. "
                f"Received: shape {array.shape}"
            )
        return array

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        samples = x.reshape(-1, *self.before)
        y = self.layer.forward(samples, parameters, context.training)
        y = self._checked("what forward returns", y, (len(samples), *self.after))
        return y.reshape(-1, self.after[-1])

    def _derived(
        self, x: Float64Array, dy: Float64Array, parameters: list[Float64Array], context: Context
    ) -> tuple[Float64Array, list[Float64Array]]:
        """dx, of the shape of x, and the gradient of each weight."""
        samples = x.reshape(-1, *self.before)
        dx, gradients = self.layer.backward(
            samples, dy.reshape(-1, *self.after), parameters, context.training
        )
        dx = self._checked("dx", dx, samples.shape)
        if len(gradients) != len(parameters):
            raise ValueError(
                f"backward of layer {self.layer.name!r} must return dx and a list of "
                f"{len(parameters)} gradients. Received: {len(gradients)}"
            )
        return dx.reshape(x.shape), [
            self._checked("a gradient", gradient, parameter.shape)
            for gradient, parameter in zip(gradients, parameters, strict=True)
        ]

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return self._derived(x, dy, parameters, context)[0]

    def gradients(
        self,
        x: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> list[Float64Array]:
        return self._derived(x, dy, parameters, context)[1]
