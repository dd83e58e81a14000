"""Operations that lay a sample out anew: in rows of another width, axes swapped, rows repeated.

A sample of several axes is ``split`` rows of the last one. Letters: S rows of a sample going in,
T coming out.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .operation import Context, Float64Array, Operation
from .word import word


@word(frozen=True)
class Reshape(Operation):
    """A sample's numbers, in their order, in rows of ``width``: (B S, I) to (B T, width)."""

    name: ClassVar[str] = "reshape"

    width: int

    def output_width(self, inputs: int) -> int:
        return self.width

    def output_split(self, split: int, inputs: int) -> int:
        return split * inputs // self.width

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        return x.reshape(-1, self.width)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return dy.reshape(x.shape)


@word(frozen=True)
class Transpose(Operation):
    """A sample's numbers as (.., first, second, inner) become (.., second, first, inner), in rows
    of the same width."""

    name: ClassVar[str] = "transpose"

    first: int
    second: int
    inner: int = 1

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        axes = x.reshape(-1, self.first, self.second, self.inner)
        return axes.swapaxes(1, 2).reshape(x.shape)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        axes = dy.reshape(-1, self.second, self.first, self.inner)
        return axes.swapaxes(1, 2).reshape(x.shape)


@word(frozen=True)
class Repeat(Operation):
    """Each row so many times: (B S, I) to (B S times, I)."""

    name: ClassVar[str] = "repeat"

    times: int

    def output_split(self, split: int, inputs: int) -> int:
        return split * self.times

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        return np.repeat(x, self.times, axis=0)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        result: Float64Array = dy.reshape(len(x), self.times, -1).sum(axis=1)
        return result


#: Operations that move numbers and change none.
LAYOUTS = (Reshape, Transpose, Repeat)
