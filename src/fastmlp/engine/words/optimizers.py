"""Optimizers: a parameter w and its slots after a step, from the gradient g."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .operation import Float64Array
from .word import Word, word

# A moment whose gradient stays zero shrinks until it is subnormal, where arithmetic is several
# times slower, and then rounds to itself for ever. So at every SETTLING_STEPS-th step t, after
# the update, slots smaller in magnitude than SMALLEST_MOMENT become 0. (Keras's backends flush
# subnormals to zero for the same reason.)
SETTLING_STEPS = 256
SMALLEST_MOMENT = 2.0**-960


def settled(slots: list[Float64Array], t: int) -> list[Float64Array]:
    """Slots after step t; see SETTLING_STEPS."""
    if t % SETTLING_STEPS != 0:
        return slots
    return [np.where(np.abs(slot) < SMALLEST_MOMENT, 0.0, slot) for slot in slots]


class Optimizer(Word):
    """How a gradient changes a parameter."""

    #: The name in the catalog of the C engine.
    name: ClassVar[str]

    @property
    def slots(self) -> int:
        """Number of arrays kept for each parameter, of its shape, zero at first."""
        raise NotImplementedError

    @property
    def still(self) -> bool:
        """Whether a zero gradient changes nothing while the slots are zero, so that parameters
        of inputs that have always been zero need no update."""
        raise NotImplementedError

    def apply(
        self,
        w: Float64Array,
        g: Float64Array,
        slots: list[Float64Array],
        rate: float,
        t: int,
    ) -> tuple[Float64Array, list[Float64Array]]:
        """w and slots after step t = iterations + 1 with the learning rate ``rate``."""
        raise NotImplementedError


@word(frozen=True)
class Adam(Optimizer):
    """Keras's Adam, alpha = rate * sqrt(1 - beta_2^t) / (1 - beta_1^t):
    m += (g - m) * (1 - beta_1); v += (g*g - v) * (1 - beta_2);
    w -= m * alpha / (sqrt(v) + epsilon). Two slots: m, v."""

    name: ClassVar[str] = "adam"

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    @property
    def slots(self) -> int:
        return 2

    @property
    def still(self) -> bool:
        return self.epsilon > 0  # else 0 / 0

    def apply(
        self,
        w: Float64Array,
        g: Float64Array,
        slots: list[Float64Array],
        rate: float,
        t: int,
    ) -> tuple[Float64Array, list[Float64Array]]:
        m, v = slots
        alpha = rate * np.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)
        m = m + (g - m) * (1.0 - self.beta_1)
        v = v + (g * g - v) * (1.0 - self.beta_2)
        return w - m * alpha / (np.sqrt(v) + self.epsilon), [m, v]


@word(frozen=True)
class Sgd(Optimizer):
    """Keras's SGD. momentum 0: w -= rate * g, no slot. Otherwise one slot m:
    m = momentum * m - rate * g; w += m, or with nesterov w += momentum * m - rate * g."""

    name: ClassVar[str] = "sgd"

    momentum: float = 0.0
    nesterov: bool = False

    @property
    def slots(self) -> int:
        return 1 if self.momentum else 0

    @property
    def still(self) -> bool:
        return True

    def apply(
        self,
        w: Float64Array,
        g: Float64Array,
        slots: list[Float64Array],
        rate: float,
        t: int,
    ) -> tuple[Float64Array, list[Float64Array]]:
        if not self.momentum:
            return w - rate * g, []
        m = self.momentum * slots[0] - rate * g
        if self.nesterov:
            return w + (self.momentum * m - rate * g), [m]
        return w + m, [m]


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
        self,
        w: Float64Array,
        g: Float64Array,
        slots: list[Float64Array],
        rate: float,
        t: int,
    ) -> tuple[Float64Array, list[Float64Array]]:
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
class Clip(Word):
    """What is done to gradients before they are applied; at most one is set.

    clipnorm: each parameter's gradient to this Euclidean norm, g * clipnorm / norm where its
    norm is larger. clipvalue: each element to [-clipvalue, clipvalue]. global_clipnorm: as
    clipnorm, with the norm of all gradients together. As in Keras, a gradient whose norm is NaN
    becomes NaN, and so do all whose common norm is NaN or infinite.
    """

    clipnorm: float | None = None
    clipvalue: float | None = None
    global_clipnorm: float | None = None

    def __call__(self, gradients: dict[int, Float64Array]) -> dict[int, Float64Array]:
        """The clipped gradients, each by its parameter's index."""
        if self.clipvalue is not None:
            limit = self.clipvalue
            return {i: np.clip(g, -limit, limit) for i, g in gradients.items()}
        if self.clipnorm is not None:
            return {i: g * _factor(self.clipnorm, _norm([g])) for i, g in gradients.items()}
        if self.global_clipnorm is not None:
            norm = _norm([gradients[i] for i in sorted(gradients)])
            factor = _factor(self.global_clipnorm, norm) if np.isfinite(norm) else np.nan
            return {i: g * factor for i, g in gradients.items()}
        return gradients


def _norm(gradients: list[Float64Array]) -> float:
    """The Euclidean norm of all gradients together."""
    return float(np.sqrt(sum(np.square(g).sum() for g in gradients)))


def _factor(limit: float, norm: float) -> float:
    """What makes a norm at most ``limit``."""
    return 1.0 if norm <= limit else limit / norm
