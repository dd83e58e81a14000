"""What the engine learns of samples trains to the bits of the samples themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import fastmlp
from fastmlp import _core
from fastmlp.engine import Data, Network, Training
from fastmlp.engine.native import NativeEngine
from fastmlp.engine.words import (
    Adam,
    Dense,
    Dropout,
    Relu,
    Rescaling,
    SparseCategoricalCrossentropy,
)
from fastmlp.models import feeding

CLASSES = 5


def samples(
    n: int, features: int, dtype: str, density: float = 0.2, values: int = 256
) -> NDArray[Any]:
    """(n, features) of so many different values at most, 0 among them."""
    rng = np.random.default_rng(n + features)
    x = rng.integers(1, values, (n, features)) * (rng.random((n, features)) < density)
    if dtype == "uint8":
        return x.astype(np.uint8)
    return ((x - 7.0 * (x > 0)) / 255.0).astype(dtype)  # some below 0


def engine_of(features: int, scale: float = 1.0) -> NativeEngine:
    first: list[Any] = [] if scale == 1.0 else [Rescaling(scale)]
    hidden = [Dense(features, 19), Relu(), Dropout(0.2, seed=3)]
    network = Network(features, (*first, *hidden, Dense(19, CLASSES)))
    loss = SparseCategoricalCrossentropy(from_logits=True)
    engine = NativeEngine(network, Training(loss, Adam()))
    rng = np.random.default_rng(1)
    for i, shape in enumerate(network.parameter_shapes):
        engine.write_parameter(i, rng.normal(size=shape) / 4)
    return engine


def trained(
    x: NDArray[Any], learned: Any, batch_size: int, scale: float = 1.0, rows: int | None = None
) -> list[Any]:
    """Losses, outputs, parameters and slots after two epochs."""
    engine = engine_of(x.shape[1], scale)
    n = len(x) if rows is None else rows
    data = Data(
        x[:n], np.arange(n, dtype=np.int32) % CLASSES, np.linspace(0.5, 1.5, n), learned=learned
    )
    order = np.stack([np.random.default_rng(e).permutation(n) for e in range(2)])
    rates = np.full(2 * -(-n // batch_size), 0.01)
    result = engine.train(data, order, batch_size, rates, np.array(0), True)
    kept = [engine.read_parameter(i) for i in range(4)]
    slots = [engine.read_slot(i, slot) for i in range(4) for slot in range(2)]
    return [result.losses, result.outputs, *kept, *slots]


def learn(x: NDArray[Any], epochs: int = 9) -> Any:
    return engine_of(x.shape[1]).learn(x, epochs)


def same(a: list[Any], b: list[Any]) -> bool:
    return all(u.tobytes() == v.tobytes() for u, v in zip(a, b, strict=True))


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize("features", [1, 2, 7, 8, 9, 15, 17, 131, 784])
def test_same_bits(dtype: str, features: int) -> None:
    x = samples(150, features, dtype)
    learned = learn(x)
    assert isinstance(learned, _core.Coded)
    for batch_size in (1, 32, 150):
        assert same(trained(x, learned, batch_size), trained(x, None, batch_size))


@pytest.mark.parametrize("tune", ["0", "lists", "dense", "turns"])
@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_same_bits_in_every_way(tune: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also batches of several passes and gradient blocks."""
    x = samples(2500, 301, "float64", density=0.3)
    expected = {size: trained(x, None, size, 0.5) for size in (33, 2500)}
    monkeypatch.setenv("FASTMLP_TUNE", tune)
    before = fastmlp.get_num_threads()
    fastmlp.set_num_threads(threads)
    try:
        learned = learn(x)
        for size, result in expected.items():
            assert same(trained(x, learned, size, 0.5), result)
    finally:
        fastmlp.set_num_threads(before)


