"""scikit-learn's MLPClassifier and MLPRegressor: one ``partial_fit`` is one epoch.

They have no dropout, so they do less work than the others in jobs that have it. Finite checks
are off (``assume_finite``), the penalty is 0, epsilon is Keras's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sklearn
from jobs import SEED, Job
from sklearn.neural_network import MLPClassifier, MLPRegressor

from peers import Unit, UnsupportedJobError, package_versions


def versions() -> dict[str, str]:
    return package_versions("scikit-learn", "numpy", "scipy")


def _estimator(job: Job, x: Any, y: Any, weights: list[Any]) -> Any:
    """An estimator that holds the given weights and has taken no step yet."""
    kind = MLPClassifier if job.is_classification else MLPRegressor
    estimator = kind(
        hidden_layer_sizes=job.layers[1:-1],
        activation=job.activation,
        alpha=0.0,
        batch_size=job.batch,
        learning_rate_init=job.learning_rate,
        epsilon=1e-7,
        shuffle=job.shuffle,
        random_state=SEED,
    )
    # One call on a few rows makes the arrays; then they are overwritten in place, since the
    # optimizer holds references to them, and the optimizer starts again from zero.
    first = {"classes": np.arange(job.layers[-1])} if job.is_classification else {}
    estimator.set_params(batch_size=1).partial_fit(x[:1], y[:1], **first)
    estimator.set_params(batch_size=job.batch)
    for array, value in zip(estimator.coefs_, weights[0::2], strict=True):
        array[...] = value
    for array, value in zip(estimator.intercepts_, weights[1::2], strict=True):
        array[...] = value
    optimizer = estimator._optimizer
    optimizer.t = 0
    for moment in (*optimizer.ms, *optimizer.vs):
        moment[...] = 0.0
    return estimator


def prepare(job: Job, x: Any, y: Any, weights: list[Any], threads: int) -> Unit:
    """Threads are OpenBLAS's, set by the worker's environment."""
    sklearn.set_config(assume_finite=True)
    x = x / 255.0 if x.dtype == np.uint8 else x
    if job.kind in ("train", "memory"):
        y = y if y.shape[-1] > 1 or job.is_classification else y[:, 0]
        estimator = _estimator(job, x, y, weights)

        def train() -> float:
            for _ in range(job.epochs):
                estimator.partial_fit(x, y)
            # Its squared loss carries a factor 1/2.
            return float(estimator.loss_) * (1.0 if job.is_classification else 2.0)

        return train
    if job.kind in ("predict", "call"):
        labels = np.arange(x.shape[0], dtype=np.int32) % job.layers[-1]
        estimator = _estimator(job, x, labels, weights)

        def predict() -> None:
            estimator.predict_proba(x)

        return predict
    raise UnsupportedJobError(f"no {job.kind} job")
