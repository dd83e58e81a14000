"""The base of the optimizers: learning rate, count of steps, slots, and what surrounds a step."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks, engine
from .._naming import snake_case
from .._registry import Registry, serialize
from ..tensor import Tensor
from ..variable import Variable
from . import schedules
from .settings import (
    LearningRate,
    Setting,
    WholeSignature,
    at_least,
    closed_share,
    least_0,
    optional,
    optional_positive,
)
from .slots import SlotKeeper

# The arguments that all have, as Keras's configurations begin.
_COMMON = (
    *("name", "learning_rate", "weight_decay", "clipnorm", "global_clipnorm", "clipvalue"),
    *("use_ema", "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor"),
    "gradient_accumulation_steps",
)


class Optimizer(SlotKeeper):
    """What an optimizer remembers between steps. In training the steps run in the engine;
    :meth:`apply` does one on any variables.

    Parameters
    ----------
    learning_rate : float, schedule or callable
        A number, finite and not negative, that can be set later
        (``optimizer.learning_rate = 1e-4``); a schedule of :mod:`fastmlp.optimizers.schedules` or
        a function of the number of steps done; or a function without argument, called before
        every step.
    weight_decay : float, optional
        Before each update, w -= w weight_decay learning_rate.
    clipnorm, clipvalue, global_clipnorm : float, optional
        At most one of them, positive: gradients are made shorter before they are used, each
        weight's to a Euclidean norm of clipnorm, each element to [-clipvalue, clipvalue], or all
        together to a norm of global_clipnorm.
    use_ema : bool
        Whether to keep a running average of each weight, moved after every step:
        a = ema_momentum a + (1 - ema_momentum) w, from w at the first. At the end of ``fit`` it
        becomes the weight.
    ema_momentum : float
        In [0, 1].
    ema_overwrite_frequency : int, optional
        After every so many updates, too, the average becomes the weight.
    loss_scale_factor : float, optional
        Positive. :meth:`apply` divides gradients by it and :meth:`scale_loss` multiplies; in
        float64 training needs neither, so ``fit`` does not.
    gradient_accumulation_steps : int, optional
        At least 2: only every so many steps is an update, with the mean of their gradients.
    name : str, optional
        Defaults to the class's name in snake_case.

    Attributes
    ----------
    steps : ndarray
        0-d int64: steps done so far, updates or not.

    Raises
    ------
    ValueError
        If an argument is not as described.
    """

    __signature__ = WholeSignature()

    weight_decay = Setting(optional(least_0))
    clipnorm = Setting(optional_positive)
    clipvalue = Setting(optional_positive)
    global_clipnorm = Setting(optional_positive)
    use_ema = Setting(_checks.boolean)
    ema_momentum = Setting(closed_share)
    ema_overwrite_frequency = Setting(at_least(1))
    loss_scale_factor = Setting(optional_positive)
    gradient_accumulation_steps = Setting(at_least(2))

    #: Whether it asks for losses and gradients and moves the weights, instead of the engine.
    moves_by_itself: ClassVar[bool] = False

    _kept_as: ClassVar = {"learning_rate": None}

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name or snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.clip()
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self._learning_rate = LearningRate(learning_rate, f"{self.name}/learning_rate")
        self._exempt: list[Variable] = []
        self._exempt_names: list[str] = []

    # What an optimizer of its own kind says.

    def lower(self) -> engine.Optimizer:
        """The optimizer in the engine's words."""
        raise NotImplementedError(f"{type(self).__name__} must implement lower")

    # Counting and learning rates.

    @property
    def iterations(self) -> NDArray[np.int64]:
        """Updates done so far, a 0-d array. Without ``gradient_accumulation_steps`` every step is
        one, and this is ``steps``, which training counts up. Can be set: to a number of steps."""
        if self.gradient_accumulation_steps is None:
            return self.steps
        return np.asarray(self.steps // self.gradient_accumulation_steps)

    @iterations.setter
    def iterations(self, value: Any) -> None:
        self.steps.assign(value)

    @property
    def learning_rate(self) -> Variable | Tensor:
        """The learning rate of the next step, a 0-d Variable, or a number of a schedule;
        ``float(optimizer.learning_rate)`` is its value."""
        return self._learning_rate.at(int(self.steps))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self._learning_rate.set(value)

    @property
    def asks_each_step(self) -> bool:
        """Whether the learning rate has to be asked for before every single step."""
        return self._learning_rate.by_state

    def rates(self, count: int) -> NDArray[np.float64]:
        """(count,) the learning rates of the next steps."""
        return self._learning_rate.rates(int(self.steps), count)

    # What surrounds a step.

    def clip(self) -> engine.Clip:
        """What is done to gradients, in the engine's words.

        Raises
        ------
        ValueError
            If more than one of ``clipnorm``, ``clipvalue`` and ``global_clipnorm`` is set.
        """
        clips = {
            "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue,
            "global_clipnorm": self.global_clipnorm,
        }
        if sum(value is not None for value in clips.values()) > 1:
            received = ", ".join(f"{name}={value!r}" for name, value in clips.items())
            raise ValueError(
                "At most one of clipnorm, clipvalue and global_clipnorm can be set. "
                f"Received: {received}"
            )
        return engine.Clip(**clips)

    def tail(self, variables: Sequence[Variable]) -> engine.Tail:
        """What else surrounds a step on these weights, in the engine's words."""
        decay = self.weight_decay or 0.0
        exempt = tuple(i for i, v in enumerate(variables) if decay and self._is_exempt(v))
        average = None
        if self.use_ema:
            average = engine.Average(self.ema_momentum, self.ema_overwrite_frequency or 0)
        return engine.Tail(decay, exempt, self.gradient_accumulation_steps or 1, average)

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Which weights ``weight_decay`` leaves alone, in place of those named before.

        Parameters
        ----------
        var_list : iterable of Variable, optional
            These.
        var_names : iterable of str, optional
            And those in whose name one of these occurs: "bias".

        Examples
        --------
        >>> import fastmlp
        >>> optimizer = fastmlp.optimizers.AdamW()
        >>> optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        """
        self._exempt = list(var_list or ())
        self._exempt_names = list(var_names or ())

    def _is_exempt(self, variable: Variable) -> bool:
        return any(v is variable for v in self._exempt) or any(
            re.search(name, variable.name) for name in self._exempt_names
        )

    def scale_loss(self, loss: Any) -> Any:
        """The loss times ``loss_scale_factor``, if that is set."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def finalize_variable_values(self, var_list: Iterable[Variable]) -> None:
        """With ``use_ema`` each of these weights becomes its average, as at the end of ``fit``;
        before the first step there is none.

        Raises
        ------
        ValueError
            If the optimizer has no average of one of them.
        """
        if not self.use_ema or int(self.steps) == 0:
            return
        averages = self.averages
        for variable in var_list:
            if variable not in averages:
                raise self._unknown(variable)
            variable.assign(averages[variable])

    @property
    def variables(self) -> list[Any]:
        """``steps``, the learning rate if it is a number, averages, sums of gradients, then the
        slots weight by weight (Keras's order)."""
        rate = self._learning_rate.variable
        groups = (("average",), ("gradient_accumulator",), *self._slot_groups())
        with self._lock:
            made = [slots for _, slots in self._slots.values()]
        listed = [
            slots[name] for group in groups for slots in made for name in group if name in slots
        ]
        return [self.steps, *([] if rate is None else [rate]), *listed]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign all ``variables``, in their order.

        Raises
        ------
        ValueError
            If nothing has been built, or number or shapes differ.
        """
        variables = self.variables
        if not self.built or len(weights) != len(variables):
            raise ValueError(
                f"weights must be those of {len(variables)} variables of a built optimizer. "
                f"Received: {len(weights)} weights, built={self.built}"
            )
        for variable, weight in zip(variables, weights, strict=True):
            variable.assign(weight)

    # Steps on any variables.

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> NDArray[np.int64]:
        """:meth:`apply` of pairs (gradient, variable).

        Returns
        -------
        ndarray
            0-d: steps done so far.

        Examples
        --------
        >>> import fastmlp
        >>> variable = fastmlp.Variable([1.0, 2.0])
        >>> optimizer = fastmlp.optimizers.SGD(0.5)
        >>> int(optimizer.apply_gradients([([1.0, 0.0], variable)]))
        1
        >>> variable.numpy()
        array([0.5, 2. ])
        """
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.steps

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """One step, in NumPy.

        Parameters
        ----------
        grads : sequence of array_like or None
            Of the variables' shapes. What has None is left alone, with a warning.
        trainable_variables : sequence of Variable, optional
            Those of the first step are the optimizer's, unless it has been built; by default all
            of them.

        Raises
        ------
        ValueError
            If a variable is not one of the optimizer's, number or shapes of gradients differ from
            theirs, or there is no gradient at all.
        """
        if len(grads) == 0:
            return
        pairs = list(zip(grads, self._variables_for(grads, trainable_variables), strict=True))
        known = [variable for variable, _ in self._slots.values()]
        place = {id(variable): i for i, variable in enumerate(known)}
        missing = [v.path for g, v in pairs if g is None]
        if len(missing) == len(pairs):
            raise ValueError("grads must hold a gradient. Received: None for every variable")
        if missing:
            warnings.warn(f"There are no gradients for the variables {missing}.", stacklevel=2)
        gradients = {place[id(v)]: self._gradient(g, v) for g, v in pairs if g is not None}
        if int(self.steps) == 0:
            self.begin(known)
        slots = [self.slots(variable) for variable in known]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            values, new_slots = self.tail(known).step(
                self.lower(),
                self.clip(),
                [variable.value for variable in known],
                [[slot.value for slot in kept] for kept in slots],
                gradients,
                float(self.rates(1)[0]),
                int(self.steps),
                [i for i in range(len(known)) if i not in gradients],
            )
        for variable, value, kept, new in zip(known, values, slots, new_slots, strict=True):
            if value is not variable.value:
                variable.assign(value)
            for slot, array in zip(kept, new, strict=True):
                slot.assign(array)
        for i in gradients:
            constraint = known[i].constraint
            if constraint is not None:
                known[i].assign(constraint(known[i]))
        self.steps += 1

    def _variables_for(self, grads: Sequence[Any], given: Any) -> list[Variable]:
        if given is None:
            with self._lock:
                variables = [variable for variable, _ in self._slots.values()]
            if not variables:
                raise ValueError(
                    "trainable_variables must be given to an optimizer that is not built. "
                    "Received: trainable_variables=None"
                )
        else:
            variables = list(given)
            self.build(variables)
            for variable in variables:
                if id(variable) not in self._slots:
                    raise self._unknown(variable)
        if len(variables) != len(grads):
            raise ValueError(
                f"grads must hold one for each of {len(variables)} variables. "
                f"Received: {len(grads)} gradients"
            )
        return variables

    def _gradient(self, gradient: Any, variable: Variable) -> NDArray[np.float64]:
        name = f"gradient of {variable.path!r}"
        array = _checks.real_array(name, gradient).astype(np.float64)
        if array.shape != variable.shape:
            raise ValueError(
                f"{name} must have shape {variable.shape}. Received: shape {array.shape}"
            )
        return array if self.loss_scale_factor is None else array / self.loss_scale_factor

    # Configuration and pickles.

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor; as plain data, unless the learning rate is a function."""
        source, rate = self._learning_rate.source, self._learning_rate.variable
        if isinstance(source, schedules.LearningRateSchedule):
            source = serialize(source)
        config = {**super().get_config(), "learning_rate": source if rate is None else float(rate)}
        return {name: config[name] for name in _COMMON} | config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Another with these constructor arguments; ``custom_objects``: names to classes and
        functions of one's own among them."""
        if isinstance(config, dict) and isinstance(config.get("learning_rate"), dict):
            rate = schedules.deserialize(config["learning_rate"], custom_objects)
            config = {**config, "learning_rate": rate}
        return super().from_config(config)


registry: Registry[Optimizer] = Registry(
    "optimizer", Optimizer, "keras.optimizers", ignore_case=True
)
register = registry.register
