"""Callbacks that write files: the best weights, and what a killed training goes on from."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np

from .. import _checks
from .._messages import print_message
from ..saving.files import rename_onto
from ..saving.formats import OF_MODELS, OF_WEIGHTS, ending
from .callback import Callback, Logs
from .monitor import MonitorCallback


def _checked_frequency(save_freq: Any) -> Any:
    if isinstance(save_freq, str) and save_freq == "epoch":
        return "epoch"
    if isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1:
        raise ValueError(
            f"Unrecognized save_freq: {save_freq}. "
            "Expected save_freq are 'epoch' or integer values of at least 1"
        )
    return save_freq


class ModelCheckpoint(MonitorCallback):
    """Save the model after every epoch, or after the best one so far.

    Parameters
    ----------
    filepath : str or os.PathLike
        Ends as ``model.save`` or ``model.save_weights`` want it. May hold ``{epoch:02d}`` (from
        1), ``{batch}`` (from 1, with an integer ``save_freq``) and names of the logs, such as
        ``{val_loss:.2f}``. Its folder is made.
    monitor, mode
        See :class:`MonitorCallback`.
    verbose : {0, 1}
        Whether to print messages.
    save_best_only : bool
        Whether to save only what is better than all before.
    save_weights_only : bool
        Whether to save the weights only, instead of the whole model.
    save_freq : "epoch" or int
        After every epoch, or after so many batches; then the engine stops after every batch.
    initial_value_threshold : float, optional
        What the first must be better than to be saved as best.

    Raises
    ------
    ValueError
        If an argument is not as described.
    KeyError
        While training, if ``filepath`` names what the logs lack.
    OSError
        While training, if the file cannot be written; the file before is kept.

    Examples
    --------
    >>> import os, tempfile
    >>> import fastmlp
    >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    >>> model.compile("sgd", "mse", engine="reference")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "{epoch}.npz")
    ...     hook = ModelCheckpoint(path)
    ...     history = model.fit([[0.0]], [1.0], epochs=2, verbose=0, callbacks=[hook])
    ...     sorted(os.listdir(folder))
    ['1.npz', '2.npz']
    """

    _lasting: ClassVar = ("best", "_batches")

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.verbose = verbose
        self.filepath = os.fspath(filepath)
        self.save_best_only = _checks.boolean("save_best_only", save_best_only)
        self.save_weights_only = _checks.boolean("save_weights_only", save_weights_only)
        self.save_freq = _checked_frequency(save_freq)
        ending("filepath", self.filepath, OF_WEIGHTS if self.save_weights_only else OF_MODELS)
        self._batches = 0  # since the last file
        self._last_batch = -1  # of the epoch
        self._epoch = 0
        if self.save_freq == "epoch":
            self._idle = (ModelCheckpoint.on_train_batch_end,)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch
        self._last_batch = -1

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            return
        self._batches += batch - self._last_batch  # several, with steps_per_execution
        self._last_batch = batch
        if self._batches >= self.save_freq:
            self._batches = 0
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        if not self._wanted(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise IsADirectoryError(
                "Please specify a non-directory filepath for ModelCheckpoint. "
                f"Filepath used is an existing directory: {path}"
            )
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)
        if self.verbose > 0:
            print_message(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        places: dict[str, Any] = {} if batch is None else {"batch": batch + 1}
        try:
            return self.filepath.format(**{"epoch": epoch + 1, **places, **logs})
        except KeyError as error:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}'
            ) from error

    def _wanted(self, epoch: int, logs: Logs, path: str) -> bool:
        """Whether to save; tells the user why."""
        if not self.save_best_only:
            self._say(f"\nEpoch {epoch + 1}: saving model to {path}")
            return True
        self._set_direction()
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(f"Can save best model only with {self.monitor} available.", stacklevel=2)
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._say(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best}")
            return False
        self._say(
            f"\nEpoch {epoch + 1}: {self.monitor} improved from {best} to {current:.5f}, "
            f"saving model to {path}"
        )
        self.best = current
        return True

    def _say(self, message: str) -> None:
        if self.verbose > 0:
            print_message(message)


class BackupAndRestore(Callback):
    """Let a training that was killed go on, to the very bits it would have had.

    While ``fit`` runs, a file in ``backup_dir`` holds weights, the optimizer's variables, seeds,
    the place reached, and what the other callbacks of fastmlp have found out; it is written once
    all callbacks have seen the end of an epoch (or batch), and is always a whole one. The next
    ``fit`` of the same script finds it and goes on from there. Its History begins there, as in
    Keras; so do the metrics of an epoch that was under way.

    Parameters
    ----------
    backup_dir : str or os.PathLike
        A folder for this training alone; it is made.
    save_freq : "epoch" or int
        After every epoch, or after so many batches; then the engine stops after every batch.
    double_checkpoint : bool
        Whether to keep the file before, too, and to go on from that if the last is damaged.
    delete_checkpoint : bool
        Whether to delete the files, and a folder that is empty then, at the end of training.

    Raises
    ------
    ValueError
        If an argument is not as described. When training begins, if the file is damaged or
        another model's, optimizer's or (within an epoch) batch size's.
    OSError
        While training, if the file cannot be written; the one before is kept.

    Examples
    --------
    >>> import tempfile
    >>> import fastmlp
    >>> folder = tempfile.mkdtemp()
    >>> def train(callbacks):
    ...     fastmlp.utils.set_random_seed(1)
    ...     model = fastmlp.Sequential([fastmlp.layers.Dense(1)])
    ...     model.compile("sgd", "mse", engine="reference")
    ...     return model.fit([[1.0]], [1.0], epochs=5, verbose=0, callbacks=callbacks)
    >>> def fail(epoch, logs):
    ...     if epoch == 3:
    ...         raise RuntimeError("interrupted")
    >>> hooks = [BackupAndRestore(folder), fastmlp.callbacks.LambdaCallback(on_epoch_begin=fail)]
    >>> train(hooks)
    Traceback (most recent call last):
    RuntimeError: interrupted
    >>> train([BackupAndRestore(folder)]).epoch
    [3, 4]
    """

    _lasting: ClassVar = ("_batches",)

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not os.fspath(backup_dir):
            raise ValueError("Empty `backup_dir` argument passed")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = _checked_frequency(save_freq)
        self.double_checkpoint = _checks.boolean("double_checkpoint", double_checkpoint)
        self.delete_checkpoint = _checks.boolean("delete_checkpoint", delete_checkpoint)
        self._path = os.path.join(self.backup_dir, "latest.npz")
        self._path_before = os.path.join(self.backup_dir, "previous.npz")
        self._batches = 0  # since the last file
        self._place = (0, 0)  # the epoch and the batch that come next
        self._fellows: Sequence[Callback] = ()
        self._lasting_of_all: tuple[dict[str, Any], Any] | None = None
        if self.save_freq == "epoch":
            self._idle = (
                BackupAndRestore.on_train_batch_begin,
                BackupAndRestore.on_train_batch_end,
            )

    def _meet(self, fellows: Sequence[Callback]) -> None:
        self._fellows = fellows

    # Going on.

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._batches = 0
        self._lasting_of_all = None
        state, about = self._load()
        if state is None:
            return
        place = (int(about["epoch"]), int(about["batch"]))
        if place[1] and about["steps"] != self._steps():
            raise ValueError(
                f"{self._path} was written within an epoch of {about['steps']} batches, and can "
                f"only go on with as many. Received: {self._steps()} batches"
            )
        self.model._set_training_state(state)
        self.model._resume_at = self._place = place
        self._lasting_of_all = (state, about["callbacks"])

    def _load(self) -> Any:
        """State and what was said about it; (None, None) if there is no file."""
        if not os.path.exists(self._path):
            return None, None
        try:
            return self.model._load_training_state(self._path)
        except (OSError, ValueError) as error:
            if not os.path.exists(self._path_before):
                raise ValueError(
                    f"training cannot go on from {self._path}, and begins anew once that file is "
                    f"deleted. {error}"
                ) from error
            warnings.warn(f"training goes on from the file before the last: {error}", stacklevel=2)
            return self.model._load_training_state(self._path_before)

    def _after_train_begin(self) -> None:
        """Callbacks have forgotten what was before; they get it back."""
        if self._lasting_of_all is not None:
            state, told = self._lasting_of_all
            self._lasting_of_all = None
            for key, callback in self._lasting_fellows():
                for name, value in told.get(key, {}).items():
                    if isinstance(value, dict):
                        value = [state[f"{key}/{name}/{i}"] for i in range(value["arrays"])]
                    setattr(callback, name, value)

    def _lasting_fellows(self) -> Iterator[tuple[str, Callback]]:
        """(key, callback): its class and its place among those of its class."""
        counts: dict[str, int] = {}
        for callback in self._fellows:
            kind = type(callback).__name__
            counts[kind] = counts.get(kind, -1) + 1
            if callback._lasting:
                yield f"callbacks/{kind}/{counts[kind]}", callback

    def _steps(self) -> int | None:
        """Batches of an epoch, None if that is not known."""
        steps: int | None = (self.params or {}).get("steps")
        return steps

    # Saving.

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if self._place[0] != epoch:
            self._place = (epoch, 0)

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        if self._steps() is None:  # only now it is known that the last batch was not the last one
            self._save_if_due()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        epoch, before = self._place
        self._batches += batch + 1 - before  # several, with steps_per_execution
        self._place = (epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._place = (epoch + 1, 0)

    def _on_pause(self) -> None:
        # After the last batch it is the epoch's end that comes next, which is not to be lost.
        if self._steps() not in (None, self._place[1]):
            self._save_if_due()

    def _after_epoch(self) -> None:
        if self.save_freq == "epoch":
            self._save()
        else:
            self._save_if_due()

    def _save_if_due(self) -> None:
        if self.save_freq != "epoch" and self._batches >= self.save_freq:
            self._batches = 0
            self._save()

    def _save(self) -> None:
        further: dict[str, Any] = {}
        told: dict[str, dict[str, Any]] = {}
        for key, callback in self._lasting_fellows():
            told[key] = {}
            for name in callback._lasting:
                value = getattr(callback, name)
                if isinstance(value, list):
                    further |= {f"{key}/{name}/{i}": np.array(v) for i, v in enumerate(value)}
                    value = {"arrays": len(value)}
                elif value is not None and not isinstance(value, int):
                    value = float(value)  # of whatever type, and to the last bit
                told[key][name] = value
        epoch, batch = self._place
        about = {"epoch": epoch, "batch": batch, "steps": self._steps(), "callbacks": told}
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint and os.path.exists(self._path):
            _copy(self._path, self._path_before)
        self.model._save_training_state(self._path, further, about)

    def on_train_end(self, logs: Logs | None = None) -> None:
        if not self.delete_checkpoint:
            return
        for path in (self._path, self._path_before):
            with suppress(FileNotFoundError):
                os.unlink(path)
        self._clear()
        with suppress(OSError):  # it is not there, or holds what is not this callback's
            os.rmdir(self.backup_dir)

    def _clear(self) -> None:
        """Delete what processes left that were killed while they wrote."""
        with suppress(OSError):
            for name in os.listdir(self.backup_dir):
                if name.startswith((".latest.npz.", "previous.npz.")) and name.endswith(".tmp"):
                    os.unlink(os.path.join(self.backup_dir, name))


def _copy(path: str, to: str) -> None:
    """Another name for the file, or a copy where there are no links; ``to`` is never half."""
    beside = f"{to}.tmp"
    with suppress(FileNotFoundError):
        os.unlink(beside)
    try:
        os.link(path, beside)
    except OSError:
        shutil.copyfile(path, beside)
    rename_onto(beside, to)
