"""The base of the metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, initializers
from .._configured import Configured
from .._naming import snake_case, unique_name
from .._registry import Registry
from ..variable import Variable


class Metric(Configured):
    """Base of the metrics: collects over batches what ``result`` then sums up.

    A metric of one's own makes its variables in the constructor, changes them in ``update_state``
    and forms a number, an array or a dict of them in ``result``.

    Parameters
    ----------
    dtype : str, optional
        "float64" or None.
    name : str, optional
        The key in logs; defaults to the class's name in snake_case, with a number from the second
        on.

    Examples
    --------
    >>> class Largest(Metric):
    ...     def __init__(self, name="largest", **options):
    ...         super().__init__(name=name, **options)
    ...         self.largest = self.add_variable((), "zeros", name="largest")
    ...
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.largest.assign(max(self.largest.numpy(), np.max(y_pred)))
    ...
    ...     def result(self):
    ...         return self.largest.numpy()
    >>> float(Largest()([[1.0]], [[3.0]]))
    3.0
    """

    #: Where it is known, whether more or less is better, "up" or "down": what callbacks with
    #: ``mode="auto"`` look at.
    _direction: str

    def __init__(self, dtype: str | None = None, name: str | None = None) -> None:
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.dtype = _checks.float64("dtype", dtype)
        self._variables: list[Variable] = []

    def add_variable(
        self,
        shape: tuple[int, ...],
        initializer: Any,
        dtype: str | None = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a variable that ``reset_state`` sets to zero.

        Parameters
        ----------
        shape : tuple of int
            Its shape.
        initializer : str or Initializer
            Makes its first value.
        dtype : str, optional
            "float64" or None.
        aggregation : str
            How several devices would join theirs; there is one here.
        name : str, optional
            What it is, such as "total".
        """
        if not hasattr(self, "_variables"):
            raise RuntimeError(
                f"{type(self).__name__}.__init__ must call super().__init__() before it makes "
                f"variables. Received: add_variable(name={name!r}) without it"
            )
        _checks.float64("dtype", dtype)
        _checks.only("aggregation", aggregation, "sum")
        shown = name or "variable"
        value = initializers.first_value(shown, initializers.get(initializer), tuple(shape))
        self._variables.append(Variable(value, name=shown, path=f"{self.name}/{shown}"))
        return self._variables[-1]

    def add_weight(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = "zeros",
        dtype: str | None = None,
        name: str | None = None,
    ) -> Variable:
        """:meth:`add_variable` with its arguments in another order."""
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """Its variables, then those of metrics that are its attributes."""
        return self._variables + [v for metric in self._metrics() for v in metric.variables]

    def _metrics(self) -> Iterator[Metric]:
        """Metrics among its attributes, and in lists that are attributes."""
        for value in vars(self).values():
            for part in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(part, Metric):
                    yield part

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in labels and outputs (N, K) of some samples."""
        raise NotImplementedError(f"{type(self).__name__} must implement update_state")

    def result(self) -> Any:
        """The metric over all samples taken in since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must implement result")

    def reset_state(self) -> None:
        """Forget all samples."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape))

    def takes_portions(self, sample_weight: NDArray[Any] | None) -> bool:
        """Whether rows may come in any portions instead of batch by batch, with the same bits in
        the result; so that many batches are one update. Not so what is written elsewhere."""
        return False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``update_state``, then ``result``."""
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


registry: Registry[Metric] = Registry("metric", Metric, "keras.metrics")
register = registry.register