@pytest.mark.parametrize("isa", [isa for isa in _core.isas() if _core.isa_usable(isa)])
def test_same_bits_on_every_instruction_set(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = samples(97, 61, "float32")
    expected = trained(x, None, 32)
    monkeypatch.setenv("FASTMLP_ISA", isa)
    assert same(trained(x, learn(x), 32), expected)


def test_negative_zeros() -> None:
    x = samples(64, 33, "float64")
    x[::3, ::2] = -0.0
    assert same(trained(x, learn(x), 16), trained(x, None, 16))


def test_fewer_rows_than_were_learned() -> None:
    x = samples(100, 30, "float64")
    assert same(trained(x, learn(x), 32, rows=70), trained(x, None, 32, rows=70))


def test_other_samples_are_refused() -> None:
    x = samples(100, 30, "float64")
    with pytest.raises(ValueError, match="argument"):
        trained(samples(101, 30, "float64"), learn(x), 32)
    with pytest.raises(ValueError, match="argument"):
        trained(samples(100, 31, "float64"), learn(x), 32)


@pytest.mark.parametrize("count", [255, 256, 257])
def test_at_most_256_values(count: int) -> None:
    x = np.zeros((40, 100))
    x.flat[: 3 * count : 3] = np.arange(count)  # 0 is one of them
    assert (learn(x) is not None) == (count <= 256)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_not_finite_is_not_learned_and_refused_by_fit(bad: float, dtype: str) -> None:
    x = samples(100, 30, dtype)
    x[61, 29] = bad
    assert learn(x) is None
    model = fastmlp.Sequential([fastmlp.layers.Dense(CLASSES)])
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match=r"x must hold finite numbers only.* in row 61"):
        model.fit(x, np.zeros((100, CLASSES)), epochs=3, verbose=0)


def test_what_is_not_worth_it_is_not_learned() -> None:
    assert learn(samples(100, 30, "float64", density=0.9)) is None  # dense products
    assert learn(np.random.default_rng(0).normal(size=(50, 30))) is None
    assert learn(np.zeros((2, 1 << 17 | 1))) is None  # more pairs than an entry can tell
    assert learn(np.zeros((2, 1 << 17))) is not None
    assert learn(samples(100, 30, "float64"), epochs=1) is None
    assert learn(samples(100, 30, "uint8"), epochs=3) is None
    network = engine_of(30)._network
    x = samples(100, 30, "float64", values=3, density=0.3)
    bytes_of_all = 100 * 16 + 4 * int(((x[:, ::2] != 0) | (x[:, 1::2] != 0)).sum())
    assert network.code(x, bytes_of_all) is not None
    assert network.code(x, bytes_of_all - 1) is None
    assert network.code(x, 100) is None


def fitted(x: NDArray[Any], y: NDArray[Any], **options: Any) -> tuple[Any, list[Any]]:
    fastmlp.utils.set_random_seed(5)
    layers = fastmlp.layers
    model = fastmlp.Sequential([layers.Dense(16, "relu"), layers.Dropout(0.3), layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(x, y, epochs=4, verbose=0, **options)
    return history.history, model.get_weights()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shuffle": False},
        {"shuffle": "batch"},
        {"validation_split": 0.3},
        {"steps_per_epoch": 2, "batch_size": 40},
        {"sample_weight": np.linspace(0, 2, 300)},
    ],
    ids=lambda options: next(iter(options), "plain"),
)
def test_fit(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = samples(300, 50, "float64"), np.random.default_rng(3).normal(size=(300, 2))
    made = []

    def spied(self: NativeEngine, x: Any, epochs: int) -> Any:
        made.append(original(self, x, epochs))
        return made[-1]

    original = NativeEngine.learn
    monkeypatch.setattr(NativeEngine, "learn", spied)
    history, weights = fitted(x, y, **options)
    assert len(made) == 1
    assert made[0] is not None
    monkeypatch.setattr(NativeEngine, "learn", lambda self, x, epochs: None)
    plain_history, plain_weights = fitted(x, y, **options)
    assert history == plain_history
    assert same(weights, plain_weights)


def test_class_weights_keep_what_was_learned() -> None:
    data = Data(np.zeros((4, 2)), np.arange(4, dtype=np.int32) % 2, learned="that")
    model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(2)])
    model.compile("adam", "sparse_categorical_crossentropy")
    weighted = feeding.FeedingModel._with_class_weight(model, data, {0: 2.0})
    assert weighted.learned == "that"
    assert weighted.sample_weight is not None
    assert replace(weighted, learned=None).learned is None


def test_memory_is_given_back() -> None:
    """A thousand of 16 MB each would not fit."""
    x = samples(20_000, 400, "uint8", density=0.3)
    network = engine_of(400)._network
    for _ in range(200):
        assert network.code(x, 1 << 26) is not None
