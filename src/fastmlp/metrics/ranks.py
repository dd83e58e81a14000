"""Labels, outputs and weights as arrays that fit each other, by Keras's rules for ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, engine
from .._ranks import same_rank as same_rank

Array = NDArray[Any]
Float64Array = NDArray[np.float64]


def floats(name: str, value: Any) -> Float64Array:
    """Real numbers as float64; ValueError for others."""
    return np.asarray(_checks.real_array(name, value), np.float64)


def of_word(name: str, targets: Array, outputs: Float64Array, **options: Any) -> Float64Array:
    """The engine's loss of that name of each row of outputs (..., K): (...)."""
    word, rows = engine.make_loss(name, **options), outputs.reshape(-1, outputs.shape[-1])
    flat = targets.reshape(-1) if word.class_indices else targets.reshape(rows.shape)
    return word.values(rows, flat).reshape(outputs.shape[:-1])


def pair(y_true: Any, y_pred: Any) -> tuple[Float64Array, Float64Array]:
    """Labels and outputs of one shape, as float64.

    Raises
    ------
    ValueError
        If their shapes differ by more than a last axis of size 1.
    """
    labels, outputs = same_rank(floats("y_true", y_true), floats("y_pred", y_pred))
    require_shape(labels, outputs, np.shape(y_true), np.shape(y_pred))
    return labels, outputs


def require_same(labels: Array, outputs: Array) -> None:
    """ValueError unless the two are of one shape."""
    if labels.shape != outputs.shape:
        raise ValueError(
            "y_true and y_pred must have the same shape. "
            f"Received: shapes {labels.shape} and {outputs.shape}"
        )


def require_shape(
    labels: Array, outputs: Array, given: tuple[int, ...], predicted: tuple[int, ...]
) -> None:
    """ValueError, with the shapes as they were given, unless the two are of one shape."""
    if labels.shape != outputs.shape:
        raise ValueError(
            "y_true and y_pred must have the same shape, but for a last axis of size 1. "
            f"Received: shapes {given} and {predicted}"
        )


def broadcast_weights(sample_weight: Any, shape: tuple[int, ...]) -> Float64Array:
    """Weights of that shape; ValueError if they do not broadcast to it."""
    weights = floats("sample_weight", sample_weight)
    try:
        return np.broadcast_to(weights, shape)
    except ValueError:
        raise ValueError(
            f"sample_weight must broadcast to the shape {shape} of the values that it weighs. "
            f"Received: sample_weight of shape {weights.shape}"
        ) from None
