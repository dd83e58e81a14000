"""The softmax as a layer."""

from __future__ import annotations

from typing import Any

from .. import _checks, activations, engine
from .layer import Layer, register
from .shapes import Shape


@register("softmax")
class Softmax(Layer):
    """exp(x - max(x)) / sum(exp(x - max(x))) along the last axis of (B, K).

    Parameters
    ----------
    axis : int
        The last: -1 or 1.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If axis is another, or the input is not (B, K).

    Examples
    --------
    >>> Softmax().operations()
    [Softmax()]
    """

    def __init__(self, axis: int = -1, **options: Any) -> None:
        self.axis = _checks.integer("axis", axis, -1, 1)
        if self.axis == 0:
            raise ValueError(
                "axis must be -1 or 1, the last of (batch, features). Received: axis=0"
            )
        super().__init__(**options)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        activations.operations(activations.softmax, input_shape)
        return input_shape

    def operations(self) -> list[engine.Operation]:
        return [engine.Softmax()]
