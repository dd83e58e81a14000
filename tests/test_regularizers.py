"""Regularizers and constraints: words against central differences, layers that have them, what is
refused. Trainings beside Keras: tests/parity/cases/regular.py; bits: tests/engine_cases.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastmlp
from fastmlp import constraints, engine, layers, ops, regularizers
from fastmlp.engine import words
from fastmlp.layers import penalties

REGULARIZERS = [
    words.L1L2(0.3),
    words.L1L2(0.3, 0.7),
    words.Orthogonal(0.5),
    words.Orthogonal(0.5, columns=True),
]
RNG = np.random.default_rng


@pytest.mark.parametrize("word", REGULARIZERS, ids=repr)
def test_slopes_are_those_of_penalties(word: words.Regularizer) -> None:
    w = RNG(0).uniform(0.1, 1.0, (4, 3)) * RNG(1).choice([-1.0, 1.0], (4, 3))
    slope, h = word.slope(w), 1e-6
    for place in np.ndindex(w.shape):
        above, below = w.copy(), w.copy()
        above[place] += h
        below[place] -= h
        difference = (word.penalty(above) - word.penalty(below)) / (2 * h)
        # truncation h^2 and rounding 1e-16 / h, both of numbers around 1
        assert slope[place] == pytest.approx(difference, abs=1e-8), place


def test_vectors_below_epsilon_and_of_zeros() -> None:
    """They are divided by epsilon, not by their norm; nothing of them is NaN."""
    w = np.array([[0.0, 0.0], [3e-8, 4e-8], [1.0, 2.0]])
    word = words.Orthogonal(0.6)
    one, other = w[1] / 1e-7, w[2] / np.sqrt(5.0)
    assert word.penalty(w) == pytest.approx(0.6 / 6 * 2 * (one @ other), rel=1e-14)
    assert np.isfinite(word.slope(w)).all()
    assert word.slope(w)[1] == pytest.approx(2 * 0.6 / 6 * other / 1e-7, rel=1e-14)
    exact = words.Orthogonal(0.6, epsilon=0.0)
    assert np.isfinite(exact.penalty(w))
    assert np.isfinite(exact.slope(w)).all()
    assert not words.Norm(min_value=1.0, epsilon=0.0).project(np.zeros((2, 2))).any()


@pytest.mark.parametrize(("l1", "l2"), [(0.3, 0.0), (0.2, 0.7)])
def test_slopes_of_activities(l1: float, l2: float) -> None:
    x = RNG(2).standard_normal((5, 3))
    word, h = words.ActivityRegularization(l1, l2), 1e-6
    slope = word.backward(x, x, np.zeros_like(x), [], words.Context(0, samples=5))
    for place in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[place] += h
        below[place] -= h
        difference = (word.penalties(above).mean() - word.penalties(below).mean()) / (2 * h)
        assert slope[place] == pytest.approx(difference, abs=1e-8), place  # as above


@pytest.mark.parametrize("engine_name", ["native", "reference"])
@pytest.mark.parametrize("split", [1, 3])
def test_loss_and_gradient_of_a_model(engine_name: str, split: int) -> None:
    """Against central differences of the loss, in which all penalties are; also where a sample
    has several rows."""
    operations: list[engine.Operation] = [engine.ActivityRegularization(0.1)]
    if split > 1:
        operations += [words.Reshape(2), engine.ActivityRegularization(0.2, 0.1)]
    inputs = 6 // split
    network = engine.Network(
        6,
        (
            *operations,
            engine.Dense(inputs, 4),
            engine.Tanh(),
            engine.ActivityRegularization(0.3, 0.2),
            engine.Dense(4, 2),
        ),
        (engine.L1L2(0.1, 0.2), engine.L1L2(l2=0.3), engine.Orthogonal(0.4), None),
    )
    training = engine.Training(engine.make_loss("mean_squared_error"), engine.Sgd())
    made = engine.create_engine(engine_name, network, training)
    rng = RNG(3)
    for i, shape in enumerate(network.parameter_shapes):
        made.write_parameter(i, rng.uniform(0.2, 1.0, shape))
    data = engine.Data(rng.standard_normal((7, 6)), rng.standard_normal((7, 2 * split)))
    rows, h = np.arange(7), 1e-6
    loss, gradient = made.gradient(data, rows, 0)
    penalty, activities = made.penalties(data.x)
    losses, _ = made.evaluate(data)
    # two sums of the same numbers in other orders
    assert loss == pytest.approx(losses.mean() + penalty + activities.mean(1).sum(), rel=1e-13)
    assert activities.shape == (network.activities, 7)
    start = 0
    for i, shape in enumerate(network.parameter_shapes):
        value = made.read_parameter(i)
        for place in np.ndindex(shape):
            both = []
            for step in (h, -h):
                moved = value.copy()
                moved[place] += step
                made.write_parameter(i, moved)
                both.append(made.gradient(data, rows, 0)[0])
            difference = (both[0] - both[1]) / (2 * h)
            assert gradient[start] == pytest.approx(difference, abs=1e-8)  # as above
            start += 1
        made.write_parameter(i, value)


def test_a_sample_of_several_rows_counts_once() -> None:
    """The mean is over samples, whatever axes they have."""
    x = RNG(4).standard_normal((5, 2, 3))
    layer = layers.ActivityRegularization(0.5, 0.25)
    layer(x)
    expected = (0.5 * np.abs(x).sum() + 0.25 * np.square(x).sum()) / 5
    assert [float(loss) for loss in layer.losses] == [pytest.approx(expected, rel=1e-14)]


# -- layers and models --


def regularized() -> fastmlp.Sequential:
    return fastmlp.Sequential(
        [
            fastmlp.Input((3,)),
            layers.Dense(
                4,
                kernel_regularizer=regularizers.L1L2(0.1, 0.2),
                bias_regularizer="l2",
                activity_regularizer="l1",
                kernel_constraint=constraints.MinMaxNorm(0.5, 2.0, 0.5, axis=1),
                bias_constraint="non_neg",
            ),
            layers.BatchNormalization(
                beta_regularizer="l1",
                gamma_regularizer=regularizers.L2(0.5),
                beta_constraint=constraints.UnitNorm(),
                gamma_constraint="max_norm",
                activity_regularizer=regularizers.L2(0.3),
            ),
            layers.ActivityRegularization(0.1, 0.2),
            layers.Dense(2, kernel_regularizer=regularizers.OrthogonalRegularizer(0.1, "columns")),
        ]
    )


def test_configurations_come_back() -> None:
    model = regularized()
    again = fastmlp.Sequential.from_config(model.get_config())
    again.set_weights(model.get_weights())
    x = RNG(5).standard_normal((6, 3))
    for each in (model, again):
        each(x)
    assert again.get_config() == model.get_config()
    assert len(model.losses) == 8
    assert [float(loss) for loss in again.losses] == [float(loss) for loss in model.losses]
    assert "activity_regularizer" not in layers.Dense(1).get_config()
    assert "activity_regularizer" not in layers.ActivityRegularization(0.1).get_config()


def test_losses_follow_weights_and_what_is_trained() -> None:
    model = fastmlp.Sequential(
        [fastmlp.Input((2,)), layers.Dense(1, use_bias=False, kernel_regularizer="l2")]
    )
    model.set_weights([np.array([[3.0], [4.0]])])
    assert [float(loss) for loss in model.losses] == [0.25]
    model.trainable = False
    assert model.losses == []
    model.compile("sgd", "mse")
    assert model.evaluate(np.zeros((2, 2)), np.zeros(2), verbose=0) == 0.0
    model.trainable = True
    assert model.evaluate(np.zeros((2, 2)), np.zeros(2), verbose=0) == 0.25
    model.layers[0].activity_regularizer = regularizers.L1(1.0)
    assert model.evaluate(np.ones((2, 2)), np.zeros(2), verbose=0) == 49.0 + 7.0 + 0.25


@pytest.mark.parametrize("engine_name", ["native", "reference"])
def test_the_way_into_constraints(engine_name: str) -> None:
    """Weights are left alone until a step is made."""
    model = fastmlp.Sequential(
        [fastmlp.Input((2,)), layers.Dense(2, kernel_constraint="unit_norm")]
    )
    model.set_weights([np.array([[3.0, 0.0], [4.0, 0.0]]), np.zeros(2)])
    model.compile(fastmlp.optimizers.SGD(0.0), "mse", engine=engine_name)
    model.predict(np.ones((1, 2)))
    assert model.get_weights()[0].max() == 4.0
    model.train_on_batch(np.ones((1, 2)), np.ones((1, 2)))
    kernel = model.get_weights()[0]
    assert kernel == pytest.approx(np.array([[0.6, 0.0], [0.8, 0.0]]), rel=1e-7)  # epsilon


# -- what is refused --


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regularizers.L1(-0.1), "l1 must be a finite number of at least 0"),
        (lambda: regularizers.L2(float("nan")), "l2 must be"),
        (lambda: regularizers.L1L2("a"), "l1 must be"),
        (lambda: regularizers.OrthogonalRegularizer(mode="diagonal"), "mode must be"),
        (lambda: regularizers.OrthogonalRegularizer()([1.0, 2.0]), "2 axes"),
        (lambda: regularizers.get("l3"), "regularizer must be one of"),
        (lambda: constraints.get("positive"), "constraint must be one of"),
        (lambda: constraints.MaxNorm(-1), "max_value must be"),
        (lambda: constraints.MinMaxNorm(rate=float("inf")), "rate must be"),
        (lambda: constraints.UnitNorm(axis=40), "axis must be"),
        (lambda: constraints.UnitNorm(axis=1)([1.0]), "axis must name axes of the weight"),
        (lambda: layers.Dense(2, activity_regularizer="orthogonal_regularizer"), "L1, L2 or L1L2"),
        (lambda: layers.Dense(2, activity_regularizer=lambda y: 0.0), "L1, L2 or L1L2"),
        (lambda: layers.Dense(2, lora_rank=4), "lora_rank must be None"),
        (lambda: layers.Dense(2, lora_alpha=4), "lora_alpha must be None"),
        (lambda: layers.Dense(2, quantization_config="int8"), "quantization_config must be None"),
        (lambda: layers.ActivityRegularization(l2=-1), "l2 must be"),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_no_regularizer_or_constraint() -> None:
    with pytest.raises(TypeError, match="regularizer must be a name or an instance"):
        layers.Dense(1, kernel_regularizer=0.1)
    with pytest.raises(TypeError, match="constraint must be a name or an instance"):
        layers.Dense(1, kernel_constraint=0.1)


def test_not_for_weights_of_that_shape() -> None:
    """Refused when the weights are made, and the layer is as it was."""
    orthogonal = regularizers.OrthogonalRegularizer
    for layer, message in (
        (layers.Dense(1, kernel_regularizer=orthogonal(mode="columns")), "two columns"),
        (layers.Dense(2, bias_regularizer="orthogonal_regularizer"), "2 axes"),
        (layers.Dense(2, bias_constraint=constraints.MaxNorm(axis=1)), "axis must name axes"),
    ):
        with pytest.raises(ValueError, match=message):
            layer.build((None, 3))
        assert not layer.built
        assert layer.weights == []


@pytest.mark.parametrize("engine_name", ["native", "reference"])
def test_weights_that_engines_have_as_vectors(engine_name: str) -> None:
    """PReLU's alpha (3, 2), one vector there: what works element by element."""
    network = engine.Network(6, (engine.Prelu(),))
    alpha = fastmlp.Variable(np.zeros((3, 2)), name="alpha")
    for alpha.regularizer, alpha.constraint in (
        (regularizers.OrthogonalRegularizer(), None),
        (None, constraints.MaxNorm()),
    ):
        with pytest.raises(ValueError, match="element by element"):
            penalties.with_rules(network, [alpha])
    prelu = layers.PReLU(alpha_regularizer="l2", alpha_constraint="non_neg")
    model = fastmlp.Sequential([fastmlp.Input((3, 2)), prelu, layers.Flatten()])
    model.set_weights([np.array([[-1.0, 1.0], [2.0, 3.0], [4.0, -2.0]])])
    model.compile(fastmlp.optimizers.SGD(0.0), "mse", engine=engine_name)
    assert float(model.losses[0]) == pytest.approx(0.35, rel=1e-15)
    loss = model.train_on_batch(np.full((1, 3, 2), -1.0), np.zeros((1, 6)))
    assert loss == pytest.approx(35 / 6 + 0.35, rel=1e-14)
    assert model.get_weights()[0].tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 0.0]]


