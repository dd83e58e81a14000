"""What the two tables of house prices share: arrays x and y of one file, split by a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

Split = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]


def load(
    path: str, file: str, digest: str, test_split: float, seed: int, most: int | None = None
) -> tuple[Split, Split]:
    """The first ``most`` rows of the file as training and test rows, shuffled as Keras does."""
    # Here, so that reading bundled data loads neither urllib nor zipfile.
    from ..utils.downloads import get_file
    from .npz import read_npz

    share = _checks.number("test_split", test_split, 0.0, 1.0)
    found = get_file(path, origin=ORIGIN + file, file_hash=digest)
    x, y = read_npz(found, {"x": 2, "y": 1}, (np.float32, np.float64))
    if len(x) != len(y):
        raise ValueError(
            f"{found}: x and y must be equally long. Received: {len(x)} and {len(y)} rows"
        )
    x, y = x[:most], y[:most]
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)  # Keras's, which no version of NumPy changes
    x, y = x[order], y[order]
    first = int(len(x) * (1 - share))
    return (x[:first], y[:first]), (x[first:], y[first:])
