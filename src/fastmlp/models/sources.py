"""What makes batches one by one: generators, iterables, PyDatasets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..utils.py_dataset import PyDataset, read_ahead


class Source:
    """Batches from an iterable, begun anew at each pass; a generator goes on where it is.

    Parameters
    ----------
    x : iterable
        Gives batches: (x,), (x, y) or (x, y, sample_weight).
    kind : str
        What errors call it.
    """

    def __init__(self, x: Any, kind: str) -> None:
        self._x = x
        self.kind = kind
        self._begun: Iterator[Any] | None = None

    @property
    def batches(self) -> int | None:
        """How many batches a pass has, if that is known before."""
        try:
            return len(self._x) or None
        except TypeError:
            return None

    def iterate(self) -> Iterator[Any]:
        """The batches of a pass."""
        begun, self._begun = self._begun, None
        return iter(self._x) if begun is None else begun

    def first(self) -> Any:
        """The first batch, which the next pass still has."""
        rest = self.iterate()
        try:
            batch = next(rest)
        except StopIteration:
            raise ValueError(
                f"a {self.kind} must give at least one batch. Received: none"
            ) from None
        self._begun = itertools.chain((batch,), rest)
        return batch

    def begin(self) -> None:
        """An epoch begins."""

    def end(self) -> None:
        """The epoch is over."""


class PyDatasetSource(Source):
    """Batches of a PyDataset, which it may make ahead in workers.

    Parameters
    ----------
    dataset : PyDataset
        Gives batches by their number.
    order : callable, optional
        The number of batches to the order of a pass that begins now; by default as they are.
    """

    def __init__(
        self, dataset: PyDataset, order: Callable[[int], Sequence[int]] | None = None
    ) -> None:
        super().__init__(dataset, "PyDataset")
        self._order = order

    @property
    def batches(self) -> int | None:
        count: int | None = self._x.num_batches
        return count

    def iterate(self) -> Iterator[Any]:
        count = self.batches
        order = None if count is None or self._order is None else self._order(count)
        return read_ahead(self._x, order)

    def first(self) -> Any:
        if self.batches == 0:
            raise ValueError("a PyDataset must give at least one batch. Received: none")
        return self._x[0]

    def begin(self) -> None:
        self._x.on_epoch_begin()

    def end(self) -> None:
        self._x.on_epoch_end()


def kind_of_source(x: Any) -> str | None:
    """What makes batches is called so in errors; None for arrays and what is like them."""
    if isinstance(x, PyDataset):
        return "PyDataset"
    if isinstance(x, (np.ndarray, Sequence, Mapping, str, bytes)) or hasattr(x, "__array__"):
        return None
    if hasattr(x, "__dlpack__") or hasattr(x, "tocsr") or not hasattr(x, "__iter__"):
        return None
    if hasattr(x, "__next__"):
        return "generator"
    return "torch DataLoader" if _is_data_loader(x) else "dataset"


def _is_data_loader(x: Any) -> bool:
    return any(
        parent.__name__ == "DataLoader" and parent.__module__.startswith("torch.utils.data")
        for parent in type(x).__mro__
    )


def unpacked(batch: Any, kind: str) -> tuple[Any, Any, Any]:
    """x, y and sample weights of a batch, None for what it does not have.

    Raises
    ------
    ValueError
        If it is not a batch.
    """
    if kind == "PyDataset" and isinstance(batch, (np.ndarray, dict)):
        batch = (batch,)
    if isinstance(batch, list) and kind != "generator":
        batch = tuple(batch)
    if not isinstance(batch, tuple) and kind == "dataset":
        batch = (batch,)
    if not isinstance(batch, tuple) or not 1 <= len(batch) <= 3:
        raise ValueError(
            f"a {kind} must give tuples, either (inputs,) or (inputs, targets) or (inputs, "
            f"targets, sample_weights). Received: {str(batch)[:100]} of type "
            f"{type(batch).__name__}"
        )
    x, y, sample_weight = (*batch, None, None)[:3]
    return x, y, sample_weight
