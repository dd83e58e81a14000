"""pytest-benchmark suite of whole jobs: ``pytest benchmarks/bench_epoch.py``.

Not collected by plain ``pytest``; the same jobs as compare.py times, in one process.
"""

from __future__ import annotations

from typing import Any

import pytest
from jobs import GROUPS, Job, initial_weights, load_data
from peers import fastmlp_fit
from worker import import_seconds

import fastmlp

ROUNDS = 5


@pytest.fixture(scope="module")
def data() -> Any:
    """load_data with the last set kept, since most jobs share theirs and MNIST is 376 MB."""
    kept: dict[tuple[str, int, int], Any] = {}

    def load(job: Job) -> Any:
        key = (job.data, job.rows, job.layers[0])
        if key not in kept:
            kept.clear()
            kept[key] = load_data(job)
        return kept[key]

    return load


@pytest.mark.parametrize("job", GROUPS["train"], ids=lambda job: job.name)
def test_train(benchmark: Any, data: Any, job: Job) -> None:
    threads = fastmlp.get_num_threads()
    unit = fastmlp_fit.prepare(job, *data(job), initial_weights(job), threads)
    benchmark.group = "train"
    first = unit()
    last = benchmark.pedantic(unit, rounds=ROUNDS)
    benchmark.extra_info |= {"threads": threads, "steps": job.steps, "loss": last}
    assert last < first  # it trains; the time of rubbish would say nothing


@pytest.mark.parametrize("job", GROUPS["inference"], ids=lambda job: job.name)
def test_inference(benchmark: Any, data: Any, job: Job) -> None:
    threads = fastmlp.get_num_threads()
    benchmark.group = "inference"
    benchmark(fastmlp_fit.prepare(job, *data(job), initial_weights(job), threads))
    benchmark.extra_info["threads"] = threads


@pytest.mark.parametrize("package", ["fastmlp", "numpy"])
def test_import(benchmark: Any, package: str) -> None:
    """The process's start is in the measured time; the import alone is in the extra info."""
    benchmark.group = "import"
    seconds: list[float] = []
    benchmark.pedantic(lambda: seconds.append(import_seconds(package)), rounds=ROUNDS)
    benchmark.extra_info["import_seconds"] = sorted(seconds)[ROUNDS // 2]
