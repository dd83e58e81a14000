"""Callbacks, interrupts, and what is printed while a model trains."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest
from run_notebook import without_times
from small_model import EXACT, X, Y, assert_same_weights, make_model

import fastmlp


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


def test_lambda_callback_refuses_unknown_hooks():
    with pytest.raises(TypeError, match="on_epoch_finish"):
        fastmlp.callbacks.LambdaCallback(on_epoch_finish=print)
    with pytest.raises(TypeError, match="must be callable"):
        fastmlp.callbacks.LambdaCallback(on_epoch_end=3)


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
    lines = without_times(capsys.readouterr().out).splitlines()
    assert lines[0] == "Epoch 1/2"
    assert lines[2] == "Epoch 2/2"
    values = " - ".join(f"{name}: {history[name][1]:.4f}" for name in history)
    assert lines[3] == f"3/3 - Ns - N/step - {values}"
    loss, accuracy = model.evaluate(X, Y, verbose=2)
    assert without_times(capsys.readouterr().out) == (
        f"2/2 - Ns - N/step - loss: {loss:.4f} - accuracy: {accuracy:.4f}\n"
    )
    model.fit(X, Y, verbose=2)
    assert without_times(capsys.readouterr().out).startswith("2/2 - Ns - N/step - loss: ")


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
    assert without_times(capsys.readouterr().out).startswith("2/2 - Ns - N/step - loss: ")
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
    assert without_times(capsys.readouterr().out) == (
        "7/7 - Ns - N/step - loss: 1.2345e-04 - score: -2.0000e+00 - accuracy: 0.5000\n"
    )
