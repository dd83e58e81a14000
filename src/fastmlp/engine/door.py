"""The door between the Keras-like face and the engines that compute.

A model is lowered to a :class:`Network` (what the forward pass is) and, once compiled, a
:class:`Training` (loss and optimizer). An engine is built from the two and then only moves
arrays: parameters in and out, runs of training steps, evaluations, predictions. Two engines
stand behind the door: ``native`` (the C library) and ``reference`` (pure NumPy, the
specification). Everything here is plain data, so that both read the same words.

Letters used throughout: N samples in a set, B rows in a batch, F input features, K outputs, S rows
of outputs that a sample has: 1, but where its outputs have several axes, the last of size K, P
elements of all trained parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .words import (
    GRADIENT_BLOCK,
    NARROW_BLOCK,
    NARROW_PARAMETERS,
    ActivityRegularization,
    Clip,
    Constraint,
    Dense,
    Float64Array,
    Loss,
    Operation,
    Optimizer,
    PythonOperation,
    PythonRegularizer,
    Regularizer,
    Reshape,
    Role,
    Tail,
)

ALL = slice(None)


@dataclass(frozen=True)
class Network:
    """The forward pass: ``inputs`` features, then the operations in order.

    regularizers, constraints: those of each parameter, or empty if none has one. Of a parameter
    that training does not change they say nothing.
    """

    inputs: int
    operations: tuple[Operation, ...]
    regularizers: tuple[Regularizer | None, ...] = ()
    constraints: tuple[Constraint | None, ...] = ()

    @property
    def widths(self) -> list[int]:
        """Width of the inputs, then of what each operation puts out."""
        widths = [self.inputs]
        for operation in self.operations:
            widths.append(operation.output_width(widths[-1]))
        return widths

    @property
    def outputs(self) -> int:
        """Width K of the last operation."""
        return self.widths[-1]

    @property
    def split(self) -> int:
        """Rows S of outputs that a sample has."""
        split = 1
        for operation, inputs in zip(self.operations, self.widths, strict=False):
            split = operation.output_split(split, inputs)
        return split

    @property
    def parameter_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of all parameters in order, operation by operation."""
        return [
            shape
            for operation, inputs in zip(self.operations, self.widths, strict=False)
            for shape in operation.parameter_shapes(inputs)
        ]

    @property
    def gradient_block(self) -> int:
        """Rows of the blocks of a batch whose gradients are added by a tree."""
        splits = [1]
        for operation, inputs in zip(self.operations, self.widths, strict=False):
            splits.append(operation.output_split(splits[-1], inputs))
        dense = all(isinstance(o, Dense) or not o.roles for o in self.operations)
        if not dense or max(splits) > 1:
            return GRADIENT_BLOCK
        padded = sum(
            math.prod(shape[:-1]) * (-(-shape[-1] // 8) * 8) for shape in self.parameter_shapes
        )
        return NARROW_BLOCK if padded <= NARROW_PARAMETERS else GRADIENT_BLOCK

    @property
    def roles(self) -> list[Role]:
        """The role of each parameter."""
        return [role for operation in self.operations for role in operation.roles]

    @property
    def engine(self) -> str:
        """The name of the fastest engine that has all of it."""
        words = (*self.operations, *self.regularizers)
        by_hand = any(isinstance(word, (PythonOperation, PythonRegularizer)) for word in words)
        return "reference" if by_hand else "native"

    @property
    def activities(self) -> int:
        """How many of the operations put a penalty on what passes through them."""
        return sum(isinstance(o, ActivityRegularization) for o in self.operations)

    @property
    def penalized(self) -> bool:
        """Whether there is anything besides the loss of outputs."""
        return self.activities > 0 or any(r is not None for r in self.regularizers)


def without_idle(inputs: int, operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """The operations without those that would lay rows of ``inputs`` out as they are."""
    kept: list[Operation] = []
    widths = [inputs]  # before each that is kept, and after the last
    for operation in operations:
        if isinstance(operation, Reshape):
            if kept and isinstance(kept[-1], Reshape):  # its rows are laid out anew at once
                kept.pop()
                widths.pop()
            if operation.width == widths[-1]:
                continue
        kept.append(operation)
        widths.append(operation.output_width(widths[-1]))
    return tuple(kept)


@dataclass(frozen=True)
class Training:
    """Loss and optimizer of a compiled model, how gradients are clipped, and what else surrounds
    a step of the optimizer."""

    loss: Loss
    optimizer: Optimizer
    clip: Clip = field(default=Clip())
    tail: Tail = field(default=Tail())

    def slot_shapes(self, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Shapes of all arrays that training keeps for a trained parameter of that shape."""
        return self.tail.slot_shapes(self.optimizer, shape)


@dataclass(frozen=True)
class Data:
    """Samples as an engine reads them: checked by the face, gathered row by row by the engine.

    x: (N, F) C-contiguous float64, float32 or uint8, or SparseRows.
    targets: (N,) int32 for losses that take class indices (already checked to lie in [0, K)),
    else (N, K) float64; with S rows of outputs a sample (N, S) and (N, S K).
    sample_weight: (N,) or (N, S) float64, or None for all ones.
    label_shape: the shape of a sample's label as it was given, for metrics: () and (1,) may mean
    the same targets. None: that of the targets.
    learned: what ``Engine.learn`` made of x, or of a longer array that begins with it, or None.
    """

    x: Any
    targets: NDArray[Any]
    sample_weight: Float64Array | None = None
    label_shape: tuple[int, ...] | None = None
    learned: Any = None

    def labels(self, rows: Any) -> NDArray[Any]:
        """The targets of some rows, shaped as the labels were given."""
        targets: NDArray[Any] = self.targets[rows]
        shape = self.label_shape
        return targets if shape is None else targets.reshape(len(targets), *shape)


@dataclass(frozen=True)
class StepsResult:
    """What a run of training steps recorded, in the order in which the rows were visited.

    losses: (steps,) the reduced loss of each batch and all penalties, before its update,
    dropout on.
    outputs: (rows S, K) the network's outputs for every row, or None if not asked for.
    """

    losses: Float64Array
    outputs: Float64Array | None


class CurvatureOperator(Protocol):
    """H (P, P) of :meth:`Engine.gauss_newton`, which need not be formed."""

    def product(self, v: Float64Array) -> Float64Array:
        """H v (P,)."""

    def diagonal(self) -> Float64Array:
        """That of H (P,)."""


class Engine(Protocol):
    """What an engine does. Parameters and slots are addressed by their index in
    ``Network.parameter_shapes``; arrays that go in are copied, arrays that come out are new."""

    name: str

    def __init__(self, network: Network, training: Training | None) -> None: ...

    def read_parameter(self, index: int) -> Float64Array: ...

    def write_parameter(self, index: int, value: Float64Array) -> None: ...

    def read_slot(self, index: int, slot: int) -> Float64Array:
        """The array ``slot`` that training keeps for parameter ``index``; zeros at first. The
        optimizer's come first (Adam: 0 = m, 1 = v), see ``Training.slot_shapes``."""

    def write_slot(self, index: int, slot: int, value: Float64Array) -> None: ...

    def learn(self, x: Any, epochs: int) -> Any:
        """What this engine trains faster on than on x, for as long as its values do not change:
        for ``Data.learned``. None if there is nothing of that kind that pays for so many epochs,
        and wherever not all of x is finite."""

    def train(
        self,
        data: Data,
        order: NDArray[np.int64],
        batch_size: int,
        learning_rates: Float64Array,
        iterations: NDArray[np.int64],
        record_outputs: bool,
    ) -> StepsResult:
        """Run ``len(learning_rates)`` steps over the rows ``order``: (n,), or (E, n) for E epochs
        one behind the other. Ceil division of n by ``batch_size`` gives the steps of an epoch;
        the last may be shorter. Recorded outputs are (E n S, K), in visiting order.

        ``iterations`` is a 0-d int64 array: the optimizer's count of finished steps. The
        engine adds one after each whole step; it also numbers the dropout masks.
        """

    def gradient(
        self, data: Data, rows: NDArray[np.int64], iterations: int
    ) -> tuple[float, Float64Array]:
        """The reduced loss of the batch ``rows`` (B,) and all penalties, with the dropout masks
        of step ``iterations``, and their gradient, not clipped: (P,), of all parameters with the
        role "trained" in order, each row-major; 0 where an operation is not trainable. Nothing
        is changed."""

    def apply(
        self, gradient: Float64Array, learning_rate: float, iterations: NDArray[np.int64]
    ) -> None:
        """Clip a gradient (P,) and apply it with the optimizer's step; adds one to
        ``iterations``."""

    def penalties(self, x: Any, dropout_step: int | None = None) -> tuple[float, Float64Array]:
        """What the parameters' regularizers add to the loss; and, for each operation that has
        such, the penalties of each sample's activities (``Network.activities``, N), of which the
        mean over a batch is added. Activities are those of :meth:`predict`."""

    def evaluate(self, data: Data) -> tuple[Float64Array, Float64Array]:
        """Losses (N S,) of the rows, unweighted, and outputs (N S, K); as after training."""

    def predict(self, x: Any, dropout_step: int | None = None) -> Float64Array:
        """Outputs (N S, K) of x (N, F) as after training; or, with a step, as while training with
        the masks of that step and the moments of this batch."""

    @property
    def call(self) -> Callable[[Any, type[Any]], Any] | None:
        """The engine's quick way for a few rows, if it has one: x to :meth:`predict` of it, as an
        array of a subclass of ndarray, if x is a C-contiguous float64 array (N, F) and all outputs
        are finite; else to None."""

    def permutation(self, seed: int, step: int, n: int) -> NDArray[np.int64]:
        """``random.permutation``, bit for bit, as fast as the engine can."""

    # Curvature.

    def jacobian(self, x: Any, wrt: str) -> Float64Array:
        """The derivatives of the outputs of x (N, F), as after training: (N S, K, F) with wrt =
        "inputs", or with "parameters" (N S, K, P), in the order of :meth:`gradient`."""

    def gauss_newton(self, data: Data, rows: NDArray[np.int64]) -> Float64Array:
        """H (P, P): the Hessian of the reduced loss of the batch ``rows`` with outputs that are
        linear in the parameters in place of the network's, so that H d = -g is Gauss and
        Newton's step. Without penalties, and as after training; weights are not negative.
        ValueError for a loss without one (see ``Loss.root``)."""

    def gauss_newton_root(
        self, data: Data, rows: NDArray[np.int64], block: slice = ALL
    ) -> Float64Array:
        """A (R K, P), of the R rows of outputs of the samples ``rows[block]``: what they add to H
        is A.T @ A."""

    def gauss_newton_operator(self, data: Data, rows: NDArray[np.int64]) -> CurvatureOperator:
        """H without its elements. Whenever it is asked, the engine's parameters must be those
        that it had now."""

    def factor(self, matrix: Float64Array) -> Float64Array | None:
        """The lower triangle L (n, n), zeros above, of a symmetric matrix = L @ L.T, of which the
        lower triangle is read; None if it is not positive definite and finite."""

    def solve(self, lower: Float64Array, b: Float64Array) -> Float64Array:
        """x (n,) with L @ L.T @ x = b, from :meth:`factor`."""

    def product(self, a: Float64Array, b: Float64Array) -> Float64Array:
        """a (m, k) @ b (k, n)."""

    def dot(self, a: Float64Array, b: Float64Array) -> float:
        """The sum of a (n,) times b (n,), by a tree that n alone fixes."""
