"""The native engine: the door's words translated for the C library."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._compiled import core
from . import (
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

# The numbers of csrc/fastmlp.h's enumerations.
_KINDS = {Dense: 0, Relu: 1, Tanh: 2, Softmax: 3, Dropout: 4, Rescaling: 5}
_LOSSES = {
    "sparse_categorical_crossentropy": 0,
    "categorical_crossentropy": 1,
    "mean_squared_error": 2,
}
_REDUCTIONS = {"sum_over_batch_size": 0, "mean": 0, "sum": 1, "mean_with_sample_weight": 2}
_VALUE = -1


def _operation(operation: Operation) -> tuple[Any, ...]:
    """The fields of fm_operation in order, zero where the operation has none."""
    return (
        _KINDS[type(operation)],
        getattr(operation, "outputs", 0),
        getattr(operation, "use_bias", False),
        getattr(operation, "trainable", False),
        getattr(operation, "negative_slope", 0.0),
        getattr(operation, "max_value", 0.0),
        getattr(operation, "threshold", 0.0),
        getattr(operation, "rate", 0.0),
        getattr(operation, "seed", 0),
        getattr(operation, "scale", 0.0),
        getattr(operation, "offset", 0.0),
    )


def _loss(loss: Loss) -> tuple[Any, ...]:
    return (
        _LOSSES[loss.kind],
        loss.from_logits,
        loss.label_smoothing,
        loss.epsilon,
        _REDUCTIONS[loss.reduction],
    )


def _optimizer(optimizer: Adam | Sgd) -> tuple[Any, ...]:
    if isinstance(optimizer, Adam):
        return (0, optimizer.beta_1, optimizer.beta_2, optimizer.epsilon, 0.0, False)
    return (1, 0.0, 0.0, 0.0, optimizer.momentum, optimizer.nesterov)


class NativeEngine:
    """The C engine behind the door of :mod:`fastmlp.engine`."""

    name = "native"

    def __init__(self, network: Network, training: Training | None) -> None:
        self._network = core.CNetwork(
            network.inputs,
            [_operation(operation) for operation in network.operations],
            _loss(training.loss) if training else None,
            _optimizer(training.optimizer) if training else None,
        )

    def read_parameter(self, index: int) -> Float64Array:
        return self._network.read(index, _VALUE)

    def write_parameter(self, index: int, value: Float64Array) -> None:
        self._network.write(index, _VALUE, np.ascontiguousarray(value))

    def read_slot(self, index: int, slot: int) -> Float64Array:
        return self._network.read(index, slot)

    def write_slot(self, index: int, slot: int, value: Float64Array) -> None:
        self._network.write(index, slot, np.ascontiguousarray(value))

    def permutation(self, seed: int, step: int, n: int) -> NDArray[np.int64]:
        return core.permutation(seed, step, n)

    def train(
        self,
        data: Data,
        order: NDArray[np.int64],
        batch_size: int,
        learning_rates: Float64Array,
        iterations: NDArray[np.int64],
        record_outputs: bool,
    ) -> StepsResult:
        losses, outputs = self._network.train(
            data.x,
            data.targets,
            data.sample_weight,
            np.atleast_2d(order),
            batch_size,
            learning_rates,
            iterations,
            record_outputs,
        )
        return StepsResult(losses, outputs)

    def evaluate(self, data: Data) -> tuple[Float64Array, Float64Array]:
        return self._network.evaluate(data.x, data.targets)

    def predict(self, x: NDArray[Any], dropout_step: int | None = None) -> Float64Array:
        return self._network.predict(x, -1 if dropout_step is None else dropout_step)
