"""The base of the schedules, yours and those that are a formula."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._configured import Configured
from .._registry import Registry
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


registry: Registry[LearningRateSchedule] = Registry(
    "schedule", LearningRateSchedule, "keras.optimizers.schedules"
)


class Formula(Configured, LearningRateSchedule):
    """A schedule that is a formula in floats."""

    name: str

    def _rate(self, step: float) -> float:
        raise NotImplementedError

    def __call__(self, step: Any) -> Tensor:
        return as_tensor(self._rate(float(step)))

    def rates(self, first: int, count: int) -> NDArray[np.float64]:
        if type(self).__call__ is not Formula.__call__:  # somebody's own
            return super().rates(first, count)
        return np.array([self._rate(float(step)) for step in range(first, first + count)])


def power_of(base: float, exponent: float) -> float:
    """base^exponent of a base of at least 0, infinite where it is too large."""
    try:
        return math.pow(base, exponent)
    except (OverflowError, ValueError):  # 0 to a negative power is the latter
        return math.inf


def rate_of(name: str, value: Any) -> float:
    return _checks.number(name, value, 0.0)


def above_0(name: str, value: Any) -> Any:
    """The number, an integer if it was one."""
    if _checks.number(name, value, 0.0) == 0.0:
        raise ValueError(f"{name} must be greater than 0. Received: {name}={value!r}")
    return value
