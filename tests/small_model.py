"""A small model on data it can learn, for tests of fit and of what hangs on it."""

from __future__ import annotations

import numpy as np

import fastmlp
from fastmlp import Sequential, layers, losses

RNG = np.random.default_rng(2)
N = 50
X = RNG.normal(size=(N, 4))
Y = (X @ RNG.normal(size=(4, 3))).argmax(axis=1)  # labels that can be learned
SPARSE = losses.SparseCategoricalCrossentropy(from_logits=True)
# The two engines, and two orders of a sum, differ by rounding; some dozen steps amplify it.
ROUNDING = {"rtol": 1e-11, "atol": 1e-13}


def make_model(engine: str, optimizer: object = "sgd", loss: object = SPARSE, **options: object):
    fastmlp.utils.set_random_seed(5)
    model = Sequential([layers.Input((4,)), layers.Dense(8, "tanh"), layers.Dense(3)])
    model.compile(optimizer, loss, engine=engine, **options)
    return model


def assert_same_weights(a: Sequential, b: Sequential, **tolerance: float) -> None:
    for left, right in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, **tolerance)


EXACT = {"rtol": 0, "atol": 0}
