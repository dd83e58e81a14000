"""Derivatives of outputs, and what follows from them, by the native engine.

Letters: N samples, each with S rows of K outputs; P elements of all trained parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._compiled import core
from .door import Data, Network, Training
from .rows import SparseRows, dense_rows
from .words import Float64Array

if TYPE_CHECKING:
    from .words import Loss

# Numbers of rows of a Jacobian that are in memory at once.
_BLOCK = 1 << 21


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

    def vector_jacobian(self, x: Any, u: Float64Array) -> Float64Array:
        split, seeds = self._made_from[0].split, np.ascontiguousarray(u[:, None, :])
        total: Float64Array = np.zeros(self._size)
        for block in self._blocks(len(x), split):
            rows = slice(block.start * split, block.stop * split)
            pulled = self._network.pull(samples(x[block]), False, seeds[rows], False)[:, 0]
            total += core.matmul(np.ones((1, len(pulled))), pulled)[0]
        return total

    def gauss_newton(self, data: Data, rows: NDArray[np.int64]) -> Float64Array:
        total: Float64Array = np.zeros((self._size, self._size))
        for j in self._root_rows(data, rows):
            total += core.matmul(j.T, j)
        return total

    def gauss_newton_product(
        self, data: Data, rows: NDArray[np.int64], v: Float64Array
    ) -> Float64Array:
        total: Float64Array = np.zeros(self._size)
        for j in self._root_rows(data, rows):
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

    def _root_rows(self, data: Data, rows: NDArray[np.int64]) -> Iterator[Float64Array]:
        """Rows A (R K, P) of which A.T @ A is the Gauss-Newton matrix, a block of the batch after
        the other: the Jacobian of what the loss is of, each row of outputs multiplied by the
        loss's root and by that of its factor in the batch's loss."""
        network, training = self._made_from
        assert training is not None, "an engine without a loss has no curvature"
        split, outputs = network.split, network.outputs
        last = network.operations[-1] if network.operations else None
        before = training.loss.before(last) if last is not None else None
        loss: Loss = before or training.loss
        graded = self if before is None else self._without_last()
        weights = np.ones(len(rows) * split)
        if data.sample_weight is not None:
            weights = data.sample_weight[rows].ravel()
        targets = data.targets[rows]
        targets = targets.ravel() if loss.class_indices else targets.reshape(-1, outputs)
        factors = loss.factors(targets, weights)
        for block in self._blocks(len(rows), split * outputs):
            x = dense_rows(data.x, rows[block])
            by_row = slice(block.start * split, block.stop * split)
            values = graded._network.predict(x, -1)
            root = np.sqrt(factors[by_row])[:, None, None] * loss.root(values, targets[by_row])
            pulled = self._network.pull(x, True, np.ascontiguousarray(root), False)
            yield pulled.reshape(-1, self._size)

    def _without_last(self) -> Any:
        """An engine of the same parameters without the last operation, which has none."""
        network = self._made_from[0]
        short = type(self)(Network(network.inputs, network.operations[:-1]), None)  # type: ignore[call-arg]
        for i in range(len(network.parameter_shapes)):
            short._network.write(i, -1, self._network.read(i, -1))
        return short


def samples(x: Any) -> Any:
    """Samples as the C engine has them."""
    return (x.indptr, x.indices, x.values) if isinstance(x, SparseRows) else x
