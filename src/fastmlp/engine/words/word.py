"""What a word is: a frozen dataclass of options.

``dataclass(frozen=True)`` compiles six methods for each class, 0.4 ms, which for dozens of words
would be a large part of the package's import time. Here the methods are written once, and the
decorator only collects the fields. Type checkers see ``dataclasses.dataclass``.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

__all__ = ["Word", "word"]

if TYPE_CHECKING:
    from dataclasses import dataclass as word
else:

    def word(*, frozen: bool):
        """Class decorator, used as ``dataclass(frozen=True)`` is, on subclasses of Word."""
        assert frozen, "words are frozen"

        def decorate(cls):
            made = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
            made._fields = dataclasses.fields(made)  # once: words are made at every run of steps
            made._names = tuple(field.name for field in made._fields)
            return made

        return decorate


@word(frozen=True)
class Word:
    """Base of the words: made from its fields' values, compared, hashed and shown by them."""

    _fields: ClassVar[tuple[dataclasses.Field[Any], ...]]
    _names: ClassVar[tuple[str, ...]]

    if not TYPE_CHECKING:

        def __init__(self, *values: Any, **named: Any) -> None:
            fields = self._fields
            names = [field.name for field in fields if not field.kw_only]
            given = dict(zip(names, values, strict=False)) | named
            if len(values) > len(names) or len(given) < len(values) + len(named):
                raise TypeError(f"{type(self).__name__} takes {names}. Received: {values}, {named}")
            for field in fields:
                value = given.pop(field.name, field.default)
                if value is dataclasses.MISSING:
                    raise TypeError(f"{type(self).__name__} needs {field.name!r}")
                object.__setattr__(self, field.name, value)
            if given:
                raise TypeError(f"{type(self).__name__} has no options {list(given)}")

        def __setattr__(self, name: str, value: Any) -> None:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def _values(self) -> tuple[Any, ...]:
        return tuple([getattr(self, name) for name in self._names])

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._values() == self._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._names)
        return f"{type(self).__name__}({values})"
