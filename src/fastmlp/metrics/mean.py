"""Running means, of values and of a function of labels and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensor import Tensor, as_tensor
from .metric import Metric


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
        if sample_weight is None:
            self._total += float(values.sum())
            self._weight += values.size
        else:
            weights = np.broadcast_to(np.asarray(sample_weight, np.float64), values.shape)
            self._total += float((values * weights).sum())
            self._weight += float(weights.sum())

    def result(self) -> Tensor:
        """The mean, 0-d."""
        return as_tensor(self._total / self._weight if self._weight else 0.0)

    def reset_state(self) -> None:
        """Forget all values."""
        self._total = 0.0
        self._weight = 0.0


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
