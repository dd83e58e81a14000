"""What the C engine and its Cython layer refuse or survive: shapes from C, arrays that are no
engine's, forks beside calls, options out of range, memory that is kept."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine_cases import JOBS, Job, state, train, train_whole
from processes import run_script, shared_library
from test_team import _FLUSH_AND_ROUND_UP, _MXCSR

from fastmlp import _core
from fastmlp.engine import (
    Adafactor,
    Adam,
    Average,
    Clip,
    Data,
    Dense,
    Network,
    Operation,
    Relu,
    Rescaling,
    Sgd,
    Tail,
    Training,
    make_loss,
)
from fastmlp.engine.native import NativeEngine
from fastmlp.engine.reference import ReferenceEngine

SQUARED = make_loss("mean_squared_error")


def engine_of(*operations: Operation, inputs: int = 3) -> NativeEngine:
    return NativeEngine(Network(inputs, operations), Training(SQUARED, Adam()))


# -- shapes come from C


@pytest.mark.parametrize("job", JOBS, ids=str)
def test_shapes_are_those_of_the_words(job: Job) -> None:
    engine = NativeEngine(job.network, job.training)
    assert engine._network.shapes == job.network.parameter_shapes
    assert engine.predict(job.data().x[:1]).shape == (1, job.network.outputs)


def core_with(tail: Tail, exempt: tuple[int, ...] = ()) -> _core.CNetwork:
    training = Training(SQUARED, Adafactor(), Clip(), replace(tail, exempt=exempt))
    return NativeEngine(Network(3, (Dense(3, 9),)), training)._network


def test_slots_are_those_of_the_words() -> None:
    """Adafactor's factors, its v, the sum of gradients, the average; and no more."""
    core = core_with(Tail(accumulate=2, average=Average()))
    for parameter, shapes in enumerate([[(3,), (9,), *[(3, 9)] * 3], [(9,)] * 3]):
        for slot, shape in enumerate(shapes):
            value = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
            core.write(parameter, slot, value)
            np.testing.assert_array_equal(core.read(parameter, slot), value)
        with pytest.raises(ValueError, match="outside its allowed range"):
            core.read(parameter, len(shapes))
        with pytest.raises(ValueError, match="value must be"):
            core.write(parameter, 0, np.zeros(27))
    core.write(0, 0, np.zeros(3))


@pytest.mark.parametrize("tail", [Tail(-1.0), Tail(np.nan), Tail(average=Average(1.5))], ids=str)
def test_tails_out_of_range(tail: Tail) -> None:
    with pytest.raises(ValueError, match="outside its allowed range"):
        core_with(tail)
    with pytest.raises(ValueError, match="outside its allowed range"):
        core_with(Tail(0.1), (2,))


@pytest.mark.parametrize("parameter", [2, 5, 2**40])
@pytest.mark.parametrize("slot", [-1, 0])
def test_parameters_that_are_not_there(parameter: int, slot: int) -> None:
    core = engine_of(Dense(3, 4))._network
    with pytest.raises(ValueError, match="outside its allowed range"):
        core.read(parameter, slot)
    with pytest.raises(ValueError, match="outside its allowed range"):
        core.write(parameter, slot, np.zeros((3, 4)))


@pytest.mark.parametrize("slot", [2, 7, -2])
def test_slots_that_are_not_there(slot: int) -> None:
    core = engine_of(Dense(3, 4))._network
    with pytest.raises(ValueError, match="outside its allowed range"):
        core.read(0, slot)


# -- arrays that are no engine's


@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 3)], ids=str)
def test_products_want_two_axes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a must have two axes"):
        _core.matmul(np.ones(shape), np.ones((3, 3)))
    with pytest.raises(ValueError, match="b must have two axes"):
        _core.matmul(np.ones((3, 3)), np.ones(shape))


def test_the_order_has_two_axes() -> None:
    core = engine_of(Dense(3, 1))._network
    x, t, one = np.ones((2, 3)), np.ones((2, 1)), np.ones(1)
    for order in (np.array(0), np.zeros(2, np.int64)):
        with pytest.raises(ValueError, match="order must have two axes"):
            core.train(x, t, None, order, 2, one, np.array(0), False)


