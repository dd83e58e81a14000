"""The reference engine: what every kernel computes, in plain NumPy.

It is the specification of the native engine, a second engine behind the same door, and a text to
read from top to bottom: formulas first, then the engine that applies them. It imports nothing
compiled. The native engine agrees with it to rounding; masks and shuffles agree bit for bit.

Letters: N samples in a set, B rows in a batch, F input features, K outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import random
from . import (
    SETTLING_STEPS,
    SMALLEST_MOMENT,
    Adam,
    Data,
    Dense,
    Dropout,
    Float64Array,
    Loss,
    Network,
    Operation,
    Relu,
    Rescaling,
    Sgd,
    Softmax,
    StepsResult,
    Tanh,
    Training,
)

# A weight gradient over more rows than this is summed block by block, in order, so that threads
# can share a long batch without changing a bit of the result.
GRADIENT_BLOCK = 1024


# Activations: y (B, K) from x (B, K).


def relu(
    x: Float64Array,
    negative_slope: float = 0.0,
    max_value: float = float("inf"),
    threshold: float = 0.0,
) -> Float64Array:
    """x >= max_value -> max_value; x > threshold -> x; otherwise slope * (x - threshold)."""
    if negative_slope == 0:
        below = np.where(np.isnan(x), x, 0.0)  # 0, not NaN, for minus infinity
    else:
        below = negative_slope * (x - threshold)
    return np.where(x >= max_value, max_value, np.where(x > threshold, x, below))


def softmax(x: Float64Array) -> Float64Array:
    """exp(x - max(x)) / sum(exp(x - max(x))) along the last axis."""
    shifted = np.exp(x - x.max(axis=-1, keepdims=True))
    result: Float64Array = shifted / shifted.sum(axis=-1, keepdims=True)
    return result


def log_softmax(x: Float64Array) -> Float64Array:
    """Logarithm of the softmax along the last axis, without forming the softmax."""
    shifted = x - x.max(axis=-1, keepdims=True)
    result: Float64Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


# One operation forward and backward. ``parameters`` is [kernel] or [kernel, bias] for Dense,
# empty for all others; ``mask`` is None unless dropout is on.


def forward(
    operation: Operation,
    x: Float64Array,
    parameters: list[Float64Array],
    mask: NDArray[np.bool_] | None,
) -> Float64Array:
    """The operation's output (B, outputs) for x (B, inputs)."""
    match operation:
        case Dense():
            product = x @ parameters[0]
            return product + parameters[1] if operation.use_bias else product
        case Relu():
            return relu(x, operation.negative_slope, operation.max_value, operation.threshold)
        case Tanh():
            return np.tanh(x)
        case Softmax():
            return softmax(x)
        case Dropout():
            return x if mask is None else np.where(mask, x * (1.0 / (1.0 - operation.rate)), 0.0)
        case Rescaling():
            return x * operation.scale + operation.offset


def backward(
    operation: Operation,
    x: Float64Array,
    y: Float64Array,
    dy: Float64Array,
    parameters: list[Float64Array],
    mask: NDArray[np.bool_] | None,
) -> Float64Array:
    """dx (B, inputs), the loss's gradient by the operation's input, from dy (B, outputs)."""
    match operation:
        case Dense():
            return dy @ parameters[0].T
        case Relu():
            slope = np.where(x > operation.threshold, 1.0, operation.negative_slope)
            return dy * np.where(x >= operation.max_value, 0.0, slope)
        case Tanh():
            return dy * (1.0 - y * y)
        case Softmax():
            result: Float64Array = y * (dy - (dy * y).sum(axis=-1, keepdims=True))
            return result
        case Dropout():
            return dy if mask is None else np.where(mask, dy * (1.0 / (1.0 - operation.rate)), 0.0)
        case Rescaling():
            return dy * operation.scale


def dense_gradients(operation: Dense, x: Float64Array, dy: Float64Array) -> list[Float64Array]:
    """Gradients of kernel (inputs, outputs) and, if used, bias (outputs,): x.T @ dy and the
    column sums of dy, each the in-order sum over blocks of GRADIENT_BLOCK rows."""
    kernel = np.zeros((operation.inputs, operation.outputs))
    bias = np.zeros(operation.outputs)
    for start in range(0, len(x), GRADIENT_BLOCK):
        block = slice(start, start + GRADIENT_BLOCK)
        kernel += x[block].T @ dy[block]
        bias += dy[block].sum(axis=0)
    return [kernel, bias] if operation.use_bias else [kernel]


# Losses. Per sample first; the reduction over the batch is a factor per sample.


