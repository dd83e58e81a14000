"""The Python layer under several threads, across processes and in forked children: what one
thread does to a model, another sees whole or not at all."""

from __future__ import annotations

import copy
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from processes import run_script
from small_model import EXACT, X, Y, assert_same_weights, make_model

from fastmlp import Sequential, _naming, binding, layers, random
from fastmlp.engine.native import NativeEngine
from fastmlp.variable import Variable, lend

THREADS = 8


def at_once(count: int, call: Callable[[int], object]) -> list[object]:
    """call(0), ..., call(count - 1) in threads that start together; their results."""
    barrier = threading.Barrier(count)

    def run(i: int) -> object:
        barrier.wait()
        return call(i)

    with ThreadPoolExecutor(count) as pool:
        return [done.result(timeout=120) for done in [pool.submit(run, i) for i in range(count)]]


def elsewhere(call: Callable[[], object]) -> object:
    """call() in another thread, waited for."""
    return at_once(1, lambda _: call())[0]


@pytest.fixture
def impatient():
    """Threads take turns after every few instructions, so that races are met."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# -- versions


def test_weights_set_after_unpickling_in_a_fresh_process_are_used(tmp_path):
    path = tmp_path / "layer.pickle"
    run_script(f"""
import pickle, fastmlp
layer = fastmlp.layers.Dense(2, kernel_initializer="ones")
layer.build((None, 3))
pickle.dump(layer, open({str(path)!r}, "wb"))""")
    shown = run_script(f"""
import pickle, numpy as np
layer = pickle.load(open({str(path)!r}, "rb"))
x = np.ones((1, 3))
print(layer(x).tolist())
layer.set_weights([np.full((3, 2), 2.0), np.ones(2)])
print(layer(x).tolist())""")
    assert shown.splitlines() == ["[[3.0, 3.0]]", "[[7.0, 7.0]]"]


@pytest.mark.parametrize(
    "twin_of", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_a_copied_variable_has_a_version_of_its_own(twin_of):
    variable = Variable([1.0], name="bias")
    twin = twin_of(variable)
    assert twin.version != variable.version
    assert twin.version <= Variable.clock


# -- loans


def test_a_reader_during_the_steps_does_not_make_weights_stale(monkeypatch):
    train = NativeEngine.train
    model = make_model("native", "adam")

    def train_after_a_reader(self, *arguments):
        elsewhere(model.get_weights)
        elsewhere(lambda: [np.asarray(v) for v in model.optimizer.variables])
        return train(self, *arguments)

    monkeypatch.setattr(NativeEngine, "train", train_after_a_reader)
    model.fit(X, Y, epochs=2, verbose=0)
    monkeypatch.undo()
    twin = make_model("native", "adam")
    twin.fit(X, Y, epochs=2, verbose=0)
    assert_same_weights(model, twin, **EXACT)
    for slot, expected in zip(model.optimizer.variables, twin.optimizer.variables, strict=True):
        np.testing.assert_array_equal(slot, expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_weights_set_during_the_steps_win(engine, monkeypatch):
    model = make_model(engine)
    new = [w + 1.0 for w in model.get_weights()]
    kind = type(model._bind().engine)
    train = kind.train

    def train_before_a_writer(self, *arguments):
        result = train(self, *arguments)
        elsewhere(lambda: model.set_weights(new))
        return result

    monkeypatch.setattr(kind, "train", train_before_a_writer)
    model.fit(X, Y, verbose=0)
    for weight, expected in zip(model.get_weights(), new, strict=True):
        np.testing.assert_array_equal(weight, expected)
    fresh = make_model(engine)
    fresh.set_weights(new)
    np.testing.assert_array_equal(model.predict(X), fresh.predict(X))


def test_a_slow_read_does_not_end_a_newer_loan():
    """The holder's value is fetched without a lock; meanwhile the variable is lent anew."""

    class Slow:
        variable, seen, value = Variable([0.0], name="bias"), 0, 1.0

        def read(self):
            read = np.array([self.value])
            if self.value == 1.0:
                self.value = 2.0
                lend([self])
            return read

    variable = Slow.variable
    lend([Slow()])
    assert variable.value[0] == 1.0
    assert variable.value[0] == 2.0


