"""fastmlp: multilayer perceptrons in float64, fast on the CPU, with the words of Keras 3.

``import fastmlp as keras`` runs a Keras script that stays within Sequential models of dense
layers.

Examples
--------
>>> import fastmlp as keras
>>> model = keras.Sequential([
...     keras.Input((28, 28)),
...     keras.layers.Flatten(),
...     keras.layers.Dense(128, activation="relu"),
...     keras.layers.Dense(10),
... ])
>>> model.count_params()
101770
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import _compiled as _compiled  # first: its absence must show here, not at a first use
from .threads import get_num_threads, set_num_threads

if TYPE_CHECKING:
    from . import (
        activations,
        backend,
        callbacks,
        config,
        constraints,
        datasets,
        initializers,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        regularizers,
        saving,
        sklearn,
        utils,
    )
    from .initializers import Initializer
    from .layers import Input, InputSpec, Layer
    from .losses import Loss
    from .metrics import Metric
    from .models import Model, Sequential
    from .optimizers import Optimizer
    from .regularizers import Regularizer
    from .tensor import Tensor
    from .variable import Variable

__version__ = "0.1.0"

__all__ = [
    "Initializer",
    "Input",
    "InputSpec",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Regularizer",
    "Sequential",
    "Tensor",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "get_num_threads",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "regularizers",
    "saving",
    "set_num_threads",
    "sklearn",
    "utils",
    "version",
]


# What is imported at its first use (SPEC 1 of the scientific Python projects), so that a program
# waits for what it needs only: names of modules, and where the other names are at home.
_MODULES = frozenset(
    {
        "activations",
        "backend",
        "callbacks",
        "config",
        "constraints",
        "datasets",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "models",
        "ops",
        "optimizers",
        "regularizers",
        "saving",
        "sklearn",
        "utils",
    }
)
_HOMES = {
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "Tensor": "tensor",
    "Variable": "variable",
}


def version() -> str:
    """The version of fastmlp, "0.1.0" for one."""
    return __version__


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _HOMES:
        value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
