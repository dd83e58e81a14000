"""Layers: what a Sequential model is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._registry import serialize
from .activation import Activation, Identity
from .activity_regularization import ActivityRegularization
from .batch_normalization import BatchNormalization
from .categories import CategoryEncoding, Embedding
from .dense import Dense
from .discretization import Discretization
from .dropout import AlphaDropout, Dropout
from .flatten import Flatten
from .input import Input, InputLayer
from .input_spec import InputSpec
from .lambdas import Lambda
from .layer import Layer, registry
from .masking import Masking
from .noise import GaussianDropout, GaussianNoise
from .normalization import Normalization
from .normalizations import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from .rectifiers import ELU, LeakyReLU, PReLU, ReLU
from .rescaling import Rescaling
from .reshaping import Permute, RepeatVector, Reshape
from .softmax import Softmax
from .symbolic import BRANCHES

deserialize = registry.deserialize

_JOINING = ("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract")

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name: str) -> Any:
        reason = f". {BRANCHES}" if name.lower() in _JOINING else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{reason}")


__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "CategoryEncoding",
    "Dense",
    "Discretization",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "UnitNormalization",
    "deserialize",
    "serialize",
]