# -- the interpreter's lock


def test_python_goes_on_while_weights_are_waited_for():
    """A reader and a writer wait for the end of a long predict; the main thread must not."""
    model = Sequential([layers.Input((1000,)), layers.Dense(1000), layers.Dense(1)])
    model.compile("sgd", "mse", engine="native")
    x = np.random.default_rng(1).normal(size=(40_000, 1000))
    weights = model.get_weights()
    model.train_on_batch(x[:2], np.zeros(2))  # from now on the engine holds the weights
    started = time.perf_counter()
    model.predict(x)
    seconds = time.perf_counter() - started
    for wait in (model.get_weights, lambda: (model.set_weights(weights), model(x[:1]))):
        predict = threading.Thread(target=model.predict, args=(x,))
        waiting = threading.Thread(target=wait)
        started = time.perf_counter()
        predict.start()
        time.sleep(seconds / 8)
        waiting.start()
        time.sleep(seconds / 8)
        passed = time.perf_counter() - started
        predict.join()
        waiting.join()
        assert passed < 0.75 * seconds  # the two sleeps are a quarter of it


# -- first use


def test_one_engine_for_threads_that_use_a_model_first(engine, monkeypatch):
    made = []
    create = binding.create_engine

    def create_slowly(*arguments):
        made.append(arguments)
        time.sleep(0.05)
        return create(*arguments)

    monkeypatch.setattr(binding, "create_engine", create_slowly)
    model = make_model(engine, "adam")
    at_once(2, lambda i: model.fit(X, Y, verbose=0) if i else model(X[:2]))
    assert len(made) == 1
    twin = make_model(engine, "adam")
    twin.fit(X, Y, verbose=0)
    model.fit(X, Y, verbose=0)  # with the moments of the first
    twin.fit(X, Y, verbose=0)
    assert_same_weights(model, twin, **EXACT)


def test_a_model_is_built_once(impatient):
    for _ in range(20):
        model = Sequential([layers.Dense(4), layers.Dense(3)])
        at_once(THREADS, lambda _, model=model: model(X))
        assert [w.shape for w in model.get_weights()] == [(4, 4), (4,), (4, 3), (3,)]


def test_no_seed_and_no_name_is_given_twice(impatient):
    seeds = at_once(THREADS, lambda _: [random.next_seed() for _ in range(200)])
    names = at_once(THREADS, lambda _: [_naming.unique_name("x") for _ in range(500)])
    assert len({seed for of_thread in seeds for seed in of_thread}) == THREADS * 200
    assert len({name for of_thread in names for name in of_thread}) == THREADS * 500


def test_no_dropout_mask_of_a_call_is_given_twice(impatient):
    layer = layers.Dropout(0.5, input_shape=(4,))
    steps = at_once(THREADS, lambda _: [layer._next_dropout_step() for _ in range(500)])
    assert len({step for of_thread in steps for step in of_thread}) == THREADS * 500


def test_no_version_is_given_twice_and_the_clock_never_goes_back(impatient):
    variables = [Variable(0.0, name="x") for _ in range(THREADS)]

    def assign(i: int) -> list[int]:
        versions = []
        for _ in range(500):
            variables[i].assign(1.0)
            assert variables[i].version <= Variable.clock
            versions.append(variables[i].version)
        return versions

    assert len({v for of_thread in at_once(THREADS, assign) for v in of_thread}) == THREADS * 500


# -- everything at once


def test_an_evaluation_beside_a_fit_does_not_mix_their_metrics(engine, impatient):
    def largest(y_true, y_pred):
        return y_pred.max(axis=-1)

    twin = make_model(engine, "sgd", metrics=[largest])
    model = make_model(engine, "sgd", metrics=[largest])
    twin.optimizer.learning_rate = model.optimizer.learning_rate = 0.0  # all evaluations agree
    expected = twin.evaluate(X, Y, verbose=0)
    shown = twin.fit(X, Y, epochs=20, batch_size=5, verbose=0).history

    def work(i: int) -> object:
        if i == 0:
            return model.fit(X, Y, epochs=20, batch_size=5, verbose=0).history
        return [model.evaluate(X, Y, verbose=0) for _ in range(20)]

    fitted, *evaluated = at_once(4, work)
    assert fitted == shown
    assert all(scores == expected for of_thread in evaluated for scores in of_thread)


