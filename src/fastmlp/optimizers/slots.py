"""What an optimizer keeps for each weight, and its count of steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._configured import Configured
from .._locks import Lock
from ..variable import Variable
from .settings import Iterations


class SlotKeeper(Configured):
    """Base of the optimizers: slots by weight."""

    use_ema: Any
    gradient_accumulation_steps: Any

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps = Iterations.at(f"{name}/iteration")
        self._lock = Lock()  # of the slots
        # By the weight's identity: weights compare elementwise. The weight is kept beside its
        # slots, so that no other can take its identity.
        self._slots: dict[int, tuple[Variable, dict[str, Variable]]] = {}

    # What an optimizer of its own kind says.

    @property
    def slot_names(self) -> tuple[str, ...]:
        """Names of the arrays kept for each weight, beside averages and gathered gradients."""
        return ()

    def _slot_groups(self) -> tuple[tuple[str, ...], ...]:
        """Names of slots that Keras lists together, weight by weight."""
        return (self.slot_names,)

    def _initial_slot(self, name: str, variable: Variable) -> NDArray[np.float64]:
        """What a slot of a weight starts from."""
        return np.zeros(variable.shape)

    def _engine_slots(self, variable: Variable) -> tuple[str, ...]:
        """Those of a weight's slots that the engine has, in its order."""
        return self.slot_names

    def begin(self, variables: Iterable[Variable]) -> None:
        """Before the first step of these weights."""

    # Keeping them.

    @property
    def built(self) -> bool:
        """Whether slots have been made."""
        return bool(self._slots)

    def _all_names(self) -> tuple[str, ...]:
        gathered = ("gradient_accumulator",) if self.gradient_accumulation_steps else ()
        return (*self.slot_names, *gathered, *(("average",) if self.use_ema else ()))

    def slots(self, variable: Variable) -> list[Variable]:
        """The arrays that training keeps for a weight, in the engine's order: the optimizer's own,
        then the sum of gradients if they accumulate, then the average if there is one."""
        names = self._all_names()
        with self._lock:
            _, known = self._slots.get(id(variable), (variable, {}))
            made = {
                name: known[name] if name in known else self._make_slot(name, variable)
                for name in names
            }
            self._slots[id(variable)] = (variable, made)
        return [
            made[name] for name in (*self._engine_slots(variable), *names[len(self.slot_names) :])
        ]

    def _make_slot(self, name: str, variable: Variable) -> Variable:
        if name in self.slot_names:
            value = self._initial_slot(name, variable)
        elif name == "average" and int(self.steps) > 0:  # of a weight that joins later
            value = variable.numpy()
        else:
            value = np.zeros(variable.shape)
        full = f"{variable.path.replace('/', '_')}_{name}"
        return Variable(value, trainable=False, name=full, path=f"{self.name}/{full}")

    @property
    def averages(self) -> dict[Variable, Variable]:
        """With ``use_ema`` the running average of each weight."""
        with self._lock:
            kept = list(self._slots.values())
        return {variable: slots["average"] for variable, slots in kept if "average" in slots}

    def forget(self, variables: Sequence[Variable]) -> None:
        """Drop the slots of these weights."""
        with self._lock:
            for variable in variables:
                self._slots.pop(id(variable), None)

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots of all these weights, unless some have been made before."""
        if not self.built:
            for variable in variables:
                self.slots(variable)

    def _unknown(self, variable: Variable) -> ValueError:
        return ValueError(
            "an optimizer changes only the variables that it was built with: make another for "
            f"others. Received: variable {variable.path!r}"
        )

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {**self.__dict__, "_slots": list(self._slots.values())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._slots = {id(pair[0]): pair for pair in state["_slots"]}
