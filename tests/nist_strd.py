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
from least_squares import LeastSquares

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


class NistProblem(LeastSquares):
    """The mean of the squared residuals of a model at parameters w (P,)."""

    def __init__(self, name: str, start: int) -> None:
        found = PROBLEMS[name]
        data = np.array(found["data"])
        y, x = data[:, 0], data[:, 1:].T
        self.x: Any = x[0] if len(x) == 1 else x
        self.y = np.log(y) if name == "Nelson" else y
        self.model = MODELS[name]
        self.certified = np.array([p[2] for p in found["parameters"]])
        self.deviations = np.array([p[3] for p in found["parameters"]])
        self.rss: float = found["rss"]
        super().__init__(
            lambda w: self.model(w, self.x) - self.y, [p[start] for p in found["parameters"]]
        )

    @property
    def digits(self) -> float:
        """That the worst parameter agrees with the certified one in."""
        return digits(self.weights, self.certified)


def digits(found: Any, certified: Any) -> float:
    """That the worst number agrees with the certified one in."""
    error = np.abs(found - certified) / np.abs(certified)
    return -float(np.log10(np.maximum(error.max(), 1e-16)))
