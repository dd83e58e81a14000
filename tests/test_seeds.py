"""What is a function of what: a test for each row of docs/seeds.md, by its number."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from processes import run_script

import fastmlp
from fastmlp import random
from fastmlp.layers import Dense, Dropout

ROWS, INPUTS, OUTPUTS = 45, 6, 3


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(5)
    return rng.uniform(-1, 1, (ROWS, INPUTS)), rng.uniform(-1, 1, (ROWS, OUTPUTS))


def made(seed: int = 3, **compiled: Any) -> fastmlp.Sequential:
    fastmlp.utils.set_random_seed(seed)
    model = fastmlp.Sequential(
        [fastmlp.Input((INPUTS,)), Dense(8, activation="relu"), Dropout(0.3), Dense(OUTPUTS)]
    )
    model.compile(**({"optimizer": "adam", "loss": "mse"} | compiled))
    return model


def fitted(model: fastmlp.Sequential, **options: Any) -> tuple[list[np.ndarray], dict[str, Any]]:
    arguments = {"epochs": 3, "batch_size": 8, "verbose": 0} | options
    history = model.fit(*arguments.pop("data", data()), **arguments)
    return model.get_weights(), history.history


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(map(np.array_equal, a, b))


def test_every_row_has_a_test() -> None:
    text = (Path(__file__).parent.parent / "docs" / "seeds.md").read_text(encoding="utf-8")
    rows = {int(row) for row in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    tests = {int(m[1]) for name in globals() if (m := re.match(r"test_(\d+)_", name))}
    assert rows == tests == set(range(1, 11))


def test_1_the_nth_seed() -> None:
    fastmlp.utils.set_random_seed(9)
    first = [random.next_seed() for _ in range(5)]
    fastmlp.utils.set_random_seed(9)
    assert [random.next_seed() for _ in range(5)] == first
    assert len(set(first)) == 5
    fastmlp.utils.set_random_seed(10)
    assert random.next_seed() not in first


def test_2_the_order_in_which_a_script_makes_things() -> None:
    fastmlp.utils.set_random_seed(9)
    alone = Dense(2)
    alone.build((None, 3))
    fastmlp.utils.set_random_seed(9)
    first, second = Dense(2), Dense(2)
    second.build((None, 3))  # building draws nothing: who was made first decides
    first.build((None, 3))
    assert same(first.get_weights(), alone.get_weights())
    assert not same(second.get_weights(), alone.get_weights())
    fastmlp.utils.set_random_seed(9)
    Dropout(0.5)  # takes the first
    third = Dense(2)
    third.build((None, 3))
    assert not same(third.get_weights(), alone.get_weights())
    fastmlp.utils.set_random_seed(9)
    Dropout(0.5, seed=4)  # has its own
    fourth = Dense(2)
    fourth.build((None, 3))
    assert same(fourth.get_weights(), alone.get_weights())

    made()
    after = random.next_seed()
    again = made()
    fitted(again)
    again.predict(data()[0], verbose=0)
    assert random.next_seed() == after


def test_3_an_initial_weight() -> None:
    glorot = fastmlp.initializers.GlorotUniform(seed=5)
    layer = Dense(4, kernel_initializer=glorot, name="another")
    layer.build((None, 3))
    np.testing.assert_array_equal(layer.kernel, fastmlp.initializers.GlorotUniform(seed=5)((3, 4)))
    other = fastmlp.initializers.GlorotUniform(seed=6)((3, 4))
    assert not np.array_equal(layer.kernel, other)


def test_4_a_dropout_mask(engine: str) -> None:
    """Seen through a network that does nothing else: what is kept is scaled, the rest is 0."""
    x = np.random.RandomState(0).uniform(1, 2, (7, 40))

    def kept(rows: np.ndarray, seed: int = 1, step: int = 0) -> np.ndarray:
        model = fastmlp.Sequential([fastmlp.Input((40,)), Dropout(0.4, seed=seed)])
        model.compile("sgd", "mse", engine=engine)
        return model._bind().engine.predict(np.ascontiguousarray(rows), step) != 0

    mask = kept(x)
    assert 0.4 < mask.mean() < 0.8
    np.testing.assert_array_equal(kept(x), mask)
    np.testing.assert_array_equal(kept(x * 3.0), mask)  # the values
    np.testing.assert_array_equal(kept(x[:4]), mask[:4])  # the batch's size
    np.testing.assert_array_equal(mask, random.dropout_mask(1, 0, 7, 40, 0.4))
    np.testing.assert_array_equal(kept(x[3:]), mask[:4])  # its place in the batch, not the row
    assert (kept(x, seed=2) != mask).any()
    assert (kept(x, step=1) != mask).any()
    # calls are numbered far above the steps of any training
    layer = Dropout(0.4, seed=1)
    for call in range(2):
        expected = random.dropout_mask(1, (1 << 47) + call, 7, 40, 0.4)
        np.testing.assert_array_equal(np.asarray(layer(x, training=True)) != 0, expected)


def test_5_the_order_of_an_epoch(engine: str) -> None:
    """The losses of single rows say which row came when."""
    model = made(optimizer=fastmlp.optimizers.SGD(0.0), engine=engine)
    x = np.zeros((ROWS, INPUTS))
    y = np.arange(ROWS, dtype=np.float64)[:, None] * np.ones((1, OUTPUTS))
    model.set_weights([np.zeros(w.shape) for w in model.get_weights()])
    losses: list[float] = []

    class Losses(fastmlp.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            losses.append(logs["loss"])  # type: ignore[index]

    model.fit(x, y, batch_size=1, epochs=1, verbose=0, callbacks=[Losses()])

    def visited(epoch: int) -> np.ndarray:
        means = np.array(losses[epoch * ROWS :]) * np.arange(1, ROWS + 1)  # shown: a running mean
        return np.sqrt(np.diff(np.concatenate([[0.0], means]))).round().astype(int)

    seed = model._shuffle_seed
    np.testing.assert_array_equal(visited(0), random.permutation(seed, 0, ROWS))
    model.fit(x, y, batch_size=1, epochs=1, verbose=0, callbacks=[Losses()])
    np.testing.assert_array_equal(visited(1), random.permutation(seed, ROWS, ROWS))


def test_6_trained_weights(engine: str) -> None:
    weights, _ = fitted(made(engine=engine))
    x, y = data()
    assert same(fitted(made(engine=engine))[0], weights)

    class Looks(fastmlp.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            assert logs

    unchanged: dict[str, dict[str, Any]] = {
        "callbacks": {"callbacks": [Looks()]},
        "validation": {"validation_data": (x[:9], y[:9])},
        "type": {"data": (x[::-1][::-1], y.tolist())},
        "order in memory": {"data": (np.asfortranarray(x), y)},
    }
    for what, options in unchanged.items():
        assert same(fitted(made(engine=engine), **options)[0], weights), what
    with_metrics = made(engine=engine, metrics=["mse"])
    assert same(fitted(with_metrics)[0], weights), "metrics"
    before = fastmlp.get_num_threads()
    try:
        fastmlp.set_num_threads(3)
        assert same(fitted(made(engine=engine))[0], weights), "threads"
    finally:
        fastmlp.set_num_threads(before)

    changed: dict[str, Any] = {
        "seed": lambda: fitted(made(seed=4, engine=engine)),
        "batch size": lambda: fitted(made(engine=engine), batch_size=9),
        "shuffle": lambda: fitted(made(engine=engine), shuffle=False),
        "order of rows": lambda: fitted(made(engine=engine), data=(x[::-1], y[::-1])),
        "epochs": lambda: fitted(made(engine=engine), epochs=4),
        "optimizer": lambda: fitted(made(engine=engine, optimizer="sgd")),
    }
    for what, run in changed.items():
        assert not same(run()[0], weights), what


@pytest.mark.parametrize("isa", fastmlp.threads.core.isas())
def test_7_history_in_a_process_of_its_own(isa: str) -> None:
    """The same numbers to the last bit on every instruction set, and as in this process."""
    if not fastmlp.threads.core.isa_usable(isa):
        pytest.skip(f"this CPU has no {isa}")
    _, history = fitted(made(metrics=["mse"]), validation_split=0.2)
    script = (
        "from test_seeds import fitted, made\n"
        "print(fitted(made(metrics=['mse']), validation_split=0.2)[1])"
    )
    environment = {"FASTMLP_ISA": isa, "FASTMLP_NUM_THREADS": "3"}
    assert run_script(script, environment) == str(history)


@pytest.mark.parametrize("cut", [1, 2])
def test_8_a_training_cut_in_two(engine: str, cut: int) -> None:
    weights, history = fitted(made(engine=engine), epochs=3)
    model = made(engine=engine)
    _, first = fitted(model, epochs=cut)
    after, rest = fitted(model, epochs=3, initial_epoch=cut)
    assert same(after, weights)
    assert first["loss"] + rest["loss"] == history["loss"]


def test_9_a_prediction(engine: str) -> None:
    model, (x, _) = made(engine=engine), data()
    outputs = model.predict(x, verbose=0)
    if engine == "native":  # NumPy's products may differ by the number of rows
        np.testing.assert_array_equal(model.predict(x[7:9], verbose=0), outputs[7:9])
        np.testing.assert_array_equal(model(x[7:8]), outputs[7:8])
    np.testing.assert_array_equal(model.predict(x, batch_size=7, verbose=0), outputs)


def test_10_an_evaluation(engine: str) -> None:
    model, (x, y) = made(engine=engine), data()
    value = model.evaluate(x, y, batch_size=8, verbose=0)
    assert model.evaluate(x, y, batch_size=8, verbose=0) == value
    # mean of batches weighted by their rows: the same to rounding, by another order of sums
    assert model.evaluate(x, y, batch_size=45, verbose=0) == pytest.approx(value, rel=1e-14)
    total = made(engine=engine, loss=fastmlp.losses.MeanSquaredError(reduction="sum"))
    assert total.evaluate(x, y, batch_size=8, verbose=0) < 0.5 * total.evaluate(
        x, y, batch_size=45, verbose=0
    )
