"""Hinges: how far outputs are from the right side of a margin."""

from __future__ import annotations

from typing import Any

from ..losses.margins import signs
from .mean import MeanMetricWrapper, SampleMean
from .metric import register
from .ranks import Float64Array, of_word, pair


def hinge(y_true: Any, y_pred: Any) -> Float64Array:
    """mean(max(1 - y_true y_pred, 0)) over a sample's K outputs: (N,). Labels are -1 and 1; those
    of a batch that are all 0 or 1 are made so.

    Examples
    --------
    >>> hinge([[0.0, 1.0]], [[0.5, 0.25]])
    array([1.125])
    """
    labels, outputs = pair(y_true, y_pred)
    return of_word("hinge", signs(labels), outputs)


def squared_hinge(y_true: Any, y_pred: Any) -> Float64Array:
    """mean(max(1 - y_true y_pred, 0)^2) over a sample's K outputs: (N,). Labels are -1 and 1; those
    of a batch that are all 0 or 1 are made so.

    Examples
    --------
    >>> squared_hinge([[0.0, 1.0]], [[0.5, 0.0]])
    array([1.625])
    """
    labels, outputs = pair(y_true, y_pred)
    return of_word("squared_hinge", signs(labels), outputs)


def categorical_hinge(y_true: Any, y_pred: Any) -> Float64Array:
    """max(max((1 - y_true) y_pred) - sum(y_true y_pred) + 1, 0) over a sample's K outputs: (N,).

    Examples
    --------
    >>> categorical_hinge([[0.0, 1.0]], [[0.5, 0.25]])
    array([1.25])
    """
    return of_word("categorical_hinge", *pair(y_true, y_pred))


@register(function=hinge)
class Hinge(MeanMetricWrapper):
    """Mean of max(1 - y_true y_pred, 0); see :func:`hinge`.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(Hinge()([[0.0, 1.0]], [[0.5, 0.25]]))
    1.125
    """

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: str | None = None) -> None:
        super().__init__(hinge, name, dtype)


@register(function=squared_hinge)
class SquaredHinge(MeanMetricWrapper):
    """Mean of max(1 - y_true y_pred, 0)^2; see :func:`squared_hinge`.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(SquaredHinge()([[0.0, 1.0]], [[0.5, 0.0]]))
    1.625
    """

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: str | None = None) -> None:
        super().__init__(squared_hinge, name, dtype)


@register(function=categorical_hinge)
class CategoricalHinge(SampleMean):
    """Mean of max(best wrong output - right output + 1, 0); see :func:`categorical_hinge`.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.25]]))
    1.25
    """

    _direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype: str | None = None) -> None:
        super().__init__(categorical_hinge, name, dtype)
