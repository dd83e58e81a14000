"""Activations along an axis of x."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import engine
from ..tensor import Tensor
from .registry import on_rows, register


def _softmax(axis: int = -1) -> engine.Softmax:
    return engine.Softmax()


def _log_softmax(axis: int = -1) -> engine.LogSoftmax:
    return engine.LogSoftmax()


def _sparsemax(axis: int = -1) -> engine.Sparsemax:
    return engine.Sparsemax()


def _glu(axis: int = -1) -> engine.Glu:
    return engine.Glu()


@register("softmax", word=_softmax, by_row=True)
def softmax(x: Any, axis: int = -1) -> Tensor:
    """exp(x - max(x)) / sum(exp(x - max(x))) of x, (...), along ``axis``.

    Examples
    --------
    >>> softmax([[0.0, 0.0]]).numpy()
    array([[0.5, 0.5]])
    """
    return on_rows(engine.Softmax(), x, axis)


@register("log_softmax", word=_log_softmax, by_row=True)
def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """x - max(x) - log(sum(exp(x - max(x)))) of x, (...), along ``axis``.

    Examples
    --------
    >>> log_softmax([[800.0, 0.0]]).numpy()
    array([[   0., -800.]])
    """
    return on_rows(engine.LogSoftmax(), x, axis)


@register("sparsemax", word=_sparsemax, by_row=True)
def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """max(x - tau, 0) of x, (...), with tau such that the sum along ``axis`` is 1.

    Notes
    -----
    Source: Martins, Astudillo, "From softmax to sparsemax", ICML 2016, algorithm 1. Keras 3.15's
    own sums the partial sums once more for tau, so that its outputs do not sum to 1 where more
    than one is not 0.

    Examples
    --------
    >>> sparsemax([[1.0, 0.5, -1.0]]).numpy()
    array([[0.75, 0.25, 0.  ]])
    """
    return on_rows(engine.Sparsemax(), x, axis)


@register("glu", word=_glu, by_row=True)
def glu(x: Any, axis: int = -1) -> Tensor:
    """a * sigmoid(g), a and g being the halves of x, (...), along ``axis``.

    Raises
    ------
    ValueError
        If the axis has an odd size.

    Notes
    -----
    Source: Dauphin, Fan, Auli, Grangier, "Language modeling with gated convolutional networks",
    ICML 2017.

    Examples
    --------
    >>> glu([[3.0, 0.0]]).numpy()
    array([[1.5]])
    """
    if np.ndim(x) and np.shape(x)[axis] % 2:
        raise ValueError(
            f"x must have an even size along axis {axis}. Received: x of shape {np.shape(x)}"
        )
    return on_rows(engine.Glu(), x, axis)
