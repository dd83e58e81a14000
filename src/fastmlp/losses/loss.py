"""The base of the losses: labels, reduction, and the loss of a batch."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks, config, engine
from .._configured import Configured
from .._registry import Registry
from ..engine import reference
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
        """The loss in the engine's words.

        Raises
        ------
        TypeError
            If the loss is written in Python, which no engine can run.
        ValueError
            If the reduction leaves more than one number a batch.
        """
        if not self.kind or type(self).call is not Loss.call:
            raise TypeError(
                "loss must be one of fastmlp's: an engine cannot run one written in Python. "
                f"Received: loss={self!r}"
            )
        reduction = _REDUCTIONS[self.reduction]
        if reduction is None:
            raise ValueError(
                "reduction must give one number for a batch when training. "
                f"Received: loss with reduction={self.reduction!r}"
            )
        return engine.Loss(
            self.kind, epsilon=config.epsilon(), reduction=reduction, **self._options()
        )

    def _options(self) -> dict[str, Any]:
        """The engine's options besides epsilon and reduction."""
        return {}

    def targets(self, y: Any, outputs: int, name: str = "y") -> NDArray[Any]:
        """Labels y as an engine reads them for ``outputs`` outputs: (N, K) float64.

        Raises
        ------
        ValueError
            If y has another shape, or holds NaN, infinity or what is no real number.
        """
        rows = real_labels(y, name)
        if rows.ndim == 1 and outputs == 1:
            rows = rows[:, None]
        if rows.ndim != 2 or rows.shape[1] != outputs:
            raise ValueError(
                f"{name} must have shape (samples, {outputs}) for {self.name}. "
                f"Received: {name} of shape {rows.shape}"
            )
        return np.ascontiguousarray(rows, np.float64)

    def call(self, y_true: Any, y_pred: Any) -> NDArray[np.float64]:
        """The loss of each sample (N,) from labels and predictions (N, K)."""
        predictions = np.asarray(y_pred, np.float64)
        if predictions.ndim != 2:
            raise ValueError(
                "y_pred must have shape (samples, outputs). "
                f"Received: y_pred of shape {predictions.shape}"
            )
        targets = self.targets(y_true, predictions.shape[1], "y_true")
        if len(targets) != len(predictions):
            raise ValueError(
                "y_true and y_pred must hold equally many samples. "
                f"Received: shapes {np.shape(y_true)} and {predictions.shape}"
            )
        loss = engine.Loss(self.kind, epsilon=config.epsilon(), **self._options())
        return reference.sample_losses(loss, predictions, targets)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The loss of a batch.

        Parameters
        ----------
        y_true : array_like
            Labels, as for ``fit``.
        y_pred : array_like
            (N, K) outputs of the model.
        sample_weight : array_like, optional
            (N,) weights.

        Returns
        -------
        Tensor
            0-d, or (N,) without reduction.
        """
        losses = self.call(y_true, y_pred)
        if sample_weight is not None and np.shape(sample_weight) not in ((), losses.shape):
            raise ValueError(
                f"sample_weight must have shape {losses.shape}. "
                f"Received: sample_weight of shape {np.shape(sample_weight)}"
            )
        weights = np.ones_like(losses) * (1.0 if sample_weight is None else sample_weight)
        reduction = _REDUCTIONS[self.reduction]
        if reduction is None:
            return as_tensor(losses * weights)
        factors = reference.reduction_factors(engine.Loss(self.kind, reduction=reduction), weights)
        return as_tensor((losses * factors).sum())


def real_labels(y: Any, name: str) -> NDArray[Any]:
    """y as an array of finite real numbers, with at least one axis."""
    array = np.atleast_1d(_checks.real_array(name, y))
    _checks.finite(name, array)
    return array


registry: Registry[Loss] = Registry("loss", Loss)
register = registry.register
