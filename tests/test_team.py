"""The thread team: how many, callers beside each other, forks, more threads than CPUs, idleness,
and the floating-point state of who calls."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from engine_cases import JOBS, Job, Outcome, state, train, train_whole
from processes import run_script, shared_library

import fastmlp
from fastmlp import _core
from fastmlp.engine.native import NativeEngine

JOB = next(job for job in JOBS if job.name.startswith("columns, rows"))


@pytest.fixture(autouse=True)
def threads_restored() -> Iterator[None]:
    before = fastmlp.get_num_threads()
    yield
    fastmlp.set_num_threads(before)


def outcome_of(job: Job) -> Outcome:
    return train_whole(NativeEngine(job.network, job.training), job)


# -- how many


@pytest.mark.parametrize("count", [1, 2, 7, 256])
def test_set_is_get(count: int) -> None:
    fastmlp.set_num_threads(count)
    assert fastmlp.get_num_threads() == count
    fastmlp.set_num_threads(np.int64(count))  # type: ignore[arg-type]
    assert fastmlp.get_num_threads() == count


@pytest.mark.parametrize("count", [0, -1, 257])
def test_counts_out_of_range(count: int) -> None:
    with pytest.raises(ValueError, match=f"num_threads={count}"):
        fastmlp.set_num_threads(count)


@pytest.mark.parametrize("count", [1.0, "2", None, True])
def test_counts_that_are_no_integers(count: object) -> None:
    with pytest.raises(TypeError, match=f"num_threads={count!r}"):
        fastmlp.set_num_threads(count)  # type: ignore[arg-type]


CPUS = _core.usable_cpus()


@pytest.mark.parametrize(
    ("environment", "count"),
    [
        ({}, CPUS),
        ({"FASTMLP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "4"}, 4),
        ({"OMP_NUM_THREADS": "5,2"}, 5),  # for nested teams: the first is the outermost
        ({"FASTMLP_NUM_THREADS": "3", "OMP_NUM_THREADS": "4"}, 3),
        ({"FASTMLP_NUM_THREADS": "", "OMP_NUM_THREADS": "4"}, 4),
        ({"FASTMLP_NUM_THREADS": "many"}, CPUS),
        ({"FASTMLP_NUM_THREADS": "0"}, CPUS),
        ({"FASTMLP_NUM_THREADS": "-2"}, CPUS),
        ({"FASTMLP_NUM_THREADS": "1000"}, 256),
    ],
)
def test_environment(environment: dict[str, str], count: int) -> None:
    script = "import fastmlp; print(fastmlp.get_num_threads())"
    assert run_script(script, environment) == str(count)


_COUNT_THREADS = """
import os
import numpy  # its BLAS may have threads of its own
def threads():
    return len(os.listdir("/proc/self/task"))
before = threads()
from engine_cases import JOBS, train_whole
from fastmlp.engine.native import NativeEngine
assert threads() == before, "threads were started at import"
job = next(job for job in JOBS if job.name.startswith("columns, rows"))
for _ in range(3):
    train_whole(NativeEngine(job.network, job.training), job)
