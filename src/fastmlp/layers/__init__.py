"""Layers: what a Sequential model is made of."""

from __future__ import annotations

from .._registry import serialize
from .activation import Activation, Identity
from .activity_regularization import ActivityRegularization
from .batch_normalization import BatchNormalization
from .dense import Dense
from .dropout import AlphaDropout, Dropout
from .flatten import Flatten
from .input import Input, InputLayer
from .layer import Layer, registry
from .noise import GaussianDropout, GaussianNoise
from .rectifiers import ELU, LeakyReLU, PReLU, ReLU
from .rescaling import Rescaling
from .softmax import Softmax

deserialize = registry.deserialize

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "PReLU",
    "ReLU",
    "Rescaling",
    "Softmax",
    "deserialize",
    "serialize",
]
