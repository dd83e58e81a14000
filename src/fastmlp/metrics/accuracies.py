"""Accuracies: the share of right answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .mean import SampleMean
from .metric import register
from .ranks import floats, pair, require_same

Float64Array = NDArray[np.float64]


# Each sample's share of a metric, from labels and outputs (N, K).


def accuracy(y_true: Any, y_pred: Any) -> Float64Array:
    """1 where the two are equal, else 0: of their shape.

    Examples
    --------
    >>> accuracy([[1], [2]], [[0], [2]])
    array([[0.],
           [1.]])
    """
    labels, predictions = pair(y_true, y_pred)
    hits: Float64Array = (labels == predictions).astype(np.float64)
    return hits


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Float64Array:
    """1 where the output is above the threshold and the label 1, or not above it and the label
    0; else 0: of their shape.

    Examples
    --------
    >>> binary_accuracy([[1.0], [0.0]], [[0.7], [0.6]])
    array([[1.],
           [0.]])
    """
    labels, predictions = pair(y_true, y_pred)
    hits: Float64Array = (labels == (predictions > threshold)).astype(np.float64)
    return hits


def categorical_accuracy(y_true: Any, y_pred: Any) -> Float64Array:
    """1 where the largest output is that of the largest label in y_true (..., K), else 0: (...).

    Examples
    --------
    >>> categorical_accuracy([[0, 1]], [[0.1, 0.9]])
    array([1.])
    """
    labels, predictions = floats("y_true", y_true), floats("y_pred", y_pred)
    require_same(labels, predictions)
    _require_classes(predictions)
    hits: Float64Array = (labels.argmax(-1) == predictions.argmax(-1)).astype(np.float64)
    return hits


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Float64Array:
    """1 where the largest output is that of the class y_true, (...) or (..., 1), else 0: (...).

    Examples
    --------
    >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    array([1., 0.])
    """
    predictions = floats("y_pred", y_pred)
    labels = _indices(y_true, predictions)
    hits: Float64Array = (predictions.argmax(axis=-1) == labels).astype(np.float64)
    return hits


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Float64Array:
    """1 where fewer than k outputs are above that of the largest label in y_true (..., K), else
    0: (...).

    Examples
    --------
    >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.9, 0.8]], k=2)
    array([1.])
    """
    labels, predictions = floats("y_true", y_true), floats("y_pred", y_pred)
    require_same(labels, predictions)
    _require_classes(predictions)
    return _in_top_k(labels.argmax(axis=-1), predictions, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Float64Array:
    """1 where fewer than k outputs are above that of the class y_true (...), else 0: (...).

    With ``from_sorted_ids`` y_pred (..., n) holds the classes, the likeliest first: 1 where the
    class is among the first k.

    Examples
    --------
    >>> sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.9, 0.8], [0.1, 0.9, 0.8]], k=2)
    array([1., 0.])
    >>> sparse_top_k_categorical_accuracy([2, 0], [[1, 2, 0], [1, 2, 0]], 2, True)
    array([1., 0.])
    """
    predictions = floats("y_pred", y_pred)
    labels = _indices(y_true, predictions)
    if from_sorted_ids:
        found = (labels[..., None] == predictions[..., :k]).any(axis=-1)
        return np.asarray(found, np.float64)
    return _in_top_k(labels.astype(np.int64), predictions, k)


def _require_classes(predictions: NDArray[Any]) -> None:
    if predictions.ndim == 0:
        raise ValueError("y_pred must have an axis of classes. Received: y_pred of shape ()")


def _indices(y_true: Any, predictions: NDArray[Any]) -> NDArray[Any]:
    """Class indices of the shape that outputs have without their last axis."""
    _require_classes(predictions)
    labels = floats("y_true", y_true)
    given = labels.shape
    if labels.ndim == predictions.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.shape != predictions.shape[:-1]:
        raise ValueError(
            f"y_true must hold class indices of shape {predictions.shape[:-1]}, one for each row "
            f"of y_pred {predictions.shape}. Received: y_true of shape {given}"
        )
    return labels


def _in_top_k(labels: NDArray[np.int64], predictions: Float64Array, k: int) -> Float64Array:
    """1 where fewer than k outputs are above the label's, which is below all if it is NaN or the
    label no class."""
    known = (labels >= 0) & (labels < predictions.shape[-1])
    places = np.where(known, labels, 0)[..., None]
    own = np.take_along_axis(predictions, places, axis=-1)
    own = np.where(known[..., None] & ~np.isnan(own), own, -np.inf)
    hits: Float64Array = ((predictions > own).sum(axis=-1) < k).astype(np.float64)
    return hits


@register()
class Accuracy(SampleMean):
    """Share of predictions that equal the labels.

    In ``compile`` the word "accuracy" is not this one: it means BinaryAccuracy, CategoricalAccuracy
    or SparseCategoricalAccuracy, whichever suits the shapes.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]]))
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: str | None = None) -> None:
        super().__init__(accuracy, name, dtype)


@register(function=binary_accuracy)
class BinaryAccuracy(SampleMean):
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

    _direction = "up"

    def __init__(
        self,
        name: str | None = "binary_accuracy",
        dtype: str | None = None,
        threshold: float = 0.5,
    ) -> None:
        self.threshold = _checks.number("threshold", threshold)
        super().__init__(binary_accuracy, name, dtype, threshold=self.threshold)


@register(function=categorical_accuracy)
class CategoricalAccuracy(SampleMean):
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

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


@register(function=sparse_categorical_accuracy)
class SparseCategoricalAccuracy(SampleMean):
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

    _direction = "up"

    def __init__(
        self, name: str | None = "sparse_categorical_accuracy", dtype: str | None = None
    ) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


@register(function=top_k_categorical_accuracy)
class TopKCategoricalAccuracy(SampleMean):
    """Share of samples in which fewer than k outputs are above that of the largest label.

    Parameters
    ----------
    k : int
        How many of the largest outputs may hold it.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> metric = TopKCategoricalAccuracy(k=1)
    >>> float(metric([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
    0.5
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "top_k_categorical_accuracy",
        dtype: str | None = None,
    ) -> None:
        self.k = _checks.integer("k", k, 1)
        super().__init__(top_k_categorical_accuracy, name, dtype, k=self.k)


@register(function=sparse_top_k_categorical_accuracy)
class SparseTopKCategoricalAccuracy(SampleMean):
    """Share of samples in which fewer than k outputs are above that of the true class index.

    Parameters
    ----------
    k : int
        How many of the largest outputs may hold it.
    name, dtype
        See :class:`Metric`.
    from_sorted_ids : bool
        Whether outputs are class indices, the likeliest first, instead of scores.

    Examples
    --------
    >>> metric = SparseTopKCategoricalAccuracy(k=1)
    >>> float(metric([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
    0.5
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: str | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        self.k = _checks.integer("k", k, 1)
        self.from_sorted_ids = _checks.boolean("from_sorted_ids", from_sorted_ids)
        super().__init__(
            sparse_top_k_categorical_accuracy,
            name,
            dtype,
            k=self.k,
            from_sorted_ids=self.from_sorted_ids,
        )
