"""Differences of outputs from their targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import config
from ..tensor import Tensor, as_tensor
from .mean import Mean, SampleMean
from .metric import register
from .ranks import Float64Array, of_word, pair

# Each sample's value of a metric, from labels and outputs (..., K): (...).


def mean_squared_error(y_true: Any, y_pred: Any) -> Float64Array:
    """mean((y_pred - y_true)^2) over a sample's K outputs: (N,).

    Examples
    --------
    >>> mean_squared_error([[1.0, 2.0]], [[1.0, 4.0]])
    array([2.])
    """
    return of_word("mean_squared_error", *pair(y_true, y_pred))


def mean_absolute_error(y_true: Any, y_pred: Any) -> Float64Array:
    """mean(|y_pred - y_true|) over a sample's K outputs: (N,).

    Examples
    --------
    >>> mean_absolute_error([[1.0, 2.0]], [[1.0, 4.0]])
    array([1.])
    """
    return of_word("mean_absolute_error", *pair(y_true, y_pred))


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Float64Array:
    """100 mean(|y_pred - y_true| / max(|y_true|, epsilon)) over a sample's K outputs: (N,), with
    ``config.epsilon()``.

    Examples
    --------
    >>> mean_absolute_percentage_error([[1.0, 2.0]], [[1.0, 4.0]])
    array([50.])
    """
    return of_word(
        "mean_absolute_percentage_error", *pair(y_true, y_pred), epsilon=config.epsilon()
    )


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Float64Array:
    """mean((log(1 + max(y_pred, epsilon)) - log(1 + max(y_true, epsilon)))^2) over a sample's K
    outputs: (N,), with ``config.epsilon()``.

    Examples
    --------
    >>> mean_squared_logarithmic_error([[0.0]], [[np.e - 1.0]]).round(4)
    array([1.])
    """
    return of_word(
        "mean_squared_logarithmic_error", *pair(y_true, y_pred), epsilon=config.epsilon()
    )


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Float64Array:
    """mean of e^2 / 2 where |e| <= delta and delta |e| - delta^2 / 2 elsewhere, e = y_pred -
    y_true, over a sample's K outputs: (N,).

    Examples
    --------
    >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
    array([1.5])
    """
    return of_word("huber", *pair(y_true, y_pred), delta=delta)


def log_cosh(y_true: Any, y_pred: Any) -> Float64Array:
    """mean(log(cosh(y_pred - y_true))) over a sample's K outputs: (N,); computed as
    x + log(1 + exp(-2 x)) - log(2), which does not overflow.

    Examples
    --------
    >>> log_cosh([[0.0]], [[1.0]]).round(4)
    array([0.4338])
    """
    return of_word("log_cosh", *pair(y_true, y_pred))


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Float64Array:
    """The sum over an axis of y_true y_pred, each divided by its Euclidean norm over that axis
    (or by ``config.epsilon()``, if that is more): (N,) for the last one.

    Examples
    --------
    >>> cosine_similarity([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]).round(4)
    array([0., 1.])
    """
    labels, outputs = (np.moveaxis(part, axis, -1) for part in pair(y_true, y_pred))
    return -of_word("cosine_similarity", labels, outputs, epsilon=config.epsilon())


@register("mse", "MSE", function=mean_squared_error)
class MeanSquaredError(SampleMean):
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

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


@register()
class RootMeanSquaredError(Mean):
    """Root of the mean square of the difference, over all samples.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(RootMeanSquaredError()([[1.0], [1.0]], [[4.0], [1.0]]).round(4))
    2.1213
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "root_mean_squared_error", dtype: str | None = None
    ) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in labels and outputs of one shape, and weights."""
        labels, outputs = pair(y_true, y_pred)
        super().update_state(np.square(outputs - labels), sample_weight)

    def takes_portions(self, sample_weight: Any) -> bool:
        return True

    def result(self) -> Tensor:
        """The root of the mean, 0-d."""
        return as_tensor(np.sqrt(super().result()))


@register("mae", "MAE", function=mean_absolute_error)
class MeanAbsoluteError(SampleMean):
    """Mean size of the difference.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(MeanAbsoluteError()([[1.0]], [[3.0]]))
    2.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: str | None = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)


@register("mape", "MAPE", function=mean_absolute_percentage_error)
class MeanAbsolutePercentageError(SampleMean):
    """Mean size of the difference, in percent of the target's size.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(MeanAbsolutePercentageError()([[1.0]], [[3.0]]))
    200.0
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "mean_absolute_percentage_error", dtype: str | None = None
    ) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


@register("msle", "MSLE", function=mean_squared_logarithmic_error)
class MeanSquaredLogarithmicError(SampleMean):
    """Mean square of the difference of log(1 + y).

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.0]])), 4)
    0.4805
    """

    _direction = "down"

    def __init__(
        self, name: str | None = "mean_squared_logarithmic_error", dtype: str | None = None
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


@register("log_cosh", "logcosh", function=log_cosh)
class LogCoshError(SampleMean):
    """Mean of log(cosh(difference)).

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> round(float(LogCoshError()([[0.0]], [[1.0]])), 4)
    0.4338
    """

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: str | None = None) -> None:
        super().__init__(log_cosh, name, dtype)


@register(function=cosine_similarity)
class CosineSimilarity(SampleMean):
    """Mean cosine of the angle between outputs and labels; the loss of that name is its negative.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.
    axis : int
        Along which the vectors lie.

    Examples
    --------
    >>> metric = CosineSimilarity()
    >>> round(float(metric([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]])), 4)
    0.5
    """

    _direction = "up"

    def __init__(
        self, name: str | None = "cosine_similarity", dtype: str | None = None, axis: int = -1
    ) -> None:
        self.axis = axis
        super().__init__(cosine_similarity, name, dtype, axis=axis)

    def takes_portions(self, sample_weight: Any) -> bool:
        return self.axis == -1
