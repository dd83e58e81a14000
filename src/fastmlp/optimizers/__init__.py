"""Optimizers: how gradients change weights."""

from __future__ import annotations

from typing import Any

from .._registry import serialize
from .adam import Adam
from .optimizer import Optimizer, registry
from .rmsprop import RMSprop
from .sgd import SGD

deserialize = registry.deserialize


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
    return registry.get(identifier)


__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "deserialize", "get", "serialize"]
