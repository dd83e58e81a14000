"""Operations that work on every element by itself: y (B, K) from x (B, K)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ... import random
from .operation import Context, Float64Array, Operation
from .word import word


def sigmoid(x: Float64Array) -> Float64Array:
    """1 / (1 + exp(-x)), see :class:`Sigmoid`."""
    e = np.exp(-np.abs(x))
    result: Float64Array = np.where(x < 0, e, 1.0) / (1.0 + e)
    return result


class Activation(Operation):
    """An elementwise function by its value and its slope."""

    def value(self, x: Float64Array) -> Float64Array:
        """y of x, any shape."""
        raise NotImplementedError

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array | float:
        """dy / dx at x, where y is the value."""
        raise NotImplementedError

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        return self.value(x)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return dy * self.slope(x, y)


@word(frozen=True)
class Relu(Activation):
    """Keras's ``relu``: x >= max_value -> max_value; x > threshold -> x;
    otherwise negative_slope * (x - threshold)."""

    name: ClassVar[str] = "relu"

    negative_slope: float = 0.0
    max_value: float = float("inf")
    threshold: float = 0.0

    def value(self, x: Float64Array) -> Float64Array:
        if self.negative_slope == 0:
            below = np.where(np.isnan(x), x, 0.0)  # 0, not NaN, for minus infinity
        else:
            below = self.negative_slope * (x - self.threshold)
        return np.where(x >= self.max_value, self.max_value, np.where(x > self.threshold, x, below))

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        slope = np.where(x > self.threshold, 1.0, self.negative_slope)
        return np.where(x >= self.max_value, 0.0, slope)


@word(frozen=True)
class Tanh(Activation):
    """y = tanh(x)."""

    name: ClassVar[str] = "tanh"

    def value(self, x: Float64Array) -> Float64Array:
        return np.tanh(x)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return 1.0 - y * y


@word(frozen=True)
class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x)), with e = exp(-|x|) as 1 / (1 + e) or e / (1 + e), so that nothing
    overflows and small values are accurate."""

    name: ClassVar[str] = "sigmoid"

    def value(self, x: Float64Array) -> Float64Array:
        return sigmoid(x)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        e = np.exp(-np.abs(x))
        return e / np.square(1.0 + e)


@word(frozen=True)
class Rescaling(Activation):
    """y = x * scale + offset, product and sum rounded separately."""

    name: ClassVar[str] = "rescaling"

    scale: float
    offset: float = 0.0

    def value(self, x: Float64Array) -> Float64Array:
        return x * self.scale + self.offset

    def slope(self, x: Float64Array, y: Float64Array) -> float:
        return self.scale


@word(frozen=True)
class Dropout(Operation):
    """Inverted dropout: while training, keep an element with probability 1 - rate and
    scale it by 1 / (1 - rate). Its mask is ``random.dropout_mask(seed, step, ...)``."""

    name: ClassVar[str] = "dropout"

    rate: float
    seed: int  # 64 bit, the Philox key

    def value(self, x: Float64Array, mask: NDArray[np.bool_]) -> Float64Array:
        """y (B, K): x (B, K) scaled where the mask (B, K) keeps it, else 0. The slope is the
        scale or 0 likewise, so this gives dx from dy as well."""
        return np.where(mask, x * (1.0 / (1.0 - self.rate)), 0.0)

    def _dropped(self, x: Float64Array, context: Context) -> Float64Array:
        if context.step is None:
            return x
        mask = random.dropout_mask(self.seed, context.step, len(x), x.shape[1], self.rate)
        return self.value(x, mask)

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        return self._dropped(x, context)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return self._dropped(dy, context)
