"""What compile makes of a loss: its weight, one that labels choose, overlaps of whole batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_cases import mlp
from small_model import EXACT, X, Y, assert_same_weights, make_model

import fastmlp
from fastmlp import _core, losses
from fastmlp.engine import Adam, Data, Training, make_loss
from fastmlp.engine.native import NativeEngine
from fastmlp.engine.reference import ReferenceEngine

ONE_HOT = np.eye(3)[Y]


@pytest.mark.parametrize("axis", [None, -1])
@pytest.mark.parametrize("loss_class", [losses.Dice, losses.Tversky])
def test_gradients_of_overlaps_are_those_of_the_values(loss_class: Any, axis: Any) -> None:
    loss, rng = loss_class(axis=axis), np.random.RandomState(1)
    y, p = rng.uniform(size=(4, 3)), rng.uniform(0.1, 0.9, (4, 3))
    _, gradient = loss.call(y, p)
    for index in np.ndindex(*p.shape):
        step = np.zeros_like(p)
        step[index] = 1e-6
        up, down = loss.call(y, p + step)[0], loss.call(y, p - step)[0]
        change = (up - down if axis is None else (up - down)[index[0]]) / 2e-6
        # roundings of 1e-16 by 1e-6, and a third derivative of about 1 times 1e-12
        assert gradient[index] == pytest.approx(change, rel=1e-6, abs=1e-9)


def overlaps(engine: str, loss: Any, weights: Any = None) -> list[np.ndarray]:
    fastmlp.utils.set_random_seed(3)
    model = fastmlp.Sequential(
        [fastmlp.Input((X.shape[1],)), fastmlp.layers.Dense(3, activation="sigmoid")]
    )
    model.compile("adam", loss, engine=engine)
    history = model.fit(X, ONE_HOT, 8, 3, verbose=0, sample_weight=weights).history["loss"]
    return [*model.get_weights(), np.asarray(history)]


@pytest.mark.parametrize("loss", ["dice", losses.Tversky(0.3, 0.9), losses.Dice(axis=-1)])
def test_overlaps_in_both_engines_and_any_threads(loss: Any) -> None:
    before = _core.get_num_threads()
    reference = overlaps("reference", loss)
    try:
        found = []
        for threads in (1, 2, 3, 5):
            _core.set_num_threads(threads)
            found.append(overlaps("native", loss))
    finally:
        _core.set_num_threads(before)
    for native in found:
        for a, b, c in zip(native, found[0], reference, strict=True):
            np.testing.assert_array_equal(a, b)
            # Adam divides what cancels in 21 steps
            np.testing.assert_allclose(a, c, rtol=1e-11, atol=1e-12)


def test_overlaps_refuse_what_they_cannot() -> None:
    for axis in (0, (0, 1), -2):
        with pytest.raises(ValueError, match="axis must be None, -1 or axes from 1 on"):
            overlaps("native", losses.Dice(axis=axis))
    with pytest.raises(ValueError, match="must return a loss for each sample where samples"):
        overlaps("native", "dice", np.ones(len(X)))
    with pytest.raises(ValueError, match="alpha must be"):
        losses.Tversky(alpha=-1.0)
    with pytest.raises(ValueError, match="axis must be an integer"):
        losses.Dice(axis="all")
    with pytest.raises(ValueError, match="same shape"):
        losses.dice(np.ones((2, 3)), np.ones((2, 4)))


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("kind", ["mean_squared_error", "sparse_categorical_crossentropy"])
def test_the_weight_of_a_loss_multiplies_value_and_gradient(kind: str, reduction: str) -> None:
    x = np.random.RandomState(2).uniform(-1.0, 1.0, (20, 6))
    y: Any = np.random.RandomState(3).uniform(size=(20, 3))
    if kind.startswith("sparse"):
        y = y.argmax(axis=1).astype(np.int32)
    data = Data(x, y, np.random.RandomState(4).uniform(0.1, 2.0, 20))
    network = mlp(6, 5, 3)
    results = []
    for engine_class in (ReferenceEngine, NativeEngine):
        for weight in (1.0, -4.0):  # a power of two changes no rounding
            loss = make_loss(kind, reduction=reduction, weight=weight)
            engine = engine_class(network, Training(loss, Adam()))
            for i, shape in enumerate(network.parameter_shapes):
                engine.write_parameter(i, np.random.RandomState(i).uniform(0.1, 1.0, shape))
            value, gradient = engine.gradient(data, np.arange(20), 0)
            results.append(np.append(gradient, value))
    np.testing.assert_array_equal(results[1], -4.0 * results[0])
    np.testing.assert_array_equal(results[3], -4.0 * results[2])
    np.testing.assert_allclose(results[3], results[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("given", [0.25, [0.25], {"output": 0.25}])
def test_forms_of_loss_weights(given: Any) -> None:
    model = make_model("native")
    scores = model.evaluate(X, Y, verbose=0)
    model.compile("sgd", model.loss, loss_weights=given)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(0.25 * scores, rel=1e-14)
    assert model.get_compile_config()["loss_weights"] == given
    twin = fastmlp.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile_from_config(model.get_compile_config())
    assert twin.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


@pytest.mark.parametrize("given", ["half", [1.0, 1.0], np.nan, np.inf])
def test_loss_weights_that_are_none(given: Any) -> None:
    with pytest.raises(ValueError, match="loss_weights must be a finite number"):
        make_model("native").compile("sgd", "mse", loss_weights=given)


def probabilities(outputs: int) -> fastmlp.Sequential:
    fastmlp.utils.set_random_seed(1)
    last = "sigmoid" if outputs == 1 else "softmax"
    layer = fastmlp.layers.Dense(outputs, activation=last)
    return fastmlp.Sequential([fastmlp.Input((X.shape[1],)), layer])


LABELS = {
    "binary": (1, (Y > 1).astype(float), "binary_crossentropy"),
    "sparse": (3, Y, "sparse_categorical_crossentropy"),
    "column": (3, Y[:, None], "sparse_categorical_crossentropy"),
    "categorical": (3, ONE_HOT, "categorical_crossentropy"),
}


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("kind", LABELS)
def test_labels_choose_the_crossentropy(kind: str, engine: str) -> None:
    outputs, y, name = LABELS[kind]
    expected = probabilities(outputs)
    expected.compile("adam", name, engine=engine)
    expected.fit(X, y, 10, 2, verbose=0, shuffle=False)

    def batches() -> Any:
        return ((X[i : i + 10], y[i : i + 10]) for i in [*range(0, 50, 10)] * 2)

    for x, labels, options in (
        (X, y, {"batch_size": 10}),
        (batches(), None, {"steps_per_epoch": 5}),
    ):
        model = probabilities(outputs)
        model.compile("adam", "CE", engine=engine)
        model.predict(X[:2])  # before there are labels
        model.fit(x, labels, epochs=2, verbose=0, shuffle=False, **options)
        assert_same_weights(expected, model, **EXACT)
        assert model.loss == "CE"


def test_no_labels_choose_nothing() -> None:
    model = probabilities(3)
    model.compile("adam", "crossentropy")
    with pytest.raises(ValueError, match="y must be given"):
        model.fit(X, None, verbose=0)
    assert isinstance(model.evaluate(X, Y, verbose=0), float)


def test_what_a_layer_was_built_for() -> None:
    layer, twin = fastmlp.layers.Dense(3), fastmlp.layers.Dense(3)
    assert layer.get_build_config() is None
    layer.build((None, 4))
    twin.build_from_config(layer.get_build_config())
    assert twin.kernel.shape == (4, 3)
    twin.build_from_config(None)
    with pytest.raises(ValueError, match="was built for input shape"):
        twin.build_from_config({"input_shape": (None, 5)})
    model = fastmlp.Sequential([fastmlp.layers.Dense(2)])
    model.build_from_config({"input_shape": (None, 4)})
    assert model.count_params() == 10
