"""Derivatives of outputs, and what follows from them, by the native engine.

Letters: N samples, each with S rows of K outputs; P elements of all trained parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._compiled import core
from .door import ALL, CurvatureOperator, Data, Network, Training
from .rows import SparseRows, dense_rows
from .words import Float64Array, Loss

# Multiply-adds of a call, at most, but for those of its least number of rows: a tenth of a second,
# so that Ctrl-C is seen.
_CALL = 1 << 33
# Numbers of roots of second derivatives that are kept from one product to the next: 256 MiB.
_KEPT = 1 << 25


class NativeCurvature:
    """The part of the native engine that takes derivatives of outputs, all of it in C but the
    losses' roots, so that no bit depends on threads or instruction sets. (Roots of cross-entropies
    are of NumPy's exp.)"""

    name: str
    _network: core.CNetwork
    _made_from: tuple[Network, Training | None]

    def jacobian(self, x: Any, wrt: str) -> Float64Array:
        pulled: Float64Array = self._network.pull(samples(x), False, None, wrt == "inputs")
        return pulled

    def gauss_newton(self, data: Data, rows: NDArray[np.int64]) -> Float64Array:
        total: Float64Array = np.zeros((self._size, self._size))
        network = self._made_from[0]
        for block in _calls(len(rows), len(total) ** 2 * network.split * network.outputs):
            x, roots = self._roots(data, rows, block)
            self._network.gauss_newton(samples(x), roots, total)
        return total

    def gauss_newton_operator(self, data: Data, rows: NDArray[np.int64]) -> CurvatureOperator:
        return _Operator(self, data, rows)

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

    def gauss_newton_root(
        self, data: Data, rows: NDArray[np.int64], block: slice = ALL
    ) -> Float64Array:
        x, root = self._roots(data, rows, block)
        pulled = self._network.pull(samples(x), True, root, False)
        return pulled.reshape(pulled.shape[0] * pulled.shape[1], self._size)

    def _roots(self, data: Data, rows: NDArray[np.int64], block: slice) -> tuple[Any, Float64Array]:
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
        x = _taken(data.x, rows[block])
        root = loss.root(graded.predict(samples(x), -1), targets)
        root = np.sqrt(factors)[:, None, None] * root
        return x, np.ascontiguousarray(root)

    def _without_last(self) -> core.CNetwork:
        """A network of the same parameters without the last operation, which has none."""
        raise NotImplementedError(f"{type(self).__name__} must implement _without_last")


class _Operator:
    """H by its products and its diagonal, from roots that are formed once if there is room."""

    def __init__(self, engine: NativeCurvature, data: Data, rows: NDArray[np.int64]) -> None:
        self._engine, self._data, self._rows = engine, data, rows
        network = engine._made_from[0]
        outputs = network.split * network.outputs
        sweeps = 5 + 3 * outputs  # of a product and of a diagonal
        self._blocks = list(_calls(len(rows), sweeps * engine._size))
        fits = len(rows) * outputs * network.outputs <= _KEPT
        self._kept = [engine._roots(data, rows, block) for block in self._blocks] if fits else None

    def _parts(self) -> Iterator[tuple[Any, Float64Array]]:
        if self._kept is not None:
            yield from self._kept
            return
        for block in self._blocks:
            yield self._engine._roots(self._data, self._rows, block)

    def product(self, v: Float64Array) -> Float64Array:
        v, total = np.ascontiguousarray(v), np.zeros(self._engine._size)
        for x, roots in self._parts():
            total += self._engine._network.gauss_newton_product(samples(x), roots, v)
        return total

    def diagonal(self) -> Float64Array:
        total: Float64Array = np.zeros(self._engine._size)
        for x, roots in self._parts():
            total += self._engine._network.gauss_newton_diagonal(samples(x), roots)
        return total


def _calls(count: int, work: int) -> Iterator[slice]:
    """Parts of ``count`` samples that take ``work`` multiply-adds each: whole blocks of 1,024."""
    step = 1024 * max(1, _CALL // (1024 * max(1, work)))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def _taken(x: Any, rows: NDArray[np.int64]) -> Any:
    """Those samples; without a copy where they follow each other."""
    if len(rows) > 0 and (np.diff(rows) == 1).all():
        return x[int(rows[0]) : int(rows[-1]) + 1]
    return dense_rows(x, rows)


def samples(x: Any) -> Any:
    """Samples as the C engine has them."""
    return (x.indptr, x.indices, x.values) if isinstance(x, SparseRows) else x
