"""Constraints: what weights are brought back to after each training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import _checks, engine
from ._configured import Configured
from ._registry import Registry, serialize
from .config import epsilon
from .tensor import Tensor, as_tensor


class Constraint(Configured):
    """Base of the constraints: ``constraint(w)`` is the weight that takes the place of w.

    One of one's own implements ``__call__``; a plain function of w does as well.

    Examples
    --------
    >>> NonNeg()([1.0, -2.0])
    Tensor([1., 0.])
    """

    def __call__(self, w: Any) -> Tensor:
        weight = np.asarray(_checks.real_array("w", w), np.float64)
        word = self.lower(weight.ndim)
        return as_tensor(weight if word is None else word.project(weight))

    def lower(self, rank: int) -> engine.Constraint | None:
        """The constraint of a weight with so many axes in the engine's words, or None if it has
        none."""
        return None


_registry: Registry[Constraint] = Registry("constraint", Constraint, "keras.constraints")
register = _registry.register
deserialize = _registry.deserialize


@register("non_neg")
class NonNeg(Constraint):
    """max(w, 0).

    Examples
    --------
    >>> NonNeg()([1.0, -2.0])
    Tensor([1., 0.])
    """

    def lower(self, rank: int) -> engine.Constraint:
        return engine.NonNeg()


class OfNorms(Constraint):
    """Common part of those that look at norms along ``axis``."""

    axis: Any

    def _axis(self, rank: int) -> int:
        """0, 1, or 2 for all axes of a weight that has several."""
        axes = range(rank) if self.axis is None else np.atleast_1d(self.axis).tolist()
        if any(not -rank <= axis < rank for axis in axes):
            raise ValueError(
                f"axis must name axes of the weight. Received: axis={self.axis!r} for a weight "
                f"with {rank} axes"
            )
        summed = {axis % rank for axis in axes}
        if len(summed) == rank:
            return 2 if rank > 1 else 0
        if rank > 2:
            raise ValueError(
                "axis must name all axes of a weight with more than two. "
                f"Received: axis={self.axis!r} for a weight with {rank} axes"
            )
        return int(summed.pop())


def _axes(axis: Any) -> Any:
    """An axis, several, or None for all, as given; ValueError if it is something else."""
    if axis is None:
        return None
    if isinstance(axis, (list, tuple)) and axis:
        return [_checks.integer("axis", a, -32, 31) for a in axis]
    return _checks.integer("axis", axis, -32, 31)


@register("max_norm")
class MaxNorm(OfNorms):
    """w * min(n, max_value) / (epsilon + n), n the Euclidean norms of w along ``axis``.

    Parameters
    ----------
    max_value : float
        Finite, not negative.
    axis : int, list of int or None
        Along which axes squares are summed; None: all. 0 of a kernel (inputs, units): the
        weights into each unit.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> MaxNorm(1.0)([[3.0], [4.0]]).round(3).tolist()
    [[0.6], [0.8]]
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value = _checks.number("max_value", max_value, 0.0)
        self.axis = _axes(axis)

    def lower(self, rank: int) -> engine.Constraint:
        return engine.Norm(0.0, self.max_value, 1.0, self._axis(rank), epsilon())


@register("unit_norm")
class UnitNorm(OfNorms):
    """w / (epsilon + n), n the Euclidean norms of w along ``axis``.

    Parameters
    ----------
    axis : int, list of int or None
        As of :class:`MaxNorm`.

    Raises
    ------
    ValueError
        If axis is not as described.

    Examples
    --------
    >>> UnitNorm()([[3.0], [4.0]]).round(3).tolist()
    [[0.6], [0.8]]
    """

    def __init__(self, axis: Any = 0) -> None:
        self.axis = _axes(axis)

    def lower(self, rank: int) -> engine.Constraint:
        return engine.Norm(1.0, 1.0, 1.0, self._axis(rank), epsilon())


@register("min_max_norm")
class MinMaxNorm(OfNorms):
    """w * d / (epsilon + n), n the Euclidean norms of w along ``axis`` and
    d = rate * min(max(n, min_value), max_value) + (1 - rate) * n.

    Parameters
    ----------
    min_value, max_value : float
        Finite, not negative.
    rate : float
        How far a step goes towards the bounds, finite; 1: into them.
    axis : int, list of int or None
        As of :class:`MaxNorm`.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> MinMaxNorm(10.0, 20.0, rate=0.5)([[3.0], [4.0]]).round(3).tolist()
    [[4.5], [6.0]]
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Any = 0,
    ) -> None:
        self.min_value = _checks.number("min_value", min_value, 0.0)
        self.max_value = _checks.number("max_value", max_value, 0.0)
        self.rate = _checks.number("rate", rate)
        self.axis = _axes(axis)

    def lower(self, rank: int) -> engine.Constraint:
        return engine.Norm(self.min_value, self.max_value, self.rate, self._axis(rank), epsilon())


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm


def get(identifier: Any) -> Constraint | Callable[[Any], Any] | None:
    """A constraint from an instance, a name ("non_neg", "NonNeg"), a configuration or a function
    of the weight; None stays None.

    Raises
    ------
    ValueError, TypeError
        If it is none of these.

    Examples
    --------
    >>> get("max_norm")
    MaxNorm(max_value=2.0, axis=0)
    """
    if identifier is None or (callable(identifier) and not isinstance(identifier, type)):
        return identifier
    return _registry.get(identifier)


def written_in_python(constraint: Any) -> bool:
    """Whether it is a function, or a class that projects by itself."""
    return (
        not isinstance(constraint, Constraint)
        or type(constraint).__call__ is not Constraint.__call__
    )


__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]
