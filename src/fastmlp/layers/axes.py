"""Axes of a sample: checked, and laid out anew for what works along rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import _checks, engine
from .shapes import Shape

Operations = list[engine.Operation]


def sizes_of(shape: Shape) -> tuple[int, ...]:
    """Sizes of the axes of a sample, from a shape with its batch axis."""
    return tuple(size for size in shape[1:] if size is not None)


def axis_or_axes(value: Any) -> int | list[int]:
    """An argument ``axis``: an integer or a list of them, not yet held against a shape.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(value, (list, tuple)):
        return [_checks.integer("axis", axis, -64, 64) for axis in value]
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"axis must be an integer or a list of them. Received: axis={value!r}")
    return _checks.integer("axis", value, -64, 64)


def sample_axes(axis: int | Sequence[int], shape: Shape, layer: str) -> list[int]:
    """Axes of a batch as those of a sample, from 0, in ascending order.

    Raises
    ------
    ValueError
        If one is the batch axis, is not there, or occurs twice.
    """
    given = [axis] if isinstance(axis, int) else list(axis)
    found = sorted(a + len(shape) if a < 0 else a for a in given)
    if not found or len(set(found)) < len(found) or found[0] < 1 or found[-1] >= len(shape):
        raise ValueError(
            f"axis of {layer} must name different axes of the input, the first (batch) not among "
            f"them. Received: axis={axis} for input shape {shape}"
        )
    return [a - 1 for a in found]


def permuted(sizes: Sequence[int], order: Sequence[int]) -> Operations:
    """What makes a sample of these sizes one whose axis i is its axis ``order[i]``."""
    axes, made = list(range(len(sizes))), []
    for place, axis in enumerate(order):
        at = axes.index(axis)
        first = math.prod(sizes[a] for a in axes[place:at])
        inner = math.prod(sizes[a] for a in axes[at + 1 :])
        if first > 1 and sizes[axis] > 1:
            made.append(engine.Transpose(first, sizes[axis], inner))
        axes.insert(place, axes.pop(at))
    return [*made]


def along(axes: Sequence[int], sizes: Sequence[int], operations: Operations) -> Operations:
    """Operations along rows of the axes named, in their order, of a sample of these sizes: axes
    are swapped before and after where the last of all are others."""
    others = [a for a in range(len(sizes)) if a not in axes]
    order = [*others, *axes]
    back = sorted(range(len(order)), key=order.__getitem__)
    rows = engine.Reshape(math.prod(sizes[a] for a in axes))
    return [
        *permuted(sizes, order),
        rows,
        *operations,
        *permuted([sizes[a] for a in order], back),
    ]
