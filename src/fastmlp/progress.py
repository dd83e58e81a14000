"""What fit, evaluate and predict print: nothing, a live bar, or one line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from ._messages import is_interactive_logging_enabled, print_message

Logs = dict[str, Any]


class Progress:
    """Prints nothing (``verbose=0``), and is the base of what prints.

    Examples
    --------
    >>> Progress().begin(None, 10)
    """

    def begin(self, heading: str | None, steps: int | None) -> None:
        """A run of ``steps`` steps begins, None if their number is not known yet; the heading is
        "Epoch 1/5" or None."""

    def update(self, done: int, logs: Logs) -> None:
        """``done`` steps are finished; the logs so far."""

    def end(self, logs: Logs) -> None:
        """The run has ended, with these logs."""

    def close(self) -> None:
        """Leave the terminal in order, also after an interrupt."""

    def note(self, text: str) -> None:
        """A line about the whole of it, after the end."""


class Line(Progress):
    """One line at the end (``verbose=2``):
    ``313/313 - 0s - 2ms/step - loss: 0.0741 - accuracy: 0.9763``.

    As Keras 3 prints it, with the loss first.
    """

    def begin(self, heading: str | None, steps: int | None) -> None:
        if heading:
            print_message(heading)
        self._steps, self._done = steps, 0
        self._started = time.perf_counter()

    def update(self, done: int, logs: Logs) -> None:
        self._done = done

    def end(self, logs: Logs) -> None:
        seconds = time.perf_counter() - self._started
        steps = self._steps or self._done
        step = seconds / steps if steps else 0.0
        print_message(line_text(steps, steps, seconds, step, means(logs)))

    def note(self, text: str) -> None:
        print_message(text)


class Bar(Progress):
    """tqdm's bar (``verbose=1``); a notebook gets its own kind."""

    def __init__(self) -> None:
        self._bar: Any = None

    def begin(self, heading: str | None, steps: int | None) -> None:
        # At first use: it would double the time of the package's import.
        from tqdm.auto import tqdm  # type: ignore[import-untyped]

        if heading:
            print_message(heading)
        self._bar = tqdm(total=steps, unit="step", file=sys.stdout)

    def update(self, done: int, logs: Logs) -> None:
        self._bar.set_postfix_str(_postfix(logs), refresh=False)
        self._bar.update(done - self._bar.n)

    def end(self, logs: Logs) -> None:
        self._bar.set_postfix_str(_postfix(logs), refresh=False)
        if self._bar.total is not None:
            self._bar.update(self._bar.total - self._bar.n)
        self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def note(self, text: str) -> None:
        print_message(text)


def _postfix(logs: Logs) -> str:
    return " - ".join(f"{name}: {number_text(value, abs(value))}" for name, value in means(logs))


# Keras's forms of numbers and times.


def means(logs: Logs) -> Iterable[tuple[str, float]]:
    """Names and values; of an array, such as a score for each class, the mean."""
    return [(name, float(np.mean(value))) for name, value in logs.items()]


def number_text(value: float, size: float) -> str:
    """Four decimals if the size is over 1e-3, else the exponent form."""
    return f"{value:.4f}" if size > 1e-3 else f"{value:.4e}"


def time_text(seconds: float, unit: str) -> str:
    """Time of a step: ``2s/step``, ``13ms/step`` or ``65us/step``.

    Examples
    --------
    >>> time_text(0.0128, "step")
    '13ms/step'
    """
    if seconds >= 1.0 or seconds == 0.0:
        return f"{seconds:.0f}s/{unit}"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms/{unit}"
    return f"{seconds * 1e6:.0f}us/{unit}"


def line_text(
    done: int,
    steps: int,
    seconds: float,
    seconds_a_step: float,
    values: Iterable[tuple[str, float]],
    unit: str = "step",
) -> str:
    """The line of ``verbose=2``, without its newline.

    Examples
    --------
    >>> line_text(313, 313, 0.6, 0.0019, [("loss", 0.0741), ("accuracy", 0.9763)])
    '313/313 - 1s - 2ms/step - loss: 0.0741 - accuracy: 0.9763'
    """
    # As Keras, negative values get the exponent form here.
    shown = [f"{name}: {number_text(value, value)}" for name, value in values]
    times = [f"{seconds:.0f}s", time_text(seconds_a_step, unit)]
    return " - ".join([f"{done:{len(str(steps))}d}/{steps}", *times, *shown])


def create_progress(verbose: Any, automatic: int | None = None) -> tuple[int, Progress]:
    """The resolved verbosity (0, 1 or 2) and what prints it.

    Parameters
    ----------
    verbose : {0, 1, 2, "auto"}
        "auto" is ``automatic``; without that, 1 on a terminal or in a notebook and 2 elsewhere,
        so that logs do not fill with control characters.

    Raises
    ------
    ValueError
        If ``verbose`` is another value.
    """
    if isinstance(verbose, str) and verbose == "auto":
        verbose = _automatic() if automatic is None else automatic
    if verbose not in (0, 1, 2):
        raise ValueError(f'verbose must be 0, 1, 2 or "auto". Received: verbose={verbose!r}')
    level = int(verbose)
    shown = (
        2 if level == 1 and (not is_interactive_logging_enabled() or sys.stdout is None) else level
    )
    return level, (Progress, Bar, Line)[shown]()


def _automatic() -> int:
    terminal = "ipykernel" in sys.modules or (sys.stdout is not None and sys.stdout.isatty())
    return 1 if terminal and is_interactive_logging_enabled() else 2
