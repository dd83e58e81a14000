"""Constraints: where a parameter w has to be after each step."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .operation import Float64Array
from .word import Word, word


class Constraint(Word):
    """What a parameter may be."""

    #: The name in the catalog of the C engine.
    name: ClassVar[str]

    def project(self, w: Float64Array) -> Float64Array:
        """The parameter that takes the place of w, of its shape."""
        raise NotImplementedError


@word(frozen=True)
class NonNeg(Constraint):
    """max(w, 0)."""

    name: ClassVar[str] = "non_neg"

    def project(self, w: Float64Array) -> Float64Array:
        return np.maximum(w, 0.0)


#: What the option ``axis`` of :class:`Norm` says: squares are summed along axis 0, axis 1, or both.
BOTH_AXES = 2


@word(frozen=True)
class Norm(Constraint):
    """w * (d / (epsilon + n)): n = sqrt(sum w^2) along ``axis`` (0, 1, or 2 for both; a vector
    has axis 0), d = rate * min(max(n, min_value), max_value) + (1 - rate) * n; 0 / 0 is 0."""

    name: ClassVar[str] = "norm"

    min_value: float = 0.0
    max_value: float = 1.0
    rate: float = 1.0
    axis: int = 0
    epsilon: float = 1e-7

    def project(self, w: Float64Array) -> Float64Array:
        axis = None if self.axis == BOTH_AXES else self.axis
        norms = np.sqrt(np.square(w).sum(axis=axis, keepdims=True))
        inside = np.minimum(np.maximum(norms, self.min_value), self.max_value)
        desired = self.rate * inside + (1.0 - self.rate) * norms
        divisor = self.epsilon + norms
        factor = np.divide(desired, divisor, out=np.zeros_like(norms), where=divisor != 0.0)
        result: Float64Array = w * factor
        return result
