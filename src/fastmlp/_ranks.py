"""How arrays of labels, outputs and weights are matched where one has an axis more."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


def same_rank(first: Array, second: Array, expand_rank_1: bool = True) -> tuple[Array, Array]:
    """The two, where one has one axis more and that is of size 1, with as many axes: a partner
    of rank 1 gets an axis, else the other one loses its last."""
    if first.ndim == second.ndim + 1 and first.shape[-1] == 1:
        if second.ndim == 1 and expand_rank_1:
            return first, second[..., None]
        return first[..., 0], second
    if second.ndim == first.ndim + 1:
        second, first = same_rank(second, first, expand_rank_1)
    return first, second
