"""Store the names that Keras exports, and the arguments of each: golden/surface.json.

    python tests/parity/surface.py

with keras and jax installed. ``coverage.py`` holds fastmlp against it.
"""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras

STORED = Path(__file__).parent / "golden" / "surface.json"

# Modules of Keras in which somebody with an MLP may look for a name.
MODULES = (
    "",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets.boston_housing",
    "datasets.california_housing",
    "datasets.cifar10",
    "datasets.cifar100",
    "datasets.fashion_mnist",
    "datasets.imdb",
    "datasets.mnist",
    "datasets.reuters",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "optimizers.schedules",
    "random",
    "regularizers",
    "saving",
    "utils",
)
# Classes whose methods are what people call.
CLASSES = ("Model", "Sequential", "layers.Layer", "optimizers.Optimizer", "metrics.Metric")


def arguments(thing: Any) -> list[str] | None:
    """Names of what a class or function takes; None if Python cannot tell."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    star = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.kind not in star and p.name != "self"]


def find(path: str) -> Any:
    """What has that name in Keras."""
    thing: Any = keras
    for part in filter(None, path.split(".")):
        thing = getattr(thing, part)
    return thing


def names_of(module: Any) -> list[str]:
    """Public names, submodules and Python's own left out."""
    return sorted(
        name
        for name in dir(module)
        if not name.startswith("_") and not isinstance(getattr(module, name), ModuleType)
    )


def surface() -> dict[str, dict[str, list[str] | None]]:
    """Module or class -> name -> arguments."""
    found = {}
    for path in (*MODULES, *CLASSES):
        thing = find(path)
        members = {name: getattr(thing, name) for name in names_of(thing)}
        found[path or "keras"] = {
            name: arguments(member) if callable(member) else None
            for name, member in members.items()
        }
    return found


if __name__ == "__main__":
    made_by = {"made_by": keras.__version__}
    STORED.write_text(json.dumps(made_by | surface(), indent=0, sort_keys=True) + "\n")
