"""Where an epoch's batches come from: a set in memory, or a source that makes them one by one.

A feed is asked for chunks of steps: ``begin``, ``take`` until it gives None, ``end``. Keras's rules
for an epoch of a given number of steps are here, once for training, evaluation and prediction.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine import Data
from .data import take
from .samples import LazyRows
from .sources import Source

Order = Callable[[int, int], NDArray[np.int64]]  # (steps ahead, n) -> a permutation

# Of samples that are converted on the way: what a chunk of them may take as float64.
_BLOCK_BYTES = 1 << 25


@dataclass(frozen=True)
class Chunk:
    """``steps`` batches of ``batch_size`` rows, the last perhaps shorter: the rows ``order`` (n,)
    of data; None for all of them as they lie."""

    data: Data
    batch_size: int
    steps: int
    order: NDArray[np.int64] | None = None

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows in the order in which they are visited."""
        return np.arange(len(self.data.x), dtype=np.int64) if self.order is None else self.order


class Feed:
    """Base of the feeds."""

    @property
    def steps(self) -> int | None:
        """Steps of an epoch, or None if only its end will tell."""
        raise NotImplementedError

    def begin(self, done: int = 0) -> None:
        """An epoch begins, or goes on after its first ``done`` steps."""
        raise NotImplementedError

    def take(self, steps: int) -> Chunk | None:
        """The epoch's next steps, at least one and at most ``steps``; None after the last."""
        raise NotImplementedError

    def end(self) -> None:
        """The epoch is over."""

    def reset(self) -> None:
        """The next epoch begins anew with the data, where they can."""
        raise NotImplementedError


def _warn_of_the_end() -> None:
    warnings.warn(
        "Your input ran out of data; interrupting training. Make sure that your dataset or "
        "generator can generate at least `steps_per_epoch * epochs` batches. You may need to use "
        "the `.repeat()` function when building your dataset.",
        stacklevel=2,
    )


