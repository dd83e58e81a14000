"""Operations on every element that are piecewise linear or rational: y (B, K) from x (B, K).

At a kink the slope is that of Keras on JAX; NaN and infinities give what they give there.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .activations import Activation
from .operation import Float64Array
from .word import word


@word(frozen=True)
class HardSigmoid(Activation):
    """y = (x + 3 cut to [0, 6]) / 6."""

    name: ClassVar[str] = "hard_sigmoid"

    def value(self, x: Float64Array) -> Float64Array:
        result: Float64Array = np.clip(x + 3.0, 0.0, 6.0) / 6.0
        return result

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return np.where((x + 3.0 > 0) & (x + 3.0 < 6), 1.0 / 6.0, 0.0)


@word(frozen=True)
class HardSilu(Activation):
    """y = x * hard_sigmoid(x).

    Source: Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """

    name: ClassVar[str] = "hard_silu"

    def value(self, x: Float64Array) -> Float64Array:
        return x * HardSigmoid().value(x)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return HardSigmoid().value(x) + x * HardSigmoid().slope(x, y)


@word(frozen=True)
class HardTanh(Activation):
    """x cut to [-1, 1]."""

    name: ClassVar[str] = "hard_tanh"

    def value(self, x: Float64Array) -> Float64Array:
        result: Float64Array = np.clip(x, -1.0, 1.0)
        return result

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return np.where((x > 1) | (x < -1), 0.0, 1.0)


@word(frozen=True)
class HardShrink(Activation):
    """x where |x| > threshold, else 0."""

    name: ClassVar[str] = "hard_shrink"

    threshold: float = 0.5

    def value(self, x: Float64Array) -> Float64Array:
        return np.where(np.abs(x) > self.threshold, x, 0.0)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return np.where(np.abs(x) > self.threshold, 1.0, 0.0)


@word(frozen=True)
class SoftShrink(Activation):
    """x - threshold above threshold, x + threshold below -threshold, else 0."""

    name: ClassVar[str] = "soft_shrink"

    threshold: float = 0.5

    def value(self, x: Float64Array) -> Float64Array:
        below = np.where(x < -self.threshold, x + self.threshold, 0.0)
        return np.where(x > self.threshold, x - self.threshold, below)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return np.where((x > self.threshold) | (x < -self.threshold), 1.0, 0.0)


@word(frozen=True)
class Threshold(Activation):
    """x above threshold, else default_value."""

    name: ClassVar[str] = "threshold"

    threshold: float = 0.0
    default_value: float = 0.0

    def value(self, x: Float64Array) -> Float64Array:
        return np.where(x > self.threshold, x, self.default_value)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return np.where(x > self.threshold, 1.0, 0.0)


@word(frozen=True)
class Softsign(Activation):
    """y = x / (1 + |x|)."""

    name: ClassVar[str] = "softsign"

    def value(self, x: Float64Array) -> Float64Array:
        return x / (1.0 + np.abs(x))

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return 1.0 / np.square(1.0 + np.abs(x))


@word(frozen=True)
class Squareplus(Activation):
    """y = (x + r) / 2, r = sqrt(x^2 + b); below 0, where that cancels, b / 2 / (r - x).

    Source: Barron, "Squareplus: a softplus-like algebraic rectifier", arXiv:2112.11687.
    """

    name: ClassVar[str] = "squareplus"

    b: float = 4.0

    def _root(self, x: Float64Array) -> Float64Array:
        """r; |x| where its square would overflow."""
        return np.where(np.abs(x) > 2.0**500, np.abs(x), np.sqrt(x * x + self.b))

    def value(self, x: Float64Array) -> Float64Array:
        r = self._root(x)
        return np.where(x < 0, 0.5 * self.b / (r - x), 0.5 * (x + r))

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return y / self._root(x)


@word(frozen=True)
class SparsePlus(Activation):
    """0 up to -1, x from 1 on, between them (x + 1)^2 / 4."""

    name: ClassVar[str] = "sparse_plus"

    def value(self, x: Float64Array) -> Float64Array:
        middle = np.square(0.5 * (x + 1.0))
        return np.where(x <= -1, 0.0, np.where(x >= 1, x, middle))

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return np.where(x <= -1, 0.0, np.where(x >= 1, 1.0, 0.5 * (x + 1.0)))


@word(frozen=True)
class SparseSigmoid(Activation):
    """y = (x + 1) / 2 cut to [0, 1], the slope of sparse_plus; its own is 1/2, and 1/4 at both
    kinks.

    Source: Blondel, Martins, Niculae, "Learning classifiers with Fenchel-Young losses",
    AISTATS 2019, section 6.2.
    """

    name: ClassVar[str] = "sparse_sigmoid"

    def value(self, x: Float64Array) -> Float64Array:
        result: Float64Array = 0.5 * np.clip(x + 1.0, 0.0, 2.0)
        return result

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return np.where(np.abs(x) < 1, 0.5, np.where(np.abs(x) == 1, 0.25, 0.0))


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
