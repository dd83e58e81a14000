"""The Sequential model: layers one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import _checks, layers
from .._registry import serialize
from ..engine import LAYOUTS, Operation
from ..layers.input import InputLayer
from ..layers.layer import Layer, register
from ..layers.shaped import undone_if_it_fails
from ..layers.shapes import Shape
from ..layers.symbolic import KerasTensor
from ..variable import Variable
from .model import Model


@register("sequential", module="keras")
class Sequential(Model):
    """A stack of layers, each working on the output of the one before.

    Parameters
    ----------
    layers : list of Layer, optional
        Also models: they keep their weights, so that both see the same. If the first states the
        shape of a sample (``Input((784,))``, or ``input_shape=`` on any layer), the weights exist
        at once; otherwise from the first use with data on.
    trainable : bool
        Whether training changes the weights.
    name : str, optional
        Defaults to sequential, sequential_1, ...

    Raises
    ------
    ValueError, TypeError
        If something is not a layer, a name occurs twice, or shapes do not fit.

    Examples
    --------
    >>> import fastmlp
    >>> model = Sequential([fastmlp.Input((4,)), fastmlp.layers.Dense(3)])
    >>> model.output_shape
    (None, 3)
    >>> model.count_params()
    15
    """

    def __init__(
        self,
        layers: Sequence[Layer] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self._input_layer: InputLayer | None = None
        self._layers: list[Layer] = []
        if isinstance(layers, Layer):
            layers = [layers]
        for layer in _listed("layers", () if layers is None else layers):
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        """The layers, from input to output; the input itself is not one."""
        return list(self._layers)

    def add(self, layer: Layer, rebuild: bool = True) -> None:
        """Put a layer at the end; ``rebuild=False``: its weights are made when the model is built.

        Raises
        ------
        ValueError
            If it is not a layer, it is an input and not the first, its name is taken, it shares
            weights with a layer already here, or it is this model or has it inside. After an
            error, also one of memory, model and layer are as they were.
        """
        if not isinstance(layer, Layer):
            raise ValueError(
                "layer must be an instance of fastmlp.layers.Layer. "
                f"Received: layer={layer!r} (of type {type(layer).__name__})"
            )
        if _is_inside(self, layer):
            raise ValueError(
                f"layer must not be or contain the model {self.name!r} that it is added to. "
                f"Received: layer={layer!r}"
            )
        with self._lock, undone_if_it_fails(self, layer):
            if isinstance(layer, InputLayer):
                self._set_input(layer)
            else:
                self._append(layer, _checks.boolean("rebuild", rebuild))

    def _append(self, layer: Layer, rebuild: bool) -> None:
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(
                "names of the layers of a model must differ. "
                f"Received: a second layer with name={layer.name!r}"
            )
        if self._input_layer is None and not self._layers:
            shape = _known_sample_shape(layer)
            if shape is not None:
                self._set_input(InputLayer(shape))
        self._layers = [*self._layers, layer]
        if not self._trainable:
            layer.trainable = False
        self._rebuild(rebuild)

    def _set_input(self, layer: InputLayer) -> None:
        if self._input_layer is not None or self._layers:
            raise ValueError(
                f"an input must be the first and only one of a Sequential. Received: {layer!r}"
            )
        self._input_layer = layer
        self._rebuild()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer away and return it; ``rebuild=False``: the model is built later.

        Raises
        ------
        IndexError
            If there is none.
        """
        with self._lock:
            if not self._layers:
                raise IndexError(f"model {self.name!r} has no layers to pop")
            *self._layers, layer = self._layers
            self._rebuild(_checks.boolean("rebuild", rebuild))
        return layer

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Make the weights for inputs of shape (None, ...).

        Raises
        ------
        ValueError
            If the shape is missing or does not fit the layers, or the model was built for another.
        """
        if input_shape is None:
            if self._input_layer is None:
                raise ValueError(
                    "input_shape must be given to build a model without Input. "
                    "Received: input_shape=None"
                )
            return
        if not self._layers:
            raise ValueError(f"model {self.name!r} has no layers to build")
        with self._lock:
            super().build(input_shape)
            self._input_layer = self._input_layer or InputLayer(self.input_shape[1:])  # type: ignore[arg-type]
            self._connect()

    def _connect(self) -> None:
        """Note of each layer what it works on, as if it had been called on it."""
        at: Any = self._input_layer
        for layer in self._layers:
            at = layer._node = KerasTensor(layer, at)

    @property
    def inputs(self) -> list[Any]:
        """The model's one input as what other models can be made of, in a list."""
        if not self.built:
            raise ValueError(f"model {self.name!r} is not built: it has no inputs yet")
        return [self._input_layer]

    @property
    def outputs(self) -> list[Any]:
        """What the model's last layer puts out, in a list."""
        return [self._layers[-1].output if self._layers else inputs for inputs in self.inputs]

    @property
    def input(self) -> Any:
        """The model's one input."""
        return self.inputs[0]

    @property
    def output(self) -> Any:
        """What the model's last layer puts out."""
        return self.outputs[0]

    def to_json(self) -> str:
        """The configuration as JSON, for ``models.model_from_json``."""
        import json  # few need it

        return json.dumps(serialize(self))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.built:
            self._connect()

    def _rebuild(self, build: bool = True) -> None:
        """Layers have changed: shapes follow, and so will every engine that computes with them."""
        self._input_shape = self._output_shape = None
        if self._input_layer is not None and build:
            super().build(self._input_layer.input_shape)
            self._connect()
        self._forget_removed()
        Variable.tick()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = tuple(input_shape)
        for layer in self._layers:
            shape = layer.compute_output_shape(shape)
        return shape

    def _make_weights(self, input_shape: Shape) -> None:
        shape = input_shape
        for layer in self._layers:
            if not layer.built:
                layer._scope = "/".join(part for part in (self._scope, self.name) if part)
            layer.build(shape)
            shape = layer.output_shape
        weights = self.weights
        if len({id(variable) for variable in weights}) != len(weights):
            raise ValueError(
                "a layer can occur only once in a model, also inside nested models. "
                f"Received: a repeated layer in {self.name!r}"
            )

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name or place.

        Raises
        ------
        ValueError
            If there is none, or not exactly one of name and index is given.
        """
        if (name is None) == (index is None):
            raise ValueError(f"Give either name or index. Received: name={name!r}, index={index!r}")
        if index is not None:
            count = len(self.layers)
            return self.layers[_checks.integer("index", index, -count, count - 1)]
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = [layer.name for layer in self._layers]
        raise ValueError(f"name must be one of {known}. Received: name={name!r}")

    @property
    def weights(self) -> list[Variable]:
        """All weights, layer by layer."""
        return [variable for layer in self._layers for variable in layer.weights]

    def _parameters(self) -> list[Variable]:
        return [variable for layer in self._layers for variable in layer._parameters()]

    @property
    def category_limit(self) -> int | None:
        """That of the first layer behind those that only lay samples out."""
        for layer in self._layers:
            if layer.category_limit is not None:
                return layer.category_limit
            if not all(isinstance(operation, LAYOUTS) for operation in layer.operations()):
                break
        return None

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it sets it for all layers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = _checks.boolean("trainable", value)
        for layer in self._layers:
            layer.trainable = self._trainable
        Variable.tick()

    def operations(self) -> list[Operation]:
        return [o for layer in self._layers for o in layer.regularized_operations()]

    def get_config(self) -> dict[str, Any]:
        """Name and layers, as plain data; :meth:`from_config` makes an unweighted twin of it."""
        inputs = [] if self._input_layer is None else [self._input_layer]
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [serialize(layer) for layer in (*inputs, *self._layers)],
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Sequential:
        """The model with this configuration and new weights.

        Parameters
        ----------
        config : dict
            What ``get_config`` has made.
        custom_objects : dict, optional
            Names to classes and functions of one's own that it holds.

        Raises
        ------
        ValueError, TypeError
            If a layer's class is neither fastmlp's nor known, or this is not such a configuration.

        Examples
        --------
        >>> model = Sequential([layers.Input((4,)), layers.Dense(3)])
        >>> Sequential.from_config(model.get_config()).count_params()
        15
        """
        made = layers_of_config(config, custom_objects)
        return cls(made, trainable=config.get("trainable", True), name=config.get("name"))


def layers_of_config(config: Any, custom_objects: Mapping[str, Any] | None) -> list[Layer]:
    """The layers of a model's configuration, made anew.

    Raises
    ------
    ValueError, TypeError
        If a layer's class is neither fastmlp's nor known, or this is not such a configuration.
    """
    if not isinstance(config, dict) or "layers" not in config:
        raise TypeError(
            'config must be a dict with a list of "layers", as from get_config(). '
            f"Received: config={config!r}"
        )
    listed = _listed('config["layers"]', config["layers"])
    return [layers.deserialize(layer, custom_objects) for layer in listed]


def _listed(name: str, value: Any) -> list[Any]:
    try:
        return list(value)
    except TypeError:
        raise TypeError(f"{name} must be a list of layers. Received: {name}={value!r}") from None


def _is_inside(model: Layer, layer: Layer) -> bool:
    """Whether the layer is the model or has it among its layers, at any depth."""
    return layer is model or any(_is_inside(model, x) for x in getattr(layer, "layers", ()))


def _known_sample_shape(layer: Layer) -> tuple[int, ...] | None:
    """The shape of one sample that a first layer brings with it, if it does."""
    if layer.declared_shape is not None:
        return layer.declared_shape
    if layer.built:
        return tuple(size for size in layer.input_shape[1:] if size is not None)
    return None
