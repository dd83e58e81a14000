"""Metrics: numbers for people, computed from the outputs that training records.

No module here bears the name of a function that it exports: both would be the one attribute of
that name.
"""

from __future__ import annotations

from typing import Any

from .._registry import serialize
from .accuracies import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
)
from .mean import Mean, MeanMetricWrapper
from .metric import Metric, registry
from .squared_error import MeanSquaredError, mean_squared_error

deserialize = registry.deserialize


def get(identifier: Any) -> Metric:
    """A metric from an instance, a name, a configuration or a function of labels and outputs.

    Raises
    ------
    ValueError
        If fastmlp has no metric of that name.
    TypeError
        If it is none of these.

    Examples
    --------
    >>> get("acc").name
    'acc'
    """
    if isinstance(identifier, str):
        entry = registry.lookup(identifier)
        metric: Metric = entry() if isinstance(entry, type) else MeanMetricWrapper(entry)
        metric.name = identifier  # Keras: the key in logs is the name as it was given
        return metric
    if not callable(identifier) or isinstance(identifier, (type, Metric)):
        return registry.get(identifier)
    cls = registry.class_of(identifier)
    return MeanMetricWrapper(identifier) if cls is None else cls()


__all__ = [
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "deserialize",
    "get",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_accuracy",
]
