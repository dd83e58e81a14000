"""History's bits: a function of the data and the configuration, not of where the clock cut an
epoch into chunks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_model import make_model

import fastmlp
from fastmlp.metrics import Mean, MeanSquaredError
from fastmlp.models import training

RNG = np.random.default_rng(4)
N, BATCH, EPOCHS = 1501, 8, 3  # 188 steps an epoch, the last of 5 samples
X = RNG.normal(size=(N, 4))
Y = (X @ RNG.normal(size=(4, 3))).argmax(axis=1)
WEIGHTS = RNG.uniform(0.5, 2.0, N)


def largest_output(y_true, y_pred):
    return y_pred.max(axis=-1)  # a metric whose sum is rounded, unlike that of hits


class ByBatch(fastmlp.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass

    def on_test_batch_end(self, batch, logs=None):
        pass


def history(engine: str, callbacks=None) -> dict[str, list[float]]:
    model = make_model(
        engine, metrics=["accuracy", largest_output], weighted_metrics=[largest_output]
    )
    return model.fit(
        X, Y, BATCH, EPOCHS, 0, callbacks, sample_weight=WEIGHTS, shuffle=False
    ).history


def test_history_does_not_depend_on_the_chunks(engine, monkeypatch):
    by_batch = history(engine, [ByBatch()])
    assert len(by_batch) == 4
    monkeypatch.setattr(training.Trainer, "_adapt", lambda *_: None)
    steps = -(-N // BATCH)
    # Within an epoch, one epoch, and two epochs in one call.
    for chunk in (1, 3, 7, 60, steps - 1, steps, 2 * steps):
        monkeypatch.setattr(training, "_FIRST_CHUNK", chunk)
        assert history(engine) == by_batch, f"chunks of {chunk} steps"


def test_evaluation_does_not_depend_on_who_looks_at_batches():
    """On the native engine, whose outputs do not depend on the rows beside them."""
    model = make_model("native", metrics=[largest_output], weighted_metrics=[largest_output])
    whole = model.evaluate(X, Y, BATCH, 0, WEIGHTS)
    assert model.evaluate(X, Y, BATCH, 0, WEIGHTS, callbacks=[ByBatch()]) == whole


@pytest.mark.parametrize("weighted", [False, True])
def test_a_mean_does_not_depend_on_the_portions(weighted):
    values = RNG.normal(size=5000) * 10.0 ** RNG.integers(-5, 5, 5000)
    weights = RNG.uniform(size=5000) if weighted else None
    whole = Mean()
    whole.update_state(values, weights)
    for _ in range(20):
        cuts = np.sort(RNG.integers(0, 5000, RNG.integers(0, 40)))  # empty portions, too
        mean = Mean()
        for part in np.split(np.arange(5000), cuts):
            mean.update_state(values[part], None if weights is None else weights[part])
        assert mean.result() == whole.result()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8, 1023, 1024, 1025])
def test_a_mean_is_its_formula(n):
    values, weights = RNG.normal(size=(n, 3)), RNG.uniform(1, 2, size=(n, 1))
    mean = Mean()
    mean.update_state(values, weights)
    total, weight = math.fsum((values * weights).ravel()), math.fsum(np.repeat(weights, 3))
    # A tree over 3,075 numbers rounds 12 times on a way of 1e-16 each; the sum may cancel, so
    # the bound is relative to the sum of magnitudes.
    bound = 12 * 2.0**-53 * (np.abs(values * weights).sum() / weight + 1) if n else 0.0
    assert abs(float(mean.result()) - (total / weight if n else 0.0)) <= bound


def test_samples_with_several_values_count_together():
    metric = MeanSquaredError()
    metric.update_state(np.zeros((2, 2)), np.array([[1.0, 1.0], [3.0, 3.0]]), np.array([3.0, 1.0]))
    assert float(metric.result()) == 3.0
