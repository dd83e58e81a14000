"""Weights of samples: checked, and scaled for losses that divide by the number of samples."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

Float64Array = NDArray[np.float64]


def checked_weights(weights: Any, samples: int, name: str = "sample_weight") -> Float64Array:
    """(N,) weights from an array or a number.

    Raises
    ------
    ValueError
        If they are not N numbers of at least 0, some of them above.
    """
    if isinstance(weights, numbers.Number):
        weights = np.full(samples, weights)
    array = check_array(weights, ensure_2d=False, dtype=np.float64, input_name=name)
    if array.shape != (samples,):
        raise ValueError(
            f"{name} must have shape ({samples},), one weight for each sample. "
            f"Received: {name} of shape {array.shape}"
        )
    if array.min() < 0 or not array.any():
        raise ValueError(
            f"{name} must not be negative, nor zero for all samples. "
            f"Received: from {array.min()} to {array.max()}"
        )
    checked: Float64Array = array
    return checked


def mean_one(
    weights: Float64Array | None, samples: int, scale: float = 1.0
) -> tuple[Float64Array | None, float]:
    """Weights whose mean is ``scale``, None for ones, and the mean that they had. With them the
    mean over a batch of all samples is the sum of weighted losses over the sum of the weights,
    so that a weight of k counts like k samples.

    Raises
    ------
    ValueError
        If all are zero.
    """
    if weights is None:
        return (None if scale == 1.0 else np.full(samples, scale)), 1.0
    mean = float(weights.mean())
    if mean == 0.0:
        raise ValueError(
            "sample_weight, times class_weight, must be above 0 for some of the samples that are "
            f"trained on, and of those that are validated with. Received: {samples} zeros"
        )
    return weights * (scale / mean), mean
