"""Optimizers of Adam's kin: running means of gradients and of their squares or sizes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .operation import Float64Array
from .optimizers import Adam, Optimizer, Slots
from .word import word


@word(frozen=True)
class Amsgrad(Adam):
    """Adam with the largest v so far in place of v. Slots m, v, that largest."""

    name: ClassVar[str] = "amsgrad"

    @property
    def slots(self) -> int:
        return 3

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        m, v = self._moments(g, slots)
        largest = np.maximum(slots[2], v)
        alpha = rate * np.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)
        return w - m * alpha / (np.sqrt(largest) + self.epsilon), [m, v, largest]


@word(frozen=True)
class Nadam(Adam):
    """Keras's Nadam: m and v as Adam's; b(t) = beta_1 (1 - 0.96^t / 2), p(t) = b(1) ... b(t);
    w -= rate (b(t + 1) m / (1 - p(t + 1)) + (1 - b(t)) g / (1 - p(t)))
    / (sqrt(v / (1 - beta_2^t)) + epsilon). Slots m, v."""

    name: ClassVar[str] = "nadam"

    def product(self, t: int) -> float:
        """p(t). From 0.96^900 < 2^-52 on the factors of 1 - 0.96^t / 2 are 1."""
        factors = 1.0 - 0.5 * 0.96 ** np.arange(1, min(t, 900) + 1)
        return float(np.prod(factors) * self.beta_1**t)

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        m, v = self._moments(g, slots)
        now, following = (self.beta_1 * (1.0 - 0.5 * 0.96**i) for i in (t, t + 1))
        product = self.product(t)
        ahead = following * m / (1.0 - product * following) + (1.0 - now) * g / (1.0 - product)
        root = np.sqrt(v / (1.0 - self.beta_2**t))
        return w - rate * ahead / (root + self.epsilon), [m, v]


@word(frozen=True)
class Adamax(Adam):
    """Keras's Adamax: m as Adam's; u = max(beta_2 u, |g|);
    w -= rate m / ((1 - beta_1^t) (u + epsilon)). Slots m, u."""

    name: ClassVar[str] = "adamax"

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        m = slots[0] + (g - slots[0]) * (1.0 - self.beta_1)
        u = np.maximum(self.beta_2 * slots[1], np.abs(g))
        return w - rate * m / ((1.0 - self.beta_1**t) * (u + self.epsilon)), [m, u]


@word(frozen=True)
class Lamb(Adam):
    """Keras's Lamb: m and v as Adam's; u = (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) +
    epsilon); w -= rate u |w| / |u|, norms over the whole parameter, rate u where one is 0.
    Slots m, v."""

    name: ClassVar[str] = "lamb"

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        m, v = self._moments(g, slots)
        root = np.sqrt(v / (1.0 - self.beta_2**t))
        u = m / (1.0 - self.beta_1**t) / (root + self.epsilon)
        w_norm, u_norm = np.sqrt(np.square(w).sum()), np.sqrt(np.square(u).sum())
        ratio = w_norm / u_norm if w_norm > 0 and u_norm > 0 else 1.0
        return w - ratio * rate * u, [m, v]


@word(frozen=True)
class ScheduleFreeAdamw(Optimizer):
    """Keras's schedule-free AdamW: s = rate min(t / warmup_steps, 1); v as Adam's;
    x = (w - (1 - beta_1) z) / beta_1; z -= s g / (sqrt(v / (1 - beta_2^t)) + epsilon);
    x += (z - x) / t; w = (1 - beta_1) z + beta_1 x. Slots z, which starts at w, and v."""

    name: ClassVar[str] = "schedule_free_adamw"

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    warmup_steps: float = 0.0

    @property
    def slots(self) -> int:
        return 2

    @property
    def still(self) -> bool:
        return False  # w follows z

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        z, v = slots
        if t < self.warmup_steps:
            rate = rate * (t / self.warmup_steps)
        v = v + (g * g - v) * (1.0 - self.beta_2)
        x = (w - (1.0 - self.beta_1) * z) / self.beta_1
        z = z - rate * g / (np.sqrt(v / (1.0 - self.beta_2**t)) + self.epsilon)
        x = (1.0 - 1.0 / t) * x + z / t
        return (1.0 - self.beta_1) * z + self.beta_1 * x, [z, v]


@word(frozen=True)
class Lion(Optimizer):
    """Keras's Lion: w -= rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g.
    One slot, m."""

    name: ClassVar[str] = "lion"

    beta_1: float = 0.9
    beta_2: float = 0.99

    @property
    def slots(self) -> int:
        return 1

    @property
    def still(self) -> bool:
        return True

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        m = slots[0]
        direction = np.sign(m * self.beta_1 + g * (1.0 - self.beta_1))
        return w - rate * direction, [m * self.beta_2 + g * (1.0 - self.beta_2)]
