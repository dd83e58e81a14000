"""``tf.nn``, as far as the TensorFlow quickstart uses it."""

from __future__ import annotations

from typing import Any

from .. import activations
from ..tensor import Tensor


def softmax(logits: Any, axis: int = -1) -> Tensor:
    """exp(x - max(x)) / sum(exp(x - max(x))) of the logits x, (...), along ``axis``.

    Examples
    --------
    >>> softmax([[0.0, 0.0]]).numpy()
    array([[0.5, 0.5]])
    """
    return activations.softmax(logits, axis)


__all__ = ["softmax"]