def test_every_method_from_many_threads(engine, impatient):
    """With a rate of 0 and weights that are set to what they are, every answer is known."""
    inner = Sequential([layers.Input((4,)), layers.Dense(8, "tanh"), layers.Dropout(0.2)])
    model = Sequential([layers.Input((4,)), inner, layers.Dense(3)])
    model.compile("adam", "mse", metrics=["mse"], engine=engine)
    model.optimizer.learning_rate = 0.0
    targets = np.eye(3)[Y]
    weights, outputs = model.get_weights(), model.predict(X)
    scores = model.evaluate(X, targets, verbose=0)
    texts: list[str] = []
    model.summary(print_fn=texts.append)  # before the optimizer has slots to count

    def same_weights(found: list[np.ndarray]) -> None:
        for left, right in zip(found, weights, strict=True):
            np.testing.assert_array_equal(left, right)

    def clone() -> None:
        twin = Sequential.from_config(model.get_config())
        twin.compile("sgd", "mse", engine=engine)
        twin.set_weights(model.get_weights())
        np.testing.assert_array_equal(twin.predict(X), outputs)

    def set_and_get() -> None:
        model.set_weights(weights)
        model.trainable_variables[0].assign(weights[0])
        same_weights(model.get_weights())

    def pickled() -> None:
        twin = pickle.loads(pickle.dumps(model))
        same_weights(twin.get_weights())
        np.testing.assert_array_equal(twin(X), outputs)
        same_weights(copy.deepcopy(inner).get_weights() + weights[2:])

    jobs: list[Callable[[], object]] = [
        lambda: model.fit(X, targets, epochs=2, verbose=0),
        lambda: np.testing.assert_array_equal(model.predict(X), outputs),
        lambda: np.testing.assert_array_equal(model(X), outputs),
        lambda: model(X, training=True),
        lambda: np.testing.assert_array_equal(inner(X).shape, (len(X), 8)),
        lambda: np.testing.assert_array_equal(model.evaluate(X, targets, verbose=0), scores),
        lambda: model.train_on_batch(X, targets),
        lambda: model.test_on_batch(X, targets),
        set_and_get,
        lambda: model.summary(print_fn=texts.append),
        pickled,
        clone,
        lambda: (model.optimizer.variables, model.optimizer.get_config(), repr(model)),
    ]

    def work(i: int) -> None:
        for j in range(3 * len(jobs)):
            jobs[(i * 5 + j) % len(jobs)]()

    at_once(THREADS, work)
    same_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(X), outputs)
    steps = THREADS * 3 * (2 * -(-len(X) // 32) + 1)
    assert model.optimizer.iterations == steps
    assert all(text.splitlines()[1:10] == texts[0].splitlines()[1:10] for text in texts)


# -- locks


def test_copies_have_locks_of_their_own():
    model = make_model("native")
    with model._lock:
        twins = elsewhere(lambda: (copy.deepcopy(model), pickle.loads(pickle.dumps(model))))
        for twin in twins:
            elsewhere(lambda twin=twin: twin.predict(X))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_does_not_inherit_a_held_lock():
    run_script(
        """
import os, threading
import fastmlp
from fastmlp import _locks, variable
model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1)])
held, done = threading.Event(), threading.Event()
def hold():
    with model._lock, variable._lock:
        held.set()
        done.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
mine = _locks.Lock()
with mine:  # what the forking thread holds stays held, and can be given back
    child = os.fork()
if child == 0:
    model.predict([[1.0, 2.0]])
    os._exit(0)
status = os.waitpid(child, 0)[1]
done.set()
thread.join()
assert status == 0
""",
        timeout=30,
    )
