"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine
from .optimizer import Optimizer, register
from .settings import Setting, below_one


@register("sgd")
class SGD(Optimizer):
    """Gradient descent, with g a weight's gradient: w -= learning_rate g.

    With momentum: m = momentum m - learning_rate g, then w += m, or with ``nesterov``
    w += momentum m - learning_rate g.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    momentum : float
        In [0, 1).
    nesterov : bool
        Whether to use Nesterov's momentum.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum
    in deep learning", ICML 2013.

    At every 256th step momenta smaller than 2^-960 become 0, as :class:`Adam`'s moments do.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9).momentum
    0.9
    """

    momentum = Setting(below_one)
    nesterov = Setting(_checks.boolean)

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *tail, **options)
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def lower(self) -> engine.Sgd:
        return engine.Sgd(self.momentum, self.nesterov)
