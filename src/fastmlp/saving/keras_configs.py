"""Keras's configurations of models, and fastmlp's.

Both have the same keys. What differs: how a functional model says which layer comes after which,
the types that layers compute in, arguments that fastmlp has one value for and leaves out, and
what Keras 2 wrote otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._configured import _arguments
from ..layers.layer import registry as layers
from ..losses.loss import registry as losses
from ..metrics.metric import registry as metrics
from ..optimizers.optimizer import registry as optimizers

#: What fastmlp has and Keras does not.
_NOT_IN_KERAS = ("GaussianNLL", "Pinball", "ConfusionMatrix")

#: Arguments that fastmlp does not take: what they must be, so that leaving them out is right.
_ONLY: dict[str, tuple[Any, ...]] = {
    "fused": (True, False, None),  # a way to compute in Keras 2
    "virtual_batch_size": (None,),
    "adjustment": (None,),
    "quantization_config": (None,),
    "lora_rank": (None,),
    "lora_alpha": (None,),
    "rms_scaling": (False, None),
    "sparse": (False, None),
    "ragged": (False, None),
    "optional": (False, None),
    "type_spec": (None,),
    "decay": (0.0, None),
    "jit_compile": (True, False, None),
    "is_legacy_optimizer": (True, False, None),
    "batch_size": (None,),
}
#: Such that mean nothing to numbers.
_IDLE = ("dtype", "fn", "autocast")
_TYPES = ("float64", "float32", None)
_FAMILIES: dict[str, Any] = {
    "layers": layers,
    "losses": losses,
    "metrics": metrics,
    "optimizers": optimizers,
}

Config = dict[str, Any]


# From Keras's.


def from_keras(config: Any) -> Any:
    """The configuration of a model, or a part of one, in fastmlp's words.

    Raises
    ------
    ValueError, TypeError, KeyError
        If it holds code, or what fastmlp does not have.
    """
    if isinstance(config, list):
        return [from_keras(part) for part in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: from_keras(value) for key, value in config.items()}
    name, inner = config["class_name"], config["config"]
    if name in ("Lambda", "__lambda__"):
        raise ValueError(f"it has a {name}: code in a file is never run")
    if name in ("__numpy__", "__tensor__"):
        return inner["value"]
    told = {key: config[key] for key in ("module", "registered_name") if key in config}
    if name == "function" or not isinstance(inner, (dict, list)):
        return {**told, "class_name": name, "config": inner}
    if name in ("Functional", "Model", "Sequential"):
        inner = _model(name, inner)
    return {**told, "class_name": "Functional" if name == "Model" else name} | {
        "config": _arguments_of(str(name), str(told.get("module")), inner)
    }


def _model(name: str, config: Any) -> Config:
    """The arguments of a model, its layers one after the other."""
    if isinstance(config, list):  # of Keras 2.2 and before
        config = {"layers": config}
    listed = config["layers"]
    layers = listed if name == "Sequential" else list(_chain(config))
    kept = {key: config[key] for key in ("name", "trainable") if key in config}
    return {**kept, "layers": layers}


def _chain(config: Config) -> Iterator[Config]:
    """The layers of a functional model, from its input to its output.

    Raises
    ------
    ValueError
        If they are no chain.
    """
    by_name = {layer.get("name", layer["config"]["name"]): layer for layer in config["layers"]}
    found: list[Config] = []
    name: str | None = _lone("outputs", _sources(config["output_layers"]))
    while name is not None:
        if name not in by_name:
            raise ValueError(f"its layer {name!r} is not there, or there twice")
        layer = by_name.pop(name)
        found.append(layer)
        nodes = layer.get("inbound_nodes") or []
        name = _lone(f"inputs of {name!r}", _sources(nodes)) if nodes else None
    if by_name:
        raise ValueError(f"it is no chain of layers: {sorted(by_name)} lie beside it")
    yield from reversed(found)


def _sources(nodes: Any) -> list[str]:
    """The names of the layers that are mentioned as where something comes from."""
    if isinstance(nodes, dict):
        if nodes.get("class_name") == "__keras_tensor__":
            return [nodes["config"]["keras_history"][0]]
        return [name for value in nodes.values() for name in _sources(value)]
    if not isinstance(nodes, list):
        return []
    if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
        return [nodes[0]]  # layer, node, tensor
    return [name for part in nodes for name in _sources(part)]


def _lone(what: str, names: list[str]) -> str:
    if len(names) != 1:
        raise ValueError(f"fastmlp has chains of layers, and its {what} are {names}")
    return names[0]


def _arguments_of(name: str, module: str, config: Config) -> Config:
    """The arguments that fastmlp's class of that name has; of others as they are."""
    families = [part for part in module.split(".") if part in _FAMILIES] or [*_FAMILIES]
    known = next((cls for family in families if (cls := _FAMILIES[family].find(name))), None)
    accepted = _arguments(known) if isinstance(known, type) else tuple(config)
    _check_type(name, config.get("dtype"))
    arguments: Config = {}
    for key, value in _renamed(name, config):
        if key not in accepted and key in _ONLY:
            if value not in _ONLY[key]:
                raise ValueError(f"{name} with {key}={value!r} is not supported")
        elif key == "layers" or key not in _IDLE or (key in accepted and key != "dtype"):
            arguments[key] = from_keras(value)
    return arguments


