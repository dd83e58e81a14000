"""Running means, of values and of a function of labels and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor, as_tensor
from .metric import Metric

Float64Array = NDArray[np.float64]


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
