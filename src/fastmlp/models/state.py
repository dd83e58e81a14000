"""What a model has learned, as named arrays: weights, the optimizer's variables, seeds.

Names do not depend on what layers are called, since names made by counting (dense_3) differ from
run to run: a layer is its class and its place among those of its class, as in Keras's files.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._naming import snake_case
from ..saving import npz
from ..variable import Variable

if TYPE_CHECKING:
    from ..layers.layer import Layer
    from .compiled import CompiledModel

_WEIGHTS, _TRAINING = "weights", "training state"

State = dict[str, NDArray[Any]]


def weights_of(layer: Layer, prefix: str = "layers") -> Iterator[tuple[str, Variable]]:
    """(name, variable) of all weights, such as ``layers/dense_1/kernel``."""
    counts: dict[str, int] = {}
    for inner in getattr(layer, "layers", ()):
        own = _numbered(snake_case(type(inner).__name__), counts)
        if getattr(inner, "layers", None):
            yield from weights_of(inner, f"{prefix}/{own}")
            continue
        names: dict[str, int] = {}
        for variable in inner.weights:
            yield f"{prefix}/{own}/{_numbered(variable.name, names)}", variable


def _numbered(name: str, counts: dict[str, int]) -> str:
    count = counts[name] = counts.get(name, -1) + 1
    return f"{name}_{count}" if count else name


def optimizer_state(model: CompiledModel) -> State:
    """The optimizer's variables by their place; none before its first use."""
    optimizer = model.optimizer
    if optimizer is None or not optimizer.built:
        return {}
    kind = snake_case(type(optimizer).__name__)
    return {
        f"optimizer/{kind}/{place}": np.array(variable)
        for place, variable in enumerate(optimizer.variables)
    }


def set_optimizer_state(model: CompiledModel, state: State) -> None:
    """Make the optimizer what it was.

    Raises
    ------
    ValueError
        If the variables are another optimizer's; then nothing is changed.
    """
    optimizer = model.optimizer
    assert optimizer is not None
    optimizer.build(model.trainable_weights)
    expected = {name: array.shape for name, array in optimizer_state(model).items()}
    received = {name: array.shape for name, array in state.items()}
    if expected != received:
        raise ValueError(
            f"optimizer {optimizer.name!r} has {len(expected)} variables whereas the saved "
            f"optimizer has {len(received)} variables, or they differ in kind or shapes"
        )
    for variable, name in zip(optimizer.variables, expected, strict=True):
        variable.assign(state[name])


# Training states: all that the rest of a training depends on.


def _seeded(layer: Layer) -> Iterator[Any]:
    """The layers that have drawn a seed, at any depth."""
    if hasattr(layer, "_drawn_seed"):
        yield layer
    for inner in getattr(layer, "layers", ()):
        yield from _seeded(inner)


def training_state(model: CompiledModel) -> State:
    """Weights, the optimizer's variables, and the seeds of orders and masks."""
    assert model.optimizer is not None
    model.optimizer.build(model.trainable_weights)
    seeds = [model._shuffle_seed, *(layer._drawn_seed for layer in _seeded(model))]
    return {
        **{name: variable.numpy() for name, variable in weights_of(model)},
        **optimizer_state(model),
        "seeds": np.array(seeds, np.uint64),
    }


def set_training_state(model: CompiledModel, state: State) -> None:
    """Make a model what it was, to the bits that follow.

    Raises
    ------
    ValueError
        If the state is not one of this model and its optimizer; then nothing is changed.
    """
    variables = dict(weights_of(model))
    layers = list(_seeded(model))
    saved = {name: array for name, array in state.items() if name.startswith("layers/")}
    _check_weights(variables, saved, "the training state")
    seeds = state["seeds"].tolist()
    if len(seeds) != 1 + len(layers):
        raise ValueError(
            f"the training state must hold {1 + len(layers)} seeds. Received: {len(seeds)}"
        )
    optimizer = {name: array for name, array in state.items() if name.startswith("optimizer/")}
    set_optimizer_state(model, optimizer)
    for name, variable in variables.items():
        variable.assign(saved[name])
    model._shuffle_seed = seeds[0]
    for layer, seed in zip(layers, seeds[1:], strict=True):
        layer._drawn_seed = seed
    Variable.tick()


def _check_weights(variables: dict[str, Variable], saved: State, what: str) -> None:
    lacking = [name for name in variables if name not in saved]
    further = [name for name in saved if name not in variables]
    if lacking or further:
        raise ValueError(
            f"{what} must hold the model's {len(variables)} weights. "
            f"Received: {len(saved)}, lacking {lacking}, and besides {further}"
        )
    for name, variable in variables.items():
        if saved[name].shape != variable.shape:
            raise ValueError(
                f"{what} must hold shape {variable.shape} for {name!r} ({variable.path}). "
                f"Received: shape {saved[name].shape}"
            )


def save_training_state(path: str, model: CompiledModel, further: State, about: Any) -> None:
    """Write a training state and what a callback adds to it; atomically."""
    npz.save(path, _TRAINING, {**training_state(model), **further}, about)


def load_training_state(path: str) -> tuple[State, dict[str, Any]]:
    """The state and what was said about it."""
    return npz.load(path, _TRAINING)


# Files of weights.


def _checked_path(filepath: Any) -> str:
    path = os.fspath(filepath)
    if not isinstance(path, str) or not path.endswith(".npz"):
        raise ValueError(
            "filepath must end in .npz, the one format of weights that fastmlp has so far; "
            f".weights.h5, .h5 and .keras are to come. Received: filepath={filepath!r}"
        )
    return path


def save_weights(model: CompiledModel, filepath: Any, overwrite: bool) -> None:
    """What ``Model.save_weights`` does."""
    path = _checked_path(filepath)
    if not model.built:
        raise ValueError(f"model {model.name!r} must be built before its weights can be saved")
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} exists, and overwrite is False")
    arrays = {name: variable.numpy() for name, variable in weights_of(model)}
    names = [layer.name for layer in model.layers]
    npz.save(path, _WEIGHTS, {**arrays, **optimizer_state(model)}, {"layers": names})


def load_weights(model: CompiledModel, filepath: Any, skip_mismatch: bool) -> None:
    """What ``Model.load_weights`` does."""
    path = _checked_path(filepath)
    if not model.built:
        raise ValueError(f"model {model.name!r} must be built before weights can be loaded")
    arrays, _ = npz.load(path, _WEIGHTS)
    variables = dict(weights_of(model))
    saved = {name: array for name, array in arrays.items() if name.startswith("layers/")}
    optimizer = {name: array for name, array in arrays.items() if name.startswith("optimizer/")}
    if skip_mismatch:
        fitting = {
            name: variable
            for name, variable in variables.items()
            if name in saved and saved[name].shape == variable.shape
        }
        skipped = sorted((variables.keys() | saved.keys()) - fitting.keys())
        if skipped:
            warnings.warn(f"{path}: weights that do not fit are skipped: {skipped}", stacklevel=3)
        variables, optimizer = fitting, {} if skipped else optimizer
    else:
        _check_weights(variables, saved, path)
    for name, variable in variables.items():
        variable.assign(saved[name])
    if optimizer and model.optimizer is not None:
        try:
            set_optimizer_state(model, optimizer)
        except ValueError as error:
            warnings.warn(f"{path}: the optimizer's variables are skipped: {error}", stacklevel=3)
