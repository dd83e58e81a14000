"""Columns by moments that are known beforehand: Normalization."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, engine, initializers
from .._reading import allowance
from ..variable import Variable
from .axes import along, axis_or_axes, sample_axes, sizes_of
from .layer import Layer, register
from .shapes import Shape, broadcasts

Moments = tuple[NDArray[np.float64], NDArray[np.float64]]


@register("normalization")
class Normalization(Layer):
    """(x - mean) / max(sqrt(variance), 1e-7), the moments being given, or those of data that the
    layer is adapted to before training.

    Parameters
    ----------
    axis : int, tuple of int or None
        Axes of which each place has moments of its own; None: all of a sample share them.
    mean, variance : array_like, optional
        The moments, both or neither, broadcast to the sizes of the axes. Without them they are
        weights, 0 and 1 until :meth:`adapt`.
    invert : bool
        Whether to undo a normalization: x sqrt(variance) + mean.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the input does not have the axes.

    Examples
    --------
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 1.0], [2.0, 3.0]]))
    >>> layer([[2.0, 1.0]]).numpy()
    array([[ 1., -1.]])
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **options: Any,
    ) -> None:
        given: int | list[int] = [] if axis is None else axis_or_axes(axis)
        self.axis = tuple([given] if isinstance(given, int) else given)
        if (mean is None) != (variance is None):
            raise ValueError(
                "mean and variance must be given together. "
                f"Received: mean={mean} and variance={variance}"
            )
        self.mean = None if mean is None else _moment("mean", mean)
        self.variance = None if variance is None else _moment("variance", variance)
        if self.variance is not None and np.any(np.less(self.variance, 0)):
            raise ValueError(f"variance must not be negative. Received: variance={variance}")
        self.invert = _checks.boolean("invert", invert)
        self._moments: list[Variable] = []
        super().__init__(**options)

    def _axes(self, shape: Shape) -> list[int]:
        if not self.axis:
            return []
        return sample_axes(self.axis, shape, f"Normalization {self.name!r}")

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        return tuple(sizes_of(shape)[axis] for axis in self._axes(shape))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes = self._sizes(input_shape)
        for name, moment in (("mean", self.mean), ("variance", self.variance)):
            if moment is not None and not broadcasts(np.shape(moment), sizes):
                raise ValueError(
                    f"{name} must broadcast to the sizes of the axes, {sizes}. "
                    f"Received: {name} of shape {np.shape(moment)}"
                )
        return tuple(input_shape)

    def _make_weights(self, input_shape: Shape) -> None:
        sizes = self._sizes(input_shape)
        if self.mean is None or self.variance is None:
            zeros, ones = initializers.get("zeros"), initializers.get("ones")
            self._moments = [
                self._add_weight("mean", sizes, zeros, state=True),
                self._add_weight("variance", sizes, ones, state=True),
            ]
            self._add_weight("count", (), zeros, state=True)  # as Keras has it
            return
        self._moments = []
        for name, moment in (("mean", self.mean), ("variance", self.variance)):
            allowed = allowance()
            if allowed is not None:
                allowed.take(f"{name} of {self.name!r}", sizes)
            variable = Variable(np.broadcast_to(np.asarray(moment), sizes), name=name)
            variable.trainable, variable.state = False, True
            self._moments.append(variable)

    def _parameters(self) -> list[Variable]:
        return list(self._moments)

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data, in one go.

        Parameters
        ----------
        data : ndarray or iterable of ndarray
            (N, ...) samples, or batches of them.

        Raises
        ------
        ValueError, TypeError
            If the data are none, do not fit the layer, or it was made with moments.
        """
        if self.mean is not None:
            raise ValueError(f"adapt is for a layer made without mean and variance: {self.name!r}")
        batches = [data] if hasattr(data, "shape") else batches_of(data)
        count, moments = 0, None
        for batch in batches:
            values = _checks.real_array("data", batch).astype(np.float64, copy=False)
            values = values[:, None] if values.ndim == 1 else values
            _checks.finite("data", values)
            self._fit_shape(values)
            kept = [axis + 1 for axis in self._axes(self.input_shape)]
            others = tuple(axis for axis in range(values.ndim) if axis not in kept)
            fresh = (values.mean(axis=others), values.var(axis=others))
            share = math.prod(values.shape[axis] for axis in others)
            moments = fresh if moments is None else _joined(moments, fresh, share / (count + share))
            count += share
        if moments is None:
            raise ValueError("data must hold at least one batch. Received: an empty iterable")
        for variable, moment in zip(self._moments, moments, strict=True):
            variable.assign(moment)

    def _fit_shape(self, values: NDArray[np.float64]) -> None:
        """Build for these samples, or see that they are like those it was built for."""
        if values.size == 0:
            raise ValueError(f"data must not be empty. Received: data of shape {values.shape}")
        if not self.built:
            self.build((None, *values.shape[1:]))
        elif (None, *values.shape[1:]) != self.input_shape:
            raise ValueError(
                f"data must have shape {self.input_shape}. Received: data of shape {values.shape}"
            )

    def operations(self) -> list[engine.Operation]:
        axes = self._axes(self.input_shape)
        return along(axes, sizes_of(self.input_shape), [engine.Standardization(self.invert)])


def _moment(name: str, value: Any) -> Any:
    """A given moment as plain numbers, checked."""
    array = _checks.real_array(name, value)
    _checks.finite(name, np.atleast_1d(array))
    return array.tolist()


def batches_of(data: Any) -> Iterable[Any]:
    if not hasattr(data, "__iter__"):
        raise TypeError(f"data must be an array or batches of arrays. Received: data={data!r}")
    for batch in data:
        first = batch[0] if isinstance(batch, tuple) else batch
        if not hasattr(first, "shape"):
            raise TypeError(
                "data must be an array or batches of arrays. "
                f"Received: a batch of type {type(first).__name__}"
            )
        yield first


def _joined(moments: Moments, fresh: Moments, share: float) -> Moments:
    """Moments of data of which ``share`` have the fresh ones."""
    mean = moments[0] * (1.0 - share) + fresh[0] * share
    old, new = (part[1] + np.square(part[0] - mean) for part in (moments, fresh))
    return mean, old * (1.0 - share) + new * share