print(threads() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_team_is_started_once_at_first_use(count: int) -> None:
    assert run_script(_COUNT_THREADS, {"FASTMLP_NUM_THREADS": str(count)}) == str(count - 1)


# -- callers beside each other


def in_threads(tasks: list[Callable[[], Outcome]]) -> list[Outcome]:
    """The tasks at once, each in a Python thread, all starting together."""
    barrier = threading.Barrier(len(tasks))

    def run(task: Callable[[], Outcome]) -> Outcome:
        barrier.wait(timeout=60)
        return task()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def test_models_trained_beside_each_other() -> None:
    """Whoever finds the team busy works alone; the bits are the same."""
    fastmlp.set_num_threads(2)
    jobs = [job for job in JOBS if job.name.startswith(("columns", "flagship", "narrow", "batch"))]
    expected = [outcome_of(job) for job in jobs]
    for _ in range(3):
        outcomes = in_threads([lambda job=job: outcome_of(job) for job in jobs])  # type: ignore[misc]
        for job, outcome, want in zip(jobs, outcomes, expected, strict=True):
            assert not outcome.differing(want), job.name


def test_predictions_on_one_network_beside_each_other() -> None:
    fastmlp.set_num_threads(2)
    engine = NativeEngine(JOB.network, JOB.training)
    JOB.initialise(engine)
    x = JOB.data().x
    want = {rows: engine.predict(x[:rows]) for rows in (1, 5, 64, 70)}

    def predict() -> Outcome:
        return Outcome({str(n): engine.predict(x[:n]) for _ in range(20) for n in want})

    for outcome in in_threads([predict] * 4):
        assert not outcome.differing(Outcome({str(n): y for n, y in want.items()}))


def test_predictions_beside_the_training_of_their_network() -> None:
    """A lock in the network keeps them apart: each prediction is of a whole number of calls."""
    fastmlp.set_num_threads(2)
    engine = NativeEngine(JOB.network, JOB.training)
    JOB.initialise(engine)
    x = JOB.data().x[:9]
    possible = [engine.predict(x)]
    for step in range(JOB.steps):
        train(engine, JOB, step, step + 1)
        possible.append(engine.predict(x))

    JOB.initialise(engine)
    for i in range(len(JOB.network.parameter_shapes)):
        for slot in range(2):
            engine.write_slot(i, slot, np.zeros(JOB.network.parameter_shapes[i]))

    def steps() -> Outcome:
        for step in range(JOB.steps):
            train(engine, JOB, step, step + 1)
        return Outcome()

    def predictions() -> Outcome:
        return Outcome({str(i): engine.predict(x) for i in range(30)})

    _, seen = in_threads([steps, predictions])
    for y in seen.arrays.values():
        assert any(np.array_equal(y, at) for at in possible)
    assert np.array_equal(engine.predict(x), possible[-1])


# -- forks

_FORK = """
import os, signal, sys, threading
from engine_cases import JOBS, train_whole
from fastmlp import _core
from fastmlp.engine.native import NativeEngine

job = next(job for job in JOBS if job.name.startswith("columns, rows"))
_core.set_num_threads(3)

def outcome():
    return train_whole(NativeEngine(job.network, job.training), job)

def in_child(body):
    # exit status of body() in a forked child that a watchdog ends
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        try:
            body()
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

expected = outcome()  # the team exists from here on

def check():
    assert not outcome().differing(expected)

def check_with_children(depth):
    check()
    if depth:
        assert in_child(lambda: check_with_children(depth - 1)) == 0
        check()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forked_children_train_with_threads() -> None:
    """A child, its child, and that one's; the parents go on."""
    run_script(_FORK + "check_with_children(3)\n", timeout=90)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forks_while_another_thread_trains() -> None:
    """At whatever instant the team is caught, the child has a team of its own."""
    script = """
stop = threading.Event()

def train_on():
    while not stop.is_set():
        check()

thread = threading.Thread(target=train_on)
thread.start()
statuses = [in_child(check) for _ in range(12)]
stop.set()
thread.join()
assert statuses == [0] * 12, statuses
"""
    run_script(_FORK + script, timeout=90)


# -- more threads than CPUs, and idleness


def test_sixteen_threads_finish_with_the_same_bits() -> None:
    """In a process of its own, which is ended if they do not."""
    script = """
from engine_cases import JOBS, train_whole
from fastmlp import _core
from fastmlp.engine.native import NativeEngine

for job in JOBS:
    if job.name.startswith(("columns", "flagship", "wide hidden")):
        _core.set_num_threads(1)
        one = train_whole(NativeEngine(job.network, job.training), job)
        _core.set_num_threads(16)
        for _ in range(3):
            many = train_whole(NativeEngine(job.network, job.training), job)
            assert not many.differing(one), job.name
"""
    run_script(script, timeout=90)


def test_an_idle_team_sleeps() -> None:
    """Members may spin for some 20 us after a run and then use no CPU: here at most a tenth of
    one of the CPUs that they would burn, Python's own work included."""
    fastmlp.set_num_threads(2)
    outcome_of(JOB)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.03


# -- floating-point state

_MXCSR = """
#include <xmmintrin.h>
unsigned get_state(void) { return _mm_getcsr(); }
void set_state(unsigned state) { _mm_setcsr(state); }
"""
_FLUSH_AND_ROUND_UP = 0x1F80 | 0x8040 | 0x4000  # masked; flush to zero, subnormals are zero; up


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="MXCSR is x86's")
@pytest.mark.parametrize("threads", [1, 3])
def test_the_callers_floating_point_state_is_kept_and_not_used(
    threads: int, tmp_path: Path
) -> None:
    """Rounding up and flushing subnormals in the caller changes no bit of a training, and the
    caller has its state again afterwards."""
    library = ctypes.CDLL(str(shared_library(_MXCSR, tmp_path)))
    fastmlp.set_num_threads(threads)
    expected = outcome_of(JOB)
    engine = NativeEngine(JOB.network, JOB.training)
    JOB.initialise(engine)
    data, order, rates = JOB.data(), JOB.order(), JOB.rates
    usual = library.get_state()
    library.set_state(_FLUSH_AND_ROUND_UP)
    try:
        result = engine.train(data, order, JOB.batch, rates, np.array(0, np.int64), True)
        after = library.get_state()
    finally:
        library.set_state(usual)
    outcome = state(engine, JOB)
    assert after & 0xFFC0 == _FLUSH_AND_ROUND_UP & 0xFFC0  # the low bits only note exceptions
    assert result.outputs is not None
    outcome.arrays |= {"losses": result.losses, "outputs": result.outputs}
    assert not outcome.differing(expected)


# -- threadpoolctl

_LIMITS = """
with threadpoolctl.threadpool_limits(1):
    print(fastmlp.get_num_threads())
with threadpoolctl.threadpool_limits(2, user_api="fastmlp"):
    print(fastmlp.get_num_threads())
print(fastmlp.get_num_threads())
[info] = [i for i in threadpoolctl.threadpool_info() if i["user_api"] == "fastmlp"]
print(info["num_threads"], info["version"] == fastmlp.__version__)
"""


@pytest.mark.parametrize(
    "imports", ["import fastmlp, threadpoolctl", "import threadpoolctl, fastmlp"]
)
def test_threadpoolctl_limits_and_lists_the_team(imports: str) -> None:
    """Whichever is imported first."""
    printed = run_script(f"{imports}\n{_LIMITS}", {"FASTMLP_NUM_THREADS": "5"})
    assert printed.split("\n") == ["1", "2", "5", "5 True"]
