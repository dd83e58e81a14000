"""What is built for a shape of inputs: shapes before and after, and what is asked of inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from .. import _checks
from .._locks import Lock
from ..binding import Binding
from ..variable import Variable
from . import called, custom, input_spec
from .input_spec import InputSpec
from .shapes import Shape, batch_shape
from .weighted import Weighted


class Shaped(Weighted):
    """The shapes of a layer, which a Layer is."""

    #: Whether it is one of one's own with ``call``, see custom.py.
    _by_call: ClassVar[bool] = False

    _input_spec: InputSpec | None = None
    _lock: Lock
    _building: bool
    _scope: str
    _input_shape: Shape | None
    _output_shape: Shape | None
    _built_in_weights: list[Variable]
    _binding: Binding | None

    def _make_weights(self, input_shape: Shape) -> None:
        """Make the weights, if the layer has any, for a checked input shape (None, ...)."""
        custom.make_weights(self, input_shape)

    @property
    def input_spec(self) -> Any:
        """What inputs must be like, an InputSpec, or None; for layers of one's own to set."""
        return self._input_spec

    @input_spec.setter
    def input_spec(self, value: Any) -> None:
        self._input_spec, self._binding = input_spec.checked(value), None

    @property
    def built(self) -> bool:
        """Whether the input shape is known and the weights exist."""
        return self._input_shape is not None

    @built.setter
    def built(self, value: bool) -> None:
        """As ``build`` of layers of one's own may say at its end; it changes nothing."""
        _checks.boolean("built", value)

    @property
    def input_shape(self) -> Shape:
        """Shape of the input, (None, ...).

        Raises
        ------
        AttributeError
            If the layer is not built yet.
        """
        if self._input_shape is None:
            raise AttributeError(f"{type(self).__name__} {self.name!r} has no input shape yet")
        return self._input_shape

    @property
    def output_shape(self) -> Shape:
        """Shape of the output, (None, ...).

        Raises
        ------
        AttributeError
            If the layer is not built yet.
        """
        if self._output_shape is None:
            raise AttributeError(f"{type(self).__name__} {self.name!r} has no output shape yet")
        return self._output_shape

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the output for an input shape, both (None, ...)."""
        if not self._by_call:
            return tuple(input_shape)
        if not self._building:
            self.build(input_shape)
        return called.tried_shape(self, input_shape)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights for inputs of shape (None, ...); again with the same shape is fine.

        Raises
        ------
        ValueError
            If the layer cannot work on that shape, or was built for another.
        """

        def make(shape: Shape) -> None:
            before = set(self._own_weights)
            self._make_weights(shape)
            # What operations of the built-in class are about, of one with call that extends it.
            self._built_in_weights = [v for v in self._own_weights if v not in before]

        self._build_by(make, input_shape)

    def _build_by(self, make: Callable[[Any], None], input_shape: Sequence[int | None]) -> None:
        """Build with what makes the weights for an input shape."""
        shape = batch_shape(input_shape)
        with self._lock:
            if self._building:  # called by the build of a subclass
                make(shape)
                return
            if self._input_shape is not None:
                if shape != self._input_shape:
                    raise ValueError(
                        f"layer {self.name!r} was built for input shape {self._input_shape}. "
                        f"Received: input_shape={shape}"
                    )
                return
            input_spec.check(self._input_spec, shape, self.name)
            with undone_if_it_fails(self):
                self._building = True
                custom.scope(self)
                first = None if custom.is_custom(self) else self.compute_output_shape(shape)
                make(shape)
                output_shape = first or self.compute_output_shape(shape)
                self._building = False
                # Last: whoever sees a shape finds the weights.
                self._output_shape, self._input_shape = output_shape, shape
            Variable.tick()

    def _build_for(self, x: Any) -> None:
        """Build a layer that has no input shape yet for samples like those in x (N, ...)."""
        if not self.built:
            shape = _checks.real_array("x", x).shape
            if len(shape) < 2:
                raise ValueError(
                    f"x must have shape (samples, features). Received: x of shape {shape}"
                )
            self.build((None, *shape[1:]))


@contextmanager
def undone_if_it_fails(*layers: Shaped) -> Iterator[None]:
    """Put the layers, and those inside them, back as they were if what follows raises."""
    inside: list[Any] = list(layers)
    for layer in inside:  # grows on the way
        inside.extend(getattr(layer, "layers", ()))
    before = [(layer, dict(layer.__dict__)) for layer in inside]
    try:
        yield
    except BaseException:
        for layer, state in before:
            for name in layer.__dict__.keys() - state.keys():
                delattr(layer, name)
            layer.__dict__.update(state)
            for variable in layer._own_weights:
                variable.trainable = layer._trainable and not variable.state
        Variable.tick()
        raise
