"""Counts of right and wrong positives and negatives, and the ratios of two of them."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ..tensor import Tensor, as_tensor
from ..variable import Variable
from .metric import Metric, register
from .ranks import Float64Array
from .thresholds import (
    LOWEST,
    Thresholds,
    are_even,
    counted_pair,
    parse_thresholds,
)


def ratio(part: Any, whole: Any) -> Float64Array:
    """part / whole, 0 where the whole is 0."""
    part, whole = np.asarray(part), np.asarray(whole)
    result: Float64Array = np.divide(part, whole, out=np.zeros(whole.shape), where=whole != 0)
    return result


class Counting(Metric):
    """Base of the metrics made of counts at thresholds, each in a variable (T,) of its name."""

    _counts: ClassVar[tuple[str, ...]]  # those that are kept

    def _count_at(self, thresholds: Thresholds, name: str | None = None) -> None:
        """Make the variables, named as their counts unless there is a name for all."""
        self._thresholds = thresholds
        for count in self._counts:
            setattr(self, count, self.add_variable((len(thresholds),), "zeros", name=name or count))

    def _values(self) -> dict[str, Float64Array]:
        """The counts so far."""
        return {count: getattr(self, count).value for count in self._counts}

    def _update(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any,
        top_k: int | None = None,
        class_id: int | None = None,
    ) -> None:
        labels, outputs, weights = counted_pair(y_true, y_pred, sample_weight, top_k, class_id)
        found = self._thresholds.counts(
            labels.reshape(-1, 1),
            outputs.reshape(-1, 1),
            None if weights is None else weights.reshape(-1, 1),
        )
        for count in self._counts:
            variable: Variable = getattr(self, count)
            variable.assign(variable.value + found[count][:, 0])

    def takes_portions(self, sample_weight: NDArray[Any] | None) -> bool:
        return sample_weight is None  # then all sums are of whole numbers


def _one_or_all(values: Any) -> Tensor:
    """The number at one threshold, or those at several."""
    return as_tensor(values[0] if len(values) == 1 else values)


class _Count(Counting):
    """One count, at one threshold or several."""

    _kept_as: ClassVar = {"thresholds": "init_thresholds"}

    def __init__(
        self, thresholds: Any = None, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.thresholds = parse_thresholds(thresholds)
        self._count_at(Thresholds(self.thresholds, are_even(self.thresholds)), "accumulator")
        self.accumulator = self._variables[0]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels, zero or not, and outputs of one shape; and weights."""
        self._update(y_true, y_pred, sample_weight)

    def result(self) -> Tensor:
        """The count: 0-d, or (T,) for several thresholds."""
        return _one_or_all(self._values()[self._counts[0]])


@register()
class TruePositives(_Count):
    """Weighted number of outputs above the threshold whose label is not 0.

    Parameters
    ----------
    thresholds : float or list of float, optional
        In [0, 1]; 0.5 by default. The result has an entry for each of several.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
    2.0
    """

    _counts = ("true_positives",)


@register()
class FalsePositives(_Count):
    """Weighted number of outputs above the threshold whose label is 0.

    Parameters
    ----------
    thresholds : float or list of float, optional
        In [0, 1]; 0.5 by default. The result has an entry for each of several.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]))
    2.0
    """

    _counts = ("false_positives",)


@register()
class TrueNegatives(_Count):
    """Weighted number of outputs not above the threshold whose label is 0.

    Parameters
    ----------
    thresholds : float or list of float, optional
        In [0, 1]; 0.5 by default. The result has an entry for each of several.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]))
    2.0
    """

    _counts = ("true_negatives",)


@register()
class FalseNegatives(_Count):
    """Weighted number of outputs not above the threshold whose label is not 0.

    Parameters
    ----------
    thresholds : float or list of float, optional
        In [0, 1]; 0.5 by default. The result has an entry for each of several.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]))
    2.0
    """

    _counts = ("false_negatives",)


class _Ratio(Counting):
    """The share that the first count is of two."""

    _direction = "up"
    _kept_as: ClassVar = {"thresholds": "init_thresholds"}

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = None if top_k is None else _checks.integer("top_k", top_k, 1)
        self.class_id = None if class_id is None else _checks.integer("class_id", class_id, 0)
        self.thresholds = parse_thresholds(thresholds, 0.5 if top_k is None else LOWEST)
        self._count_at(Thresholds(self.thresholds, are_even(self.thresholds)))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels, zero or not, and outputs of one shape; and weights."""
        self._update(y_true, y_pred, sample_weight, self.top_k, self.class_id)

    def result(self) -> Tensor:
        """The share: 0-d, or (T,) for several thresholds."""
        part, rest = self._values().values()
        return _one_or_all(ratio(part, part + rest))


@register()
class Precision(_Ratio):
    """Share of outputs above the threshold whose label is not 0; 0 if there is no such output.

    Parameters
    ----------
    thresholds : float or list of float, optional
        In [0, 1]; 0.5 by default. The result has an entry for each of several.
    top_k : int, optional
        Only a sample's k largest outputs can be positive; without thresholds all of them are.
    class_id : int, optional
        Look at this class alone.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> round(float(Precision()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    _counts = ("true_positives", "false_positives")


@register()
class Recall(_Ratio):
    """Share of labels that are not 0 whose output is above the threshold; 0 if there is none.

    Parameters
    ----------
    thresholds : float or list of float, optional
        In [0, 1]; 0.5 by default. The result has an entry for each of several.
    top_k : int, optional
        Only a sample's k largest outputs can be positive; without thresholds all of them are.
    class_id : int, optional
        Look at this class alone.
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> round(float(Recall()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    _counts = ("true_positives", "false_negatives")
