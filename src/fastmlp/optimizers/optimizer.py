"""The base of the optimizers: learning rate, count of steps, slots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks, engine
from .._configured import Configured
from .._locks import Lock
from .._naming import snake_case
from .._registry import Registry
from ..variable import Variable

T = TypeVar("T")

# Dropout numbers its masks by the step and keeps the upper half of 48 bits for calls of layers.
_MAX_ITERATIONS = (1 << 47) - 1


class Setting(Generic[T]):
    """An optimizer's setting: checked whenever it is set; engines follow from the next epoch on."""

    def __init__(self, check: Callable[[str, Any], T]) -> None:
        self._check = check

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, optimizer: Any, owner: type) -> T:
        try:
            value: T = optimizer.__dict__[self._name]
        except KeyError:
            raise AttributeError(f"{self._name} is not set yet") from None
        return value

    def __set__(self, optimizer: Any, value: Any) -> None:
        optimizer.__dict__[self._name] = self._check(self._name, value)


def _positive(name: str, value: Any) -> float | None:
    """A clip: None, or a finite number above 0."""
    if value is not None and _checks.number(name, value, 0.0) == 0.0:
        raise ValueError(f"{name} must be a positive number or None. Received: {name}={value!r}")
    return None if value is None else float(value)


class _LearningRate(Variable):
    """A 0-d variable that takes finite numbers of at least 0 only."""

    def assign(self, value: Any) -> None:
        if np.shape(value) == ():
            value = _checks.number("learning_rate", value, 0.0)
        super().assign(value)


class Optimizer(Configured):
    """What an optimizer remembers between steps. The steps themselves run in the engine.

    Parameters
    ----------
    learning_rate : float
        Finite, not negative. Can be set later: ``optimizer.learning_rate = 1e-4``.
    name : str, optional
        Defaults to the class's name in snake_case.
    clipnorm, clipvalue, global_clipnorm : float, optional
        At most one of them, positive: gradients are made shorter before they are used, each
        weight's to a Euclidean norm of clipnorm, each element to [-clipvalue, clipvalue], or all
        together to a norm of global_clipnorm.

    Attributes
    ----------
    iterations : ndarray
        0-d int64: steps done so far. Can be set: ``optimizer.iterations = 0``.

    Raises
    ------
    ValueError
        If an argument is not as described.
    """

    clipnorm = Setting(_positive)
    clipvalue = Setting(_positive)
    global_clipnorm = Setting(_positive)

    def __init__(
        self,
        learning_rate: float,
        *,
        name: str | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        self.name = name or snake_case(type(self).__name__)
        self._iterations = np.zeros((), np.int64)
        self._lock = Lock()  # of the slots
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.clip()
        rate = _checks.number("learning_rate", learning_rate, 0.0)
        self._learning_rate = _LearningRate(rate, "learning_rate", f"{self.name}/learning_rate")
        # By the weight's identity: weights compare elementwise. The weight is kept beside its
        # slots, so that no other can take its identity.
        self._slots: dict[int, tuple[Variable, list[Variable]]] = {}

    @property
    def slot_names(self) -> tuple[str, ...]:
        """Names of the arrays kept for each weight."""
        return ()

    @property
    def iterations(self) -> NDArray[np.int64]:
        """Steps done so far, a 0-d array that training counts up."""
        return self._iterations

    @iterations.setter
    def iterations(self, value: Any) -> None:
        self._iterations[...] = _checks.integer("iterations", value, 0, _MAX_ITERATIONS)

    @property
    def learning_rate(self) -> Variable:
        """The learning rate, a 0-d Variable; ``float(optimizer.learning_rate)`` is its value."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._learning_rate.assign(_checks.number("learning_rate", value, 0.0))

    def clip(self) -> engine.Clip:
        """What is done to gradients, in the engine's words.

        Raises
        ------
        ValueError
            If more than one of ``clipnorm``, ``clipvalue`` and ``global_clipnorm`` is set.
        """
        clips = {
            "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue,
            "global_clipnorm": self.global_clipnorm,
        }
        if sum(value is not None for value in clips.values()) > 1:
            received = ", ".join(f"{name}={value!r}" for name, value in clips.items())
            raise ValueError(
                "At most one of clipnorm, clipvalue and global_clipnorm can be set. "
                f"Received: {received}"
            )
        return engine.Clip(**clips)

    def lower(self) -> engine.Optimizer:
        """The optimizer in the engine's words."""
        raise NotImplementedError(f"{type(self).__name__} must implement lower")

    @property
    def built(self) -> bool:
        """Whether slots have been made."""
        return bool(self._slots)

    def slots(self, variable: Variable) -> list[Variable]:
        """The arrays kept for a weight, of its shape; zeros before its first step."""
        with self._lock:
            _, known = self._slots.get(id(variable), (variable, []))
            by_name = {slot.name: slot for slot in known}
            for name in self.slot_names:
                if name not in by_name:
                    path = f"{self.name}/{variable.path}_{name}"
                    by_name[name] = Variable(np.zeros(variable.shape), name, path)
            slots = [by_name[name] for name in self.slot_names]
            self._slots[id(variable)] = (variable, slots)
            return slots

    def forget(self, variables: Sequence[Variable]) -> None:
        """Drop the slots of these weights."""
        with self._lock:
            for variable in variables:
                self._slots.pop(id(variable), None)

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots of all these weights."""
        for variable in variables:
            self.slots(variable)

    @property
    def variables(self) -> list[Any]:
        """``iterations``, ``learning_rate``, then the slots weight by weight (Keras's order)."""
        with self._lock:
            slots = [slot for _, made in self._slots.values() for slot in made]
        return [self.iterations, self._learning_rate, *slots]

    def __getstate__(self) -> dict[str, Any]:
        with self._lock:
            return {**self.__dict__, "_slots": list(self._slots.values())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._slots = {id(pair[0]): pair for pair in state["_slots"]}


registry: Registry[Optimizer] = Registry("optimizer", Optimizer, ignore_case=True)
register = registry.register
