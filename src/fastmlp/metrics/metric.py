"""The base of the metrics."""

from __future__ import annotations

from typing import Any

from .. import _checks
from .._configured import Configured
from .._naming import snake_case
from .._registry import Registry


class Metric(Configured):
    """Base of the metrics: collects over batches what ``result`` then sums up.

    Parameters
    ----------
    name : str, optional
        The key in logs; defaults to the class's name in snake_case.
    dtype : str, optional
        "float64" or None.
    """

    def __init__(self, *, name: str | None = None, dtype: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.dtype = _checks.float64("dtype", dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels and outputs (N, K) of some samples."""
        raise NotImplementedError(f"{type(self).__name__} must implement update_state")

    def result(self) -> Any:
        """The metric over all samples taken in since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must implement result")

    def reset_state(self) -> None:
        """Forget all samples."""
        raise NotImplementedError(f"{type(self).__name__} must implement reset_state")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``update_state``, then ``result``."""
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


registry: Registry[Metric] = Registry("metric", Metric)
register = registry.register
