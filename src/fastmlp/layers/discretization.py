"""Numbers to categories by boundaries: Discretization."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, engine
from .._reading import allowance
from ..variable import Variable
from .layer import Layer, register
from .normalization import batches_of
from .shapes import Shape

_MODES = ("int", "one_hot", "multi_hot", "count")


@register("discretization")
class Discretization(Layer):
    """The number of the bin in which each number lies: how many boundaries are not above it.

    Parameters
    ----------
    bin_boundaries : sequence of float, optional
        Ascending; k of them make k + 1 bins.
    num_bins : int, optional
        In their place: how many bins of equally many numbers :meth:`adapt` makes, at most.
    epsilon : float
        How exact the quantiles of :meth:`adapt` are, a share of all numbers; in (0, 1).
    output_mode : {"int", "one_hot", "multi_hot", "count"}
        The numbers themselves, or what :class:`CategoryEncoding` makes of them; the last two take
        inputs (batch, features).
    sparse : bool
        False: results are dense.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If an argument is not as described, both or none of boundaries and number of bins are
        given, or the layer is built before there are boundaries.

    Examples
    --------
    >>> Discretization([0.0, 10.0])([[-1.0, 0.0, 3.0, 12.0]]).numpy()
    array([[0., 1., 1., 2.]])
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        **options: Any,
    ) -> None:
        if bin_boundaries is None and num_bins is None:
            raise ValueError(
                "bin_boundaries or num_bins must be given. Received: neither of the two"
            )
        self.num_bins = None if num_bins is None else _checks.integer("num_bins", num_bins, 1)
        self.bin_boundaries = None if bin_boundaries is None else _ascending(bin_boundaries)
        if self.bin_boundaries is not None and num_bins is not None:
            raise ValueError(
                "bin_boundaries and num_bins must not be given together. "
                f"Received: bin_boundaries={bin_boundaries} and num_bins={num_bins}"
            )
        self.epsilon = _checks.number("epsilon", epsilon, 0.0, 1.0)
        if self.epsilon == 0.0:
            raise ValueError("epsilon must lie in (0, 1). Received: epsilon=0.0")
        if output_mode not in _MODES:
            raise ValueError(
                f"output_mode must be one of {_MODES}. Received: output_mode={output_mode!r}"
            )
        self.output_mode = output_mode
        _checks.only("sparse", sparse, False)
        self.sparse = False
        self._boundaries: list[Variable] = []
        super().__init__(**options)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Discretization:
        """A layer with this configuration; that of an adapted one has both its boundaries and the
        number of bins that was asked for."""
        given = dict(config)
        boundaries = given.get("bin_boundaries")
        adapted = boundaries is not None and given.get("num_bins") is not None
        if adapted:
            del given["bin_boundaries"]
        layer = super().from_config(given)
        if adapted:
            layer.bin_boundaries = _ascending(boundaries)
        return layer

    def _known(self) -> list[float]:
        if self.bin_boundaries is None:
            raise ValueError(
                f"Discretization {self.name!r} has no boundaries yet: give bin_boundaries, or call "
                "adapt(data) first"
            )
        return self.bin_boundaries

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        bins = len(self._known()) + 1
        if self.output_mode == "int":
            return tuple(input_shape)
        if self.output_mode != "one_hot":
            if len(input_shape) != 2:
                raise ValueError(
                    f"output_mode {self.output_mode!r} takes inputs of shape (batch, features). "
                    f"Received: input shape {input_shape}"
                )
            return (input_shape[0], bins)
        kept = input_shape[:-1] if input_shape[-1] == 1 and len(input_shape) > 1 else input_shape
        return (*kept, bins)

    def _make_weights(self, input_shape: Shape) -> None:
        size, boundaries = input_shape[-1], self._known()
        assert size is not None
        if not boundaries:
            self._boundaries = []
            return
        shape = (len(boundaries), size)
        allowed = allowance()
        if allowed is not None:
            allowed.take(f"bin_boundaries of {self.name!r}", shape)
        columns = np.repeat(np.asarray(boundaries)[:, None], size, axis=1)
        variable = Variable(columns, name="bin_boundaries")
        variable.trainable, variable.state = False, True
        self._boundaries = [variable]

    def _parameters(self) -> list[Variable]:
        return list(self._boundaries)

    def adapt(self, data: Any) -> None:
        """Take boundaries between bins of equally many numbers from data.

        Parameters
        ----------
        data : ndarray or iterable of ndarray
            Samples of any shape, or batches of them.

        Raises
        ------
        ValueError, TypeError
            If the data are none, or the layer was made with boundaries or is built.
        """
        if self.num_bins is None:
            raise ValueError(f"adapt is for a layer made with num_bins: {self.name!r}")
        if self.built:
            raise ValueError(
                f"adapt must come before the layer is used. Received: {self.name!r}, built"
            )
        batches: Iterable[Any] = [data] if hasattr(data, "shape") else batches_of(data)
        summary = np.empty((2, 0))
        for batch in batches:
            values = _checks.real_array("data", batch).astype(np.float64).ravel()
            _checks.finite("data", values)
            if values.size:
                merged = np.concatenate([_summarized(values, self.epsilon), summary], axis=1)
                merged = merged[:, np.argsort(merged[0], kind="stable")]
                summary = _compressed(merged, self.epsilon)
        if not summary.size:
            raise ValueError("data must hold at least one number. Received: none")
        self.bin_boundaries = _compressed(summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def operations(self) -> list[engine.Operation]:
        size, boundaries = self.input_shape[-1], self._known()
        assert size is not None
        counts: engine.Operation = engine.Rescaling(0.0)  # of no boundary
        if boundaries:
            counts = engine.Discretization(len(boundaries))
        rows = engine.Reshape(size)
        if self.output_mode == "int":
            return [rows, counts]
        width = 1 if self.output_mode == "one_hot" else size
        encoding = engine.CategoryEncoding(len(boundaries) + 1, self.output_mode == "count")
        return [rows, counts, engine.Reshape(width), encoding]


def _ascending(value: Any) -> list[float]:
    """Boundaries as a list, checked."""
    array = _checks.real_array("bin_boundaries", value)
    _checks.finite("bin_boundaries", np.atleast_1d(array))
    if array.ndim != 1 or np.any(np.diff(array) < 0):
        raise ValueError(
            f"bin_boundaries must be ascending numbers. Received: bin_boundaries={value!r}"
        )
    return [float(boundary) for boundary in array]


def _summarized(values: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    """Every so-manieth of the sorted values, 1 / epsilon of them, and how many each stands for."""
    step = max(values.size / (1.0 / epsilon), 1.0)
    kept = np.sort(values)[int(step - 1) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _compressed(summary: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    """A summary of 1 / epsilon values: those at equal shares of the weights, by interpolation."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    total = summary[1].cumsum()
    values = np.interp(shares, total / total[-1], summary[0])
    weights = np.interp(shares, total / total[-1], total)
    return np.stack([values, np.diff(weights, prepend=0.0)])
