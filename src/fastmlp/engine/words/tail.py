"""What surrounds the step of every optimizer: gathered and clipped gradients, decay of the
weights, running averages of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .operation import Float64Array
from .optimizers import Optimizer, Shape, Slots, settled
from .word import Word, word


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


@word(frozen=True)
class Average(Word):
    """A running average of each trained parameter w, moved after every step, a = momentum a +
    (1 - momentum) w, and a = w until the first update is finished. With ``every`` above 0 it
    overwrites w after that many updates, always."""

    momentum: float = 0.99
    every: int = 0


@word(frozen=True)
class Tail(Word):
    """All that surrounds an optimizer's formula but clips, in the order in which it happens.

    accumulate: above 1, only every so many steps is an update, with the mean of their gradients,
    which is then clipped, and the optimizer's t counts updates. weight_decay: before an update,
    w -= w weight_decay rate, but for the parameters ``exempt``. average: see there.

    Slots: the optimizer's, then the sum of gradients if they accumulate, then the average if
    there is one.
    """

    weight_decay: float = 0.0
    exempt: tuple[int, ...] = ()
    accumulate: int = 1
    average: Average | None = None

    def slot_shapes(self, optimizer: Optimizer, shape: Shape) -> list[Shape]:
        """Shapes of all arrays kept for a parameter of that shape."""
        extra = (self.accumulate > 1) + (self.average is not None)
        return [*optimizer.slot_shapes(shape), *[shape] * extra]

    def step(
        self,
        optimizer: Optimizer,
        clip: Clip,
        parameters: list[Float64Array],
        slots: list[Slots],
        gradients: dict[int, Float64Array],
        rate: float,
        iterations: int,
        idle: Iterable[int] = (),
    ) -> tuple[list[Float64Array], list[Slots]]:
        """Parameters and slots after a step that follows ``iterations`` others, from gradients by
        the parameters' indices. What has none is left alone, but that the averages of those that
        are ``idle`` move, too."""
        updates = iterations // self.accumulate
        new_parameters, new_slots = list(parameters), [list(kept) for kept in slots]
        last = (iterations + 1) % self.accumulate == 0
        if self.accumulate > 1:
            place = -1 if self.average is None else -2
            sums = {i: g + slots[i][place] for i, g in gradients.items()}
            for i, total in sums.items():
                new_slots[i][place] = np.zeros_like(total) if last else total
            gradients = {i: total / self.accumulate for i, total in sums.items()}
        for i, g in clip(gradients).items() if last else ():
            own = len(optimizer.slot_shapes(g.shape))
            w = parameters[i]
            if self.weight_decay and i not in self.exempt:
                w = w - w * self.weight_decay * rate
            new_parameters[i], new_slots[i][:own] = optimizer.apply(
                w, g, slots[i][:own], rate, updates + 1
            )
        for i in (*gradients, *idle):
            own = len(optimizer.slot_shapes(parameters[i].shape))
            if self.average is not None:
                momentum = self.average.momentum if updates else 0.0
                average = momentum * slots[i][-1] + (1.0 - momentum) * new_parameters[i]
                new_slots[i][-1] = average
                if self.average.every and (updates + 1) % self.average.every == 0:
                    new_parameters[i] = average
            new_slots[i][:own] = settled(new_slots[i][:own], iterations + 1)
        return new_parameters, new_slots
