"""The reference engine: what every kernel computes, in plain NumPy.

It is the specification of the native engine, a second engine behind the same door, and a text to
read: each word (:mod:`fastmlp.engine.words`) holds its formula, this file calls them in turn. It
imports nothing compiled. The native engine agrees with it to rounding; masks and shuffles agree
bit for bit.

Letters: as the door's, and P elements of all trained parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import random
from .door import ALL, CurvatureOperator, Data, Network, StepsResult, Training
from .jacobians import dot, factor, jacobian, solve
from .rows import dense_rows
from .words import (
    GRADIENT_BLOCK,
    INFERENCE,
    ActivityRegularization,
    Context,
    Float64Array,
    Loss,
    Operation,
    block_sum,
)

# As the native engine: NaN and infinity pass through without a warning.
_quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")


class ReferenceEngine:
    """The door's Engine in NumPy; see :class:`fastmlp.engine.Engine` for each method."""

    name = "reference"

    def __init__(self, network: Network, training: Training | None) -> None:
        self.network = network
        self.training = training
        self._parameters = [np.zeros(shape) for shape in network.parameter_shapes]
        self._slots = [
            [np.zeros(shape) for shape in training.slot_shapes(p.shape)]
            if training and role == "trained"
            else []
            for p, role in zip(self._parameters, network.roles, strict=True)
        ]
        # Operation i owns the parameters [first[i], first[i + 1]).
        self._first = [0]
        for operation in network.operations:
            self._first.append(self._first[-1] + len(operation.roles))
        # The loss is of what the first so many operations put out.
        self._graded = len(network.operations)
        if training is not None:
            self._loss = training.loss
            before = network.operations and self._loss.before(network.operations[-1])
            if before:
                self._loss, self._graded = before, self._graded - 1

    def read_parameter(self, index: int) -> Float64Array:
        return self._parameters[index].copy()

    def write_parameter(self, index: int, value: Float64Array) -> None:
        self._parameters[index] = np.array(value, np.float64)

    def read_slot(self, index: int, slot: int) -> Float64Array:
        return self._slots[index][slot].copy()

    def write_slot(self, index: int, slot: int, value: Float64Array) -> None:
        self._slots[index][slot] = np.array(value, np.float64)

    def permutation(self, seed: int, step: int, n: int) -> NDArray[np.int64]:
        return random.permutation(seed, step, n)

    # Training.

    def learn(self, x: Any, epochs: int) -> Any:
        return None

    @_quiet
    def train(
        self,
        data: Data,
        order: NDArray[np.int64],
        batch_size: int,
        learning_rates: Float64Array,
        iterations: NDArray[np.int64],
        record_outputs: bool,
    ) -> StepsResult:
        losses = np.empty(len(learning_rates))
        split = self.network.split
        shape = (order.size * split, self.network.outputs)
        outputs = np.empty(shape) if record_outputs else None
        n, visits = order.shape[-1], order.ravel()
        for step, learning_rate in enumerate(learning_rates):
            epoch, within = divmod(step, -(-n // batch_size))
            start = epoch * n + within * batch_size
            visited = slice(start, min(start + batch_size, (epoch + 1) * n))
            context = Context(int(iterations))
            losses[step], values, gradients = self._pass(data, visits[visited], context)
            # All at once, so that an interrupt leaves the weights of a whole step.
            self._parameters, self._slots = self._stepped(
                self._with_new_state(values, context), gradients, float(learning_rate), context
            )
            iterations += 1
            if outputs is not None:
                outputs[visited.start * split : visited.stop * split] = values[-1]
        return StepsResult(losses, outputs)

    @_quiet
    def gradient(
        self, data: Data, rows: NDArray[np.int64], iterations: int
    ) -> tuple[float, Float64Array]:
        loss, _, gradients = self._pass(data, rows, Context(iterations))
        return loss, self._flat(gradients)

    @_quiet
    def apply(
        self, gradient: Float64Array, learning_rate: float, iterations: NDArray[np.int64]
    ) -> None:
        gradients, start = {}, 0
        for i in self._trained():
            shape = self._parameters[i].shape
            size = self._parameters[i].size
            gradients[i] = gradient[start : start + size].reshape(shape)
            start += size
        trainable = {i: g for i, g in gradients.items() if self._owner(i).trainable}
        self._parameters, self._slots = self._stepped(
            self._parameters, trainable, learning_rate, Context(int(iterations))
        )
        iterations += 1

    # Second order.

    @_quiet
    def jacobian(self, x: Any, wrt: str) -> Float64Array:
        return np.concatenate(
            [jacobian(self._stages(), values, wrt) for values in self._blocks(x)]
            or [np.zeros((0, self.network.outputs, self._width(wrt)))]
        )

    @_quiet
    def gauss_newton(self, data: Data, rows: NDArray[np.int64]) -> Float64Array:
        def part(block: slice) -> Float64Array:
            j = self.gauss_newton_root(data, rows, block)
            return j.T @ j

        return block_sum(len(rows), part)

    def gauss_newton_operator(self, data: Data, rows: NDArray[np.int64]) -> CurvatureOperator:
        return _Operator(self, data, rows)

    @_quiet
    def gauss_newton_root(
        self, data: Data, rows: NDArray[np.int64], block: slice = ALL
    ) -> Float64Array:
        loss, split = self._loss, self.network.split
        weights = np.ones(len(rows) * split)
        if data.sample_weight is not None:
            weights = data.sample_weight[rows].ravel()
        factors = loss.factors(self._by_row(data.targets[rows], loss), weights)
        factors = factors.reshape(len(rows), split)[block].ravel()
        targets = self._by_row(data.targets[rows[block]], loss)
        values = self._forward(dense_rows(data.x, rows[block]), INFERENCE)[: self._graded + 1]
        root = np.sqrt(factors)[:, None, None] * loss.root(values[-1], targets)
        of_outputs = jacobian(self._stages()[: self._graded], values, "parameters")
        return (root @ of_outputs).reshape(root.shape[0] * root.shape[1], of_outputs.shape[2])

    factor = staticmethod(factor)
    solve = staticmethod(solve)
    dot = staticmethod(dot)

    def product(self, a: Float64Array, b: Float64Array) -> Float64Array:
        return a @ b

    def _stages(self) -> list[tuple[Operation, list[Float64Array]]]:
        return [(operation, parameters) for _, operation, parameters in self._operations()]

    def _width(self, wrt: str) -> int:
        if wrt == "inputs":
            return self.network.inputs
        return sum(self._parameters[i].size for i in self._trained())

    def _flat(self, gradients: dict[int, Float64Array]) -> Float64Array:
        """(P,) from gradients of parameters by their index; 0 for others."""
        parts = [
            gradients.get(i, np.zeros_like(self._parameters[i])).ravel() for i in self._trained()
        ]
        return np.concatenate([np.zeros(0), *parts])

    def _trained(self) -> list[int]:
        """Indices of the parameters with the role "trained"."""
        return [i for i, role in enumerate(self.network.roles) if role == "trained"]

    def _owner(self, index: int) -> Operation:
        """The operation that a parameter belongs to."""
        owner = int(np.searchsorted(self._first, index, side="right")) - 1
        return self.network.operations[owner]

    def _pass(
        self, data: Data, rows: NDArray[np.int64], context: Context
    ) -> tuple[float, list[Float64Array], dict[int, Float64Array]]:
        """Up and down over the batch ``rows``: its loss, the inputs of every operation and the
        outputs (B, K), and the gradient of every trainable parameter by its index."""
        assert self.training is not None, "an engine without a loss cannot train"
        loss = self._loss
        targets = self._by_row(data.targets[rows], loss)
        weights = np.ones(len(rows) * self.network.split)
        if data.sample_weight is not None:
            weights = data.sample_weight[rows].ravel()
        values = self._forward(dense_rows(data.x, rows), context)
        graded = values[: self._graded + 1]
        batch_loss, dy = loss.batch(graded[-1], targets, weights)
        gradients = self._gradients(graded, dy, context)
        for i, regularizer in enumerate(self.network.regularizers):
            if regularizer is not None and i in gradients:
                gradients[i] = gradients[i] + regularizer.slope(self._parameters[i])
        activities = sum(costs.sum() / len(costs) for costs in self._activity_costs(values))
        return batch_loss + float(activities) + self._penalty(), values, gradients

    def _penalty(self) -> float:
        """What the regularizers of parameters add to the loss."""
        return sum(
            regularizer.penalty(self._parameters[i])
            for i, regularizer in enumerate(self.network.regularizers)
            if regularizer is not None and self._owner(i).trainable
        )

    def _activity_costs(self, values: list[Float64Array]) -> list[Float64Array]:
        """What each sample of the batch costs, (B,), for each operation that says so."""
        return [
            operation.penalties(x).reshape(len(values[0]), -1).sum(axis=1)
            for operation, x in zip(self.network.operations, values, strict=False)
            if isinstance(operation, ActivityRegularization)
        ]

    def _by_row(self, targets: NDArray[Any], loss: Loss) -> NDArray[Any]:
        """Targets of samples as those of their rows of outputs."""
        return targets.ravel() if loss.class_indices else targets.reshape(-1, self.network.outputs)

    def _gradients(
        self, values: list[Float64Array], dy: Float64Array, context: Context
    ) -> dict[int, Float64Array]:
        """Gradient of every trainable parameter by its index, from dy (B, K) at the last values."""
        gradients: dict[int, Float64Array] = {}
        context = Context(context.step, len(values[0]), self.network.gradient_block)
        for i, operation, parameters in reversed(list(self._operations())[: len(values) - 1]):
            x, y = values[i], values[i + 1]
            if operation.trainable:
                for j, gradient in enumerate(operation.gradients(x, dy, parameters, context)):
                    gradients[self._first[i] + j] = gradient
            dy = operation.backward(x, y, dy, parameters, context)
        return gradients

    def _with_new_state(self, values: list[Float64Array], context: Context) -> list[Float64Array]:
        """The parameters after a training step's forward pass: new state, all else as it was."""
        changed = list(self._parameters)
        for i, operation, parameters in self._operations():
            state = operation.new_state(values[i], parameters, context)
            end = self._first[i + 1]
            changed[end - len(state) : end] = state
        return changed

    def _stepped(
        self,
        parameters: list[Float64Array],
        gradients: dict[int, Float64Array],
        learning_rate: float,
        context: Context,
    ) -> tuple[list[Float64Array], list[list[Float64Array]]]:
        """Parameters and slots after the optimizer's step."""
        assert self.training is not None, "an engine without an optimizer cannot train"
        assert context.step is not None
        training = self.training
        new_parameters, new_slots = training.tail.step(
            training.optimizer,
            training.clip,
            parameters,
            self._slots,
            gradients,
            learning_rate,
            context.step,
        )
        for i, constraint in enumerate(self.network.constraints):
            if constraint is not None and i in gradients:
                new_parameters[i] = constraint.project(new_parameters[i])
        return new_parameters, new_slots

    # Inference.

    @_quiet
    def evaluate(self, data: Data) -> tuple[Float64Array, Float64Array]:
        assert self.training is not None, "an engine without a loss cannot evaluate"
        graded, loss = self._infer(data.x, self._graded), self._loss
        outputs = graded
        for _, operation, parameters in list(self._operations())[self._graded :]:
            outputs = operation.forward(graded, parameters, INFERENCE)
        return loss.values(graded, self._by_row(data.targets, loss)), outputs

    @_quiet
    def penalties(self, x: Any, dropout_step: int | None = None) -> tuple[float, Float64Array]:
        costs = np.empty((self.network.activities, len(x)))
        if self.network.activities:
            block = GRADIENT_BLOCK if dropout_step is None else max(len(x), 1)
            for start in range(0, len(x), block):
                rows = slice(start, start + block)
                values = self._forward(dense_rows(x, rows), Context(dropout_step))
                costs[:, rows] = self._activity_costs(values)
        return self._penalty(), costs

    call = None  # this engine has no quicker way than predict

    @_quiet
    def predict(self, x: Any, dropout_step: int | None = None) -> Float64Array:
        if dropout_step is not None:  # masks and moments are those of the rows together
            return self._forward(dense_rows(x, slice(None)), Context(dropout_step))[-1]
        return self._infer(x, len(self.network.operations))

    def _infer(self, x: Any, count: int) -> Float64Array:
        """What the first ``count`` operations put out, all or all but one that keeps the shape."""
        split = self.network.split
        outputs = np.empty((len(x) * split, self.network.outputs))
        for block, values in enumerate(self._blocks(x)):
            start = block * GRADIENT_BLOCK * split
            outputs[start : start + len(values[0]) * split] = values[count]
        return outputs

    def _blocks(self, x: Any) -> Iterator[list[Float64Array]]:
        """The values of x as after training, block by block: hidden layers take memory."""
        for start in range(0, len(x), GRADIENT_BLOCK):
            rows = slice(start, start + GRADIENT_BLOCK)
            yield self._forward(dense_rows(x, rows), INFERENCE)

    def _operations(self) -> Iterator[tuple[int, Operation, list[Float64Array]]]:
        """(index, operation, its parameters) from input to output."""
        for i, operation in enumerate(self.network.operations):
            yield i, operation, self._parameters[self._first[i] : self._first[i + 1]]

    def _forward(self, x: Float64Array, context: Context) -> list[Float64Array]:
        """[x, output of operation 0, ...]: the inputs of every operation, then the outputs."""
        values = [x]
        for _, operation, parameters in self._operations():
            values.append(operation.forward(values[-1], parameters, context))
        return values


class _Operator:
    """H from its root, block by block."""

    def __init__(self, engine: ReferenceEngine, data: Data, rows: NDArray[np.int64]) -> None:
        self._engine, self._data, self._rows = engine, data, rows

    def _root(self, block: slice) -> Float64Array:
        return self._engine.gauss_newton_root(self._data, self._rows, block)

    @_quiet
    def product(self, v: Float64Array) -> Float64Array:
        def part(block: slice) -> Float64Array:
            j = self._root(block)
            return j.T @ (j @ v)

        return block_sum(len(self._rows), part)

    @_quiet
    def diagonal(self) -> Float64Array:
        def part(block: slice) -> Float64Array:
            squares: Float64Array = np.square(self._root(block)).sum(axis=0)
            return squares

        return block_sum(len(self._rows), part)
