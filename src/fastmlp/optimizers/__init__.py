"""Optimizers: how gradients change weights."""

from __future__ import annotations

from typing import Any

from .._registry import Registry, serialize
from .adam import Adam
from .optimizer import Optimizer
from .sgd import SGD

_registry: Registry[Optimizer] = Registry("optimizer", Optimizer, ignore_case=True)
_registry.register("adam")(Adam)
_registry.register("sgd")(SGD)
deserialize = _registry.deserialize


def get(identifier: Any) -> Optimizer:
    """An optimizer from an instance, a name (of any case) or a configuration.

    Raises
    ------
    ValueError
        If fastmlp has no optimizer of that name.

    Examples
    --------
    >>> get("ADAM").name
    'adam'
    """
    return _registry.get(identifier)


__all__ = ["SGD", "Adam", "Optimizer", "deserialize", "get", "serialize"]
