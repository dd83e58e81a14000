"""Write what Keras computes for each case of cases.py, in float64 on JAX: <case>.npz.

    python tests/golden/make_keras_golden.py [FOLDER]

with fastmlp, keras and jax installed; FOLDER is by default this file's. The files are
committed, so that the comparison runs where Keras is not installed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# JAX is the backend on which Keras comes closest to computing in float64 throughout.
os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import keras
import numpy as np
from cases import CASES, initial_weights, run
from keras.src.backend.common import dtypes


def main(folder: Path) -> None:
    """Write one file for each case."""
    keras.config.set_floatx("float64")
    # Keras 3.15 still casts float64 to float32 in two operations, tanh and mean, by this table;
    # the mean squared error would be right to 1e-8 only.
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    versions = np.array(f"keras {keras.__version__}, jax {jax.__version__}")
    for case in CASES:
        initial = initial_weights(case)
        record = {f"initial_{i}": w for i, w in enumerate(initial)}
        record |= run(case, keras, initial)
        np.savez_compressed(folder / f"{case.name}.npz", made_by=versions, **record)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
