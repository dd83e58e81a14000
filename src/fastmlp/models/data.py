"""Arrays from the user to sets of samples that an engine can read, or a clear error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ..engine import Data, Float64Array
from ..engine import Loss as LoweredLoss
from ..engine.rows import dense_rows
from ..losses import Loss
from ..losses.user import value_and_gradient
from .samples import samples_of


def checked_set(
    loss: Loss,
    sample: tuple[int, ...],
    outputs: int,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    prefix: str = "",
    axes: tuple[int, ...] = (),
) -> Data:
    """x (N, *sample), y and sample_weight (N,) as an engine reads them.

    Values of x are not looked at; ``prefix`` goes before the names in errors. ``axes``: sizes of
    the outputs' axes between the batch and the last, whose rows have labels of their own.

    Raises
    ------
    ValueError
        If shapes or types do not fit, lengths differ, or labels or weights are not valid.
    """
    x_name, y_name = f"{prefix}x", f"{prefix}y"
    rows = samples_of(x, sample, x_name)
    if y is None:
        raise ValueError(f"{y_name} must be given. Received: {y_name}=None")
    if hasattr(y, "__dlpack__") and not hasattr(y, "shape"):
        y = _checks.real_array(y_name, y)
    targets = _targets(loss, y, outputs, axes, y_name)
    if len(targets) != len(rows):
        raise ValueError(
            f"{x_name} and {y_name} must hold equally many samples. "
            f"Received: {len(rows)} and {len(targets)}"
        )
    weights = _checked_weights(sample_weight, len(rows), f"{prefix}sample_weight", axes)
    return Data(rows, targets, weights, np.shape(y)[1:])


def _targets(loss: Loss, y: Any, outputs: int, axes: tuple[int, ...], name: str) -> NDArray[Any]:
    """Labels y as an engine reads them; by row of outputs where samples have several."""
    if not axes:
        return loss.targets(y, outputs, name)
    array = _checks.real_array(name, y)
    if array.shape[1 : 1 + len(axes)] != axes or array.ndim not in (len(axes) + 1, len(axes) + 2):
        raise ValueError(
            f"{name} must have the axes of the outputs, (samples, {', '.join(map(str, axes))}), "
            f"before that of its labels. Received: {name} of shape {array.shape}"
        )
    by_row = array.reshape(-1, *array.shape[1 + len(axes) :])
    return loss.targets(by_row, outputs, name).reshape(len(array), -1)


def targets_by_row(targets: NDArray[Any], rows: int) -> NDArray[Any]:
    """Targets of so many rows of outputs, each sample's as they come: (rows,) or (rows, K)."""
    if rows == len(targets):
        return targets
    return targets.ravel() if targets.dtype == np.int32 else targets.reshape(rows, -1)


def _checked_weights(
    weights: Any, n: int, name: str, axes: tuple[int, ...] = ()
) -> Float64Array | None:
    """(N,), or by row of outputs (N, S), which all weigh as their sample unless they are given."""
    if weights is None:
        return None
    array = _checks.real_array(name, weights)
    if array.shape not in ((n,), (n, 1), (n, *axes)):
        raise ValueError(
            f"{name} must have shape ({n},), one weight for each sample. "
            f"Received: {name} of shape {array.shape}"
        )
    _checks.finite(name, array)
    array = np.ascontiguousarray(array.reshape(n, -1), np.float64)
    if not axes:
        return array.reshape(n)
    return np.ascontiguousarray(np.broadcast_to(array, (n, math.prod(axes))))


def class_weights(class_weight: Any, targets: NDArray[Any], outputs: int) -> Float64Array:
    """Each sample's weight (N,) by its class: its index, the place of the largest of its K
    targets, or its one target as an integer; 1 for classes that are not named.

    Raises
    ------
    ValueError
        If ``class_weight`` does not map classes to finite numbers.
    """
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            "class_weight must be a dict of class index to weight. "
            f"Received: class_weight={class_weight!r}"
        )
    if targets.ndim == 2 and outputs > 1:
        targets = targets.argmax(axis=1)
    classes, place = np.unique(targets.reshape(-1).astype(np.int64), return_inverse=True)
    for key, weight in class_weight.items():
        _checks.number(f"class_weight[{key!r}]", weight, 0.0)
        _checks.integer("class_weight key", key, 0, None if outputs == 1 else outputs - 1)
    by_class = np.array([float(class_weight.get(int(c), 1.0)) for c in classes])
    return np.ascontiguousarray(by_class[place.reshape(-1)])


def gradients_as_targets(
    loss: Loss, lowered: LoweredLoss, data: Data, rows: NDArray[np.int64], outputs: Float64Array
) -> tuple[Data, float]:
    """The samples ``rows`` (B,) as a batch whose targets are the gradients of a loss written in
    Python, at these outputs (B, ..., K); and the batch's loss."""
    x = data.x[rows] if isinstance(data.x, np.ndarray) else dense_rows(data.x, rows)
    weights = None if data.sample_weight is None else data.sample_weight[rows]
    values, gradients = value_and_gradient(loss, data.labels(rows), outputs, weights is not None)
    given = np.ones(len(rows)) if weights is None else weights.reshape(len(rows), -1).mean(axis=1)
    total = float((values * lowered.factors(gradients, given)).sum())
    return Data(x, np.ascontiguousarray(gradients.reshape(len(rows), -1)), weights), total


def take(data: Data, start: int, stop: int) -> Data:
    """The samples [start, stop), without a copy."""
    weights = data.sample_weight
    return Data(
        data.x[start:stop],
        data.targets[start:stop],
        None if weights is None else weights[start:stop],
        data.label_shape,
        data.learned if start == 0 else None,
    )


def split(data: Data, validation_split: float) -> tuple[Data, Data]:
    """The set without its last ``validation_split`` share, and that share.

    Raises
    ------
    ValueError
        If either part would be empty.
    """
    n = len(data.x)
    first = int(np.floor(n * (1.0 - validation_split)))
    if not 0 < first < n:
        raise ValueError(
            "validation_split must leave samples to train on and to validate with. "
            f"Received: validation_split={validation_split} for {n} samples"
        )
    return take(data, 0, first), take(data, first, n)
