"""The functional model: a chain of layers from an input to an output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from ..layers.input import InputLayer
from ..layers.layer import Layer, register
from ..layers.symbolic import chain
from .sequential import Sequential, layers_of_config


@register("functional", module="keras.src.models.functional")
class Functional(Sequential):
    """What ``Model(inputs, outputs)`` makes: the layers on the way from one input to one output.

    Parameters
    ----------
    inputs : InputLayer or KerasTensor
        ``Input(shape)``, or what a layer of another model puts out; alone or in a list.
    outputs : KerasTensor
        What the last layer makes of it; alone or in a list.
    name : str, optional
        Defaults to functional, functional_1, ...
    trainable : bool
        Whether training changes the weights.

    Raises
    ------
    ValueError, TypeError
        If there are several inputs or outputs, a layer occurs twice, or outputs are not made of
        inputs.

    Examples
    --------
    >>> import fastmlp
    >>> x = fastmlp.Input((4,))
    >>> y = fastmlp.layers.Dense(3)(fastmlp.layers.Dense(5, activation="tanh")(x))
    >>> fastmlp.Model(x, y).output_shape
    (None, 3)
    """

    def __init__(
        self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True
    ) -> None:
        start, layers = chain(inputs, outputs)
        first = start if isinstance(start, InputLayer) else InputLayer(batch_shape=start.shape)
        super().__init__([first, *layers], trainable, name)
        self._made = True

    @property
    def layers(self) -> list[Layer]:
        """The layers, from the input, which is one of them as in Keras, to the output."""
        first = [] if self._input_layer is None else [self._input_layer]
        return [*first, *self._layers]

    def add(self, layer: Layer, rebuild: bool = True) -> None:
        """Refuse: only a Sequential grows.

        Raises
        ------
        AttributeError
            Always.
        """
        if hasattr(self, "_made"):
            self._refuse()
        super().add(layer, rebuild)

    def pop(self, rebuild: bool = True) -> NoReturn:
        """Refuse: only a Sequential shrinks.

        Raises
        ------
        AttributeError
            Always.
        """
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise AttributeError(
            f"layers of the functional model {self.name!r} are fixed; make another of its "
            "inputs and outputs"
        )

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Functional:
        """The model with this configuration and new weights; see ``Sequential.from_config``."""
        first, *rest = layers_of_config(config, custom_objects)
        at: Any = first
        for layer in rest:
            at = layer(at)
        return cls(first, at, config.get("name"), config.get("trainable", True))
