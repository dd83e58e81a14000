"""The softmax as a layer."""

from __future__ import annotations

from typing import Any

from .. import activations, engine
from .activation import ActivationLayer
from .layer import register
from .shapes import Shape


@register("softmax")
class Softmax(ActivationLayer):
    """exp(x - max(x)) / sum(exp(x - max(x))) along the last axis of (B, K).

    Parameters
    ----------
    axis : int, or list of one
        The last: -1 or 1.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If axis is another, or the input is not (B, K).

    Examples
    --------
    >>> Softmax()([[0.0, 0.0]]).numpy()
    array([[0.5, 0.5]])
    """

    def __init__(self, axis: Any = -1, **options: Any) -> None:
        axes = list(axis) if isinstance(axis, (list, tuple)) else [axis]
        if len(axes) != 1 or isinstance(axes[0], bool) or axes[0] not in (-1, 1):
            raise ValueError(
                f"axis must be -1 or 1, the last of (batch, features). Received: axis={axis!r}"
            )
        self.axis = axis
        super().__init__(**options)

    def lowered(self, shape: Shape) -> list[engine.Operation]:
        return activations.operations(activations.softmax, shape)
