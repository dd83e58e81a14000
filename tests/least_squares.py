"""Sums of squares that are no networks, as problems that the optimizers of second order solve:
NIST's and those of Moré, Garbow and Hillstrom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastmlp.engine import Dense, Float64Array, Network
from fastmlp.engine.reference import ReferenceEngine


class LeastSquares:
    """The mean of the squared residuals r (n,) at parameters w (P,).

    Parameters
    ----------
    errors : callable
        w, real or complex, to r; analytic.
    start : sequence of float
        The first w.
    """

    is_squares, is_penalized = True, False

    def __init__(self, errors: Callable[[Any], Any], start: Any) -> None:
        self.errors = errors
        self.weights: Float64Array = np.array(start, float)
        self.algebra: Any = ReferenceEngine(Network(1, (Dense(1, 1),)), None)
        self.residuals = len(self.errors(self.weights))

    def jacobian(self, w: Float64Array) -> Float64Array:
        """(n, P), exact to rounding: by steps along the imaginary axis."""
        h = 1e-100
        columns = []
        for i in range(len(w)):
            stepped = w.astype(complex)
            stepped[i] += 1j * h
            columns.append(self.errors(stepped).imag / h)
        return np.stack(columns, axis=1)

    def loss(self, w: Float64Array) -> float:
        return float(np.square(self.errors(w)).mean())

    def gradient(self, w: Float64Array) -> Float64Array:
        gradient: Float64Array = 2.0 / self.residuals * (self.jacobian(w).T @ self.errors(w))
        return gradient

    def loss_and_gradient(self, w: Float64Array) -> tuple[float, Float64Array]:
        return self.loss(w), self.gradient(w)

    def keep(self, w: Float64Array) -> None:
        self.weights = w

    def curvature_root(self) -> Float64Array:
        root: Float64Array = np.sqrt(2.0 / self.residuals) * self.jacobian(self.weights)
        return root

    def curvature(self) -> Float64Array:
        root = self.curvature_root()
        return root.T @ root

    def residual_vector(self) -> Float64Array:
        residuals: Float64Array = np.sqrt(2.0 / self.residuals) * self.errors(self.weights)
        return residuals

    def bend(self, v: Float64Array, share: float) -> Float64Array:
        w = self.weights
        sides = [self.errors(w + t * v) for t in (share, 0.0, -share)]
        second: Float64Array = (sides[0] - 2.0 * sides[1] + sides[2]) / share**2
        return np.sqrt(2.0 / self.residuals) * second

    def pull(self, u: Float64Array) -> Float64Array:
        pulled: Float64Array = self.curvature_root().T @ u
        return pulled


def run(optimizer: Any, problem: LeastSquares, most: int = 1000) -> None:
    """Steps until the optimizer has a reason to end."""
    with np.errstate(all="ignore"):
        for _ in range(most):
            optimizer.go(problem)
            if optimizer.reason is not None:
                break
