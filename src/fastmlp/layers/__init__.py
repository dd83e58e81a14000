"""Layers: what a Sequential model is made of."""

from __future__ import annotations

from .._registry import serialize
from .activation import Activation
from .batch_normalization import BatchNormalization
from .dense import Dense
from .dropout import Dropout
from .flatten import Flatten
from .input import Input, InputLayer
from .layer import Layer, registry
from .relu import ReLU
from .rescaling import Rescaling
from .softmax import Softmax

deserialize = registry.deserialize

__all__ = [
    "Activation",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "ReLU",
    "Rescaling",
    "Softmax",
    "deserialize",
    "serialize",
]
