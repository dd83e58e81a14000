"""Names to classes: what the strings in ``Dense(10, kernel_initializer="he_normal")`` mean.

The set is closed: a name is looked up here and nowhere else, so a configuration can construct
nothing that fastmlp does not ship.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ._naming import snake_case

T = TypeVar("T")


class Registry(Generic[T]):
    """The known classes of one kind, under class name, snake_case name and aliases. ``also``:
    names that mean something where this is asked, and belong in the message about others."""

    def __init__(
        self,
        argument: str,
        base: type[T],
        ignore_case: bool = False,
        also: tuple[str, ...] = (),
    ) -> None:
        self._argument = argument
        self._base = base
        self._ignore_case = ignore_case
        self._classes: dict[str, type[T]] = {}
        self._names = list(also)

    def register(self, *aliases: str) -> Callable[[type[T]], type[T]]:
        """Class decorator: make the class known under its name and the aliases."""

        def add(cls: type[T]) -> type[T]:
            shown = aliases[0] if aliases else snake_case(cls.__name__)
            for name in (cls.__name__, shown, snake_case(cls.__name__), *aliases):
                self._classes[self._key(name)] = cls
            self._names.append(shown)
            return cls

        return add

    def _key(self, name: str) -> str:
        return name.lower() if self._ignore_case else name

    def lookup(self, name: str) -> type[T]:
        """The class of that name; ValueError lists the known names."""
        cls = self._classes.get(self._key(name))
        if cls is None:
            known = ", ".join(repr(n) for n in sorted(self._names))
            raise ValueError(
                f"{self._argument} must be one of {known}. Received: {self._argument}={name!r}"
            )
        return cls

    def get(self, identifier: Any) -> T:
        """An instance from an instance, a class, a name or a configuration."""
        if isinstance(identifier, self._base):
            return identifier
        if isinstance(identifier, str):
            return self.lookup(identifier)()
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if isinstance(identifier, type) and issubclass(identifier, self._base):
            return identifier()
        raise TypeError(
            f"{self._argument} must be a name or an instance of {self._base.__name__}. "
            f"Received: {self._argument}={identifier!r} (of type {type(identifier).__name__})"
        )

    def deserialize(self, config: dict[str, Any]) -> T:
        """An instance from ``{"class_name": ..., "config": {...}}``."""
        if not isinstance(config, dict) or "class_name" not in config:
            raise ValueError(
                f'{self._argument} as a dict must have "class_name" and "config". '
                f"Received: {config!r}"
            )
        cls: Any = self.lookup(config["class_name"])
        made: T = cls.from_config(config.get("config", {}))
        return made


def serialize(thing: Any) -> dict[str, Any]:
    """``{"class_name": ..., "config": {...}}`` of anything with ``get_config()``."""
    return {"class_name": type(thing).__name__, "config": thing.get_config()}
