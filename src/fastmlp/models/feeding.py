"""From the arguments of fit, evaluate and predict to feeds of batches that fit the model."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from ..engine import Data
from ..layers.shapes import check_categories
from . import data as data_module
from .feed import ArrayFeed, BatchFeed, Feed
from .samples import finite, is_sparse, only_input, samples_of, stored
from .sources import PyDatasetSource, Source, kind_of_source, unpacked
from .stateful import StatefulModel

DEFAULT_BATCH_SIZE = 32

# Kinds of sources of which Keras takes no class weights.
_WITHOUT_CLASS_WEIGHT = frozenset({"generator", "torch DataLoader"})


class Validation:
    """The arguments of ``fit`` about what it validates with."""

    def __init__(self, split: float, data: Any, batch_size: Any, steps: Any) -> None:
        self.split = _checks.number("validation_split", split, 0.0, 1.0)
        self.data = data
        self.batch_size = optional_size("validation_batch_size", batch_size)
        self.steps = optional_size("validation_steps", steps)
        if steps is not None and data is None and not split:
            raise ValueError(
                "validation_steps needs validation_data or validation_split. "
                f"Received: validation_steps={steps} without either"
            )


class FeedingModel(StatefulModel):
    """A compiled model that knows which data fit it."""

    # Sets in memory.

    def _checked(
        self, x: Any, y: Any, sample_weight: Any = None, prefix: str = "", epochs: int = 0
    ) -> Data:
        """A set that fits this model, built for x if it was not; with what the engine learns of x
        to train on it for so many epochs."""
        self._check_loss()
        x = self._input(x, f"{prefix}x")
        loss = self._loss_for(y)
        outputs = self._network().outputs
        axes = tuple(size for size in self.output_shape[1:-1] if size is not None)
        checked = data_module.checked_set(
            loss, self._sample(), outputs, x, y, sample_weight, prefix, axes
        )
        if epochs:
            checked = replace(checked, learned=self._bind().engine.learn(checked.x, epochs))
        if checked.learned is None:  # else all are finite
            finite(f"{prefix}x", checked.x)
        self._check_categories(f"{prefix}x", checked.x)
        return checked

    def _input(self, x: Any, name: str = "x") -> Any:
        """The array of what was given as x, for which the model is built if it was not."""
        layer = getattr(self, "_input_layer", None)
        array = only_input(x, None if layer is None else layer.name, name)
        if is_sparse(array) and not self.built:
            self.build((None, *array.shape[1:]))
        elif not self.built:
            self._build_for(array)
        return array

    def _sample(self) -> tuple[int, ...]:
        """The shape of a sample."""
        return tuple(size for size in self.input_shape[1:] if size is not None)

    def _checked_inputs(self, x: Any) -> Data:
        """Samples alone, whose values are not looked at."""
        rows = samples_of(self._input(x), self._sample())
        self._check_categories("x", rows)
        return Data(rows, np.empty((len(rows), 0)))

    def _check_categories(self, name: str, rows: Any) -> None:
        """ValueError if the model begins with categories and these are none."""
        limit = self.category_limit
        if limit is not None:
            check_categories(name, stored(rows), limit)

    def _with_class_weight(self, data: Data, class_weight: Any) -> Data:
        if class_weight is None:
            return data
        network = self._network()
        targets = data_module.targets_by_row(data.targets, len(data.x) * network.split)
        weights = data_module.class_weights(class_weight, targets, network.outputs)
        if network.split > 1:
            weights = weights.reshape(-1, network.split)
        return replace(data, sample_weight=weights)

    def _checked_weighted(
        self, x: Any, y: Any, sample_weight: Any, class_weight: Any, epochs: int = 0
    ) -> Data:
        """A set whose weights come from either argument."""
        if class_weight is not None and sample_weight is not None:
            raise ValueError(
                "class_weight and sample_weight cannot be given together. "
                f"Received: class_weight={class_weight!r} and sample_weight"
            )
        checked = self._checked(x, y, sample_weight, epochs=epochs)
        return self._with_class_weight(checked, class_weight)

    @staticmethod
    def _one_batch(data: Data) -> Data:
        """A set as an engine reads it all at once."""
        feed = ArrayFeed(data, len(data.x))
        feed.begin()
        chunk = feed.take(1)
        assert chunk is not None
        return chunk.data

    # Feeds.

    def _training_feeds(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        class_weight: Any,
        batch_size: int | None,
        shuffle: bool | str,
        steps: int | None,
        epochs: int,
        validation: Validation,
    ) -> tuple[Feed, Feed | None]:
        """What to train on and what to validate with, all checked."""
        share = validation.split
        kind = kind_of_source(x)
        if kind is not None:
            if share and validation.data is None:
                raise ValueError(
                    "validation_split needs x and y as arrays; give validation_data instead. "
                    f"Received: validation_split={share} and x as a {kind}"
                )
            feed: Feed = self._source_feed(
                x, y, sample_weight, class_weight, batch_size, steps, shuffle, kind
            )
            return feed, self._validation_feed(validation, batch_size)
        by_itself = self.optimizer is not None and self.optimizer.moves_by_itself
        if by_itself:  # its steps are not the engine's, which has nothing to learn for
            epochs = 0
        train = self._checked_weighted(x, y, sample_weight, class_weight, epochs)
        held_out = None
        if validation.data is None and share:
            train, held_out = data_module.split(train, share)
            if class_weight is not None:  # of the training samples alone
                held_out = Data(held_out.x, held_out.targets, None, held_out.label_shape)
        size = _size_of_batches(batch_size, steps, len(train.x))
        if by_itself:
            size = batch_size or (size if steps else len(train.x))
            shuffle = shuffle and size < len(train.x)  # a sum has no order
        feed = ArrayFeed(train, size, shuffle, steps, self._permutation)
        if held_out is None:
            return feed, self._validation_feed(validation, batch_size)
        return feed, self._array_feed(
            held_out, validation.batch_size or batch_size, validation.steps
        )

    def _validation_feed(self, validation: Validation, batch_size: int | None) -> Feed | None:
        if validation.data is None:
            return None
        given = (
            validation.data if isinstance(validation.data, (tuple, list)) else (validation.data,)
        )
        if not 1 <= len(given) <= 3:
            raise ValueError(
                "validation_data must be (x, y), (x, y, sample_weight) or what gives batches of "
                f"these. Received: validation_data of length {len(given)}"
            )
        x, y, sample_weight = (*given, None, None)[:3]
        if len(given) == 1 and kind_of_source(x) is None:
            raise ValueError(
                "validation_data must be (x, y) or (x, y, sample_weight), or what gives batches "
                f"of these. Received: validation_data of type {type(validation.data).__name__}"
            )
        size = validation.batch_size
        if size is None and kind_of_source(x) is None:
            size = batch_size
        return self._evaluation_feed(x, y, sample_weight, size, validation.steps, "validation ")

    def _evaluation_feed(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        batch_size: int | None,
        steps: int | None,
        prefix: str = "",
    ) -> Feed:
        self._check_loss()
        kind = kind_of_source(x)
        if kind is not None:
            return self._source_feed(x, y, sample_weight, None, batch_size, steps, False, kind)
        checked = self._checked(x, y, sample_weight, prefix)
        return self._array_feed(checked, batch_size, steps)

    def _prediction_feed(self, x: Any, batch_size: int | None, steps: int | None) -> Feed:
        kind = kind_of_source(x)
        if kind is None:
            return self._array_feed(self._checked_inputs(x), batch_size, steps)
        _only_with_arrays(kind, batch_size=batch_size)

        def checked(batch: Any) -> Data:
            return self._checked_inputs(unpacked(batch, kind)[0])

        return self._batch_feed(_source(x, kind), checked, steps)

    def _array_feed(self, data: Data, batch_size: int | None, steps: int | None) -> ArrayFeed:
        return ArrayFeed(data, _size_of_batches(batch_size, steps, len(data.x)), steps=steps)

    def _source_feed(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        class_weight: Any,
        batch_size: int | None,
        steps: int | None,
        shuffle: bool | str,
        kind: str,
    ) -> BatchFeed:
        """Batches with targets from a source."""
        _only_with_arrays(kind, y=y, sample_weight=sample_weight, batch_size=batch_size)
        if class_weight is not None and kind in _WITHOUT_CLASS_WEIGHT:
            raise ValueError(
                f"class_weight cannot be given with x as a {kind}, which can give sample weights. "
                f"Received: class_weight={class_weight!r}"
            )
        if shuffle == "batch":
            raise ValueError(
                f"shuffle must be True or False with x as a {kind}. Received: shuffle='batch'"
            )

        def checked(batch: Any) -> Data:
            inputs, targets, weights = unpacked(batch, kind)
            return self._checked_weighted(inputs, targets, weights, class_weight)

        def order(count: int) -> NDArray[np.int64]:
            return self._permutation(0, count)

        return self._batch_feed(_source(x, kind, order if shuffle else None), checked, steps)

    def _batch_feed(self, source: Source, checked: Any, steps: int | None) -> BatchFeed:
        """The feed; a model without weights is built for its first batch, whose labels may choose
        its loss."""
        feed = BatchFeed(source, checked, steps)
        if not self.built or self._loss_by_labels:
            feed.look_ahead()
        return feed

    def _permutation(self, ahead: int, n: int) -> NDArray[np.int64]:
        """The order of n things for an epoch that begins ``ahead`` steps from now."""
        assert self.optimizer is not None
        step = int(self.optimizer.steps) + ahead
        # Of any engine that is there: the order is no matter of the network, and looking whether
        # the binding still serves it took 5 % of an epoch of 1 ms.
        binding = self._binding or self._bind()
        return binding.engine.permutation(self._shuffle_seed, step, n)


def optional_size(name: str, value: Any) -> int | None:
    """None, or an integer of at least 1."""
    return None if value is None else _checks.integer(name, value, 1, sys.maxsize)


def _size_of_batches(batch_size: int | None, steps: int | None, n: int) -> int:
    """As Keras: by default 32, or what makes that many steps of the set."""
    if batch_size is not None:
        return batch_size
    return DEFAULT_BATCH_SIZE if steps is None else -(-n // steps)


def _source(x: Any, kind: str, order: Any = None) -> Source:
    return PyDatasetSource(x, order) if kind == "PyDataset" else Source(x, kind)


def _only_with_arrays(kind: str, **arguments: Any) -> None:
    """ValueError if one of these is given: they belong to arrays."""
    for name, value in arguments.items():
        if value is not None:
            raise ValueError(
                f"{name} must not be given with x as a {kind}, which gives whole batches. "
                f"Received: {name} of type {type(value).__name__}"
            )
