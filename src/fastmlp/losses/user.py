"""Losses that users write: functions as losses, and values with gradients from either kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .loss import Loss


class FunctionLoss(Loss):
    """A function of (y_true, y_pred) as a loss; see :class:`Loss` for what it returns.

    Parameters
    ----------
    function : callable
        The function.
    reduction, name, dtype
        See :class:`Loss`; the name is by default the function's.

    Examples
    --------
    >>> loss = FunctionLoss(lambda y_true, y_pred: abs(y_true - y_pred).sum(axis=1))
    >>> float(loss(np.array([[1.0]]), np.array([[3.0]])))
    2.0
    """

    _kept_as: ClassVar = {"dtype": None, "function": None}

    def __init__(
        self,
        function: Callable[[Any, Any], Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self._function = function
        found = getattr(function, "__name__", type(function).__name__)
        super().__init__(reduction=reduction, name=name or found, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._function(y_true, y_pred)


def values_of(
    loss: Loss, y_true: NDArray[Any], y_pred: NDArray[np.float64], weighted: bool
) -> NDArray[np.float64]:
    """The losses of the samples (B,); see :func:`value_and_gradient`."""
    found = loss.call(y_true, y_pred)
    values = np.asarray(found[0] if isinstance(found, tuple) else found, np.float64)
    return _by_sample(loss, values, len(y_pred), weighted)


def _by_sample(
    loss: Loss, values: NDArray[np.float64], rows: int, weighted: bool
) -> NDArray[np.float64]:
    """One loss for each of so many samples (rows,) from what a loss returned."""
    if values.ndim == 0:
        if weighted:
            raise ValueError(
                f"loss {loss.name!r} must return a loss for each sample where samples have "
                "weights. Received: one number"
            )
        return np.full(rows, values / (rows if loss.reduction == "sum" else 1))
    if len(values) != rows:
        raise ValueError(
            f"loss {loss.name!r} must return a loss for each sample, ({rows},), or one number for "
            f"the batch. Received: shape {values.shape}"
        )
    mean: NDArray[np.float64] = values.reshape(rows, -1).mean(axis=1)
    return mean


def value_and_gradient(
    loss: Loss, y_true: NDArray[Any], y_pred: NDArray[np.float64], weighted: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The losses of the samples (B,) from a loss written in Python, and the gradient of each with
    respect to its row of y_pred, (B, ...).

    A loss that gives several numbers for a sample counts their mean, and one number for a batch
    counts as each sample's, so that the batch's is that number; not where samples are ``weighted``.

    Raises
    ------
    ValueError
        If what it returns has another shape.
    ImportError, TypeError
        If it returns no gradient, and there is no autograd or it cannot differentiate it.
    """
    found = loss.call(y_true, y_pred)
    if isinstance(found, tuple) and len(found) == 2:
        values, gradient = (np.asarray(part, np.float64) for part in found)
    else:
        from ..ops.traced import value_and_gradient as differentiate

        values, gradient = differentiate(lambda y: loss.call(y_true, y), y_pred)
    rows = len(y_pred)
    if gradient.shape != y_pred.shape:
        raise ValueError(
            f"loss {loss.name!r} must return a gradient of the shape of y_pred, {y_pred.shape}. "
            f"Received: shape {gradient.shape}"
        )
    by_sample = _by_sample(loss, values, rows, weighted)
    if values.ndim == 0:  # the gradient is the batch's; an engine takes its share of each sample's
        return by_sample, gradient * (1 if loss.reduction == "sum" else rows)
    return by_sample, gradient / values[0].size
