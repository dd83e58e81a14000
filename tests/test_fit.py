"""fit, evaluate and predict: what is trained on, in what order, and what is reported."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

import fastmlp
from fastmlp import Sequential, layers, losses, random

RNG = np.random.default_rng(2)
N = 50
X = RNG.normal(size=(N, 4))
Y = (X @ RNG.normal(size=(4, 3))).argmax(axis=1)  # labels that can be learned
SPARSE = losses.SparseCategoricalCrossentropy(from_logits=True)
# The two engines, and two orders of a sum, differ by rounding; some dozen steps amplify it.
ROUNDING = {"rtol": 1e-11, "atol": 1e-13}


def make_model(engine: str, optimizer: object = "sgd", loss: object = SPARSE, **options: object):
    fastmlp.utils.set_random_seed(5)
    model = Sequential([layers.Input((4,)), layers.Dense(8, "tanh"), layers.Dense(3)])
    model.compile(optimizer, loss, engine=engine, **options)
    return model


def assert_same_weights(a: Sequential, b: Sequential, **tolerance: float) -> None:
    for left, right in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, **tolerance)


EXACT = {"rtol": 0, "atol": 0}


class Recorder(fastmlp.callbacks.Callback):
    """Writes down every hook that is called, with its first argument."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.logs: list[dict[str, float]] = []

    def on_train_begin(self, logs=None):
        self.calls.append("train_begin")

    def on_train_end(self, logs=None):
        self.calls.append("train_end")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch_begin {epoch}")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"epoch_end {epoch}")
        self.logs.append(dict(logs))

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(f"batch_begin {batch}")

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(f"batch_end {batch}")

    def on_test_begin(self, logs=None):
        self.calls.append("test_begin")

    def on_test_end(self, logs=None):
        self.calls.append("test_end")

    def on_test_batch_end(self, batch, logs=None):
        self.calls.append(f"test_batch_end {batch}")

    def on_predict_begin(self, logs=None):
        self.calls.append("predict_begin")

    def on_predict_batch_end(self, batch, logs=None):
        self.calls.append(f"predict_batch_end {batch} {logs['outputs'].shape}")

    def on_predict_end(self, logs=None):
        self.calls.append("predict_end")


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


# Callbacks.


def test_the_order_of_the_hooks(engine):
    model, recorder = make_model(engine), Recorder()
    model.fit(X, Y, epochs=2, batch_size=40, validation_split=0.2, callbacks=[recorder], verbose=0)
    epoch = ["batch_begin 0", "batch_end 0", "test_begin", "test_batch_end 0", "test_end"]
    assert recorder.calls == [
        "train_begin",
        "epoch_begin 0",
        *epoch,
        "epoch_end 0",
        "epoch_begin 1",
        *epoch,
        "epoch_end 1",
        "train_end",
    ]
    assert [list(logs) for logs in recorder.logs] == [["loss", "val_loss"]] * 2
    assert recorder.params == {"verbose": 0, "epochs": 2, "steps": 1}
    assert recorder.model is model


def test_hooks_of_evaluate_and_predict(engine):
    model, recorder = make_model(engine), Recorder()
    model.evaluate(X, Y, batch_size=30, callbacks=[recorder], verbose=0)
    outputs = model.predict(X, batch_size=30, callbacks=recorder)
    assert recorder.calls == [
        "test_begin",
        "test_batch_end 0",
        "test_batch_end 1",
        "test_end",
        "predict_begin",
        "predict_batch_end 0 (30, 3)",
        "predict_batch_end 1 (20, 3)",
        "predict_end",
    ]
    np.testing.assert_array_equal(outputs, model.predict(X))


def test_watching_batches_changes_nothing(engine):
    plain, watched = make_model(engine, "adam"), make_model(engine, "adam")
    a = plain.fit(X, Y, epochs=3, batch_size=4, verbose=0)
    b = watched.fit(X, Y, epochs=3, batch_size=4, callbacks=[Recorder()], verbose=0)
    assert_same_weights(plain, watched, **EXACT)
    np.testing.assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-14)


