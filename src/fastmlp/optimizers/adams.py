"""Optimizers of Adam's kin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, engine
from ..variable import Variable
from .optimizer import Optimizer, register
from .settings import Setting, below_one, least_0, share


class _Betas(Optimizer):
    """Base of those with Adam's arguments and two slots."""

    beta_1 = Setting(below_one)
    beta_2 = Setting(below_one)
    epsilon = Setting(least_0)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *tail, **options)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity")


class _Product(Variable):
    """Keras's variable u_product of Nadam, which follows from the number of updates."""

    def __init__(self, optimizer: Nadam) -> None:
        super().__init__(1.0, trainable=False, name="u_product")
        self._optimizer = optimizer

    @property
    def value(self) -> NDArray[np.float64]:
        optimizer = self._optimizer
        return np.asarray(optimizer.lower().product(int(optimizer.iterations)))

    def assign(self, value: Any) -> None:
        """Nothing, if it is the value that follows."""
        expected = float(self.value)
        if not np.isclose(float(value), expected, rtol=1e-9, atol=0.0):
            raise ValueError(
                f"u_product follows from the number of updates and must be {expected!r}: set "
                f"iterations before. Received: u_product={value!r}"
            )


@register("nadam")
class Nadam(_Betas):
    """Adam with Nesterov's momentum, with g a weight's gradient and t the update's number from 1.

    m += (g - m) (1 - beta_1);  v += (g^2 - v) (1 - beta_2);
    b(t) = beta_1 (1 - 0.96^t / 2);  p(t) = b(1) ... b(t);
    n = b(t + 1) m / (1 - p(t + 1)) + (1 - b(t)) g / (1 - p(t));
    w -= learning_rate n / (sqrt(v / (1 - beta_2^t)) + epsilon).

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        Finite, not negative.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop.

    Examples
    --------
    >>> Nadam().slot_names
    ('momentum', 'velocity')
    """

    def lower(self) -> engine.Nadam:
        return engine.Nadam(self.beta_1, self.beta_2, self.epsilon)

    @property
    def variables(self) -> list[Any]:
        """As of every optimizer; then, once built, Keras's u_product, which is p(t)."""
        return [*super().variables, *([_Product(self)] if self.built else [])]


@register("adamax")
class Adamax(_Betas):
    """Adam by the largest gradient in place of the mean square, with g a weight's gradient and t
    the update's number from 1.

    m += (g - m) (1 - beta_1);  u = max(beta_2 u, |g|);
    w -= learning_rate m / ((1 - beta_1^t) (u + epsilon)).

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        Finite, not negative.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1.

    Examples
    --------
    >>> Adamax().slot_names
    ('momentum', 'norm')
    """

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "norm")

    def lower(self) -> engine.Adamax:
        return engine.Adamax(self.beta_1, self.beta_2, self.epsilon)


@register("lamb")
class Lamb(_Betas):
    """Adam with steps in proportion to each weight's norm, with g a weight's gradient and t the
    update's number from 1.

    m += (g - m) (1 - beta_1);  v += (g^2 - v) (1 - beta_2);
    u = (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon);
    w -= learning_rate u |w| / |u|, or learning_rate u where a norm is 0.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        Finite, not negative.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: You and others, "Large batch optimization for deep learning: training BERT in 76
    minutes", ICLR 2020.

    Examples
    --------
    >>> Lamb().slot_names
    ('momentum', 'velocity')
    """

    def lower(self) -> engine.Lamb:
        return engine.Lamb(self.beta_1, self.beta_2, self.epsilon)


@register("lion")
class Lion(Optimizer):
    """Steps of one size, with g a weight's gradient.

    w -= learning_rate sign(beta_1 m + (1 - beta_1) g);  m = beta_2 m + (1 - beta_2) g.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    beta_1 : float
        In (0, 1].
    beta_2 : float
        In [0, 1).
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Chen and others, "Symbolic discovery of optimization algorithms", NeurIPS 2023.

    Examples
    --------
    >>> Lion().slot_names
    ('momentum',)
    """

    beta_1 = Setting(share)
    beta_2 = Setting(below_one)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *tail, **options)
        self.beta_1, self.beta_2 = beta_1, beta_2

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("momentum",)

    def lower(self) -> engine.Lion:
        return engine.Lion(self.beta_1, self.beta_2)


@register("schedulefreeadamw")
class ScheduleFreeAdamW(_Betas):
    """AdamW that averages its weights instead of lowering its learning rate, with g a weight's
    gradient, t the update's number from 1, and z = w at first.

    s = learning_rate min(t / warmup_steps, 1);  v += (g^2 - v) (1 - beta_2);
    x = (w - (1 - beta_1) z) / beta_1;  z -= s g / (sqrt(v / (1 - beta_2^t)) + epsilon);
    x += (z - x) / t;  w = (1 - beta_1) z + beta_1 x.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    beta_1 : float
        In (0, 1]: how far w lies from z towards the mean x.
    beta_2 : float
        In [0, 1).
    epsilon : float
        Finite, not negative.
    warmup_steps : int
        Not negative.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Defazio and others, "The road less scheduled", NeurIPS 2024, in the form of Keras 3.15.

    z starts at the weights that the first step finds.

    Examples
    --------
    >>> float(ScheduleFreeAdamW().learning_rate)
    0.0025
    """

    beta_1 = Setting(share)
    warmup_steps = Setting(lambda name, value: _checks.integer(name, value, 0))

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, *tail, **options)
        self.warmup_steps = warmup_steps

    def _initial_slot(self, name: str, variable: Variable) -> NDArray[np.float64]:
        return variable.numpy() if name == "momentum" else super()._initial_slot(name, variable)

    def begin(self, variables: Iterable[Variable]) -> None:
        for variable in variables:
            self.slots(variable)[0].assign(variable)

    def lower(self) -> engine.ScheduleFreeAdamw:
        return engine.ScheduleFreeAdamw(self.beta_1, self.beta_2, self.epsilon, self.warmup_steps)
