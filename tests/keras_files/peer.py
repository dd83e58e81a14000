"""Keras as the truth for numbers: float64 throughout, on JAX."""

from __future__ import annotations

import os
from typing import Any


def keras() -> Any:
    """Keras, set to float64."""
    os.environ.update(KERAS_BACKEND="jax", JAX_ENABLE_X64="1", JAX_PLATFORMS="cpu")
    import keras as module

    module.config.set_floatx("float64")
    types = module.src.backend.common.dtypes
    types.BIT64_TO_BIT32_DTYPE["float64"] = "float64"  # else some functions round to float32
    return module
