"""The matrix of true and predicted classes, and the overlaps that it tells."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, config
from ..tensor import Tensor, as_tensor
from .metric import Metric, register
from .ranks import Float64Array, broadcast_weights, floats

# Keras keeps these matrices as integers unless told otherwise.
_INTEGERS = ("int", "int32", "int64")


class _Confusion(Metric):
    """Counts pairs of a true and a predicted class."""

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name)
        self.dtype = "int" if dtype is None else str(dtype)
        if self.dtype not in _INTEGERS:
            self.dtype = _checks.float64("dtype", dtype)
        self.num_classes = _checks.integer("num_classes", num_classes, 1)
        self.ignore_class = ignore_class
        if ignore_class is not None:
            self.ignore_class = _checks.integer("ignore_class", ignore_class, -(1 << 62))
        self.sparse_y_true = _checks.boolean("sparse_y_true", sparse_y_true)
        self.sparse_y_pred = _checks.boolean("sparse_y_pred", sparse_y_pred)
        self.axis = axis
        shape = (self.num_classes, self.num_classes)
        self.total_cm = self.add_variable(shape, "zeros", name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in classes of any shape, or scores along ``axis``, and weights of the classes'
        shape. Classes outside [0, num_classes) and those to ignore do not count."""
        labels = self._classes("y_true", y_true, self.sparse_y_true)
        predictions = self._classes("y_pred", y_pred, self.sparse_y_pred)
        if labels.shape != predictions.shape:
            raise ValueError(
                "y_true and y_pred must hold equally many classes. "
                f"Received: shapes {np.shape(y_true)} and {np.shape(y_pred)}"
            )
        weights = self._weights(sample_weight, labels.shape)
        counted = (labels >= 0) & (labels < self.num_classes)
        counted &= (predictions >= 0) & (predictions < self.num_classes)
        if self.ignore_class is not None:
            counted &= labels != self.ignore_class
        places = labels[counted] * self.num_classes + predictions[counted]
        found = np.bincount(places, weights[counted], self.num_classes**2)
        self.total_cm.assign(self.total_cm.value + found.reshape(self.total_cm.shape))

    def _classes(self, name: str, given: Any, sparse: bool) -> NDArray[np.int64]:
        values = floats(name, given)
        return (values if sparse else values.argmax(axis=self.axis)).astype(np.int64).reshape(-1)

    def _weights(self, sample_weight: Any, shape: tuple[int, ...]) -> Float64Array:
        if sample_weight is None:
            return np.ones(shape)
        weights = floats("sample_weight", sample_weight)
        if self.dtype in _INTEGERS:
            if (weights != np.trunc(weights)).any():
                warnings.warn(
                    f"{self.name} counts in integers, to which sample_weight is cut: choose "
                    'dtype="float64" for weights that are no integers',
                    stacklevel=4,
                )
            weights = np.trunc(weights)
        return broadcast_weights(weights.reshape(-1) if weights.ndim else weights, shape)

    def takes_portions(self, sample_weight: NDArray[Any] | None) -> bool:
        return sample_weight is None or self.dtype in _INTEGERS


@register()
class ConfusionMatrix(_Confusion):
    """The matrix (K, K) of weighted counts: row the true class, column the predicted one.

    In a model the predicted class is that of the largest output, so that a classifier takes it as
    it is. (Keras has no metric of that kind.)

    Parameters
    ----------
    num_classes : int
        K.
    name : str, optional
        See :class:`Metric`.
    dtype : {"float64", "int"}, optional
        With "int" weights are cut to integers.
    sparse_y_true, sparse_y_pred : bool, optional
        Whether labels and predictions are classes, not one-hot rows or scores (..., K). By default
        what their shape says: scores have a last axis of size K; labels are classes, unless they
        have the shape of scores.

    Examples
    --------
    >>> metric = ConfusionMatrix(2)
    >>> metric([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = "float64",
        sparse_y_true: bool | None = None,
        sparse_y_pred: bool | None = None,
    ) -> None:
        super().__init__(num_classes, name, dtype)
        for argument, value in (("y_true", sparse_y_true), ("y_pred", sparse_y_pred)):
            if value is not None:
                _checks.boolean(f"sparse_{argument}", value)
            setattr(self, f"sparse_{argument}", value)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in classes or one-hot labels, classes or scores, and weights (N,)."""
        scores = self.sparse_y_pred is False or (
            self.sparse_y_pred is None and self._has_scores(y_pred)
        )
        one_hot = self.sparse_y_true is False or (
            self.sparse_y_true is None and scores and np.shape(y_true) == np.shape(y_pred)
        )
        if scores:
            y_pred = floats("y_pred", y_pred).argmax(axis=-1)
        if one_hot:
            y_true = floats("y_true", y_true).argmax(axis=-1)
        super().update_state(y_true, y_pred, sample_weight)

    def _has_scores(self, y_pred: Any) -> bool:
        shape = np.shape(y_pred)
        return len(shape) > 1 and shape[-1] == self.num_classes > 1

    def _classes(self, name: str, given: Any, sparse: bool) -> NDArray[np.int64]:
        return super()._classes(name, given, True)

    def result(self) -> Tensor:
        """The matrix (K, K)."""
        return as_tensor(self.total_cm.value)


