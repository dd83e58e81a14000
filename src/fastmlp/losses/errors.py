"""Losses of the errors between predictions and targets, means over the last axis."""

from __future__ import annotations

from typing import Any

from .. import _checks, config
from ..tensor import Tensor, as_tensor
from .loss import AlongAxis, Loss, Plain, register


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`MeanSquaredError`.

    Examples
    --------
    >>> mean_squared_error([[1.0]], [[3.0]]).numpy()
    array([4.])
    """
    return as_tensor(MeanSquaredError().call(y_true, y_pred))


@register("mean_squared_error", "mse", "MSE", function=mean_squared_error)
class MeanSquaredError(Plain):
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


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, as y_pred without its last axis:
    see :class:`MeanAbsoluteError`.

    Examples
    --------
    >>> mean_absolute_error([[1.0]], [[3.0]]).numpy()
    array([2.])
    """
    return as_tensor(MeanAbsoluteError().call(y_true, y_pred))


@register("mean_absolute_error", "mae", "MAE", function=mean_absolute_error)
class MeanAbsoluteError(Plain):
    """mean(abs(y_pred - y_true)) over the K outputs of a sample.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(MeanAbsoluteError()([[1.0, 2.0]], [[1.0, 4.0]]))
    1.0
    """

    kind = "mean_absolute_error"


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, as y_pred without its last axis:
    see :class:`MeanAbsolutePercentageError`.

    Examples
    --------
    >>> mean_absolute_percentage_error([[1.0]], [[3.0]]).numpy()
    array([200.])
    """
    return as_tensor(MeanAbsolutePercentageError().call(y_true, y_pred))


@register("mean_absolute_percentage_error", "mape", "MAPE", function=mean_absolute_percentage_error)
class MeanAbsolutePercentageError(Plain):
    """100 mean(abs(y_pred - y_true) / max(abs(y_true), epsilon)) over the K outputs of a sample,
    ``config.epsilon()``.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
    25.0
    """

    kind = "mean_absolute_percentage_error"

    def _options(self) -> dict[str, Any]:
        return {"epsilon": config.epsilon()}


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, as y_pred without its last axis:
    see :class:`MeanSquaredLogarithmicError`.

    Examples
    --------
    >>> mean_squared_logarithmic_error([[1.0]], [[1.0]]).numpy()
    array([0.])
    """
    return as_tensor(MeanSquaredLogarithmicError().call(y_true, y_pred))


@register("mean_squared_logarithmic_error", "msle", "MSLE", function=mean_squared_logarithmic_error)
class MeanSquaredLogarithmicError(Plain):
    """mean((log(1 + p) - log(1 + t))^2) over the K outputs of a sample, p and t being y_pred and
    y_true or ``config.epsilon()`` where they are less.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(MeanSquaredLogarithmicError()([[0.0]], [[0.0]]))
    0.0
    """

    kind = "mean_squared_logarithmic_error"

    def _options(self) -> dict[str, Any]:
        return {"epsilon": config.epsilon()}


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`Huber`.

    Examples
    --------
    >>> huber([[0.0]], [[3.0]], delta=2.0).numpy()
    array([4.])
    """
    return as_tensor(Huber(delta=delta).call(y_true, y_pred))


@register("huber", function=huber)
class Huber(Loss):
    """The mean over the K outputs of a sample of e^2 / 2 where abs(e) <= delta, else
    delta abs(e) - delta^2 / 2, e = y_pred - y_true.

    Parameters
    ----------
    delta : float
        Where squares give way to absolute values; at least 0.
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(Huber()([[0.0, 0.0]], [[1.0, 3.0]]))
    1.5
    """

    kind = "huber"

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.delta = _checks.number("delta", delta, 0.0)
        super().__init__(reduction=reduction, name=name or "huber_loss", dtype=dtype)

    def _options(self) -> dict[str, Any]:
        return {"delta": self.delta}


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`LogCosh`.

    Examples
    --------
    >>> log_cosh([[0.0]], [[0.0]]).numpy()
    array([0.])
    """
    return as_tensor(LogCosh().call(y_true, y_pred))


@register("log_cosh", "logcosh", function=log_cosh)
class LogCosh(Plain):
    """mean(log(cosh(y_pred - y_true))) over the K outputs of a sample, without overflow.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> round(float(LogCosh()([[0.0]], [[1000.0]])), 4)
    999.3069
    """

    kind = "log_cosh"


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`Poisson`.

    Examples
    --------
    >>> poisson([[0.0]], [[2.0]]).numpy()
    array([2.])
    """
    return as_tensor(Poisson().call(y_true, y_pred))


@register("poisson", function=poisson)
class Poisson(Plain):
    """mean(y_pred - y_true log(y_pred + epsilon)) over the K outputs of a sample,
    ``config.epsilon()``.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> round(float(Poisson()([[1.0]], [[1.0]])), 4)
    1.0
    """

    kind = "poisson"

    def _options(self) -> dict[str, Any]:
        return {"epsilon": config.epsilon()}


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`KLDivergence`.

    Examples
    --------
    >>> kl_divergence([[1.0, 0.0]], [[1.0, 0.0]]).numpy()
    array([0.])
    """
    return as_tensor(KLDivergence().call(y_true, y_pred))


@register("kl_divergence", "kld", "KLD", function=kl_divergence)
class KLDivergence(Plain):
    """sum(y_true log(y_true / y_pred)), both moved into [epsilon, 1], ``config.epsilon()``.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
    0.0
    """

    kind = "kl_divergence"

    def _options(self) -> dict[str, Any]:
        return {"epsilon": config.epsilon()}


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """The loss of each sample, y_pred without ``axis``; see :class:`CosineSimilarity`.

    Examples
    --------
    >>> cosine_similarity([[1.0, 0.0]], [[2.0, 0.0]]).numpy()
    array([-1.])
    """
    return as_tensor(CosineSimilarity(axis).call(y_true, y_pred))


@register("cosine_similarity", function=cosine_similarity)
class CosineSimilarity(AlongAxis):
    """-sum(y_true y_pred), each divided by its norm: -1 for the same direction.

    Parameters
    ----------
    axis : int
        Along which the numbers of one sample lie; training has the last, -1.
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(CosineSimilarity()([[1.0, 0.0]], [[2.0, 0.0]]))
    -1.0
    """

    kind = "cosine_similarity"

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.axis = _checks.integer("axis", axis, -32, 31)
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def _options(self) -> dict[str, Any]:
        return {"epsilon": config.epsilon()}
