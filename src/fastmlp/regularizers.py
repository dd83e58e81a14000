"""Regularizers: penalties of large weights, added to the loss while training and evaluating."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from . import _checks, engine
from ._configured import Configured
from ._registry import Registry, serialize
from .config import epsilon
from .tensor import Tensor, as_tensor


class Regularizer(Configured):
    """Base of the regularizers: ``regularizer(w)`` is the penalty of a weight w, a scalar.

    One of one's own implements ``__call__``; a plain function of w does as well.

    Examples
    --------
    >>> float(L2(0.5)([1.0, 2.0]))
    2.5
    """

    #: How many axes a weight must have, if not any number.
    rank: ClassVar[int | None] = None

    def __call__(self, w: Any) -> Tensor:
        word = self.lower()
        if word is None:
            return as_tensor(0.0)
        weight = np.asarray(_checks.real_array("w", w), np.float64)
        self.check(weight.shape)
        return as_tensor(word.penalty(weight))

    def lower(self) -> engine.Regularizer | None:
        """The regularizer in the engine's words, or None if it has none."""
        return None

    def check(self, shape: tuple[int, ...]) -> None:
        """ValueError if a weight of that shape cannot have this regularizer."""
        if self.rank is not None and len(shape) != self.rank:
            raise ValueError(
                f"{type(self).__name__} is for weights with {self.rank} axes. "
                f"Received: a weight of shape {shape}"
            )


_registry: Registry[Regularizer] = Registry("regularizer", Regularizer, "keras.regularizers")
register = _registry.register
deserialize = _registry.deserialize


@register("l1")
class L1(Regularizer):
    """l1 * sum |w|.

    Parameters
    ----------
    l1 : float
        Finite, not negative.

    Raises
    ------
    ValueError
        If l1 is not as described.

    Examples
    --------
    >>> float(L1(0.5)([1.0, -2.0]))
    1.5
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = 0.01 if l1 is None else _checks.number("l1", l1, 0.0)

    def lower(self) -> engine.Regularizer:
        return engine.L1L2(l1=self.l1)


@register("l2")
class L2(Regularizer):
    """l2 * sum w^2.

    Parameters
    ----------
    l2 : float
        Finite, not negative.

    Raises
    ------
    ValueError
        If l2 is not as described.

    Examples
    --------
    >>> float(L2(0.5)([1.0, -2.0]))
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = 0.01 if l2 is None else _checks.number("l2", l2, 0.0)

    def lower(self) -> engine.Regularizer:
        return engine.L1L2(l2=self.l2)


@register("l1_l2")
class L1L2(Regularizer):
    """l1 * sum |w| + l2 * sum w^2; both factors are 0 by default, as in Keras.

    Parameters
    ----------
    l1, l2 : float
        Finite, not negative.

    Raises
    ------
    ValueError
        If one is not as described.

    Examples
    --------
    >>> float(L1L2(0.5, 0.1)([1.0, -2.0]))
    2.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = 0.0 if l1 is None else _checks.number("l1", l1, 0.0)
        self.l2 = 0.0 if l2 is None else _checks.number("l2", l2, 0.0)

    def lower(self) -> engine.Regularizer:
        return engine.L1L2(self.l1, self.l2)


@register("orthogonal_regularizer")
class OrthogonalRegularizer(Regularizer):
    """factor times the mean |cosine| of the angles between the rows of a matrix, or its columns.

    Parameters
    ----------
    factor : float
        Finite, not negative.
    mode : {"rows", "columns"}
        What should become orthogonal to each other; at least two of them.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> round(float(OrthogonalRegularizer(0.5)([[1.0, 0.0], [3.0, 4.0]])), 4)
    0.3
    """

    rank = 2

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _checks.number("factor", factor, 0.0)
        if mode not in ("rows", "columns"):
            raise ValueError(f'mode must be "rows" or "columns". Received: mode={mode!r}')
        self.mode = mode

    def lower(self) -> engine.Regularizer:
        return engine.Orthogonal(self.factor, self.mode == "columns", epsilon())

    def check(self, shape: tuple[int, ...]) -> None:
        super().check(shape)
        count = shape[self.mode == "columns"]
        if count < 2:  # Keras divides by the number of pairs, 0
            raise ValueError(
                f"OrthogonalRegularizer needs at least two {self.mode}. "
                f"Received: a weight of shape {shape}"
            )


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def get(identifier: Any) -> Regularizer | Callable[[Any], Any] | None:
    """A regularizer from an instance, a name ("l2", "L2"), a configuration or a function of the
    weight; None stays None.

    Raises
    ------
    ValueError, TypeError
        If it is none of these.

    Examples
    --------
    >>> get("l2")
    L2(l2=0.01)
    """
    if identifier is None or (callable(identifier) and not isinstance(identifier, type)):
        return identifier
    return _registry.get(identifier)


def elementwise(name: str, identifier: Any) -> engine.L1L2 | None:
    """The word of a regularizer that works element by element, from what :func:`get` takes.

    Raises
    ------
    ValueError
        If it is another.
    """
    regularizer = get(identifier)
    if regularizer is None:
        return None
    word = regularizer.lower() if isinstance(regularizer, Regularizer) else None
    if not isinstance(word, engine.L1L2) or written_in_python(regularizer):
        raise ValueError(
            f"{name} must be L1, L2 or L1L2 in fastmlp: engines know no others of outputs. "
            f"Received: {name}={identifier!r}"
        )
    return word


def written_in_python(regularizer: Any) -> bool:
    """Whether it is a function, or a class that computes its penalty itself."""
    return (
        not isinstance(regularizer, Regularizer)
        or type(regularizer).__call__ is not Regularizer.__call__
    )


__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]
