"""Initial weights drawn from fastmlp's own counter-based numbers.

Every draw is uniform from :func:`fastmlp.random.random_uniform`; normals come from it through the
inverse of the normal distribution function, from exactly rounded operations only. So a seed gives
the same bits on every machine and NumPy version.
"""

from __future__ import annotations

import math

import numpy as np

from .. import random
from .._checks import integer, number
from .._compiled import core
from .._normal import normal_quantile
from .initializer import Float64Array, Initializer, register

# Phi(-2): the share of a unit normal below the cut.
_BELOW_CUT = 0.022750131948179207


class RandomInitializer(Initializer):
    """Common part of all that draw: a seed, and numbers in (0, 1) from it.

    Without a seed one is drawn from the global sequence (``utils.set_random_seed``) when the
    initializer is made. As in Keras, one initializer gives the same values at every call.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = None if seed is None else integer("seed", seed, 0, 2**64 - 1)
        self._drawn_seed = random.next_seed() if self.seed is None else self.seed

    def _uniform(self, shape: tuple[int, ...]) -> Float64Array:
        return random.random_uniform(self._drawn_seed, math.prod(shape)).reshape(shape)

    def _normal(self, shape: tuple[int, ...]) -> Float64Array:
        """Unit normals."""
        return normal_quantile(self._uniform(shape))

    def _truncated_normal(self, shape: tuple[int, ...]) -> Float64Array:
        """Unit normals conditioned on [-2, 2]."""
        p = _BELOW_CUT + self._uniform(shape) * (1.0 - 2.0 * _BELOW_CUT)
        return normal_quantile(p)


@register("random_uniform", "uniform")
class RandomUniform(RandomInitializer):
    """Uniform on (minval, maxval).

    Examples
    --------
    >>> bool(abs(RandomUniform(seed=1)((4,))).max() < 0.05)
    True
    """

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        self.minval = number("minval", minval)
        self.maxval = number("maxval", maxval, self.minval)
        super().__init__(seed)

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        return self.minval + self._uniform(shape) * (self.maxval - self.minval)


@register("random_normal", "normal")
class RandomNormal(RandomInitializer):
    """Normal with the given mean and standard deviation.

    Examples
    --------
    >>> RandomNormal(mean=1.0, stddev=0.0, seed=1)((2,))
    array([1., 1.])
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = number("mean", mean)
        self.stddev = number("stddev", stddev, 0.0)
        super().__init__(seed)

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        return self.mean + self.stddev * self._normal(shape)


@register("truncated_normal")
class TruncatedNormal(RandomNormal):
    """Normal with the given mean and standard deviation, cut at two standard deviations.

    Examples
    --------
    >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((100,))).max() <= 2.0)
    True
    """

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        return self.mean + self.stddev * self._truncated_normal(shape)


@register("orthogonal", "OrthogonalInitializer")
class Orthogonal(RandomInitializer):
    """``gain`` times a matrix drawn uniformly from those with orthonormal columns, or rows if it
    has more columns than rows. More than two axes count as a matrix (.., last).

    Parameters
    ----------
    gain : float
        Finite.
    seed : int, optional
        As of :class:`RandomNormal`.

    Raises
    ------
    ValueError
        If an argument is not as described; when called, if the shape has fewer than two axes.

    Notes
    -----
    Source: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks", ICLR 2014. The columns of a normal matrix are made orthonormal
    one after the other (Gram and Schmidt), which gives them the uniform distribution.

    Examples
    --------
    >>> q = Orthogonal(seed=1)((3, 2))
    >>> bool(abs(q.T @ q - [[1.0, 0.0], [0.0, 1.0]]).max() < 1e-14)
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = number("gain", gain)
        super().__init__(seed)

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        if len(shape) < 2:
            raise ValueError(f"shape must have at least two axes. Received: shape={shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q = _orthonormal(self._normal((max(rows, columns), min(rows, columns))))
        if rows < columns:
            q = q.T
        return self.gain * q.reshape(shape)


# Columns that are made orthonormal among themselves before products take them out of the rest.
_BLOCK = 32


def _orthonormal(a: Float64Array) -> Float64Array:
    """a (m, n), m >= n, with orthonormal columns that span the same: block by block, twice, since
    once leaves what cancellation has left (Giraud, Langou, Rozloznik, "The loss of orthogonality
    in the Gram-Schmidt orthogonalization process", 2005). The products are the engine's: the same
    bits everywhere."""
    q = np.array(a, order="F")
    for begin in range(0, a.shape[1], _BLOCK):
        before, block = q[:, :begin], q[:, begin : begin + _BLOCK]
        for _ in range(2):
            if begin:
                block -= _product(before, _product(before.T, block))
            for k in range(block.shape[1]):
                column = block[:, k : k + 1]
                column /= np.sqrt(_product(column.T, column))
                rest = block[:, k + 1 :]
                rest -= column * _product(column.T, rest)
    return q


def _product(a: Float64Array, b: Float64Array) -> Float64Array:
    """a @ b by the engine."""
    return core.matmul(np.ascontiguousarray(a), np.ascontiguousarray(b))
