"""Keras 2's files, which end in ``.h5``: read, not written."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..models import state as states
from ..models.state import State
from ..optimizers.optimizer import registry
from ..variable import Variable
from . import hdf5
from .files import read_file
from .hdf5 import Tree
from .keras_configs import from_keras
from .legacy_optimizers import config_of, variables_of

if TYPE_CHECKING:
    from ..layers.layer import Layer
    from ..models.compiled import CompiledModel

_ROOT, _KEPT = "model_weights", "optimizer_weights"
_ATTRIBUTES = ("model_config", "training_config", "layer_names", "weight_names")


def _read(content: bytes) -> Tree:
    tree = hdf5.read(content, *_ATTRIBUTES)
    if (_ROOT, "layer_names") not in tree.texts and ("", "layer_names") not in tree.texts:
        raise ValueError("it does not name its layers")
    return tree


def load_weights(model: CompiledModel, path: str) -> State:
    """The weights of a file of models, or of weights."""
    return read_file(path, "Keras 2", lambda content: _state(_read(content), model))


def load_model(
    path: str, compiled: bool
) -> tuple[Any, Any, int, Callable[[Any], State], dict[str, Any]]:
    """See :func:`fastmlp.saving.keras_files.load_model`."""

    def parts(content: bytes) -> Any:
        tree = _read(content)
        config = json.loads(tree.texts["", "model_config"][0])
        training = json.loads(tree.texts.get(("", "training_config"), ["null"])[0])
        return from_keras(config), _compiled(training) if compiled else None, tree

    config, arguments, tree = read_file(path, "Keras 2", parts)
    elements = sum(array.size for name, array in tree.arrays.items() if name.startswith(_ROOT))
    return config, arguments, elements, lambda model: _state(tree, model), {}


def _compiled(training: Any) -> Any:
    """The arguments of ``compile``."""
    if training is None:
        return None
    config = from_keras({**training, "optimizer_config": config_of(training["optimizer_config"])})
    kept = {key: config[key] for key in ("loss", "metrics", "weighted_metrics") if key in config}
    return {"optimizer": config["optimizer_config"], **kept}


def _state(tree: Tree, model: CompiledModel) -> State:
    """The file's arrays by the names that the model gives them: layer after layer, in each what is
    trained first."""
    root = f"{_ROOT}/" if (_ROOT, "layer_names") in tree.texts else ""
    groups = [f"{root}{name}" for name in tree.texts[root.rstrip("/"), "layer_names"]]
    kept = [(group, tree.texts.get((group, "weight_names"), [])) for group in groups]
    kept = [(group, names) for group, names in kept if names]
    layers = [layer for layer in model.layers if layer.weights]
    names_of = {id(variable): name for name, variable in states.weights_of(model)}
    if len(kept) != len(layers):
        raise ValueError(f"it has {len(kept)} layers with weights, and the model {len(layers)}")
    state: State = {}
    weights: dict[str, Variable] = {}
    for layer, (group, names) in zip(layers, kept, strict=True):
        arrays = [tree.arrays[f"{group}/{name}"] for name in names]
        for name, array, variable in zip(names, arrays, _ordered(layer), strict=True):
            state[names_of[id(variable)]] = array.astype(np.float64)
            weights[name.removesuffix(":0")] = variable
    return state | _optimizer(tree, model, weights)


def _ordered(layer: Layer) -> Iterator[Variable]:
    yield from layer.trainable_weights
    yield from layer.non_trainable_weights


def _optimizer(tree: Tree, model: CompiledModel, weights: dict[str, Variable]) -> State:
    """The optimizer's variables, in the order of the model's; those of another kind, or that do
    not fit, are left out with a warning."""
    names, kept = tree.texts.get((_KEPT, "weight_names"), []), model.optimizer
    if kept is None or not names:
        return {}
    arrays = {name: tree.arrays[f"{_KEPT}/{name}"] for name in names}
    found = list(arrays.values())
    if any(name.endswith(":0") for name in names):  # Keras 2's
        try:
            training = json.loads(tree.texts["", "training_config"][0])
            kind = config_of(training["optimizer_config"])["class_name"]
            if registry.find(kind) is not type(kept):
                raise ValueError(f"they are {kind}'s, and the model has {type(kept).__name__}")
            found = variables_of(names, arrays, kept, model.trainable_weights, weights)
        except ValueError as error:
            warnings.warn(f"the optimizer's variables are skipped: {error}", stacklevel=6)
            return {}
    return {f"optimizer/{states.kind_of(model)}/{place}": a for place, a in enumerate(found)}
