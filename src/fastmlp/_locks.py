"""Locks for what threads share: they do not travel with copies, pickles or forks."""

from __future__ import annotations

import os
import weakref
from _thread import RLock  # threading's, whose import would be a tenth of the package's
from typing import Any


class Lock:
    """A reentrant lock. A copy or pickle of its owner gets a new one; in a forked child, which
    lacks the thread that may have held it, it is free.

    Examples
    --------
    >>> lock = Lock()
    >>> with lock, lock:
    ...     pass
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = RLock()
        _locks.add(self)

    def acquire(self, blocking: bool = True) -> bool:
        """Take the lock; False if another thread has it and this one does not want to wait."""
        return self._lock.acquire(blocking)

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return Lock, ()

    def _free_in_child(self) -> None:
        if not self._lock._is_owned():  # type: ignore[attr-defined]
            self._lock = RLock()


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _free_all_in_child() -> None:
    for lock in list(_locks):
        lock._free_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all_in_child)
