"""Schedules: the learning rate as a function of the number of steps done.

Everything is computed in float64, one step at a time by the C library's functions, so that a rate
does not depend on how many are asked for at once. (Keras's take the precision of its backend.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from .. import _checks
from .._registry import serialize
from .cosine import CosineDecay, CosineDecayRestarts
from .schedule import Formula, LearningRateSchedule, above_0, power_of, rate_of, registry

deserialize = registry.deserialize


@registry.register("ExponentialDecay")
class ExponentialDecay(Formula):
    """initial_learning_rate decay_rate^(step / decay_steps).

    Parameters
    ----------
    initial_learning_rate, decay_rate : float
        Finite, not negative.
    decay_steps : int
        Positive.
    staircase : bool
        Whether step / decay_steps is rounded down.
    name : str
        Not used.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> float(ExponentialDecay(0.5, 10, 0.25)(5))
    0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = rate_of("initial_learning_rate", initial_learning_rate)
        self.decay_steps = above_0("decay_steps", decay_steps)
        self.decay_rate = _checks.number("decay_rate", decay_rate, 0.0)
        self.staircase = _checks.boolean("staircase", staircase)
        self.name = name

    def _rate(self, step: float) -> float:
        p: float = step / self.decay_steps
        p = math.floor(p) if self.staircase else p
        return self.initial_learning_rate * power_of(self.decay_rate, p)


@registry.register("PiecewiseConstantDecay")
class PiecewiseConstantDecay(Formula):
    """values[i], where boundaries[i - 1] < step <= boundaries[i].

    Parameters
    ----------
    boundaries : sequence of float
        Ascending.
    values : sequence of float
        One more than boundaries.
    name : str
        Not used.

    Raises
    ------
    ValueError
        If there is not one value more than boundaries, or these do not ascend.

    Examples
    --------
    >>> schedule = PiecewiseConstantDecay([10, 20], [0.5, 0.25, 0.125])
    >>> [float(schedule(step)) for step in (10, 11, 21)]
    [0.5, 0.25, 0.125]
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "boundaries must have one element less than values. Received: "
                f"{len(boundaries)} boundaries {boundaries!r}, {len(values)} values {values!r}"
            )
        self.boundaries, self.values = list(boundaries), list(values)
        for value in self.values:
            rate_of("values", value)
        numbers = [_checks.number("boundaries", b) for b in self.boundaries]
        if any(b >= following for b, following in pairwise(numbers)):
            raise ValueError(f"boundaries must ascend. Received: boundaries={boundaries!r}")
        self.name = name

    def _rate(self, step: float) -> float:
        return float(self.values[sum(step > boundary for boundary in self.boundaries)])


@registry.register("PolynomialDecay")
class PolynomialDecay(Formula):
    """(initial_learning_rate - end_learning_rate) (1 - step / decay_steps)^power +
    end_learning_rate, with step at most decay_steps.

    Parameters
    ----------
    initial_learning_rate, end_learning_rate, power : float
        Finite, not negative.
    decay_steps : int
        Positive.
    cycle : bool
        Whether, instead of step being bounded, decay_steps is its first multiple that is not
        below step.
    name : str
        Not used.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> float(PolynomialDecay(1.0, 10, 0.5)(5))
    0.75
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = rate_of("initial_learning_rate", initial_learning_rate)
        self.decay_steps = above_0("decay_steps", decay_steps)
        self.end_learning_rate = rate_of("end_learning_rate", end_learning_rate)
        self.power = _checks.number("power", power, 0.0)
        self.cycle = _checks.boolean("cycle", cycle)
        self.name = name

    def _rate(self, step: float) -> float:
        decay_steps = float(self.decay_steps)
        if self.cycle:
            decay_steps *= math.ceil(step / self.decay_steps) if step else 1.0
        p = min(step, decay_steps) / decay_steps
        span = self.initial_learning_rate - self.end_learning_rate
        return span * power_of(1.0 - p, self.power) + self.end_learning_rate


@registry.register("InverseTimeDecay")
class InverseTimeDecay(Formula):
    """initial_learning_rate / (1 + decay_rate step / decay_steps).

    Parameters
    ----------
    initial_learning_rate, decay_rate : float
        Finite, not negative.
    decay_steps : int
        Positive.
    staircase : bool
        Whether step / decay_steps is rounded down.
    name : str
        Not used.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> float(InverseTimeDecay(1.0, 10, 2.0)(5))
    0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = rate_of("initial_learning_rate", initial_learning_rate)
        self.decay_steps = above_0("decay_steps", decay_steps)
        self.decay_rate = _checks.number("decay_rate", decay_rate, 0.0)
        self.staircase = _checks.boolean("staircase", staircase)
        self.name = name

    def _rate(self, step: float) -> float:
        p: float = step / self.decay_steps
        p = math.floor(p) if self.staircase else p
        return self.initial_learning_rate / (1.0 + self.decay_rate * p)


__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]
