"""Data sets that make their batches in Python, a number at a time."""

from __future__ import annotations

import itertools
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from .. import _checks


class PyDataset:
    """Base of data sets that give a batch by its number: override ``__getitem__`` and ``__len__``.

    Parameters
    ----------
    workers : int
        With more than one, so many threads make batches ahead of training. Order and numbers are
        those of one.
    use_multiprocessing : bool
        Whether the workers, also a single one, are processes; the data set and its batches must be
        picklable then.
    max_queue_size : int
        How many batches are made ahead at most.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    ``__getitem__`` gives (x, y) or (x, y, sample_weight); (x,) to predict. Without ``__len__``,
    ``num_batches`` says how many batches there are, None for a set without end.

    Examples
    --------
    >>> import fastmlp, numpy as np
    >>> class Squares(fastmlp.utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...
    ...     def __getitem__(self, index):
    ...         x = np.full((4, 1), float(index))
    ...         return x, x**2
    >>> model = fastmlp.Sequential([fastmlp.Input((1,)), fastmlp.layers.Dense(1)])
    >>> model.compile("sgd", "mse", engine="reference")
    >>> model.fit(Squares(), epochs=2, verbose=0).params["steps"]
    3
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def _setting(self, name: str, default: Any) -> Any:
        """A setting, also of a subclass whose constructor does not call this one's."""
        if name not in vars(self):
            warnings.warn(
                "Your `PyDataset` class should call `super().__init__(**kwargs)` in its "
                "constructor. `**kwargs` can include `workers`, `use_multiprocessing`, "
                "`max_queue_size`.",
                stacklevel=4,
            )
            vars(self)[name] = default
        return vars(self)[name]

    @property
    def workers(self) -> int:
        """How many workers make batches; 0 and 1: whoever trains does."""
        value: int = self._setting("workers", 1)
        return value

    @workers.setter
    def workers(self, value: int) -> None:
        vars(self)["workers"] = _checks.integer("workers", value, 0)

    @property
    def use_multiprocessing(self) -> bool:
        """Whether workers are processes."""
        value: bool = self._setting("use_multiprocessing", False)
        return value

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        vars(self)["use_multiprocessing"] = _checks.boolean("use_multiprocessing", value)

    @property
    def max_queue_size(self) -> int:
        """How many batches are made ahead."""
        value: int = self._setting("max_queue_size", 10)
        return value

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        vars(self)["max_queue_size"] = _checks.integer("max_queue_size", value, 1)

    def __getitem__(self, index: int) -> Any:
        """The batch of that number."""
        raise NotImplementedError(f"{type(self).__name__} must have a method __getitem__")

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None: no end of them."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__} must have a method __len__ or a property num_batches"
        )

    def __iter__(self) -> Iterator[Any]:
        """The batches in order."""
        for index in _numbers(self):
            yield self[index]

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


def _numbers(dataset: PyDataset) -> Iterable[int]:
    count = dataset.num_batches
    return itertools.count() if count is None else range(count)


def read_ahead(dataset: PyDataset, order: Iterable[int] | None = None) -> Iterator[Any]:
    """The batches of a pass in order, made ahead by the data set's workers, if it has any."""
    numbers = iter(_numbers(dataset) if order is None else order)
    workers, processes = dataset.workers, dataset.use_multiprocessing
    if workers <= (0 if processes else 1):
        return (dataset[int(index)] for index in numbers)
    return _by_workers(dataset, numbers, workers, processes)


def _by_workers(
    dataset: PyDataset, numbers: Iterator[int], workers: int, processes: bool
) -> Iterator[Any]:
    from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

    pool: ProcessPoolExecutor | ThreadPoolExecutor
    if processes:
        pool = ProcessPoolExecutor(workers, initializer=_keep, initargs=(dataset,))
    else:
        pool = ThreadPoolExecutor(workers, thread_name_prefix="PyDataset")
    waiting: deque[Future[Any]] = deque()

    def submit(count: int) -> None:
        for index in itertools.islice(numbers, count):
            made = (
                pool.submit(_kept, int(index))
                if processes
                else pool.submit(dataset.__getitem__, int(index))
            )
            waiting.append(made)

    try:
        submit(dataset.max_queue_size)
        while waiting:
            batch = waiting.popleft().result()
            submit(1)
            yield batch
    finally:  # also when the pass is left before its end
        pool.shutdown(wait=True, cancel_futures=True)


# In a worker process: the data set it makes batches of.
_dataset: PyDataset | None = None


def _keep(dataset: PyDataset) -> None:
    global _dataset
    _dataset = dataset


def _kept(index: int) -> Any:
    assert _dataset is not None
    return _dataset[index]
