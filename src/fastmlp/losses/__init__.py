"""Losses: what training minimises, and the same as functions of two arrays.

No module here bears the name of a function that it exports: both would be the one attribute of
that name.
"""

from __future__ import annotations

from typing import Any

from .._registry import serialize
from .crossentropies import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from .loss import Loss, registry
from .squared_error import MeanSquaredError, mean_squared_error

deserialize = registry.deserialize


def get(identifier: Any) -> Loss:
    """A loss from an instance, a name ("mse", "MeanSquaredError") or a configuration.

    Raises
    ------
    ValueError
        If fastmlp has no loss of that name.

    Examples
    --------
    >>> get("mse").name
    'mean_squared_error'
    """
    return registry.get(identifier)


__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Loss",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_crossentropy",
]
