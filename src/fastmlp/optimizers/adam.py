"""Adam."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine
from .optimizer import Optimizer, Setting, register


@register("adam")
class Adam(Optimizer):
    """Adam in Keras's form, with g a weight's gradient and t the number of the step from 1.

    m += (g - m) (1 - beta_1);  v += (g^2 - v) (1 - beta_2);
    w -= alpha m / (sqrt(v) + epsilon),  alpha = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t).

    Parameters
    ----------
    learning_rate : float
        Finite, not negative.
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        Finite, not negative; outside the bias correction ("epsilon hat" of the paper).
    **options
        ``name``, ``clipnorm``, ``clipvalue``, ``global_clipnorm``: see :class:`Optimizer`.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, the form at
    the end of section 2.

    At every 256th step moments smaller than 2^-960 become 0. Those of a weight without gradient
    would otherwise become subnormal numbers, with which every step is slower.

    Examples
    --------
    >>> float(Adam().learning_rate)
    0.001
    """

    beta_1 = Setting(lambda name, value: _checks.number(name, value, 0.0, 1.0))
    beta_2 = Setting(lambda name, value: _checks.number(name, value, 0.0, 1.0))
    epsilon = Setting(lambda name, value: _checks.number(name, value, 0.0))

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")

    def lower(self) -> engine.Adam:
        return engine.Adam(self.beta_1, self.beta_2, self.epsilon)
