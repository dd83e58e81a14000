"""What an operation of a network is to an engine: a stage with verbs.

Letters: B rows that a batch has there, I inputs and O outputs of the operation.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from .word import Word, word

Float64Array = NDArray[np.float64]

# A weight gradient over more rows than this is the sum of its blocks' gradients by a tree that
# the number of rows alone fixes, so that threads can share a long batch without changing a bit.
GRADIENT_BLOCK = 1024
# The same in networks of at most so many numbers in parameters, with columns padded to eights, all
# of them dense layers', if each sample is a row: what a thread does apart is little there.
NARROW_BLOCK = 64
NARROW_PARAMETERS = 8192

#: "trained" parameters have a gradient and an optimizer's slots; "state" has neither and is
#: replaced at each training step by what the operation computes from the batch.
Role = Literal["trained", "state"]


@word(frozen=True)
class Context(Word):
    """In which pass an operation runs.

    step: number of the training step, which also numbers the dropout masks; None at inference.
    samples: how many there are in the batch, of which means are taken.
    gradient_block: rows of the blocks whose gradients are added by a tree.
    """

    step: int | None = None
    samples: int = 1
    gradient_block: int = GRADIENT_BLOCK

    @property
    def training(self) -> bool:
        """Whether the pass is one of training."""
        return self.step is not None


INFERENCE = Context()


class Operation(Word):
    """Rows (B, I) to rows (B, O). What is here is an operation without parameters, O = I."""

    #: The name in the catalog of the C engine.
    name: ClassVar[str]
    #: Whether training changes the parameters, if there are any.
    trainable: bool = True

    def output_width(self, inputs: int) -> int:
        """O, from I."""
        return inputs

    def output_split(self, split: int, inputs: int) -> int:
        """Rows of a sample that come out, from those that go in and I."""
        return split

    def parameter_shapes(self, inputs: int) -> list[tuple[int, ...]]:
        """Shapes of the parameters, from I."""
        return []

    @property
    def roles(self) -> tuple[Role, ...]:
        """The role of each parameter: all that are trained, then the state."""
        return ()

    def forward(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> Float64Array:
        """y (B, O) from x (B, I)."""
        raise NotImplementedError

    def backward(
        self,
        x: Float64Array,
        y: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> Float64Array:
        """dx (B, I), the loss's gradient by the operation's input, from dy (B, O)."""
        raise NotImplementedError

    def gradients(
        self,
        x: Float64Array,
        dy: Float64Array,
        parameters: list[Float64Array],
        context: Context,
    ) -> list[Float64Array]:
        """The loss's gradient by each parameter with the role "trained", from dy (B, O)."""
        return []

    def sample_gradients(
        self, x: Float64Array, dy: Float64Array, parameters: list[Float64Array], samples: int
    ) -> list[Float64Array]:
        """:meth:`gradients` for each sample of the batch by itself, (samples, *shape) each, as
        after training. What is here goes from sample to sample."""
        if not self.roles or "trained" not in self.roles:
            return []
        one = Context(samples=1)
        parts = zip(np.split(x, samples), np.split(dy, samples), strict=True)
        found = [self.gradients(rows, slopes, parameters, one) for rows, slopes in parts]
        return [np.stack(of_parameter) for of_parameter in zip(*found, strict=True)]

    def new_state(
        self, x: Float64Array, parameters: list[Float64Array], context: Context
    ) -> list[Float64Array]:
        """Each parameter with the role "state" after a training step on x (B, I)."""
        return []
