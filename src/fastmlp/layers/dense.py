"""The fully connected layer."""

from __future__ import annotations

from typing import Any

from .. import _checks, activations, constraints, engine, initializers, regularizers
from ..variable import Variable
from .layer import Layer, register
from .shapes import Shape


@register("dense")
class Dense(Layer):
    """activation(x @ kernel + bias), x (B, ..., inputs), kernel (inputs, units), bias (units,).

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str, function, functools.partial or Layer, optional
        See :func:`fastmlp.activations.get`; None is linear. ``glu`` halves the outputs.
    use_bias : bool
        Whether there is a bias.
    kernel_initializer, bias_initializer : str or Initializer
        First values of the weights, see :mod:`fastmlp.initializers`.
    kernel_regularizer, bias_regularizer : str or Regularizer, optional
        What large weights add to the loss, see :mod:`fastmlp.regularizers`.
    activity_regularizer : str or Regularizer, optional
        What large outputs add to it: see :class:`Layer`.
    kernel_constraint, bias_constraint : str or Constraint, optional
        What weights are brought back to after each step, see :mod:`fastmlp.constraints`.
    lora_rank, lora_alpha, quantization_config
        None: fastmlp trains whole kernels in float64.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If units is not a positive integer, or a name is unknown.

    Examples
    --------
    >>> layer = Dense(2, kernel_initializer="ones", input_shape=(3,))
    >>> layer.build((None, 3))
    >>> layer.kernel.shape, layer.bias.shape
    ((3, 2), (2,))
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **options: Any,
    ) -> None:
        _checks.only("lora_rank", lora_rank, None)
        _checks.only("lora_alpha", lora_alpha, None)
        _checks.only("quantization_config", quantization_config, None)
        self.units = _checks.integer("units", units, 1, 2**31 - 1)
        self.activation = activations.get(activation)
        self.use_bias = _checks.boolean("use_bias", use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.kernel: Variable | None = None
        self.bias: Variable | None = None
        super().__init__(activity_regularizer=activity_regularizer, **options)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return activations.output_shape(self.activation, (*input_shape[:-1], self.units))

    def _make_weights(self, input_shape: Shape) -> None:
        inputs = input_shape[-1]
        assert inputs is not None
        self.kernel = self._add_weight(
            "kernel",
            (inputs, self.units),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self._add_weight(
                "bias",
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def operations(self) -> list[engine.Operation]:
        inputs = self.input_shape[-1]
        assert inputs is not None
        product = engine.Dense(inputs, self.units, self.use_bias, self.trainable)
        shape = (*self.input_shape[:-1], self.units)
        activation = activations.operations(self.activation, shape)
        return [engine.Reshape(inputs), product, *activation]
