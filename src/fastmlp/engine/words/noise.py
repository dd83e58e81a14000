"""Operations that are there while training only and draw random numbers: dropout and noise."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ... import random
from .operation import Context, Float64Array, Operation
from .word import word


class Noise(Operation):
    """x (B, K) becomes x * factor + shift while training."""

    def terms(
        self, step: int, rows: int, columns: int
    ) -> tuple[Float64Array | float, Float64Array | float]:
        """Factor and shift, each (rows, columns) or a number."""
        raise NotImplementedError

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        if context.step is None:
            return x
        factor, shift = self.terms(context.step, *x.shape)
        # what a factor of 0 drops may be infinite
        return np.where(factor == 0, shift, x * factor + shift)

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        if context.step is None:
            return dy
        factor, _ = self.terms(context.step, *x.shape)
        return np.where(factor == 0, 0.0, dy * factor)


class _Dropped(Noise):
    """What drops elements by ``random.dropout_mask(seed, step, ...)``, whose rows or columns may
    be shared.

    one_row: all rows have the mask of row 0. shared, inner: of columns counted as
    (outer, shared, inner), those of equal outer and inner have one mask.
    """

    rate: float
    seed: int
    one_row: bool
    shared: int
    inner: int

    def mask(self, step: int, rows: int, columns: int) -> NDArray[np.bool_]:
        """Which elements are kept, (rows, columns)."""
        j = np.arange(columns)
        number = j // (self.shared * self.inner) * self.inner + j % self.inner
        mask = random.dropout_mask(
            self.seed, step, 1 if self.one_row else rows, int(number.max()) + 1, self.rate
        )
        return np.broadcast_to(mask[:, number], (rows, columns))


@word(frozen=True)
class Dropout(_Dropped):
    """Inverted dropout: keep an element with probability 1 - rate and scale it by
    1 / (1 - rate)."""

    name: ClassVar[str] = "dropout"

    rate: float
    seed: int  # 64 bit, the Philox key
    one_row: bool = False
    shared: int = 1
    inner: int = 1

    def terms(self, step: int, rows: int, columns: int) -> tuple[Float64Array, float]:
        mask = self.mask(step, rows, columns)
        return np.where(mask, 1.0 / (1.0 - self.rate), 0.0), -0.0


@word(frozen=True)
class AlphaDropout(_Dropped):
    """Dropout that keeps mean 0 and variance 1: a x + b of what is kept, a m + b in place of the
    rest, m = -1.758 being selu's lower limit.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks",
    NIPS 2017.
    """

    name: ClassVar[str] = "alpha_dropout"

    rate: float
    seed: int
    one_row: bool = False
    shared: int = 1
    inner: int = 1

    def terms(self, step: int, rows: int, columns: int) -> tuple[Float64Array, Float64Array]:
        mask = self.mask(step, rows, columns)
        m = -1.6732632423543772 * 1.0507009873554805
        a = 1.0 / math.sqrt((1.0 - self.rate) * (1.0 + self.rate * (m * m)))
        b = -a * m * self.rate
        return np.where(mask, a, 0.0), np.where(mask, b, a * m + b)


@word(frozen=True)
class GaussianNoise(Noise):
    """x + stddev * n, n = ``random.normal_noise(seed, step, ...)``."""

    name: ClassVar[str] = "gaussian_noise"

    stddev: float
    seed: int

    def terms(self, step: int, rows: int, columns: int) -> tuple[float, Float64Array]:
        return 1.0, self.stddev * random.normal_noise(self.seed, step, rows, columns)


@word(frozen=True)
class GaussianDropout(Noise):
    """x * (1 + d * n), d = sqrt(rate / (1 - rate)), n = ``random.normal_noise(seed, step,
    ...)``."""

    name: ClassVar[str] = "gaussian_dropout"

    rate: float
    seed: int

    def terms(self, step: int, rows: int, columns: int) -> tuple[Float64Array, float]:
        deviation = math.sqrt(self.rate / (1.0 - self.rate))
        noise = random.normal_noise(self.seed, step, rows, columns)
        return 1.0 + deviation * noise, -0.0
