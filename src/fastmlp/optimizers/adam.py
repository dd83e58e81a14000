"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine
from .optimizer import Optimizer, register
from .settings import Setting, below_one, least_0


@register("adam")
class Adam(Optimizer):
    """Adam in Keras's form, with g a weight's gradient and t the number of the update from 1.

    m += (g - m) (1 - beta_1);  v += (g^2 - v) (1 - beta_2);
    w -= alpha m / (sqrt(v) + epsilon),  alpha = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t).

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        Finite, not negative; outside the bias correction ("epsilon hat" of the paper).
    amsgrad : bool
        Whether the largest v so far takes the place of v in the step.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, the form at
    the end of section 2; amsgrad: Reddi, Kale and Kumar, "On the convergence of Adam and beyond",
    ICLR 2018.

    At every 256th step moments smaller than 2^-960 become 0. Those of a weight without gradient
    would otherwise become subnormal numbers, with which every step is slower.

    Examples
    --------
    >>> float(Adam().learning_rate)
    0.001
    """

    beta_1 = Setting(below_one)
    beta_2 = Setting(below_one)
    epsilon = Setting(least_0)
    amsgrad = Setting(_checks.boolean)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *tail, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.amsgrad = amsgrad

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity", *(("velocity_hat",) if self.amsgrad else ()))

    def _slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return (self.slot_names[:2], self.slot_names[2:])

    def lower(self) -> engine.Optimizer:
        word = engine.Amsgrad if self.amsgrad else engine.Adam
        return word(self.beta_1, self.beta_2, self.epsilon)


@register("adamw")
class AdamW(Adam):
    """Adam with weight decay: before each update w -= w weight_decay learning_rate.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    weight_decay : float
        Finite, not negative.
    beta_1, beta_2, epsilon, amsgrad
        See :class:`Adam`.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``clipnorm`` on.

    Raises
    ------
    ValueError
        If a number is out of its range, or ``weight_decay`` is None.

    Notes
    -----
    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> AdamW().weight_decay
    0.004
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, *tail, **options
        )
        if self.weight_decay is None:
            raise ValueError("weight_decay must be a number. Received: weight_decay=None")
