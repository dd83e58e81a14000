"""Losses: a value and a gradient for each sample. Reducing them to one number of the batch is
the word of :mod:`.reductions` that ``reduction`` names.

Letters: B rows in a batch, K outputs.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .activations import sigmoid
from .operation import Float64Array, Operation
from .reductions import REDUCTIONS
from .row_activations import softmax
from .word import Word, word

#: What no label is.
NO_CLASS = -(2**31)


@word(frozen=True)
class Loss(Word):
    """A loss of outputs (B, K) and targets.

    reduction: the name of a word in :mod:`.reductions`. weight: what the reduced loss is
    multiplied by.
    """

    #: The name in the catalog of the C engine, and Keras's.
    name: ClassVar[str]
    #: Whether targets are (B,) int32 class indices instead of (B, K) float64.
    class_indices: ClassVar[bool] = False
    #: The operation whose inputs are logits to this loss, its outputs probabilities.
    probabilities_of: ClassVar[str] = ""

    reduction: str = field(default="sum_over_batch_size", kw_only=True)
    weight: float = field(default=1.0, kw_only=True)

    def before(self, last: Operation) -> Loss | None:
        """The loss of what the last operation takes, where that is the better way to tell this
        loss of what it puts out: log p without a p that was rounded or clipped. Else None."""
        name = getattr(last, "name", None)  # a layer written in Python has none
        if name != self.probabilities_of or getattr(self, "from_logits", True):
            return None
        return replace(self, from_logits=True)  # type: ignore[call-arg]

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        """The loss of each sample (B,), unweighted."""
        raise NotImplementedError

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        """d values / d outputs, (B, K)."""
        raise NotImplementedError

    def root(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        """R (B, K, K) with d gradients / d outputs = R.T @ R for each sample: what Gauss and
        Newton put between the Jacobians of the outputs. ValueError for a loss without one."""
        raise ValueError(
            "loss must be a mean squared error or a cross-entropy of logits, of softmax or of "
            "sigmoid for steps by the Gauss-Newton matrix: optimizers.LBFGS takes any loss. "
            f"Received: loss={self.name!r}"
        )

    def counted(self, targets: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Which samples take part in a mean (B,); None: all."""
        return None

    def factors(self, targets: NDArray[Any], weights: Float64Array) -> Float64Array:
        """What each sample's loss is multiplied by, (B,), so that the sum is the batch's loss."""
        reduction, counted = REDUCTIONS[self.reduction], self.counted(targets)
        if counted is None:
            return self.weight * reduction.factors(weights)
        factors = np.zeros_like(weights)
        factors[counted] = self.weight * reduction.factors(weights[counted])
        return factors

    def batch(
        self, outputs: Float64Array, targets: NDArray[Any], weights: Float64Array
    ) -> tuple[float, Float64Array]:
        """The reduced loss of a batch with weights (B,), and its gradient (B, K)."""
        factors = self.factors(targets, weights)
        loss = float((self.values(outputs, targets) * factors).sum())
        return loss, self.gradients(outputs, targets) * factors[:, None]


def log_softmax(x: Float64Array) -> Float64Array:
    """Logarithm of the softmax along the last axis, without forming the softmax."""
    shifted = x - x.max(axis=-1, keepdims=True)
    result: Float64Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def one_hot(targets: NDArray[Any], outputs: int) -> Float64Array:
    """Rows (B, K) of class indices (B,); of what is no class, zeros."""
    rows: Float64Array = (targets[:, None] == np.arange(outputs)).astype(np.float64)
    return rows


def smoothed(targets: NDArray[Any], smoothing: float, classes: int) -> Float64Array:
    """t (1 - s) + s / classes."""
    if smoothing:
        result: Float64Array = targets * (1.0 - smoothing) + smoothing / classes
        return result
    return targets


def crossentropy(
    rows: Float64Array, outputs: Float64Array, from_logits: bool, epsilon: float
) -> Float64Array:
    """-sum(rows * log p) of each row (B,): p is the softmax of logits, or outputs divided by
    their sum and clipped to [epsilon, 1 - epsilon]."""
    if from_logits:
        logarithms = log_softmax(outputs)
    else:
        share = outputs / outputs.sum(axis=1, keepdims=True)
        logarithms = np.log(np.clip(share, epsilon, 1.0 - epsilon))
    result: Float64Array = -(rows * logarithms).sum(axis=1)
    return result


def crossentropy_gradients(
    rows: Float64Array, outputs: Float64Array, from_logits: bool, epsilon: float
) -> Float64Array:
    """d crossentropy / d outputs, (B, K); what is clipped has none."""
    if from_logits:
        by_logits: Float64Array = softmax(outputs) * rows.sum(axis=1, keepdims=True) - rows
        return by_logits
    total: Float64Array = outputs.sum(axis=1, keepdims=True)
    share = outputs / total
    clipped = np.clip(share, epsilon, 1.0 - epsilon)
    by_share = np.where(share == clipped, -rows / clipped, 0.0)
    result: Float64Array = (by_share - (by_share * share).sum(axis=1, keepdims=True)) / total
    return result


