"""The door to the engines, and the words that the face and the engines share."""

from __future__ import annotations

from .create import create_engine
from .door import Data, Engine, Network, StepsResult, Training
from .words import (
    Adam,
    BatchNormalization,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Clip,
    Dense,
    Dropout,
    Float64Array,
    Loss,
    MeanSquaredError,
    Operation,
    Optimizer,
    Relu,
    Rescaling,
    Rmsprop,
    Sgd,
    Sigmoid,
    Softmax,
    SparseCategoricalCrossentropy,
    Tanh,
    make_loss,
)

__all__ = [
    "Adam",
    "BatchNormalization",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Clip",
    "Data",
    "Dense",
    "Dropout",
    "Engine",
    "Float64Array",
    "Loss",
    "MeanSquaredError",
    "Network",
    "Operation",
    "Optimizer",
    "Relu",
    "Rescaling",
    "Rmsprop",
    "Sgd",
    "Sigmoid",
    "Softmax",
    "SparseCategoricalCrossentropy",
    "StepsResult",
    "Tanh",
    "Training",
    "create_engine",
    "make_loss",
]
