"""Samples of any shape to vectors."""

from __future__ import annotations

import math
from typing import Any

from .layer import Layer, register
from .shapes import Shape


@register("flatten")
class Flatten(Layer):
    """(None, a, b, ...) to (None, a * b * ...), last axis fastest. Costs nothing: no data moves.

    Parameters
    ----------
    data_format : {"channels_last", None}
        The order of axes: as they are.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Examples
    --------
    >>> Flatten().compute_output_shape((None, 28, 28))
    (None, 784)
    """

    def __init__(self, data_format: str | None = None, **options: Any) -> None:
        if data_format not in (None, "channels_last"):
            raise ValueError(
                'data_format must be "channels_last" or None in fastmlp. '
                f"Received: data_format={data_format!r}"
            )
        self.data_format = "channels_last"
        super().__init__(**options)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (None, math.prod(size for size in input_shape[1:] if size is not None))
