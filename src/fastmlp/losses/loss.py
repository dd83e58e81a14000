"""The base of the losses: labels, reduction, and the loss of a batch."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks, engine
from .._configured import Configured
from .._ranks import same_rank
from .._registry import Registry
from ..engine.words import REDUCTIONS
from ..tensor import Tensor, as_tensor

# Keras's reductions, and what the engine calls each; None and "none" keep one value a sample.
_REDUCTIONS = {
    "sum_over_batch_size": "sum_over_batch_size",
    "mean": "sum_over_batch_size",
    "sum": "sum",
    "mean_with_sample_weight": "mean_with_sample_weight",
    "none": None,
    None: None,
}


class Loss(Configured):
    """Base of the losses: ``loss(y_true, y_pred, sample_weight=None)``.

    A loss of one's own is a subclass with ``call(self, y_true, y_pred)``, or a function of the two.
    It returns the losses of the samples, (B,), and their gradient with respect to y_pred, of its
    shape, as a tuple; or the losses alone, computed with :mod:`fastmlp.ops`, which the package
    autograd then differentiates (``pip install fastmlp[autograd]``).

    Parameters
    ----------
    reduction : str or None
        How the B values l of a batch with weights w become one: "sum_over_batch_size" or "mean"
        (sum(l w) / B), "sum" (sum(l w)), "mean_with_sample_weight" (sum(l w) / sum(w)), "none"
        or None (l w itself; not for ``compile``).
    name : str, optional
        Defaults to the class's name in snake_case.
    dtype : str, optional
        "float64" or None.

    Raises
    ------
    ValueError
        If an argument is not as described.
    """

    kind = ""
    name = ""
    _kept_as: ClassVar = {"dtype": None}  # as in Keras

    def __init__(
        self,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        if not isinstance(reduction, (str, type(None))) or reduction not in _REDUCTIONS:
            known = ", ".join(repr(r) for r in _REDUCTIONS)
            raise ValueError(f"reduction must be one of {known}. Received: reduction={reduction!r}")
        self.reduction = reduction
        self.name = name or self.kind
        self.dtype = _checks.float64("dtype", dtype)

    def lower(self) -> engine.Loss:
        """The loss in the engine's words. One written in Python brings its gradient along.

        Raises
        ------
        ValueError
            If the reduction leaves more than one number a batch.
        """
        reduction = _REDUCTIONS[self.reduction]
        if reduction is None:
            raise ValueError(
                "reduction must give one number for a batch when training. "
                f"Received: loss with reduction={self.reduction!r}"
            )
        if self.is_python:
            return engine.make_loss("given_gradient", reduction=reduction)
        return engine.make_loss(self.kind, reduction=reduction, **self._options())

    @property
    def is_python(self) -> bool:
        """Whether ``call`` is the user's own, so that no engine has it."""
        return not self.kind or type(self).call is not Loss.call

    def _options(self) -> dict[str, Any]:
        """The options of the loss in the engine's words."""
        return {}

    def _word(self) -> engine.Loss:
        return engine.make_loss(self.kind, **self._options())

    def targets(self, y: Any, outputs: int, name: str = "y") -> NDArray[Any]:
        """Labels y as an engine reads them for ``outputs`` outputs: (N, K) float64. Those of a loss
        written in Python stay as they are.

        Raises
        ------
        ValueError
            If y has another shape, or holds NaN, infinity or what is no real number.
        """
        rows = real_labels(y, name)
        if self.is_python:
            return rows
        if rows.ndim == 1 and outputs == 1:
            rows = rows[:, None]
        if rows.ndim != 2 or rows.shape[1] != outputs:
            raise ValueError(
                f"{name} must have shape (samples, {outputs}) for {self.name}. "
                f"Received: {name} of shape {rows.shape}"
            )
        return np.ascontiguousarray(rows, np.float64)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each sample, the shape of y_pred without its last axis. A loss of one's own
        implements this (see :class:`Loss`)."""
        if not self.kind:
            raise NotImplementedError(f"{type(self).__name__} must implement call(y_true, y_pred)")
        return self._values(y_true, y_pred)[0]

    def _rows(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Labels and predictions with the same axes, as Keras matches them: one axis of length 1
        may be there in one and not in the other, and what is left broadcasts."""
        predictions = np.asarray(_checks.real_array("y_pred", y_pred), np.float64)
        labels = np.asarray(real_labels(y_true, "y_true") if np.ndim(y_true) else y_true)
        labels, predictions = same_rank(labels, predictions)
        try:
            labels, predictions = np.broadcast_arrays(labels, predictions)
        except ValueError:
            raise ValueError(
                "y_true and y_pred must have the same shape for "
                f"{self.name}. Received: shapes {np.shape(y_true)} and {np.shape(y_pred)}"
            ) from None
        return labels, predictions

    def _values(
        self, y_true: Any, y_pred: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
        """The loss of each sample, and which count in a mean (None: all)."""
        labels, predictions = self._rows(y_true, y_pred)
        shape, outputs = predictions.shape[:-1], predictions.shape[-1] if predictions.ndim else 1
        targets = self.targets(labels.reshape(-1, outputs), outputs, "y_true")
        values = self._word().values(predictions.reshape(-1, outputs), targets)
        return values.reshape(shape), None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The loss of a batch.

        Parameters
        ----------
        y_true : array_like
            Labels, as for ``fit``.
        y_pred : array_like
            (N, ..., K) outputs of the model.
        sample_weight : array_like, optional
            Weights that broadcast with the losses of the samples, (N, ...).

        Returns
        -------
        Tensor
            0-d, or the shape of the losses without reduction.
        """
        counted: NDArray[np.bool_] | None = None
        if self.is_python:
            found = self.call(y_true, y_pred)
            losses = np.asarray(found[0] if isinstance(found, tuple) else found, np.float64)
        else:
            losses, counted = self._values(y_true, y_pred)
        weights = np.ones_like(losses)
        if sample_weight is not None:
            given = np.asarray(_checks.real_array("sample_weight", sample_weight), np.float64)
            losses, given = same_rank(losses, given)
            try:
                losses, weights = np.broadcast_arrays(losses, given)
            except ValueError:
                raise ValueError(
                    f"sample_weight must have shape {losses.shape}. "
                    f"Received: sample_weight of shape {np.shape(sample_weight)}"
                ) from None
        reduction = _REDUCTIONS[self.reduction]
        if reduction is None:
            return as_tensor(losses * weights)
        if counted is not None:
            counted = np.broadcast_to(counted.reshape(losses.shape), losses.shape)
            losses, weights = losses[counted], weights[counted]
        factors = REDUCTIONS[reduction].factors(weights.ravel())
        return as_tensor((losses.ravel() * factors).sum())


class Plain(Loss):
    """Base of the losses without options of their own."""

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)


class AlongAxis(Loss):
    """Base of the losses whose outputs of one sample may lie along another axis than the last."""

    axis = -1

    def lower(self) -> engine.Loss:
        if self.axis != -1:
            raise ValueError(
                "axis must be -1 when training: samples lie along the others. "
                f"Received: loss with axis={self.axis}"
            )
        return super().lower()

    def _rows(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        labels, predictions = super()._rows(y_true, y_pred)
        return np.moveaxis(labels, self.axis, -1), np.moveaxis(predictions, self.axis, -1)


def real_labels(y: Any, name: str) -> NDArray[Any]:
    """y as an array of finite real numbers, with at least one axis."""
    array = np.atleast_1d(_checks.real_array(name, y))
    _checks.finite(name, array)
    return array


registry: Registry[Loss] = Registry("loss", Loss, "keras.losses")
register = registry.register
