"""Keras: ``fit``, ``predict`` and ``model(x)`` on the backend that KERAS_BACKEND names.

BENCH_STEPS_PER_EXECUTION sets ``steps_per_execution``, which pays on both backends: with 32
instead of 1 the flagship on two Zen 3 cores takes 1.03 s an epoch on JAX (1.22) and 2.4 s on
TensorFlow (4.1); 8 and 128 take as long as 32, to within the noise. ``jit_compile="auto"`` is
as fast or faster on both (TensorFlow 4.1 against 4.1 s without, JAX 1.2 against 46 s).
"""

from __future__ import annotations

import os
from typing import Any

import keras
from jobs import Job

from peers import Unit, UnsupportedJobError, package_versions
from peers.face import build, predict_unit, train_unit


def versions() -> dict[str, str]:
    return package_versions("keras", "numpy", keras.backend.backend())


def prepare(job: Job, x: Any, y: Any, weights: list[Any], threads: int) -> Unit:
    """Thread count is set by CPU affinity, and for TensorFlow also by its own setting."""
    keras.config.set_floatx("float64")
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    if job.kind in ("train", "memory"):
        steps = int(os.environ.get("BENCH_STEPS_PER_EXECUTION", "1"))
        return train_unit(keras, job, x, y, weights, {"steps_per_execution": steps})
    if job.kind == "predict":
        return predict_unit(build(keras, job, weights), x)
    if job.kind == "call":
        model = build(keras, job, weights)

        def call() -> None:
            keras.ops.convert_to_numpy(model(x))

        return call
    raise UnsupportedJobError(f"no {job.kind} job")
