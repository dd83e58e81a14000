"""Every loss of the engines: its gradient, native beside reference, one set of bits; and losses
that are written in Python."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import kernels.losses
import numpy as np
import pytest
from engine_cases import Job, mlp, train_whole

import fastmlp
from fastmlp import _core, losses, ops
from fastmlp.engine import Adam, Data, Sgd, Sigmoid, Softmax, Training, make_loss
from fastmlp.engine.native import NativeEngine
from fastmlp.engine.reference import ReferenceEngine
from fastmlp.engine.words import LOSSES

ISAS = [name for name in _core.isas() if _core.isa_usable(name)]
ROWS = 37
OPTIONS = kernels.losses.OPTIONS | {"sparse_categorical_crossentropy": {"ignore_class": 1}}
BY_CLASS = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "kl_divergence",
)


def words() -> Iterator[Any]:
    """Each loss, and from logits as well where it can be."""
    for name, word in LOSSES.items():
        yield make_loss(name, **OPTIONS.get(name, {}))
        if "from_logits" in {field.name for field in dataclasses.fields(word)}:
            yield make_loss(name, from_logits=True, **OPTIONS.get(name, {}))


def named(word: Any) -> str:
    return word.name + " from logits" * getattr(word, "from_logits", False)


def targets_of(word: Any, rows: int, outputs: int) -> np.ndarray:
    rng = np.random.RandomState(rows + outputs)
    if word.class_indices:
        return rng.randint(0, outputs, rows).astype(np.int32)
    if word.name == "gaussian_nll":
        half = rng.uniform(0.0, 1.0, (rows, outputs // 2))
        return np.concatenate([half, half], axis=1)
    return rng.uniform(0.0, 1.0, (rows, outputs))


@pytest.mark.parametrize("word", list(words()), ids=named)
def test_gradients_are_those_of_the_values(word: Any) -> None:
    rng = np.random.RandomState(1)
    outputs = rng.uniform(0.1, 0.9, (6, 4))
    targets = targets_of(word, 6, 4)
    if word.name == "given_gradient":
        np.testing.assert_array_equal(word.gradients(outputs, targets), targets)
        return
    step, found = 1e-6, np.empty_like(outputs)
    for index in np.ndindex(*outputs.shape):
        up, down = outputs.copy(), outputs.copy()
        up[index] += step
        down[index] -= step
        change = word.values(up, targets)[index[0]] - word.values(down, targets)[index[0]]
        found[index] = change / (2 * step)
    # third derivatives of up to 1e4 (percentages) times 1e-12, and roundings of 1e-16 / 1e-6
    np.testing.assert_allclose(word.gradients(outputs, targets), found, rtol=1e-6, atol=1e-8)


def job_of(word: Any, outputs: int) -> Job:
    if getattr(word, "from_logits", False) or word.name == "gaussian_nll":
        last: list[Any] = []
    else:
        last = [Softmax()] if word.name in BY_CLASS else [Sigmoid()]
    return Job(word.name, mlp(6, 9, outputs, last=last), Training(word, Adam()), ROWS, 16)


class Given(Job):
    """A job with the targets of this file."""

    def data(self) -> Data:
        x = np.random.RandomState(2).uniform(-1.0, 1.0, (ROWS, 6))
        loss, outputs = self.training.loss, self.network.outputs
        weights = np.random.RandomState(3).uniform(0.1, 2.0, ROWS)
        return Data(x, targets_of(loss, ROWS, outputs), weights)


# One panel and its neighbours, and more than two.
@pytest.mark.parametrize("outputs", [2, 7, 8, 9, 18])
@pytest.mark.parametrize("word", list(words()), ids=named)
def test_engines_agree_and_nothing_changes_a_bit(
    word: Any, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if word.name == "gaussian_nll":
        outputs += outputs % 2
    plain = job_of(word, outputs)
    job = Given(**{f.name: getattr(plain, f.name) for f in dataclasses.fields(plain)})
    before = _core.get_num_threads()
    try:
        _core.set_num_threads(1)
        outcome = train_whole(NativeEngine(job.network, job.training), job)
        reference = train_whole(ReferenceEngine(job.network, job.training), job)
        for name, array in reference.arrays.items():
            # sums of some hundred roundings, and Adam's quotients: see test_engine_bits.ROUNDING
            got = outcome.arrays[name]
            np.testing.assert_allclose(got, array, rtol=1e-11, atol=1e-12, err_msg=name)
        for isa in ISAS:
            monkeypatch.setenv("FASTMLP_ISA", isa)
            for threads in (2, 3, 5) if isa == ISAS[0] else (1,):
                _core.set_num_threads(threads)
                again = train_whole(NativeEngine(job.network, job.training), job)
                assert not again.differing(outcome), (isa, threads)
    finally:
        _core.set_num_threads(before)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.0, 4.0, 2.0**53])
@pytest.mark.parametrize("outputs", [1, 9])
def test_focal_losses_of_outputs_that_are_no_probabilities(gamma: float, outputs: int) -> None:
    """1 - r is below 0 there, of which whole powers are numbers."""
    loss = make_loss("binary_focal_crossentropy", gamma=gamma)
    network = mlp(6, 5, outputs, last=[])
    rng = np.random.RandomState(4)
    x, y = rng.uniform(-2.0, 2.0, (20, 6)), rng.randint(0, 2, (20, outputs)).astype(float)
    values = [rng.uniform(-1.0, 1.0, shape) for shape in network.parameter_shapes]
    found = []
    for engine_class in (ReferenceEngine, NativeEngine):
        engine = engine_class(network, Training(loss, Sgd()))
        for i, value in enumerate(values):
            engine.write_parameter(i, value)
        predictions = engine.predict(x)
        assert predictions.min() < 0
        assert predictions.max() > 1
        found.append(engine.gradient(Data(x, y), np.arange(20), 0))
    if gamma < 100:  # else some overflow, in both
        assert np.isfinite(found[0][0]).all()
    # exp(gamma log x) loses gamma times the rounding of the logarithm
    for reference, native in zip(*found, strict=True):
        for a, b in zip(np.atleast_1d(reference), np.atleast_1d(native), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12)


def test_an_ignored_class_is_as_if_its_rows_were_not_there() -> None:
    x = np.random.RandomState(2).uniform(-1.0, 1.0, (20, 6))
    y = np.random.RandomState(3).randint(0, 3, 20).astype(np.int32)
    network = mlp(6, 5, 3)
    for reduction in ("sum_over_batch_size", "mean_with_sample_weight", "sum"):
        loss = make_loss(
            "sparse_categorical_crossentropy", from_logits=True, ignore_class=2, reduction=reduction
        )
        for engine_class in (ReferenceEngine, NativeEngine):
            results = []
            for kept in (np.arange(20), np.flatnonzero(y != 2)):
                engine = engine_class(network, Training(loss, Sgd()))
                for i, shape in enumerate(network.parameter_shapes):
                    engine.write_parameter(i, np.random.RandomState(i).uniform(-1, 1, shape))
                data = Data(np.ascontiguousarray(x[kept]), y[kept])
                results.append(engine.gradient(data, np.arange(len(kept)), 0))
            np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-14)
            np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12, atol=1e-15)


# -- losses written in Python --


def squared(y_true: Any, y_pred: Any) -> Any:
    error = y_pred - y_true
    return (error**2).mean(axis=1), 2.0 * error / error.shape[1]


def squared_by_ops(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_pred - y_true), axis=-1)


def squared_of_each(y_true: Any, y_pred: Any) -> Any:
    return ops.square(y_pred - y_true)


def squared_of_the_batch(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.square(y_pred - y_true))


class Squared(losses.Loss):
    def call(self, y_true: Any, y_pred: Any) -> Any:
        return squared_by_ops(y_true, y_pred)


def trained(loss: Any, engine: str, weighted: bool = False) -> dict[str, Any]:
    """What a training with dropout, a regularizer and batches of a moving size comes to."""
    fastmlp.utils.set_random_seed(5)
    rng = np.random.RandomState(4)
    x, y = rng.uniform(-1, 1, (30, 4)), rng.uniform(-1, 1, (30, 2))
    model = fastmlp.Sequential(
        [
            fastmlp.Input((4,)),
            fastmlp.layers.Dense(8, activation="tanh", kernel_regularizer="l2"),
            fastmlp.layers.Dropout(0.3),
            fastmlp.layers.BatchNormalization(),
            fastmlp.layers.Dense(2),
        ]
    )
    model.compile("adam", loss, metrics=["mae"], engine=engine)
    weights = rng.uniform(0.5, 2.0, 30) if weighted else None
    fit = {"batch_size": 8, "epochs": 3, "verbose": 0, "sample_weight": weights}
    history = model.fit(x, y, validation_data=(x, y, weights) if weighted else (x, y), **fit)
    return {
        **{f"weight {i}": w for i, w in enumerate(model.get_weights())},
        **history.history,
        "evaluate": model.evaluate(x, y, batch_size=8, verbose=0, sample_weight=weights),
        "gradient": model.loss_and_gradient(x, y, sample_weight=weights)[1][0],
        "loss": model.loss_and_gradient(x, y, sample_weight=weights)[0],
    }


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "loss", [squared, squared_by_ops, squared_of_each, squared_of_the_batch, Squared()]
)
def test_a_loss_in_python_trains_as_the_built_in_one(
    loss: Any, weighted: bool, engine: str
) -> None:
    if weighted and loss is squared_of_the_batch:
        with pytest.raises(ValueError, match="must return a loss for each sample where samples"):
            trained(loss, engine, weighted)
        return
    expected, got = trained("mse", engine, weighted), trained(loss, engine, weighted)
    assert list(got) == list(expected)
    for name, value in expected.items():
        # the gradient's sums are formed in another order, and Adam divides what cancels
        np.testing.assert_allclose(got[name], value, rtol=1e-9, atol=1e-11, err_msg=name)


def test_the_sum_of_a_batch_as_one_number() -> None:
    class Total(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.sum(ops.square(y_pred - y_true))

    model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1)])
    x, y = np.random.RandomState(0).uniform(size=(5, 2)), np.ones((5, 1))
    found = []
    for loss in (Total(reduction="sum"), losses.MeanSquaredError(reduction="sum")):
        model.compile("sgd", loss)
        value, gradients = model.loss_and_gradient(x, y)
        found.append((value, gradients[0], model.evaluate(x, y, verbose=0)))
    for mine, built_in in zip(*found, strict=True):
        np.testing.assert_allclose(mine, built_in, rtol=1e-13)


def test_a_loss_may_want_labels_of_any_shape(engine: str) -> None:
    """Two labels for one output: an interval in which the prediction should lie."""

    def outside(y_true: Any, y_pred: Any) -> Any:
        low = ops.relu(y_true[:, :1] - y_pred)
        return ops.squeeze(low + ops.relu(y_pred - y_true[:, 1:]), axis=-1)

    x = np.linspace(-1.0, 1.0, 40)[:, None]
    y = np.concatenate([x - 0.1, x + 0.1], axis=1)
    model = fastmlp.Sequential([fastmlp.Input((1,)), fastmlp.layers.Dense(1)])
    model.compile(fastmlp.optimizers.SGD(0.2), outside, engine=engine)
    history = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.05 * history[0]


def test_what_a_loss_returns_is_checked() -> None:
    model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1)])
    x, y = np.ones((5, 2)), np.ones((5, 1))

    def train(function: Any) -> None:
        model.compile("sgd", function)
        model.fit(x, y, verbose=0)

    with pytest.raises(ValueError, match=r"gradient of the shape of y_pred, \(5, 1\)"):
        train(lambda y_true, y_pred: (np.zeros(5), np.zeros(5)))
    with pytest.raises(ValueError, match=r"a loss for each sample, \(5,\)"):
        train(lambda y_true, y_pred: (np.zeros(4), np.zeros((5, 1))))


def test_pinball_finds_quantiles_and_gaussian_nll_the_spread() -> None:
    rng = np.random.RandomState(0)
    x, y = np.ones((4000, 1)), rng.normal(2.0, 0.5, (4000, 1))
    model = fastmlp.Sequential([fastmlp.Input((1,)), fastmlp.layers.Dense(2, use_bias=False)])
    model.compile(fastmlp.optimizers.Adam(0.05), losses.Pinball((0.1, 0.9)))
    model.fit(x, y, epochs=15, batch_size=400, verbose=0)
    # of 4,000 draws: the quantiles are known to about 0.02, and Adam moves by 0.05 around them
    np.testing.assert_allclose(
        model.predict(x[:1], verbose=0)[0], np.quantile(y, [0.1, 0.9]), atol=0.1
    )
    model.compile(fastmlp.optimizers.Adam(0.05), losses.GaussianNLL())
    model.fit(x, y, epochs=30, batch_size=400, verbose=0)
    mean, log_variance = model.predict(x[:1], verbose=0)[0]
    assert abs(mean - 2.0) < 0.1
    assert abs(np.exp(log_variance / 2) - 0.5) < 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.Pinball(()), "quantile must be one number or up to 9"),
        (lambda: losses.Pinball(1.0), "quantile"),
        (lambda: losses.Pinball(0.0), r"quantile must lie in \(0, 1\)"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(0.0), r"q must lie in \(0, 1\)"),
        (lambda: losses.Huber(-1.0), "delta"),
        (lambda: losses.CosineSimilarity(axis=0).lower(), "axis must be -1 when training"),
        (lambda: losses.Pinball((0.1, 0.9))([[1.0]], [[1.0]]), "takes 2 outputs for each target"),
        (lambda: losses.MeanSquaredError()([[1.0, 2.0]], [[1.0] * 3]), "must have the same shape"),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def saturated(activation: str, loss: Any, engine: str) -> fastmlp.Sequential:
    """Logits of a row x (1,) are x times (40, -40) or (40,): the probabilities round to 1 and
    are far below any epsilon."""
    outputs = 2 if activation == "softmax" else 1
    model = fastmlp.Sequential(
        [
            fastmlp.layers.Input((1,)),
            fastmlp.layers.Dense(outputs, use_bias=False),
            fastmlp.layers.Activation(activation),
        ]
    )
    model.set_weights([np.array([[40.0, -40.0][:outputs]])])
    model.compile(fastmlp.optimizers.SGD(1.0), loss, metrics=["accuracy"], engine=engine)
    return model


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize(
    ("activation", "loss", "label", "value"),
    [
        ("softmax", "sparse_categorical_crossentropy", 1, 80.0),
        ("softmax", "categorical_crossentropy", [0.0, 1.0], 80.0),
        ("sigmoid", "binary_crossentropy", [0.0], 40.0),
    ],
)
def test_probabilities_that_round_to_one_are_learned_from(
    activation: str, loss: str, label: Any, value: float, engine: str
) -> None:
    """Where Keras clips: its loss is -log(epsilon) = 16.1 and its gradient 0."""
    model = saturated(activation, loss, engine)
    x, y = np.ones((1, 1)), np.array([label])
    before = model.predict(x, verbose=0)
    assert before[0, 0] == 1.0
    # log1p(exp(-40)) is less than half a unit in the last place of 40
    assert model.evaluate(x, y, verbose=0)[0] == value
    history = model.fit(x, y, verbose=0)
    assert history.history == {"accuracy": [0.0], "loss": [value]}
    slope = np.array([[1.0, -1.0][: before.shape[1]]])  # p - t to an ulp
    np.testing.assert_allclose(model.get_weights()[0], [[40.0, -40.0][: slope.size]] - slope, 1e-15)


def test_the_way_by_logits_ends_where_the_last_operation_is_no_match() -> None:
    """A softmax under the binary loss and probabilities of one's own are clipped, as in Keras."""
    model = saturated("softmax", "binary_crossentropy", "native")
    loss = model.evaluate(np.ones((1, 1)), np.array([[0.0, 1.0]]), verbose=0)[0]
    assert loss == pytest.approx(-np.log(1e-7), rel=1e-9)  # 1 - (1 - 1e-7) is 1e-7 to 1e-9
