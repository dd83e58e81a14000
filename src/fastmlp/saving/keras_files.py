"""Keras's own files: ``.keras`` and ``.weights.h5``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from .._registry import serialize
from ..models import state as states
from ..models.state import State
from . import archive, hdf5
from .files import read_file, replace_file
from .hdf5 import Tree
from .keras_configs import compile_to_keras, from_keras, to_keras

if TYPE_CHECKING:
    from ..models.compiled import CompiledModel
    from ..models.model import Model

_METADATA, _CONFIG, _WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
_LIKE = "3.15.1"  # the Keras that writes as these functions do


# Weights: by the class and the place of their layer, and by their own place in it.


def _group(prefix: str) -> str:
    """Keras's name of a layer's group from fastmlp's: a model's layers are below ``layers``."""
    first, *rest = prefix.split("/")
    return f"{first}/{'/layers/'.join(rest)}"


def tree_of(model: CompiledModel) -> tuple[dict[str, Any], dict[str, str]]:
    """The model's arrays, and the names of the groups that they are in."""
    arrays: dict[str, Any] = {}
    names = {"vars": model.name}
    for prefix, layer in states.layers_of(model):
        group = f"{_group(prefix)}/vars"
        names[group] = layer.name
        if getattr(layer, "layers", None):
            continue
        for place, variable in enumerate(layer.weights):
            value = variable.numpy()
            counts = variable.name == "count" and value.shape == ()
            arrays[f"{group}/{place}"] = value.astype(np.int32) if counts else value
    if model.optimizer is not None and model.optimizer.built:
        names["optimizer/vars"] = model.optimizer.name
        for place, variable in enumerate(model.optimizer.variables):
            arrays[f"optimizer/vars/{place}"] = np.array(variable)
    return arrays, names


def state_of(tree: Tree, model: CompiledModel) -> State:
    """A file's arrays by the names that the model gives them; those that it has no name for by
    their own. States of Keras's generators mean nothing to fastmlp's."""
    left = {name: array for name, array in tree.arrays.items() if name.startswith("layers/")}
    state: State = {}
    for prefix, layer in states.leaves_of(model):
        names = [name for name, _ in states.weights_of_leaf(prefix, layer)]
        for place, name in enumerate(names):
            array = left.pop(f"{_group(prefix)}/vars/{place}", None)
            if array is not None:
                state[name] = array.astype(np.float64)
    beside = ("/seed_generator/", "/optimizer/", "/metrics/")
    state |= {name: a for name, a in left.items() if not any(part in name for part in beside)}
    return state | optimizer_state(tree, model, "optimizer/vars/")


def optimizer_state(tree: Tree, model: CompiledModel, prefix: str) -> State:
    """The optimizer's variables, as those of the kind that the model has."""
    kind = states.kind_of(model)
    places = range(sum(name.startswith(prefix) for name in tree.arrays))
    found = [tree.arrays[f"{prefix}{place}"] for place in places]
    return {f"optimizer/{kind}/{place}": array for place, array in enumerate(found)}


def elements_of(tree: Tree, prefix: str) -> int:
    """How many elements the arrays have whose names begin so."""
    return sum(array.size for name, array in tree.arrays.items() if name.startswith(prefix))


def save_weights(model: CompiledModel, path: str) -> None:
    """Write a file of ``.weights.h5``."""
    content = hdf5.write(*tree_of(model))
    replace_file(path, lambda file: file.write(content))


def load_weights(model: CompiledModel, path: str) -> State:
    """Read one."""
    return read_file(path, "Keras's weights", lambda found: state_of(hdf5.read(found), model))


# Whole models.


def save_model(model: Model, path: str, further: dict[str, Any]) -> None:
    """Write a ``.keras`` file; ``further`` is what Keras has no place for.

    So is the configuration of ``compile`` with an optimizer that Keras has not: Keras reads such a
    model as one that is not compiled.
    """
    config = to_keras(model, serialize(model))
    compiled = compile_to_keras(model, model.get_compile_config())
    further = {"version": __version__, **further}
    if compiled is not None:
        assert model.optimizer is not None
        place = further if model.optimizer.moves_by_itself else config
        place["compile_config"] = compiled
    metadata = {
        "keras_version": _LIKE,
        "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S"),
        "fastmlp": further,
    }
    members = {
        _METADATA: json.dumps(metadata).encode(),
        _CONFIG: json.dumps(config).encode(),
        _WEIGHTS: hdf5.write(*tree_of(model)),
    }
    replace_file(path, lambda file: archive.write(file, members.items()))


def load_model(
    path: str, compiled: bool
) -> tuple[Any, Any, int, Callable[[Any], State], dict[str, Any]]:
    """Read one: the configuration in fastmlp's words, that of ``compile`` if it is asked for, how
    many elements the weights have, the arrays by the names that a model gives them, and what else
    fastmlp said."""

    def parts(content: bytes) -> Any:
        members = archive.read(content)
        config, metadata = json.loads(members[_CONFIG]), json.loads(members[_METADATA])
        further = metadata.get("fastmlp", {})
        if not isinstance(further, dict):
            raise TypeError(f"its metadata are {metadata!r}")
        told = config.get("compile_config") or further.get("compile_config")
        arguments = from_keras(told or None) if compiled else None
        if arguments is not None:
            arguments = {**arguments, "engine": further.get("engine")}
        return from_keras(config), arguments, hdf5.read(members[_WEIGHTS]), further

    config, arguments, tree, further = read_file(path, "Keras", parts)

    def state(model: Any) -> State:
        found = state_of(tree, model)
        if "seeds" in further:
            found["seeds"] = np.array(further["seeds"], np.uint64)
        return found

    return config, arguments, elements_of(tree, "layers/"), state, further
