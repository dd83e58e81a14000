"""Ways to solve with Gauss and Newton's matrix, damped: (c H + d I + damping D^2) x = b.

Letters: P weights, n residuals, D (P,) the scale.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from ..engine import Float64Array
from .second_order import CurvedProblem

# Conjugate gradients end at this share of |b|: a step need not be better than its direction.
_RESIDUAL = 1e-6
_MOST_PRODUCTS = 500


class Solver(Protocol):
    """One of these ways, for the H that a problem has where it is."""

    diagonal: Float64Array  # of c H + d I, (P,)
    by_residuals: bool  # whether it needs u

    def add(self, factor: float, shift: float) -> None:
        """Make H c H + d I, once."""

    def damp(self, damping: float, scale: Float64Array) -> bool:
        """Solve with this damping from now on; False if the matrix is not positive definite."""

    def solve(self, b: Float64Array, u: Float64Array | None) -> Float64Array:
        """x (P,); by residuals, with u (n,) such that A.T @ u = b for H = A.T @ A."""


class DampedCholesky:
    """By the factor of D^-1 (H + damping D^2) D^-1."""

    by_residuals = False

    def __init__(self, problem: CurvedProblem) -> None:
        self._algebra = problem.algebra
        self._matrix = problem.curvature()
        self.diagonal = self._matrix.diagonal().copy()

    def add(self, factor: float, shift: float) -> None:
        self._matrix = self._shifted(factor, shift)
        self.diagonal = self._matrix.diagonal().copy()

    def _shifted(self, factor: float, shift: float) -> Float64Array:
        matrix = self._matrix * factor
        matrix.flat[:: len(matrix) + 1] += shift
        return matrix

    def damp(self, damping: float, scale: Float64Array) -> bool:
        scaled = self._matrix / scale[:, None] / scale
        scaled.flat[:: len(scaled) + 1] += damping
        lower = self._algebra.factor(scaled)
        if lower is None:
            return False
        self._lower, self._scale = lower, scale
        return True

    def solve(self, b: Float64Array, u: Float64Array | None) -> Float64Array:
        return self._algebra.solve(self._lower, b / self._scale) / self._scale

    def trace_of_inverse(self, factor: float, shift: float) -> float | None:
        """tr((c H + d I)^-1), column by column; None if there is no factor."""
        lower = self._algebra.factor(self._shifted(factor, shift))
        if lower is None:
            return None
        columns = enumerate(np.eye(len(lower)))
        return math.fsum(self._algebra.solve(lower, column)[i] for i, column in columns)


class DampedDual:
    """By the factor of the matrix of the n residuals, with H = A.T @ A, A (n, P), where n is
    small: (A.T A + m D^2)^-1 A.T u = D^-2 A.T (A D^-2 A.T + m I)^-1 u."""

    by_residuals = True

    def __init__(self, problem: CurvedProblem) -> None:
        self._algebra = problem.algebra
        self._rows = problem.curvature_root()
        self.diagonal = np.square(self._rows).sum(axis=0)
        self._gram: Float64Array | None = None

    def add(self, factor: float, shift: float) -> None:
        assert (factor, shift) == (1.0, 0.0), "the dual form is of H alone"

    def damp(self, damping: float, scale: Float64Array) -> bool:
        if self._gram is None:  # the scale is that of all attempts of a step
            scaled = self._rows / scale
            self._gram = self._algebra.product(scaled, np.ascontiguousarray(scaled.T))
            self._columns, self._scale = np.ascontiguousarray(scaled.T), scale
        damped = self._gram.copy()
        damped.flat[:: len(damped) + 1] += damping
        lower = self._algebra.factor(damped)
        if lower is None:
            return False
        self._lower = lower
        return True

    def solve(self, b: Float64Array, u: Float64Array | None) -> Float64Array:
        assert u is not None
        inner = self._algebra.solve(self._lower, u)
        return self._algebra.product(self._columns, inner[:, None]).ravel() / self._scale


class DampedConjugate:
    """By conjugate gradients in the measure of the scale, which need products with H alone.

    Source: Hestenes and Stiefel, "Methods of conjugate gradients for solving linear systems",
    1952, with the diagonal as preconditioner.
    """

    by_residuals = False

    def __init__(self, problem: CurvedProblem) -> None:
        self._problem = problem
        self.diagonal = problem.curvature_diagonal()
        self._factor, self._shift = 1.0, 0.0

    def add(self, factor: float, shift: float) -> None:
        self._factor, self._shift = factor, shift
        self.diagonal = factor * self.diagonal + shift

    def damp(self, damping: float, scale: Float64Array) -> bool:
        self._added = damping * np.square(scale) + self._shift
        damped = self.diagonal + damping * np.square(scale)
        self._preconditioner = np.where(damped > 0.0, damped, 1.0)
        return True

    def _product(self, p: Float64Array) -> Float64Array:
        product: Float64Array = self._factor * self._problem.curvature_product(p)
        return product + self._added * p

    def solve(self, b: Float64Array, u: Float64Array | None) -> Float64Array:
        dot = self._problem.algebra.dot
        x, r = np.zeros_like(b), b.copy()
        z = r / self._preconditioner
        p, rz = z, dot(r, z)
        enough = _RESIDUAL**2 * rz
        for _ in range(min(2 * len(b), _MOST_PRODUCTS)):
            if not rz > enough:  # nor NaN
                break
            h = self._product(p)
            curvature = dot(p, h)
            if not curvature > 0.0:
                break
            x += (rz / curvature) * p
            r -= (rz / curvature) * h
            z = r / self._preconditioner
            rz, before = dot(r, z), rz
            p = z + (rz / before) * p
        return x
