"""The progress that is printed, to the byte, under a clock that the tests set."""

from __future__ import annotations

import io
import logging
import sys

import pytest
from small_model import X, Y, make_model

from fastmlp import callbacks, config, utils
from fastmlp.progress import Line, line_text, time_text
from fastmlp.utils import progbar


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until a test moves it."""

    class Clock:
        now = 1000.0

        @classmethod
        def time(cls):
            return cls.now

        perf_counter = time

    monkeypatch.setattr(progbar, "time", Clock)
    return Clock


FULL = "\x1b[32m" + "━" * 20 + "\x1b[0m\x1b[37m\x1b[0m"


def test_a_bar_to_the_byte(clock, capsys):
    bar = utils.Progbar(12)
    clock.now += 2.0  # the first step, which is not counted
    bar.update(1, [("loss", 1.0)])
    first = (
        "\r\x1b[1m 1/12\x1b[0m \x1b[32m━\x1b[0m\x1b[37m"
        + "━" * 19
        + "\x1b[0m \x1b[1m22s\x1b[0m 2s/step - loss: 1.0000"
    )
    assert capsys.readouterr().out == first
    clock.now += 0.01
    bar.update(2, [("loss", 0.0)])  # too soon to be shown
    assert capsys.readouterr().out == ""
    clock.now += 0.09
    bar.update(3, [("loss", 0.0)])
    shown = " 3/12 " + "━" * 20 + " 22s 2s/step - loss: 1.0000"
    second = (
        "\b" * len(shown)
        + "\r\x1b[1m 3/12\x1b[0m \x1b[32m"
        + "━" * 5
        + "\x1b[0m\x1b[37m"
        + "━" * 15
        + "\x1b[0m \x1b[1m0s\x1b[0m 50ms/step - loss: 0.3333"
    )
    assert capsys.readouterr().out == second
    clock.now += 0.1
    bar.update(12, [("loss", 1e-4), ("accuracy", 0.5)])
    last = f"\r\x1b[1m12/12\x1b[0m {FULL} \x1b[1m2s\x1b[0m 18ms/step - loss: 1.0000e-04"
    out = capsys.readouterr().out
    assert out.lstrip("\b") == f"{last} - accuracy: 0.5000\n"
    assert out.count("\b") == len(shown) + 1  # "0s" for "22s" and "50ms" for "2s"


def test_a_bar_that_gets_shorter_is_overwritten(clock, capsys):
    bar = utils.Progbar(None, interval=0.0)
    bar.update(1, [("loss", -0.00001)])
    capsys.readouterr()
    bar.update(2, [("loss", 0.02001)])
    out = capsys.readouterr().out
    before = "      1/Unknown 0s 0s/step - loss: -1.0000e-05"
    after = "      2/Unknown \x1b[1m0s\x1b[0m 0s/step - loss: 0.0100"
    assert out == "\b" * len(before) + "\r" + after + " " * len("-1.0000e-05"[6:])


@pytest.mark.parametrize(
    ("seconds", "shown"), [(59.9, "59s"), (125.0, "2:05"), (3725.0, "1:02:05"), (60.0, "60s")]
)
def test_remaining_time(seconds, shown):
    assert progbar._remaining(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0s/it"), (1.6, "2s/it"), (0.0154, "15ms/it"), (0.00015, "150us/it")],
)
def test_time_of_a_step(seconds, shown):
    assert time_text(seconds, "it") == shown


def test_a_line_to_the_byte(clock, capsys):
    bar = utils.Progbar(3, verbose=2, stateful_metrics=["rate"], unit_name="row")
    for step in range(1, 4):
        clock.now += 1.0
        bar.update(step, [("loss", 4.0 - step), ("rate", step * 1.0), ("score", -1.0)])
    expected = "3/3 - 3s - 1s/row - loss: 1.0000 - rate: 3.0000 - score: -1.0000e+00\n"
    assert capsys.readouterr().out == expected


def test_stateless_metrics_are_averaged_and_others_are_not(clock, capsys):
    bar = utils.Progbar(9, interval=0.0, stateless_metrics=["loss"])
    bar.add(1, [("loss", 1.0), ("rate", 1.0)])
    bar.add(3, [("loss", 2.0), ("rate", 5.0)])
    assert capsys.readouterr().out.endswith("loss: 1.7500 - rate: 5.0000")


def test_a_silent_bar(capsys):
    utils.Progbar(1, verbose=0).update(1, [("loss", 1.0)])
    assert capsys.readouterr().out == ""


def test_wrong_arguments_of_a_bar():
    with pytest.raises(ValueError, match="Only one of stateful_metrics and stateless_metrics"):
        utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])
    with pytest.raises(ValueError, match="verbose must be 0, 1 or 2"):
        utils.Progbar(1, verbose="auto")


def test_the_line_of_a_number_of_steps_that_was_not_known(capsys):
    line = Line()
    line.begin("Epoch 1/2", None)
    line.update(7, {})
    line.end({"loss": 0.5})
    out = capsys.readouterr().out
    assert out.startswith("Epoch 1/2\n7/7 - 0s - ")
    assert out.endswith("/step - loss: 0.5000\n")
    assert line_text(7, 12, 0.0, 0.0, []) == " 7/12 - 0s - 0s/step"


# ProgbarLogger in the place of the bar.


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_progbar_logger_prints_keras_s_bar(verbose, clock, capsys):
    model = make_model("reference", metrics=["accuracy"])
    hook = callbacks.ProgbarLogger()
    options = {"verbose": verbose, "callbacks": [hook], "batch_size": 25}
    history = model.fit(X, Y, epochs=2, validation_split=0.5, **options).history
    out = capsys.readouterr().out
    values = " - ".join(f"{name}: {history[name][1]:.4f}" for name in history)
    if verbose == 0:
        assert out == ""
    elif verbose == 1:
        end = f"\r\x1b[1m1/1\x1b[0m {FULL} \x1b[1m0s\x1b[0m 0s/step - {values}\n"
        assert out.replace("\b", "").endswith(end)
        assert "Epoch 2/2\n" in out
    else:
        assert out.endswith(f"Epoch 2/2\n1/1 - 0s - 0s/step - {values}\n")
    model.predict(X, **options)
    out = capsys.readouterr().out.replace("\b", "")
    assert out.endswith(("", f"{FULL} \x1b[1m0s\x1b[0m 0s/step\n", "2/2 - 0s - 0s/step\n")[verbose])
    loss, accuracy = model.evaluate(X, Y, **options)
    out = capsys.readouterr().out
    assert out.endswith(f"step - loss: {loss:.4f} - accuracy: {accuracy:.4f}\n" if verbose else "")
    assert callbacks.CallbackList([hook]).wants("on_train_batch_end") == (verbose == 1)


# Logging instead of printing.


@pytest.fixture
def quiet():
    utils.disable_interactive_logging()
    yield
    utils.enable_interactive_logging()


def test_what_is_said_goes_to_logging(quiet, caplog, capsys):
    assert not utils.is_interactive_logging_enabled()
    assert not config.is_interactive_logging_enabled()
    model = make_model("reference")
    with caplog.at_level(logging.INFO, "fastmlp"):
        history = model.fit(X, Y, epochs=2, verbose=1).history
    assert capsys.readouterr() == ("", "")
    headings, lines = caplog.messages[::2], caplog.messages[1::2]
    assert headings == ["Epoch 1/2", "Epoch 2/2"]
    for line, loss in zip(lines, history["loss"], strict=True):
        assert line.startswith("2/2 - ")
        assert line.endswith(f"step - loss: {loss:.4f}")


def test_logging_is_interactive_again(capsys):
    assert utils.is_interactive_logging_enabled()
    make_model("reference").fit(X, Y, verbose=2)
    assert capsys.readouterr().out.startswith("2/2 - 0s - ")


def test_a_terminal_without_the_glyphs(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="")
    monkeypatch.setattr(sys, "stdout", out)
    utils.Progbar(2, width=4).update(2)
    assert b"\x1b[32m====\x1b[0m" in out.buffer.getvalue()
