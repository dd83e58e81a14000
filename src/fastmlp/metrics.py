"""Metrics: numbers for people, computed from the outputs that training records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _checks
from ._naming import snake_case
from ._registry import Registry, serialize
from .tensor import Tensor, as_tensor

Float64Array = NDArray[np.float64]


class Metric:
    """Base of the metrics: collects over batches what ``result`` then sums up.

    Parameters
    ----------
    name : str, optional
        The key in logs; defaults to the class's name in snake_case.
    dtype : str, optional
        "float64" or None.
    """

    def __init__(self, *, name: str | None = None, dtype: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.dtype = _checks.float64("dtype", dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels and outputs (N, K) of some samples."""
        raise NotImplementedError(f"{type(self).__name__} must implement update_state")

    def result(self) -> Any:
        """The metric over all samples taken in since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must implement result")

    def reset_state(self) -> None:
        """Forget all samples."""
        raise NotImplementedError(f"{type(self).__name__} must implement reset_state")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``update_state``, then ``result``."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """The metric with these constructor arguments."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class Mean(Metric):
    """sum(values * weights) / sum(weights) of all values taken in; 0 before the first.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> mean = Mean()
    >>> mean.update_state([1.0, 2.0, 6.0])
    >>> float(mean.result())
    3.0
    """

    def __init__(self, name: str = "mean", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.reset_state()

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in values of any shape, and their weights (of a shape that broadcasts)."""
        values = np.asarray(values, np.float64)
        weighted = np.empty((2, values.size))
        if sample_weight is None:
            weighted[0] = values.ravel()
            weighted[1] = 1.0
        else:
            weights = np.asarray(sample_weight, np.float64)
            if weights.shape != values.shape:
                weights = np.broadcast_to(weights, values.shape)
            weighted[0] = (values * weights).ravel()
            weighted[1] = weights.ravel()
        self._sums.add(weighted)

    def result(self) -> Tensor:
        """The mean, 0-d."""
        total, weight = self._sums.total()
        return as_tensor(total / weight if weight else 0.0)

    def reset_state(self) -> None:
        """Forget all values."""
        self._sums = _TreeSum()


class _TreeSum:
    """Sums of rows (2, n) of numbers that may come in any portions: always by the binary tree
    over their places (numbers 2i and 2i + 1 first, then those sums, and so on; one without a
    partner goes up as it is), so that the portions, which the clock may have cut, change no bit.
    """

    def __init__(self) -> None:
        # At each level of the tree the sums of the last node, while it has no partner.
        self._pending: list[tuple[float, float] | None] = []

    def add(self, values: Float64Array) -> None:
        """Take in numbers (2, n) after those before."""
        level = 0
        while values.shape[1] > 1:
            before = self._take(level)
            if before is not None:
                values = np.concatenate((np.array(before)[:, None], values), axis=1)
            paired = values.shape[1] // 2 * 2
            if paired < values.shape[1]:
                self._pending[level] = (float(values[0, -1]), float(values[1, -1]))
            values = values[:, 0:paired:2] + values[:, 1:paired:2]
            level += 1
        if values.shape[1]:  # one node goes up as long as there is a partner
            node = (float(values[0, 0]), float(values[1, 0]))
            while (before := self._take(level)) is not None:
                node = (before[0] + node[0], before[1] + node[1])
                level += 1
            self._pending[level] = node

    def _take(self, level: int) -> tuple[float, float] | None:
        """The node that waits at a level, which waits no more."""
        if level == len(self._pending):
            self._pending.append(None)
        node, self._pending[level] = self._pending[level], None
        return node

    def total(self) -> tuple[float, float]:
        """The two sums of all numbers so far."""
        nodes = [node for node in self._pending if node is not None]
        if not nodes:
            return 0.0, 0.0
        total, weight = nodes[0]
        for node in nodes[1:]:
            total, weight = node[0] + total, node[1] + weight
        return total, weight


class MeanMetricWrapper(Mean):
    """The mean over samples of ``fn(y_true, y_pred)``, one value for each sample.

    Parameters
    ----------
    fn : callable
        Labels and outputs (N, K) to values (N,) or (N, ...).
    name, dtype
        See :class:`Metric`; the name defaults to the function's.

    Examples
    --------
    >>> m = MeanMetricWrapper(lambda y, p: abs(y - p), name="distance")
    >>> m.update_state(np.array([[1.0]]), np.array([[3.0]]))
    >>> float(m.result())
    2.0
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(name=name or str(getattr(fn, "__name__", "metric")), dtype=dtype)
        self._fn = fn

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in labels and outputs (N, K), and weights (N,)."""
        values = np.asarray(self._fn(y_true, y_pred), np.float64)
        if sample_weight is not None and values.ndim > 1:
            sample_weight = np.reshape(sample_weight, (-1,) + (1,) * (values.ndim - 1))
        super().update_state(values, sample_weight)


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


def mean_squared_error(y_true: Any, y_pred: Any) -> Float64Array:
    """Mean square of the difference over a sample's K outputs: (N,).

    Examples
    --------
    >>> mean_squared_error([[1.0, 2.0]], [[1.0, 4.0]])
    array([2.])
    """
    result: Float64Array = np.square(np.asarray(y_pred) - np.asarray(y_true)).mean(axis=-1)
    return result


_registry: Registry[Metric] = Registry("metric", Metric, also=("accuracy",))
register = _registry.register
deserialize = _registry.deserialize


@register("sparse_categorical_accuracy")
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


@register("categorical_accuracy")
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


@register("binary_accuracy")
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

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}


@register("mse")
class MeanSquaredError(MeanMetricWrapper):
    """Mean square of the difference.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(MeanSquaredError()([[1.0]], [[3.0]]))
    4.0
    """

    def __init__(self, name: str = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


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


def get(identifier: Any) -> Metric:
    """A metric from an instance, a name, a configuration or a function of labels and outputs.

    Raises
    ------
    ValueError
        If fastmlp has no metric of that name.
    TypeError
        If it is none of these.

    Examples
    --------
    >>> get("acc").name
    'acc'
    """
    if isinstance(identifier, str):
        if identifier in ("accuracy", "acc"):
            return MeanMetricWrapper(accuracy, identifier)
        metric = _registry.get(identifier)
        metric.name = identifier  # Keras: the key in logs is the name as it was given
        return metric
    if callable(identifier) and not isinstance(identifier, (type, Metric)):
        return MeanMetricWrapper(identifier)
    return _registry.get(identifier)


__all__ = [
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "deserialize",
    "get",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_accuracy",
]
