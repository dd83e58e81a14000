"""The door between the Keras-like face and the engines that compute.

A model is lowered to a :class:`Network` (what the forward pass is) and, once compiled, a
:class:`Training` (loss and optimizer). An engine is built from the two and then only moves
arrays: parameters in and out, runs of training steps, evaluations, predictions. Two engines
stand behind the door: ``native`` (the C library) and ``reference`` (pure NumPy, the
specification). Everything here is plain data, so that both read the same words.

Letters used throughout: N samples in a set, B rows in a batch, F input features, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


# What a network is made of: each works on rows, (B, inputs) -> (B, outputs).


@dataclass(frozen=True)
class Dense:
    """y = x @ kernel + bias; kernel (inputs, outputs), bias (outputs,)."""

    inputs: int
    outputs: int
    use_bias: bool = True
    trainable: bool = True


@dataclass(frozen=True)
class Relu:
    """Keras's ``relu``: x >= max_value -> max_value; x > threshold -> x;
    otherwise negative_slope * (x - threshold)."""

    negative_slope: float = 0.0
    max_value: float = float("inf")
    threshold: float = 0.0


@dataclass(frozen=True)
class Tanh:
    """y = tanh(x)."""


@dataclass(frozen=True)
class Softmax:
    """Row-wise softmax, exp(x - max(x)) / sum(exp(x - max(x)))."""


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout: while training, keep an element with probability 1 - rate and
    scale it by 1 / (1 - rate). Its mask is ``random.dropout_mask(seed, step, ...)``."""

    rate: float
    seed: int  # 64 bit, the Philox key


@dataclass(frozen=True)
class Rescaling:
    """y = x * scale + offset, product and sum rounded separately."""

    scale: float
    offset: float = 0.0


Operation = Dense | Relu | Tanh | Softmax | Dropout | Rescaling


@dataclass(frozen=True)
class Network:
    """The forward pass: ``inputs`` features, then the operations in order."""

    inputs: int
    operations: tuple[Operation, ...]

    @property
    def outputs(self) -> int:
        """Width K of the last operation."""
        for operation in reversed(self.operations):
            if isinstance(operation, Dense):
                return operation.outputs
        return self.inputs

    @property
    def parameter_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of all parameters in order: each Dense gives kernel, then bias if used."""
        shapes: list[tuple[int, ...]] = []
        for operation in self.operations:
            if isinstance(operation, Dense):
                shapes.append((operation.inputs, operation.outputs))
                if operation.use_bias:
                    shapes.append((operation.outputs,))
        return shapes


# How it is trained.


@dataclass(frozen=True)
class Loss:
    """A loss by Keras's name and the reduction of its B per-sample values.

    kind: "sparse_categorical_crossentropy" (targets (N,) int32 class indices),
    "categorical_crossentropy" or "mean_squared_error" (targets (N, K) float64).
    epsilon: clip bound of the probability paths, as Keras's ``config.epsilon()``.
    reduction: "sum_over_batch_size" (= "mean"), "sum" or "mean_with_sample_weight".
    """

    kind: str
    from_logits: bool = False
    label_smoothing: float = 0.0
    epsilon: float = 1e-7
    reduction: str = "sum_over_batch_size"


# A moment whose gradient stays zero shrinks until it is subnormal, where arithmetic is several
# times slower, and then rounds to itself for ever. So at every SETTLING_STEPS-th step t, after
# the update, slots smaller in magnitude than SMALLEST_MOMENT become 0. (Keras's backends flush
# subnormals to zero for the same reason.)
SETTLING_STEPS = 256
SMALLEST_MOMENT = 2.0**-960


@dataclass(frozen=True)
class Adam:
    """Keras's Adam, step t = iterations + 1, alpha = lr * sqrt(1 - beta_2^t) / (1 - beta_1^t):
    m += (g - m) * (1 - beta_1); v += (g*g - v) * (1 - beta_2);
    w -= m * alpha / (sqrt(v) + epsilon). Two slots per parameter: m, v."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    @property
    def slots(self) -> int:
        return 2


@dataclass(frozen=True)
class Sgd:
    """Keras's SGD. momentum 0: w -= lr * g, no slot. Otherwise one slot m:
    m = momentum * m - lr * g; w += m, or with nesterov w += momentum * m - lr * g."""

    momentum: float = 0.0
    nesterov: bool = False

    @property
    def slots(self) -> int:
        return 1 if self.momentum else 0


@dataclass(frozen=True)
class Training:
    """Loss and optimizer of a compiled model."""

    loss: Loss
    optimizer: Adam | Sgd


@dataclass(frozen=True)
class Data:
    """Samples as an engine reads them: checked by the face, gathered row by row by the engine.

    x: (N, F) C-contiguous float64, float32 or uint8.
    targets: (N,) int32 for sparse labels (already checked to lie in [0, K)), else (N, K) float64.
    sample_weight: (N,) float64, or None for all ones.
    """

    x: NDArray[Any]
    targets: NDArray[Any]
    sample_weight: Float64Array | None = None


@dataclass(frozen=True)
class StepsResult:
    """What a run of training steps recorded, in the order in which the rows were visited.

    losses: (steps,) the reduced loss of each batch, before its update, dropout on.
    outputs: (rows, K) the network's outputs for every row, or None if not asked for.
    """

    losses: Float64Array
    outputs: Float64Array | None


class Engine(Protocol):
    """What an engine does. Parameters and slots are addressed by their index in
    ``Network.parameter_shapes``; arrays that go in are copied, arrays that come out are new."""

    name: str

    def __init__(self, network: Network, training: Training | None) -> None: ...

    def read_parameter(self, index: int) -> Float64Array: ...

    def write_parameter(self, index: int, value: Float64Array) -> None: ...

    def read_slot(self, index: int, slot: int) -> Float64Array:
        """The optimizer's array ``slot`` (Adam: 0 = m, 1 = v) of parameter ``index``."""

    def write_slot(self, index: int, slot: int, value: Float64Array) -> None: ...

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
        the last may be shorter. Recorded outputs are (E n, K), in visiting order.

        ``iterations`` is a 0-d int64 array: the optimizer's count of finished steps. The
        engine adds one after each whole step; it also numbers the dropout masks.
        """

    def evaluate(self, data: Data) -> tuple[Float64Array, Float64Array]:
        """Per-sample losses (N,), unweighted, and outputs (N, K); dropout off."""

    def predict(self, x: NDArray[Any], dropout_step: int | None = None) -> Float64Array:
        """Outputs (N, K) of x (N, F); dropout off, or on with the masks of that step."""

    def permutation(self, seed: int, step: int, n: int) -> NDArray[np.int64]:
        """``random.permutation``, bit for bit, as fast as the engine can."""


def create_engine(name: str, network: Network, training: Training | None) -> Engine:
    """Build the engine called ``name``: "native" or "reference".

    Raises
    ------
    ValueError
        If no engine has that name.
    """
    if name == "native":
        from .native import NativeEngine

        return NativeEngine(network, training)
    if name == "reference":
        from .reference import ReferenceEngine

        return ReferenceEngine(network, training)
    raise ValueError(f'engine must be "native" or "reference". Received: engine={name!r}')


__all__: Sequence[str] = [
    "Adam",
    "Data",
    "Dense",
    "Dropout",
    "Engine",
    "Float64Array",
    "Loss",
    "Network",
    "Operation",
    "Relu",
    "Rescaling",
    "Sgd",
    "Softmax",
    "StepsResult",
    "Tanh",
    "Training",
    "create_engine",
]
