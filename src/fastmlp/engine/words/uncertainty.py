"""Losses of outputs that are not one number a target: focal and generalized crossentropies,
quantiles, means with variances, and gradients that come from outside.

Letters: B rows in a batch, K outputs.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .activations import sigmoid
from .errors import _Mean
from .losses import Loss, one_hot, smoothed
from .operation import Float64Array
from .row_activations import softmax
from .word import word

#: How many quantiles the engine's pinball loss has room for.
MOST_QUANTILES = 9


def _power_slope(x: Float64Array, gamma: float) -> Float64Array:
    """d x^gamma / dx; that of a constant is 0 at 0, too."""
    return gamma * x ** (gamma - 1.0) if gamma else np.zeros_like(x)


@word(frozen=True)
class BinaryFocalCrossentropy(_Mean):
    """c (1 - r)^gamma (-t log q - (1 - t) log(1 - q)): p is the output or its sigmoid, q that
    clipped to [epsilon, 1 - epsilon], r = t p + (1 - t)(1 - p), and c = t alpha + (1 - t)(1 -
    alpha) with apply_class_balancing, else 1; t = targets (1 - s) + s / 2."""

    name: ClassVar[str] = "binary_focal_crossentropy"

    apply_class_balancing: bool = False
    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    epsilon: float = 1e-7

    def _parts(self, y: Float64Array, t: Float64Array) -> tuple[Float64Array, ...]:
        """p, q, the cost without its factors, 1 - r, c."""
        p = sigmoid(y) if self.from_logits else y
        q = np.clip(p, self.epsilon, 1.0 - self.epsilon)
        cost = -t * np.log(q) - (1.0 - t) * np.log(1.0 - q)
        far = 1.0 - (t * p + (1.0 - t) * (1.0 - p))
        balance = t * self.alpha + (1.0 - t) * (1.0 - self.alpha)
        return p, q, cost, far, balance if self.apply_class_balancing else np.ones_like(far)

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        _, _, cost, far, balance = self._parts(y, smoothed(t, self.label_smoothing, 2))
        return balance * far**self.gamma * cost

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        t = smoothed(t, self.label_smoothing, 2)
        p, q, cost, far, balance = self._parts(y, t)
        cost_slope = np.where(p == q, (1.0 - t) / (1.0 - q) - t / q, 0.0)
        by_p = _power_slope(far, self.gamma) * (1.0 - 2.0 * t) * cost + far**self.gamma * cost_slope
        return balance * by_p * (p * (1.0 - p) if self.from_logits else 1.0)


@word(frozen=True)
class CategoricalFocalCrossentropy(Loss):
    """-sum(alpha (1 - q)^gamma t log q): q is the softmax of the outputs, or they divided by
    their sum, clipped to [epsilon, 1 - epsilon]; t = targets (1 - s) + s / K."""

    name: ClassVar[str] = "categorical_focal_crossentropy"

    alpha: float = 0.25
    gamma: float = 2.0
    from_logits: bool = False
    label_smoothing: float = 0.0
    epsilon: float = 1e-7

    def _parts(self, outputs: Float64Array, targets: NDArray[Any]) -> tuple[Float64Array, ...]:
        """alpha t, the shares, q."""
        t = self.alpha * smoothed(targets, self.label_smoothing, targets.shape[1])
        share = outputs / outputs.sum(axis=1, keepdims=True)
        if self.from_logits:
            share = softmax(outputs)
        return t, share, np.clip(share, self.epsilon, 1.0 - self.epsilon)

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        t, _, q = self._parts(outputs, targets)
        values: Float64Array = -(t * (1.0 - q) ** self.gamma * np.log(q)).sum(axis=1)
        return values

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        t, share, q = self._parts(outputs, targets)
        far = 1.0 - q
        slopes = t * (_power_slope(far, self.gamma) * np.log(q) - far**self.gamma / q)
        by_share = np.where(share == q, slopes, 0.0)
        rest = by_share - (by_share * share).sum(axis=1, keepdims=True)
        gradients: Float64Array = share * rest
        if not self.from_logits:
            gradients = rest / outputs.sum(axis=1, keepdims=True)
        return gradients


@word(frozen=True)
class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 - p^q) / q, p the output of the target's class."""

    name: ClassVar[str] = "categorical_generalized_cross_entropy"
    class_indices: ClassVar[bool] = True

    q: float = 0.5

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        p = np.take_along_axis(outputs, targets[:, None].astype(np.int64), axis=1)[:, 0]
        values: Float64Array = (1.0 - p**self.q) / self.q
        return values

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        is_class = one_hot(targets, outputs.shape[1]) == 1.0
        return -np.power(outputs, self.q - 1.0, where=is_class, out=np.zeros_like(outputs))


@word(frozen=True)
class Pinball(_Mean):
    """max(-r e, (1 - r) e), e = output - target: least where a share r of the targets is below
    the output. Output j has r = quantile_i, i = j mod quantiles + 1."""

    name: ClassVar[str] = "pinball"

    quantiles: int = 1
    quantile_1: float = 0.5
    quantile_2: float = 0.5
    quantile_3: float = 0.5
    quantile_4: float = 0.5
    quantile_5: float = 0.5
    quantile_6: float = 0.5
    quantile_7: float = 0.5
    quantile_8: float = 0.5
    quantile_9: float = 0.5

    def _rates(self, outputs: int) -> Float64Array:
        """r of each output (K,)."""
        rates = [getattr(self, f"quantile_{i + 1}") for i in range(self.quantiles)]
        return np.resize(rates, outputs)

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        rates, error = self._rates(y.shape[1]), y - t
        terms: Float64Array = np.maximum(-rates * error, (1.0 - rates) * error)
        return terms

    def slopes(self, y: Float64Array, t: Float64Array) -> Float64Array:
        rates, error = self._rates(y.shape[1]), y - t
        return np.where(error > 0.0, 1.0 - rates, np.where(error < 0.0, -rates, 0.5 - rates))


@word(frozen=True)
class GaussianNll(Loss):
    """mean((log v + (m - t)^2 / v) / 2), plus log(2 pi) / 2 if full, over K / 2 targets t, each
    there twice: outputs are the means m, then as many variances v, or their logarithms. v is at
    least epsilon, through which the gradient goes unchanged (PyTorch's GaussianNLLLoss)."""

    name: ClassVar[str] = "gaussian_nll"

    log_variance: bool = True
    full: bool = False
    epsilon: float = 1e-6

    def _parts(self, outputs: Float64Array, targets: NDArray[Any]) -> tuple[Float64Array, ...]:
        """m - t, the variance, that bounded: (B, K / 2) each."""
        half = outputs.shape[1] // 2
        variance = outputs[:, half:]
        if self.log_variance:
            variance = np.exp(variance)
        error = outputs[:, :half] - targets[:, :half]
        return error, variance, np.maximum(variance, self.epsilon)

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        error, _, v = self._parts(outputs, targets)
        terms = 0.5 * (np.log(v) + np.square(error) / v)
        values: Float64Array = (terms + 0.5 * np.log(2.0 * np.pi) * self.full).mean(axis=1)
        return values

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        error, variance, v = self._parts(outputs, targets)
        by_variance = 0.5 * (1.0 / v - np.square(error / v))
        if self.log_variance:
            by_variance = by_variance * variance
        slopes: Float64Array = np.concatenate([error / v, by_variance], axis=1) / error.shape[1]
        return slopes


@word(frozen=True)
class GivenGradient(Loss):
    """0, with the targets as gradient: for losses that are computed outside of the engine."""

    name: ClassVar[str] = "given_gradient"

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        return np.zeros(len(outputs))

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        return targets
