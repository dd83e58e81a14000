"""Small helpers with Keras's names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._naming import reset as clear_session
from ..random import set_random_seed


def to_categorical(x: Any, num_classes: int | None = None) -> NDArray[np.float64]:
    """Class indices to one-hot rows.

    Parameters
    ----------
    x : array_like of int
        (...) or (..., 1) class indices.
    num_classes : int, optional
        Number of classes K; defaults to the largest index plus one.

    Returns
    -------
    ndarray
        (..., K) float64, 1 at the index and 0 elsewhere.

    Raises
    ------
    ValueError
        If an index is no integer in [0, K), or there is none.

    Examples
    --------
    >>> to_categorical([0, 2], num_classes=3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    given = np.asarray(x)
    if given.dtype.kind not in "fiub" or given.size == 0 or not np.all(given == np.floor(given)):
        raise ValueError(f"x must hold class indices, at least one. Received: x={x!r}")
    indices = given.astype(np.int64)
    if indices.ndim > 1 and indices.shape[-1] == 1:
        indices = indices[..., 0]
    highest = int(indices.max())
    classes = highest + 1 if num_classes is None else _checks.integer("num_classes", num_classes, 1)
    if indices.min() < 0 or highest >= classes:
        raise ValueError(
            f"x must lie in [0, {classes}). Received: x in [{indices.min()}, {highest}]"
        )
    rows = np.zeros((*indices.shape, classes))
    np.put_along_axis(rows, indices[..., None], 1.0, axis=-1)
    return rows


__all__ = ["clear_session", "set_random_seed", "to_categorical"]
