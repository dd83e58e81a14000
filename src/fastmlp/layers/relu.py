"""The rectified linear unit as a layer, with its parameters."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine
from .layer import Layer, register


@register("re_lu")
class ReLU(Layer):
    """``max_value`` where x >= max_value, x where x > threshold, otherwise
    ``negative_slope * (x - threshold)``.

    Parameters
    ----------
    max_value : float, optional
        Above 0; None is no bound.
    negative_slope, threshold : float
        At least 0.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If a number is out of its range.

    Examples
    --------
    >>> ReLU(max_value=6.0).operations()
    [Relu(negative_slope=0.0, max_value=6.0, threshold=0.0)]
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Any,
    ) -> None:
        if max_value is not None and _checks.number("max_value", max_value, 0.0) == 0.0:
            raise ValueError(
                "max_value must be above 0, or every output is 0. Received: max_value=0.0"
            )
        self.max_value = None if max_value is None else float(max_value)
        self.negative_slope = _checks.number("negative_slope", negative_slope, 0.0)
        self.threshold = _checks.number("threshold", threshold, 0.0)
        super().__init__(**options)

    def operations(self) -> list[engine.Operation]:
        top = float("inf") if self.max_value is None else self.max_value
        return [engine.Relu(self.negative_slope, top, self.threshold)]
