"""Optimizers that divide by what gradients have been so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, engine
from ..variable import Variable
from .optimizer import Optimizer, register
from .settings import Setting, any_number, below_one, least_0, positive


@register("rmsprop")
class RMSprop(Optimizer):
    """RMSprop in Keras's form, with g a weight's gradient.

    v = rho v + (1 - rho) g^2;  d = v, or if ``centered`` a = rho a + (1 - rho) g, d = v - a^2;
    i = learning_rate g / sqrt(d + epsilon);  w -= i, or with momentum m = momentum m + i, w -= m.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    rho, momentum : float
        In [0, 1).
    epsilon : float
        Finite, not negative; inside the root.
    centered : bool
        Whether to divide by the root of the variance instead of the mean square.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

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

    rho = Setting(below_one)
    momentum = Setting(below_one)
    epsilon = Setting(least_0)
    centered = Setting(_checks.boolean)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *tail, **options)
        self.rho, self.momentum = rho, momentum
        self.epsilon, self.centered = epsilon, centered

    @property
    def slot_names(self) -> tuple[str, ...]:
        momentum = ("momentum",) if self.momentum else ()
        return ("velocity", *momentum, *(("average_gradient",) if self.centered else ()))

    def _slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return tuple((name,) for name in self.slot_names)

    def lower(self) -> engine.Rmsprop:
        return engine.Rmsprop(self.rho, self.momentum, self.epsilon, self.centered)


@register("adagrad")
class Adagrad(Optimizer):
    """Adagrad in Keras's form, with g a weight's gradient.

    a += g^2;  w -= learning_rate g / sqrt(a + epsilon).

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    initial_accumulator_value : float
        What a starts from: finite, not negative.
    epsilon : float
        Finite, not negative; inside the root.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and
    stochastic optimization", JMLR 12, 2011.

    Examples
    --------
    >>> Adagrad().initial_accumulator_value
    0.1
    """

    initial_accumulator_value = Setting(least_0)
    epsilon = Setting(least_0)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *tail, **options)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("accumulator",)

    def _initial_slot(self, name: str, variable: Variable) -> NDArray[np.float64]:
        return np.full(variable.shape, self.initial_accumulator_value)

    def lower(self) -> engine.Adagrad:
        return engine.Adagrad(self.epsilon)


@register("adadelta")
class Adadelta(Optimizer):
    """Adadelta in Keras's form, with g a weight's gradient.

    a = rho a + (1 - rho) g^2;  i = g sqrt(d + epsilon) / sqrt(a + epsilon);
    d = rho d + (1 - rho) i^2;  w -= learning_rate i.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`; 1.0 is the paper's.
    rho : float
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
    Source: Zeiler, "ADADELTA: an adaptive learning rate method", arXiv 1212.5701.

    Examples
    --------
    >>> Adadelta().slot_names
    ('accumulated_grad', 'accumulated_delta_var')
    """

    rho = Setting(below_one)
    epsilon = Setting(least_0)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *tail, **options)
        self.rho, self.epsilon = rho, epsilon

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("accumulated_grad", "accumulated_delta_var")

    def lower(self) -> engine.Adadelta:
        return engine.Adadelta(self.rho, self.epsilon)


@register("adafactor")
class Adafactor(Optimizer):
    """Adafactor in Keras's form, with g a weight's gradient and t the update's number from 1.

    b = 1 - t^beta_2_decay;  s = g^2 + epsilon_1. Of a matrix r = b r + (1 - b) (means of s along
    its rows), c likewise along its columns, v = r c / mean(r); of a vector v = b v + (1 - b) s.
    u = g / sqrt(v);  w -= min(learning_rate, 1 / sqrt(t)) max(epsilon_2, rms(w))
    u / max(1, rms(u) / clip_threshold), rms the root of the mean square over the weight.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`.
    beta_2_decay : float
        Finite.
    epsilon_1, epsilon_2 : float
        Finite, not negative.
    clip_threshold : float
        Positive.
    relative_step : bool
        Whether the learning rate is at most 1 / sqrt(t): in Keras's formula it is in both cases.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost",
    ICML 2018.

    Examples
    --------
    >>> Adafactor().slot_names
    ('r', 'c', 'velocity')
    """

    beta_2_decay = Setting(any_number)
    epsilon_1 = Setting(least_0)
    epsilon_2 = Setting(least_0)
    clip_threshold = Setting(positive)
    relative_step = Setting(_checks.boolean)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 0.001,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *tail, **options)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1, self.epsilon_2 = epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("r", "c", "velocity")

    def _initial_slot(self, name: str, variable: Variable) -> NDArray[np.float64]:
        if name == "velocity":
            return np.zeros(variable.shape)
        if len(variable.shape) < 2:  # not used; Keras lists it
            return np.zeros(())
        *stack, rows, columns = variable.shape
        return np.zeros((*stack, rows if name == "r" else columns))

    def _engine_slots(self, variable: Variable) -> tuple[str, ...]:
        return self.slot_names if len(variable.shape) > 1 else ("velocity",)

    def lower(self) -> engine.Adafactor:
        return engine.Adafactor(
            self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold
        )


def _most_0(name: str, value: Any) -> float:
    """A finite number that is not positive."""
    number = _checks.number(name, value)
    if number > 0.0:
        raise ValueError(f"{name} must be negative or 0. Received: {name}={value!r}")
    return number


@register("ftrl")
class Ftrl(Optimizer):
    """Follow the regularized leader in Keras's form, with g a weight's gradient,
    q(x) = x^-learning_rate_power and L = l1_regularization_strength.

    n = a + g^2;  l += g + 2 l2_shrinkage_regularization_strength w - (q(n) - q(a)) w / rate;
    w = (clip(l, -L, L) - l) / (q(n) / rate + 2 l2_regularization_strength + beta / rate);  a = n.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        See :class:`Optimizer`; here above 0.
    learning_rate_power : float
        Finite, not positive.
    initial_accumulator_value : float
        What a starts from: finite, not negative.
    l1_regularization_strength, l2_regularization_strength : float
        Finite, not negative.
    l2_shrinkage_regularization_strength, beta : float
        Finite, not negative.
    *tail, **options
        The further arguments of :class:`Optimizer`, from ``weight_decay`` on.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Notes
    -----
    Source: McMahan and others, "Ad click prediction: a view from the trenches", KDD 2013.

    Examples
    --------
    >>> Ftrl().slot_names
    ('accumulator', 'linear')
    """

    learning_rate_power = Setting(_most_0)
    initial_accumulator_value = Setting(least_0)
    l1_regularization_strength = Setting(least_0)
    l2_regularization_strength = Setting(least_0)
    l2_shrinkage_regularization_strength = Setting(least_0)
    beta = Setting(least_0)

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        *tail: Any,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, *tail, **options)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    @property
    def slot_names(self) -> tuple[str, ...]:
        return ("accumulator", "linear")

    def _initial_slot(self, name: str, variable: Variable) -> NDArray[np.float64]:
        start = self.initial_accumulator_value if name == "accumulator" else 0.0
        return np.full(variable.shape, start)

    def lower(self) -> engine.Ftrl:
        return engine.Ftrl(
            self.learning_rate_power,
            self.l1_regularization_strength,
            self.l2_regularization_strength,
            self.l2_shrinkage_regularization_strength,
            self.beta,
        )