def crossentropy_root(
    total: Float64Array, outputs: Float64Array, from_logits: bool
) -> Float64Array | None:
    """sqrt(total) (diag sqrt(p) - sqrt(p) p.T) of each row (B, K, K), p the softmax of logits;
    its R.T @ R is total (diag p - p p.T). None of probabilities.

    total: the sums of the targets of each row (B,), of which the negative have none.

    Source: Schraudolph, "Fast curvature matrix-vector products for second-order gradient
    descent", Neural Computation 14(7), 2002.
    """
    if not from_logits:
        return None
    p = softmax(outputs)
    root = np.sqrt(p)
    rows = root[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])
    result: Float64Array = np.sqrt(np.maximum(total, 0.0))[:, None, None] * rows
    return result


@word(frozen=True)
class SparseCategoricalCrossentropy(Loss):
    """-log p[target]; see :func:`crossentropy`. epsilon: as Keras's ``config.epsilon()``. A
    target that is ignore_class, which may be no class at all, costs nothing and does not count
    in means."""

    name: ClassVar[str] = "sparse_categorical_crossentropy"
    class_indices: ClassVar[bool] = True
    probabilities_of: ClassVar[str] = "softmax"

    from_logits: bool = False
    ignore_class: int = NO_CLASS
    epsilon: float = 1e-7

    def counted(self, targets: NDArray[Any]) -> NDArray[np.bool_] | None:
        counted: NDArray[np.bool_] = targets != self.ignore_class
        return None if counted.all() else counted

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        rows = one_hot(targets, outputs.shape[1])
        costs = crossentropy(rows, outputs, self.from_logits, self.epsilon)
        return np.where(targets == self.ignore_class, 0.0, costs)

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        rows = one_hot(targets, outputs.shape[1])
        slopes = crossentropy_gradients(rows, outputs, self.from_logits, self.epsilon)
        return np.where((targets == self.ignore_class)[:, None], 0.0, slopes)

    def root(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        total = one_hot(targets, outputs.shape[1]).sum(axis=1) * (targets != self.ignore_class)
        root = crossentropy_root(total, outputs, self.from_logits)
        return super().root(outputs, targets) if root is None else root


@word(frozen=True)
class CategoricalCrossentropy(Loss):
    """-sum(t * log p), t = targets * (1 - s) + s / K with label_smoothing s; see
    :func:`crossentropy`. epsilon: as Keras's ``config.epsilon()``."""

    name: ClassVar[str] = "categorical_crossentropy"
    probabilities_of: ClassVar[str] = "softmax"

    from_logits: bool = False
    label_smoothing: float = 0.0
    epsilon: float = 1e-7

    def _rows(self, targets: NDArray[Any]) -> Float64Array:
        """Smoothed targets (B, K)."""
        return smoothed(targets, self.label_smoothing, targets.shape[1])

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        return crossentropy(self._rows(targets), outputs, self.from_logits, self.epsilon)

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        return crossentropy_gradients(self._rows(targets), outputs, self.from_logits, self.epsilon)

    def root(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        total = self._rows(targets).sum(axis=1)
        root = crossentropy_root(total, outputs, self.from_logits)
        return super().root(outputs, targets) if root is None else root


@word(frozen=True)
class BinaryCrossentropy(Loss):
    """mean(-t log p - (1 - t) log(1 - p)) over the K outputs, t = targets * (1 - s) + s / 2 with
    label_smoothing s. p is the sigmoid of logits z, where the value is max(z, 0) - z t +
    log(1 + exp(-|z|)), or the outputs clipped to [epsilon, 1 - epsilon]."""

    name: ClassVar[str] = "binary_crossentropy"
    probabilities_of: ClassVar[str] = "sigmoid"

    from_logits: bool = False
    label_smoothing: float = 0.0
    epsilon: float = 1e-7

    def _rows(self, targets: NDArray[Any]) -> Float64Array:
        """Smoothed targets (B, K)."""
        return smoothed(targets, self.label_smoothing, 2)

    def values(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        t = self._rows(targets)
        if self.from_logits:
            costs = np.maximum(outputs, 0.0) - outputs * t + np.log1p(np.exp(-np.abs(outputs)))
        else:
            p = np.clip(outputs, self.epsilon, 1.0 - self.epsilon)
            costs = -t * np.log(p) - (1.0 - t) * np.log(1.0 - p)
        result: Float64Array = costs.mean(axis=1)
        return result

    def gradients(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        """What is clipped has none."""
        t = self._rows(targets)
        if self.from_logits:
            slopes = sigmoid(outputs) - t
        else:
            p = np.clip(outputs, self.epsilon, 1.0 - self.epsilon)
            slopes = np.where(p == outputs, (1.0 - t) / (1.0 - p) - t / p, 0.0)
        result: Float64Array = slopes / outputs.shape[1]
        return result

    def root(self, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
        """diag sqrt(p (1 - p) / K)."""
        if not self.from_logits:
            return super().root(outputs, targets)
        p = sigmoid(outputs)
        scale = np.sqrt(p * (1.0 - p) / outputs.shape[1])
        result: Float64Array = scale[:, :, None] * np.eye(outputs.shape[1])
        return result
