"""The best value of one ratio of counts where another is large enough."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .. import _checks
from ..tensor import Tensor, as_tensor
from .counts import Counting, ratio
from .metric import register
from .thresholds import Thresholds, even_thresholds


class _BestUnderConstraint(Counting):
    """The best value of one ratio over the thresholds at which another is large enough."""

    _direction = "up"
    _counts = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    #: The ratio that is bounded, and the one of which the largest value counts.
    _bounded: ClassVar[str]
    _sought: ClassVar[str]

    def __init__(
        self,
        value: float,
        num_thresholds: int,
        class_id: int | None,
        name: str | None,
        dtype: str | None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.value = _checks.number(self._bounded, value, 0.0)
        if self.value > 1.0:
            raise ValueError(
                f"{self._bounded} must lie in [0, 1]. Received: {self._bounded}={value!r}"
            )
        self.num_thresholds = _checks.integer("num_thresholds", num_thresholds, 1)
        self.class_id = None if class_id is None else _checks.integer("class_id", class_id, 0)
        self.thresholds = [0.5] if num_thresholds == 1 else even_thresholds(num_thresholds)
        self._count_at(Thresholds(self.thresholds, num_thresholds > 1))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels, zero or not, and outputs in [0, 1] of one shape; and weights."""
        self._update(y_true, y_pred, sample_weight, class_id=self.class_id)

    def result(self) -> Tensor:
        """The best value, 0-d; 0 if no threshold fulfils the constraint."""
        tp, fp, tn, fn = self._values().values()
        ratios = {
            "sensitivity": ratio(tp, tp + fn),
            "recall": ratio(tp, tp + fn),
            "specificity": ratio(tn, tn + fp),
            "precision": ratio(tp, tp + fp),
        }
        feasible = ratios[self._bounded] >= self.value
        return as_tensor(np.max(np.where(feasible, ratios[self._sought], 0.0), initial=0.0))


@register()
class SensitivityAtSpecificity(_BestUnderConstraint):
    """The largest sensitivity at thresholds where the specificity is as large as given.

    Sensitivity is TP / (TP + FN), specificity TN / (TN + FP).

    Parameters
    ----------
    specificity : float
        In [0, 1].
    num_thresholds : int
        How many thresholds in [0, 1], at equal distances, are looked at.
    class_id : int, optional
        Look at this class alone.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    _bounded, _sought = "specificity", "sensitivity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = self.value


@register()
class SpecificityAtSensitivity(_BestUnderConstraint):
    """The largest specificity at thresholds where the sensitivity is as large as given.

    Sensitivity is TP / (TP + FN), specificity TN / (TN + FP).

    Parameters
    ----------
    sensitivity : float
        In [0, 1].
    num_thresholds : int
        How many thresholds in [0, 1], at equal distances, are looked at.
    class_id : int, optional
        Look at this class alone.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> metric = SpecificityAtSensitivity(0.5)
    >>> round(float(metric([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.6667
    """

    _bounded, _sought = "sensitivity", "specificity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = self.value


@register()
class PrecisionAtRecall(_BestUnderConstraint):
    """The largest precision at thresholds where the recall is as large as given.

    Precision is TP / (TP + FP), recall TP / (TP + FN).

    Parameters
    ----------
    recall : float
        In [0, 1].
    num_thresholds : int
        How many thresholds in [0, 1], at equal distances, are looked at.
    class_id : int, optional
        Look at this class alone.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    _bounded, _sought = "recall", "precision"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = self.value


@register()
class RecallAtPrecision(_BestUnderConstraint):
    """The largest recall at thresholds where the precision is as large as given.

    Precision is TP / (TP + FP), recall TP / (TP + FN).

    Parameters
    ----------
    precision : float
        In [0, 1].
    num_thresholds : int
        How many thresholds in [0, 1], at equal distances, are looked at.
    class_id : int, optional
        Look at this class alone.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.5
    """

    _bounded, _sought = "precision", "recall"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = self.value