@pytest.mark.parametrize("metrics", [None, ["accuracy"]])
@pytest.mark.parametrize("rows", [1, 33, 40])
def test_watching_epochs_changes_nothing(rows, metrics, engine):
    """Unwatched, many short epochs are one call of the engine."""
    plain = make_model(engine, "adam", metrics=metrics)
    watched = make_model(engine, "adam", metrics=metrics)
    calls = []
    hook = fastmlp.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: calls.append(epoch))
    a = plain.fit(X[:rows], Y[:rows], epochs=50, batch_size=8, verbose=0)
    b = watched.fit(X[:rows], Y[:rows], epochs=50, batch_size=8, callbacks=[hook], verbose=0)
    assert calls == a.epoch == b.epoch == list(range(50))
    assert a.history.keys() == b.history.keys()
    for name in a.history:
        np.testing.assert_allclose(a.history[name], b.history[name], rtol=1e-14)
    assert_same_weights(plain, watched, **EXACT)
    assert plain.optimizer.iterations == watched.optimizer.iterations


def test_stop_training_ends_after_the_epoch_or_batch(engine):
    model = make_model(engine)

    def stop(epoch, logs):
        model.stop_training = epoch == 1

    history = model.fit(
        X, Y, epochs=9, verbose=0, callbacks=fastmlp.callbacks.LambdaCallback(on_epoch_end=stop)
    )
    assert history.epoch == [0, 1]

    def stop_at_batch(batch, logs):
        model.stop_training = batch == 2

    before = int(model.optimizer.iterations)
    hook = fastmlp.callbacks.LambdaCallback(on_train_batch_end=stop_at_batch)
    model.fit(X, Y, epochs=9, batch_size=5, verbose=0, callbacks=[hook])
    assert model.optimizer.iterations - before == 3


def test_callbacks_may_change_weights_and_rate(engine):
    model = make_model(engine)
    zeros = [np.zeros_like(w) for w in model.get_weights()]

    def at_batch(batch, logs):
        model.set_weights(zeros)
        model.optimizer.learning_rate = 0.0

    hook = fastmlp.callbacks.LambdaCallback(on_train_batch_begin=at_batch)
    model.fit(X, Y, epochs=2, batch_size=10, callbacks=[hook], verbose=0)
    assert all((w == 0).all() for w in model.get_weights())
    assert float(model.optimizer.learning_rate) == 0.0


def test_weights_can_be_read_during_training(engine):
    model = make_model(engine)
    seen = []
    hook = fastmlp.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(model.get_weights()[0])
    )
    model.fit(X, Y, batch_size=10, callbacks=[hook], shuffle=False, verbose=0)
    twin = make_model(engine)
    for batch, kernel in enumerate(seen):
        rows = slice(batch * 10, batch * 10 + 10)
        twin.train_on_batch(X[rows], Y[rows])
        np.testing.assert_array_equal(kernel, twin.get_weights()[0])


# Interrupts.


