"""Losses that Keras does not have: of quantiles, and of a mean with its variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ..engine.words import MOST_QUANTILES
from ..tensor import Tensor, as_tensor
from .loss import Loss, real_labels, register


class _Several(Loss):
    """A loss of several outputs for each of T targets."""

    def _outputs_each(self) -> int:
        """How many outputs belong to a target."""
        raise NotImplementedError

    def _spread(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Targets (N, T) with one for each output (N, K)."""
        raise NotImplementedError

    def targets(self, y: Any, outputs: int, name: str = "y") -> NDArray[Any]:
        """Labels y, (N, T) or (N,) for one target, as (N, K): each where its outputs are.

        Raises
        ------
        ValueError
            If the outputs are not so many for each target.
        """
        rows = np.asarray(real_labels(y, name), np.float64)
        rows = rows[:, None] if rows.ndim == 1 else rows
        each = self._outputs_each()
        if rows.ndim != 2 or rows.shape[1] * each != outputs:
            raise ValueError(
                f"{self.name} takes {each} outputs for each target, so {name} must have shape "
                f"(samples, {outputs / each:g}) for {outputs} outputs. "
                f"Received: {name} of shape {np.shape(y)}"
            )
        return np.ascontiguousarray(self._spread(rows))

    def _rows(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        predictions = np.asarray(_checks.real_array("y_pred", y_pred), np.float64)
        labels = real_labels(y_true, "y_true")
        if labels.ndim == predictions.ndim - 1:
            labels = labels[..., None]
        if labels.shape[:-1] != predictions.shape[:-1]:
            raise ValueError(
                "y_true and y_pred must hold equally many samples. "
                f"Received: shapes {np.shape(y_true)} and {np.shape(y_pred)}"
            )
        return labels, predictions

    def _values(
        self, y_true: Any, y_pred: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
        labels, predictions = self._rows(y_true, y_pred)
        outputs = predictions.shape[-1]
        targets = self.targets(labels.reshape(-1, labels.shape[-1]), outputs, "y_true")
        values = self._word().values(predictions.reshape(-1, outputs), targets)
        return values.reshape(predictions.shape[:-1]), None


def pinball(y_true: Any, y_pred: Any, quantile: float | Sequence[float] = 0.5) -> Tensor:
    """The loss of each sample; see :class:`Pinball`.

    Examples
    --------
    >>> pinball([[1.0]], [[0.0]], quantile=0.9).numpy()
    array([0.9])
    """
    return as_tensor(Pinball(quantile).call(y_true, y_pred))


@register("pinball", function=pinball)
class Pinball(_Several):
    """The mean over a sample's outputs of max(q (t - p), (q - 1) (t - p)): least where a share q of
    the targets t lies below the prediction p.

    For several quantiles a model has an output for each quantile of each target, the quantiles of
    the first target first: ``Dense(3)`` with ``Pinball((0.05, 0.5, 0.95))`` and one target.

    Source: Koenker and Bassett, "Regression quantiles", Econometrica 46 (1978).

    Parameters
    ----------
    quantile : float or sequence of float
        q, each in (0, 1); at most 9.
    reduction, name, dtype
        See :class:`Loss`.

    Raises
    ------
    ValueError
        If there are none or too many, or one is not in (0, 1).

    Examples
    --------
    >>> round(float(Pinball((0.1, 0.9))([[1.0]], [[0.0, 2.0]])), 4)
    0.1
    """

    kind = "pinball"

    def __init__(
        self,
        quantile: float | Sequence[float] = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        several = isinstance(quantile, (list, tuple, np.ndarray))
        given: tuple[Any, ...] = tuple(quantile) if several else (quantile,)  # type: ignore[arg-type]
        if not 0 < len(given) <= MOST_QUANTILES:
            raise ValueError(
                f"quantile must be one number or up to {MOST_QUANTILES}. "
                f"Received: quantile={quantile!r}"
            )
        self._quantiles = tuple(_checks.number("quantile", q, 0.0, 1.0) for q in given)
        if 0.0 in self._quantiles:
            raise ValueError(f"quantile must lie in (0, 1). Received: quantile={quantile!r}")
        self.quantile = self._quantiles if several else self._quantiles[0]
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def _options(self) -> dict[str, Any]:
        named = {f"quantile_{i + 1}": q for i, q in enumerate(self._quantiles)}
        return {"quantiles": len(self._quantiles), **named}

    def _outputs_each(self) -> int:
        return len(self._quantiles)

    def _spread(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.repeat(rows, len(self._quantiles), axis=1)


def gaussian_nll(
    y_true: Any,
    y_pred: Any,
    log_variance: bool = True,
    full: bool = False,
    epsilon: float = 1e-6,
) -> Tensor:
    """The loss of each sample; see :class:`GaussianNLL`.

    Examples
    --------
    >>> gaussian_nll([[1.0]], [[0.0, 0.0]]).numpy()
    array([0.5])
    """
    return as_tensor(GaussianNLL(log_variance, full, epsilon).call(y_true, y_pred))


@register("gaussian_nll", function=gaussian_nll)
class GaussianNLL(_Several):
    """The mean over the targets t of (log v + (t - m)^2 / v) / 2: the negative logarithm of a
    normal density of which the network gives mean m and variance v. The first half of the outputs
    are the means, the second the logarithms of the variances, or the variances themselves.

    Source: Nix and Weigend, "Estimating the mean and variance of the target probability
    distribution", ICNN 1994; PyTorch's GaussianNLLLoss.

    Parameters
    ----------
    log_variance : bool
        Whether the outputs are logarithms of variances, which any number can be.
    full : bool
        Whether to add the constant log(2 pi) / 2.
    epsilon : float
        Variances below it count as it, as in PyTorch with an unchanged gradient.
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(GaussianNLL()([[1.0]], [[0.0, 0.0]]))
    0.5
    """

    kind = "gaussian_nll"

    def __init__(
        self,
        log_variance: bool = True,
        full: bool = False,
        epsilon: float = 1e-6,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.log_variance = _checks.boolean("log_variance", log_variance)
        self.full = _checks.boolean("full", full)
        self.epsilon = _checks.number("epsilon", epsilon, 0.0)
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def _options(self) -> dict[str, Any]:
        return {"log_variance": self.log_variance, "full": self.full, "epsilon": self.epsilon}

    def _outputs_each(self) -> int:
        return 2

    def _spread(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([rows, rows], axis=1)
