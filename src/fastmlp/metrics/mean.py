"""Running means and sums, of values and of a function of labels and outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._objects import get_registered_name
from ..tensor import Tensor, as_tensor
from .metric import Metric, register
from .ranks import Float64Array, broadcast_weights, floats, same_rank
from .sums import SumVariable, TreeSum


def samplewise(
    values: Any, sample_weight: Any, reduce: Callable[..., Any]
) -> tuple[Float64Array, Float64Array | None]:
    """Values (N,) of the samples, times their weights, and these: Keras's rule.

    Values of a higher rank than the weights are reduced to that rank before they are weighted,
    and to one for each sample afterwards; so are weights of a higher rank.
    """
    values, weights = floats("values", values), None
    if sample_weight is not None:
        values, weights = same_rank(values, floats("sample_weight", sample_weight))
        if values.ndim > weights.ndim:
            values = reduce(values, axis=tuple(range(weights.ndim, values.ndim)))
        rank = weights.ndim
        weights = broadcast_weights(weights, np.shape(values))
        values = values * weights
        if rank > 1:
            weights = reduce(weights, axis=tuple(range(1, rank)))
    if np.ndim(values) > 1:
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return values, weights


@register()
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

    def __init__(self, name: str | None = "mean", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._sums = TreeSum(2)
        self.total = SumVariable(self._sums, 0, (), "total")
        self.count = SumVariable(self._sums, 1, (), "count")
        self._variables += [self.total, self.count]

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take in values (N, ...), of which each sample's mean counts, and weights of a shape
        that broadcasts."""
        values, weights = samplewise(values, sample_weight, np.mean)
        weighted = np.empty((2, values.size))
        weighted[0] = values.ravel()
        weighted[1] = 1.0 if weights is None else weights.ravel()
        self._sums.add(weighted)

    def result(self) -> Tensor:
        """The mean, 0-d."""
        total, count = self._sums.total()
        return as_tensor(total / count if count else 0.0)

    def reset_state(self) -> None:
        """Forget all values."""
        self._sums.clear()


@register()
class Sum(Metric):
    """sum(values * weights) of all values taken in.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> total = Sum()
    >>> total.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    >>> float(total.result())
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self._sums = TreeSum(1)
        self.total = SumVariable(self._sums, 0, (), "total")
        self._variables.append(self.total)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take in values of any shape, and weights of a shape that broadcasts."""
        self._sums.add(samplewise(values, sample_weight, np.sum)[0].reshape(1, -1))

    def result(self) -> Tensor:
        """The sum, 0-d."""
        return as_tensor(self._sums.total()[0])

    def reset_state(self) -> None:
        """Forget all values."""
        self._sums.clear()


def _name_of(function: Callable[..., Any]) -> str:
    return get_registered_name(function) if hasattr(function, "__name__") else repr(function)


@register()
class MeanMetricWrapper(Mean):
    """The mean over samples of ``fn(y_true, y_pred, **options)``.

    Values (N, ...) count by sample. A function that returns one number for a batch counts by
    batch, as in Keras: the mean of the batches' numbers.

    Parameters
    ----------
    fn : callable
        Labels and outputs (N, K) to values (N,) or (N, ...), or to one number.
    name, dtype
        See :class:`Metric`.
    **options
        Passed on to ``fn``.

    Examples
    --------
    >>> m = MeanMetricWrapper(lambda y, p: abs(y - p), name="distance")
    >>> m.update_state(np.array([[1.0]]), np.array([[3.0]]))
    >>> float(m.result())
    2.0
    """

    #: Whether the values of a sample depend on nothing but that sample.
    _by_sample: ClassVar[bool] = False

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if not callable(fn):
            raise TypeError(f"fn must be a function of labels and outputs. Received: fn={fn!r}")
        self._fn, self._options = fn, options

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in labels and outputs (N, K), and weights (N,)."""
        super().update_state(self._fn(y_true, y_pred, **self._options), sample_weight)

    def takes_portions(self, sample_weight: NDArray[Any] | None) -> bool:
        return self._by_sample

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor: the function by its name, then its options."""
        config = super().get_config()
        if type(self) is MeanMetricWrapper:
            config |= {"fn": _name_of(self._fn), **self._options}
        return config


class SampleMean(MeanMetricWrapper):
    """Base of the means of a function whose values of a sample depend on that sample alone."""

    _by_sample = True
