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

_OPERATIONS, _LOSSES = core.catalog("operation"), core.catalog("loss")
_REDUCTIONS, _OPTIMIZERS = core.catalog("reduction"), core.catalog("optimizer")
_VALUE = -1
_NAMES = {Dense: "dense", Relu: "relu", Tanh: "tanh", Softmax: "softmax", Dropout: "dropout",
          Rescaling: "rescaling", Adam: "adam", Sgd: "sgd"}


def _word(catalog: Any, name: str, word: Any) -> tuple[int, tuple[float, ...]]:
    kind, options = catalog[name]
    return kind, tuple(float(getattr(word, option)) for option in options)


def _operation(operation: Operation) -> tuple[Any, ...]:
    return (*_word(_OPERATIONS, _NAMES[type(operation)], operation), getattr(operation, "seed", 0))


def _loss(loss: Loss) -> tuple[Any, ...]:
    return (*_word(_LOSSES, loss.kind, loss), _REDUCTIONS[loss.reduction][0])


def _optimizer(optimizer: Adam | Sgd) -> tuple[Any, ...]:
    return (*_word(_OPTIMIZERS, _NAMES[type(optimizer)], optimizer), 0.0, 0.0, 0.0, False)


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
