"""The words that the face and the engines share: one dataclass of options for everything that
has a name, with its NumPy formula, which is the specification.

A word's ``name`` is its name in the catalog of the C engine, and its fields are named as the
options there (but ``inputs``, which the C engine derives, and ``seed``).
"""

from __future__ import annotations

from .activations import Activation, Dropout, Relu, Rescaling, Sigmoid, Tanh, sigmoid
from .adams import Adamax, Amsgrad, Lamb, Lion, Nadam, ScheduleFreeAdamw
from .adaptive import Adadelta, Adafactor, Adagrad, Ftrl, Rmsprop
from .categories import CategoryEncoding, Embedding
from .losses import (
    LOSSES,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
    make_loss,
)
from .normalizations import RowNormalization, Scaling, Standardization
from .operation import INFERENCE, Context, Float64Array, Operation, Role
from .optimizers import SETTLING_STEPS, SMALLEST_MOMENT, Adam, Optimizer, Sgd, settled
from .reductions import REDUCTIONS, MeanWithSampleWeight, Reduction, Sum, SumOverBatchSize
from .rows import Repeat, Reshape, Transpose
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
    "CategoryEncoding",
    "Clip",
    "Context",
    "Dense",
    "Dropout",
    "Embedding",
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
    "Repeat",
    "Rescaling",
    "Reshape",
    "Rmsprop",
    "Role",
    "RowNormalization",
    "Scaling",
    "ScheduleFreeAdamw",
    "Sgd",
    "Sigmoid",
    "Softmax",
    "SparseCategoricalCrossentropy",
    "Standardization",
    "Sum",
    "SumOverBatchSize",
    "Tail",
    "Tanh",
    "Transpose",
    "Word",
    "make_loss",
    "settled",
    "sigmoid",
    "softmax",
]
