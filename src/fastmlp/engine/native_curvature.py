"""Derivatives of outputs, and what follows from them, by the native engine.

Letters: N samples, each with S rows of K outputs; P elements of all trained parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._compiled import core
from .door import ALL, Data, Network, Training
from .rows import SparseRows, dense_rows
from .words import Float64Array, Loss

# Numbers of rows of a Jacobian that are in memory at once.
_BLOCK = 1 << 21
# Products that a call sums, at most, but for those of its least number of rows.
_CALL = 1 << 33


class NativeCurvature:
    """The part of the native engine that takes derivatives of outputs. Rows of Jacobians are made
    in C; sums over them are the engine's products, block after block, so that no bit depends on
    threads or instruction sets. (Roots of cross-entropies are of NumPy's exp.)"""

    name: str
    _network: core.CNetwork
    _made_from: tuple[Network, Training | None]

    def jacobian(self, x: Any, wrt: str) -> Float64Array:
        pulled: Float64Array = self._network.pull(samples(x), False, None, wrt == "inputs")
        return pulled

    def gauss_newton(self, data: Data, rows: NDArray[np.int64]) -> Float64Array:
        total: Float64Array = np.zeros((self._size, self._size))
        # whole blocks of 1,024 rows of J, in calls of a tenth of a second: then Ctrl-C is seen
        work = max(1, len(total) ** 2 * self._made_from[0].split * self._made_from[0].outputs)
        step = 1024 * max(1, _CALL // (1024 * work))
        for start in range(0, len(rows), step):
            block = slice(start, min(start + step, len(rows)))
            self._network.gauss_newton(*self._roots(data, rows, block), total)
        return total

    def gauss_newton_product(
        self, data: Data, rows: NDArray[np.int64], v: Float64Array
    ) -> Float64Array:
        total: Float64Array = np.zeros(self._size)
        for block in self._root_blocks(rows):
            j = self.gauss_newton_root(data, rows, block)
            total += core.matmul(j.T, core.matmul(j, np.ascontiguousarray(v)[:, None])).ravel()
        return total

    def factor(self, matrix: Float64Array) -> Float64Array | None:
        return core.factor(np.ascontiguousarray(matrix))

    def solve(self, lower: Float64Array, b: Float64Array) -> Float64Array:
        return core.solve(lower, np.ascontiguousarray(b))

    def product(self, a: Float64Array, b: Float64Array) -> Float64Array:
        return core.matmul(a, b)

    def dot(self, a: Float64Array, b: Float64Array) -> float:
        return float(core.matmul(a[None], b[:, None])[0, 0])

    @property
    def _size(self) -> int:
        """P."""
        network = self._made_from[0]
        shapes = zip(network.parameter_shapes, network.roles, strict=True)
        return sum(int(np.prod(shape)) for shape, role in shapes if role == "trained")

    def _blocks(self, samples: int, rows: int) -> Iterator[slice]:
        """Samples that have ``rows`` rows of a Jacobian each, as many as fit."""
        step = max(1, _BLOCK // max(1, rows * self._size))
        for start in range(0, samples, step):
            yield slice(start, min(start + step, samples))

    def _root_blocks(self, rows: NDArray[np.int64]) -> Iterator[slice]:
        network = self._made_from[0]
        return self._blocks(len(rows), network.split * network.outputs)

    def gauss_newton_root(
        self, data: Data, rows: NDArray[np.int64], block: slice = ALL
    ) -> Float64Array:
        x, root = self._roots(data, rows, block)
        return self._network.pull(x, True, root, False).reshape(-1, self._size)

    def _roots(
        self, data: Data, rows: NDArray[np.int64], block: slice
    ) -> tuple[Float64Array, Float64Array]:
        """Samples, and of each row of outputs a root (K, K) of the loss's second derivatives."""
        network, training = self._made_from
        assert training is not None, "an engine without a loss has no curvature"
        split, outputs = network.split, network.outputs
        last = network.operations[-1] if network.operations else None
        before = training.loss.before(last) if last is not None else None
        loss: Loss = before or training.loss
        graded = self._network if before is None else self._without_last()
        weights = np.ones(len(rows) * split)
        if data.sample_weight is not None:
            weights = data.sample_weight[rows].ravel()
        targets = data.targets[rows]
        targets = targets.ravel() if loss.class_indices else targets.reshape(-1, outputs)
        factors = loss.factors(targets, weights).reshape(-1, split)[block].ravel()
        targets = targets.reshape(len(rows), split, -1)[block]
        targets = targets.ravel() if loss.class_indices else targets.reshape(-1, outputs)
        x = dense_rows(data.x, rows[block])
        root = np.sqrt(factors)[:, None, None] * loss.root(graded.predict(x, -1), targets)
        return x, np.ascontiguousarray(root)

    def _without_last(self) -> core.CNetwork:
        """A network of the same parameters without the last operation, which has none."""
        raise NotImplementedError(f"{type(self).__name__} must implement _without_last")


def samples(x: Any) -> Any:
    """Samples as the C engine has them."""
    return (x.indptr, x.indices, x.values) if isinstance(x, SparseRows) else x
