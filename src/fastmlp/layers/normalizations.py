"""Normalizations of each sample by itself: layer, group, root mean square, unit length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import _checks, constraints, engine, initializers, regularizers
from ..variable import Variable
from .axes import along, axis_or_axes, permuted, sample_axes, sizes_of
from .layer import Layer, register
from .shapes import Shape

# What Keras's UnitNormalization divides by at least, squared.
_SHORTEST = 1e-24


class _AlongAxes(Layer):
    """Base of what works along one axis or several."""

    axis: int | list[int]

    def _axes(self, shape: Shape) -> list[int]:
        return sample_axes(self.axis, shape, f"{type(self).__name__} {self.name!r}")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes(input_shape)
        return tuple(input_shape)

    def _along(self, operations: list[engine.Operation]) -> list[engine.Operation]:
        axes = self._axes(self.input_shape)
        return along(axes, sizes_of(self.input_shape), operations)

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(sizes_of(shape)[axis] for axis in self._axes(shape))


class _Centered(_AlongAxes):
    """Base of what has gamma and beta."""

    def _center_and_scale(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta: tuple[Any, Any, Any],
        gamma: tuple[Any, Any, Any],
    ) -> None:
        """Keep the arguments; beta, gamma: initializer, regularizer and constraint of each."""
        self.epsilon = _checks.number("epsilon", epsilon, 0.0)
        self.center = _checks.boolean("center", center)
        self.scale = _checks.boolean("scale", scale)
        self.beta_initializer = initializers.get(beta[0])
        self.gamma_initializer = initializers.get(gamma[0])
        self.beta_regularizer = regularizers.get(beta[1])
        self.gamma_regularizer = regularizers.get(gamma[1])
        self.beta_constraint = constraints.get(beta[2])
        self.gamma_constraint = constraints.get(gamma[2])
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def _make_weights(self, input_shape: Shape) -> None:
        shape = self._sizes(input_shape)
        rules = (
            self.gamma_regularizer,
            self.gamma_constraint,
            self.beta_regularizer,
            self.beta_constraint,
        )
        if len(shape) > 1 and any(rule is not None for rule in rules):
            raise ValueError(
                "regularizers and constraints of beta and gamma need a single axis in fastmlp. "
                f"Received: {self.name!r} with axis={self.axis}"
            )
        if self.scale:
            self.gamma = self._add_weight(
                "gamma",
                shape,
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self._add_weight(
                "beta",
                shape,
                self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )

    def _scaling(self) -> list[engine.Operation]:
        used = self.scale or self.center
        return [engine.Scaling(self.scale, self.center, self.trainable)] if used else []


@register("layer_normalization")
class LayerNormalization(_Centered):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and (biased) variance being those
    of a sample along the axes.

    Parameters
    ----------
    axis : int or list of int
        Along which to normalize.
    epsilon : float
        Finite, not negative.
    center, scale : bool
        Whether there are beta and gamma, each of the sizes of the axes.
    beta_initializer, gamma_initializer : str or Initializer
        Their first values.
    beta_regularizer, gamma_regularizer : str or Regularizer, optional
        What large beta and gamma add to the loss, see :mod:`fastmlp.regularizers`.
    beta_constraint, gamma_constraint : str or Constraint, optional
        What they are brought back to after each step, see :mod:`fastmlp.constraints`. These and
        the regularizers are for a single axis.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the input does not have the axes.

    Notes
    -----
    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> LayerNormalization(epsilon=0.0)([[1.0, 3.0]]).numpy()
    array([[-1.,  1.]])
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ) -> None:
        self.axis = axis_or_axes(axis)
        beta = (beta_initializer, beta_regularizer, beta_constraint)
        gamma = (gamma_initializer, gamma_regularizer, gamma_constraint)
        self._center_and_scale(epsilon, center, scale, beta, gamma)
        super().__init__(**options)

    def operations(self) -> list[engine.Operation]:
        return self._along([engine.RowNormalization(self.epsilon), *self._scaling()])


@register("group_normalization")
class GroupNormalization(_Centered):
    """As layer normalization, by groups of channels: mean and variance are those of a sample over
    all of its axes, for the channels of a group.

    Parameters
    ----------
    groups : int
        How many; divides the number of channels. -1: one for each channel.
    axis : int
        The channels'.
    epsilon, center, scale
        As in :class:`LayerNormalization`.
    beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer
        As in :class:`LayerNormalization`.
    beta_constraint, gamma_constraint
        As in :class:`LayerNormalization`; beta and gamma are (channels,).
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the channels do not fall into so many groups.

    Notes
    -----
    Source: Wu and He, "Group normalization", ECCV 2018.

    Examples
    --------
    >>> GroupNormalization(2, epsilon=0.0)([[1.0, 3.0, 5.0, 9.0]]).numpy()
    array([[-1.,  1., -1.,  1.]])
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ) -> None:
        self.groups = _checks.integer("groups", groups, -1, 2**31 - 1)
        self.axis = _checks.integer("axis", axis, -64, 64)
        beta = (beta_initializer, beta_regularizer, beta_constraint)
        gamma = (gamma_initializer, gamma_regularizer, gamma_constraint)
        self._center_and_scale(epsilon, center, scale, beta, gamma)
        super().__init__(**options)

    def _count(self, shape: Shape) -> int:
        channels = self._sizes(shape)[0]
        groups = channels if self.groups == -1 else self.groups
        if groups == 0 or channels % groups:
            raise ValueError(
                f"groups of {self.name!r} must divide the number of channels, {channels}. "
                f"Received: groups={self.groups}"
            )
        return groups

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._count(input_shape)
        return tuple(input_shape)

    def operations(self) -> list[engine.Operation]:
        channels = self._sizes(self.input_shape)[0]
        groups = self._count(self.input_shape)
        places = math.prod(sizes_of(self.input_shape)) // channels
        sizes = (places, groups, channels // groups)
        return self._along(
            [
                *permuted(sizes, (1, 0, 2)),
                engine.Reshape(places * sizes[2]),
                engine.RowNormalization(self.epsilon),
                *permuted((groups, places, sizes[2]), (1, 0, 2)),
                engine.Reshape(channels),
                *self._scaling(),
            ]
        )


@register("rms_normalization")
class RMSNormalization(_AlongAxes):
    """scale x / sqrt(mean(x^2) + epsilon) along the axes.

    Parameters
    ----------
    axis : int or list of int
        Along which to normalize; the weight ``scale`` has their sizes.
    epsilon : float
        Finite, not negative.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the input does not have the axes.

    Notes
    -----
    Source: Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    Examples
    --------
    >>> RMSNormalization(epsilon=0.0)([[1.0, -1.0]]).numpy()
    array([[ 1., -1.]])
    """

    def __init__(
        self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **options: Any
    ) -> None:
        self.axis = axis_or_axes(axis)
        self.epsilon = _checks.number("epsilon", epsilon, 0.0)
        self.scale: Variable | None = None
        super().__init__(**options)

    def _make_weights(self, input_shape: Shape) -> None:
        self.scale = self._add_weight("scale", self._sizes(input_shape), initializers.get("ones"))

    def operations(self) -> list[engine.Operation]:
        scaling = engine.Scaling(True, False, self.trainable)
        return self._along([engine.RowNormalization(self.epsilon, False), scaling])


@register("unit_normalization")
class UnitNormalization(_AlongAxes):
    """x divided by its Euclidean length along the axes.

    Parameters
    ----------
    axis : int or list of int
        Along which to measure.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the input does not have the axes.

    Examples
    --------
    >>> UnitNormalization()([[3.0, 4.0]]).numpy()
    array([[0.6, 0.8]])
    """

    def __init__(self, axis: int | Sequence[int] = -1, **options: Any) -> None:
        self.axis = axis_or_axes(axis)
        super().__init__(**options)

    def operations(self) -> list[engine.Operation]:
        return self._along([engine.RowNormalization(_SHORTEST, False, True)])
