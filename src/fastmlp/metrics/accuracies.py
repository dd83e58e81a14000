"""Accuracies: the share of right answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .mean import MeanMetricWrapper
from .metric import register

Float64Array = NDArray[np.float64]


# Each sample's share of a metric, from labels and outputs (N, K).


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Float64Array:
    """1 where the largest output is that of the class y_true, (N,) or (N, 1), else 0: (N,).

    Examples
    --------
    >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    array([1., 0.])
    """
    predictions = np.asarray(y_pred)
    labels = np.asarray(y_true).reshape(predictions.shape[:-1])
    hits: Float64Array = (predictions.argmax(axis=-1) == labels).astype(np.float64)
    return hits


def categorical_accuracy(y_true: Any, y_pred: Any) -> Float64Array:
    """1 where the largest output is that of the largest label in y_true (N, K), else 0: (N,).

    Examples
    --------
    >>> categorical_accuracy([[0, 1]], [[0.1, 0.9]])
    array([1.])
    """
    return sparse_categorical_accuracy(np.asarray(y_true).argmax(axis=-1), y_pred)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Float64Array:
    """Share of a sample's K outputs that lie on the label's side of the threshold: (N,).

    Examples
    --------
    >>> binary_accuracy([[1.0], [0.0]], [[0.7], [0.6]])
    array([1., 0.])
    """
    predictions = np.asarray(y_pred)
    labels = np.asarray(y_true).reshape(predictions.shape)
    result: Float64Array = np.mean((predictions > threshold) == labels, axis=-1)
    return result


@register("accuracy", "acc")
def accuracy(y_true: Any, y_pred: Any) -> Float64Array:
    """Accuracy of each sample (N,) by Keras's rule for "accuracy": binary for one output, else
    sparse for class indices (N,), else categorical.

    Examples
    --------
    >>> accuracy(np.array([1, 0]), np.array([[0.1, 0.9], [0.2, 0.8]]))
    array([1., 0.])
    """
    if np.shape(y_pred)[-1] == 1:
        return binary_accuracy(y_true, y_pred)
    if np.ndim(y_true) < np.ndim(y_pred) or np.shape(y_true)[-1] == 1:
        return sparse_categorical_accuracy(y_true, y_pred)
    return categorical_accuracy(y_true, y_pred)


@register("sparse_categorical_accuracy", function=sparse_categorical_accuracy)
class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose largest output is that of the true class index.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]]))
    0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


@register("categorical_accuracy", function=categorical_accuracy)
class CategoricalAccuracy(MeanMetricWrapper):
    """Share of samples whose largest output is that of the largest label.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(CategoricalAccuracy()([[0, 1]], [[0.1, 0.9]]))
    1.0
    """

    def __init__(self, name: str = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


@register("binary_accuracy", function=binary_accuracy)
class BinaryAccuracy(MeanMetricWrapper):
    """Share of outputs on the label's side of the threshold. Mind that logits have it at 0.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.
    threshold : float
        In (0, 1) for probabilities.

    Examples
    --------
    >>> float(BinaryAccuracy()([[1.0], [0.0]], [[0.7], [0.6]]))
    0.5
    """

    def __init__(
        self,
        name: str = "binary_accuracy",
        dtype: str | None = None,
        threshold: float = 0.5,
    ) -> None:
        self.threshold = _checks.number("threshold", threshold)
        super().__init__(self._accuracy, name, dtype)

    def _accuracy(self, y_true: Any, y_pred: Any) -> Float64Array:
        return binary_accuracy(y_true, y_pred, self.threshold)
