"""Samples of every kind, as an engine reads them or as what can be converted a chunk at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ..engine import Float64Array, SparseRows
from ..layers.shapes import is_readable, rows_of, shaped

# From this many bytes on a float64 copy of a whole set is not made.
_LARGE = 1 << 28


@dataclass(frozen=True)
class LazyRows:
    """Samples (N, ...) of another type or layout than an engine reads, converted where they are
    used: a chunk of them at a time."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, int]:
        """(N, F)."""
        return len(self.array), self.array[:1].size

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, rows: slice) -> LazyRows:
        """Consecutive rows, without a copy."""
        return LazyRows(self.array[rows])

    def converted(self, rows: Any) -> Float64Array:
        """Those rows (n, F) as an engine reads them."""
        block = np.ascontiguousarray(self.array[rows], np.float64)
        return block.reshape(len(block), -1)


def samples_of(x: Any, sample: tuple[int, ...], name: str = "x") -> Any:
    """x (N, *sample) as an engine reads it, SparseRows of it, or LazyRows of what is too large
    to be converted as a whole: memory maps and all from 256 MB on.

    Raises
    ------
    ValueError
        If it does not hold samples of that shape.
    """
    if is_sparse(x):
        return _sparse_rows(x, sample, name)
    is_mapped = isinstance(x, np.memmap)
    array = shaped(x, sample, name)
    if not is_readable(array) and (is_mapped or array.size * 8 >= _LARGE):
        return LazyRows(array)
    return rows_of(array, sample, name)


def is_sparse(x: Any) -> bool:
    """Whether x is a sparse matrix or array of SciPy."""
    return hasattr(x, "tocsr")


def _sparse_rows(x: Any, sample: tuple[int, ...], name: str) -> SparseRows:
    """A sparse matrix (N, F): a compressed sparse one of float64 with its columns in order keeps
    its values where they are; others are copied."""
    if x.ndim != 2 or x.shape[1:] != sample or x.shape[0] == 0:
        expected = ", ".join(map(str, sample))
        raise ValueError(
            f"{name} must have shape (samples, {expected}), with at least one sample. "
            f"Received: {name} of shape {x.shape}"
        )
    if np.dtype(x.dtype).kind not in "fiub":
        raise ValueError(
            f"{name} must be an array of real numbers. Received: {name} of dtype {x.dtype}"
        )
    rows = x.tocsr()
    # A copy, which nobody can change while an engine reads by it.
    indptr = np.array(rows.indptr, np.int64)
    count, features = int(indptr[-1]), rows.shape[1]
    indices = rows.indices[:count]
    if indptr[0] != 0 or (np.diff(indptr) < 0).any() or count > len(rows.indices):
        raise ValueError(f"{name} must be a sparse matrix whose indptr ascends from 0")
    if count and not 0 <= indices.min() <= indices.max() < features:
        raise ValueError(
            f"{name} must have column indices in [0, {features}). "
            f"Received: indices in [{indices.min()}, {indices.max()}]"
        )
    if not _ascending(indptr, indices):
        rows = rows.copy()
        rows.sum_duplicates()  # and sorts
        indptr = np.array(rows.indptr, np.int64)
        indices = rows.indices[: int(indptr[-1])]
    values = _checks.real_array(name, rows.data[: len(indices)])
    return SparseRows(
        indptr,
        np.ascontiguousarray(indices, np.int32),
        np.ascontiguousarray(values, np.float64),
        features,
    )


def _ascending(indptr: NDArray[np.int64], indices: NDArray[Any]) -> bool:
    """Whether the columns of each row ascend strictly; SciPy's own flag may be out of date."""
    steps = np.diff(indices) > 0
    ends = indptr[1:-1]
    inner = ends[(ends > 0) & (ends < len(indices))]
    steps[inner - 1] = True  # from a row to the next
    return bool(steps.all())


def only_input(x: Any, input_name: str | None, name: str = "x") -> Any:
    """x, or the one array of a dict {input name: array}.

    Raises
    ------
    ValueError
        If the dict has another number of arrays or another name.
    """
    if not isinstance(x, Mapping):
        return x
    if len(x) != 1 or input_name not in (None, *x):
        expected = "one input" if input_name is None else f"the input {input_name!r} alone"
        raise ValueError(f"{name} as a dict must have {expected}. Received: {list(x)}")
    return next(iter(x.values()))


def stored(x: Any) -> NDArray[Any]:
    """The numbers that samples of any kind have in memory; a sparse one's others are 0."""
    if isinstance(x, SparseRows):
        return x.values[int(x.indptr[0]) : int(x.indptr[-1])]
    return x.array if isinstance(x, LazyRows) else x


def finite(name: str, x: Any) -> None:
    """ValueError if samples of any kind hold NaN or infinity; says where the first is."""
    if not isinstance(x, SparseRows):
        _checks.finite(name, stored(x))
        return
    wrong = np.flatnonzero(~np.isfinite(stored(x)))
    if len(wrong):
        at = int(x.indptr[0]) + int(wrong[0])
        row = int(np.searchsorted(x.indptr, at, side="right")) - 1
        raise ValueError(
            f"{name} must hold finite numbers only. Received: {x.values[at]} in row {row}"
        )