class ArrayFeed(Feed):
    """Batches of a set in memory.

    Parameters
    ----------
    data : Data
        The samples; x may be a LazyRows.
    batch_size : int
        Rows of a batch; the last one of a pass over the set may be shorter.
    shuffle : bool or "batch"
        Whether each pass visits the rows in a new order; "batch": within each batch only.
    steps : int, optional
        Steps of an epoch; what a pass has left is the next epoch's. By default an epoch is a pass.
    permutation : callable, optional
        (steps from now, n) to the order of the pass that begins there; needed to shuffle.
    """

    def __init__(
        self,
        data: Data,
        batch_size: int,
        shuffle: bool | str = False,
        steps: int | None = None,
        permutation: Order | None = None,
    ) -> None:
        self.data = data
        self.batch_size = batch_size
        self._shuffle = shuffle
        self._permutation = permutation
        self._batches = -(-len(data.x) // batch_size)
        self._given = steps
        self._order: NDArray[np.int64] | None = None
        self._at = self._batches  # batches of this pass that are taken
        self._left = 0  # steps of this epoch that are not

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self._given or self._batches

    @property
    def whole(self) -> bool:
        """Whether every epoch is a pass over rows that an engine reads where they lie."""
        return self._given is None and not self._is_lazy

    @property
    def _is_lazy(self) -> bool:
        return isinstance(self.data.x, LazyRows)

    def order(self, ahead: int) -> NDArray[np.int64]:
        """The rows in the order of the pass that begins ``ahead`` steps from now; negative if it
        has begun."""
        n = len(self.data.x)
        if not self._shuffle:
            return np.arange(n, dtype=np.int64)
        assert self._permutation is not None
        order = self._permutation(ahead, n)
        if self._shuffle == "batch":  # the order that these numbers have within a batch
            for start in range(0, n, self.batch_size):
                batch = slice(start, start + self.batch_size)
                order[batch] = start + np.argsort(order[batch])
        return order

    def begin(self, done: int = 0) -> None:
        if self._given is None or self._at >= self._batches:
            self._order = self.order(-done) if self._shuffle else None
            self._at = min(done, self._batches)
        self._left = max(0, self.steps - done)

    def take(self, steps: int) -> Chunk | None:
        if self._left == 0:
            return None
        if self._at >= self._batches:
            _warn_of_the_end()
            return None
        steps = min(steps, self._left, self._batches - self._at)
        size = self.batch_size
        if self._is_lazy:
            bytes_of_a_step = 8 * size * self.data.x.shape[1]
            steps = max(1, min(steps, _BLOCK_BYTES // bytes_of_a_step))
        start, stop = self._at * size, min((self._at + steps) * size, len(self.data.x))
        self._at += steps
        self._left -= steps
        if self._order is None and self.data.learned is not None:
            # what was learned is of rows from the first on, so that a slice would have to drop it
            return Chunk(self.data, size, steps, np.arange(start, stop, dtype=np.int64))
        if self._order is None:
            if stop - start == len(self.data.x) and not self._is_lazy:
                return Chunk(self.data, size, steps)  # the set itself
            part = take(self.data, start, stop)
            return Chunk(self._read(part, slice(None)), size, steps)
        order = self._order[start:stop]
        if self._is_lazy:
            return Chunk(self._read(self.data, order), size, steps)
        return Chunk(self.data, size, steps, order)

    def reset(self) -> None:
        self._at = self._batches

    def _read(self, data: Data, rows: Any) -> Data:
        """Those rows of a set, as an engine reads them."""
        if not self._is_lazy:
            return data
        weights = data.sample_weight
        return Data(
            data.x.converted(rows),
            np.ascontiguousarray(data.targets[rows]),
            None if weights is None else np.ascontiguousarray(weights[rows]),
            data.label_shape,
        )


class BatchFeed(Feed):
    """Batches that a source makes, each checked as it comes.

    Parameters
    ----------
    source : Source
        Makes the batches.
    checked : callable
        A batch as the source gives it, to a set that fits the model.
    steps : int, optional
        Steps of an epoch; the source goes on in the next one. By default an epoch is all of it.
    """

    def __init__(
        self, source: Source, checked: Callable[[Any], Data], steps: int | None = None
    ) -> None:
        self._source = source
        self._checked = checked
        self._given = steps
        self._iterator: Iterator[Any] | None = None
        self._seen = 0  # batches of this iterator
        self._left = 0  # steps of this epoch that are not taken; -1: who knows
        self._is_empty = True

    @property
    def steps(self) -> int | None:
        """Steps of an epoch, or None if only its end will tell."""
        return self._given or self._source.batches

    def look_ahead(self) -> None:
        """Check the first batch, which builds a model, and keep it."""
        self._checked(self._source.first())

    def begin(self, done: int = 0) -> None:
        self._source.begin()
        if self._iterator is None or self._given is None:
            self._iterator = self._source.iterate()
            self._seen = 0
        self._left = self.steps or -1
        for _ in itertools.islice(self._iterator, done):
            self._seen += 1
            self._left -= 1

    def take(self, steps: int) -> Chunk | None:
        if self._left == 0:
            return None
        assert self._iterator is not None
        try:
            batch = next(self._iterator)
        except StopIteration:
            if self._is_empty:
                raise ValueError(
                    f"a {self._source.kind} must give at least one batch. Received: none"
                ) from None
            if self._given is not None or self._seen == 0:
                _warn_of_the_end()
            self._iterator = None
            self._left = 0
            return None
        self._is_empty = False
        self._seen += 1
        self._left -= 1
        data = self._checked(batch)
        return Chunk(data, len(data.x), 1)

    def end(self) -> None:
        if self._seen == self._source.batches:
            self._iterator = None
        self._source.end()

    def reset(self) -> None:
        self._iterator = None
