"""The mean squared error."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor, as_tensor
from .loss import Loss, register


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample (N,); see :class:`MeanSquaredError`.

    Examples
    --------
    >>> mean_squared_error([[1.0]], [[3.0]]).numpy()
    array([4.])
    """
    return as_tensor(MeanSquaredError().call(y_true, y_pred))


@register("mse", function=mean_squared_error)
class MeanSquaredError(Loss):
    """mean((y_pred - y_true)^2) over the K outputs of a sample.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(MeanSquaredError()([[1.0, 2.0]], [[1.0, 4.0]]))
    2.0
    """

    kind = "mean_squared_error"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)
