"""Problems 1 to 19 of Moré, Garbow and Hillstrom, "Testing unconstrained optimization software",
ACM Transactions on Mathematical Software 7(1), 1981: residuals, first parameters, and the sums of
squares F of the minima that the paper names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from least_squares import LeastSquares
from nist_strd import PROBLEMS as NIST


class MghProblem(NamedTuple):
    """One of them; ``minima``: that of the whole and any others where methods end."""

    errors: Callable[[Any], Any]
    start: tuple[float, ...]
    minima: tuple[float, ...]

    def made(self) -> LeastSquares:
        return LeastSquares(self.errors, self.start)


def _rows(*values: Any) -> Any:
    return np.stack(np.broadcast_arrays(*values))


def _freudenstein_roth(x: Any) -> Any:
    return _rows(
        -13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1],
        -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1],
    )


def _beale(x: Any) -> Any:
    return _rows(*(y - x[0] * (1 - x[1] ** i) for i, y in enumerate((1.5, 2.25, 2.625), 1)))


def _jennrich_sampson(x: Any) -> Any:
    i = np.arange(1, 11)
    return 2 + 2 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))


def _helical_valley(x: Any) -> Any:
    theta = np.arctan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0].real < 0 else 0.0)
    return _rows(10 * (x[2] - 10 * theta), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2])


_BARD = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.1, 4.39)


def _bard(x: Any) -> Any:
    u = np.arange(1, 16)
    v = 16 - u
    return np.array(_BARD) - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


_GAUSS = (0.0009, 0.0044, 0.0175, 0.054, 0.1295, 0.242, 0.3521)


def _gaussian(x: Any) -> Any:
    t = (8 - np.arange(1, 16)) / 2
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - np.array([*_GAUSS, 0.3989, *_GAUSS[::-1]])


def _meyer(x: Any) -> Any:
    y, t = np.array(NIST["MGH10"]["data"]).T
    return x[0] * np.exp(x[1] / (t + x[2])) - y


def _gulf(x: Any) -> Any:
    t = np.arange(1, 100) / 100
    off = 25 + (-50 * np.log(t)) ** (2 / 3) - x[1]
    return np.exp(-(np.where(off.real < 0, -off, off) ** x[2]) / x[0]) - t


def _box(x: Any) -> Any:
    t = np.arange(1, 11) / 10
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def _powell_singular(x: Any) -> Any:
    return _rows(
        x[0] + 10 * x[1],
        np.sqrt(5) * (x[2] - x[3]),
        (x[1] - 2 * x[2]) ** 2,
        np.sqrt(10) * (x[0] - x[3]) ** 2,
    )


def _wood(x: Any) -> Any:
    return _rows(
        10 * (x[1] - x[0] ** 2),
        1 - x[0],
        np.sqrt(90) * (x[3] - x[2] ** 2),
        1 - x[2],
        np.sqrt(10) * (x[1] + x[3] - 2),
        (x[1] - x[3]) / np.sqrt(10),
    )


def _kowalik_osborne(x: Any) -> Any:
    y, u = np.array(NIST["MGH09"]["data"]).T
    return y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def _brown_dennis(x: Any) -> Any:
    t = np.arange(1, 21) / 5
    left, right = x[0] + t * x[1] - np.exp(t), x[2] + x[3] * np.sin(t) - np.cos(t)
    return left**2 + right**2


def _osborne_1(x: Any) -> Any:
    y, t = np.array(NIST["MGH17"]["data"]).T
    return y - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


def _biggs(x: Any) -> Any:
    t = np.arange(1, 14) / 10
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


# fmt: off
_OSBORNE_2 = (
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608,
    0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661,
    0.612, 0.558, 0.533, 0.495, 0.5, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428,
    0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559,
    0.597, 0.625, 0.739, 0.71, 0.729, 0.72, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054,
)
# fmt: on


def _osborne_2(x: Any) -> Any:
    t = np.arange(65) / 10
    peaks = sum(x[i] * np.exp(-((t - x[i + 7]) ** 2) * x[i + 4]) for i in (1, 2, 3))
    return np.array(_OSBORNE_2) - (x[0] * np.exp(-t * x[4]) + peaks)


PROBLEMS = {
    "1 Rosenbrock": MghProblem(
        lambda x: _rows(10 * (x[1] - x[0] ** 2), 1 - x[0]), (-1.2, 1.0), (0.0,)
    ),
    "2 Freudenstein and Roth": MghProblem(_freudenstein_roth, (0.5, -2.0), (0.0, 48.98425)),
    "3 Powell badly scaled": MghProblem(
        lambda x: _rows(1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001),
        (0.0, 1.0),
        (0.0,),
    ),
    "4 Brown badly scaled": MghProblem(
        lambda x: _rows(x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2), (1.0, 1.0), (0.0,)
    ),
    "5 Beale": MghProblem(_beale, (1.0, 1.0), (0.0,)),
    "6 Jennrich and Sampson": MghProblem(_jennrich_sampson, (0.3, 0.4), (124.3622,)),
    "7 helical valley": MghProblem(_helical_valley, (-1.0, 0.0, 0.0), (0.0,)),
    "8 Bard": MghProblem(_bard, (1.0, 1.0, 1.0), (8.214877e-3, 17.42869)),
    "9 Gaussian": MghProblem(_gaussian, (0.4, 1.0, 0.0), (1.127933e-8,)),
    "10 Meyer": MghProblem(_meyer, (0.02, 4000.0, 250.0), (87.94586,)),
    "11 Gulf": MghProblem(_gulf, (5.0, 2.5, 0.15), (0.0,)),
    "12 Box": MghProblem(_box, (0.0, 10.0, 20.0), (0.0,)),
    "13 Powell singular": MghProblem(_powell_singular, (3.0, -1.0, 0.0, 1.0), (0.0,)),
    "14 Wood": MghProblem(_wood, (-3.0, -1.0, -3.0, -1.0), (0.0,)),
    "15 Kowalik and Osborne": MghProblem(
        _kowalik_osborne, (0.25, 0.39, 0.415, 0.39), (3.075056e-4, 1.027343e-3)
    ),
    "16 Brown and Dennis": MghProblem(_brown_dennis, (25.0, 5.0, -5.0, -1.0), (85822.2,)),
    "17 Osborne 1": MghProblem(_osborne_1, (0.5, 1.5, -1.0, 0.01, 0.02), (5.464895e-5,)),
    "18 Biggs EXP6": MghProblem(_biggs, (1.0, 2.0, 1.0, 1.0, 1.0, 1.0), (0.0, 5.655650e-3)),
    "19 Osborne 2": MghProblem(
        _osborne_2, (1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5), (4.013774e-2,)
    ),
}
