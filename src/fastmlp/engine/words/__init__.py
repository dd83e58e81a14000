"""The words that the face and the engines share: one dataclass of options for everything that
has a name, with its NumPy formula, which is the specification.

A word's ``name`` is its name in the catalog of the C engine, and its fields are named as the
options there (but ``inputs``, which the C engine derives, and ``seed``).
"""

from __future__ import annotations

from .activations import Activation, Dropout, Relu, Rescaling, Sigmoid, Tanh, sigmoid
from .losses import (
    LOSSES,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
    make_loss,
)
from .operation import INFERENCE, Context, Float64Array, Operation, Role
from .optimizers import (
    SETTLING_STEPS,
    SMALLEST_MOMENT,
    Adam,
    Clip,
    Optimizer,
    Rmsprop,
    Sgd,
    settled,
)
from .reductions import REDUCTIONS, MeanWithSampleWeight, Reduction, Sum, SumOverBatchSize
from .stages import GRADIENT_BLOCK, BatchNormalization, Dense, Softmax, softmax
from .word import Word

__all__ = [
    "GRADIENT_BLOCK",
    "INFERENCE",
    "LOSSES",
    "REDUCTIONS",
    "SETTLING_STEPS",
    "SMALLEST_MOMENT",
    "Activation",
    "Adam",
    "BatchNormalization",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Clip",
    "Context",
    "Dense",
    "Dropout",
    "Float64Array",
    "Loss",
    "MeanSquaredError",
    "MeanWithSampleWeight",
    "Operation",
    "Optimizer",
    "Reduction",
    "Relu",
    "Rescaling",
    "Rmsprop",
    "Role",
    "Sgd",
    "Sigmoid",
    "Softmax",
    "SparseCategoricalCrossentropy",
    "Sum",
    "SumOverBatchSize",
    "Tanh",
    "Word",
    "make_loss",
    "settled",
    "sigmoid",
    "softmax",
]
