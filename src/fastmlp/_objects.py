"""Classes and functions of one's own that configurations may name.

A configuration says what it holds by names. Those of fastmlp are in its registries; all others
are looked up here, among what the running program has registered or put into a scope. Nothing is
imported or called because a configuration says so.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])

_registered: dict[str, Any] = {}
_names: dict[Any, str] = {}


class _Scope(_thread._local):
    """What the innermost scope of this thread holds."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}


_scope = _Scope()


class CustomObjectScope:
    """A ``with`` block in which configurations may name objects of one's own, as well as those
    registered; what an outer block has named is not known in it, as in Keras.

    Parameters
    ----------
    custom_objects : dict, optional
        Names to classes and functions.

    Examples
    --------
    >>> import fastmlp
    >>> class Half(fastmlp.regularizers.L2):
    ...     def __init__(self):
    ...         super().__init__(0.5)
    >>> with CustomObjectScope({"Half": Half}):
    ...     fastmlp.regularizers.get("Half")
    Half()
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._outer: list[dict[str, Any]] = []

    def __enter__(self) -> CustomObjectScope:
        self._outer.append(_scope.objects)
        _scope.objects = dict(self.custom_objects)
        return self

    def __exit__(self, *error: Any) -> None:
        _scope.objects = self._outer.pop()


custom_object_scope = CustomObjectScope


def within(custom_objects: Mapping[str, Any] | None) -> CustomObjectScope:
    """A scope of these objects besides those of the one around it, which go first."""
    return CustomObjectScope({**(custom_objects or {}), **_scope.objects})


def get_custom_objects() -> dict[str, Any]:
    """The registered objects by their names: the dict itself, which may be changed.

    Examples
    --------
    >>> "Custom>nothing" in get_custom_objects()
    False
    """
    return _registered


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[T], T]:
    """Decorator: make a class or function known to configurations as ``"package>name"``.

    Parameters
    ----------
    package : str
        Whose it is.
    name : str, optional
        By default the class's or function's own.

    Raises
    ------
    ValueError
        If a class has no ``get_config``.

    Examples
    --------
    >>> import fastmlp
    >>> @register_keras_serializable("examples")
    ... class Tenfold(fastmlp.layers.Dense):
    ...     pass
    >>> get_registered_name(Tenfold)
    'examples>Tenfold'
    >>> fastmlp.layers.deserialize(fastmlp.layers.serialize(Tenfold(3, name="t")))
    <Tenfold name=t, built=False>
    """

    def add(entry: T) -> T:
        if isinstance(entry, type) and not hasattr(entry, "get_config"):
            raise ValueError(
                "Cannot register a class that does not have a get_config() method. "
                f"Received: {entry!r}"
            )
        known_as = f"{package}>{entry.__name__ if name is None else name}"
        _registered[known_as] = entry
        _names[entry] = known_as
        return entry

    return add


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function is registered, or else its own.

    Examples
    --------
    >>> get_registered_name(dict)
    'dict'
    """
    name: str = _names.get(obj) or obj.__name__
    return name


def get_registered_object(
    name: Any,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """What has that name in the scope, among the registered objects, in ``custom_objects`` or in
    ``module_objects``, looked up in this order; None if nothing has.

    Examples
    --------
    >>> get_registered_object("f", {"f": len})
    <built-in function len>
    """
    if isinstance(name, str):
        for known in (_scope.objects, _registered, custom_objects or {}, module_objects or {}):
            if name in known:
                return known[name]
    return None
