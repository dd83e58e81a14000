"""Schedules by cosines."""

from __future__ import annotations

import math
from typing import ClassVar

from .. import _checks
from .schedule import Formula, above_0, power_of, rate_of, registry


@registry.register("CosineDecay")
class CosineDecay(Formula):
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
        self.initial_learning_rate = rate_of("initial_learning_rate", initial_learning_rate)
        self.decay_steps = above_0("decay_steps", decay_steps)
        self.alpha = _checks.number("alpha", alpha, 0.0)
        self.name = name
        self.warmup_target = (
            None if warmup_target is None else rate_of("warmup_target", warmup_target)
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
class CosineDecayRestarts(Formula):
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
        self.initial_learning_rate = rate_of("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = above_0("first_decay_steps", first_decay_steps)
        self._t_mul = float(above_0("t_mul", t_mul))
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
            length = power_of(t_mul, restart)
            done = (done - (1.0 - length) / (1.0 - t_mul)) / length
        cosine = 0.5 * power_of(self._m_mul, restart) * (1.0 + math.cos(math.pi * done))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)
