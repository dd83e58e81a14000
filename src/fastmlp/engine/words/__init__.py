"""The words that the face and the engines share: one dataclass of options for everything that
has a name, with its NumPy formula, which is the specification.

A word's ``name`` is its name in the catalog of the C engine, and its fields are named as the
options there (but ``inputs``, which the C engine derives, and ``seed``).
"""

from __future__ import annotations

from .activations import Activation, Dropout, Relu, Rescaling, Sigmoid, Tanh, sigmoid
from .adams import Adamax, Amsgrad, Lamb, Lion, Nadam, ScheduleFreeAdamw
from .adaptive import Adadelta, Adafactor, Adagrad, Ftrl, Rmsprop
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
from .optimizers import SETTLING_STEPS, SMALLEST_MOMENT, Adam, Optimizer, Sgd, settled
from .reductions import REDUCTIONS, MeanWithSampleWeight, Reduction, Sum, SumOverBatchSize
from .stages import GRADIENT_BLOCK, BatchNormalization, Dense, Softmax, softmax
from .tail import Average, Clip, Tail
from .word import Word

__all__ = [
    "GRADIENT_BLOCK",
    "INFERENCE",
    "LOSSES",
    "REDUCTIONS",
    "SETTLING_STEPS",
    "SMALLEST_MOMENT",
    "Activation",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "Adamax",
    "Amsgrad",
    "Average",
    "BatchNormalization",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Clip",
    "Context",
    "Dense",
    "Dropout",
    "Float64Array",
    "Ftrl",
    "Lamb",
    "Lion",
    "Loss",
    "MeanSquaredError",
    "MeanWithSampleWeight",
    "Nadam",
    "Operation",
    "Optimizer",
    "Reduction",
    "Relu",
    "Rescaling",
    "Rmsprop",
    "Role",
    "ScheduleFreeAdamw",
    "Sgd",
    "Sigmoid",
    "Softmax",
    "SparseCategoricalCrossentropy",
    "Sum",
    "SumOverBatchSize",
    "Tail",
    "Tanh",
    "Word",
    "make_loss",
    "settled",
    "sigmoid",
    "softmax",
]
