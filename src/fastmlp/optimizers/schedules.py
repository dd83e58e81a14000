"""Schedules: the learning rate as a function of the number of steps done.

Everything is computed in float64, one step at a time by the C library's functions, so that a rate
does not depend on how many are asked for at once. (Keras's take the precision of its backend.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._configured import Configured
from .._registry import Registry, serialize
from ..tensor import Tensor, as_tensor


class LearningRateSchedule:
    """Base of the schedules. Yours overrides ``__call__(step)``, and ``get_config`` if it is to be
    saved; it goes where an optimizer takes its learning rate.

    Examples
    --------
    >>> import fastmlp
    >>> class Falling(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 / (step + 1)
    >>> optimizer = fastmlp.optimizers.SGD(Falling())
    >>> float(optimizer.learning_rate)
    0.1
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate of the step that follows ``step`` others."""
        raise NotImplementedError(f"{type(self).__name__} must override __call__(self, step)")

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as plain data."""
        raise NotImplementedError(
            f"{type(self).__name__} must override get_config() to be serialized"
        )

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Another with these constructor arguments."""
        return cls(**config)

    def rates(self, first: int, count: int) -> NDArray[np.float64]:
        """(count,) the rates of steps first, first + 1, ..."""
        steps = np.arange(first, first + count)
        return np.array([float(self(step.view(Tensor))) for step in map(np.asarray, steps)])


registry: Registry[LearningRateSchedule] = Registry("schedule", LearningRateSchedule)
deserialize = registry.deserialize


class _Formula(Configured, LearningRateSchedule):
    """A schedule that is a formula in floats."""

    name: str

    def _rate(self, step: float) -> float:
        raise NotImplementedError

    def __call__(self, step: Any) -> Tensor:
        return as_tensor(self._rate(float(step)))

    def rates(self, first: int, count: int) -> NDArray[np.float64]:
        if type(self).__call__ is not _Formula.__call__:  # somebody's own
            return super().rates(first, count)
        return np.array([self._rate(float(step)) for step in range(first, first + count)])


def _power(base: float, exponent: float) -> float:
    """base^exponent of a base of at least 0, infinite where it is too large."""
    try:
        return math.pow(base, exponent)
    except (OverflowError, ValueError):  # 0 to a negative power is the latter
        return math.inf


def _rate(name: str, value: Any) -> float:
    return _checks.number(name, value, 0.0)


def _above_0(name: str, value: Any) -> Any:
    """The number, an integer if it was one."""
    if _checks.number(name, value, 0.0) == 0.0:
        raise ValueError(f"{name} must be greater than 0. Received: {name}={value!r}")
    return value


@registry.register("ExponentialDecay")
class ExponentialDecay(_Formula):
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
        self.initial_learning_rate = _rate("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _above_0("decay_steps", decay_steps)
        self.decay_rate = _checks.number("decay_rate", decay_rate, 0.0)
        self.staircase = _checks.boolean("staircase", staircase)
        self.name = name

    def _rate(self, step: float) -> float:
        p: float = step / self.decay_steps
        p = math.floor(p) if self.staircase else p
        return self.initial_learning_rate * _power(self.decay_rate, p)


@registry.register("PiecewiseConstantDecay")
class PiecewiseConstantDecay(_Formula):
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
            _rate("values", value)
        numbers = [_checks.number("boundaries", b) for b in self.boundaries]
        if any(b >= following for b, following in pairwise(numbers)):
            raise ValueError(f"boundaries must ascend. Received: boundaries={boundaries!r}")
        self.name = name

    def _rate(self, step: float) -> float:
        return float(self.values[sum(step > boundary for boundary in self.boundaries)])


@registry.register("PolynomialDecay")
class PolynomialDecay(_Formula):
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
        self.initial_learning_rate = _rate("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _above_0("decay_steps", decay_steps)
        self.end_learning_rate = _rate("end_learning_rate", end_learning_rate)
        self.power = _checks.number("power", power, 0.0)
        self.cycle = _checks.boolean("cycle", cycle)
        self.name = name

    def _rate(self, step: float) -> float:
        decay_steps = float(self.decay_steps)
        if self.cycle:
            decay_steps *= math.ceil(step / self.decay_steps) if step else 1.0
        p = min(step, decay_steps) / decay_steps
        span = self.initial_learning_rate - self.end_learning_rate
        return span * _power(1.0 - p, self.power) + self.end_learning_rate


@registry.register("InverseTimeDecay")
class InverseTimeDecay(_Formula):
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
        self.initial_learning_rate = _rate("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _above_0("decay_steps", decay_steps)
        self.decay_rate = _checks.number("decay_rate", decay_rate, 0.0)
        self.staircase = _checks.boolean("staircase", staircase)
        self.name = name

    def _rate(self, step: float) -> float:
        p: float = step / self.decay_steps
        p = math.floor(p) if self.staircase else p
        return self.initial_learning_rate / (1.0 + self.decay_rate * p)


@registry.register("CosineDecay")
class CosineDecay(_Formula):
    """Half a cosine from a rate down to alpha times that rate in decay_steps steps; before, if
    ``warmup_target`` is given, a straight line up to it in warmup_steps steps.

    Parameters
    ----------
    initial_learning_rate : float
        Finite, not negative: where the cosine begins, or the line.
    decay_steps : int
        Positive.
    alpha : float
        Finite, not negative.
    name : str
        Not used.
    warmup_target : float, optional
        Where the cosine begins after a warmup.
    warmup_steps : int
        Not negative.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
    2017.

    Examples
    --------
    >>> schedule = CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4)
    >>> [float(schedule(step)) for step in (1, 4, 14)]
    [0.25, 1.0, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = _rate("initial_learning_rate", initial_learning_rate)
        self.decay_steps = _above_0("decay_steps", decay_steps)
        self.alpha = _checks.number("alpha", alpha, 0.0)
        self.name = name
        self.warmup_target = (
            None if warmup_target is None else _rate("warmup_target", warmup_target)
        )
        _checks.number("warmup_steps", warmup_steps, 0.0)
        self.warmup_steps = warmup_steps

    def _rate(self, step: float) -> float:
        top = self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return (self.warmup_target - top) * (step / self.warmup_steps) + top
            top, step = self.warmup_target, step - self.warmup_steps
        done = min(step, float(self.decay_steps)) / self.decay_steps
        cosine = 0.5 * (1.0 + math.cos(math.pi * done))
        return top * ((1.0 - self.alpha) * cosine + self.alpha)


@registry.register("CosineDecayRestarts")
class CosineDecayRestarts(_Formula):
    """Half cosines one behind the other: the first of first_decay_steps steps from
    initial_learning_rate, each t_mul times as long and m_mul times as high as the one before; all
    end at alpha times the initial rate.

    Parameters
    ----------
    initial_learning_rate, m_mul, alpha : float
        Finite, not negative.
    first_decay_steps : int
        Positive.
    t_mul : float
        Positive.
    name : str
        Not used.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR
    2017. With t_mul below 1 the lengths have a finite sum; the rate behind it is NaN.

    Examples
    --------
    >>> schedule = CosineDecayRestarts(1.0, 4, m_mul=0.5)
    >>> [float(schedule(step)) for step in (0, 2, 4, 12)]
    [1.0, 0.5, 0.5, 0.25]
    """

    _kept_as: ClassVar = {"t_mul": "_t_mul", "m_mul": "_m_mul"}

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = _rate("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = _above_0("first_decay_steps", first_decay_steps)
        self._t_mul = float(_above_0("t_mul", t_mul))
        self._m_mul = _checks.number("m_mul", m_mul, 0.0)
        self.alpha = _checks.number("alpha", alpha, 0.0)
        self.name = name

    def _rate(self, step: float) -> float:
        done, t_mul = step / self.first_decay_steps, self._t_mul
        if t_mul == 1.0:
            restart = math.floor(done)
            done -= restart
        else:
            reached = 1.0 - done * (1.0 - t_mul)
            if reached <= 0.0:
                return math.nan
            restart = math.floor(math.log(reached) / math.log(t_mul))
            length = _power(t_mul, restart)
            done = (done - (1.0 - length) / (1.0 - t_mul)) / length
        cosine = 0.5 * _power(self._m_mul, restart) * (1.0 + math.cos(math.pi * done))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)


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
