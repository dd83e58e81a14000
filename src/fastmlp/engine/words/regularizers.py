"""Regularizers: a penalty of a parameter w, which is added to the loss, and its slope, which is
added to the gradient before that is clipped and applied."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .operation import Context, Float64Array, Operation
from .word import Word, word


class Regularizer(Word):
    """How large weights cost."""

    #: The name in the catalog of the C engine.
    name: ClassVar[str]

    def penalty(self, w: Float64Array) -> float:
        """What w adds to the loss."""
        raise NotImplementedError

    def slope(self, w: Float64Array) -> Float64Array:
        """d penalty / d w, of the shape of w."""
        raise NotImplementedError


def slope_of_abs(x: Float64Array) -> Float64Array:
    """-1 where x < 0, else 1: of the slopes that |x| has at 0, JAX's."""
    result: Float64Array = np.where(x >= 0.0, 1.0, np.sign(x))
    return result


@word(frozen=True)
class L1L2(Regularizer):
    """l1 * sum |w| + l2 * sum w^2; slope l1 * s + 2 * l2 * w, s = -1 where w < 0,
    else 1."""

    name: ClassVar[str] = "l1_l2"

    l1: float = 0.0
    l2: float = 0.0

    def penalty(self, w: Float64Array) -> float:
        return float(self.l1 * np.abs(w).sum() + self.l2 * np.square(w).sum())

    def slope(self, w: Float64Array) -> Float64Array:
        result: Float64Array = self.l1 * slope_of_abs(w) + 2.0 * self.l2 * w
        return result


@word(frozen=True)
class Orthogonal(Regularizer):
    """factor times the mean |cosine| of the pairs of n >= 2 vectors, which are the rows of a
    matrix w or, with ``columns``, its columns: v_i = w_i / max(|w_i|, epsilon), 0 / 0 being 0;
    factor / (n (n - 1)) * sum over i != j of |v_i v_j|.

    Slope: d_i = 2 factor / (n (n - 1)) * sum over j != i of +-v_j, - where v_i v_j < 0, and
    (d_i - v_i (v_i d_i)) / |w_i|, or d_i / epsilon where |w_i| <= epsilon.
    """

    name: ClassVar[str] = "orthogonal"

    factor: float = 0.01
    columns: bool = False
    epsilon: float = 1e-7

    def _vectors(self, w: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
        """(1 / norms (n, 1), vectors v (n, d), their products (n, n), 0 on the diagonal)."""
        rows = w.T if self.columns else w
        divisors = np.maximum(np.sqrt(np.square(rows).sum(axis=1, keepdims=True)), self.epsilon)
        inverse = np.divide(1.0, divisors, out=np.zeros_like(divisors), where=divisors != 0.0)
        v = rows * inverse
        products = v @ v.T
        np.fill_diagonal(products, 0.0)
        return inverse, v, products

    def _scale(self, v: Float64Array) -> float:
        return self.factor / (len(v) * (len(v) - 1.0))

    def penalty(self, w: Float64Array) -> float:
        _, v, products = self._vectors(w)
        return float(self._scale(v) * np.abs(products).sum())

    def slope(self, w: Float64Array) -> Float64Array:
        inverse, v, products = self._vectors(w)
        signs = slope_of_abs(products)
        np.fill_diagonal(signs, 0.0)
        d = 2.0 * self._scale(v) * (signs @ v)
        free = inverse * self.epsilon < 1.0  # the norm is that of w_i, not epsilon
        along = np.where(free, (v * d).sum(axis=1, keepdims=True), 0.0)
        slope: Float64Array = (d - v * along) * inverse
        return slope.T if self.columns else slope


@word(frozen=True)
class ActivityRegularization(Operation):
    """y = x, at the cost of l1 * sum |x| + l2 * sum x^2; the mean over the samples of a batch is
    added to its loss."""

    name: ClassVar[str] = "activity_regularization"

    l1: float = 0.0
    l2: float = 0.0

    def penalties(self, x: Float64Array) -> Float64Array:
        """What each row costs, (B,)."""
        costs: Float64Array = self.l1 * np.abs(x).sum(axis=1) + self.l2 * np.square(x).sum(axis=1)
        return costs

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        return x

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return dy + (self.l1 * slope_of_abs(x) + 2.0 * self.l2 * x) / float(context.samples)
