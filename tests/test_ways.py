"""Ways of training: whichever is taken, and wherever it changes, the bits are the same; the
fastest is found, within bounds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from engine_cases import ADAM, JOBS, SPARSE, Job, mlp, train_whole
from layer_jobs import LAYER_JOBS

from fastmlp import _core
from fastmlp.engine import Training
from fastmlp.engine.native import NativeEngine

WAYS = ("lists", "dense", "whole", "turns", "1")


@pytest.fixture(autouse=True)
def threads_restored() -> Iterator[None]:
    before = _core.get_num_threads()
    yield
    _core.set_num_threads(before)


def engine(job: Job, way: str, monkeypatch: pytest.MonkeyPatch) -> NativeEngine:
    monkeypatch.setenv("FASTMLP_TUNE", way)
    return NativeEngine(job.network, job.training)


@pytest.mark.parametrize("job", [*JOBS, *LAYER_JOBS], ids=str)
def test_ways_change_no_bit(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    _core.set_num_threads(3)
    expected = train_whole(engine(job, "0", monkeypatch), job)
    for way in WAYS:
        outcome = train_whole(engine(job, way, monkeypatch), job)
        assert not outcome.differing(expected), way


def long_job(density: float, batch: int) -> Job:
    return Job("long", mlp(300, 200, 5), Training(SPARSE, ADAM), 4 * batch, batch, density)


def test_every_way_is_tried_and_one_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """160 steps of more than a microsecond a row are more than three rounds of trials of two
    milliseconds or steps for each way."""
    job = long_job(0.4, 600)
    tuned = engine(job, "1", monkeypatch)
    job.initialise(tuned)
    order = np.tile(job.order(), 40)
    tuned.train(job.data(), order, 600, np.full(160, 1e-3), np.array(0), False)
    ways = tuned.ways
    assert {(way["by_lists"], way["pass_rows"]) for way in ways} == {
        (True, 256),
        (False, 256),
        (False, 512),
    }
    assert [way["batch"] for way in ways] == [600] * len(ways)
    assert all(way["row_seconds"] > 0 for way in ways)
    assert sum(way["chosen"] for way in ways) == 1


@pytest.mark.parametrize(
    ("density", "batch", "by_lists"),
    [
        (0.01, 128, {True}),
        (0.1, 32, {True}),
        (0.1, 128, {True, False}),
        (0.3, 32, {True, False}),
        (0.6, 32, {True, False}),
        (1.0, 32, {False}),
    ],
)
def test_what_cannot_win_is_not_tried(
    density: float, batch: int, by_lists: set[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = long_job(density, batch)
    tuned = engine(job, "1", monkeypatch)
    train_whole(tuned, job)
    assert {way["by_lists"] for way in tuned.ways} == by_lists


def test_a_fixed_choice_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    job = long_job(0.1, 32)
    fixed = engine(job, "0", monkeypatch)
    train_whole(fixed, job)
    (way,) = fixed.ways
    assert (way["by_lists"], way["row_seconds"], way["chosen"]) == (True, 0.0, True)


def test_batch_sizes_are_jobs_of_their_own_and_the_oldest_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = long_job(0.2, 8)
    tuned = engine(job, "1", monkeypatch)
    job.initialise(tuned)
    for batch in (1, 2, 3, 4, 5, 4, 6):
        tuned.train(job.data(), job.order()[:batch], batch, np.array([1e-3]), np.array(0), False)
    assert {way["batch"] for way in tuned.ways} == {3, 4, 5, 6}


@pytest.mark.parametrize("word", ["", "2", "LISTS", "on"])
def test_an_unknown_word_is_an_error(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=f"FASTMLP_TUNE={word!r}"):
        engine(JOBS[0], word, monkeypatch)
