"""The softmax as a layer."""

from __future__ import annotations

from typing import Any

from .. import engine
from .activation import ActivationLayer
from .axes import along, axis_or_axes, sample_axes, sizes_of
from .layer import register
from .shapes import Shape


@register("softmax")
class Softmax(ActivationLayer):
    """exp(x - max(x)) / sum(exp(x - max(x))) along an axis, or several, of x (B, ...).

    Parameters
    ----------
    axis : int or list of int
        Along which the outputs sum to 1.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If the input does not have the axes.
    TypeError
        If axis is no integer or list of them.

    Examples
    --------
    >>> Softmax()([[0.0, 0.0]]).numpy()
    array([[0.5, 0.5]])
    """

    def __init__(self, axis: Any = -1, **options: Any) -> None:
        self.axis = axis_or_axes(axis)
        super().__init__(**options)

    def lowered(self, shape: Shape) -> list[engine.Operation]:
        found = sample_axes(self.axis, shape, f"Softmax {self.name!r}")
        return along(found, sizes_of(shape), [engine.Softmax()])
