"""Losses of the errors between outputs and targets, and of margins.

Letters: B rows in a batch, K outputs; e = outputs - targets. Where a maximum has two equal
arguments its gradient is the mean of theirs, as Keras's on JAX.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .losses import Loss
from .operation import Float64Array
from .word import word


class _Mean(Loss):
    """The mean over the K outputs of a term of each."""

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        """(B, K)."""
        raise NotImplementedError

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        """d terms / d y, (B, K)."""
        raise NotImplementedError

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        mean: Float64Array = self.terms(outputs, targets).mean(axis=1)
        return mean

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        gradients: Float64Array = self.slopes(outputs, targets) / outputs.shape[1]
        return gradients


@word(frozen=True)
class MeanSquaredError(_Mean):
    """e^2."""

    name: ClassVar[str] = "mean_squared_error"

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        terms: Float64Array = np.square(y - t)
        return terms

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return 2.0 * (y - t)

    def root(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        """diag sqrt(2 / K)."""
        rows, k = outputs.shape
        return np.broadcast_to(np.sqrt(2.0 / k) * np.eye(k), (rows, k, k))


@word(frozen=True)
class MeanAbsoluteError(_Mean):
    """|e|."""

    name: ClassVar[str] = "mean_absolute_error"

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return np.abs(y - t)

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return np.sign(y - t)


@word(frozen=True)
class MeanAbsolutePercentageError(_Mean):
    """100 |e| / max(|t|, epsilon)."""

    name: ClassVar[str] = "mean_absolute_percentage_error"

    epsilon: float = 1e-7

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return 100.0 * np.abs(y - t) / np.maximum(np.abs(t), self.epsilon)

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return 100.0 * np.sign(y - t) / np.maximum(np.abs(t), self.epsilon)


@word(frozen=True)
class MeanSquaredLogarithmicError(_Mean):
    """(log(1 + max(y, epsilon)) - log(1 + max(t, epsilon)))^2."""

    name: ClassVar[str] = "mean_squared_logarithmic_error"

    epsilon: float = 1e-7

    def _error(self, y: Float64Array, t: Float64Array) -> Float64Array:
        log_y = np.log(np.maximum(y, self.epsilon) + 1.0)
        return log_y - np.log(np.maximum(t, self.epsilon) + 1.0)

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return np.square(self._error(y, t))

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        slopes = 2.0 * self._error(y, t) / (np.maximum(y, self.epsilon) + 1.0)
        return np.where(y >= self.epsilon, slopes, 0.0)


@word(frozen=True)
class Huber(_Mean):
    """e^2 / 2 where |e| <= delta, else delta |e| - delta^2 / 2."""

    name: ClassVar[str] = "huber"

    delta: float = 1.0

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        size = np.abs(y - t)
        outside = self.delta * size - 0.5 * self.delta**2
        return np.where(size <= self.delta, 0.5 * np.square(size), outside)

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        error = y - t
        return np.where(np.abs(error) <= self.delta, error, self.delta * np.sign(error))


@word(frozen=True)
class LogCosh(_Mean):
    """log cosh e = |e| + log(1 + exp(-2 |e|)) - log 2."""

    name: ClassVar[str] = "log_cosh"

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        size = np.abs(y - t)
        terms: Float64Array = size + (np.log1p(np.exp(-2.0 * size)) - np.log(2.0))
        return terms

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return np.tanh(y - t)


@word(frozen=True)
class Poisson(_Mean):
    """y - t log(y + epsilon)."""

    name: ClassVar[str] = "poisson"

    epsilon: float = 1e-7

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return y - t * np.log(y + self.epsilon)

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return 1.0 - t / (y + self.epsilon)


def hinge_targets(t: Float64Array) -> Float64Array:
    """Targets of which +0 means no and becomes -1; -0 is a target between -1 and 1."""
    return np.where((t == 0.0) & ~np.signbit(t), -1.0, t)


def _step(x: Float64Array) -> Float64Array:
    """The slope of max(x, 0)."""
    return np.where(x > 0.0, 1.0, np.where(x == 0.0, 0.5, 0.0))


@word(frozen=True)
class Hinge(_Mean):
    """max(1 - t y, 0)."""

    name: ClassVar[str] = "hinge"

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return np.maximum(1.0 - hinge_targets(t) * y, 0.0)

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        sign = hinge_targets(t)
        return -sign * _step(1.0 - sign * y)


@word(frozen=True)
class SquaredHinge(_Mean):
    """max(1 - t y, 0)^2."""

    name: ClassVar[str] = "squared_hinge"

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        return np.square(np.maximum(1.0 - hinge_targets(t) * y, 0.0))

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        sign = hinge_targets(t)
        return -sign * (2.0 * np.maximum(1.0 - sign * y, 0.0))


@word(frozen=True)
class CategoricalHinge(Loss):
    """max(max((1 - t) y) - sum(t y) + 1, 0); equal largest share the gradient."""

    name: ClassVar[str] = "categorical_hinge"

    @staticmethod
    def _margins(y: Float64Array, t: Float64Array) -> Float64Array:
        margins: Float64Array = ((1.0 - t) * y).max(axis=1) - (t * y).sum(axis=1) + 1.0
        return margins

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        return np.maximum(self._margins(outputs, targets), 0.0)

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        rest = (1.0 - targets) * outputs
        largest = rest == rest.max(axis=1, keepdims=True)
        share = (1.0 - targets) * largest / np.maximum(largest.sum(axis=1, keepdims=True), 1)
        slopes: Float64Array = _step(self._margins(outputs, targets))[:, None] * (share - targets)
        return slopes


@word(frozen=True)
class KlDivergence(Loss):
    """sum(t log(t / y)), both clipped to [epsilon, 1]."""

    name: ClassVar[str] = "kl_divergence"

    epsilon: float = 1e-7

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        p, q = np.clip(targets, self.epsilon, 1.0), np.clip(outputs, self.epsilon, 1.0)
        values: Float64Array = (p * np.log(p / q)).sum(axis=1)
        return values

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        p, q = np.clip(targets, self.epsilon, 1.0), np.clip(outputs, self.epsilon, 1.0)
        return np.where(q == outputs, -p / q, 0.0)


@word(frozen=True)
class CosineSimilarity(Loss):
    """-sum(a b): a and b are y and t times min(1 / norm, 1 / epsilon)."""

    name: ClassVar[str] = "cosine_similarity"

    epsilon: float = 1e-7

    def _inverse(self, x: Float64Array) -> Float64Array:
        with np.errstate(divide="ignore"):
            inverse = 1.0 / np.sqrt(np.square(x).sum(axis=1, keepdims=True))
        smaller: Float64Array = np.minimum(inverse, 1.0 / self.epsilon)
        return smaller

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        a, b = outputs * self._inverse(outputs), targets * self._inverse(targets)
        values: Float64Array = -(a * b).sum(axis=1)
        return values

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        r = self._inverse(outputs)
        a, b = outputs * r, targets * self._inverse(targets)
        along = np.where(r < 1.0 / self.epsilon, (a * b).sum(axis=1, keepdims=True), 0.0)
        slopes: Float64Array = -r * (b - a * along)
        return slopes
