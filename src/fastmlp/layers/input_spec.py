"""What a layer asks of its inputs."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from .. import _checks


class InputSpec:
    """What inputs of a layer must be like: set as ``input_spec`` of a layer of one's own.

    Parameters
    ----------
    dtype : str, optional
        "float64" or None: layers get nothing else.
    shape : tuple, optional
        With the batch axis; None for a size that may be any.
    ndim, max_ndim, min_ndim : int, optional
        How many axes, how many at most and at least.
    axes : dict, optional
        Axis to its size.
    allow_last_axis_squeeze : bool
        Whether a last axis of size 1 may be missing or be there besides.
    name : str, optional
        What errors call the input.
    optional : bool
        Taken as Keras's argument; a layer has one input, which is always there.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Examples
    --------
    >>> InputSpec(min_ndim=2, axes={-1: 4})
    InputSpec(min_ndim=2, axes={-1: 4})
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else _checks.float64("dtype", dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name, self.optional = name, optional
        try:
            self.axes = {operator.index(axis): size for axis, size in dict(axes or {}).items()}
        except (TypeError, ValueError):
            raise TypeError(
                f"Argument `axes` must be a dict with integer keys. Received: axes={axes}"
            ) from None
        most = self.ndim or self.max_ndim
        if self.axes and most is not None and max(self.axes) > most - 1:
            raise ValueError(
                f"Axis {max(self.axes)} is greater than the maximum allowed value: {most - 1}"
            )

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as plain data."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """Another with these constructor arguments."""
        return cls(**config)

    def __repr__(self) -> str:
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        told = (f"{name}={getattr(self, name)}" for name in names if getattr(self, name))
        return f"InputSpec({', '.join(told)})"

    def _problem(self, shape: tuple[int | None, ...]) -> str:
        """What is wrong with inputs of a shape; empty if they fit."""
        ndim, full = len(shape), f". Full shape received: {shape}"
        if self.ndim not in (None, ndim) and not self.allow_last_axis_squeeze:
            return f"expected ndim={self.ndim}, found ndim={ndim}{full}"
        if self.max_ndim is not None and ndim > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={ndim}"
        if self.min_ndim is not None and ndim < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={ndim}{full}"
        for axis, size in self.axes.items():
            found = shape[axis] if -ndim <= axis < ndim else 0
            if size is not None and found not in (size, None):
                return (
                    f"expected axis {axis} of input shape to have value {size}, but received "
                    f"input with shape {shape}"
                )
        if self.shape is not None:
            expected, given = self.shape, shape
            if self.allow_last_axis_squeeze:
                given = given[:-1] if given and given[-1] == 1 else given
                expected = expected[:-1] if expected and expected[-1] == 1 else expected
            fits = len(expected) == len(given) and all(
                None in (size, found) or size == found
                for size, found in zip(expected, given, strict=True)
            )
            if not fits:
                return f"expected shape={self.shape}, found shape={shape}"
        return ""


def checked(spec: Any) -> InputSpec | None:
    """The InputSpec, which may be alone in a list.

    Raises
    ------
    ValueError, TypeError
        If there are several, or it is none.
    """
    specs = list(spec) if isinstance(spec, (list, tuple)) else [spec]
    if len(specs) != 1:
        raise ValueError(
            f"input_spec must be that of one input, which is all that a layer has. Received: "
            f"{len(specs)} of them"
        )
    if not isinstance(specs[0], (InputSpec, type(None))):
        raise TypeError(f"input_spec must be an InputSpec or None. Received: input_spec={spec!r}")
    return specs[0]


def check(spec: InputSpec | None, shape: tuple[int | None, ...], layer: str) -> None:
    """ValueError, in Keras's words, unless inputs of a shape are what a layer asks for."""
    problem = "" if spec is None else spec._problem(shape)
    if problem:
        name = None if spec is None else spec.name
        raise ValueError(
            f"Input 0 with name '{name}' of layer '{layer}' is incompatible with the layer: "
            f"{problem}"
        )