class Halved(constraints.Constraint):
    """Of one's own."""

    def __call__(self, w: Any) -> Any:
        return 0.5 * np.asarray(w)


@pytest.mark.parametrize("engine_name", ["native", "reference"])
@pytest.mark.parametrize("constraint", [Halved(), lambda w: w * 0.5], ids=["class", "function"])
def test_constraints_of_ones_own(engine_name: str, constraint: Any) -> None:
    """After every step, however many are run at once, and beside those that engines know."""
    dense = layers.Dense(2, kernel_constraint=constraint, bias_constraint="non_neg")
    model = fastmlp.Sequential([fastmlp.Input((2,)), dense])
    start = [np.array([[8.0, -4.0], [2.0, 1.0]]), np.array([-1.0, 1.0])]
    model.set_weights(start)
    x, y = np.zeros((6, 2)), np.zeros((6, 2))  # no gradient for the kernel
    model.compile(fastmlp.optimizers.SGD(0.0), "mse", metrics=["mae"], engine=engine_name)
    history = model.fit(x, y, batch_size=2, epochs=2, verbose=0)
    assert (model.get_weights()[0] == start[0] / 2**6).all()
    assert model.get_weights()[1].tolist() == [0.0, 1.0]
    assert len(history.history["mae"]) == 2
    model.train_on_batch(x, y)
    assert (model.get_weights()[0] == start[0] / 2**7).all()
    dense.trainable = False
    model.fit(x, y, verbose=0)
    assert (model.get_weights()[0] == start[0] / 2**7).all()


