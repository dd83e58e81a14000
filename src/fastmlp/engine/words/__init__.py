"""The words that the face and the engines share: one dataclass of options for everything that
has a name, with its NumPy formula, which is the specification.

A word's ``name`` is its name in the catalog of the C engine, and its fields are named as the
options there (but ``inputs``, which the C engine derives, and ``seed``).
"""

from __future__ import annotations

from .activations import (
    SELU,
    Activation,
    Elu,
    Exponential,
    Gelu,
    LeakyRelu,
    LogSigmoid,
    Mish,
    Relu,
    Sigmoid,
    Silu,
    Softplus,
    Tanh,
    TanhShrink,
    sigmoid,
)
from .adams import Adamax, Amsgrad, Lamb, Lion, Nadam, ScheduleFreeAdamw
from .adaptive import Adadelta, Adafactor, Adagrad, Ftrl, Rmsprop
from .categories import CategoryEncoding, Embedding
from .constraints import BOTH_AXES, Constraint, NonNeg, Norm
from .losses import (
    LOSSES,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
    make_loss,
)
from .noise import AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from .normalizations import RowNormalization, Scaling, Standardization
from .operation import INFERENCE, Context, Float64Array, Operation, Role
from .optimizers import SETTLING_STEPS, SMALLEST_MOMENT, Adam, Optimizer, Sgd, settled
from .piecewise import (
    HardShrink,
    HardSigmoid,
    HardSilu,
    HardTanh,
    Rescaling,
    SoftShrink,
    Softsign,
    SparsePlus,
    SparseSigmoid,
    Squareplus,
    Threshold,
)
from .python import PythonOperation
from .reductions import REDUCTIONS, MeanWithSampleWeight, Reduction, Sum, SumOverBatchSize
from .regularizers import L1L2, ActivityRegularization, Orthogonal, Regularizer
from .row_activations import Glu, LogSoftmax, Prelu, Softmax, Sparsemax, softmax
from .rows import LAYOUTS, Repeat, Reshape, Transpose
from .stages import GRADIENT_BLOCK, BatchNormalization, Dense
from .tail import Average, Clip, Tail
from .word import Word

__all__ = [
    "BOTH_AXES",
    "GRADIENT_BLOCK",
    "INFERENCE",
    "L1L2",
    "LAYOUTS",
    "LOSSES",
    "REDUCTIONS",
    "SELU",
    "SETTLING_STEPS",
    "SMALLEST_MOMENT",
    "Activation",
    "ActivityRegularization",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "Adamax",
    "AlphaDropout",
    "Amsgrad",
    "Average",
    "BatchNormalization",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CategoryEncoding",
    "Clip",
    "Constraint",
    "Context",
    "Dense",
    "Dropout",
    "Elu",
    "Embedding",
    "Exponential",
    "Float64Array",
    "Ftrl",
    "GaussianDropout",
    "GaussianNoise",
    "Gelu",
    "Glu",
    "HardShrink",
    "HardSigmoid",
    "HardSilu",
    "HardTanh",
    "Lamb",
    "LeakyRelu",
    "Lion",
    "LogSigmoid",
    "LogSoftmax",
    "Loss",
    "MeanSquaredError",
    "MeanWithSampleWeight",
    "Mish",
    "Nadam",
    "NonNeg",
    "Norm",
    "Operation",
    "Optimizer",
    "Orthogonal",
    "Prelu",
    "PythonOperation",
    "Reduction",
    "Regularizer",
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
    "Silu",
    "SoftShrink",
    "Softmax",
    "Softplus",
    "Softsign",
    "SparseCategoricalCrossentropy",
    "SparsePlus",
    "SparseSigmoid",
    "Sparsemax",
    "Squareplus",
    "Standardization",
    "Sum",
    "SumOverBatchSize",
    "Tail",
    "Tanh",
    "TanhShrink",
    "Threshold",
    "Transpose",
    "Word",
    "make_loss",
    "settled",
    "sigmoid",
    "softmax",
]
