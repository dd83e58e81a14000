"""Jacobians of a network's outputs row by row, and the factors of symmetric matrices, in NumPy.

Letters: n samples in a block, S rows of outputs that each has, K outputs, F inputs, P elements of
all trained parameters; R = n S rows of outputs.
"""

from __future__ import annotations

import numpy as np

from .words import INFERENCE, ActivityRegularization, Float64Array, Operation, block_sum

#: An operation and its parameters.
Stage = tuple[Operation, list[Float64Array]]


def jacobian(stages: list[Stage], values: list[Float64Array], wrt: str) -> Float64Array:
    """d outputs / d parameters (R, K, P), or d outputs / d inputs (R, K, F), from the values
    [x (n, F), output of operation 0, ..., outputs (R, K)].

    One sweep back for each of the S K outputs that a sample has, over all samples at once.
    """
    samples, (rows, outputs) = len(values[0]), values[-1].shape
    split = rows // max(samples, 1)
    sweeps = []
    for row in range(split):
        for output in range(outputs):
            seed = np.zeros((samples, split, outputs))
            seed[:, row, output] = 1.0
            sweeps.append(_sweep(stages, values, seed.reshape(rows, outputs), wrt))
    width = sum(p.size for _, ps in _trained(stages) for p in ps)
    size = width if wrt == "parameters" else values[0].shape[1]
    # (S K, n, size) to (n, S K, size): a sample's rows lie together
    swept = np.array(sweeps).reshape(split * outputs, samples, size)
    return np.ascontiguousarray(swept.transpose(1, 0, 2)).reshape(rows, outputs, size)


def _sweep(
    stages: list[Stage], values: list[Float64Array], dy: Float64Array, wrt: str
) -> Float64Array:
    """What one output of each sample gives back: its derivatives by the parameters (n, P), or by
    the sample's inputs (n, F)."""
    samples = len(values[0])
    found: list[Float64Array] = []
    for i in reversed(range(len(stages))):
        operation, parameters = stages[i]
        x, y = values[i], values[i + 1]
        if wrt == "parameters":
            of_samples = operation.sample_gradients(x, dy, parameters, samples)
            flat = [g.reshape(samples, g[0].size) for g in of_samples]
            if not operation.trainable:
                flat = [np.zeros_like(g) for g in flat]
            found = flat + found
        if not isinstance(operation, ActivityRegularization):  # whose penalty is no output
            dy = operation.backward(x, y, dy, parameters, INFERENCE)
    if wrt == "inputs":
        return dy.reshape(samples, -1)
    return np.concatenate([np.zeros((samples, 0)), *found], axis=1)


def _trained(stages: list[Stage]) -> list[Stage]:
    """The operations with their parameters that have the role "trained" alone."""
    return [
        (o, [p for p, role in zip(ps, o.roles, strict=True) if role == "trained"])
        for o, ps in stages
    ]


def factor(matrix: Float64Array) -> Float64Array | None:
    """The lower triangular L (n, n) with L @ L.T = matrix, of which the lower triangle is read;
    None if it is not positive definite or not finite."""
    if not np.isfinite(np.tril(matrix)).all():
        return None
    try:
        return np.asarray(np.linalg.cholesky(matrix), np.float64)
    except np.linalg.LinAlgError:
        return None


def solve(lower: Float64Array, b: Float64Array) -> Float64Array:
    """x (n,) with L @ L.T @ x = b: L @ y = b from the top, then L.T @ x = y from the bottom."""
    y = b.copy()
    for i in range(len(b)):
        y[i] = (y[i] - lower[i, :i] @ y[:i]) / lower[i, i]
    for i in reversed(range(len(b))):
        y[i] = (y[i] - lower[i + 1 :, i] @ y[i + 1 :]) / lower[i, i]
    return y


def dot(a: Float64Array, b: Float64Array) -> float:
    """The sum of the products, by a tree that the size alone fixes."""
    return float(block_sum(len(a), lambda block: np.asarray((a[block] * b[block]).sum())))
