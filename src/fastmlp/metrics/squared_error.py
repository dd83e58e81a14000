"""The mean squared error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .mean import MeanMetricWrapper
from .metric import register

Float64Array = NDArray[np.float64]


def mean_squared_error(y_true: Any, y_pred: Any) -> Float64Array:
    """Mean square of the difference over a sample's K outputs: (N,).

    Examples
    --------
    >>> mean_squared_error([[1.0, 2.0]], [[1.0, 4.0]])
    array([2.])
    """
    result: Float64Array = np.square(np.asarray(y_pred) - np.asarray(y_true)).mean(axis=-1)
    return result


@register("mse", function=mean_squared_error)
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
