"""Initial weights: Keras's initializers, drawn from fastmlp's own counter-based numbers.

Every draw is uniform from :func:`fastmlp.random.random_uniform`; normals come from it through the
inverse of the normal distribution function, from exactly rounded operations only. So a seed gives
the same bits on every machine and NumPy version.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import random
from ._checks import integer, number
from ._configured import Configured
from ._normal import normal_quantile
from ._registry import Registry, serialize

Float64Array = NDArray[np.float64]

# Keras divides the standard deviation of a truncated normal by this: the standard deviation of
# a unit normal cut at -2 and 2.
TRUNCATED_STDDEV = 0.87962566103423978

# Phi(-2): the share of a unit normal below the cut.
_BELOW_CUT = 0.022750131948179207


class Initializer(Configured):
    """Makes the first value of a weight: ``initializer(shape)`` is a float64 array.

    Examples
    --------
    >>> Ones()((2,))
    array([1., 1.])
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Float64Array:
        raise NotImplementedError(f"{type(self).__name__} must implement __call__(shape)")


_registry: Registry[Initializer] = Registry("initializer", Initializer)
register = _registry.register
deserialize = _registry.deserialize


def get(identifier: Any) -> Initializer:
    """An initializer from an instance, a name ("he_normal", "HeNormal") or a configuration.

    Raises
    ------
    ValueError
        If fastmlp has no initializer of that name.

    Examples
    --------
    >>> type(get("he_normal")).__name__
    'HeNormal'
    """
    return _registry.get(identifier)


@register("zeros")
class Zeros(Initializer):
    """All zeros, of the given shape.

    Examples
    --------
    >>> Zeros()((2,))
    array([0., 0.])
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Float64Array:
        return np.zeros(shape)


@register("ones")
class Ones(Initializer):
    """All ones, of the given shape.

    Examples
    --------
    >>> Ones()((2,))
    array([1., 1.])
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Float64Array:
        return np.ones(shape)


@register("constant")
class Constant(Initializer):
    """``value`` everywhere.

    Examples
    --------
    >>> Constant(0.5)((2,))
    array([0.5, 0.5])
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = number("value", value)

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Float64Array:
        return np.full(shape, self.value)


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

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Float64Array:
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

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Float64Array:
        return self.mean + self.stddev * normal_quantile(self._uniform(shape))


@register("truncated_normal")
class TruncatedNormal(RandomNormal):
    """Normal with the given mean and standard deviation, cut at two standard deviations.

    Examples
    --------
    >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((100,))).max() <= 2.0)
    True
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Float64Array:
        return self.mean + self.stddev * self._truncated_normal(shape)


class _VarianceScaling(RandomInitializer):
    """Mean 0 and variance scale / fan, the fan being inputs, or the mean of inputs and outputs.

    Uniform: on (-limit, limit), limit = sqrt(3 scale / fan). Normal: truncated at two standard
    deviations of the uncut normal, which is widened so that the cut one has the variance.
    """

    scale: float
    average_fans: bool
    uniform: bool

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Float64Array:
        fan_in, fan_out = _fans(shape)
        fan = (fan_in + fan_out) / 2.0 if self.average_fans else float(fan_in)
        variance = self.scale / max(1.0, fan)
        if self.uniform:
            limit = math.sqrt(3.0 * variance)
            return -limit + self._uniform(shape) * (2.0 * limit)
        return self._truncated_normal(shape) * (math.sqrt(variance) / TRUNCATED_STDDEV)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Inputs and outputs of a unit: the two sizes of a matrix; a vector's size for both."""
    if len(shape) == 2:
        return shape[0], shape[1]
    size = math.prod(shape)
    return size, size


@register("glorot_uniform")
class GlorotUniform(_VarianceScaling):
    """Uniform with variance 2 / (inputs + outputs).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> bool(abs(GlorotUniform(seed=1)((3, 3))).max() <= 1.0)
    True
    """

    scale, average_fans, uniform = 1.0, True, True


@register("glorot_normal")
class GlorotNormal(_VarianceScaling):
    """Truncated normal with variance 2 / (inputs + outputs) (Glorot and Bengio 2010).

    Examples
    --------
    >>> GlorotNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    scale, average_fans, uniform = 1.0, True, False


@register("he_uniform")
class HeUniform(_VarianceScaling):
    """Uniform with variance 2 / inputs.

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> HeUniform(seed=1)((3, 3)).shape
    (3, 3)
    """

    scale, average_fans, uniform = 2.0, False, True


@register("he_normal")
class HeNormal(_VarianceScaling):
    """Truncated normal with variance 2 / inputs (He et al. 2015).

    Examples
    --------
    >>> HeNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    scale, average_fans, uniform = 2.0, False, False


@register("lecun_uniform")
class LecunUniform(_VarianceScaling):
    """Uniform with variance 1 / inputs.

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> LecunUniform(seed=1)((3, 3)).shape
    (3, 3)
    """

    scale, average_fans, uniform = 1.0, False, True


@register("lecun_normal")
class LecunNormal(_VarianceScaling):
    """Truncated normal with variance 1 / inputs (LeCun et al. 1998).

    Examples
    --------
    >>> LecunNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    scale, average_fans, uniform = 1.0, False, False


zeros, ones, constant = Zeros, Ones, Constant
random_uniform, random_normal, truncated_normal = RandomUniform, RandomNormal, TruncatedNormal
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "zeros",
]
