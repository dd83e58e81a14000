"""Optimizers that divide by what gradients have been so far."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .operation import Float64Array
from .optimizers import Optimizer, Shape, Slots
from .word import word


@word(frozen=True)
class Rmsprop(Optimizer):
    """Keras's RMSprop: v = rho v + (1 - rho) g^2; d = v, or centered a = rho a + (1 - rho) g and
    d = v - a^2; i = rate * g / sqrt(d + epsilon); w -= i, or with momentum m = momentum m + i
    and w -= m. Slots v, then m with momentum, then a if centered."""

    name: ClassVar[str] = "rmsprop"

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False

    @property
    def slots(self) -> int:
        return 1 + bool(self.momentum) + self.centered

    @property
    def still(self) -> bool:
        return self.epsilon > 0

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        v = self.rho * slots[0] + (1.0 - self.rho) * np.square(g)
        new, d = [v], v
        average: list[Float64Array] = []
        if self.centered:
            average = [self.rho * slots[-1] + (1.0 - self.rho) * g]
            d = v - np.square(average[0])
        step = rate * g / np.sqrt(d + self.epsilon)
        if self.momentum:
            step = self.momentum * slots[1] + step
            new.append(step)
        return w - step, new + average


@word(frozen=True)
class Adagrad(Optimizer):
    """Keras's Adagrad: a += g^2; w -= rate g / sqrt(a + epsilon). One slot, a, which the face
    starts at its initial value."""

    name: ClassVar[str] = "adagrad"

    epsilon: float = 1e-7

    @property
    def slots(self) -> int:
        return 1

    @property
    def still(self) -> bool:
        return self.epsilon > 0

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        a = slots[0] + np.square(g)
        return w - rate * g / np.sqrt(a + self.epsilon), [a]


@word(frozen=True)
class Adadelta(Optimizer):
    """Keras's Adadelta: a = rho a + (1 - rho) g^2; i = g sqrt(d + epsilon) / sqrt(a + epsilon);
    d = rho d + (1 - rho) i^2; w -= rate i. Slots a, d."""

    name: ClassVar[str] = "adadelta"

    rho: float = 0.95
    epsilon: float = 1e-7

    @property
    def slots(self) -> int:
        return 2

    @property
    def still(self) -> bool:
        return self.epsilon > 0

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        a = self.rho * slots[0] + (1.0 - self.rho) * np.square(g)
        step = g * np.sqrt(slots[1] + self.epsilon) / np.sqrt(a + self.epsilon)
        d = self.rho * slots[1] + (1.0 - self.rho) * np.square(step)
        return w - rate * step, [a, d]


@word(frozen=True)
class Ftrl(Optimizer):
    """Keras's Ftrl, with q(x) = x^-learning_rate_power and L = l1_regularization_strength:
    n = a + g^2; l += g + 2 l2_shrinkage_regularization_strength w - (q(n) - q(a)) / rate w;
    w = (clip(l, -L, L) - l) / (q(n) / rate + 2 l2_regularization_strength + beta / rate); a = n.
    Slots a, which the face starts at its initial value, and l."""

    name: ClassVar[str] = "ftrl"

    learning_rate_power: float = -0.5
    l1_regularization_strength: float = 0.0
    l2_regularization_strength: float = 0.0
    l2_shrinkage_regularization_strength: float = 0.0
    beta: float = 0.0

    @property
    def slots(self) -> int:
        return 2

    @property
    def still(self) -> bool:
        return False  # 0 / 0

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        a, linear = slots
        exponent, l1 = -self.learning_rate_power, self.l1_regularization_strength
        new = a + np.square(g)
        shrunk = g + 2.0 * self.l2_shrinkage_regularization_strength * w
        linear = linear + (shrunk - (new**exponent - a**exponent) / rate * w)
        l2 = self.l2_regularization_strength + self.beta / (2.0 * rate)
        quadratic = new**exponent / rate + 2.0 * l2
        return (np.clip(linear, -l1, l1) - linear) / quadratic, [new, linear]


@word(frozen=True)
class Adafactor(Optimizer):
    """Keras's Adafactor, with b = 1 - t^beta_2_decay and s = g^2 + epsilon_1. Of a matrix
    R = b R + (1 - b) (means of s along its rows), C likewise along its columns, and
    v = R C / mean(R); of a vector v = b v + (1 - b) s. With u = g / sqrt(v) and rms the root of
    the mean square over the whole parameter,
    w -= min(rate, 1 / sqrt(t)) max(epsilon_2, rms(w)) u / max(1, rms(u) / clip_threshold).
    Slots R and C of a matrix, then v."""

    name: ClassVar[str] = "adafactor"

    beta_2_decay: float = -0.8
    epsilon_1: float = 1e-30
    epsilon_2: float = 1e-3
    clip_threshold: float = 1.0

    @property
    def slots(self) -> int:
        return 1

    def slot_shapes(self, shape: Shape) -> list[Shape]:
        if len(shape) < 2:
            return [shape]
        return [shape[:-1], (*shape[:-2], shape[-1]), shape]

    @property
    def still(self) -> bool:
        return False

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        beta = 1.0 - float(t) ** self.beta_2_decay
        squares = np.square(g) + self.epsilon_1
        if w.ndim < 2:
            new = [beta * slots[0] + (1.0 - beta) * squares]
        else:
            rows = beta * slots[0] + (1.0 - beta) * squares.mean(axis=-1)
            columns = beta * slots[1] + (1.0 - beta) * squares.mean(axis=-2)
            relative = rows / rows.mean(axis=-1, keepdims=True)
            new = [rows, columns, relative[..., :, None] * columns[..., None, :]]
        u = g / np.sqrt(new[-1])
        alpha = np.maximum(self.epsilon_2, _rms(w)) * min(rate, 1.0 / np.sqrt(t))
        return w - alpha * (u / np.maximum(1.0, _rms(u) / self.clip_threshold)), new


def _rms(x: Float64Array) -> Float64Array:
    """The root of the mean square."""
    result: Float64Array = np.sqrt(np.mean(np.square(x)))
    return result
