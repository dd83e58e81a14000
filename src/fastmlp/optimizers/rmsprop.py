"""RMSprop."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine
from .optimizer import Optimizer, Setting, register


@register("rmsprop")
class RMSprop(Optimizer):
    """RMSprop in Keras's form, with g a weight's gradient.

    v = rho v + (1 - rho) g^2;  d = v, or if ``centered`` a = rho a + (1 - rho) g, d = v - a^2;
    i = learning_rate g / sqrt(d + epsilon);  w -= i, or with momentum m = momentum m + i, w -= m.

    Parameters
    ----------
    learning_rate : float
        Finite, not negative.
    rho, momentum : float
        In [0, 1).
    epsilon : float
        Finite, not negative; inside the root.
    centered : bool
        Whether to divide by the root of the variance instead of the mean square.
    **options
        ``name``, ``clipnorm``, ``clipvalue``, ``global_clipnorm``: see :class:`Optimizer`.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Tieleman and Hinton, "Lecture 6.5 - rmsprop", Coursera, 2012; centered: Graves,
    "Generating sequences with recurrent neural networks", arXiv 1308.0850, equations 38 to 45.

    At every 256th step slots smaller than 2^-960 become 0, as :class:`Adam`'s moments do.

    Examples
    --------
    >>> RMSprop(centered=True).slot_names
    ('velocity', 'average_gradient')
    """

    rho = Setting(lambda name, value: _checks.number(name, value, 0.0, 1.0))
    momentum = Setting(lambda name, value: _checks.number(name, value, 0.0, 1.0))
    epsilon = Setting(lambda name, value: _checks.number(name, value, 0.0))
    centered = Setting(_checks.boolean)

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho, self.momentum = rho, momentum
        self.epsilon, self.centered = epsilon, centered

    @property
    def slot_names(self) -> tuple[str, ...]:
        momentum = ("momentum",) if self.momentum else ()
        return ("velocity", *momentum, *(("average_gradient",) if self.centered else ()))

    def lower(self) -> engine.Rmsprop:
        return engine.Rmsprop(self.rho, self.momentum, self.epsilon, self.centered)