@pytest.mark.parametrize("engine_name", ["native", "reference"])
def test_a_constraint_of_ones_own_is_one_of_keras(engine_name: str) -> None:
    """The same trajectory whoever computes it."""
    rng = RNG(6)
    x, y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))
    kernels = []
    for constraint in (constraints.MaxNorm(0.5), lambda w: constraints.MaxNorm(0.5)(w)):
        dense = layers.Dense(2, kernel_initializer="ones", kernel_constraint=constraint)
        model = fastmlp.Sequential([fastmlp.Input((3,)), dense])
        model.compile("adam", "mse", engine=engine_name)
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        kernels.append(model.get_weights()[0])
    # the engine's order of sums and NumPy's
    assert kernels[0] == pytest.approx(kernels[1], rel=1e-13)


class Tenth(regularizers.L2):
    """Of one's own, though made from another."""

    def __call__(self, w: Any) -> Any:
        return 0.1


@pytest.mark.parametrize("regularizer", [lambda w: 0.1, Tenth()], ids=["function", "class"])
def test_regularizers_of_ones_own(regularizer: Any) -> None:
    """They count alone, in evaluate and in training, on the engine that can."""
    dense = layers.Dense(2, kernel_regularizer=regularizer, input_shape=(3,))
    model = fastmlp.Sequential([dense])
    assert [float(loss) for loss in model.losses] == [0.1]
    model.compile("sgd", "mse")
    x, y = np.zeros((2, 3)), np.ones((2, 2))
    assert model.evaluate(x, y, verbose=0) == pytest.approx(1.1, rel=1e-15)
    assert not model.predict(x).any()
    loss, gradient = model.loss_and_gradient(x, y)
    assert loss == pytest.approx(1.1, rel=1e-15)
    assert not gradient[0].any()
    assert model.train_on_batch(x, y) == pytest.approx(1.1, rel=1e-15)
    model.trainable = False
    assert model.evaluate(x, y, verbose=0) < 1.0
    model.trainable = True
    model.compile("sgd", "mse", engine="native")
    with pytest.raises(ValueError, match=r"regularizer .* is written in Python.*reference"):
        model.fit(x, y, verbose=0)


def test_the_slope_of_a_regularizer_of_ones_own() -> None:
    """L1L2 written again."""

    def own(w: Any) -> Any:
        return 0.02 * ops.sum(ops.abs(w)) + 0.05 * ops.sum(ops.square(w))

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 3, 2)), rng.normal(size=(20, 3, 2))
    results = []
    for regularizer in (own, regularizers.L1L2(0.02, 0.05)):
        model = fastmlp.Sequential(
            [layers.Dense(2, kernel_regularizer=regularizer, input_shape=(3, 2))]
        )
        stream = np.random.default_rng(1)
        model.set_weights([stream.normal(size=w.shape) for w in model.get_weights()])
        model.compile("adam", "mse", engine="reference")
        losses = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        results.append([*model.get_weights(), losses.history["loss"]])
    for a, b in zip(*results, strict=True):
        # autograd adds the terms of the penalty's gradient in its own order
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_a_regularizer_must_return_one_number() -> None:
    dense = layers.Dense(2, kernel_regularizer=ops.square, input_shape=(3,))
    model = fastmlp.Sequential([dense])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"must return one number. Received: shape \(3, 2\)"):
        model.fit(np.zeros((2, 3)), np.ones((2, 2)), verbose=0)
