"""Models from models and configurations: clone_model, model_from_json."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from .. import layers
from ..layers.input import InputLayer
from .functional import Functional
from .model import Model
from .sequential import Sequential


def clone_model(model: Model, clone_function: Callable[[Any], Any] | None = None) -> Any:
    """A model of the same layers with weights of its own.

    Parameters
    ----------
    model : Model
        Not changed; the clone is not compiled.
    clone_function : callable, optional
        Makes of each layer, inputs left out, the one in its place; by default another with the
        same configuration, models inside being cloned as well.

    Raises
    ------
    ValueError
        If it is no model, or ``clone_function`` is given for a class of models of one's own.
    TypeError
        If ``clone_function`` returns no layer.

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(3, name="d")])
    >>> clone_model(model).get_layer("d") is model.get_layer("d")
    False
    """
    if not isinstance(model, Model):
        raise ValueError(f"model must be a fastmlp model. Received: model={model!r}")
    if type(model) not in (Sequential, Functional):
        if clone_function is not None:
            raise ValueError(
                "clone_function must be None for a class of models of one's own. "
                f"Received: clone_function={clone_function!r}, model={model!r}"
            )
        return type(model).from_config(model.get_config())
    made = []
    for layer in [*_inputs(model), *model._layers]:  # type: ignore[attr-defined]
        if clone_function is None and isinstance(layer, Model):
            made.append(clone_model(layer))
        elif clone_function is None or isinstance(layer, InputLayer):
            made.append(type(layer).from_config(layer.get_config()))
        else:
            made.append(_layer("clone_function", clone_function(layer)))
    if isinstance(model, Functional):
        at: Any = made[0]
        for layer in made[1:]:
            at = layer(at)
        return Functional(made[0], at, model.name, model.trainable)
    return Sequential(made, model.trainable, model.name)


def _inputs(model: Any) -> list[InputLayer]:
    return [] if model._input_layer is None else [model._input_layer]


def _layer(name: str, made: Any) -> layers.Layer:
    if not isinstance(made, layers.Layer):
        raise TypeError(f"{name} must return a layer. Received: {made!r}")
    return made


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that ``model.to_json()`` describes, with new weights.

    Parameters
    ----------
    json_string : str
        The description.
    custom_objects : dict, optional
        Names to classes and functions of one's own that it holds.

    Raises
    ------
    ValueError, TypeError
        If the string is no such description.

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(3)])
    >>> model_from_json(model.to_json()).count_params()
    9
    """
    try:
        config = json.loads(json_string)
    except ValueError as error:
        raise ValueError(f"json_string must be JSON, as from to_json(). {error}") from None
    made = layers.deserialize(config, custom_objects)
    if not isinstance(made, Model):
        raise ValueError(f"json_string must describe a model. Received: a {type(made).__name__}")
    return made
