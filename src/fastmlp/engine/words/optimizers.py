"""Optimizers: a parameter w and its slots after a step, from the gradient g. Here the base and
those that fastmlp has fused kernels for; the others are in :mod:`.adams` and :mod:`.adaptive`."""

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

Shape = tuple[int, ...]
Slots = list[Float64Array]


def settled(slots: Slots, t: int) -> Slots:
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

    def slot_shapes(self, shape: Shape) -> list[Shape]:
        """Shapes of all arrays kept for a parameter of that shape, in order."""
        return [shape] * self.slots

    @property
    def still(self) -> bool:
        """Whether a zero gradient changes nothing while the slots are zero, so that parameters
        of inputs that have always been zero need no update."""
        raise NotImplementedError

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        """w and slots after update t, counted from 1, with the learning rate ``rate``."""
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

    def _moments(self, g: Float64Array, slots: Slots) -> Slots:
        """m and v after the gradient g."""
        m, v = slots[:2]
        return [m + (g - m) * (1.0 - self.beta_1), v + (g * g - v) * (1.0 - self.beta_2)]

    def apply(
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        m, v = self._moments(g, slots)
        alpha = rate * np.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)
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
        self, w: Float64Array, g: Float64Array, slots: Slots, rate: float, t: int
    ) -> tuple[Float64Array, Slots]:
        if not self.momentum:
            return w - rate * g, []
        m = self.momentum * slots[0] - rate * g
        if self.nesterov:
            return w + (self.momentum * m - rate * g), [m]
        return w + m, [m]
