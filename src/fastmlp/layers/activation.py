"""Activation functions as layers of their own."""

from __future__ import annotations

from typing import Any

from .. import activations, engine
from .layer import Layer, register
from .shapes import Shape


class ActivationLayer(Layer):
    """A layer without weights that other layers can take as their activation:
    ``Dense(4, activation=LeakyReLU(0.1))``."""

    def lowered(self, shape: Shape) -> list[engine.Operation]:
        """What the layer is in the engine's words, for inputs of shape (None, ...)."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.lowered(input_shape)
        return input_shape

    def operations(self) -> list[engine.Operation]:
        return self.lowered(self.input_shape)


@register("activation")
class Activation(ActivationLayer):
    """Applies an activation function to its input.

    Parameters
    ----------
    activation : str, function, functools.partial or Layer
        See :func:`fastmlp.activations.get`.
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

    def lowered(self, shape: Shape) -> list[engine.Operation]:
        return activations.operations(self.activation, shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return activations.output_shape(self.activation, input_shape)


@register("identity")
class Identity(ActivationLayer):
    """Its input, unchanged.

    Parameters
    ----------
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Examples
    --------
    >>> Identity()([[1.0, -2.0]]).numpy()
    array([[ 1., -2.]])
    """

    def lowered(self, shape: Shape) -> list[engine.Operation]:
        return []
