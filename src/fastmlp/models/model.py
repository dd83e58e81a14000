"""What every model can do once it has layers: fit, evaluate, predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._objects import within
from ..callbacks.callback_list import CallbackList
from ..callbacks.history import History
from ..progress import Progress, create_progress
from .curved import CurvedModel
from .feed import ArrayFeed, Chunk, Feed
from .feeding import Validation, optional_size
from .training import (
    Trainer,
    evaluate_feed,
    own_steps,
    predict_feed,
    track,
    train_chunk,
    with_gradients,
)


class Model(CurvedModel):
    """Base of the models: a layer made of layers that can be trained. ``Model(inputs, outputs)``
    makes a :class:`~fastmlp.models.functional.Functional`, a chain of layers."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """A Functional if there are inputs and outputs."""
        if cls is Model and (args or kwargs.keys() & {"inputs", "outputs"}):
            from .functional import Functional  # which is a Model

            return super().__new__(Functional)
        return super().__new__(cls)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Another with these constructor arguments; ``custom_objects``: names to classes and
        functions of one's own among them."""
        with within(custom_objects):
            return super().from_config(config)

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
        shuffle: bool | str = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train.

        Parameters
        ----------
        x : array_like, PyDataset, generator or iterable
            (N, ...) samples. C-contiguous float64, float32 and uint8 are read where they lie, and
            must not change meanwhile: of those with few non-zeros and at most 256 different
            values a copy may be kept, which takes an eighth of their memory at most (or 64 MiB,
            never more than 1 GiB). Or what gives batches (x, y) or (x, y, sample_weight), each a
            step; all but a generator are begun anew at each epoch.
        y : array_like
            Labels: (N,) or (N, 1) class indices for the sparse loss, else (N, K).
        batch_size : int, optional
            Samples of a step, 32 by default; the last of an epoch may have fewer. For arrays only.
        epochs, initial_epoch : int
            Epochs initial_epoch, ..., epochs - 1 are run.
        verbose : {"auto", 0, 1, 2}
            Nothing, a live bar, or a line an epoch; "auto" is the bar on a terminal or in a
            notebook, else the lines.
        callbacks : list of Callback, optional
            Called as training goes on.
        validation_split : float
            In [0, 1): the last share of x, y and sample_weight, split off before any shuffling.
        validation_data : tuple, PyDataset, generator or iterable, optional
            (x, y), (x, y, sample_weight) or what gives batches of these; goes before
            ``validation_split``.
        shuffle : bool or "batch"
            Whether each epoch visits the samples of arrays, or the batches of a PyDataset, in a
            new order; "batch": the samples of each batch. A generator's order is its own.
        class_weight : dict, optional
            Class index to the weight of its samples.
        sample_weight : array_like, optional
            (N,) weights of the samples; not together with ``class_weight``.
        steps_per_epoch : int, optional
            Steps of an epoch; the next epoch goes on where it stopped. By default all the data,
            which an endless generator does not have. Without ``batch_size`` the arrays are cut
            into so many batches.
        validation_steps : int, optional
            Batches to validate with, from the beginning; by default all.
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
        self._check_loss()
        size = optional_size("batch_size", batch_size)
        steps = optional_size("steps_per_epoch", steps_per_epoch)
        epochs = _checks.integer("epochs", epochs, 0)
        initial_epoch = _checks.integer("initial_epoch", initial_epoch, 0)
        validates = _validates(validation_freq)
        if shuffle != "batch":
            shuffle = _checks.boolean("shuffle", shuffle)
        level, progress = create_progress(verbose)
        validation = Validation(
            validation_split, validation_data, validation_batch_size, validation_steps
        )
        feed, validation_feed = self._training_feeds(
            x,
            y,
            sample_weight,
            class_weight,
            size,
            shuffle,
            steps,
            max(0, epochs - initial_epoch),
            validation,
        )

        own = own_steps(self, feed)
        hooks = CallbackList.of(callbacks, self, verbose=level, epochs=epochs, steps=feed.steps)
        history = hooks.history or History()
        if hooks.history is None:
            hooks.append(history)

        def validate(epoch: int) -> dict[str, float]:
            if not validates(epoch):
                return {}
            assert validation_feed is not None
            validation_feed.reset()
            scores = self._evaluate(validation_feed, hooks, Progress())
            return {f"val_{name}": value for name, value in scores.items()}

        self.history = history
        with self.tracker.borrowed() as tracker:
            shown = progress if hooks.progbar is None else Progress()
            trainer = Trainer(self, feed, hooks, shown, tracker, own)
            trainer.run(initial_epoch, epochs, None if validation_feed is None else validate)
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
        as_dict = _checks.boolean("return_dict", return_dict)
        data = self._one_batch(self._checked_weighted(x, y, sample_weight, class_weight))
        chunk = Chunk(data, len(data.x), 1)
        with self.tracker.borrowed() as tracker:
            tracker.reset()
            own, needed = own_steps(self), tracker.needs_outputs
            if own is None:
                recorded = train_chunk(self, chunk, needed)
            else:
                recorded = own.run(chunk, needed, in_batches=True)
            track(tracker, data, chunk.rows, chunk.batch_size, recorded)
            return _returned(tracker.result(), as_dict)

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
        data = self._one_batch(self._checked(x, y, sample_weight))
        assert self.optimizer is not None
        rows, binding, value = np.arange(len(data.x), dtype=np.int64), self._bind(), 0.0
        if self._loss is not None and self._loss.is_python:
            data, value = with_gradients(self, binding, data, rows)
        loss, flat = binding.engine.gradient(data, rows, int(self.optimizer.steps))
        loss += value
        roles = zip(self._parameters(), self._network().roles, strict=True)
        trained = [variable for variable, role in roles if role == "trained"]
        parts = np.split(flat, np.cumsum([v.size for v in trained])[:-1])
        found = {id(v): part.reshape(v.shape) for v, part in zip(trained, parts, strict=False)}
        return loss, [found[id(variable)] for variable in self.trainable_weights]

    # Evaluating and predicting.

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over a set, without dropout.

        Parameters
        ----------
        x, y, sample_weight, verbose, callbacks
            As for ``fit``.
        batch_size : int, optional
            Matters for losses whose reduction is not the mean; 32 by default. For arrays only.
        steps : int, optional
            Batches to evaluate, by default all.
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
        size, steps = optional_size("batch_size", batch_size), optional_size("steps", steps)
        as_dict = _checks.boolean("return_dict", return_dict)
        level, progress = create_progress(verbose)
        feed = self._evaluation_feed(x, y, sample_weight, size, steps)
        hooks = CallbackList.of(callbacks, self, verbose=level, epochs=1, steps=feed.steps)
        if hooks.progbar is not None:
            progress = Progress()
        try:
            progress.begin(None, feed.steps)
            logs = self._evaluate(feed, hooks, progress)
            progress.end(logs)
        finally:
            progress.close()
        return _returned(logs, as_dict)

    def _evaluate(self, feed: Feed, hooks: CallbackList, progress: Progress) -> dict[str, float]:
        with self.tracker.borrowed() as tracker:
            return evaluate_feed(self, tracker, feed, hooks, progress)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics of one batch, as from ``evaluate``."""
        as_dict = _checks.boolean("return_dict", return_dict)
        data = self._checked(x, y, sample_weight)
        feed = ArrayFeed(data, len(data.x))
        logs = self._evaluate(feed, CallbackList(model=self), Progress())
        return _returned(logs, as_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> NDArray[np.float64]:
        """Outputs for a set, without dropout.

        Parameters
        ----------
        x : array_like, PyDataset, generator or iterable
            (N, ...) samples, or what gives batches of them: (x,), or (x, y) of which y is left
            out, as Keras does.
        batch_size : int, optional
            Samples of a batch that ``steps`` and ``callbacks`` count, 32 by default; the result
            does not depend on it. For arrays only.
        verbose : {"auto", 0, 1, 2}
            "auto" prints nothing.
        steps : int, optional
            Batches to predict, by default all.
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
        size, steps = optional_size("batch_size", batch_size), optional_size("steps", steps)
        level, progress = create_progress(verbose, automatic=0)
        feed = self._prediction_feed(x, size, steps)
        hooks = CallbackList.of(callbacks, self, verbose=level, epochs=1, steps=feed.steps)
        if hooks.progbar is not None:
            progress = Progress()
        try:
            progress.begin(None, feed.steps)
            outputs = predict_feed(self, feed, hooks, progress)
            progress.end({})
        finally:
            progress.close()
        return outputs.reshape(-1, *self.output_shape[1:])

    def predict_on_batch(self, x: Any) -> NDArray[np.float64]:
        """Outputs (N, K) for one batch of arrays, without dropout."""
        data = self._one_batch(self._checked_inputs(x))
        return predict_feed(
            self, ArrayFeed(data, len(data.x)), CallbackList(model=self), Progress()
        ).reshape(-1, *self.output_shape[1:])


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
