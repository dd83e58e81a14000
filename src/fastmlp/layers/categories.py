"""Layers that take categories, whole numbers from 0 on: Embedding, CategoryEncoding."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import _checks, constraints, engine, initializers, regularizers
from ..variable import Variable
from .layer import Layer, register
from .shapes import Shape

_MODES = ("multi_hot", "one_hot", "count")


@register("embedding")
class Embedding(Layer):
    """Each whole number k of the input becomes row k of a trained matrix: (B, ...) to
    (B, ..., output_dim). Its gradient adds up what the rows that show k get.

    Parameters
    ----------
    input_dim : int
        How many numbers there are: k is in [0, input_dim).
    output_dim : int
        Length of a row.
    embeddings_initializer : str or Initializer
        First values of the matrix ``embeddings`` (input_dim, output_dim).
    embeddings_regularizer : str or Regularizer, optional
        What a large matrix adds to the loss, see :mod:`fastmlp.regularizers`.
    embeddings_constraint : str or Constraint, optional
        What it is brought back to after each step, see :mod:`fastmlp.constraints`.
    mask_zero : bool
        False: fastmlp has no masks.
    weights : array_like, optional
        First value of the matrix.
    lora_rank, lora_alpha, quantization_config
        Only None.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If an argument is not as described, or an input of a model that begins with this layer is
        no whole number in [0, input_dim).

    Examples
    --------
    >>> Embedding(3, 2, weights=[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])([[2, 0]]).numpy()
    array([[[4., 5.],
            [0., 1.]]])
    """

    _kept_as: ClassVar = {"input_shape": "declared_shape", "weights": None}

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **options: Any,
    ) -> None:
        _checks.only("lora_rank", lora_rank, None)
        _checks.only("lora_alpha", lora_alpha, None)
        _checks.only("quantization_config", quantization_config, None)
        self.input_dim = _checks.integer("input_dim", input_dim, 1, 2**31 - 1)
        self.output_dim = _checks.integer("output_dim", output_dim, 1, 2**31 - 1)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        _checks.only("mask_zero", mask_zero, False)
        self.mask_zero = False
        self.embeddings: Variable | None = None
        super().__init__(**options)
        if weights is not None:
            listed = isinstance(weights, list) and len(weights) == 1
            self._make_embeddings()
            self.set_weights(weights if listed else [weights])

    @property
    def category_limit(self) -> int | None:
        return self.input_dim

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    def _make_embeddings(self) -> None:
        shape = (self.input_dim, self.output_dim)
        self.embeddings = self._add_weight(
            "embeddings",
            shape,
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
        )

    def _make_weights(self, input_shape: Shape) -> None:
        if self.embeddings is None:
            self._make_embeddings()

    def operations(self) -> list[engine.Operation]:
        return [engine.Embedding(self.input_dim, self.output_dim, self.trainable)]


@register("category_encoding")
class CategoryEncoding(Layer):
    """Whole numbers in [0, num_tokens) as vectors of length ``num_tokens``.

    Parameters
    ----------
    num_tokens : int
        How many numbers there are.
    output_mode : {"multi_hot", "one_hot", "count"}
        "multi_hot" and "count" say for each number whether it is there, or how often, along the
        last axis: (B, ..., L) to (B, ..., num_tokens). "one_hot" makes a vector with a single 1
        of each number, in place of a last axis of 1 or as a new one.
    sparse : bool
        False: results are dense.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If an argument is not as described, or an input of a model that begins with this layer is
        no whole number in [0, num_tokens).

    Examples
    --------
    >>> CategoryEncoding(4, "count")([[2, 0, 2]]).numpy()
    array([[1., 0., 2., 0.]])
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **options: Any,
    ) -> None:
        self.num_tokens = _checks.integer("num_tokens", num_tokens, 1, 2**31 - 1)
        if output_mode not in _MODES:
            raise ValueError(
                f"output_mode must be one of {_MODES}. Received: output_mode={output_mode!r}"
            )
        self.output_mode = output_mode
        _checks.only("sparse", sparse, False)
        self.sparse = False
        super().__init__(**options)

    @property
    def category_limit(self) -> int | None:
        return self.num_tokens

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        kept = input_shape
        if self.output_mode != "one_hot" or input_shape[-1] == 1:
            kept = input_shape[:-1]
        return (*kept, self.num_tokens)

    def operations(self) -> list[engine.Operation]:
        size = self.input_shape[-1]
        assert size is not None
        width = 1 if self.output_mode == "one_hot" else size
        encoding = engine.CategoryEncoding(self.num_tokens, self.output_mode == "count")
        return [engine.Reshape(width), encoding]
