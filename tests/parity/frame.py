"""Cases: scripts that take the module ``keras``, be it Keras or fastmlp, and return numbers.

A case is a function of a module in ``cases/``::

    @case
    def momentum(keras):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        model.set_weights(uniform(1, model))
        ...
        return {"weights": model.get_weights(), "history": history.history, "output": outputs}

What it returns is flattened to arrays with names: dicts and lists by their keys and places,
numbers, strings and arrays as they are. ``make.py`` stores what Keras returns;
``tests/test_parity_suite.py`` runs each case on both engines of fastmlp and compares.

This file needs NumPy alone, since it is imported where fastmlp is not installed.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Script = Callable[[Any], dict[str, Any]]

CASES_FOLDER = Path(__file__).parent / "cases"
GOLDEN = Path(__file__).parent / "golden"

# Two correct computations in float64 differ by the order of sums alone, some 1e-14 after the few
# steps of a case; a wrong formula shows at 1e-8 or above. What the project promises.
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Case:
    """A script and how closely fastmlp must follow Keras; engines: on which it runs."""

    family: str
    name: str
    script: Script
    tolerance: float
    engines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.family}/{self.name}"


_found: list[Case] = []


def case(
    script: Script | None = None,
    *,
    tolerance: float = TOLERANCE,
    why: str = "",
    engines: tuple[str, ...] = ("reference", "native"),
) -> Any:
    """Decorator: the function is a case. A ``tolerance`` beyond the usual one needs a ``why``;
    what has no model needs one engine only."""
    if tolerance > TOLERANCE and not why:
        raise ValueError("a looser tolerance needs a reason")

    def add(function: Script) -> Script:
        family = function.__module__.rsplit(".", 1)[-1]
        _found.append(Case(family, function.__name__, function, tolerance, engines))
        return function

    return add if script is None else add(script)


def families() -> list[str]:
    """Names of the modules in cases/."""
    return sorted(module.name for module in pkgutil.iter_modules([str(CASES_FOLDER)]))


def cases_of(family: str) -> list[Case]:
    """The cases of one family, in the order in which they are written."""
    importlib.import_module(f"parity.cases.{family}")
    return [found for found in _found if found.family == family]


def flat(value: Any, name: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """(name, array) of everything in what a case returned."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from flat(part, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)) and not all(np.isscalar(part) for part in value):
        for place, part in enumerate(value):
            yield from flat(part, f"{name}.{place}")
    else:
        array = np.asarray(value)
        if array.dtype.kind not in "biufU":
            raise TypeError(f"{name} is {type(value).__name__}, no number or string: {value!r}")
        yield name, array


# -- what scripts share --


def stream(seed: int) -> np.random.RandomState:
    """Random numbers that no version of NumPy changes."""
    return np.random.RandomState(seed)


def uniform(seed: int, model: Any, limit: float = 0.5) -> list[np.ndarray]:
    """Values in [-limit, limit) for each of the weights of a built model."""
    rng = stream(seed)
    return [rng.uniform(-limit, limit, np.shape(w)) for w in model.get_weights()]


def regression(seed: int, rows: int = 24, inputs: int = 3, outputs: int = 2) -> Any:
    """x (rows, inputs) and y (rows, outputs), a smooth function of x with some noise."""
    rng = stream(seed)
    x = rng.uniform(-1.0, 1.0, (rows, inputs))
    y = np.sin(x @ rng.uniform(-1.0, 1.0, (inputs, outputs)) * 2.0)
    return x, y + rng.uniform(-0.1, 0.1, y.shape)


def classes(seed: int, rows: int = 24, inputs: int = 3, outputs: int = 4) -> Any:
    """x (rows, inputs) and class indices (rows,), every class being there."""
    rng = stream(seed)
    x = rng.uniform(-1.0, 1.0, (rows, inputs))
    y = (x @ rng.uniform(-1.0, 1.0, (inputs, outputs))).argmax(axis=1)
    y[:outputs] = np.arange(outputs)
    return x, y.astype(np.int32)


def mlp(keras: Any, inputs: int = 3, outputs: int = 2, last: Any = None) -> Any:
    """A model inputs-4-outputs with tanh, and weights of its own."""
    model = keras.Sequential(
        [
            keras.Input((inputs,)),
            keras.layers.Dense(4, activation="tanh"),
            keras.layers.Dense(outputs, activation=last),
        ]
    )
    model.set_weights(uniform(1, model))
    return model


def optimizer_variables(model: Any) -> list[np.ndarray]:
    """All variables of the model's optimizer, in Keras's order."""
    return [np.asarray(variable) for variable in model.optimizer.variables]
