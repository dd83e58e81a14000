"""What Keras 2's optimizers kept for each weight, as Keras 3's keep it.

TensorFlow up to 2.10 named a slot ``Adam/dense/kernel/m:0``, later ones ``Adam/m/dense/kernel:0``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._objects import get_registered_object
from ..optimizers.adams import Adamax, Nadam
from ..optimizers.optimizer import registry
from ..variable import Variable
from .hdf5 import Arrays

_COUNTS = ("iter", "iteration")
_RATES = ("learning_rate", "current_learning_rate")

#: Names of slots that Keras 3 has changed.
_RENAMED = {
    **{"m": "momentum", "v": "velocity", "vhat": "velocity_hat", "u": "norm"},
    **{"rms": "velocity", "mg": "average_gradient"},
    **{"accum_grad": "accumulated_grad", "accum_var": "accumulated_delta_var"},
}


def config_of(config: Any) -> Any:
    """An optimizer's configuration as Keras 3 writes it; ``decay`` was a schedule without a name.

    Raises
    ------
    ValueError
        If it is Nadam of TensorFlow 2.10 or before.
    """
    name, inner = config["class_name"], {**config["config"]}
    own = str(name).removeprefix("Custom>")  # as TensorFlow from 2.11 on called its optimizers
    if own != name and get_registered_object(name) is None and registry.find(own):
        name = own
    if inner.get("decay"):
        if name == "Nadam":
            raise ValueError(
                "Nadam of TensorFlow 2.10 and before had another schedule of its momentum: "
                "load the model with compile=False"
            )
        schedule = {
            "initial_learning_rate": inner.pop("lr", inner.pop("learning_rate", None)),
            **{"decay_steps": 1, "decay_rate": inner.pop("decay")},
        }
        inner["learning_rate"] = {"class_name": "InverseTimeDecay", "config": schedule}
    return {**config, "class_name": name, "config": inner}


def variables_of(
    names: Sequence[str],
    arrays: Arrays,
    kept: Any,
    trainable: Sequence[Variable],
    weights: Mapping[str, Variable],
) -> list[NDArray[Any]]:
    """Build the optimizer ``kept`` and return the values of its variables, in its order, from a
    file's ``names`` and arrays; ``weights``: by the names that the file has for them. Those that
    are no longer trained keep the slots that they had.

    Raises
    ------
    ValueError
        If something in the file is of no such weight, or what the optimizer needs is not there.
    """
    steps = None
    slots: dict[tuple[int, str], NDArray[Any]] = {}
    for name in names:
        plain = name.removesuffix(":0")
        last = plain.rpartition("/")[2]
        if last in _COUNTS:
            steps = arrays[name]
        elif last not in _RATES:  # the configuration has it
            weight, slot = _slot(plain, weights)
            slots[id(weight), _renamed(slot, kept)] = arrays[name]
    if steps is None or steps.shape != ():
        raise ValueError("it does not tell how many steps were done")
    held, needed = {weight for weight, _ in slots}, {id(weight) for weight in trainable}
    others = [w for w in weights.values() if id(w) in held - needed]
    kept.build([*trainable, *others])
    found = {id(kept.steps): steps, **_by_variable(kept, slots)}
    product = [np.asarray(kept.lower().product(int(steps)))] if isinstance(kept, Nadam) else []
    own = kept.variables[: -1 if product else None]  # but Nadam's last, which is no slot
    return [*(found.get(id(variable), np.array(variable)) for variable in own), *product]


def _slot(name: str, weights: Mapping[str, Variable]) -> tuple[Variable, str]:
    """The weight and what is kept of it; before both is the optimizer's name."""
    parts = name.split("/")
    for start in range(1, len(parts) - 1):
        for slot, path in ((parts[start], parts[start + 1 :]), (parts[-1], parts[start:-1])):
            weight = weights.get("/".join(path))
            if weight is not None:
                return weight, slot
    raise ValueError(f"{name!r} is of none of its weights")


def _renamed(slot: str, kept: Any) -> str:
    """Keras 3's name of a slot; Adamax had a v of its own."""
    return "norm" if slot == "v" and isinstance(kept, Adamax) else _RENAMED.get(slot, slot)


def _by_variable(
    kept: Any, slots: Mapping[tuple[int, str], NDArray[Any]]
) -> dict[int, NDArray[Any]]:
    """The slots' values by the identities of the optimizer's variables."""
    values = {}
    for weight, made in kept._slots.values():
        for slot, variable in made.items():
            if (id(weight), slot) in slots:
                values[id(variable)] = slots[id(weight), slot]
            elif variable.shape != () or weight.shape == ():  # not Adafactor's place holders
                raise ValueError(f"it has no {slot} of {weight.path!r}")
    return values
