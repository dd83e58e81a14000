"""Files of weights, in four formats: what ``save_weights`` and ``load_weights`` do."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..models import state as states
from ..models.state import State
from . import keras_files, legacy_files, npz, safetensors_files
from .formats import OF_WEIGHTS, ending

if TYPE_CHECKING:
    from ..models.compiled import CompiledModel

WEIGHTS, MODEL = "weights", "model"

Save = Callable[["CompiledModel", str], None]
Load = Callable[["CompiledModel", str], State]


def _save_npz(model: CompiledModel, path: str) -> None:
    names = [layer.name for layer in model.layers]
    npz.save(path, WEIGHTS, states.learned(model), {"layers": names})


def _load_npz(model: CompiledModel, path: str) -> State:
    return npz.load(path, WEIGHTS, MODEL)[0]


def _load_model_file(model: CompiledModel, path: str) -> State:
    *_, state, _ = keras_files.load_model(path, compiled=False)
    return {name: array for name, array in state(model).items() if name != "seeds"}


_SAVE: dict[str, Save] = {
    ".weights.h5": keras_files.save_weights,
    ".npz": _save_npz,
    ".safetensors": safetensors_files.save_weights,
}
_LOAD: dict[str, Load] = {
    ".weights.h5": keras_files.load_weights,
    ".npz": _load_npz,
    ".safetensors": safetensors_files.load_weights,
    ".keras": _load_model_file,
    ".h5": legacy_files.load_weights,
    ".hdf5": legacy_files.load_weights,
}


def check_overwrite(path: str, overwrite: bool) -> None:
    """FileExistsError if something is there that is not to be replaced."""
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} exists, and overwrite is False")


def save_weights(model: CompiledModel, filepath: Any, overwrite: bool) -> None:
    """What ``Model.save_weights`` does."""
    path = os.fspath(filepath)
    save = _SAVE[ending("filepath", path, OF_WEIGHTS)]
    if not model.built:
        raise ValueError(f"model {model.name!r} must be built before its weights can be saved")
    check_overwrite(path, overwrite)
    save(model, path)


def load_weights(model: CompiledModel, filepath: Any, skip_mismatch: bool) -> None:
    """What ``Model.load_weights`` does."""
    path = os.fspath(filepath)
    load = _LOAD[ending("filepath", path, tuple(_LOAD))]
    if not model.built:
        raise ValueError(f"model {model.name!r} must be built before weights can be loaded")
    arrays = load(model, path)
    variables = dict(states.weights_of(model))
    saved, optimizer = states.part_of(arrays, "layers"), states.part_of(arrays, "optimizer")
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
        states.check_weights(variables, saved, path)
    for name, variable in variables.items():
        variable.assign(saved[name])
    set_optimizer(model, optimizer, path)


def set_optimizer(model: CompiledModel, variables: State, path: str) -> None:
    """Give a compiled model its optimizer's variables, if the file had any; one of another kind
    is left as it is, with a warning."""
    if variables and model.optimizer is not None:
        try:
            states.set_optimizer_state(model, variables)
        except ValueError as error:
            warnings.warn(f"{path}: the optimizer's variables are skipped: {error}", stacklevel=4)
