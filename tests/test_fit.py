"""fit, evaluate and predict: what is trained on, in what order, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest
from small_model import EXACT, ROUNDING, SPARSE, N, X, Y, assert_same_weights, make_model

import fastmlp
from fastmlp import Sequential, layers, losses, random

# Training.


def test_training_lowers_the_loss(engine):
    model = make_model(engine, fastmlp.optimizers.Adam(0.02), metrics=["accuracy"])
    history = model.fit(X, Y, epochs=30, verbose=0)
    assert list(history.history) == ["loss", "accuracy"]
    assert history.history["loss"][-1] < 0.6 * history.history["loss"][0]
    assert history.history["accuracy"][-1] > 0.7
    assert history.epoch == list(range(30))
    assert history.params == {"verbose": 0, "epochs": 30, "steps": 2}
    assert history.model is model
    assert model.history is history


def test_fit_is_train_on_batch_in_order(engine):
    model, twin = make_model(engine, "adam"), make_model(engine, "adam")
    history = model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for epoch in range(2):
        values = [
            twin.train_on_batch(X[start : start + 16], Y[start : start + 16])
            for start in range(0, N, 16)
        ]
        # The loss shown counts each batch as many times as it has samples.
        expected = np.average(values, weights=[16, 16, 16, 2])
        assert history.history["loss"][epoch] == pytest.approx(expected, rel=1e-14)
    assert_same_weights(model, twin, **EXACT)
    assert model.optimizer.iterations == twin.optimizer.iterations == 8


def test_the_order_of_an_epoch_is_that_of_philox(engine):
    model, twin = make_model(engine), make_model(engine)
    model.fit(X, Y, batch_size=10, epochs=2, verbose=0)
    for step in (0, 5):
        order = random.permutation(twin._shuffle_seed, step, N)
        for start in range(0, N, 10):
            rows = order[start : start + 10]
            twin.train_on_batch(X[rows], Y[rows])
    assert_same_weights(model, twin, **EXACT)


def test_same_seed_same_bits(engine):
    def train(seed: int) -> list[np.ndarray]:
        fastmlp.utils.set_random_seed(seed)
        model = Sequential(
            [layers.Dense(8, "relu"), layers.Dropout(0.4), layers.Dense(3)],
        )
        model.compile("adam", SPARSE, engine=engine)
        model.fit(X, Y, epochs=3, batch_size=7, verbose=0)
        return model.get_weights()

    first, second, other = train(1), train(1), train(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])


ARCHITECTURES = {
    "relu_adam": ([("Dense", 8, "relu"), ("Dense", 3)], "adam", SPARSE),
    "dropout": ([("Dense", 33, "relu"), ("Dropout", 0.3), ("Dense", 3)], "adam", SPARSE),
    "input_dropout": ([("Dropout", 0.5), ("Dense", 9, "tanh"), ("Dense", 3)], "adam", SPARSE),
    "probabilities": (
        [("Dense", 8, "tanh"), ("Dense", 3, "softmax")],
        fastmlp.optimizers.SGD(0.1, momentum=0.9),
        losses.SparseCategoricalCrossentropy(),
    ),
    "deep_nesterov": (
        [("Dense", 17, "relu"), ("ReLU", 1.0, 0.1, 0.2), ("Dense", 5, "tanh", False), ("Dense", 3)],
        fastmlp.optimizers.SGD(0.05, 0.8, nesterov=True),
        losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"),
    ),
    "rescaled": ([("Rescaling", 0.5, 1.0), ("Dense", 3)], "sgd", SPARSE),
    "hidden_softmax": ([("Dense", 6, "softmax"), ("Dense", 3)], "adam", SPARSE),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_ten_steps_agree_between_the_engines(case, weighted):
    stack, optimizer, loss = case
    results = []
    for engine in ("reference", "native"):
        fastmlp.utils.set_random_seed(9)
        model = Sequential([getattr(layers, cls)(*arguments) for cls, *arguments in stack])
        optimizer = fastmlp.optimizers.get(optimizer)
        made = type(optimizer).from_config(optimizer.get_config())
        model.compile(made, loss, metrics=["accuracy"], engine=engine)
        weights = np.linspace(0.0, 2.0, N) if weighted else None
        history = model.fit(
            X, Y, batch_size=11, epochs=2, verbose=0, sample_weight=weights, validation_data=(X, Y)
        )
        assert model.optimizer.iterations == 10
        results.append((model.get_weights(), history.history, model.predict(X)))
    for reference, native in zip(results[0][0], results[1][0], strict=True):
        # Adam divides by sqrt(v) + 1e-7: where a gradient is nearly zero its rounding is
        # amplified; over ten steps from weights of order 1 that stays below 1e-12.
        np.testing.assert_allclose(native, reference, rtol=0, atol=1e-12)
    for name, values in results[0][1].items():
        np.testing.assert_allclose(results[1][1][name], values, rtol=1e-12)
    np.testing.assert_allclose(results[1][2], results[0][2], rtol=0, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_small_types_train_as_their_float64_copies(dtype, engine):
    x = (np.abs(X) * 50).astype(dtype)
    model, twin = make_model(engine), make_model(engine)
    model.fit(x, Y, verbose=0)
    twin.fit(x.astype(np.float64), Y, verbose=0)
    assert_same_weights(model, twin, **EXACT)


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(N,), (N, 1)])
def test_labels_of_every_type(dtype, shape, engine):
    model, twin = make_model(engine), make_model(engine)
    model.fit(X, Y.astype(dtype).reshape(shape), verbose=0)
    twin.fit(X, Y, verbose=0)
    assert_same_weights(model, twin, **EXACT)


def test_initial_epoch(engine):
    model, twin = make_model(engine), make_model(engine)
    model.fit(X, Y, epochs=2, verbose=0)
    history = model.fit(X, Y, initial_epoch=2, epochs=5, verbose=0)
    assert history.epoch == [2, 3, 4]
    twin.fit(X, Y, epochs=5, verbose=0)
    assert_same_weights(model, twin, **EXACT)
    assert model.fit(X, Y, initial_epoch=5, epochs=5, verbose=0).epoch == []


# Weights of samples and classes.


def test_sample_weight_scales_the_gradient(engine):
    model, twin = make_model(engine), make_model(engine, fastmlp.optimizers.SGD(0.02))
    loss = model.train_on_batch(X, Y, sample_weight=np.full(N, 2.0))
    assert loss == pytest.approx(2 * twin.train_on_batch(X, Y), rel=1e-13)
    assert_same_weights(model, twin, **ROUNDING)


def test_weight_zero_leaves_a_sample_out(engine):
    loss = losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight")
    model, twin = make_model(engine, loss=loss), make_model(engine, loss=loss)
    weights = (np.arange(N) < 30).astype(float)
    model.train_on_batch(X, Y, sample_weight=weights)
    twin.train_on_batch(X[:30], Y[:30])
    assert_same_weights(model, twin, **ROUNDING)


def test_class_weight_is_a_sample_weight_by_class(engine):
    model, twin = make_model(engine), make_model(engine)
    model.fit(X, Y, class_weight={0: 2.0, 2: 0.5}, verbose=0)
    twin.fit(X, Y, sample_weight=np.array([2.0, 1.0, 0.5])[Y], verbose=0)
    assert_same_weights(model, twin, **EXACT)
    model.train_on_batch(X, Y, class_weight={1: 3.0})
    twin.train_on_batch(X, Y, sample_weight=np.where(Y == 1, 3.0, 1.0))
    assert_same_weights(model, twin, **EXACT)


def test_class_weight_of_one_hot_labels(engine):
    loss = losses.CategoricalCrossentropy(from_logits=True)
    model, twin = make_model(engine, loss=loss), make_model(engine, loss=loss)
    one_hot = fastmlp.utils.to_categorical(Y)
    model.fit(X, one_hot, class_weight={0: 2.0, 2: 0.5}, verbose=0)
    twin.fit(X, one_hot, sample_weight=np.array([2.0, 1.0, 0.5])[Y], verbose=0)
    assert_same_weights(model, twin, **EXACT)


def test_metrics_ignore_weights_and_weighted_metrics_use_them(engine):
    model = make_model(engine, metrics=["accuracy"], weighted_metrics=["accuracy"])
    weights = np.where(np.arange(N) < 10, 5.0, 0.0)
    hits = model.predict(X).argmax(axis=1) == Y
    scores = model.evaluate(X, Y, sample_weight=weights, verbose=0, return_dict=True)
    assert list(scores) == ["loss", "accuracy", "weighted_accuracy"] == model.metrics_names
    assert scores["accuracy"] == pytest.approx(hits.mean(), rel=1e-15)
    assert scores["weighted_accuracy"] == pytest.approx(hits[:10].mean(), rel=1e-15)


def test_names_of_metrics_that_repeat():
    model = make_model("reference", metrics=["acc", "accuracy", "acc"], weighted_metrics=["acc"])
    assert model.metrics_names == ["loss", "acc", "accuracy", "acc_1", "weighted_acc"]


# Validation.


def test_validation_split_takes_the_last_rows_before_shuffling(engine):
    model = make_model(engine, metrics=["accuracy"])
    twin = make_model(engine, metrics=["accuracy"])
    history = model.fit(X, Y, epochs=2, validation_split=0.3, verbose=0)
    expected = twin.fit(X[:35], Y[:35], epochs=2, validation_data=(X[35:], Y[35:]), verbose=0)
    assert history.history == expected.history
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert_same_weights(model, twin, **EXACT)
    scores = model.evaluate(X[35:], Y[35:], verbose=0)
    assert scores == [history.history["val_loss"][-1], history.history["val_accuracy"][-1]]


def test_validation_weights(engine):
    model = make_model(engine)
    weights = np.linspace(0, 1, N)
    history = model.fit(X, Y, validation_data=(X, Y, weights), verbose=0)
    expected = model.evaluate(X, Y, sample_weight=weights, verbose=0)
    assert history.history["val_loss"] == [expected]
    split = model.fit(X, Y, sample_weight=weights, validation_split=0.2, verbose=0)
    expected = model.evaluate(X[40:], Y[40:], sample_weight=weights[40:], verbose=0)
    assert split.history["val_loss"] == [expected]


@pytest.mark.parametrize(("frequency", "count"), [(1, 5), (2, 2), ([1, 4], 2)])
def test_validation_frequency(frequency, count, engine):
    history = make_model(engine).fit(
        X, Y, epochs=5, validation_split=0.2, validation_freq=frequency, verbose=0
    )
    assert len(history.history["val_loss"]) == count
    assert len(history.history["loss"]) == 5


# Evaluating and predicting.


def test_evaluate_is_the_mean_loss_without_dropout(engine):
    model = Sequential([layers.Dense(8, "relu"), layers.Dropout(0.5), layers.Dense(3)])
    model.compile("sgd", SPARSE, engine=engine, metrics=["accuracy"])
    loss, accuracy = model.evaluate(X, Y, verbose=0)
    outputs = model.predict(X)
    assert loss == pytest.approx(float(SPARSE(Y, outputs)), rel=1e-13)
    assert accuracy == pytest.approx((outputs.argmax(axis=1) == Y).mean())
    assert model.evaluate(X, Y, batch_size=7, verbose=0) == pytest.approx([loss, accuracy])
    assert model.evaluate(X, Y, verbose=0) == [loss, accuracy]


def test_evaluate_of_a_sum_depends_on_the_batches(engine):
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    model = make_model(engine, loss=loss)
    each = losses.sparse_categorical_crossentropy(Y, model.predict(X), from_logits=True)
    sums = [each[start : start + 20].sum() for start in range(0, N, 20)]
    expected = np.average(sums, weights=[20, 20, 10])
    assert model.evaluate(X, Y, batch_size=20, verbose=0) == pytest.approx(expected, rel=1e-13)


def test_what_evaluate_returns(engine):
    model = make_model(engine)
    assert isinstance(model.evaluate(X, Y, verbose=0), float)
    model = make_model(engine, metrics=["accuracy"])
    assert [type(value) for value in model.evaluate(X, Y, verbose=0)] == [float, float]
    assert list(model.test_on_batch(X, Y, return_dict=True)) == ["loss", "accuracy"]
    assert model.test_on_batch(X, Y) == pytest.approx(model.evaluate(X, Y, N, verbose=0))
    assert len(model.train_on_batch(X, Y)) == 2


def test_regression(engine):
    x = np.linspace(-1, 1, 64)[:, None]
    model = Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile(fastmlp.optimizers.SGD(0.5), "mse", metrics=["mse"], engine=engine)
    history = model.fit(x, 3 * x[:, 0] + 2, epochs=60, batch_size=64, verbose=0)
    # Full-batch descent on a quadratic whose contraction is below 0.7 a step: 0.7^60 = 5e-10.
    np.testing.assert_allclose(model.predict([[0.0], [1.0]]), [[2.0], [5.0]], atol=1e-7)
    assert history.history["mse"] == pytest.approx(history.history["loss"])
