"""Store what Keras computes for each case, in float64 on JAX: golden/<family>.npz.

    python tests/parity/make.py [--folder FOLDER] [FAMILY ...]

with keras and jax installed; by default all families, and the folder beside this file. The
files are committed, so that the comparison runs where Keras is not installed.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_ENABLE_X64", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(Path(__file__).parent.parent))

import jax
import keras
import numpy as np
from keras.src.backend.common import dtypes

from parity.frame import GOLDEN, cases_of, families, flat


def main(arguments: list[str] | None = None) -> None:
    """Run the cases of each family under Keras."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", nargs="*")
    parser.add_argument("--folder", type=Path, default=GOLDEN)
    options = parser.parse_args(arguments)
    keras.config.set_floatx("float64")
    # Keras 3.15 still casts float64 to float32 in some operations, tanh and mean among them, by
    # this table; numbers would be right to 1e-8 only.
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    for family in options.family or families():
        stored = {"made_by": np.array(f"keras {keras.__version__}, jax {jax.__version__}")}
        for case in cases_of(family):
            keras.utils.clear_session()
            keras.utils.set_random_seed(7)
            stored |= {f"{case.name}/{name}": array for name, array in flat(case.script(keras))}
        np.savez_compressed(options.folder / f"{family}.npz", **stored)


if __name__ == "__main__":
    main()
