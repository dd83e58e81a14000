"""Hinge losses: yes is 1, no is -1 or 0."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor, as_tensor
from .loss import Loss, register


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`Hinge`.

    Examples
    --------
    >>> hinge([[1.0]], [[3.0]]).numpy()
    array([0.])
    """
    return as_tensor(Hinge().call(y_true, y_pred))


@register("hinge", function=hinge)
class Hinge(Loss):
    """mean(max(1 - y_true y_pred, 0)) over the K outputs of a sample. Targets are 1 and -1,
    or 1 and 0, which then means -1.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(Hinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.0
    """

    kind = "hinge"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`SquaredHinge`.

    Examples
    --------
    >>> squared_hinge([[1.0]], [[3.0]]).numpy()
    array([0.])
    """
    return as_tensor(SquaredHinge().call(y_true, y_pred))


@register("squared_hinge", function=squared_hinge)
class SquaredHinge(Loss):
    """mean(max(1 - y_true y_pred, 0)^2) over the K outputs of a sample. Targets are 1 and -1,
    or 1 and 0, which then means -1.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]]))
    1.25
    """

    kind = "squared_hinge"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`CategoricalHinge`.

    Examples
    --------
    >>> categorical_hinge([[1.0, 0.0]], [[3.0, 0.0]]).numpy()
    array([0.])
    """
    return as_tensor(CategoricalHinge().call(y_true, y_pred))


@register("categorical_hinge", function=categorical_hinge)
class CategoricalHinge(Loss):
    """max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0), y_true one-hot.

    Parameters
    ----------
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(CategoricalHinge()([[1.0, 0.0]], [[0.5, 0.5]]))
    1.0
    """

    kind = "categorical_hinge"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)
