"""What ties a model's weights to the engine that computes with them."""

from __future__ import annotations

from collections.abc import Sequence

from .engine import Engine, Float64Array, Network, Training, create_engine
from .variable import Variable


class _Mirror:
    """One array of an engine that mirrors a Variable: a parameter, or an optimizer's slot."""

    __slots__ = ("engine", "index", "seen", "slot", "variable")

    def __init__(self, engine: Engine, variable: Variable, index: int, slot: int | None) -> None:
        self.engine = engine
        self.variable = variable
        self.index = index
        self.slot = slot
        self.seen = -1  # version of the variable that the engine has; none yet

    def read(self) -> Float64Array:
        """The engine's array."""
        if self.slot is None:
            return self.engine.read_parameter(self.index)
        return self.engine.read_slot(self.index, self.slot)

    def sync(self) -> None:
        """Write the variable's value if the engine has not seen its version."""
        version = self.variable.version  # before the value: a later change is written again
        if version == self.seen:
            return
        if self.slot is None:
            self.engine.write_parameter(self.index, self.variable.value)
        else:
            self.engine.write_slot(self.index, self.slot, self.variable.value)
        self.seen = version

    def lend(self) -> None:
        """The engine is about to change the array: it holds the newest value from now on."""
        self.seen = self.variable.lend(self)


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
        self.engine = create_engine(engine_name, network, training)
        self._made_from = (engine_name, network, training)
        #: ``Variable.clock`` when the engine was last brought up to date.
        self.clock = -1
        self._parameters = [
            _Mirror(self.engine, variable, i, None) for i, variable in enumerate(variables)
        ]
        self._slots = [
            _Mirror(self.engine, variable, i, slot)
            for i, of_parameter in enumerate(slots)
            for slot, variable in enumerate(of_parameter)
        ]

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
            and len(variables) == len(self._parameters)
            and all(m.variable is v for m, v in zip(self._parameters, variables, strict=True))
        )

    def sync(self) -> None:
        """Bring the engine up to date with every variable."""
        clock = Variable.clock  # before looking, so that a change meanwhile is seen next time
        if clock != self.clock:
            for mirror in self._parameters:
                mirror.sync()
            for mirror in self._slots:
                mirror.sync()
            self.clock = clock

    def lend(self) -> None:
        """Call before training: the engine holds the newest trained weights and slots."""
        for mirror in self._parameters:
            if mirror.variable.trainable or mirror.variable.state:
                mirror.lend()
        for mirror in self._slots:
            mirror.lend()
