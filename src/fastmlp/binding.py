"""What ties a model's weights to the engine that computes with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._locks import Lock
from .engine import Data, Engine, Float64Array, Network, Sgd, StepsResult, Training, create_engine
from .engine.words import GivenGradient
from .variable import Variable, lend


class _Mirror:
    """One array of an engine that mirrors a Variable: a parameter of a shape, or an optimizer's
    slot for it. Weights of several axes that scale a row are a vector to the engine."""

    __slots__ = ("engine", "flat", "index", "seen", "slot", "variable")

    def __init__(
        self,
        engine: Engine,
        variable: Variable,
        index: int,
        slot: int | None,
        shape: tuple[int, ...],
    ) -> None:
        self.engine = engine
        self.variable = variable
        self.index = index
        self.slot = slot
        self.flat = len(shape) == 1 != len(variable.shape)
        self.seen = -1  # version of the variable that the engine has; none yet

    def read(self) -> Float64Array:
        """The engine's array."""
        if self.slot is None:
            value = self.engine.read_parameter(self.index)
        else:
            value = self.engine.read_slot(self.index, self.slot)
        return value.reshape(self.variable.shape) if self.flat else value

    def sync(self) -> None:
        """Write the variable's value if the engine has not seen its version."""
        version = self.variable.version  # before the value: a later change is written again
        if version == self.seen:
            return
        value = self.variable.value.ravel() if self.flat else self.variable.value
        if self.slot is None:
            self.engine.write_parameter(self.index, value)
        else:
            self.engine.write_slot(self.index, self.slot, value)
        self.seen = version


class Binding:
    """An engine, and the Variables that its parameters and slots mirror.

    Parameters
    ----------
    engine_name : str
        "native" or "reference".
    network, training
        What the engine is built from.
    variables : sequence of Variable
        One for each of ``network.parameter_shapes``.
    slots : sequence of sequence of Variable
        The optimizer's slots of each variable; empty for one that is not trained.
    """

    def __init__(
        self,
        engine_name: str,
        network: Network,
        training: Training | None,
        variables: Sequence[Variable],
        slots: Sequence[Sequence[Variable]],
    ) -> None:
        self._lock = Lock()
        self.engine = create_engine(engine_name, network, training)
        self._made_from = (engine_name, network, training)
        self._twins: dict[bool, Engine] = {}
        #: Operations that put a penalty on activities, and whether there is any penalty.
        self.activities, self.penalized = network.activities, network.penalized
        #: ``Variable.clock`` when the engine was last brought up to date.
        self.clock = -1
        #: ``Engine.call`` where a batch goes from vectors to vectors and nothing else is asked.
        self.quick: Callable[[Any, type[Any]], Any] | None = None
        self._variables = list(variables)
        shapes = network.parameter_shapes
        self._mirrors = [
            _Mirror(self.engine, variable, i, None, shapes[i])
            for i, variable in enumerate(variables)
        ] + [
            _Mirror(self.engine, variable, i, slot, shapes[i])
            for i, of_parameter in enumerate(slots)
            for slot, variable in enumerate(of_parameter)
        ]
        self._trained = [
            m
            for m in self._mirrors
            if m.slot is not None or m.variable.trainable or m.variable.state
        ]

    def twin(self, given_gradient: bool = False) -> Engine:
        """Another engine of the same network, for weights that are tried; its parameters are
        whoever's that asks. ``given_gradient``: its loss has the targets as gradient, summed over
        samples, and there are no penalties."""
        with self._lock:
            if given_gradient not in self._twins:
                name, network, training = self._made_from
                if given_gradient:
                    network = Network(network.inputs, network.operations)
                    training = Training(GivenGradient(reduction="sum"), Sgd())
                self._twins[given_gradient] = create_engine(name, network, training)
            return self._twins[given_gradient]

    def parameters(self) -> list[Float64Array]:
        """The values of all parameters, as the engine has them."""
        with self._lock:
            count = len(self._variables)
            return [self.engine.read_parameter(i) for i in range(count)]

    def serves(
        self,
        engine_name: str,
        network: Network,
        training: Training | None,
        variables: Sequence[Variable],
    ) -> bool:
        """Whether this binding is still the one that these would make."""
        return (
            self._made_from == (engine_name, network, training)
            and len(variables) == len(self._variables)
            and all(mine is v for mine, v in zip(self._variables, variables, strict=True))
        )

    def sync(self) -> None:
        """Bring the engine up to date with every variable."""
        clock = Variable.clock  # before looking, so that a change meanwhile is seen next time
        if clock == self.clock:
            return
        # Training moves the clock at every run of steps; those who predict meanwhile have
        # nothing to write and need not wait for it here.
        if any(mirror.seen != mirror.variable.version for mirror in self._mirrors):
            with self._lock:
                for mirror in self._mirrors:
                    mirror.sync()
        self.clock = clock

    def train(
        self,
        data: Data,
        rows: NDArray[np.int64],
        batch_size: int,
        learning_rates: Float64Array,
        iterations: NDArray[np.int64],
        record_outputs: bool,
    ) -> StepsResult:
        """:meth:`fastmlp.engine.Engine.train`, from the variables' values; then the engine holds
        the newest ones of what it trains. One thread at a time changes what an engine holds."""
        with self._lock:
            self.sync()
            lend(self._trained)
            try:
                return self.engine.train(
                    data, rows, batch_size, learning_rates, iterations, record_outputs
                )
            finally:
                # Also after an interrupt. Whoever has fetched a value meanwhile has an old one,
                # but a value assigned meanwhile is newer than the engine's.
                lend(self._trained, again=True)
