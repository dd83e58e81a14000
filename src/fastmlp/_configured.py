"""Objects that are made again from plain data: ``cls.from_config(thing.get_config())``.

A configuration is the arguments of the constructor. Their names are in its signature and their
values in the attributes of the same names, so a class writes neither down again.
"""

from __future__ import annotations

import functools
import inspect
from types import FunctionType
from typing import Any, ClassVar, TypeVar

from ._registry import serialize
from .variable import Variable

C = TypeVar("C", bound="Configured")


class Configured:
    """Base of the layers, losses, metrics, optimizers and initializers."""

    #: Arguments whose value is in an attribute of another name; with None they are left out, as
    #: is an argument without an attribute, such as one that can have one value only.
    _kept_as: ClassVar[dict[str, str | None]] = {}

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as plain data."""
        config = {}
        for argument in _arguments(type(self)):
            attribute = self._kept_as.get(argument, argument)
            if attribute is not None and hasattr(self, attribute):
                config[argument] = _plain(getattr(self, attribute))
        return config

    @classmethod
    def from_config(cls: type[C], config: dict[str, Any]) -> C:
        """Another with these constructor arguments."""
        if not isinstance(config, dict):
            raise TypeError(
                f"config must be a dict of arguments of {cls.__name__}. Received: config={config!r}"
            )
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def _arguments(cls: type) -> tuple[str, ...]:
    """Names of the constructor's arguments; ``**options`` stands for those of the next one."""
    names: dict[str, None] = {}
    for owner in cls.__mro__:
        constructor = vars(owner).get("__init__")
        if constructor is None or owner is object:
            continue
        _, *parameters = inspect.signature(constructor).parameters.values()
        names |= dict.fromkeys(
            p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        )
        if all(p.kind is not p.VAR_KEYWORD for p in parameters):
            break
    return tuple(names)


def _plain(value: Any) -> Any:
    """The value as plain data, from which the constructor makes the same."""
    if isinstance(value, (Configured, FunctionType, functools.partial)):
        return serialize(value)
    return float(value) if isinstance(value, Variable) else value
