"""Activations of exponentials and their kin: each element of x by itself."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine
from ..engine.words import SELU
from ..tensor import Tensor
from .registry import on_elements, register


def _elu(alpha: float = 1.0) -> engine.Elu:
    return engine.Elu(_checks.number("alpha", alpha))


def _selu() -> engine.Elu:
    return SELU


def _celu(alpha: float = 1.0) -> engine.Elu:
    width = _checks.positive("alpha", alpha)
    return engine.Elu(width, 1.0, width)


def _gelu(approximate: bool = False) -> engine.Gelu:
    return engine.Gelu(_checks.boolean("approximate", approximate))


@register("elu", word=_elu)
def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x above 0, else ``alpha * (exp(x) - 1)``, of each element of x, (...).

    Notes
    -----
    Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by
    exponential linear units", ICLR 2016.

    Examples
    --------
    >>> elu([-800.0, 2.0]).numpy()
    array([-1.,  2.])
    """
    return on_elements(_elu(alpha), x)


@register("celu", word=_celu)
def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """x above 0, else ``alpha * (exp(x / alpha) - 1)``, alpha > 0, of each element of x, (...).

    Notes
    -----
    Source: Barron, "Continuously differentiable exponential linear units", arXiv:1704.07483.

    Examples
    --------
    >>> celu([-800.0, 2.0], alpha=0.5).numpy()
    array([-0.5,  2. ])
    """
    return on_elements(_celu(alpha), x)


@register("selu", word=_selu)
def selu(x: Any) -> Tensor:
    """``1.0507 * elu(x, 1.6733)`` of each element of x, (...).

    With weights of ``lecun_normal`` it keeps mean 0 and variance 1 from layer to layer.

    Notes
    -----
    Source: Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks",
    NIPS 2017.

    Examples
    --------
    >>> selu([0.0]).numpy()
    array([0.])
    """
    return on_elements(SELU, x)


@register("exponential", word=engine.Exponential)
def exponential(x: Any) -> Tensor:
    """exp(x) of each element of x, (...).

    Examples
    --------
    >>> exponential([0.0]).numpy()
    array([1.])
    """
    return on_elements(engine.Exponential(), x)


@register("tanh", word=engine.Tanh)
def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent of each element of x, (...).

    Examples
    --------
    >>> tanh([0.0]).numpy()
    array([0.])
    """
    return on_elements(engine.Tanh(), x)


@register("tanh_shrink", word=engine.TanhShrink)
def tanh_shrink(x: Any) -> Tensor:
    """x - tanh(x) of each element of x, (...), accurate near 0 too.

    Examples
    --------
    >>> tanh_shrink([0.0, 800.0]).numpy()
    array([  0., 799.])
    """
    return on_elements(engine.TanhShrink(), x)


@register("sigmoid", word=engine.Sigmoid)
def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x)) of each element of x, (...).

    Examples
    --------
    >>> sigmoid([0.0, -800.0]).numpy()
    array([0.5, 0. ])
    """
    return on_elements(engine.Sigmoid(), x)


@register("log_sigmoid", word=engine.LogSigmoid)
def log_sigmoid(x: Any) -> Tensor:
    """log(1 / (1 + exp(-x))) of each element of x, (...).

    Examples
    --------
    >>> log_sigmoid([-800.0]).numpy()
    array([-800.])
    """
    return on_elements(engine.LogSigmoid(), x)


@register("softplus", word=engine.Softplus)
def softplus(x: Any) -> Tensor:
    """log(1 + exp(x)) of each element of x, (...).

    Examples
    --------
    >>> softplus([800.0]).numpy()
    array([800.])
    """
    return on_elements(engine.Softplus(), x)


@register("silu", "swish", word=engine.Silu)
def silu(x: Any) -> Tensor:
    """x / (1 + exp(-x)), also known as swish, of each element of x, (...).

    Notes
    -----
    Source: Ramachandran, Zoph, Le, "Searching for activation functions", arXiv:1710.05941.

    Examples
    --------
    >>> silu([0.0, 800.0]).numpy()
    array([  0., 800.])
    """
    return on_elements(engine.Silu(), x)


@register("mish", word=engine.Mish)
def mish(x: Any) -> Tensor:
    """x * tanh(log(1 + exp(x))) of each element of x, (...).

    Notes
    -----
    Source: Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.

    Examples
    --------
    >>> mish([0.0, 800.0]).numpy()
    array([  0., 800.])
    """
    return on_elements(engine.Mish(), x)


@register("gelu", word=_gelu)
def gelu(x: Any, approximate: bool = False) -> Tensor:
    """x * Phi(x), Phi the normal distribution, of each element of x, (...).

    Parameters
    ----------
    x : array_like
        (...).
    approximate : bool
        Instead x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2.

    Notes
    -----
    Source: Hendrycks, Gimpel, "Gaussian error linear units", arXiv:1606.08415.

    Examples
    --------
    >>> gelu([0.0, 40.0]).numpy()
    array([ 0., 40.])
    """
    return on_elements(_gelu(approximate), x)


swish = silu
