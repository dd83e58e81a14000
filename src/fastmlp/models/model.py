"""What every model can do once it has layers: fit, evaluate, predict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ..callbacks.callback_list import CallbackList
from ..callbacks.history import History
from ..engine import Data
from ..layers.shapes import rows_of
from ..progress import Progress, create_progress
from .stateful import StatefulModel
from .summary import summary_text
from .training import Trainer, evaluate_set, predict_rows, track, train_steps

DEFAULT_BATCH_SIZE = 32


class Model(StatefulModel):
    """Base of the models: a layer made of layers that can be trained."""

    # Training.

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        *,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train.

        Parameters
        ----------
        x : array_like
            (N, ...) samples. C-contiguous float64, float32 and uint8 are read where they lie.
        y : array_like
            Labels: (N,) or (N, 1) class indices for the sparse loss, else (N, K).
        batch_size : int, optional
            Samples of a step, 32 by default; the last of an epoch may have fewer.
        epochs, initial_epoch : int
            Epochs initial_epoch, ..., epochs - 1 are run.
        verbose : {"auto", 0, 1, 2}
            Nothing, a live bar, or a line an epoch; "auto" is the bar on a terminal or in a
            notebook, else the lines.
        callbacks : list of Callback, optional
            Called as training goes on.
        validation_split : float
            In [0, 1): the last share of x, y and sample_weight, split off before any shuffling.
        validation_data : tuple, optional
            (x, y) or (x, y, sample_weight); goes before ``validation_split``.
        shuffle : bool
            Whether each epoch visits the samples in a new order.
        class_weight : dict, optional
            Class index to the weight of its samples.
        sample_weight : array_like, optional
            (N,) weights of the samples; not together with ``class_weight``.
        validation_batch_size : int, optional
            Defaults to ``batch_size``.
        validation_freq : int or list of int
            Validate after every so many epochs, or after the epochs named (from 1).

        Returns
        -------
        History
            ``.history`` maps "loss", metrics and "val_..." to one value for each epoch.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described; nothing has been trained then.
        KeyboardInterrupt
            At Ctrl-C; the model keeps the weights of the last finished step.

        Examples
        --------
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.Input((1,)), fastmlp.layers.Dense(1)])
        >>> model.compile("sgd", "mse", engine="reference")
        >>> history = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=3, verbose=0)
        >>> len(history.history["loss"])
        3
        """
        self._require_loss()
        size = _batch_size("batch_size", batch_size, DEFAULT_BATCH_SIZE)
        validation_size = _batch_size("validation_batch_size", validation_batch_size, size)
        epochs = _checks.integer("epochs", epochs, 0)
        initial_epoch = _checks.integer("initial_epoch", initial_epoch, 0)
        validates = _validates(validation_freq)
        shuffle = _checks.boolean("shuffle", shuffle)
        level, progress = create_progress(verbose)
        train, validation = self._training_sets(
            x, y, sample_weight, class_weight, validation_split, validation_data
        )

        steps = -(-len(train.x) // size)
        hooks = CallbackList.of(callbacks, self, verbose=level, epochs=epochs, steps=steps)
        history = hooks.history or History()
        if hooks.history is None:
            hooks.append(history)

        def validate(epoch: int) -> dict[str, float]:
            if not validates(epoch):
                return {}
            assert validation is not None
            scores = self._evaluate(validation, validation_size, hooks)
            return {f"val_{name}": value for name, value in scores.items()}

        self.history = history
        with self.tracker.borrowed() as tracker:
            shown = progress if hooks.progbar is None else Progress()
            trainer = Trainer(self, train, size, shuffle, hooks, shown, tracker)
            trainer.run(initial_epoch, epochs, None if validation is None else validate)
        return history

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One step on one batch; arguments as for ``fit``.

        Returns
        -------
        float, list of float or dict
            The loss before the step and the metrics, as from ``evaluate``.
        """
        train, _ = self._training_sets(x, y, sample_weight, class_weight, 0.0, None)
        n = len(train.x)
        rows = np.arange(n, dtype=np.int64)
        with self.tracker.borrowed() as tracker:
            tracker.reset()
            recorded = train_steps(
                self, self._bind(), train, rows, n, 1, record_outputs=tracker.needs_outputs
            )
            track(tracker, train, rows, n, recorded)
            return _returned(tracker.result(), return_dict)

    def loss_and_gradient(
        self, x: Any, y: Any, sample_weight: Any = None
    ) -> tuple[float, list[NDArray[np.float64]]]:
        """The loss of a batch while training, and its gradient; nothing is changed.

        Parameters
        ----------
        x, y, sample_weight
            As for ``fit``; all samples are one batch.

        Returns
        -------
        loss : float
            The batch's loss under the compiled reduction, with the dropout masks that the next
            training step would have.
        gradient : list of ndarray
            The loss's derivative by each of ``trainable_weights``, of its shape, not clipped.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described.

        Examples
        --------
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1, kernel_initializer="ones")])
        >>> model.compile("sgd", "mse", engine="reference")
        >>> model.loss_and_gradient([[2.0]], [1.0])
        (1.0, [array([[4.]]), array([2.])])
        """
        data = self._checked(x, y, sample_weight)
        assert self.optimizer is not None
        loss, flat = self._bind().engine.gradient(
            data, np.arange(len(data.x), dtype=np.int64), int(self.optimizer.steps)
        )
        trained = [v for v in self.weights if not v.state]
        parts = np.split(flat, np.cumsum([v.size for v in trained])[:-1])
        return loss, [
            part.reshape(v.shape) for v, part in zip(trained, parts, strict=False) if v.trainable
        ]

    # Evaluating and predicting.

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        *,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over a set, without dropout.

        Parameters
        ----------
        x, y, sample_weight, verbose, callbacks
            As for ``fit``.
        batch_size : int, optional
            Matters for losses whose reduction is not the mean; 32 by default.
        return_dict : bool
            Whether to return a dict instead.

        Returns
        -------
        float, list of float or dict
            The loss; with metrics the list [loss, metrics...] in the order of ``metrics_names``.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described.

        Examples
        --------
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1, kernel_initializer="ones")])
        >>> model.compile("sgd", "mse", engine="reference")
        >>> model.evaluate([[0.0], [1.0]], [0.0, 3.0], verbose=0)
        2.0
        """
        size = _batch_size("batch_size", batch_size, DEFAULT_BATCH_SIZE)
        level, progress = create_progress(verbose)
        checked = self._checked(x, y, sample_weight)
        steps = -(-len(checked.x) // size)
        hooks = CallbackList.of(callbacks, self, verbose=level, epochs=1, steps=steps)
        if hooks.progbar is not None:
            progress = Progress()
        try:
            progress.begin(None, steps)
            logs = self._evaluate(checked, size, hooks)
            progress.end(logs)
        finally:
            progress.close()
        return _returned(logs, _checks.boolean("return_dict", return_dict))

    def _evaluate(self, data: Data, batch_size: int, hooks: CallbackList) -> dict[str, float]:
        assert self._lowered_loss is not None
        with self.tracker.borrowed() as tracker:
            return evaluate_set(tracker, self._bind(), self._lowered_loss, data, batch_size, hooks)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics of one batch, as from ``evaluate``."""
        checked = self._checked(x, y, sample_weight)
        logs = self._evaluate(checked, len(checked.x), CallbackList(model=self))
        return _returned(logs, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        *,
        callbacks: Any = None,
    ) -> NDArray[np.float64]:
        """Outputs for a set, without dropout.

        Parameters
        ----------
        x : array_like
            (N, ...) samples.
        batch_size : int, optional
            Samples of a batch that ``callbacks`` see; the result does not depend on it.
        verbose : {"auto", 0, 1, 2}
            "auto" prints nothing.
        callbacks : list of Callback, optional
            Called before and after.

        Returns
        -------
        ndarray
            (N, K) float64.

        Raises
        ------
        ValueError, TypeError
            If an argument is not as described, or x holds NaN or infinity.

        Examples
        --------
        >>> import fastmlp
        >>> model = fastmlp.Sequential([fastmlp.layers.Dense(1, kernel_initializer="ones")])
        >>> model.compile(optimizer="sgd", engine="reference")
        >>> model.predict([[1.0, 2.0]])
        array([[3.]])
        """
        size = _batch_size("batch_size", batch_size, DEFAULT_BATCH_SIZE)
        level, progress = create_progress(verbose, automatic=0)
        self._build_for(x)
        binding = self._bind()
        rows = rows_of(x, self._sample_shape)
        steps = -(-len(rows) // size)
        hooks = CallbackList.of(callbacks, self, verbose=level, epochs=1, steps=steps)
        if hooks.progbar is not None:
            progress = Progress()
        try:
            progress.begin(None, steps)
            outputs = predict_rows(binding, rows, size, hooks)
            progress.end({})
        finally:
            progress.close()
        # NaN in x shows in the few outputs; only then are the many inputs looked at.
        if not np.isfinite(outputs).all():
            _checks.finite("x", rows)
        return outputs.reshape(-1, *(size for size in self.output_shape[1:] if size is not None))

    def predict_on_batch(self, x: Any) -> NDArray[np.float64]:
        """Outputs (N, K) for one batch, without dropout."""
        return self.predict(x)

    def summary(
        self,
        line_length: int | None = None,
        *,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
    ) -> None:
        """Print the table of layers, output shapes and numbers of parameters.

        Parameters
        ----------
        line_length : int, optional
            Width of the table; by default that of the terminal, at most 88.
        print_fn : callable, optional
            Called once with the whole text instead of printing it.
        expand_nested : bool
            Whether to show the layers of models inside this one.

        Raises
        ------
        ValueError
            If ``line_length`` is below 40.

        Examples
        --------
        >>> import fastmlp
        >>> texts = []
        >>> fastmlp.Sequential([fastmlp.Input((2,))], name="m").summary(print_fn=texts.append)
        >>> texts[0].splitlines()[0]
        'Model: "m"'
        """
        text = summary_text(self, line_length, _checks.boolean("expand_nested", expand_nested))
        if print_fn is None:
            print(text, end="")
        else:
            print_fn(text)


def _batch_size(name: str, value: Any, default: int) -> int:
    return default if value is None else _checks.integer(name, value, 1, sys.maxsize)


def _validates(frequency: Any) -> Callable[[int], bool]:
    """Whether to validate after the epoch of that number, from 1."""
    if isinstance(frequency, Sequence) and not isinstance(frequency, str):
        return frozenset(_checks.integer("validation_freq", e, 1) for e in frequency).__contains__
    every = _checks.integer("validation_freq", frequency, 1)
    return lambda epoch: epoch % every == 0


def _returned(logs: dict[str, float], as_dict: bool) -> Any:
    """Logs as Keras returns them: a dict, a lone loss, or [loss, metrics...]."""
    if as_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values
