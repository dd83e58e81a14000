"""Whole jobs, timed in one process: ``pytest benchmarks --jobs train,inference``

The jobs are those of compare.py; a unit of training is a call of ``fit`` over all its epochs.
"""

from __future__ import annotations

from typing import Any

import pytest
from jobs import Job, initial_weights, load_data
from peers import fastmlp_fit
from worker import import_seconds

import fastmlp

ROUNDS = 5


@pytest.fixture(scope="module")
def data() -> Any:
    """load_data with the last set kept, since most jobs share theirs and MNIST is 376 MB."""
    kept: dict[Any, Any] = {}

    def load(job: Job) -> Any:
        key = (job.data, job.rows, job.layers)
        if key not in kept:
            kept.clear()
            kept[key] = load_data(job)
        return kept[key]

    return load


def _unit(benchmark: Any, data: Any, job: Job) -> Any:
    """What is measured; its group and the facts that stand beside it are set."""
    threads = fastmlp.get_num_threads()
    benchmark.group = job.kind
    benchmark.extra_info["threads"] = threads
    weights = [] if job.kind == "dgemm" else initial_weights(job)
    return fastmlp_fit.prepare(job, *data(job), weights, threads)


def test_train(
    benchmark: Any, data: Any, training_job: Job, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTMLP_ISA", isa)
    unit = _unit(benchmark, data, training_job)
    first = unit()
    last = benchmark.pedantic(unit, rounds=ROUNDS)
    steps = training_job.steps * training_job.epochs
    benchmark.extra_info |= {"steps": steps, "loss": last}
    assert last < first  # it trains; the time of rubbish would say nothing


def test_inference(
    benchmark: Any, data: Any, inference_job: Job, isa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTMLP_ISA", isa)
    benchmark(_unit(benchmark, data, inference_job))


def test_product(benchmark: Any, data: Any, product: Job) -> None:
    """On the instruction set that the process began with."""
    benchmark(_unit(benchmark, data, product))


@pytest.mark.parametrize("package", ["fastmlp", "numpy"])
def test_import(benchmark: Any, package: str) -> None:
    """The process's start is in the measured time; the import alone is in the extra info."""
    benchmark.group = "import"
    seconds: list[float] = []
    benchmark.pedantic(lambda: seconds.append(import_seconds(package)), rounds=ROUNDS)
    benchmark.extra_info["import_seconds"] = sorted(seconds)[len(seconds) // 2]
