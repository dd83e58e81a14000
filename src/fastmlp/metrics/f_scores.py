"""F scores: precision and recall in one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, config
from ..tensor import Tensor, as_tensor
from .metric import Metric, register
from .ranks import Float64Array, broadcast_weights, floats
from .sums import SumVariable, TreeSum

_SUMS = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


@register()
class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), of each class or an average.

    Each of the three denominators has ``config.epsilon()`` added (Keras's rule).

    Parameters
    ----------
    average : {None, "micro", "macro", "weighted"}
        The score of each class (K,), that of the counts of all classes together, the mean of the
        classes' scores, or that mean weighted by the classes' positive labels.
    beta : float
        Above 0: how many times the recall weighs as much as the precision.
    threshold : float, optional
        In (0, 1]: outputs above it are positive. By default a sample's largest output is.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> metric = FBetaScore(beta=2.0, threshold=0.5)
    >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> metric(y_true, y_pred).round(4).tolist()
    [0.3846, 0.9091, 0.8333]
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                'average must be None, "micro", "macro" or "weighted". '
                f"Received: average={average!r}"
            )
        self.average = average
        self.beta = _positive("beta", beta)
        self.threshold = None if threshold is None else _positive("threshold", threshold)
        if self.threshold is not None and self.threshold > 1.0:
            raise ValueError(f"threshold must lie in (0, 1]. Received: threshold={threshold!r}")
        self._classes: int | None = None
        self._sums = TreeSum(0)

    def _build(self, classes: int) -> None:
        """Make the sums of that many classes, one behind the other."""
        width = 1 if self.average == "micro" else classes
        self._classes, self._sums = classes, TreeSum(len(_SUMS) * width)
        shape = () if self.average == "micro" else (classes,)
        for place, name in enumerate(_SUMS):
            variable = SumVariable(self._sums, place * width, shape, name)
            setattr(self, name, variable)
            self._variables.append(variable)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels and outputs (N, K), and weights (N,)."""
        labels, outputs = floats("y_true", y_true), floats("y_pred", y_pred)
        fits = outputs.ndim == 2 and self._classes in (None, outputs.shape[1])
        if not fits or labels.shape != outputs.shape:
            raise ValueError(
                f"y_true and y_pred must have shape (samples, {self._classes or 'classes'}). "
                f"Received: shapes {labels.shape} and {outputs.shape}"
            )
        if self._classes is None:
            self._build(outputs.shape[1])
        if self.threshold is None:
            largest = outputs >= outputs.max(axis=-1, keepdims=True)
            positive = (largest & (np.abs(outputs) > 1e-9)).astype(np.float64)
        else:
            positive = (outputs > self.threshold).astype(np.float64)
        parts = [positive * labels, positive * (1.0 - labels), (1.0 - positive) * labels, labels]
        if sample_weight is not None:
            weights = broadcast_weights(sample_weight, (len(outputs),))
            parts = [part * weights[:, None] for part in parts]
        if self.average == "micro":
            parts = [part.sum(axis=1, keepdims=True) for part in parts]
        self._sums.add(np.ascontiguousarray(np.concatenate(parts, axis=1).T))

    def takes_portions(self, sample_weight: NDArray[Any] | None) -> bool:
        return True

    def result(self) -> Tensor:
        """The scores: (K,), or 0-d for an average; 0 before the first sample."""
        if self._classes is None:
            return as_tensor(0.0)
        parts = self._sums.total().reshape(len(_SUMS), -1)
        tp, fp, fn, weights = parts
        epsilon = config.epsilon()
        precision, recall = tp / (tp + fp + epsilon), tp / (tp + fn + epsilon)
        squared = self.beta**2
        mean = precision * recall / (squared * precision + recall + epsilon)
        scores: Float64Array = mean * (1.0 + squared)
        if self.average == "weighted":
            return as_tensor((scores * (weights / (weights.sum() + epsilon))).sum())
        return as_tensor(scores if self.average is None else scores.mean())

    def reset_state(self) -> None:
        """Forget all samples."""
        self._sums.clear()


def _positive(name: str, value: Any) -> float:
    checked = _checks.number(name, value, 0.0)
    if checked == 0.0:
        raise ValueError(f"{name} must be above 0. Received: {name}={value!r}")
    return checked


@register()
class F1Score(FBetaScore):
    """2 precision recall / (precision + recall), of each class or an average; see
    :class:`FBetaScore`.

    Parameters
    ----------
    average, threshold, name, dtype
        See :class:`FBetaScore`.

    Examples
    --------
    >>> metric = F1Score(threshold=0.5)
    >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> metric(y_true, y_pred).round(4).tolist()
    [0.5, 0.8, 0.6667]
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: str | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