def test_an_interrupt_leaves_whole_steps(engine):
    model, twin = make_model(engine, "adam"), make_model(engine, "adam")
    hook = fastmlp.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: (
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            if epoch == 1
            else None
        )
    )
    x, y = np.tile(X, (40, 1)), np.tile(Y, 40)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=10**6, batch_size=20, shuffle=False, callbacks=[hook], verbose=0)
    steps = int(model.optimizer.iterations)
    assert steps > 100
    twin.fit(x, y, epochs=steps // 100, batch_size=20, shuffle=False, verbose=0)
    for step in range(steps % 100):
        rows = slice(step * 20, step * 20 + 20)
        twin.train_on_batch(x[rows], y[rows])
    assert_same_weights(model, twin, **EXACT)
    model.fit(x, y, verbose=0)  # and goes on


# What is printed.


def test_lines_of_fit_and_evaluate(engine, capsys):
    model = make_model(engine, metrics=["accuracy"])
    history = model.fit(X, Y, epochs=2, batch_size=16, validation_split=0.2, verbose=2).history
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2"
    assert lines[2] == "Epoch 2/2"
    values = " - ".join(f"{name}: {history[name][1]:.4f}" for name in history)
    assert lines[3] == f"3/3 - 0s - {values}"
    loss, accuracy = model.evaluate(X, Y, verbose=2)
    assert capsys.readouterr().out == f"2/2 - 0s - loss: {loss:.4f} - accuracy: {accuracy:.4f}\n"
    model.fit(X, Y, verbose=2)
    assert capsys.readouterr().out.startswith("2/2 - 0s - loss: ")


def test_silence(engine, capsys):
    model = make_model(engine)
    model.fit(X, Y, epochs=2, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X)
    model.train_on_batch(X, Y)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_automatic_verbosity_is_lines_off_a_terminal(capsys):
    history = make_model("reference").fit(X, Y)
    assert capsys.readouterr().out.startswith("2/2 - 0s - loss: ")
    assert history.params["verbose"] == 2


def test_the_bar(engine, capsys):
    model = make_model(engine)
    loss = model.fit(X, Y, epochs=2, verbose=1).history["loss"][1]
    out = capsys.readouterr().out
    assert "Epoch 2/2\n" in out
    assert "| 2/2 [" in out
    assert f"loss: {loss:.4f}" in out
    model.predict(X, verbose=1)
    assert "| 2/2 [" in capsys.readouterr().out


def test_small_values_are_printed_with_an_exponent(capsys):
    from fastmlp.progress import Line

    line = Line()
    line.begin(None, 7)
    line.end({"loss": 0.00012345, "score": -2.0, "accuracy": 0.5})
    assert capsys.readouterr().out == (
        "7/7 - 0s - loss: 1.2345e-04 - score: -2.0000e+00 - accuracy: 0.5000\n"
    )


# Optimizers.


def test_optimizers_by_name_of_any_case(engine):
    for name, cls in (("ADAM", "Adam"), ("sgd", "SGD"), ("SGD", "SGD")):
        assert type(make_model(engine, name).optimizer).__name__ == cls


def test_the_default_optimizer_of_keras_is_missing():
    with pytest.raises(ValueError, match=r"'adam', 'sgd'.*optimizer='rmsprop'"):
        Sequential([layers.Dense(1)]).compile(loss="mse")


def test_optimizer_state_is_visible(engine):
    model = make_model(engine, "adam")
    assert not model.optimizer.built
    model.fit(X, Y, batch_size=25, verbose=0)
    variables = model.optimizer.variables
    assert variables[0] == 2
    assert float(variables[1]) == 0.001
    assert [v.shape for v in variables[2:4]] == [(4, 8), (4, 8)]
    assert all(np.abs(v.value).max() > 0 for v in variables[2:])


def test_optimizer_configuration_round_trip():
    for optimizer in (
        fastmlp.optimizers.Adam(0.1, 0.5, 0.6, 1e-3, name="a"),
        fastmlp.optimizers.SGD(0.1, 0.5, True),
    ):
        twin = fastmlp.optimizers.deserialize(fastmlp.optimizers.serialize(optimizer))
        assert twin.get_config() == optimizer.get_config()


def test_learning_rate_can_be_set_and_computed_with():
    adam = fastmlp.optimizers.Adam()
    adam.learning_rate = adam.learning_rate * 0.5
    assert float(adam.learning_rate) == 0.0005
    adam.learning_rate.assign(0.1)
    assert float(adam.learning_rate) == 0.1
    with pytest.raises(ValueError, match="learning_rate=-1"):
        adam.learning_rate = -1


def test_a_rate_set_between_fits_is_used(engine):
    model = make_model(engine)
    before = model.get_weights()
    model.optimizer.learning_rate = 0.0
    model.fit(X, Y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_float_types_other_than_float64_are_refused():
    fastmlp.config.set_floatx("float64")
    assert fastmlp.backend.floatx() == "float64"
    for function in (fastmlp.config.set_floatx, fastmlp.backend.set_floatx):
        with pytest.raises(ValueError, match="float32"):
            function("float32")


def test_lambda_callback_refuses_unknown_hooks():
    with pytest.raises(TypeError, match="on_epoch_finish"):
        fastmlp.callbacks.LambdaCallback(on_epoch_finish=print)
    with pytest.raises(TypeError, match="must be callable"):
        fastmlp.callbacks.LambdaCallback(on_epoch_end=3)
