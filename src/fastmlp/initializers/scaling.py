"""Initial weights whose variance goes with the size of the layer: Glorot's, He's, LeCun's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from .._checks import integer, number
from .drawn import RandomInitializer
from .initializer import Float64Array, register

# Keras divides the standard deviation of a truncated normal by this: the standard deviation of
# a unit normal cut at -2 and 2.
TRUNCATED_STDDEV = 0.87962566103423978

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


@register("variance_scaling")
class VarianceScaling(RandomInitializer):
    """Mean 0 and variance scale / fan.

    Uniform: on (-limit, limit), limit = sqrt(3 scale / fan). Truncated normal: cut at two standard
    deviations of the uncut normal, which is widened so that the cut one has the variance.

    Parameters
    ----------
    scale : float
        Finite, positive.
    mode : {"fan_in", "fan_out", "fan_avg"}
        The fan: inputs of a unit, its outputs, or the mean of both, at least 1.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        "normal" is the truncated one.
    seed : int, optional
        As of :class:`RandomNormal`.
    input_axes, output_axes : list of int, optional
        Axes whose product is the number of inputs and outputs, both or neither given. By default
        the last but one and the last, each times all before them; a vector's one for both.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> VarianceScaling(2.0, "fan_out", "uniform", seed=1)((3, 4)).shape
    (3, 4)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        self.scale = number("scale", scale, 0.0)
        if self.scale == 0.0:
            raise ValueError("scale must be positive. Received: scale=0.0")
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {_MODES}. Received: mode={mode!r}")
        known = {"normal": "truncated_normal", **{name: name for name in _DISTRIBUTIONS}}
        if not isinstance(distribution, str) or distribution.lower() not in known:
            raise ValueError(
                f"distribution must be one of {_DISTRIBUTIONS}. "
                f"Received: distribution={distribution!r}"
            )
        if (input_axes is None) != (output_axes is None):
            raise ValueError(
                "input_axes and output_axes must be given together. "
                f"Received: input_axes={input_axes!r}, output_axes={output_axes!r}"
            )
        self.mode, self.distribution = mode, known[distribution.lower()]
        self.input_axes = _axes("input_axes", input_axes)
        self.output_axes = _axes("output_axes", output_axes)
        super().__init__(seed)

    def _values(self, shape: tuple[int, ...]) -> Float64Array:
        fan_in, fan_out = self._fans(shape)
        fans = {
            "fan_in": float(fan_in),
            "fan_out": float(fan_out),
            "fan_avg": (fan_in + fan_out) / 2.0,
        }
        variance = self.scale / max(1.0, fans[self.mode])
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return -limit + self._uniform(shape) * (2.0 * limit)
        if self.distribution == "untruncated_normal":
            return self._normal(shape) * math.sqrt(variance)
        return self._truncated_normal(shape) * (math.sqrt(variance) / TRUNCATED_STDDEV)

    def _fans(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Inputs and outputs of a unit."""
        if self.input_axes is not None and self.output_axes is not None:
            axes = (*self.input_axes, *self.output_axes)
            if any(not -len(shape) <= axis < len(shape) for axis in axes):
                raise ValueError(
                    f"input_axes and output_axes must be axes of the weight. Received: {axes} for "
                    f"a weight of shape {shape}"
                )
            inputs, outputs = (
                math.prod(shape[axis] for axis in given)
                for given in (self.input_axes, self.output_axes)
            )
            return inputs, outputs
        if len(shape) < 2:
            size = math.prod(shape)
            return size, size
        field = math.prod(shape[:-2])
        return shape[-2] * field, shape[-1] * field


def _axes(name: str, axes: Sequence[int] | None) -> list[int] | None:
    if axes is None:
        return None
    if not hasattr(axes, "__iter__") or isinstance(axes, str):
        raise ValueError(f"{name} must be a list of integers. Received: {name}={axes!r}")
    return [integer(name, axis, -32, 31) for axis in axes]


class _Named(VarianceScaling):
    """Common part of those with a name of their own for scale, mode and distribution."""

    _rule: ClassVar[tuple[float, str, str]]

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self._rule, seed, input_axes, output_axes)


@register("glorot_uniform")
class GlorotUniform(_Named):
    """Uniform with variance 2 / (inputs + outputs).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> bool(abs(GlorotUniform(seed=1)((3, 3))).max() <= 1.0)
    True
    """

    _rule = (1.0, "fan_avg", "uniform")


@register("glorot_normal")
class GlorotNormal(_Named):
    """Truncated normal with variance 2 / (inputs + outputs) (Glorot and Bengio 2010).

    Examples
    --------
    >>> GlorotNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    _rule = (1.0, "fan_avg", "truncated_normal")


@register("he_uniform")
class HeUniform(_Named):
    """Uniform with variance 2 / inputs.

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> HeUniform(seed=1)((3, 3)).shape
    (3, 3)
    """

    _rule = (2.0, "fan_in", "uniform")


@register("he_normal")
class HeNormal(_Named):
    """Truncated normal with variance 2 / inputs (He et al. 2015).

    Examples
    --------
    >>> HeNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    _rule = (2.0, "fan_in", "truncated_normal")


@register("lecun_uniform")
class LecunUniform(_Named):
    """Uniform with variance 1 / inputs.

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp", 1998.

    Examples
    --------
    >>> LecunUniform(seed=1)((3, 3)).shape
    (3, 3)
    """

    _rule = (1.0, "fan_in", "uniform")


@register("lecun_normal")
class LecunNormal(_Named):
    """Truncated normal with variance 1 / inputs (LeCun et al. 1998).

    Examples
    --------
    >>> LecunNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    _rule = (1.0, "fan_in", "truncated_normal")
