"""What fit, evaluate and predict print: nothing, a live bar, or one line."""

from __future__ import annotations

import sys
import time
from typing import Any

Logs = dict[str, float]


class Progress:
    """Prints nothing (``verbose=0``), and is the base of what prints.

    Examples
    --------
    >>> Progress().begin(None, 10)
    """

    def begin(self, heading: str | None, steps: int) -> None:
        """A run of ``steps`` steps begins; the heading is "Epoch 1/5" or None."""

    def update(self, done: int, logs: Logs) -> None:
        """``done`` steps are finished; the logs so far."""

    def end(self, logs: Logs) -> None:
        """The run has ended, with these logs."""

    def close(self) -> None:
        """Leave the terminal in order, also after an interrupt."""


class Line(Progress):
    """One line at the end (``verbose=2``): ``313/313 - 0s - loss: 0.0741 - accuracy: 0.9763``."""

    def begin(self, heading: str | None, steps: int) -> None:
        if heading:
            print(heading, flush=True)
        self._steps = steps
        self._started = time.perf_counter()

    def end(self, logs: Logs) -> None:
        seconds = time.perf_counter() - self._started
        # As Keras, negative values get the exponent form here.
        values = [f"{name}: {_format(value, value)}" for name, value in logs.items()]
        line = [f"{self._steps}/{self._steps}", f"{seconds:.0f}s", *values]
        print(" - ".join(line), flush=True)


class Bar(Progress):
    """tqdm's bar (``verbose=1``); a notebook gets its own kind."""

    def __init__(self) -> None:
        self._bar: Any = None

    def begin(self, heading: str | None, steps: int) -> None:
        # At first use: it would double the time of the package's import.
        from tqdm.auto import tqdm  # type: ignore[import-untyped]

        if heading:
            print(heading, flush=True)
        self._bar = tqdm(total=steps, unit="step", file=sys.stdout)

    def update(self, done: int, logs: Logs) -> None:
        self._bar.set_postfix_str(_postfix(logs), refresh=False)
        self._bar.update(done - self._bar.n)

    def end(self, logs: Logs) -> None:
        self._bar.set_postfix_str(_postfix(logs), refresh=False)
        self._bar.update(self._bar.total - self._bar.n)
        self.close()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _postfix(logs: Logs) -> str:
    return " - ".join(f"{name}: {_format(value, abs(value))}" for name, value in logs.items())


def _format(value: float, size: float) -> str:
    """Keras's: four decimals if the size is over 1e-3, else the exponent form."""
    return f"{value:.4f}" if size > 1e-3 else f"{value:.4e}"


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
    if verbose == "auto":
        verbose = _automatic() if automatic is None else automatic
    if verbose not in (0, 1, 2):
        raise ValueError(f'verbose must be 0, 1, 2 or "auto". Received: verbose={verbose!r}')
    return int(verbose), (Progress, Bar, Line)[int(verbose)]()


def _automatic() -> int:
    return 1 if "ipykernel" in sys.modules or sys.stdout.isatty() else 2