def test_foreign_byte_order_is_refused() -> None:
    swapped = np.ones((3, 3)).astype(">f8")
    with pytest.raises(ValueError, match="a must be a C-contiguous"):
        _core.matmul(swapped, np.ones((3, 3)))
    core = engine_of(Dense(3, 3))._network
    with pytest.raises(ValueError, match="x must be a C-contiguous"):
        core.predict(swapped, -1)
    with pytest.raises(ValueError, match="value must be a C-contiguous"):
        core.write(0, -1, swapped)


def test_none_is_no_array() -> None:
    core = engine_of(Dense(3, 3))._network
    for call in (
        lambda: core.predict(None, -1),  # type: ignore[arg-type]
        lambda: core.write(0, -1, None),  # type: ignore[arg-type]
        lambda: _core.matmul(None, np.ones((3, 3))),  # type: ignore[arg-type]
    ):
        with pytest.raises(TypeError, match="None"):
            call()


# -- options out of range


@pytest.mark.parametrize(
    "operation",
    [
        Relu(max_value=0.0),  # as a zeroed struct has it: every output would be 0
        Relu(max_value=float("nan")),
        Relu(negative_slope=float("inf")),
        Relu(threshold=float("nan")),
        Rescaling(float("inf")),
        Rescaling(1.0, float("nan")),
    ],
    ids=str,
)
def test_operations_out_of_range(operation: Operation) -> None:
    with pytest.raises(ValueError, match="outside its allowed range"):
        engine_of(operation)


@pytest.mark.parametrize(
    "training",
    [
        Training(SQUARED, Adam(epsilon=float("inf"))),
        Training(SQUARED, Adam(epsilon=float("nan"))),
        Training(make_loss("categorical_crossentropy", label_smoothing=float("inf")), Sgd()),
        Training(make_loss("categorical_crossentropy", label_smoothing=-0.1), Sgd()),
        Training(make_loss("categorical_crossentropy", epsilon=float("inf")), Sgd()),
    ],
    ids=str,
)
def test_trainings_out_of_range(training: Training) -> None:
    with pytest.raises(ValueError, match="outside its allowed range"):
        NativeEngine(Network(3, (Dense(3, 2),)), training)


# -- forks beside calls

_FORK_INSIDE_A_CALL = """
import os, signal, threading, time
import numpy as np
from fastmlp.engine import Dense, Network
from fastmlp.engine.native import NativeEngine

engine = NativeEngine(Network(300, (Dense(300, 300), Dense(300, 300))), None)
x = np.ones((30000, 300))
inside = threading.Event()

def predict():
    while not stop:
        inside.set()
        engine.predict(x)

stop = False
thread = threading.Thread(target=predict)
thread.start()
inside.wait()
for _ in range(10):
    time.sleep(0.01)
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # a child that hangs is ended, with a status of its own
        engine.predict(x[:10])
        engine.read_parameter(0)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        stop = True
        thread.join()
        raise SystemExit(f"child ended with {status}")
stop = True
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_fork_inside_a_call_leaves_the_network_usable(threads: str) -> None:
    run_script(_FORK_INSIDE_A_CALL, {"FASTMLP_NUM_THREADS": threads})


# -- the floating-point state of who makes a network


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="MXCSR is x86's")
def test_the_table_of_bytes_is_rounded_to_nearest(tmp_path: Path) -> None:
    library = ctypes.CDLL(str(shared_library(_MXCSR, tmp_path)))
    usual = library.get_state()
    library.set_state(_FLUSH_AND_ROUND_UP)
    try:
        engine = engine_of(Rescaling(1 / 255, 0.1), inputs=256)
    finally:
        library.set_state(usual)
    x = np.arange(256, dtype=np.uint8)[None]
    assert engine.predict(x).tobytes() == (x * (1 / 255) + 0.1).tobytes()


# -- readers wait without the interpreter's lock


def test_a_reader_that_waits_lets_others_run() -> None:
    engine = NativeEngine(Network(400, (Dense(400, 400), Dense(400, 400))), None)
    x = np.ones((60000, 400))  # some tenths of a second
    turns = []
    predicting = threading.Thread(target=engine.predict, args=(x,))
    reading = threading.Thread(target=engine.read_parameter, args=(0,))
    predicting.start()
    reading.start()
    while predicting.is_alive() and len(turns) < 1000:
        turns.append(0)
        predicting.join(1e-4)
    reading.join()
    # with the lock held by the reader the first join() would return after the prediction
    assert len(turns) > 20


# -- no skipping where a step of nothing is something


@pytest.mark.parametrize("features", [6, 7])
def test_adam_without_epsilon_treats_zero_features_as_dense_rows_do(features: int) -> None:
    """0 / 0 for the weights of a feature that is never non-zero: NaN, as in the reference."""
    network = Network(features, (Dense(features, 20),))
    training = Training(SQUARED, Adam(epsilon=0.0))
    x = np.zeros((4, features))
    x[:, 0] = [1.0, 2.0, 3.0, 4.0]  # sparse: one column of many
    data = Data(x, np.ones((4, 20)))
    found = []
    for engine in (NativeEngine(network, training), ReferenceEngine(network, training)):
        engine.write_parameter(0, np.ones((features, 20)))
        engine.train(data, np.arange(4), 4, np.full(1, 0.1), np.array(0), False)
        found.append(engine.read_parameter(0))
    np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(found[1]))
    assert np.isnan(found[0][1:]).all()


# -- memory is kept


def used_bytes(script: str) -> list[int]:
    printed = run_script(script)
    return [int(line) for line in printed.split()]


_COUNT_ALLOCATIONS = """
import ctypes, sys
import numpy as np
from fastmlp.engine import Adam, Data, Dense, Network, Relu, Training, make_loss
from fastmlp.engine.native import NativeEngine
libc = ctypes.CDLL(None)

class mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost").split()]

libc.mallinfo2.restype = mallinfo2
def used():
    info = libc.mallinfo2()
    return info.uordblks + info.hblkhd
"""

_LANES = (
    _COUNT_ALLOCATIONS
    + """
engine = NativeEngine(Network(50000, (Dense(50000, 8),)), None)
x = np.ones((200, 50000), np.float32)
before = used()
engine.predict(x)
print(used() - before)
"""
)

_MODES = (
    _COUNT_ALLOCATIONS
    + """
network = Network(600, (Dense(600, 200), Relu(), Dense(200, 3)))
engine = NativeEngine(network, Training(make_loss("mean_squared_error"), Adam()))
rng = np.random.default_rng(0)
dense = rng.random((300, 600))
sparse = dense * (rng.random(dense.shape) < 0.1)
def step(x, batch):
    n = len(x)
    engine.train(Data(x, np.ones((n, 3))), np.arange(n), batch, np.full(-(-n // batch), 1e-3),
                 np.array(0), False)
for x in (dense, sparse):
    step(x, 200)
before = used()
for x in (dense, sparse, dense[:70], sparse[:70], dense):
    step(x, 200)
    print(used() - before)
"""
)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc")
def test_dense_inputs_allocate_no_lists() -> None:
    """48 rows of 50,000 features are 19 MB a lane as they are; their lists would be 29 MB more."""
    [used] = used_bytes(_LANES)
    lane = 48 * 50000 * 8
    assert used < 1.2 * lane * len(os.sched_getaffinity(0))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="asks glibc")
def test_ways_of_training_in_turn_allocate_nothing() -> None:
    """Dense and sparse chunks, long and short ones: all memory is there after one of each."""
    assert all(abs(used) < 10_000 for used in used_bytes(_MODES))


def test_ways_of_training_in_turn_change_no_bit() -> None:
    """Batches that go block by block, and short last ones that do not, in one training."""
    job = next(job for job in JOBS if job.name.startswith("tanh, more rows"))
    whole = NativeEngine(job.network, job.training)
    expected = train_whole(whole, job)
    apart = NativeEngine(job.network, job.training)
    job.initialise(apart)
    for step in range(job.steps):
        train(apart, job, step, step + 1)
    after = state(apart, job)
    expected.arrays = {name: expected.arrays[name] for name in after.arrays}
    assert not after.differing(expected)