@register()
class IoU(_Confusion):
    """Intersection over union of the target classes, true and predicted: the mean over them of
    TP / (TP + FP + FN), of those of which there is a sample or a prediction.

    Parameters
    ----------
    num_classes : int
        K.
    target_class_ids : sequence of int
        The classes of which the mean is taken.
    name : str, optional
        See :class:`Metric`.
    dtype : {"int", "float64"}, optional
        With "int", the default, weights are cut to integers.
    ignore_class : int, optional
        Labels that do not count.
    sparse_y_true, sparse_y_pred : bool
        Whether labels and predictions are classes, not one-hot rows or scores.
    axis : int
        Along which one-hot rows and scores lie.

    Examples
    --------
    >>> metric = IoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)
        self.target_class_ids = [
            _checks.integer("target_class_ids", target, 0, self.num_classes - 1)
            for target in target_class_ids
        ]
        if not self.target_class_ids:
            raise ValueError("target_class_ids must name a class. Received: target_class_ids=[]")

    def result(self) -> Tensor:
        """The mean, 0-d."""
        matrix = self.total_cm.value
        overlap = np.diag(matrix)
        union = (matrix.sum(axis=0) + matrix.sum(axis=1) - overlap)[self.target_class_ids]
        overlap = overlap[self.target_class_ids]
        there = union > 1e-9
        shares = np.where(there, overlap / (union + config.epsilon()), 0.0)
        return as_tensor(shares.sum() / (there.sum() + config.epsilon()))


@register()
class BinaryIoU(IoU):
    """Intersection over union of the classes 0 and 1, with outputs of at least the threshold in
    class 1.

    Parameters
    ----------
    target_class_ids : sequence of int
        The classes of which the mean is taken, 0, 1 or both.
    threshold : float
        From where on an output means class 1.
    name, dtype
        See :class:`IoU`.

    Examples
    --------
    >>> metric = BinaryIoU(threshold=0.3)
    >>> round(float(metric([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.threshold = _checks.number("threshold", threshold)
        super().__init__(2, target_class_ids, name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels 0 and 1 and outputs, and weights of their shape."""
        super().update_state(y_true, floats("y_pred", y_pred) >= self.threshold, sample_weight)


@register()
class MeanIoU(IoU):
    """Intersection over union, the mean over all classes; see :class:`IoU`.

    Parameters
    ----------
    num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        See :class:`IoU`.

    Examples
    --------
    >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        targets = range(_checks.integer("num_classes", num_classes, 1))
        super().__init__(
            num_classes, targets, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis
        )


@register()
class OneHotIoU(IoU):
    """Intersection over union for one-hot labels and scores; see :class:`IoU`.

    Parameters
    ----------
    num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis
        See :class:`IoU`.

    Examples
    --------
    >>> metric = OneHotIoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])), 4)
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


@register()
class OneHotMeanIoU(MeanIoU):
    """Intersection over union for one-hot labels and scores, the mean over all classes; see
    :class:`IoU`.

    Parameters
    ----------
    num_classes, name, dtype, ignore_class, sparse_y_pred, axis
        See :class:`IoU`.

    Examples
    --------
    >>> metric = OneHotMeanIoU(num_classes=2)
    >>> round(float(metric([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])), 4)
    0.25
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
