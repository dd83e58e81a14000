"""Hinge losses: yes is 1, no is -1 or 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensor import Tensor, as_tensor
from .loss import Plain, register


def signs(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Labels (...) for the engine, to which 0 means -1 and -0 is 0: 0 stays beside 1 only."""
    if np.isin(labels, (0.0, 1.0)).all():
        return labels
    return np.where(labels == 0.0, -0.0, labels)


class _OfSigns(Plain):
    """A loss whose labels are signs, or 1 and 0 for yes and no."""

    def targets(self, y: Any, outputs: int, name: str = "y") -> NDArray[Any]:
        """Labels (N, K). Among 1 and 0 only does 0 mean -1; else it is 0, the engine's -0."""
        return signs(super().targets(y, outputs, name))


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`Hinge`.

    Examples
    --------
    >>> hinge([[1.0]], [[3.0]]).numpy()
    array([0.])
    """
    return as_tensor(Hinge().call(y_true, y_pred))


@register("hinge", function=hinge)
class Hinge(_OfSigns):
    """mean(max(1 - y_true y_pred, 0)) over the K outputs of a sample. Targets are 1 and -1,
    or 1 and 0, which then means -1; a 0 beside other numbers is 0.

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


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`SquaredHinge`.

    Examples
    --------
    >>> squared_hinge([[1.0]], [[3.0]]).numpy()
    array([0.])
    """
    return as_tensor(SquaredHinge().call(y_true, y_pred))


@register("squared_hinge", function=squared_hinge)
class SquaredHinge(_OfSigns):
    """mean(max(1 - y_true y_pred, 0)^2) over the K outputs of a sample. Targets are 1 and -1,
    or 1 and 0, which then means -1; a 0 beside other numbers is 0.

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


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The loss of each sample, y_pred without its last axis; see :class:`CategoricalHinge`.

    Examples
    --------
    >>> categorical_hinge([[1.0, 0.0]], [[3.0, 0.0]]).numpy()
    array([0.])
    """
    return as_tensor(CategoricalHinge().call(y_true, y_pred))


@register("categorical_hinge", function=categorical_hinge)
class CategoricalHinge(Plain):
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
