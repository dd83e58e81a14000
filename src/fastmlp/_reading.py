"""What files that are being read may make of memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Allowance:
    """How many elements may still be made, and whether they need values: those of weights do not,
    which the file has."""

    def __init__(self, elements: int, values: bool) -> None:
        self.left = elements
        self.values = values

    def take(self, name: str, shape: tuple[int, ...]) -> None:
        """Count an array of that shape in.

        Raises
        ------
        ValueError
            If there would be more elements than are allowed; before any is made.
        """
        self.left -= math.prod(shape)
        if self.left < 0:
            raise ValueError(
                f"{name} of shape {shape} has elements that the file does not: it is not believed"
            )


_now: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


def allowance() -> Allowance | None:
    """What holds now; None where no file is being read."""
    return _now.get()


@contextmanager
def at_most(elements: int, values: bool) -> Iterator[None]:
    """Make at most so many elements of weights, or of metrics' variables."""
    token = _now.set(Allowance(elements, values))
    try:
        yield
    finally:
        _now.reset(token)
