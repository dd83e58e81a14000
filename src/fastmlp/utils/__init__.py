"""Small helpers with Keras's names."""

from __future__ import annotations

from .._messages import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from .._naming import reset as clear_session
from ..random import set_random_seed
from .arrays import normalize, split_dataset, to_categorical
from .progbar import Progbar
from .py_dataset import PyDataset

Sequence = PyDataset  # Keras 2's name

__all__ = [
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "is_interactive_logging_enabled",
    "normalize",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
]
