"""What is written in Python by whoever uses fastmlp: operations and regularizers.

They have no name in the C catalog: only the reference engine runs them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from .operation import Context, Float64Array, Operation, Role
from .regularizers import Regularizer
from .word import word

#: From dy to dx and the gradients of the trained weights, all of the shapes of what they are of.
Derive = Callable[[Float64Array], tuple[Any, list[Any]]]


class Runs(Protocol):
    """What a Python operation runs."""

    @property
    def what(self) -> str:
        """What errors call it, such as "layer 'own'"."""

    def run(
        self, x: Float64Array, weights: list[Float64Array], context: Context
    ) -> tuple[Any, Derive, list[Float64Array] | None]:
        """y from samples x, what derives it, and the new values of the weights that are state,
        if they change."""


@word(frozen=True)
class PythonOperation(Operation):
    """What ``runs`` computes and derives, see :mod:`fastmlp.layers.custom`.

    before, after: sizes of the axes of a sample going in and coming out. shapes: of the weights;
    the last ``states`` of them are changed by the operation itself, if at all.
    """

    runs: Any
    before: tuple[int, ...]
    after: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...] = ()
    states: int = 0

    def output_width(self, inputs: int) -> int:
        return self.after[-1]

    def output_split(self, split: int, inputs: int) -> int:
        return math.prod(self.after[:-1])

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        return list(self.shapes)

    @property
    def roles(self) -> tuple[Role, ...]:
        trained: Role = "trained"
        state: Role = "state"
        return (*(trained,) * (len(self.shapes) - self.states), *(state,) * self.states)

    def _checked(self, what: str, value: Any, shape: tuple[int, ...]) -> Float64Array:
        array = np.asarray(value, np.float64)
        if array.shape != shape:
            raise ValueError(
                f"{what} of {self.runs.what} must have shape {shape}. Received: shape {array.shape}"
            )
        return array

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        samples = x.reshape(-1, *self.before)
        y, derive, states = self.runs.run(samples, parameters, context)
        if context.training:  # what the way back needs: functions may draw numbers, so once
            object.__setattr__(self, "_run", (x, derive, states))
            object.__setattr__(self, "_derivative", None)
        y = self._checked("what forward returns", y, (len(samples), *self.after))
        return y.reshape(-1, self.after[-1])

    def _derived(
        self, x: Float64Array, dy: Float64Array, parameters: list[Float64Array], context: Context
    ) -> tuple[Float64Array, list[Float64Array]]:
        """dx, of the shape of x, and the gradient of each trained weight."""
        made_from, derive, _ = getattr(self, "_run", (None, None, None))
        if made_from is not x or derive is None:
            _, derive, _ = self.runs.run(x.reshape(-1, *self.before), parameters, context)
        known = getattr(self, "_derivative", None)
        if known is not None and known[0] is x and known[1] is dy:
            derived: tuple[Float64Array, list[Float64Array]] = known[2]
            return derived
        trained = parameters[: len(parameters) - self.states]
        dx, gradients = derive(dy.reshape(-1, *self.after))
        dx = self._checked("dx", dx, (len(dx), *self.before))
        if len(gradients) != len(trained):
            raise ValueError(
                f"backward of {self.runs.what} must return dx and a list of {len(trained)} "
                f"gradients. Received: {len(gradients)}"
            )
        derived = (
            dx.reshape(x.shape),
            [
                self._checked("a gradient", gradient, parameter.shape)
                for gradient, parameter in zip(gradients, trained, strict=True)
            ],
        )
        object.__setattr__(self, "_derivative", (x, dy, derived))
        return derived

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        return self._derived(x, dy, parameters, context)[0]

    def gradients(
        self,
        x: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> list[Float64Array]:
        return self._derived(x, dy, parameters, context)[1]

    def new_state(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> list[Float64Array]:
        made_from, _, states = getattr(self, "_run", (None, None, None))
        if made_from is x and states is not None:
            return states  # type: ignore[no-any-return]
        return parameters[len(parameters) - self.states :]


@word(frozen=True)
class PythonRegularizer(Regularizer):
    """What ``function`` makes of a weight of a shape, a number; ``differentiate`` gives it and its
    gradient."""

    function: Any
    shape: tuple[int, ...]
    differentiate: Any

    def penalty(self, w: Float64Array) -> float:
        return self._number(self.function(w.reshape(self.shape)))

    def slope(self, w: Float64Array) -> Float64Array:
        value, gradient = self.differentiate(self.function, w.reshape(self.shape))
        self._number(value)
        slope: Float64Array = np.asarray(gradient, np.float64).reshape(w.shape)
        return slope

    def _number(self, value: Any) -> float:
        array = np.asarray(value, np.float64)
        if array.size != 1:
            raise ValueError(
                f"a regularizer must return one number. Received: shape {array.shape} from "
                f"{self.function!r}"
            )
        return float(array.reshape(()))
