"""Keras's progress bar, for loops written by hand."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from .._messages import print_message
from ..progress import line_text, number_text, time_text

_BOLD, _GREEN, _WHITE, _PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"
_CODES = (_BOLD, _GREEN, _WHITE, _PLAIN)


class Progbar:
    """A progress bar that prints what Keras's prints, to the byte.

    Parameters
    ----------
    target : int or None
        Number of steps; None if it is not known.
    width : int
        Width of the bar.
    verbose : {0, 1, 2}
        Nothing, the bar, or one line at the end.
    interval : float
        Seconds between two prints at least.
    stateful_metrics, stateless_metrics : iterable of str, optional
        Names of the values that are shown as they are, or of those whose mean over the steps is
        shown; of all others it is the opposite. By default the mean of every value is shown.
    unit_name : str
        What a step is called.

    Raises
    ------
    ValueError
        If both kinds of metrics are given, or ``verbose`` is another value.

    Examples
    --------
    >>> bar = Progbar(2, verbose=2)
    >>> bar.update(1, [("loss", 0.5)])
    >>> bar.update(2, [("loss", 0.25)])  # doctest: +ELLIPSIS
    2/2 - 0s - ...s/step - loss: 0.2500
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Only one of stateful_metrics and stateless_metrics can be given. "
                f"Received: {stateful_metrics!r} and {stateless_metrics!r}"
            )
        if verbose not in (0, 1, 2):
            raise ValueError(f"verbose must be 0, 1 or 2. Received: verbose={verbose!r}")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        # As Keras has it: on Linux and macOS the bar is redrawn even in a file.
        self._redrawn = (
            (hasattr(sys.stdout, "isatty") and sys.stdout.isatty())
            or "ipykernel" in sys.modules
            or "posix" in sys.modules
            or "PYCHARM_HOSTED" in os.environ
        )
        self._seen = 0
        self._sums: dict[str, tuple[Any, int]] = {}  # name to sum and number of steps
        self._start = time.time()
        self._first_step: float | None = None  # when it had ended
        self._printed = 0.0
        self._last_width = 0

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Show that ``current`` steps are done.

        Parameters
        ----------
        current : int
            Steps done so far.
        values : list of (str, float), optional
            Names and values of the last step.
        finalize : bool, optional
            Whether this is the end; by default once ``target`` is reached. The values are then
            shown as they are.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._add(name, value, current, finalize)
        self._seen = current
        now = time.time()
        step = self._step_seconds(current, now)
        if self.verbose == 1:
            if now - self._printed < self.interval and not finalize:
                return
            self._print_bar(current, now, step, finalize)
        elif self.verbose == 2 and finalize and self.target:
            seconds = now - self._start
            values_shown = self._means()
            print_message(
                line_text(current, self.target, seconds, step, values_shown, self.unit_name)
            )
        self._printed = now

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Show that n more steps are done."""
        self.update(self._seen + n, values)

    def _add(self, name: str, value: Any, current: int, finalize: bool) -> None:
        if self.stateless_metrics is not None:
            averaged = name in self.stateless_metrics
        else:
            averaged = name not in (self.stateful_metrics or ())
        if not averaged or finalize:
            self._sums[name] = (value, 1)
            return
        steps = max(current - self._seen, 1)
        total, count = self._sums.get(name, (0.0, 0))
        self._sums[name] = (total + value * steps, count + steps)

    def _means(self) -> list[tuple[str, float]]:
        return [(name, float(np.mean(s)) / max(1, n)) for name, (s, n) in self._sums.items()]

    def _step_seconds(self, current: int, now: float) -> float:
        """Mean time of a step, without the first, which is not like the others."""
        if not current:
            return 0.0
        if self._first_step is not None and current > 1:
            seconds = (now - self._first_step) / (current - 1)
        else:
            seconds = (now - self._start) / current
        if current == 1:
            self._first_step = now
        return seconds

    def _print_bar(self, current: int, now: float, step: float, finalize: bool) -> None:
        if not self.target:
            bar = f"{current:7d}/Unknown"
        else:
            done = int(self.width * (current / self.target))
            bar = f"{_BOLD}{current:{len(str(self.target))}d}/{self.target}{_PLAIN} "
            bar += f"{_GREEN}{'━' * done}{_PLAIN}" if done > 0 else ""
            bar += f"{_WHITE}{'━' * (self.width - done)}{_PLAIN}"
        if self.target and not finalize:
            clock = _remaining(step * (self.target - current))
        else:
            clock = f"{now - self._start:.0f}s"
        info = f" {_BOLD}{clock}{_PLAIN} {time_text(step, self.unit_name)}"
        for name, mean in self._means():
            info += f" - {name}: {number_text(mean, abs(mean))}"
        width = _visible(bar + info)
        back = "\b" * self._last_width + "\r" if self._redrawn else "\n"
        rest = " " * (self._last_width - width)
        print_message(back + bar + info + rest + "\n" * finalize, line_break=False)
        self._last_width = width


def _remaining(seconds: float) -> str:
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    if seconds > 60:
        return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
    return f"{int(seconds)}s"


def _visible(text: str) -> int:
    """Characters that a terminal shows."""
    for code in _CODES:
        text = text.replace(code, "")
    return len(text)
