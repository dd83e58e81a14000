"""fastmlp itself, through its public face; BENCH_ENGINE chooses the engine (native)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from jobs import Job

import fastmlp
from peers import Unit, UnsupportedJobError, package_versions
from peers.face import build, predict_unit, train_unit


def versions() -> dict[str, str]:
    return {"fastmlp": fastmlp.__version__} | package_versions("numpy")


def prepare(job: Job, x: Any, y: Any, weights: list[Any], threads: int) -> Unit:
    engine = os.environ.get("BENCH_ENGINE", "native")
    fastmlp.set_num_threads(threads)
    if job.kind in ("train", "memory"):
        return train_unit(fastmlp, job, x, y, weights, {"engine": engine})
    if job.kind in ("predict", "call"):
        model = build(fastmlp, job, weights)
        model.compile(optimizer="sgd", engine=engine)  # where the engine is chosen
        if job.kind == "predict":
            return predict_unit(model, x)

        def call() -> None:
            np.asarray(model(x))

        return call
    if job.kind == "dgemm" and engine == "native":
        return _dgemm_unit(x, y)
    raise UnsupportedJobError(f"no {job.kind} job")


def _dgemm_unit(a: Any, b: Any) -> Unit:
    """The engine's own product of (m, k) and (k, n)."""
    from fastmlp._core import matmul

    def unit() -> None:
        matmul(a, b)

    return unit
