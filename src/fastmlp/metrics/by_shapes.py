"""What "accuracy" and "crossentropy" mean in ``compile``: a metric chosen by shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .accuracies import binary_accuracy, categorical_accuracy, sparse_categorical_accuracy
from .crossentropies import (
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from .mean import SampleMean
from .ranks import Float64Array

Shape = Sequence[int | None]


def _kind(labels: Shape, outputs: Shape) -> int:
    """Keras's rule by the shapes of both: 0, binary, for one output; 1, sparse, for class indices
    (N,) or (N, 1); else 2, categorical."""
    if tuple(outputs)[-1:] == (1,):
        return 0
    return 1 if len(labels) < len(outputs) or tuple(labels)[-1:] == (1,) else 2


def crossentropy_of(labels: Shape, outputs: Shape) -> str:
    """The name of the crossentropy that labels and outputs of these shapes ask for."""
    kind = _kind(labels, outputs)
    return ("binary", "sparse_categorical", "categorical")[kind] + "_crossentropy"


def accuracy(y_true: Any, y_pred: Any) -> Float64Array:
    """Binary accuracy for one output, else sparse for class indices, else categorical. Mind that
    the binary one has its threshold at 0.5, also where outputs are logits."""
    kinds = binary_accuracy, sparse_categorical_accuracy, categorical_accuracy
    return kinds[_kind(np.shape(y_true), np.shape(y_pred))](y_true, y_pred)


def crossentropy(y_true: Any, y_pred: Any) -> Float64Array:
    """Binary crossentropy of probabilities for one output, else sparse for class indices, else
    categorical."""
    kinds = binary_crossentropy, sparse_categorical_crossentropy, categorical_crossentropy
    return kinds[_kind(np.shape(y_true), np.shape(y_pred))](y_true, y_pred)


_WORDS = {"accuracy": accuracy, "acc": accuracy, "crossentropy": crossentropy, "ce": crossentropy}


def chosen_by_shapes(word: str) -> SampleMean | None:
    """The metric that a word in any case means in ``compile``, if it is one of these."""
    function = _WORDS.get(word.lower())
    if function is None:
        return None
    metric = SampleMean(function, name=word)
    metric._direction = "up" if function is accuracy else "down"
    return metric
