"""Layers that lay a sample out anew: Reshape, Permute, RepeatVector."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import _checks, engine
from .axes import permuted, sizes_of
from .layer import Layer, register
from .shapes import Shape


@register("reshape")
class Reshape(Layer):
    """The numbers of a sample, in their order, in another shape.

    Parameters
    ----------
    target_shape : tuple of int
        Of one sample; one size may be -1, whatever fits.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If a size is neither positive nor -1, -1 occurs twice, or the sizes do not fit the input.

    Examples
    --------
    >>> Reshape((-1, 2)).compute_output_shape((None, 6))
    (None, 3, 2)
    """

    def __init__(self, target_shape: Sequence[int], **options: object) -> None:
        sizes = [target_shape] if isinstance(target_shape, int) else target_shape
        self.target_shape = tuple(_checks.integer("target_shape", size, -1) for size in sizes)
        if 0 in self.target_shape or self.target_shape.count(-1) > 1 or not self.target_shape:
            raise ValueError(
                "target_shape must be positive sizes, at most one of them -1. "
                f"Received: target_shape={target_shape}"
            )
        super().__init__(**options)  # type: ignore[arg-type]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        count = math.prod(sizes_of(input_shape))
        given = math.prod(size for size in self.target_shape if size != -1)
        fits = count % given == 0 if -1 in self.target_shape else count == given
        if not fits:
            raise ValueError(
                f"target_shape must hold the {count} numbers of a sample of {self.name!r}. "
                f"Received: target_shape={self.target_shape} for input shape {input_shape}"
            )
        return (None, *(count // given if size == -1 else size for size in self.target_shape))


@register("permute")
class Permute(Layer):
    """A sample's axes in another order.

    Parameters
    ----------
    dims : tuple of int
        1, 2, ... in the new order; the batch is not counted.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If ``dims`` is no permutation, or of another number of axes than the input has.

    Examples
    --------
    >>> Permute((2, 1)).compute_output_shape((None, 3, 5))
    (None, 5, 3)
    """

    def __init__(self, dims: Sequence[int], **options: object) -> None:
        self.dims = tuple(_checks.integer("dims", axis, 1) for axis in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)) or not self.dims:
            raise ValueError(f"dims must be 1, 2, ... in some order. Received: dims={dims}")
        super().__init__(**options)  # type: ignore[arg-type]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(
                f"dims of {self.name!r} must name every axis of a sample. "
                f"Received: dims={self.dims} for input shape {input_shape}"
            )
        return (None, *(input_shape[axis] for axis in self.dims))

    def operations(self) -> list[engine.Operation]:
        return permuted(sizes_of(self.input_shape), [axis - 1 for axis in self.dims])


@register("repeat_vector")
class RepeatVector(Layer):
    """(B, features) to (B, n, features), each vector n times.

    Parameters
    ----------
    n : int
        How many times.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If n is not a positive integer, or the input is not (B, features).
    TypeError
        If n is no integer.

    Examples
    --------
    >>> RepeatVector(3)([[1.0, 2.0]]).shape
    (1, 3, 2)
    """

    def __init__(self, n: int, **options: object) -> None:
        if not isinstance(n, int):
            raise TypeError(f"n must be an integer. Received: n={n!r} (of type {type(n).__name__})")
        self.n = _checks.integer("n", n, 1, 2**31 - 1)
        super().__init__(**options)  # type: ignore[arg-type]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ValueError(
                f"RepeatVector {self.name!r} takes inputs of shape (batch, features). "
                f"Received: input shape {input_shape}"
            )
        return (None, self.n, input_shape[1])

    def operations(self) -> list[engine.Operation]:
        return [engine.Reshape(sizes_of(self.input_shape)[0]), engine.Repeat(self.n)]
