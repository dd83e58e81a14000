"""Losses of the overlap of what is true with what is predicted, in a batch or a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, config, engine
from ..tensor import Tensor, as_tensor
from .loss import Loss, register

Axis = int | Sequence[int] | None


def _checked_axis(axis: Axis) -> int | tuple[int, ...] | None:
    if axis is None:
        return None
    if isinstance(axis, (list, tuple)):
        return tuple(_checks.integer("axis", one, -32, 31) for one in axis)
    return _checks.integer("axis", axis, -32, 31)


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None
) -> Tensor:
    """The loss, y_pred without ``axis``; see :class:`Tversky`.

    Examples
    --------
    >>> round(float(tversky([1.0, 0.0], [0.5, 0.5])), 4)
    0.5
    """
    return as_tensor(Tversky(alpha, beta, axis=axis).call(y_true, y_pred)[0])


@register("tversky", function=tversky)
class Tversky(Loss):
    """1 - I / (I + alpha P + beta N + epsilon): with t of y_true and y of y_pred, I = sum(t y), P =
    sum(t (1 - y)) and N = sum((1 - t) y), as Keras has them; epsilon is that of the configuration.

    A sum over all of a batch, as by default, is no mean of its samples: what a model is trained
    with depends on the size of its batches, and samples cannot have weights.

    Source: Salehi, Erdogmus and Gholipour, "Tversky loss function for image segmentation using 3D
    fully convolutional deep networks", MLMI 2017.

    Parameters
    ----------
    alpha, beta : float
        At least 0.
    reduction, name, dtype
        See :class:`Loss`.
    axis : int or sequence of int, optional
        Over which the sums go; None: all of the batch. Training has None, -1, or axes of a sample,
        counted from the front: 1, ...

    Examples
    --------
    >>> round(float(Tversky(axis=-1)([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.5
    """

    kind = "tversky"
    _epsilons = 1.0

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axis = None,
        dtype: str | None = None,
    ) -> None:
        self.alpha = _checks.number("alpha", alpha, 0.0)
        self.beta = _checks.number("beta", beta, 0.0)
        self.axis = _checked_axis(axis)
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def lower(self) -> engine.Loss:
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        if any(axis is not None and (axis < -1 or axis == 0) for axis in axes):
            raise ValueError(
                "axis must be None, -1 or axes from 1 on when training: samples lie along the "
                f"first. Received: loss with axis={self.axis}"
            )
        return super().lower()

    def call(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """The loss, y_pred without ``axis``, and its gradient with respect to y_pred."""
        t, y = (np.asarray(part, np.float64) for part in self._rows(y_true, y_pred))

        def total(x: NDArray[Any]) -> NDArray[Any]:
            summed: NDArray[Any] = np.sum(x, axis=self.axis, keepdims=True)
            return summed

        overlap = total(t * y)
        rest = self.alpha * total(t * (1.0 - y)) + self.beta * total((1.0 - t) * y)
        whole = overlap + rest + self._epsilons * config.epsilon()
        slope = t - self.alpha * t + self.beta * (1.0 - t)  # of the whole
        gradient = (overlap * slope - t * whole) / np.square(whole)
        return np.squeeze(1.0 - overlap / whole, self.axis), gradient


def dice(y_true: Any, y_pred: Any, axis: Axis = None) -> Tensor:
    """The loss, y_pred without ``axis``; see :class:`Dice`.

    Examples
    --------
    >>> round(float(dice([1.0, 0.0], [0.5, 0.5])), 4)
    0.5
    """
    return as_tensor(Dice(axis=axis).call(y_true, y_pred)[0])


@register("dice", function=dice)
class Dice(Tversky):
    """1 - 2 sum(t y) / (sum(t) + sum(y) + epsilon), one less the F1 of shares: :class:`Tversky` for
    alpha and beta of 1/2 and half the epsilon.

    Source: Milletari, Navab and Ahmadi, "V-Net: fully convolutional neural networks for volumetric
    medical image segmentation", 3DV 2016, without the squares.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.
    axis : int or sequence of int, optional
        See :class:`Tversky`.

    Examples
    --------
    >>> round(float(Dice(axis=-1)([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.5
    """

    kind = "dice"
    _epsilons = 0.5

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        axis: Axis = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, axis=axis, dtype=dtype)
