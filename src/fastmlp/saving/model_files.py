"""Files of whole models: ``save_model`` and ``load_model``.

What is read was written by anybody. A file can name fastmlp's own classes and what the caller
hands over, nothing else; nothing in it is imported or called; and no more memory is asked for than
it has bytes for.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .. import _checks, layers
from .._objects import within
from .._reading import at_most
from .._registry import serialize
from ..models import state as states
from ..models.model import Model
from ..models.state import State
from . import keras_files, legacy_files, npz
from .formats import OF_MODELS, ending
from .weight_files import MODEL, check_overwrite, set_optimizer

# Elements that a model may have beside those of its weights: moments that are numbers in the
# configuration, and the variables of metrics.
_FURTHER = 1 << 16
_OF_METRICS = 1 << 24
_DEEPEST = 100  # lists and dicts inside each other
_MOST_LAYERS = 10_000


@dataclass
class Content:
    """What a file has of a model."""

    config: Any
    compile_config: Any  # None, too, if it is not asked for
    elements: int  # of all weights
    state: Callable[[Any], State]  # by the names that the model gives them
    further: dict[str, Any] = field(default_factory=dict)  # what Keras's files have no place for


def save_model(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
) -> None:
    """Write a whole model to a file: what ``model.save`` does.

    Parameters
    ----------
    model : Model
        Built or not, compiled or not.
    filepath : str or os.PathLike
        Ends in ``.keras``, for Keras 3 as well, which takes the package h5py
        (``fastmlp[keras]``); or in ``.npz``, fastmlp's own format, which NumPy reads and which
        has a checksum. The folder must exist.
    overwrite : bool
        Whether to replace a file that is there.
    zipped : bool, optional
        True or None: a model is in one file.

    Raises
    ------
    TypeError
        If it is no model.
    ValueError
        If something of the model is no plain data, such as a learning rate that is a function, or
        is nothing that Keras has, for a ``.keras`` file.
    ImportError
        If h5py is needed and not installed.
    FileExistsError
        If the file is there and ``overwrite`` is False.
    OSError
        If it cannot be written; then the file that was there is as it was.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.npz")
    ...     save_model(model, path)
    ...     twin = load_model(path)
    >>> bool((twin.get_weights()[0] == model.get_weights()[0]).all())
    True
    """
    if not isinstance(model, Model):
        raise TypeError(f"model must be a fastmlp model. Received: model={model!r}")
    if zipped is not None:
        _checks.only("zipped", zipped, True)
    path = os.fspath(filepath)
    write = _WRITE[ending("filepath", path, OF_MODELS)]
    check_overwrite(path, _checks.boolean("overwrite", overwrite))
    if not model.built:
        warnings.warn(
            f"model {model.name!r} is saved before it is built: it has no weights yet", stacklevel=2
        )
    try:
        write(model, path)
    except TypeError as error:  # json's
        raise ValueError(
            f"model {model.name!r} must be made of plain data to be saved to {path}, without "
            f"functions that have no name to be found by. {error}"
        ) from error


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """The model of a file of :func:`save_model`, or of Keras, compiled as it was. Training goes on
    from there, to the very bits if fastmlp wrote the file.

    Parameters
    ----------
    filepath : str or os.PathLike
        Ends in ``.keras`` or ``.npz``; or in ``.h5``, Keras's older format.
    custom_objects : dict, optional
        What names of layers, losses, metrics and functions stand for that are not fastmlp's.
    compile : bool
        Whether to compile the model, if it was, and to give the optimizer its variables.
    safe_mode : bool
        True: fastmlp never runs what a file holds.

    Raises
    ------
    ValueError
        If the file is damaged, or asks for what fastmlp does not have; nothing of it has been
        imported or run.
    OSError
        If it cannot be read.
    """
    _checks.only("safe_mode", safe_mode, True)
    path = os.fspath(filepath)
    read = _READ[ending("filepath", path, tuple(_READ))]
    content = read(path, _checks.boolean("compile", compile))
    try:
        with within(custom_objects):
            return _made(content, path)
    except MemoryError:
        raise
    except Exception as error:  # of whatever a wrong configuration leads to
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} must be a file of a model that fastmlp has. {reason}") from error


def _made(content: Content, path: str) -> Model:
    _check(content.config)
    _check(content.compile_config)
    with at_most(content.elements + _FURTHER, values=False):
        model = layers.deserialize(content.config)
    if not isinstance(model, Model):
        raise ValueError(f"it is a {type(model).__name__}")
    compiled = content.compile_config is not None
    if compiled:
        with at_most(_OF_METRICS, values=True):
            model.compile_from_config(content.compile_config)
    state = content.state(model)
    variables, saved = dict(states.weights_of(model)), states.part_of(state, "layers")
    states.check_weights(variables, saved, "the file")
    for name, variable in variables.items():
        variable.assign(saved[name])
    if compiled:
        _set_further(model, content.further, variables)
        set_optimizer(model, states.part_of(state, "optimizer"), path)
    if "seeds" in state:
        states.set_seeds(model, states.checked_seeds(model, state))
    return model


def _check(config: Any, depth: int = 0) -> None:
    """ValueError for what no model has: a tower of lists, very many layers, huge sizes."""
    if depth > _DEEPEST:
        raise ValueError(f"its configuration is more than {_DEEPEST} levels deep")
    if isinstance(config, dict):
        if len(config.get("layers", ())) > _MOST_LAYERS:
            raise ValueError(f"it has more than {_MOST_LAYERS} layers")
        for name, value in config.items():
            if name.startswith("num_") and isinstance(value, int) and value > _FURTHER:
                raise ValueError(f"its {name} is {value}, more than {_FURTHER}")
            _check(value, depth + 1)
    elif isinstance(config, list):
        for value in config:
            _check(value, depth + 1)


# fastmlp's own format.


def _write_npz(model: Model, path: str) -> None:
    about = {"config": serialize(model), "compile": model.get_compile_config()}
    npz.save(path, MODEL, states.model_state(model), {**about, "further": further_of(model)})


def _read_npz(path: str, compiled: bool) -> Content:
    state, about = npz.load(path, MODEL)
    elements = sum(array.size for array in states.part_of(state, "layers").values())
    try:
        further = about["further"]
        arguments = about["compile"] if compiled else None
        return Content(about["config"], arguments, elements, lambda model: state, further)
    except KeyError as error:
        raise ValueError(f"{path} must have a configuration. Received: none of {error}") from error


def further_of(model: Model) -> dict[str, Any]:
    """What training depends on and no configuration has, by the names of weights: those without
    decay, and those that the optimizer has variables for, in its order."""
    optimizer = model.optimizer
    if optimizer is None:
        return {}
    names = {id(variable): name for name, variable in states.weights_of(model)}
    exempt = [name for name, v in states.weights_of(model) if optimizer._is_exempt(v)]
    slots = [names[id(v)] for v, _ in optimizer._slots.values() if id(v) in names]
    return {"exempt": exempt, "slots": slots}


def _set_further(model: Model, further: dict[str, Any], variables: dict[str, Any]) -> None:
    assert model.optimizer is not None
    exempt, slots = ([variables[n] for n in further.get(part, ())] for part in ("exempt", "slots"))
    model.optimizer.exclude_from_weight_decay(exempt)
    model.optimizer.build(slots)


# Keras's.


def _write_keras(model: Model, path: str) -> None:
    seeds = states.model_state(model)["seeds"].tolist()
    further = {**further_of(model), "engine": model._compiled_engine, "seeds": seeds}
    keras_files.save_model(model, path, further)


_WRITE: dict[str, Callable[[Model, str], None]] = {".keras": _write_keras, ".npz": _write_npz}
_READ: dict[str, Callable[[str, bool], Content]] = {
    ".keras": lambda path, compiled: Content(*keras_files.load_model(path, compiled)),
    ".npz": _read_npz,
    ".h5": lambda path, compiled: Content(*legacy_files.load_model(path, compiled)),
    ".hdf5": lambda path, compiled: Content(*legacy_files.load_model(path, compiled)),
}
