"""Samples of which most values are zero, as the lists of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .words import Float64Array


@dataclass(frozen=True)
class SparseRows:
    """Compressed sparse rows (N, features), as SciPy's csr_array has them.

    Row n has ``values[indptr[n]:indptr[n + 1]]`` for the features that ``indices`` holds at the
    same places, ascending; all else is 0. indptr: (N + 1) int64, indices: int32, values: float64,
    all C-contiguous.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    values: Float64Array
    features: int

    @property
    def shape(self) -> tuple[int, int]:
        """(N, features)."""
        return len(self.indptr) - 1, self.features

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, rows: slice) -> SparseRows:
        """Consecutive rows, without a copy."""
        start, stop, _ = rows.indices(len(self))
        return SparseRows(
            self.indptr[start : max(start, stop) + 1], self.indices, self.values, self.features
        )

    def dense(self, rows: Any) -> Float64Array:
        """Those rows (n, features) with their zeros."""
        chosen = np.arange(len(self))[rows]
        begin, end = self.indptr[chosen], self.indptr[chosen + 1]
        row = np.repeat(np.arange(len(chosen)), end - begin)
        first = np.cumsum(end - begin) - (end - begin)
        at = np.arange(len(row)) - first[row] + begin[row]
        full = np.zeros((len(chosen), self.features))
        full[row, self.indices[at]] = self.values[at]
        return full


def dense_rows(x: Any, rows: Any) -> Float64Array:
    """Rows of samples (N, F) of any kind, by their numbers or a slice: (n, F)."""
    if isinstance(x, SparseRows):
        return x.dense(rows)
    result: Float64Array = x[rows].astype(np.float64)
    return result
