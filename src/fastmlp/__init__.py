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

from . import (
    activations,
    backend,
    callbacks,
    config,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    utils,
)
from .layers import Input, Layer
from .models import Model, Sequential
from .tensor import Tensor
from .threads import get_num_threads, set_num_threads
from .variable import Variable

if TYPE_CHECKING:
    from . import datasets

__version__ = "0.1.0"

__all__ = [
    "Input",
    "Layer",
    "Model",
    "Sequential",
    "Tensor",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "config",
    "datasets",
    "get_num_threads",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "set_num_threads",
    "utils",
]


def __getattr__(name: str) -> Any:
    """Import ``fastmlp.datasets`` at its first use: reading archives needs modules that would
    take a tenth of the package's import time."""
    if name == "datasets":
        import importlib

        return importlib.import_module(".datasets", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
