"""The nonlinear least-squares problems of NIST's Statistical Reference Datasets, as problems that
:class:`fastmlp.optimizers.LevenbergMarquardt` solves. Data, starts and certified values
(nist_strd.json) are NIST's, which are in the public domain: parameters [start 1, start 2, certified
value, its standard deviation], the residual sum of squares, and rows of y, x."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastmlp.engine import Dense, Float64Array, Network
from fastmlp.engine.reference import ReferenceEngine

PROBLEMS: dict[str, Any] = json.loads((Path(__file__).parent / "nist_strd.json").read_text())


def _rational(degree: int) -> Callable[[Any, Any], Any]:
    def model(b: Any, x: Any) -> Any:
        powers = [x**i for i in range(degree + 1)]
        below = 1 + sum(c * p for c, p in zip(b[degree + 1 :], powers[1:], strict=True))
        return sum(c * p for c, p in zip(b[: degree + 1], powers, strict=True)) / below

    return model


def _lanczos(b: Any, x: Any) -> Any:
    return sum(b[i] * np.exp(-b[i + 1] * x) for i in (0, 2, 4))


def _gauss(b: Any, x: Any) -> Any:
    peaks = sum(b[i] * np.exp(-((x - b[i + 1]) ** 2) / b[i + 2] ** 2) for i in (2, 5))
    return b[0] * np.exp(-b[1] * x) + peaks


def _chwirut(b: Any, x: Any) -> Any:
    return np.exp(-b[0] * x) / (b[1] + b[2] * x)


def _enso(b: Any, x: Any) -> Any:
    t = 2 * np.pi * x
    year = b[1] * np.cos(t / 12) + b[2] * np.sin(t / 12)
    others = [b[i + 1] * np.cos(t / b[i]) + b[i + 2] * np.sin(t / b[i]) for i in (3, 6)]
    return b[0] + year + sum(others)


MODELS: dict[str, Callable[[Any, Any], Any]] = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - np.exp(-b[1] * x)),
    "Chwirut1": _chwirut,
    "Chwirut2": _chwirut,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": _enso,
    "Eckerle4": lambda b, x: b[0] / b[1] * np.exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    **dict.fromkeys(("Gauss1", "Gauss2", "Gauss3"), _gauss),
    **dict.fromkeys(("Hahn1", "Thurber"), _rational(3)),
    "Kirby2": _rational(2),
    **dict.fromkeys(("Lanczos1", "Lanczos2", "Lanczos3"), _lanczos),
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * np.exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * np.exp(-x * b[3]) + b[2] * np.exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - np.exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[0] * np.exp(-b[2] * x[1]),
    "Rat42": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + np.exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - np.arctan(b[2] / (x - b[3])) / np.pi,
}


class NistProblem:
    """The mean of the squared residuals r (n,) of a model at parameters w (P,)."""

    is_squares, is_penalized = True, False

    def __init__(self, name: str, start: int) -> None:
        found = PROBLEMS[name]
        data = np.array(found["data"])
        self.y, x = data[:, 0], data[:, 1:].T
        self.x: Any = x[0] if len(x) == 1 else x
        if name == "Nelson":
            self.y = np.log(self.y)
        self.model = MODELS[name]
        self.weights = np.array([p[start] for p in found["parameters"]])
        self.certified = np.array([p[2] for p in found["parameters"]])
        self.deviations = np.array([p[3] for p in found["parameters"]])
        self.rss: float = found["rss"]
        self.algebra: Any = ReferenceEngine(Network(1, (Dense(1, 1),)), None)

    @property
    def residuals(self) -> int:
        return len(self.y)

    def errors(self, w: Float64Array) -> Float64Array:
        values: Float64Array = self.model(w, self.x) - self.y
        return values

    def jacobian(self, w: Float64Array) -> Float64Array:
        """(n, P), exact to rounding: by steps along the imaginary axis."""
        h = 1e-100
        columns = []
        for i in range(len(w)):
            stepped = w.astype(complex)
            stepped[i] += 1j * h
            columns.append(np.broadcast_to(self.model(stepped, self.x), self.y.shape).imag / h)
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

    @property
    def digits(self) -> float:
        """That the worst parameter agrees with the certified one in."""
        error = np.abs(self.weights - self.certified) / np.abs(self.certified)
        return -float(np.log10(np.maximum(error.max(), 1e-16)))
