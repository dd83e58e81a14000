"""What an optimizer's settings may be, its count of steps and its learning rate."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ..tensor import Tensor, as_tensor
from ..variable import Variable
from .schedule import LearningRateSchedule

T = TypeVar("T")


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


class WholeSignature:
    """What ``inspect.signature`` shows of a class: its own arguments, then in place of ``*tail``
    and ``**options`` those of the next one."""

    def __get__(self, instance: Any, owner: type) -> inspect.Signature:
        parameters: dict[str, inspect.Parameter] = {}
        for cls in owner.__mro__:
            constructor = vars(cls).get("__init__")
            if constructor is None or cls is object:
                continue
            _, *given = inspect.signature(constructor).parameters.values()
            for p in given:
                if p.kind is p.POSITIONAL_OR_KEYWORD:
                    parameters.setdefault(p.name, p)
            if all(p.kind is not p.VAR_KEYWORD for p in given):
                break
        return inspect.Signature(list(parameters.values()))


# -- checks --


def below_one(name: str, value: Any) -> float:
    """A number in [0, 1)."""
    return _checks.number(name, value, 0.0, 1.0)


def share(name: str, value: Any) -> float:
    """A number in (0, 1]."""
    number = _checks.number(name, value)
    if not 0.0 < number <= 1.0:
        raise ValueError(f"{name} must be a number in (0, 1]. Received: {name}={value!r}")
    return number


def closed_share(name: str, value: Any) -> float:
    """A number in [0, 1]."""
    return _checks.number(name, value, 0.0, 1.0, infinite=True)


def least_0(name: str, value: Any) -> float:
    """A finite number of at least 0."""
    return _checks.number(name, value, 0.0)


def any_number(name: str, value: Any) -> float:
    """A finite number."""
    return _checks.number(name, value)


def positive(name: str, value: Any) -> float:
    """A finite number above 0."""
    if _checks.number(name, value, 0.0) == 0.0:
        raise ValueError(f"{name} must be a positive number. Received: {name}={value!r}")
    return float(value)


def over_one(name: str, value: Any) -> float:
    """A finite number above 1."""
    if _checks.number(name, value) <= 1.0:
        raise ValueError(f"{name} must be a number above 1. Received: {name}={value!r}")
    return float(value)


def whole(minimum: int) -> Callable[[str, Any], int]:
    """An integer of at least ``minimum``."""
    return lambda name, value: _checks.integer(name, value, minimum)


def one_of(*values: str | None) -> Callable[[str, Any], Any]:
    """One of these values."""

    def check(name: str, value: Any) -> Any:
        if not (value is None or isinstance(value, str)) or value not in values:
            shown = " or ".join(map(repr, values))
            raise ValueError(f"{name} must be {shown}. Received: {name}={value!r}")
        return value

    return check


def optional(check: Callable[[str, Any], T]) -> Callable[[str, Any], T | None]:
    """None, or what ``check`` lets pass."""
    return lambda name, value: None if value is None else check(name, value)


def optional_positive(name: str, value: Any) -> float | None:
    """None, or a finite number above 0."""
    if value is not None and _checks.number(name, value, 0.0) == 0.0:
        raise ValueError(f"{name} must be a positive number or None. Received: {name}={value!r}")
    return None if value is None else float(value)


def at_least(minimum: int) -> Callable[[str, Any], int | None]:
    """None, or an integer of at least ``minimum``."""
    return optional(lambda name, value: _checks.integer(name, value, minimum))


# -- the count of steps --


class Iterations(np.ndarray):
    """Steps done so far: a 0-d int64 array that engines count up in place, and that answers as
    Keras's variable of that name."""

    name = "iteration"
    trainable = False
    path = "iteration"

    @classmethod
    def at(cls, path: str) -> Iterations:
        """0, called so."""
        made = np.zeros((), np.int64).view(cls)
        made.path = path
        return made

    @property
    def value(self) -> NDArray[Any]:
        """The count, as a plain array."""
        return self.view(np.ndarray)

    def numpy(self) -> NDArray[Any]:
        """A copy of the count."""
        return np.array(self)

    def assign(self, value: Any) -> None:
        """Set the count."""
        # Dropout numbers its masks by the step and keeps the upper half of 48 bits for calls of
        # layers.
        count = value[()] if isinstance(value, np.ndarray) else value
        self[...] = _checks.integer("iterations", count, 0, (1 << 47) - 1)


# -- the learning rate --


class RateVariable(Variable):
    """A 0-d variable that takes finite numbers of at least 0 only."""

    def assign(self, value: Any) -> None:
        if np.shape(value) == ():
            value = _checks.number("learning_rate", value, 0.0)
        super().assign(value)


class LearningRate:
    """A number, a schedule or a function, and what it is at a step."""

    def __init__(self, given: Any, path: str) -> None:
        self._path = path
        self.source: Any = None
        self.set(given)

    def set(self, given: Any) -> None:
        """Replace it; a number can not replace a schedule or a function, as in Keras."""
        if callable(given):
            self.source = given
            return
        number = _checks.number("learning_rate", given, 0.0)
        if self.source is None:
            self.source = RateVariable(number, name="learning_rate", path=self._path)
        elif isinstance(self.source, RateVariable):
            self.source.assign(number)
        else:
            raise TypeError(
                "learning_rate is not settable to a number where it is a schedule or a function: "
                "make the optimizer with a number, or set another schedule. "
                f"Received: learning_rate={given!r}"
            )

    @property
    def variable(self) -> RateVariable | None:
        """The variable, if it is a number."""
        return self.source if isinstance(self.source, RateVariable) else None

    @property
    def by_state(self) -> bool:
        """Whether it is a function without argument, whose value may change with anything."""
        if isinstance(self.source, RateVariable | LearningRateSchedule):
            return False
        parameters = inspect.signature(self.source).parameters.values()
        return all(
            p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            for p in parameters
        )

    def at(self, step: int) -> Variable | Tensor:
        """The rate of the step that follows ``step`` others."""
        if isinstance(self.source, RateVariable):
            return self.source
        return as_tensor(self.source() if self.by_state else self.source(step))

    def rates(self, first: int, count: int) -> NDArray[np.float64]:
        """(count,) those of steps first, first + 1, ...; a function without argument is asked
        once, so one step at a time."""
        if isinstance(self.source, RateVariable):
            return np.full(count, float(self.source))
        if isinstance(self.source, LearningRateSchedule):
            rates = self.source.rates(first, count)
        elif self.by_state:
            rates = np.full(count, float(self.source()))
        else:
            rates = np.array([float(self.source(step)) for step in range(first, first + count)])
        wrong = np.flatnonzero(~((rates >= 0.0) & np.isfinite(rates)))
        if len(wrong):
            step = first + int(wrong[0])
            _checks.number(f"learning_rate of step {step}", float(rates[wrong[0]]), 0.0)
        return rates
