"""Crossentropies and other costs of predicted probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _checks, config
from .mean import SampleMean
from .metric import register
from .ranks import Float64Array, floats, of_word, pair, require_same

# Each sample's value of a metric, from labels and outputs (..., K): (...).


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0
) -> Float64Array:
    """mean(-t log p - (1 - t) log(1 - p)) over a sample's K outputs: (N,); see
    :class:`fastmlp.losses.BinaryCrossentropy`.

    Examples
    --------
    >>> binary_crossentropy([[1.0]], [[0.0]], from_logits=True).round(4)
    array([0.6931])
    """
    labels, outputs = pair(y_true, y_pred)
    options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
    return of_word("binary_crossentropy", labels, outputs, epsilon=config.epsilon(), **options)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Float64Array:
    """-sum(t log p) over an axis, the classes: (N,) for the last one; see
    :class:`fastmlp.losses.CategoricalCrossentropy`.

    Examples
    --------
    >>> categorical_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).round(4)
    array([0.6931])
    """
    labels, outputs = floats("y_true", y_true), floats("y_pred", y_pred)
    require_same(labels, outputs)
    options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
    return of_word(
        "categorical_crossentropy",
        np.moveaxis(labels, axis, -1),
        np.moveaxis(outputs, axis, -1),
        epsilon=config.epsilon(),
        **options,
    )


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Float64Array:
    """-log p[y_true] with the classes along an axis: (N,) for the last one, 0 where the class is
    ``ignore_class``; see :class:`fastmlp.losses.SparseCategoricalCrossentropy`.

    Examples
    --------
    >>> sparse_categorical_crossentropy([0, 1], [[0.5, 0.5], [0.5, 0.5]], ignore_class=1).round(4)
    array([0.6931, 0.    ])
    """
    outputs = np.moveaxis(floats("y_pred", y_pred), axis, -1)
    labels = floats("y_true", y_true)
    if labels.ndim == outputs.ndim and labels.shape[axis] == 1:
        labels = np.squeeze(labels, axis)
    if labels.shape != outputs.shape[:-1]:
        raise ValueError(
            f"y_true must hold class indices of shape {outputs.shape[:-1]}. "
            f"Received: y_true of shape {np.shape(y_true)}"
        )
    counted = np.full(labels.shape, True) if ignore_class is None else labels != ignore_class
    indices = np.where(counted, labels, 0).astype(np.int64)
    if indices.size and (indices.min() < 0 or indices.max() >= outputs.shape[-1]):
        raise ValueError(
            f"y_true must hold class indices in [0, {outputs.shape[-1]}). "
            f"Received: y_true in [{indices.min()}, {indices.max()}]"
        )
    options = {"from_logits": from_logits, "epsilon": config.epsilon()}
    costs = of_word("sparse_categorical_crossentropy", indices, outputs, **options)
    return np.where(counted, costs, 0.0)


def kl_divergence(y_true: Any, y_pred: Any) -> Float64Array:
    """sum(y_true log(y_true / y_pred)) over a sample's K outputs, both clipped to [epsilon, 1]
    with ``config.epsilon()``: (N,).

    Examples
    --------
    >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.25]]).round(4)
    array([0.3466])
    """
    return of_word("kl_divergence", *pair(y_true, y_pred), epsilon=config.epsilon())


def poisson(y_true: Any, y_pred: Any) -> Float64Array:
    """mean(y_pred - y_true log(y_pred + epsilon)) over a sample's K outputs: (N,), with
    ``config.epsilon()``.

    Examples
    --------
    >>> poisson([[1.0]], [[1.0]]).round(4)
    array([1.])
    """
    return of_word("poisson", *pair(y_true, y_pred), epsilon=config.epsilon())


@register("bce", "BCE", function=binary_crossentropy)
class BinaryCrossentropy(SampleMean):
    """Mean of -t log p - (1 - t) log(1 - p); see :class:`fastmlp.losses.BinaryCrossentropy`.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.
    from_logits : bool
        Whether the model's outputs are logits, not probabilities.
    label_smoothing : float
        s in t = y_true (1 - s) + s / 2.

    Examples
    --------
    >>> round(float(BinaryCrossentropy()([[1.0]], [[0.5]])), 4)
    0.6931
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        self.from_logits = _checks.boolean("from_logits", from_logits)
        self.label_smoothing = _checks.number("label_smoothing", label_smoothing, 0.0, 1.0)
        super().__init__(
            binary_crossentropy,
            name,
            dtype,
            from_logits=self.from_logits,
            label_smoothing=self.label_smoothing,
        )


@register(function=categorical_crossentropy)
class CategoricalCrossentropy(SampleMean):
    """Mean of -sum(t log p); see :class:`fastmlp.losses.CategoricalCrossentropy`.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.
    from_logits : bool
        Whether the model's outputs are logits, not probabilities.
    label_smoothing : float
        s in t = y_true (1 - s) + s / K.
    axis : int
        Along which the classes lie.

    Examples
    --------
    >>> round(float(CategoricalCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        self.from_logits = _checks.boolean("from_logits", from_logits)
        self.label_smoothing = _checks.number("label_smoothing", label_smoothing, 0.0, 1.0)
        self.axis = axis
        super().__init__(
            categorical_crossentropy,
            name,
            dtype,
            from_logits=self.from_logits,
            label_smoothing=self.label_smoothing,
            axis=axis,
        )


@register(function=sparse_categorical_crossentropy)
class SparseCategoricalCrossentropy(SampleMean):
    """Mean of -log p[y_true]; see :class:`fastmlp.losses.SparseCategoricalCrossentropy`.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.
    from_logits : bool
        Whether the model's outputs are logits, not probabilities.
    ignore_class : int, optional
        Labels that cost nothing. They count in the mean all the same unless there are sample
        weights, where theirs are 0 (Keras's rule).
    axis : int
        Along which the classes lie.

    Examples
    --------
    >>> round(float(SparseCategoricalCrossentropy()([0], [[0.5, 0.5]])), 4)
    0.6931
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        self.from_logits = _checks.boolean("from_logits", from_logits)
        self.ignore_class = (
            None
            if ignore_class is None
            else _checks.integer("ignore_class", ignore_class, -(1 << 62))
        )
        self.axis = axis
        super().__init__(
            sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=self.from_logits,
            ignore_class=self.ignore_class,
            axis=axis,
        )

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take in class indices, outputs (N, K), and weights (N,)."""
        if sample_weight is not None and self.ignore_class is not None:
            labels = floats("y_true", y_true)
            if labels.ndim == np.ndim(y_pred):
                labels = np.squeeze(labels, self.axis)
            sample_weight = floats("sample_weight", sample_weight) * (labels != self.ignore_class)
        super().update_state(y_true, y_pred, sample_weight)


@register("kld", "KLD", function=kl_divergence)
class KLDivergence(SampleMean):
    """Mean of sum(y_true log(y_true / y_pred)); see :func:`kl_divergence`.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.25]])), 4)
    0.3466
    """

    _direction = "down"

    def __init__(self, name: str | None = "kl_divergence", dtype: str | None = None) -> None:
        super().__init__(kl_divergence, name, dtype)


@register(function=poisson)
class Poisson(SampleMean):
    """Mean of y_pred - y_true log(y_pred); see :func:`poisson`.

    Parameters
    ----------
    name, dtype
        See :class:`Metric`.

    Examples
    --------
    >>> round(float(Poisson()([[1.0]], [[1.0]])), 4)
    1.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "poisson", dtype: str | None = None) -> None:
        super().__init__(poisson, name, dtype)
