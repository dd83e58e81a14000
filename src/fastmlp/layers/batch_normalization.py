"""Batch normalization."""

from __future__ import annotations

from typing import Any

from .. import _checks, constraints, engine, initializers, regularizers
from ..variable import Variable
from .axes import along, sample_axes, sizes_of
from .layer import Layer, register
from .shapes import Shape


@register("batch_normalization")
class BatchNormalization(Layer):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta for each feature of x (B, ..., features).

    While training, mean and (biased) variance are those of the batch, and the moving ones become
    ``momentum`` times themselves plus (1 - momentum) times the batch's. Otherwise, and while
    ``trainable`` is False, they are the moving ones.

    Parameters
    ----------
    axis : int
        The features'; not the batch.
    momentum : float
        In [0, 1).
    epsilon : float
        Finite, not negative.
    center, scale : bool
        Whether there are beta and gamma, each (features,).
    beta_initializer, gamma_initializer : str or Initializer
        Their first values.
    moving_mean_initializer, moving_variance_initializer : str or Initializer
        Those of the moving moments, each (features,), which are weights without gradient.
    beta_regularizer, gamma_regularizer : str or Regularizer, optional
        What large beta and gamma add to the loss, see :mod:`fastmlp.regularizers`.
    beta_constraint, gamma_constraint : str or Constraint, optional
        What they are brought back to after each step, see :mod:`fastmlp.constraints`.
    renorm, renorm_clipping, renorm_momentum, synchronized
        Only False, None, 0.99 and False.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If an argument is not as described, or the input does not have the axis.

    Notes
    -----
    Source: Ioffe and Szegedy, "Batch normalization: accelerating deep network training by
    reducing internal covariate shift", ICML 2015, algorithms 1 and 2.

    Examples
    --------
    >>> layer = BatchNormalization(input_shape=(3,))
    >>> layer.build((None, 3))
    >>> [variable.name for variable in layer.weights]
    ['gamma', 'beta', 'moving_mean', 'moving_variance']
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **options: Any,
    ) -> None:
        _checks.only("renorm", renorm, False)
        _checks.only("renorm_clipping", renorm_clipping, None)
        _checks.only("renorm_momentum", renorm_momentum, 0.99)
        _checks.only("synchronized", synchronized, False)
        self.axis = _checks.integer("axis", axis, -64, 64)
        self.momentum = _checks.number("momentum", momentum, 0.0, 1.0)
        self.epsilon = _checks.number("epsilon", epsilon, 0.0)
        self.center = _checks.boolean("center", center)
        self.scale = _checks.boolean("scale", scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None
        self.moving_mean: Variable | None = None
        self.moving_variance: Variable | None = None
        super().__init__(**options)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes(input_shape)
        return input_shape

    def _axes(self, shape: Shape) -> list[int]:
        return sample_axes(self.axis, shape, f"BatchNormalization {self.name!r}")

    def _make_weights(self, input_shape: Shape) -> None:
        shape = (sizes_of(input_shape)[self._axes(input_shape)[0]],)
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
        self.moving_mean = self._add_weight(
            "moving_mean", shape, self.moving_mean_initializer, state=True
        )
        self.moving_variance = self._add_weight(
            "moving_variance", shape, self.moving_variance_initializer, state=True
        )

    def operations(self) -> list[engine.Operation]:
        normalization = engine.BatchNormalization(
            self.momentum, self.epsilon, self.center, self.scale, self.trainable
        )
        return along(self._axes(self.input_shape), sizes_of(self.input_shape), [normalization])