def target_rows(loss: Loss, targets: NDArray[Any], outputs: int) -> Float64Array:
    """Targets as rows (B, K): one-hot for class indices, smoothed if the loss asks for it."""
    if loss.kind == "sparse_categorical_crossentropy":
        rows = np.zeros((len(targets), outputs))
        rows[np.arange(len(targets)), targets] = 1.0
        return rows
    if loss.label_smoothing:
        return targets * (1.0 - loss.label_smoothing) + loss.label_smoothing / outputs
    return targets


def sample_losses(loss: Loss, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
    """The loss of each sample (B,), unweighted, from outputs (B, K)."""
    rows = target_rows(loss, targets, outputs.shape[1])
    if loss.kind == "mean_squared_error":
        squares: Float64Array = np.square(outputs - rows).mean(axis=1)
        return squares
    if loss.from_logits:
        logarithms = log_softmax(outputs)
    else:
        share = outputs / outputs.sum(axis=1, keepdims=True)
        logarithms = np.log(np.clip(share, loss.epsilon, 1.0 - loss.epsilon))
    result: Float64Array = -(rows * logarithms).sum(axis=1)
    return result


def sample_loss_gradients(loss: Loss, outputs: Float64Array, targets: NDArray[Any]) -> Float64Array:
    """d sample_losses / d outputs, (B, K)."""
    rows = target_rows(loss, targets, outputs.shape[1])
    if loss.kind == "mean_squared_error":
        scaled: Float64Array = (outputs - rows) * (2.0 / outputs.shape[1])
        return scaled
    if loss.from_logits:
        by_logits: Float64Array = softmax(outputs) * rows.sum(axis=1, keepdims=True) - rows
        return by_logits
    total: Float64Array = outputs.sum(axis=1, keepdims=True)
    share = outputs / total
    clipped = np.clip(share, loss.epsilon, 1.0 - loss.epsilon)
    by_share = np.where(share == clipped, -rows / clipped, 0.0)
    result: Float64Array = (by_share - (by_share * share).sum(axis=1, keepdims=True)) / total
    return result


def reduction_factors(loss: Loss, weights: Float64Array) -> Float64Array:
    """What each sample's loss is multiplied by, (B,), so that their sum is the batch's loss:
    w / B, w, or w / sum(w) (all zero if the weights sum to zero)."""
    if loss.reduction == "sum":
        return weights
    divisor = weights.sum() if loss.reduction == "mean_with_sample_weight" else float(len(weights))
    return weights / divisor if divisor else np.zeros_like(weights)


# Optimizers: new parameter and slots from the gradient g at step t = iterations + 1.


def updated(
    optimizer: Adam | Sgd,
    w: Float64Array,
    g: Float64Array,
    slots: list[Float64Array],
    learning_rate: float,
    t: int,
) -> tuple[Float64Array, list[Float64Array]]:
    """Parameter and slots after one step. Formulas: the door's Adam and Sgd (Keras's)."""
    if isinstance(optimizer, Adam):
        m, v = slots
        alpha = learning_rate * np.sqrt(1.0 - optimizer.beta_2**t) / (1.0 - optimizer.beta_1**t)
        m = m + (g - m) * (1.0 - optimizer.beta_1)
        v = v + (g * g - v) * (1.0 - optimizer.beta_2)
        return w - m * alpha / (np.sqrt(v) + optimizer.epsilon), [m, v]
    if not optimizer.momentum:
        return w - learning_rate * g, []
    m = optimizer.momentum * slots[0] - learning_rate * g
    if optimizer.nesterov:
        return w + (optimizer.momentum * m - learning_rate * g), [m]
    return w + m, [m]


def settled(slots: list[Float64Array], t: int) -> list[Float64Array]:
    """Slots after step t; see SETTLING_STEPS."""
    if t % SETTLING_STEPS != 0:
        return slots
    return [np.where(np.abs(slot) < SMALLEST_MOMENT, 0.0, slot) for slot in slots]


# As the native engine: NaN and infinity pass through without a warning.
_quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")


class ReferenceEngine:
    """The door's Engine in NumPy; see :class:`fastmlp.engine.Engine` for each method."""

    name = "reference"

    def __init__(self, network: Network, training: Training | None) -> None:
        self.network = network
        self.training = training
        self._parameters = [np.zeros(shape) for shape in network.parameter_shapes]
        slots = training.optimizer.slots if training else 0
        self._slots = [[np.zeros_like(p) for _ in range(slots)] for p in self._parameters]
        # Operation i owns the parameters [first[i], first[i + 1]).
        self._first = [0]
        for operation in network.operations:
            owned = 1 + operation.use_bias if isinstance(operation, Dense) else 0
            self._first.append(self._first[-1] + owned)

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
        outputs = np.empty((order.size, self.network.outputs)) if record_outputs else None
        n, visits = order.shape[-1], order.ravel()
        for step, learning_rate in enumerate(learning_rates):
            epoch, within = divmod(step, -(-n // batch_size))
            start = epoch * n + within * batch_size
            visited = slice(start, min(start + batch_size, (epoch + 1) * n))
            losses[step], batch_outputs = self._train_step(
                data, visits[visited], float(learning_rate), iterations
            )
            if outputs is not None:
                outputs[visited] = batch_outputs
        return StepsResult(losses, outputs)

    @_quiet
    def evaluate(self, data: Data) -> tuple[Float64Array, Float64Array]:
        assert self.training is not None, "an engine without a loss cannot evaluate"
        outputs = self.predict(data.x)
        return sample_losses(self.training.loss, outputs, data.targets), outputs

    @_quiet
    def predict(self, x: NDArray[Any], dropout_step: int | None = None) -> Float64Array:
        if dropout_step is not None:  # a mask's rows are counted from the first row of x
            return self._forward(x.astype(np.float64), dropout_step)[-1]
        outputs = np.empty((len(x), self.network.outputs))
        for start in range(0, len(x), GRADIENT_BLOCK):  # bounds the memory of hidden layers
            rows = slice(start, start + GRADIENT_BLOCK)
            outputs[rows] = self._forward(x[rows].astype(np.float64), None)[-1]
        return outputs

    def _operations(self) -> Iterator[tuple[int, Operation, list[Float64Array]]]:
        """(index, operation, its parameters) from input to output."""
        for i, operation in enumerate(self.network.operations):
            yield i, operation, self._parameters[self._first[i] : self._first[i + 1]]

    def _mask(
        self, operation: Operation, step: int | None, x: Float64Array
    ) -> NDArray[np.bool_] | None:
        """The dropout mask of x (B, columns) at a step; None where nothing is dropped."""
        if step is None or not isinstance(operation, Dropout):
            return None
        return random.dropout_mask(operation.seed, step, len(x), x.shape[1], operation.rate)

    def _forward(self, x: Float64Array, dropout_step: int | None) -> list[Float64Array]:
        """[x, output of operation 0, ...]: the inputs of every operation, then the outputs."""
        values = [x]
        for _, operation, parameters in self._operations():
            mask = self._mask(operation, dropout_step, values[-1])
            values.append(forward(operation, values[-1], parameters, mask))
        return values

    def _gradients(
        self, values: list[Float64Array], dy: Float64Array, dropout_step: int | None
    ) -> dict[int, Float64Array]:
        """Gradient of every trainable parameter by its index, from dy (B, K) at the outputs."""
        gradients: dict[int, Float64Array] = {}
        for i, operation, parameters in reversed(list(self._operations())):
            x, y = values[i], values[i + 1]
            if isinstance(operation, Dense) and operation.trainable:
                for j, gradient in enumerate(dense_gradients(operation, x, dy)):
                    gradients[self._first[i] + j] = gradient
            dy = backward(operation, x, y, dy, parameters, self._mask(operation, dropout_step, x))
        return gradients

    def _train_step(
        self,
        data: Data,
        rows: NDArray[np.int64],
        learning_rate: float,
        iterations: NDArray[np.int64],
    ) -> tuple[float, Float64Array]:
        """One step over the batch ``rows``: the loss before the update, and the outputs (B, K)."""
        assert self.training is not None, "an engine without an optimizer cannot train"
        loss, optimizer = self.training.loss, self.training.optimizer
        finished = int(iterations)
        targets = data.targets[rows]
        weights = np.ones(len(rows)) if data.sample_weight is None else data.sample_weight[rows]

        values = self._forward(data.x[rows].astype(np.float64), finished)
        outputs = values[-1]
        factors = reduction_factors(loss, weights)
        batch_loss = float((sample_losses(loss, outputs, targets) * factors).sum())
        dy = sample_loss_gradients(loss, outputs, targets) * factors[:, None]

        new_parameters, new_slots = list(self._parameters), list(self._slots)
        for i, gradient in self._gradients(values, dy, finished).items():
            t = finished + 1
            new_parameters[i], slots = updated(
                optimizer, self._parameters[i], gradient, self._slots[i], learning_rate, t
            )
            new_slots[i] = settled(slots, t)
        # All at once, so that an interrupt leaves the weights of a whole step.
        self._parameters, self._slots = new_parameters, new_slots
        iterations += 1
        return batch_loss, outputs
