"""Weights that engines borrow: one value, however many models compute with it.

While a model trains, the newest value of a weight lies in its engine, packed for speed. Another
model that shares the weight, or ``get_weights``, must still see it. So a Variable knows who holds
its newest value and fetches it when asked; and every change gets a new version, so that an engine
knows what it has not seen. A class-wide clock lets it know with one comparison that nothing at
all has changed, which is the common case.

Threads may read, assign and train at once: value, version and holder change together, under one
lock that is never held while an engine is waited for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from . import _checks
from ._locks import Lock
from ._naming import unique_name

_lock = Lock()


class Holder(Protocol):
    """Who holds a variable's newest value."""

    variable: Variable
    seen: int  # the variable's version that the holder has

    def read(self) -> NDArray[Any]:
        """That value, as a new array."""


class Variable(NDArrayOperatorsMixin):
    """A named float64 array.

    Parameters
    ----------
    initializer : array_like, str or callable
        The initial value, copied; or an initializer, or its name, of that ``shape``.
    shape : tuple of int, optional
        Needed for an initializer; else that of the value.
    dtype : str, optional
        "float64" or None: fastmlp computes in nothing else.
    trainable : bool
        Whether training changes it.
    name : str, optional
        What it is, such as "kernel"; "variable", "variable_1", ... by default.
    path : str, optional
        Where it belongs, such as "dense/kernel".

    Raises
    ------
    ValueError
        If the value is not real numbers, or not of the shape.

    Examples
    --------
    >>> v = Variable([1.0, 2.0], name="bias")
    >>> v.assign([3.0, 4.0])
    >>> v.numpy()
    array([3., 4.])
    >>> v.shape
    (2,)
    """

    #: Stamp of the latest change anywhere. Engines compare it to the one they saw last.
    clock: ClassVar[int] = 0

    #: Whether training changes the value without a gradient (a moving mean).
    state = False

    #: What is added to the loss for the value, and what it is brought back to after each step:
    #: from :mod:`fastmlp.regularizers` and :mod:`fastmlp.constraints`, functions, or None.
    regularizer: Any = None
    constraint: Any = None

    #: Arithmetic is elementwise, so equality is too; a variable is its own key all the same.
    __hash__ = object.__hash__

    def __init__(
        self,
        initializer: Any,
        shape: tuple[int, ...] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        *,
        name: str | None = None,
        path: str | None = None,
    ) -> None:
        _checks.float64("dtype", dtype)
        self.name = unique_name("variable") if name is None else name
        self.path = path or self.name
        self.trainable = _checks.boolean("trainable", trainable)
        self._holder: Holder | None = None
        self._value = _frozen(_initial_value(initializer, shape))
        self.version = 0
        self._stamp()

    @staticmethod
    def tick() -> int:
        """Move the clock: something changed that engines may have to look at."""
        with _lock:
            Variable.clock += 1
            return Variable.clock

    def _stamp(self) -> None:
        self.version = self.tick()

    @property
    def value(self) -> NDArray[np.float64]:
        """The newest value, read-only; fetched from the engine that holds it, if one does."""
        with _lock:
            holder, version, value = self._holder, self.version, self._value
        if holder is None:
            return value
        value = _frozen(holder.read())
        with _lock:
            if self.version == version:  # neither assigned nor trained on meanwhile
                self._value, self._holder = value, None
        return value

    def assign(self, value: Any) -> None:
        """Replace the value by one of the same shape.

        Raises
        ------
        ValueError
            If the shape differs or the value is not real numbers.
        """
        array = _checks.real_array(f"value of variable {self.path!r}", value)
        if array.shape != self.shape:
            raise ValueError(
                f"value of variable {self.path!r} must have shape {self.shape}. "
                f"Received: shape {array.shape}"
            )
        array = _frozen(array)
        with _lock:
            self._value, self._holder = array, None
            self._stamp()

    def assign_add(self, value: Any) -> None:
        """Add an array of the same shape."""
        self.assign(self.value + value)

    def assign_sub(self, value: Any) -> None:
        """Subtract an array of the same shape."""
        self.assign(self.value - value)

    def numpy(self) -> NDArray[np.float64]:
        """A writable copy of the newest value."""
        return self.value.copy()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self._value.shape

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._value.size

    @property
    def dtype(self) -> str:
        """Always "float64"."""
        return "float64"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            return np.asarray(self.value, dtype)
        return np.array(self.value, dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [x.value if isinstance(x, Variable) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **kwargs)

    def __float__(self) -> float:
        return float(self.value)

    def __len__(self) -> int:
        return len(self._value)

    def __getitem__(self, key: Any) -> Any:
        return self.value[key]

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, value={self.value!r}>"

    def __getstate__(self) -> dict[str, Any]:
        value = self.value  # fetched first: an engine does not travel with a pickle
        return {**self.__dict__, "_value": value, "_holder": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._stamp()  # versions of the process it comes from mean nothing to this one's engines


def lend(holders: Sequence[Holder], again: bool = False) -> None:
    """From now on the newest values of the holders' variables are the holders'. ``again``: but
    for variables that have been assigned since the holder saw them."""
    with _lock:
        version = Variable.tick()
        for holder in holders:
            variable = holder.variable
            if not again or variable.version == holder.seen:
                variable._holder = holder
                variable.version = holder.seen = version


def _initial_value(initializer: Any, shape: tuple[int, ...] | None) -> Any:
    """The value given, or made by an initializer."""
    if isinstance(initializer, str):
        from . import initializers  # which most variables do not need

        initializer = initializers.get(initializer)
    if callable(initializer):
        if shape is None:
            raise ValueError(
                "shape must be given for an initializer. "
                f"Received: initializer={initializer!r}, shape=None"
            )
        initializer = initializer(tuple(shape))
    value = _checks.real_array("initializer", initializer)
    if shape is not None and value.shape != tuple(shape):
        raise ValueError(
            f"initializer must have the shape {tuple(shape)}. Received: shape {value.shape}"
        )
    return value


def _frozen(value: Any) -> NDArray[np.float64]:
    """A float64 copy that cannot be changed behind the version's back."""
    array = np.array(value, np.float64)
    array.setflags(write=False)
    return array
