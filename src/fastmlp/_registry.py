"""Names to classes and functions: what the strings in ``Dense(10, activation="relu")`` mean.

The set is closed: a name is looked up here and nowhere else, so a configuration can construct
nothing that fastmlp does not ship. A class or a function becomes known by the decorator
``@register("name", ...)`` where it is defined; there is no second list.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, Generic, TypeVar

from ._naming import snake_case

_MOST_SHOWN = 40  # names in a message; of more, those that are like the one received

T = TypeVar("T")
Entry = TypeVar("Entry", bound=Callable[..., Any])  # a class or a function


class Registry(Generic[T]):
    """The known classes and functions of one family, under their own name, that in snake_case and
    aliases."""

    def __init__(self, argument: str, base: type[T], ignore_case: bool = False) -> None:
        self._argument = argument
        self._base = base
        self._ignore_case = ignore_case
        self._entries: dict[str, Any] = {}
        self._shown: list[str] = []
        self._classes: dict[Callable[..., Any], type[T]] = {}

    def register(
        self, *aliases: str, function: Callable[..., Any] | None = None
    ) -> Callable[[Entry], Entry]:
        """Decorator: make a class or function known under its name and the aliases, of which
        errors show the first. ``function``: the same as a function, which then means the class
        when it is given in its place."""

        def add(entry: Entry) -> Entry:
            own = entry.__name__
            shown = aliases[0] if aliases else snake_case(own)
            for name in (own, shown, snake_case(own), *aliases):
                self._entries[self._key(name)] = entry
            self._shown.append(shown)
            if function is not None:
                self._classes[function] = entry  # type: ignore[assignment]
            return entry

        return add

    def _key(self, name: str) -> str:
        return name.lower() if self._ignore_case else name

    @property
    def known(self) -> str:
        """The names, as errors list them."""
        return ", ".join(repr(name) for name in sorted(self._shown))

    def find(self, name: Any) -> Any:
        """The class or function of that name, or None."""
        return self._entries.get(self._key(name)) if isinstance(name, str) else None

    def lookup(self, name: Any) -> Any:
        """The class or function of that name; ValueError lists the known names."""
        entry = self.find(name)
        if entry is None:
            raise self._unknown(name)
        return entry

    def _unknown(self, name: Any) -> ValueError:
        known = self.known
        if len(self._shown) > _MOST_SHOWN:
            import difflib  # few programs make a mistake, and all would wait for it

            close = difflib.get_close_matches(str(name), sorted(self._entries), n=5, cutoff=0.0)
            known = f"{len(self._shown)} names, such as {', '.join(map(repr, close))}"
        return ValueError(
            f"{self._argument} must be one of {known}. Received: {self._argument}={name!r}"
        )

    def class_of(self, function: Any) -> type[T] | None:
        """The class that does the same as this function, if there is one."""
        return self._classes.get(function) if isinstance(function, FunctionType) else None

    def get(self, identifier: Any) -> T:
        """An instance from an instance, a class, its function, a name or a configuration."""
        if isinstance(identifier, self._base):
            return identifier
        if isinstance(identifier, str):
            made: T = self.lookup(identifier)()
            return made
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        cls = self.class_of(identifier)
        if cls is None and isinstance(identifier, type) and issubclass(identifier, self._base):
            cls = identifier
        if cls is None:
            raise TypeError(
                f"{self._argument} must be a name or an instance of {self._base.__name__}. "
                f"Received: {self._argument}={identifier!r} (of type {type(identifier).__name__})"
            )
        return cls()

    def deserialize(self, config: dict[str, Any]) -> T:
        """An instance from ``{"class_name": ..., "config": {...}}``."""
        if not isinstance(config, dict) or "class_name" not in config:
            raise ValueError(
                f'{self._argument} as a dict must have "class_name" and "config". '
                f"Received: {config!r}"
            )
        cls: Any = self.find(config["class_name"])
        if not isinstance(cls, type):
            raise self._unknown(config["class_name"])
        made: T = cls.from_config(config.get("config", {}))  # type: ignore[attr-defined]
        return made


def serialize(thing: Any) -> Any:
    """``{"class_name": ..., "config": {...}}`` of anything with ``get_config()``; the name of a
    function; None of None."""
    if thing is None or isinstance(thing, FunctionType):
        return None if thing is None else thing.__name__
    return {"class_name": type(thing).__name__, "config": thing.get_config()}
