"""What a model has learned, as named arrays: weights, the optimizer's variables, seeds.

Names do not depend on what layers are called, since names made by counting (dense_3) differ from
run to run: a layer is its class and its place among those of its class, as in Keras's files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._naming import snake_case
from ..saving import npz
from ..variable import Variable

if TYPE_CHECKING:
    from ..layers.layer import Layer
    from .compiled import CompiledModel

_TRAINING = "training state"

State = dict[str, NDArray[Any]]


def layers_of(layer: Layer, prefix: str = "layers") -> Iterator[tuple[str, Layer]]:
    """(name, layer) of all inside a layer, at any depth, such as ``layers/dense_1``."""
    counts: dict[str, int] = {}
    for inner in getattr(layer, "layers", ()):
        own = f"{prefix}/{_numbered(snake_case(type(inner).__name__), counts)}"
        yield own, inner
        yield from layers_of(inner, own)


def leaves_of(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """Those of them that have no layers inside."""
    return (named for named in layers_of(layer) if not getattr(named[1], "layers", None))


def weights_of(layer: Layer) -> Iterator[tuple[str, Variable]]:
    """(name, variable) of all weights, such as ``layers/dense_1/kernel``."""
    for prefix, leaf in leaves_of(layer):
        yield from weights_of_leaf(prefix, leaf)


def weights_of_leaf(prefix: str, leaf: Layer) -> Iterator[tuple[str, Variable]]:
    """(name, variable) of the weights of a layer of that name."""
    names: dict[str, int] = {}
    for variable in leaf.weights:
        yield f"{prefix}/{_numbered(variable.name, names)}", variable


def _numbered(name: str, counts: dict[str, int]) -> str:
    count = counts[name] = counts.get(name, -1) + 1
    return f"{name}_{count}" if count else name


def optimizer_state(model: CompiledModel) -> State:
    """The optimizer's variables by their place; none before its first use."""
    optimizer = model.optimizer
    if optimizer is None or not optimizer.built:
        return {}
    return {
        f"optimizer/{kind_of(model)}/{place}": np.array(variable)
        for place, variable in enumerate(optimizer.variables)
    }


def learned(model: CompiledModel) -> State:
    """The weights, and the optimizer's variables once it has any."""
    arrays = {name: variable.numpy() for name, variable in weights_of(model)}
    return {**arrays, **optimizer_state(model)}


def kind_of(model: CompiledModel) -> str:
    """What the model's optimizer is called in files."""
    return snake_case(type(model.optimizer).__name__)


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
    return model_state(model)


def model_state(model: CompiledModel) -> State:
    """The same of a model as it is: without an optimizer's variables if it has none yet."""
    seeds = [model._shuffle_seed, *(layer._drawn_seed for layer in _seeded(model))]
    return {**learned(model), "seeds": np.array(seeds, np.uint64)}


def set_training_state(model: CompiledModel, state: State) -> None:
    """Make a model what it was, to the bits that follow.

    Raises
    ------
    ValueError
        If the state is not one of this model and its optimizer; then nothing is changed.
    """
    variables = dict(weights_of(model))
    saved = part_of(state, "layers")
    check_weights(variables, saved, "the training state")
    seeds = checked_seeds(model, state)
    set_optimizer_state(model, part_of(state, "optimizer"))
    for name, variable in variables.items():
        variable.assign(saved[name])
    set_seeds(model, seeds)
    Variable.tick()


def part_of(state: State, part: str) -> State:
    """What belongs to "layers" or to the "optimizer"."""
    return {name: array for name, array in state.items() if name.startswith(f"{part}/")}


def checked_seeds(model: CompiledModel, state: State) -> list[int]:
    """The seeds that a state has; ValueError if they are not as many as the model needs."""
    seeds: list[int] = state["seeds"].tolist()
    expected = 1 + len(list(_seeded(model)))
    if len(seeds) != expected:
        raise ValueError(f"the training state must hold {expected} seeds. Received: {len(seeds)}")
    return seeds


def set_seeds(model: CompiledModel, seeds: Sequence[int]) -> None:
    """Make the seeds of orders and masks what they were."""
    model._shuffle_seed = seeds[0]
    for layer, seed in zip(_seeded(model), seeds[1:], strict=True):
        layer._drawn_seed = seed


def check_weights(variables: dict[str, Variable], saved: State, what: str) -> None:
    """ValueError if the arrays are not these weights', with the names and shapes that differ."""
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
