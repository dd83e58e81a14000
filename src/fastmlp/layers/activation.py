"""An activation function as a layer of its own."""

from __future__ import annotations

from typing import Any

from .. import activations, engine
from .layer import Layer, register
from .shapes import Shape


@register("activation")
class Activation(Layer):
    """Applies an activation function to its input.

    Parameters
    ----------
    activation : str or function
        Name or function from :mod:`fastmlp.activations`.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If fastmlp has no such activation.

    Examples
    --------
    >>> Activation("tanh").compute_output_shape((None, 3))
    (None, 3)
    """

    def __init__(self, activation: Any, **options: Any) -> None:
        self.activation = activations.get(activation)
        super().__init__(**options)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        activations.operations(self.activation, input_shape)
        return input_shape

    def operations(self) -> list[engine.Operation]:
        return activations.operations(self.activation, self.output_shape)
