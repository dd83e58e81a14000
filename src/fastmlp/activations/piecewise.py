"""Activations that are piecewise linear or rational: each element of x by itself."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine
from ..tensor import Tensor, as_tensor
from .registry import is_traced, on_elements, register


def _linear() -> None:
    return None


def relu_word(
    negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> engine.Relu | engine.LeakyRelu:
    """What ``relu`` lowers to. Without a bound it is ``leaky_relu``, whose slope at 0 is 1."""
    slope = _checks.number("negative_slope", negative_slope)
    edge = _checks.number("threshold", threshold)
    if max_value is None and slope and not edge:
        return engine.LeakyRelu(slope)
    top = float("inf") if max_value is None else _checks.positive("max_value", max_value)
    return engine.Relu(slope, top, edge)


def _relu6() -> engine.Relu:
    return engine.Relu(0.0, 6.0)


def _leaky_relu(negative_slope: float = 0.2) -> engine.LeakyRelu:
    return engine.LeakyRelu(_checks.number("negative_slope", negative_slope))


def _hard_shrink(threshold: float = 0.5) -> engine.HardShrink:
    return engine.HardShrink(_checks.number("threshold", threshold))


def _soft_shrink(threshold: float = 0.5) -> engine.SoftShrink:
    return engine.SoftShrink(_checks.number("threshold", threshold))


def _threshold(threshold: Any = None, default_value: Any = None) -> engine.Threshold:
    if threshold is None or default_value is None:
        raise ValueError(
            "the activation threshold needs its options: "
            "functools.partial(threshold, threshold=..., default_value=...). "
            f"Received: threshold={threshold!r}, default_value={default_value!r}"
        )
    edge = _checks.number("threshold", threshold)
    return engine.Threshold(edge, _checks.number("default_value", default_value))


def _squareplus(b: float = 4) -> engine.Squareplus:
    return engine.Squareplus(_checks.positive("b", b))


@register("linear", word=_linear)
def linear(x: Any) -> Tensor:
    """x itself, (...).

    Examples
    --------
    >>> linear([1.0, -2.0]).numpy()
    array([ 1., -2.])
    """
    return x if is_traced(x) else as_tensor(x)


@register("relu", word=relu_word)
def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """Rectified linear unit of each element of x, (...).

    ``max_value`` where x >= max_value, x where x > threshold, otherwise
    ``negative_slope * (x - threshold)``.

    Examples
    --------
    >>> relu([-1.0, 0.5, 9.0], max_value=6.0).numpy()
    array([0. , 0.5, 6. ])
    """
    return on_elements(relu_word(negative_slope, max_value, threshold), x)


@register("leaky_relu", word=_leaky_relu)
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """x from 0 on, else ``negative_slope * x``, of each element of x, (...).

    Examples
    --------
    >>> leaky_relu([-1.0, 1.0]).numpy()
    array([-0.2,  1. ])
    """
    return on_elements(_leaky_relu(negative_slope), x)


@register("relu6", word=_relu6)
def relu6(x: Any) -> Tensor:
    """x cut to [0, 6], of each element of x, (...).

    Examples
    --------
    >>> relu6([-1.0, 0.5, 9.0]).numpy()
    array([0. , 0.5, 6. ])
    """
    return on_elements(_relu6(), x)


@register("hard_sigmoid", word=engine.HardSigmoid)
def hard_sigmoid(x: Any) -> Tensor:
    """x + 3 cut to [0, 6], divided by 6, of each element of x, (...).

    Examples
    --------
    >>> hard_sigmoid([-3.0, 0.0, 3.0]).numpy()
    array([0. , 0.5, 1. ])
    """
    return on_elements(engine.HardSigmoid(), x)


@register("hard_silu", "hard_swish", word=engine.HardSilu)
def hard_silu(x: Any) -> Tensor:
    """``x * hard_sigmoid(x)``, also known as hard_swish, of each element of x, (...).

    Notes
    -----
    Source: Howard et al., "Searching for MobileNetV3", ICCV 2019.

    Examples
    --------
    >>> hard_silu([0.0, 1.5, 3.0]).numpy()
    array([0.   , 1.125, 3.   ])
    """
    return on_elements(engine.HardSilu(), x)


@register("hard_tanh", word=engine.HardTanh)
def hard_tanh(x: Any) -> Tensor:
    """x cut to [-1, 1], of each element of x, (...).

    Examples
    --------
    >>> hard_tanh([-3.0, 0.5]).numpy()
    array([-1. ,  0.5])
    """
    return on_elements(engine.HardTanh(), x)


@register("hard_shrink", word=_hard_shrink)
def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """x where abs(x) > threshold, else 0, of each element of x, (...).

    Examples
    --------
    >>> hard_shrink([-3.0, 0.5]).numpy()
    array([-3.,  0.])
    """
    return on_elements(_hard_shrink(threshold), x)


@register("soft_shrink", word=_soft_shrink)
def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """x - threshold above threshold, x + threshold below -threshold, else 0, of each element of x,
    (...).

    Examples
    --------
    >>> soft_shrink([-3.0, 0.5]).numpy()
    array([-2.5,  0. ])
    """
    return on_elements(_soft_shrink(threshold), x)


@register("threshold", word=_threshold)
def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """x above threshold, else default_value, of each element of x, (...).

    Examples
    --------
    >>> threshold([-3.0, 0.5], 0.0, 7.0).numpy()
    array([7. , 0.5])
    """
    return on_elements(_threshold(threshold, default_value), x)


@register("softsign", word=engine.Softsign)
def softsign(x: Any) -> Tensor:
    """x / (1 + abs(x)) of each element of x, (...).

    Examples
    --------
    >>> softsign([-1.0, 0.0]).numpy()
    array([-0.5,  0. ])
    """
    return on_elements(engine.Softsign(), x)


@register("squareplus", word=_squareplus)
def squareplus(x: Any, b: float = 4) -> Tensor:
    """(x + sqrt(x**2 + b)) / 2, b > 0, of each element of x, (...).

    Notes
    -----
    Source: Barron, "Squareplus: a softplus-like algebraic rectifier", arXiv:2112.11687.

    Examples
    --------
    >>> squareplus([0.0, 1.5]).numpy()
    array([1., 2.])
    """
    return on_elements(_squareplus(b), x)


@register("sparse_plus", word=engine.SparsePlus)
def sparse_plus(x: Any) -> Tensor:
    """0 up to -1, x from 1 on, between them (x + 1)**2 / 4, of each element of x, (...).

    Examples
    --------
    >>> sparse_plus([-2.0, 0.0, 3.0]).numpy()
    array([0.  , 0.25, 3.  ])
    """
    return on_elements(engine.SparsePlus(), x)


@register("sparse_sigmoid", word=engine.SparseSigmoid)
def sparse_sigmoid(x: Any) -> Tensor:
    """(x + 1) / 2 cut to [0, 1], the slope of ``sparse_plus``, of each element of x, (...).

    Notes
    -----
    Source: Blondel, Martins, Niculae, "Learning classifiers with Fenchel-Young losses",
    AISTATS 2019, section 6.2.

    Examples
    --------
    >>> sparse_sigmoid([-2.0, 0.0, 3.0]).numpy()
    array([0. , 0.5, 1. ])
    """
    return on_elements(engine.SparseSigmoid(), x)


hard_swish = hard_silu
