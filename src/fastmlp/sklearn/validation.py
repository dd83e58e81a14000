"""Validation data that ``fit`` is given."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_array, check_consistent_length, validate_data

from .weights import checked_weights

SPARSE = ["csr", "csc"]  # kinds of sparse matrices that need not be converted first


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