def _renamed(name: str, config: Config) -> Iterator[tuple[str, Any]]:
    """Arguments as Keras 3 calls them."""
    for key, value in config.items():
        if key == "batch_input_shape":
            if name == "InputLayer":
                yield "batch_shape", value
            elif value is not None:
                yield "input_shape", value[1:]
        elif name == "LeakyReLU" and key == "alpha":
            yield "negative_slope", value
        elif name == "BatchNormalization" and key == "axis" and isinstance(value, list):
            yield key, value[0] if len(value) == 1 else value
        elif key == "lr":
            yield "learning_rate", value
        elif key == "reduction" and value == "auto":
            yield key, "sum_over_batch_size"
        else:
            yield key, value


def _check_type(name: str, dtype: Any) -> None:
    """ValueError for what is not computed in plain floating point, such as bytes."""
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    if dtype not in _TYPES and name != "InputLayer" and "IoU" not in name:
        raise ValueError(f"{name} of type {dtype!r} is not supported: fastmlp has float64")


# To Keras's.


def to_keras(model: Any, config: Config) -> Config:
    """A model's configuration as Keras reads it.

    Raises
    ------
    ValueError
        If the model has what Keras does not.
    """
    inner = {**config["config"]}
    kept = [*model.layers]
    if len(inner["layers"]) > len(kept):  # a Sequential does not list its input
        kept.insert(0, None)
    inner["layers"] = [
        to_keras(layer, told) if getattr(layer, "layers", None) is not None else _checked(told)
        for layer, told in zip(kept, inner["layers"], strict=True)
    ]
    if config["class_name"] == "Functional":
        inner |= _nodes(model, inner["layers"])
    return {**config, "config": inner}


def _nodes(model: Any, told: list[Config]) -> Config:
    """Which layer comes after which; noted in the layers' configurations, too."""
    before: Any = None
    for place, layer in enumerate(model.layers):
        name = layer.name
        told[place] = {**told[place], "name": name, "inbound_nodes": []}
        if before is not None:
            tensor = {"shape": list(before.output_shape), "dtype": "float64"}
            told_of = {**tensor, "keras_history": [before.name, 0, 0]}
            source = {"class_name": "__keras_tensor__", "config": told_of}
            told[place]["inbound_nodes"] = [{"args": [source], "kwargs": {}}]
        before = layer
    return {
        "input_layers": [told[0]["name"], 0, 0],
        "output_layers": [told[-1]["name"], 0, 0],
    }


def _checked(config: Any) -> Any:
    """A part of a configuration that Keras has, too."""
    if isinstance(config, list):
        return [_checked(part) for part in config]
    if not isinstance(config, dict):
        return config
    name = config.get("class_name")
    if name in _NOT_IN_KERAS or str(config.get("module")).startswith("fastmlp"):
        raise ValueError(
            f"Keras has no {name} as fastmlp has it: save the model to a file that ends in .npz"
        )
    if name == "Discretization":  # which in Keras does not take it
        inner = {key: value for key, value in config["config"].items() if key != "trainable"}
        config = {**config, "config": inner}
    # The input has the shape.
    return {key: _checked(value) for key, value in config.items() if key != "input_shape"}


def compile_to_keras(model: Any, config: Config | None) -> Config | None:
    """The arguments of ``compile`` as Keras reads them."""
    if config is None:
        return None
    told = {key: value for key, value in config.items() if key != "engine"}
    if isinstance(told["loss"], str) and type(model._loss) in set(losses._entries.values()):
        told["loss"] = {"module": "keras.losses", "class_name": type(model._loss).__name__} | {
            "config": model._loss.get_config(),
            "registered_name": None,
        }
    checked: Config = _checked({**told, "loss_weights": None})
    return checked
