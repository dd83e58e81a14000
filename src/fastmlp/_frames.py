"""Numbers from data frames and series of pandas and polars."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def numbers_of(name: str, value: Any) -> NDArray[Any]:
    """The numbers of a frame (N, columns) or series (N,); gaps are NaN.

    Raises
    ------
    ValueError
        If a column is not numeric; says which.
    """
    columns = _columns(value)
    for column, series in columns:
        if not _is_numeric(series):
            which = f"column {column!r}" if len(value.shape) == 2 else f"a {type(value).__name__}"
            raise ValueError(
                f"{name} must have numeric columns only. Received: {which} of dtype {series.dtype}"
            )
    if len(value.shape) == 1:
        return _numbers(value)
    if len({series.dtype for _, series in columns}) == 1 and hasattr(value, "dtypes"):
        plain = value.to_numpy()  # of pandas often no copy
        if plain.dtype.kind in "fiub":
            result: NDArray[Any] = plain
            return result
    if not columns:
        return np.empty(value.shape)
    return np.column_stack([_numbers(series).astype(np.float64) for _, series in columns])


def _columns(value: Any) -> list[tuple[Any, Any]]:
    """Name and series of each column."""
    if len(value.shape) == 1:
        return [(value.name, value)]
    if hasattr(value, "iloc"):  # of pandas, where names may repeat
        return [(column, value.iloc[:, i]) for i, column in enumerate(value.columns)]
    return list(zip(value.columns, value.get_columns(), strict=True))


def _is_numeric(series: Any) -> bool:
    kind = getattr(series.dtype, "kind", None)  # pandas' and NumPy's
    if kind is not None:
        return kind in tuple("fiub")
    return bool(series.dtype.is_numeric()) or str(series.dtype) == "Boolean"


def _numbers(series: Any) -> NDArray[Any]:
    plain = series.to_numpy()
    if plain.dtype.kind in "fiub":
        result: NDArray[Any] = plain
        return result
    # with gaps, which these types keep beside the numbers
    gaps = np.asarray(series.is_null() if hasattr(series, "is_null") else series.isna(), bool)
    numbers = np.full(len(gaps), np.nan)
    numbers[~gaps] = plain[~gaps].astype(np.float64)
    return numbers
