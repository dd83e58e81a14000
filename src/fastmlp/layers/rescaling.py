"""A fixed linear map of the input, such as bytes to [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks, engine
from .._reading import allowance
from ..variable import Variable
from .axes import along, sizes_of
from .layer import Layer, register
from .shapes import Shape, broadcasts


@register("rescaling")
class Rescaling(Layer):
    """x * scale + offset. A number in front of a model costs nothing: rows are scaled as they are
    read, so that a model with ``Rescaling(1 / 255)`` trains from the bytes of an image.

    Parameters
    ----------
    scale, offset : float or array_like
        Finite numbers; arrays broadcast to a sample, (..., features).
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If scale or offset does not hold finite numbers, or does not broadcast to a sample.

    Examples
    --------
    >>> Rescaling(0.5).operations()
    [Rescaling(scale=0.5, offset=0.0)]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **options: Any) -> None:
        self.scale = _numbers("scale", scale)
        self.offset = _numbers("offset", offset)
        self._columns: list[Variable] = []  # scale and offset of each number of a sample
        super().__init__(**options)

    @property
    def _has_columns(self) -> bool:
        return isinstance(self.scale, list) or isinstance(self.offset, list)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes = sizes_of(input_shape)
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            if not broadcasts(np.shape(value), sizes):
                raise ValueError(
                    f"{name} must broadcast to a sample, {sizes}. "
                    f"Received: {name} of shape {np.shape(value)}"
                )
        return tuple(input_shape)

    def _make_weights(self, input_shape: Shape) -> None:
        if not self._has_columns:
            return
        sizes = sizes_of(input_shape)
        self._columns = []
        for name, value in (("scale", self.scale), ("offset", self.offset)):
            allowed = allowance()
            if allowed is not None:
                allowed.take(f"{name} of {self.name!r}", sizes)
            variable = Variable(np.broadcast_to(np.asarray(value), sizes).ravel(), name=name)
            variable.trainable, variable.state = False, True
            self._columns.append(variable)

    def _parameters(self) -> list[Variable]:
        return list(self._columns)

    def operations(self) -> list[engine.Operation]:
        if not self._has_columns:
            return [engine.Rescaling(self.scale, self.offset)]
        sizes = sizes_of(self.input_shape)
        return along(range(len(sizes)), sizes, [engine.Scaling(trainable=False)])


def _numbers(name: str, value: Any) -> Any:
    """A number, or finite ones as nested lists."""
    if np.ndim(value) == 0:
        return _checks.number(name, value)
    array = _checks.real_array(name, value)
    _checks.finite(name, array)
    return array.tolist()
