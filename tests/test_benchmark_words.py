"""What benchmarks/words.py sets beside JAX is the whole face, and trains."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastmlp

FOLDER = Path(__file__).parents[1] / "benchmarks"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("words", FOLDER / "words.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["words"] = module  # where dataclasses look for the types of their fields
    spec.loader.exec_module(module)
    return module


words = load()
NAMES = {variant.name for variant in words.VARIANTS}


# No activations of a layer by their names alone: threshold wants its two arguments.
OTHERS = {"Callable", "deserialize", "get", "operations", "output_shape", "serialize", "threshold"}
# Of second order, and not Keras's: their steps are whole batches.
NOT_KERAS = {"LBFGS", "LevenbergMarquardt"}


def test_no_name_of_the_face_is_left_out() -> None:
    activations = [getattr(fastmlp.activations, name) for name in fastmlp.activations.__all__]
    assert {each.__name__ for each in activations} - OTHERS <= NAMES
    for module, base, left_out in (
        (fastmlp.optimizers, fastmlp.optimizers.Optimizer, NOT_KERAS),
        (fastmlp.regularizers, fastmlp.regularizers.Regularizer, set()),
        (fastmlp.constraints, fastmlp.constraints.Constraint, set()),
    ):
        every = [getattr(module, name) for name in module.__all__]
        classes = {each.__name__ for each in every if isinstance(each, type) and each is not base}
        assert {name for name in classes if name[0].isupper()} - left_out <= NAMES
    assert {name for name in dir(fastmlp.layers) if name.endswith("Normalization")} - NAMES == {
        "Normalization"  # which adapts before training
    }


@pytest.mark.parametrize("variant", words.VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_trains(variant: Any) -> None:
    x = np.random.RandomState(1).uniform(size=(2 * words.BATCH, words.INPUTS))
    y = np.arange(len(x), dtype=np.int32) % words.CLASSES
    assert np.isfinite(words.fastmlp_unit(variant, x, y)())
