"""Samples that ``fit`` validates with, and those that are predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from ..models import Model
from .weights import Float64Array, checked_weights

SPARSE = ["csr", "csc"]  # kinds of sparse matrices that need not be converted first
_FEW = 256  # rows, for which predict prepares longer than it computes


def checked_validation(estimator: Any, given: tuple[Any, Any, Any]) -> Any:
    """X_val, y_val and sample_weight_val of an estimator that knows the training data; None if
    none of them is given.

    Raises
    ------
    ValueError
        If they do not belong together, or not to the training data.
    """
    names = ("X_val", "y_val", "sample_weight_val")
    received = [name for name, x in zip(names, given, strict=True) if x is not None]
    if not received:
        return None
    X, y, weights = given
    if X is None or y is None:
        raise ValueError(
            "X_val and y_val must be given together, with sample_weight_val or without. "
            f"Received: {', '.join(received)} alone"
        )
    X = validate_data(estimator, X, accept_sparse=SPARSE, reset=False)
    y = check_array(y, ensure_2d=False, dtype=None, input_name="y_val")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    check_consistent_length(X, y)
    estimator._check_validation_targets(y)
    if weights is not None:
        weights = checked_weights(weights, len(y), "sample_weight_val")
    return X, y, weights


def predicted(estimator: Any, X: Any) -> Float64Array:
    """Outputs (N, K) of a fitted estimator's model for samples.

    Raises
    ------
    NotFittedError, ValueError
        If it is not fitted, or X is not like the training data.
    """
    check_is_fitted(estimator)
    X = validate_data(estimator, X, accept_sparse=SPARSE, reset=False)
    return outputs_of(estimator.model_, X)


def outputs_of(model: Model, X: Any) -> Float64Array:
    """Outputs (N, K) for checked samples: the same bits either way."""
    few = isinstance(X, np.ndarray) and len(X) <= _FEW
    return np.asarray(model(X) if few else model.predict(X, verbose=0))
