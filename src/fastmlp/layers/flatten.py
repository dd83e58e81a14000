"""Samples of any shape to vectors."""

from __future__ import annotations

import math

from .layer import Layer, register
from .shapes import Shape


@register("flatten")
class Flatten(Layer):
    """(None, a, b, ...) to (None, a * b * ...), last axis fastest. Costs nothing: no data moves.

    Parameters
    ----------
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Examples
    --------
    >>> Flatten().compute_output_shape((None, 28, 28))
    (None, 784)
    """

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (None, math.prod(size for size in input_shape[1:] if size is not None))
