"""Running sums whose bits do not depend on the portions in which the numbers came."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..variable import Variable

Float64Array = NDArray[np.float64]


class TreeSum:
    """Sums of rows (R, n) of numbers that may come in any portions: always by the binary tree
    over their places (numbers 2i and 2i + 1 first, then those sums, and so on; one without a
    partner goes up as it is), so that the portions, which the clock may have cut, change no bit.

    Examples
    --------
    >>> sums = TreeSum(2)
    >>> sums.add(np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]]))
    >>> sums.total()
    array([6., 3.])
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.clear()

    def clear(self) -> None:
        """Forget all numbers."""
        # At each level of the tree the sums (R,) of the last node, while it has no partner.
        self._pending: list[Float64Array | None] = []

    def add(self, values: Float64Array) -> None:
        """Take in numbers (R, n) after those before."""
        level = 0
        while values.shape[1] > 1:
            before = self._take(level)
            if before is not None:
                values = np.concatenate((before[:, None], values), axis=1)
            paired = values.shape[1] // 2 * 2
            if paired < values.shape[1]:
                self._pending[level] = values[:, -1].copy()
            values = values[:, 0:paired:2] + values[:, 1:paired:2]
            level += 1
        if values.shape[1]:  # one node goes up as long as there is a partner
            node = values[:, 0].copy()
            while (before := self._take(level)) is not None:
                node = before + node
                level += 1
            self._pending[level] = node

    def _take(self, level: int) -> Float64Array | None:
        """The node that waits at a level, which waits no more."""
        if level == len(self._pending):
            self._pending.append(None)
        node, self._pending[level] = self._pending[level], None
        return node

    def total(self) -> Float64Array:
        """The sums (R,) of all numbers so far."""
        total = np.zeros(self.rows)
        nodes = [node for node in self._pending if node is not None]
        if nodes:
            total = nodes[0]
            for node in nodes[1:]:
                total = node + total
        return total.copy()

    def assign(self, total: Float64Array) -> None:
        """Go on from these sums (R,), as if they were one number."""
        self._pending = [np.array(total)]


class SumVariable(Variable):
    """A variable that shows some rows of a TreeSum: reading it reads them, assigning sets them.

    Parameters
    ----------
    sums : TreeSum
        Where the numbers are.
    start : int
        The first of its rows.
    shape : tuple of int
        Shape of the variable; it shows as many rows as that has elements.
    name : str
        What it is, such as "total".
    """

    def __init__(self, sums: TreeSum, start: int, shape: tuple[int, ...], name: str) -> None:
        super().__init__(np.zeros(shape), name=name)
        self._sums = sums
        self._rows = slice(start, start + self._value.size)

    @property
    def value(self) -> Float64Array:
        """The sums, read-only."""
        value = self._sums.total()[self._rows].reshape(self.shape)
        value.setflags(write=False)
        return value

    def assign(self, value: Any) -> None:
        """Set the sums."""
        super().assign(value)
        total = self._sums.total()
        total[self._rows] = self._value.ravel()
        self._sums.assign(total)
