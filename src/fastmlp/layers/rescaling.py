"""A fixed linear map of the input, such as bytes to [0, 1]."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine
from .layer import Layer, register


@register("rescaling")
class Rescaling(Layer):
    """x * scale + offset. In front of a model it costs nothing: rows are scaled as they are read,
    so that a model with ``Rescaling(1 / 255)`` trains from the bytes of an image.

    Parameters
    ----------
    scale, offset : float
        Finite numbers.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If scale or offset is not a finite number.

    Examples
    --------
    >>> Rescaling(0.5).operations()
    [Rescaling(scale=0.5, offset=0.0)]
    """

    def __init__(self, scale: float, offset: float = 0.0, **options: Any) -> None:
        self.scale = _checks.number("scale", scale)
        self.offset = _checks.number("offset", offset)
        super().__init__(**options)

    def operations(self) -> list[engine.Operation]:
        return [engine.Rescaling(self.scale, self.offset)]
