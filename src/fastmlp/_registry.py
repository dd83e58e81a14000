"""Names to classes and functions: what the strings in ``Dense(10, activation="relu")`` mean.

The set is closed: a name is looked up here, or among what the program has registered itself
(:mod:`fastmlp._objects`), and nowhere else, so a configuration can construct nothing else. A
class or a function becomes known by the decorator ``@register("name", ...)`` where it is defined;
there is no second list.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, Generic, TypeVar

from ._naming import snake_case
from ._objects import get_registered_name, get_registered_object, within

_MOST_SHOWN = 40  # names in a message; of more, those that are like the one received

# What configurations call the home of fastmlp's classes and functions.
_PACKAGES = ("keras", "fastmlp")
# Of the classes and functions of all families: where Keras has them.
_homes: dict[Any, str] = {}

T = TypeVar("T")
Entry = TypeVar("Entry", bound=Callable[..., Any])  # a class or a function


class Registry(Generic[T]):
    """The known classes and functions of one family, under their own name, that in snake_case and
    aliases; ``module``: where Keras has them."""

    def __init__(
        self, argument: str, base: type[T], module: str, ignore_case: bool = False
    ) -> None:
        self._argument = argument
        self._module = module
        self._base = base
        self._ignore_case = ignore_case
        self._entries: dict[str, Any] = {}
        self._shown: list[str] = []
        self._classes: dict[Callable[..., Any], type[T]] = {}

    def register(
        self,
        *aliases: str,
        function: Callable[..., Any] | None = None,
        module: str | None = None,
    ) -> Callable[[Entry], Entry]:
        """Decorator: make a class or function known under its name and the aliases, of which
        errors show the first. ``function``: the same as a function, which then means the class
        when it is given in its place. ``module``: where Keras has it, if not with the others."""

        def add(entry: Entry) -> Entry:
            own = entry.__name__
            shown = aliases[0] if aliases else snake_case(own)
            for name in (own, shown, snake_case(own), *aliases):
                self._entries[self._key(name)] = entry
            self._shown.append(shown)
            _homes[entry] = module or self._module
            if function is not None:
                self._classes[function] = entry  # type: ignore[assignment]
                _homes[function] = self._module
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
        known = self._entries.get(self._key(name)) if isinstance(name, str) else None
        return get_registered_object(name) if known is None else known

    def lookup(self, name: Any) -> Any:
        """The class or function of that name; ValueError lists the known names."""
        entry = self.find(name)
        if entry is None:
            raise self._unknown(name)
        return entry

    def _unknown(self, name: Any, most: int = _MOST_SHOWN) -> ValueError:
        known = self.known
        if len(self._shown) > most:
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
        """An instance from an instance, a class, its function, a name or a configuration; a
        function of one's own from its name."""
        if isinstance(identifier, self._base):
            return identifier
        if isinstance(identifier, str):
            found = self.lookup(identifier)
            return self._fitting(found() if isinstance(found, type) else found)
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        cls = self.class_of(identifier)
        if cls is None and isinstance(identifier, type) and issubclass(identifier, self._base):
            cls = identifier
        return self._fitting(identifier if cls is None else cls(), cls is not None)

    def _fitting(self, made: Any, known: bool = True) -> T:
        """What was made, if it is of the family, or does the same as a function."""
        if not isinstance(made, self._base) and not (known and callable(made)):
            raise TypeError(
                f"{self._argument} must be a name or an instance of {self._base.__name__}. "
                f"Received: {self._argument}={made!r} (of type {type(made).__name__})"
            )
        fitting: T = made
        return fitting

    def deserialize(
        self, config: dict[str, Any] | str, custom_objects: Mapping[str, Any] | None = None
    ) -> T:
        """What a configuration describes, ``{"class_name": ..., "config": {...}}``.

        Parameters
        ----------
        config : dict or str
            What ``serialize`` has made; or a name.
        custom_objects : dict, optional
            Names to classes and functions of one's own that the configuration holds.

        Raises
        ------
        ValueError, TypeError
            If it is no such configuration, or names what is neither fastmlp's nor known.
        """
        with within(custom_objects):
            if isinstance(config, str):
                return self.get(config)
            found = self._named_in(config)
            if not isinstance(found, type):
                return self._fitting(found)
            return self._fitting(instance_of(found, config))

    def _named_in(self, config: Any) -> Any:
        """The class or function that a configuration names: one's own by its registered name, or
        one of fastmlp's."""
        if not isinstance(config, dict) or "class_name" not in config:
            raise ValueError(
                f'{self._argument} as a dict must have "class_name" and "config". '
                f"Received: {config!r}"
            )
        name, module = config["class_name"], config.get("module", self._module)
        if name == "function":
            name = config.get("config")
            found = self.find(name)
            return found if found is not None else self._refuse(name)
        registered = config.get("registered_name") or name
        found = get_registered_object(registered)
        if found is None and registered == name and str(module).split(".")[0] in _PACKAGES:
            found = self.find(name)
        return found if isinstance(found, type) else self._refuse(registered)

    def _refuse(self, name: Any) -> Any:
        raise ValueError(
            f"{self._unknown(name, 10)}. Classes and functions of one's own are known once they "
            "are decorated with saving.register_keras_serializable() or given as custom_objects"
        )


def instance_of(cls: Any, config: dict[str, Any]) -> Any:
    """An instance of a class from the arguments in a configuration."""
    if not hasattr(cls, "from_config"):
        raise TypeError(
            f"Unable to reconstruct an instance of {cls.__name__!r} because the class is missing "
            f"a `from_config()` method. Received: {config!r}"
        )
    arguments = config.get("config")
    return cls.from_config({} if arguments is None else arguments)


def function_named(name: str) -> dict[str, Any]:
    """What Keras writes for a function."""
    told = {"module": "builtins", "class_name": "function", "config": name}
    return {**told, "registered_name": "function"}


def serialize(thing: Any) -> Any:
    """What ``deserialize`` makes the same of again: ``{"module": ..., "class_name": ...,
    "config": {...}, "registered_name": ...}`` as in Keras of anything with ``get_config()``; the
    name of a function of fastmlp's; None of None."""
    if thing is None:
        return None
    if isinstance(thing, FunctionType):
        name = get_registered_name(thing)
        if thing in _homes:
            return name
        return function_named(name)
    if isinstance(thing, functools.partial):  # a function with options
        return {
            "module": "fastmlp.activations",
            "class_name": get_registered_name(thing.func),
            "config": dict(thing.keywords),
        }
    cls = type(thing)
    home = _homes.get(cls)
    module = None if cls.__module__ == "__main__" else cls.__module__
    return {
        "module": home or module,
        "class_name": cls.__name__,
        "config": thing.get_config(),
        "registered_name": None if home else get_registered_name(cls),
    }
