"""Options as kernels take them: in the catalog's order, those not given at their defaults."""

from __future__ import annotations

import numpy as np

from fastmlp import _core

from .exact import Float64Array

FAMILIES = ("operation", "loss", "reduction", "optimizer", "regularizer", "constraint")
CATALOG = {family: _core.catalog(family) for family in FAMILIES}


def options(family: str, word: str, **given: float) -> Float64Array:
    """option[] of a word, as long as it has options: a kernel that read more would fault."""
    values = CATALOG[family][word][1]
    assert given.keys() <= values.keys(), f"{word} has {set(values)}, given {set(given)}"
    return np.array([*(values | given).values()], np.float64)
