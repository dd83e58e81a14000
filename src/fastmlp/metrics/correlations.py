"""How outputs vary with their targets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, config
from ..tensor import Tensor, as_tensor
from .mean import SampleMean
from .metric import Metric, register
from .ranks import Float64Array, broadcast_weights, pair
from .sums import SumVariable, TreeSum

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")
_SUMS = ("squared_sum", "sum", "residual", "count")


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Float64Array:
    """cov(y_true, y_pred) / (std(y_true) std(y_pred)) over an axis: (N,) for the last one.

    Examples
    --------
    >>> pearson_correlation([[0.0, 1.0, 0.5]], [[0.1, 0.9, 0.5]]).round(4)
    array([1.])
    """
    labels, outputs = pair(y_true, y_pred)
    with np.errstate(divide="ignore", invalid="ignore"):  # constant rows: NaN, as in Keras
        product = _standardized(labels, axis) * _standardized(outputs, axis)
    result: Float64Array = product.mean(axis=axis)
    return result


def _standardized(values: Float64Array, axis: int) -> Float64Array:
    centered = values - values.mean(axis=axis, keepdims=True)
    result: Float64Array = centered / centered.std(axis=axis, keepdims=True)
    return result


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Float64Array:
    """2 cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (mean difference)^2 + epsilon) over an
    axis: (N,) for the last one, with ``config.epsilon()``.

    Examples
    --------
    >>> concordance_correlation([[0.0, 1.0, 0.5]], [[0.1, 0.9, 0.5]]).round(4)
    array([0.9756])
    """
    labels, outputs = pair(y_true, y_pred)
    label_mean = labels.mean(axis=axis, keepdims=True)
    output_mean = outputs.mean(axis=axis, keepdims=True)
    scatter = labels.var(axis=axis, keepdims=True) + outputs.var(axis=axis, keepdims=True)
    norm = scatter + np.square(label_mean - output_mean) + config.epsilon()
    # The outputs' mean taken from the labels as well changes no sum: outputs - mean sums to zero.
    products = (labels - output_mean) * (outputs - output_mean)
    result: Float64Array = (2.0 * products / norm).mean(axis=axis)
    return result


class _Correlation(SampleMean):
    """A correlation over an axis of each sample."""

    _direction = "up"
    axis: int

    def takes_portions(self, sample_weight: NDArray[Any] | None) -> bool:
        return self.axis == -1


@register(function=pearson_correlation)
class PearsonCorrelation(_Correlation):
    """Mean correlation of outputs and labels over the K outputs of each sample.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.
    axis : int
        Over which to correlate.

    Examples
    --------
    >>> metric = PearsonCorrelation()
    >>> round(float(metric([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]])), 4)
    0.9967
    """

    def __init__(
        self, name: str | None = "pearson_correlation", dtype: str | None = None, axis: int = -1
    ) -> None:
        self.axis = axis
        super().__init__(pearson_correlation, name, dtype, axis=axis)


@register(function=concordance_correlation)
class ConcordanceCorrelation(_Correlation):
    """Mean concordance of outputs and labels over the K outputs of each sample: 1 if they agree,
    not only vary alike.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.
    axis : int
        Over which to correlate.

    Examples
    --------
    >>> metric = ConcordanceCorrelation()
    >>> round(float(metric([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]])), 4)
    0.9816
    """

    def __init__(
        self,
        name: str | None = "concordance_correlation",
        dtype: str | None = None,
        axis: int = -1,
    ) -> None:
        self.axis = axis
        super().__init__(concordance_correlation, name, dtype, axis=axis)


@register()
class R2Score(Metric):
    """1 - sum((y_true - y_pred)^2) / sum((y_true - mean)^2): the share of the variance explained.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average", None}
        The mean of the K outputs' scores, that weighted by their variances, or all scores (K,).
    num_regressors : int
        p, if above 0, for the adjusted score 1 - (1 - R2) (n - 1) / (n - p - 1) of the n
        labels.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> metric = R2Score()
    >>> float(metric([[1], [4], [3]], [[2], [4], [4]]).round(4))
    0.5714
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in _AGGREGATIONS:
            raise ValueError(
                f"class_aggregation must be one of {_AGGREGATIONS}. "
                f"Received: class_aggregation={class_aggregation!r}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = _checks.integer("num_regressors", num_regressors, 0)
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._outputs: int | None = None
        self._sums = TreeSum(0)

    def _build(self, outputs: int) -> None:
        """Make the sums of that many outputs, one behind the other."""
        self._outputs, self._sums = outputs, TreeSum(len(_SUMS) * outputs)
        for place, name in enumerate(_SUMS):
            variable = SumVariable(self._sums, place * outputs, (outputs,), name)
            setattr(self, name, variable)
            self._variables.append(variable)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels and outputs (N, K), and weights (N,) or (N, K)."""
        labels, outputs = pair(y_true, y_pred)
        if outputs.ndim != 2 or self._outputs not in (None, outputs.shape[1]):
            raise ValueError(
                f"y_true and y_pred must have shape (samples, {self._outputs or 'outputs'}). "
                f"Received: shapes {np.shape(y_true)} and {np.shape(y_pred)}"
            )
        if self._outputs is None:
            self._build(outputs.shape[1])
        weights: Any = 1.0 if sample_weight is None else sample_weight
        if np.ndim(weights) == 1:
            weights = np.asarray(weights)[:, None]
        weights = broadcast_weights(weights, labels.shape)
        weighted = labels * weights
        parts = [labels * weighted, weighted, np.square(labels - outputs) * weights, weights]
        self._sums.add(np.ascontiguousarray(np.concatenate(parts, axis=1).T))
        self.num_samples.assign(self.num_samples.value + labels.size)

    def takes_portions(self, sample_weight: NDArray[Any] | None) -> bool:
        return True

    def result(self) -> Tensor:
        """The score: 0-d, or (K,) without aggregation; 0 before the first sample."""
        if self._outputs is None:
            return as_tensor(0.0)
        squared_sum, total, residual, count = self._sums.total().reshape(len(_SUMS), -1)
        with np.errstate(divide="ignore", invalid="ignore"):  # constant labels
            variance = squared_sum - total * (total / count)
            scores = 1.0 - residual / variance
            scores = np.where(np.isinf(scores), 0.0, scores)
            if self.class_aggregation == "uniform_average":
                scores = scores.mean()
            elif self.class_aggregation == "variance_weighted_average":
                scores = (variance * scores).sum() / variance.sum()
        return as_tensor(self._adjusted(scores))

    def _adjusted(self, score: Any) -> Any:
        """The score for the number of regressors, where there are enough labels."""
        n, p = float(self.num_samples), self.num_regressors
        if p == 0:
            return score
        if p >= n - 1:
            warnings.warn(
                f"the adjusted R2 score needs more than num_regressors + 1 = {p + 1} labels; "
                f"there are {n:g}. The score is not adjusted.",
                stacklevel=3,
            )
            return score
        return 1.0 - (1.0 - score) * (n - 1.0) / (n - p - 1.0)

    def reset_state(self) -> None:
        """Forget all samples."""
        self._sums.clear()
        self.num_samples.assign(0.0)
