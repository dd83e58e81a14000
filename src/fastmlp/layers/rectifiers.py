"""Rectified linear units and what is like them, with their parameters."""

from __future__ import annotations

from typing import Any

from .. import _checks, constraints, engine, initializers, regularizers
from ..activations.piecewise import relu_word
from ..variable import Variable
from .activation import ActivationLayer
from .layer import Layer, register
from .shapes import Shape, Sharing, one_row


@register("re_lu")
class ReLU(ActivationLayer):
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
    >>> ReLU(max_value=6.0)([[-1.0, 2.0, 9.0]]).numpy()
    array([[0., 2., 6.]])
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

    def lowered(self, shape: Shape) -> list[engine.Operation]:
        return [relu_word(self.negative_slope, self.max_value, self.threshold)]


@register("leaky_re_lu")
class LeakyReLU(ActivationLayer):
    """x from 0 on, else ``negative_slope * x``.

    Parameters
    ----------
    negative_slope : float
        At least 0. (The function ``activations.leaky_relu`` has another default, as in Keras.)
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If negative_slope is negative.

    Examples
    --------
    >>> LeakyReLU(0.5)([[-1.0, 2.0]]).numpy()
    array([[-0.5,  2. ]])
    """

    def __init__(self, negative_slope: float = 0.3, **options: Any) -> None:
        self.negative_slope = _checks.number("negative_slope", negative_slope, 0.0)
        super().__init__(**options)

    def lowered(self, shape: Shape) -> list[engine.Operation]:
        return [engine.LeakyRelu(self.negative_slope)]


@register("elu")
class ELU(ActivationLayer):
    """x above 0, else ``alpha * (exp(x) - 1)``.

    Parameters
    ----------
    alpha : float
        The limit far below 0 is -alpha.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If alpha is no finite number.

    Examples
    --------
    >>> ELU(0.5)([[-800.0, 2.0]]).numpy()
    array([[-0.5,  2. ]])
    """

    def __init__(self, alpha: float = 1.0, **options: Any) -> None:
        self.alpha = _checks.number("alpha", alpha)
        super().__init__(**options)

    def lowered(self, shape: Shape) -> list[engine.Operation]:
        return [engine.Elu(self.alpha)]


@register("p_re_lu")
class PReLU(Layer):
    """x above 0, else ``alpha * x``, alpha being trained: one for each feature of a sample.

    Parameters
    ----------
    alpha_initializer : str or Initializer
        First values of alpha.
    alpha_regularizer : str or Regularizer, optional
        What large alphas add to the loss, see :mod:`fastmlp.regularizers`.
    alpha_constraint : str or Constraint, optional
        What they are brought back to after each step, see :mod:`fastmlp.constraints`. For samples
        of several axes these are an ``L1``, ``L2`` or ``L1L2`` and a ``NonNeg``.
    shared_axes : int or list of int, optional
        Axes of the input, counted from 1, along which all share an alpha; neighbours.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Notes
    -----
    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers: surpassing human-level performance
    on ImageNet classification", ICCV 2015.

    Examples
    --------
    >>> layer = PReLU("ones", shared_axes=[1], input_shape=(3, 2))
    >>> layer.build((None, 3, 2))
    >>> layer.alpha.shape
    (1, 2)
    """

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **options: Any,
    ) -> None:
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        if shared_axes is not None:
            axes = shared_axes if isinstance(shared_axes, (list, tuple)) else [shared_axes]
            shared_axes = [_checks.integer("shared_axes", axis, 1) for axis in axes]
        self.shared_axes: list[int] | None = shared_axes
        self.alpha: Variable | None = None
        super().__init__(**options)

    def _sharing(self, input_shape: Shape) -> Sharing:
        axes = set(self.shared_axes or ())
        if not axes <= set(range(1, len(input_shape))):
            raise ValueError(
                f"shared_axes must be axes of the input from 1 to {len(input_shape) - 1}. "
                f"Received: shared_axes={self.shared_axes}, input shape {input_shape}"
            )
        shared = [i + 1 in axes for i in range(len(input_shape) - 1)]
        return Sharing.of("shared_axes", self.shared_axes, input_shape, shared)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._sharing(input_shape)
        return input_shape

    def _make_weights(self, input_shape: Shape) -> None:
        axes = set(self.shared_axes or ())
        sizes = [size for size in input_shape[1:] if size is not None]
        shape = tuple(1 if i + 1 in axes else size for i, size in enumerate(sizes))
        if len(shape) > 1:  # a vector to the engines
            regularizers.elementwise("alpha_regularizer", self.alpha_regularizer)
            if not isinstance(self.alpha_constraint, constraints.NonNeg | None):
                raise ValueError(
                    "alpha_constraint must be NonNeg() or None for samples of several axes. "
                    f"Received: alpha_constraint={self.alpha_constraint!r}, sample shape {shape}"
                )
        self.alpha = self._add_weight(
            "alpha",
            shape,
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
        )

    def operations(self) -> list[engine.Operation]:
        sharing = self._sharing(self.input_shape)
        prelu = engine.Prelu(sharing.shared, sharing.inner, self.trainable)
        return [*one_row(self.input_shape), prelu]
