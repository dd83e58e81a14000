"""Models from configurations: clone_model, model_from_json."""

from __future__ import annotations

import json
from typing import Any

from .. import layers
from .model import Model


def clone_model(model: Model) -> Any:
    """A model of the same layers with weights of its own.

    Parameters
    ----------
    model : Model
        Not changed; the clone is not compiled.

    Raises
    ------
    ValueError
        If it is no model.

    Examples
    --------
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(3, name="d")])
    >>> clone_model(model).get_layer("d") is model.get_layer("d")
    False
    """
    if not isinstance(model, Model):
        raise ValueError(f"model must be a fastmlp model. Received: model={model!r}")
    return type(model).from_config(model.get_config())


def model_from_json(json_string: str) -> Any:
    """The model that ``model.to_json()`` describes, with new weights.

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
    made = layers.deserialize(config)
    if not isinstance(made, Model):
        raise ValueError(f"json_string must describe a model. Received: a {type(made).__name__}")
    return made
