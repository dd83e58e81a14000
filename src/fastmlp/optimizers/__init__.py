"""Optimizers: how gradients change weights."""

from __future__ import annotations

from typing import Any

from .._registry import serialize
from . import schedules
from .adam import Adam, AdamW
from .adams import Adamax, Lamb, Lion, Nadam, ScheduleFreeAdamW
from .adaptive import Adadelta, Adafactor, Adagrad, Ftrl, RMSprop
from .lbfgs import LBFGS
from .levenberg_marquardt import LevenbergMarquardt
from .optimizer import Optimizer, registry
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


__all__ = [
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "LevenbergMarquardt",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]
