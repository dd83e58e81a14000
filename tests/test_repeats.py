"""Short threaded calls, again and again: what members of a team do to each other depends on when
each of them gets there, so a race that one call does not show one of hundreds may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from engine_cases import JOBS, Job, Outcome, train_whole

from fastmlp import _core
from fastmlp.engine.native import NativeEngine

REPEATS = 10


@pytest.fixture(autouse=True)
def threads_restored() -> Iterator[None]:
    before = _core.get_num_threads()
    yield
    _core.set_num_threads(before)


def calls(engine: NativeEngine, job: Job) -> Outcome:
    """Training, evaluation and prediction, each over all rows."""
    outcome = train_whole(engine, job)
    outcome.arrays["predictions"] = engine.predict(job.data().x)
    return outcome


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_repeated_calls_never_differ(job: Job) -> None:
    """Trainings of two steps or three, with a short last batch, each by a fresh engine and by
    one that keeps what earlier calls with other threads laid out."""
    job = replace(job, samples=min(job.samples, 2 * job.batch + job.batch // 3 + 1))
    _core.set_num_threads(1)
    expected = calls(NativeEngine(job.network, job.training), job)
    kept = NativeEngine(job.network, job.training)
    rng = np.random.default_rng(0)
    for _ in range(REPEATS):
        for threads in rng.permutation([2, 3, 5]).tolist():
            _core.set_num_threads(threads)
            fresh = NativeEngine(job.network, job.training)
            assert not calls(fresh, job).differing(expected), f"{threads} threads"
            for i, shape in enumerate(job.network.parameter_shapes):
                trained = job.network.roles[i] == "trained"
                shapes = job.training.slot_shapes(shape) if trained else []
                for slot, of_slot in enumerate(shapes):
                    kept.write_slot(i, slot, np.zeros(of_slot))
            assert not calls(kept, job).differing(expected), f"{threads} threads, kept"
