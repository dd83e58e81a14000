"""The base of the optimizers: learning rate, count of steps, slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _checks, engine
from .._configured import Configured
from .._naming import snake_case
from .._registry import Registry
from ..variable import Variable


class Optimizer(Configured):
    """What an optimizer remembers between steps. The steps themselves run in the engine.

    Parameters
    ----------
    learning_rate : float
        Finite, not negative. Can be set later: ``optimizer.learning_rate = 1e-4``.
    name : str, optional
        Defaults to the class's name in snake_case.

    Attributes
    ----------
    iterations : ndarray
        0-d int64: steps done so far.

    Raises
    ------
    ValueError
        If an argument is not as described.
    """

    #: Names of the arrays kept for each weight.
    slot_names: tuple[str, ...] = ()

    def __init__(self, learning_rate: float, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.iterations = np.zeros((), np.int64)
        rate = _checks.number("learning_rate", learning_rate, 0.0)
        self._learning_rate = Variable(rate, "learning_rate", f"{self.name}/learning_rate")
        # By the weight's identity: weights compare elementwise. The weight is kept beside its
        # slots, so that no other can take its identity.
        self._slots: dict[int, tuple[Variable, list[Variable]]] = {}

    @property
    def learning_rate(self) -> Variable:
        """The learning rate, a 0-d Variable; ``float(optimizer.learning_rate)`` is its value."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._learning_rate.assign(_checks.number("learning_rate", value, 0.0))

    def lower(self) -> engine.Adam | engine.Sgd:
        """The optimizer in the engine's words."""
        raise NotImplementedError(f"{type(self).__name__} must implement lower")

    @property
    def built(self) -> bool:
        """Whether slots have been made."""
        return bool(self._slots)

    def slots(self, variable: Variable) -> list[Variable]:
        """The arrays kept for a weight, of its shape; zeros before its first step."""
        known = self._slots.get(id(variable))
        if known is None:
            made = [
                Variable(np.zeros(variable.shape), name, f"{self.name}/{variable.path}_{name}")
                for name in self.slot_names
            ]
            known = self._slots[id(variable)] = (variable, made)
        return known[1]

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots of all these weights."""
        for variable in variables:
            self.slots(variable)

    @property
    def variables(self) -> list[Any]:
        """``iterations``, ``learning_rate``, then the slots weight by weight (Keras's order)."""
        slots = [slot for _, made in self._slots.values() for slot in made]
        return [self.iterations, self._learning_rate, *slots]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_slots": list(self._slots.values())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._slots = {id(pair[0]): pair for pair in state["_slots"]}


registry: Registry[Optimizer] = Registry("optimizer", Optimizer, ignore_case=True)
register = registry.register
