"""Operations that work on every element by itself: y (B, K) from x (B, K).

At a kink the slope is that of Keras on JAX; NaN and infinities give what they give there.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

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
class LeakyRelu(Activation):
    """x from 0 on, else negative_slope * x."""

    name: ClassVar[str] = "leaky_relu"

    negative_slope: float = 0.2

    def value(self, x: Float64Array) -> Float64Array:
        return np.where(x >= 0, x, self.negative_slope * x)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return np.where(x >= 0, 1.0, self.negative_slope)


@word(frozen=True)
class Elu(Activation):
    """scale * x above 0, else scale * alpha * (exp(x / width) - 1).

    elu: scale = width = 1. celu: width = alpha. selu: :data:`SELU`.

    Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by
    exponential linear units", ICLR 2016.
    """

    name: ClassVar[str] = "elu"

    alpha: float = 1.0
    scale: float = 1.0
    width: float = 1.0

    def value(self, x: Float64Array) -> Float64Array:
        below = np.where(x > 0, 0.0, x) / self.width
        return np.where(x > 0, self.scale * x, self.scale * self.alpha * np.expm1(below))

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        below = np.where(x > 0, 0.0, x) / self.width
        steep = self.scale * self.alpha / self.width
        return np.where(x > 0, self.scale, steep * np.exp(below))


#: Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", NIPS 2017.
SELU = Elu(1.6732632423543772, 1.0507009873554805)


@word(frozen=True)
class Exponential(Activation):
    """y = exp(x)."""

    name: ClassVar[str] = "exponential"

    def value(self, x: Float64Array) -> Float64Array:
        return np.exp(x)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return y


@word(frozen=True)
class Tanh(Activation):
    """y = tanh(x)."""

    name: ClassVar[str] = "tanh"

    def value(self, x: Float64Array) -> Float64Array:
        return np.tanh(x)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return 1.0 - y * y


def _tanh_shrink_near_0(x: Float64Array) -> Float64Array:
    """x - tanh(x) for |x| <= 1, where the difference cancels: with the continued fraction
    tanh x = x / (1 + x^2 / (3 + x^2 / (5 + ...))) and v = 3 + x^2 / (5 + ...) it is
    x^3 / (v + x^2)."""
    square = x * x
    v = np.full_like(x, 21.0)
    for odd in range(19, 1, -2):
        v = odd + square / v
    result: Float64Array = x * square / (v + square)
    return result


@word(frozen=True)
class TanhShrink(Activation):
    """y = x - tanh(x)."""

    name: ClassVar[str] = "tanh_shrink"

    def value(self, x: Float64Array) -> Float64Array:
        near = np.abs(x) < 1
        return np.where(near, _tanh_shrink_near_0(np.where(near, x, 0.0)), x - np.tanh(x))

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        result: Float64Array = np.square(np.tanh(x))
        return result


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
class Softplus(Activation):
    """y = log(1 + exp(x))."""

    name: ClassVar[str] = "softplus"

    def value(self, x: Float64Array) -> Float64Array:
        result: Float64Array = np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))
        return result

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return sigmoid(x)


@word(frozen=True)
class LogSigmoid(Activation):
    """y = log(sigmoid(x)) = -softplus(-x)."""

    name: ClassVar[str] = "log_sigmoid"

    def value(self, x: Float64Array) -> Float64Array:
        return -Softplus().value(-x)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return sigmoid(-x)


@word(frozen=True)
class Silu(Activation):
    """y = x * sigmoid(x).

    Source: Ramachandran, Zoph, Le, "Searching for activation functions", arXiv:1710.05941.
    """

    name: ClassVar[str] = "silu"

    def value(self, x: Float64Array) -> Float64Array:
        return x * sigmoid(x)

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        return sigmoid(x) + x * Sigmoid().slope(x, y)


@word(frozen=True)
class Mish(Activation):
    """y = x * w, w = tanh(softplus(x)) = n / (n + 2) with n = e (e + 2), e = exp(x).

    Source: Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.
    """

    name: ClassVar[str] = "mish"

    def _factors(self, x: Float64Array) -> tuple[Float64Array, Float64Array]:
        """w and its derivative, 4 e (1 + e) / (n + 2)^2; above 0 all times exp(-2x), so that
        nothing overflows."""
        e = np.exp(-np.abs(x))
        n = np.where(x < 0, e * (e + 2.0), 1.0 + 2.0 * e)
        d = n + np.where(x < 0, 2.0, 2.0 * e * e)
        return n / d, 4.0 * np.where(x < 0, e, e * e) * (1.0 + e) / (d * d)

    def value(self, x: Float64Array) -> Float64Array:
        return x * self._factors(x)[0]

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        w, dw = self._factors(x)
        return w + x * dw


_erfc = np.frompyfunc(math.erfc, 1, 1)


@word(frozen=True)
class Gelu(Activation):
    """y = x * Phi(x), Phi the normal distribution; ``approximate``: x * (1 + tanh(u)) / 2 =
    x * sigmoid(2 u), u = sqrt(2 / pi) * (x + 0.044715 x^3).

    Source: Hendrycks, Gimpel, "Gaussian error linear units", arXiv:1606.08415.
    """

    name: ClassVar[str] = "gelu"

    approximate: bool = False

    def _factors(self, x: Float64Array) -> tuple[Float64Array, Float64Array]:
        """y / x and its derivative."""
        if self.approximate:
            # from |x| = 22 on the sigmoid is 0 or 1; an infinite u' would make its slope NaN
            bounded = np.clip(x, -64.0, 64.0)
            twice = 2.0 * math.sqrt(2.0 / math.pi)
            u = twice * (bounded + 0.044715 * bounded**3)
            du = twice * (1.0 + 3.0 * 0.044715 * bounded * bounded)
            return sigmoid(u), Sigmoid().slope(u, u) * du
        below = np.asarray(0.5 * _erfc(-x * math.sqrt(0.5)), np.float64)
        return below, np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)

    def value(self, x: Float64Array) -> Float64Array:
        return x * self._factors(x)[0]

    def slope(self, x: Float64Array, y: Float64Array) -> Float64Array:
        factor, derivative = self._factors(x)
        return factor + x * derivative
