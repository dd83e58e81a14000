"""Shapes of samples and batches, and arrays that have them."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _checks, engine

#: Of samples with their batch axis: (None, 28, 28).
Shape = tuple[int | None, ...]

# Of a sample, as of a Dense layer: a row of so many numbers takes 16 GB.
_MAX_FEATURES = 2**31 - 1

# What an engine gathers rows from as it is.
_READABLE = frozenset(map(np.dtype, (np.float64, np.float32, np.uint8)))


def sample_shape(shape: Any) -> tuple[int, ...]:
    """A shape of one sample, checked: positive integers, at least one."""
    sizes = _positive_integers(shape)
    if not sizes:
        raise ValueError(
            "shape must be a tuple of positive integers, one for each axis of a sample, with a "
            f"product of at most {_MAX_FEATURES}. Received: shape={shape!r}"
        )
    return sizes


def batch_shape(shape: Any) -> Shape:
    """A shape with a batch axis, checked; the batch size itself is left open."""
    sizes = _positive_integers(tuple(shape)[1:]) if hasattr(shape, "__len__") else ()
    if not sizes:
        raise ValueError(
            "input_shape must be (None, ...), the batch axis and then positive integers with a "
            f"product of at most {_MAX_FEATURES}. Received: input_shape={shape!r}"
        )
    return (None, *sizes)


def _positive_integers(shape: Any) -> tuple[int, ...]:
    """The shape as a tuple if it is made of positive integers, not too large, else ()."""
    if isinstance(shape, (str, bytes)) or not hasattr(shape, "__len__"):
        return ()
    try:
        sizes = tuple(operator.index(size) for size in shape)
    except TypeError:
        return ()
    fits = all(size > 0 for size in sizes) and math.prod(sizes) <= _MAX_FEATURES
    return sizes if fits else ()


def shaped(x: Any, sample: tuple[int, ...], name: str = "x") -> NDArray[Any]:
    """x as an array (N, *sample) of real numbers of any type and layout. Values are not looked at.

    Raises
    ------
    ValueError
        If the shape differs, there are no samples, or the values are not real numbers.
    """
    array = _checks.real_array(name, x)
    if array.ndim == 1 and sample == (1,):
        array = array[:, None]  # as Keras: one feature needs no axis of its own
    if array.ndim != len(sample) + 1 or array.shape[1:] != sample:
        expected = ", ".join(map(str, sample))
        raise ValueError(
            f"{name} must have shape (samples, {expected}). Received: {name} of shape {array.shape}"
        )
    if len(array) == 0:
        raise ValueError(
            f"{name} must hold at least one sample. Received: {name} of shape {array.shape}"
        )
    # Bytes that are 0 and 1 already.
    return array.view(np.uint8) if array.dtype == np.bool_ else array


def is_readable(array: NDArray[Any]) -> bool:
    """Whether an engine gathers rows from an array as it is."""
    flags = array.flags
    return array.dtype in _READABLE and flags.c_contiguous and flags.aligned


def rows_of(x: Any, sample: tuple[int, ...], name: str = "x") -> NDArray[Any]:
    """x (N, *sample) as (N, features) rows an engine reads: C-contiguous float64, float32 or
    uint8, without a copy where it is one of these already. Values are not looked at.

    Raises
    ------
    ValueError
        If the shape differs, there are no samples, or the values are not real numbers.
    """
    array = shaped(x, sample, name)
    if array.dtype not in _READABLE or not array.flags.aligned:
        array = array.astype(np.float64, order="C")
    return np.ascontiguousarray(array).reshape(len(array), -1)


class Sharing(NamedTuple):
    """Features of a sample counted as (outer, shared, inner): those of equal outer and inner share
    something."""

    shared: int
    inner: int

    @classmethod
    def of(cls, name: str, value: Any, shape: Shape, shared: Sequence[bool]) -> Sharing:
        """That along the axes of shape[1:] that ``shared`` marks.

        Raises
        ------
        ValueError
            If others lie between them: the engines count three axes.
        """
        sizes = [size for size in shape[1:] if size is not None]
        marked = [i for i, size in enumerate(sizes) if shared[i] and size > 1]
        if not marked:
            return cls(1, 1)
        first, last = marked[0], marked[-1]
        if any(sizes[i] > 1 for i in range(first, last) if not shared[i]):
            raise ValueError(
                f"{name} must share neighbouring axes only. "
                f"Received: {name}={value!r}, input shape {shape}"
            )
        return cls(math.prod(sizes[first : last + 1]), math.prod(sizes[last + 1 :]))


def one_row(shape: Shape) -> list[engine.Operation]:
    """What makes one row of a sample, however it lies, for what counts its features."""
    return [engine.Reshape(math.prod(size for size in shape[1:] if size is not None))]


def check_categories(name: str, array: NDArray[Any], limit: int) -> None:
    """ValueError unless an array holds whole numbers in [0, limit) only."""
    wrong = ~((array >= 0) & (array < limit) & (array == np.floor(array)))
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        raise ValueError(
            f"{name} must hold whole numbers from 0 to {limit - 1}. "
            f"Received: {array[wrong][0]} in row {row}"
        )


def broadcasts(shape: tuple[int, ...], sizes: tuple[int, ...]) -> bool:
    """Whether an array of that shape broadcasts to one of these sizes."""
    if len(shape) > len(sizes):
        return False
    pairs = zip(reversed(shape), reversed(sizes), strict=False)
    return all(given in (1, size) for given, size in pairs)
