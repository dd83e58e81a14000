"""Crossentropies of predicted and true classes, and of yes and no."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, config
from .._ranks import same_rank
from ..engine.words import NO_CLASS
from ..tensor import Tensor, as_tensor
from .loss import AlongAxis, real_labels, register


def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """The loss of each sample (N,); see :class:`SparseCategoricalCrossentropy`.

    Examples
    --------
    >>> sparse_categorical_crossentropy([0], [[1.0, 0.0]], from_logits=True).shape
    (1,)
    """
    return as_tensor(
        SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis).call(y_true, y_pred)
    )


@register("sparse_categorical_crossentropy", function=sparse_categorical_crossentropy)
class SparseCategoricalCrossentropy(AlongAxis):
    """-log p[y]: p (K,) the predicted probabilities, y the index of the true class.

    With ``from_logits`` p = softmax(y_pred), computed as log_softmax; otherwise p is y_pred
    divided by its sum and clipped to [epsilon, 1 - epsilon], ``config.epsilon()`` (Keras's rule).
    A model whose last operation is a softmax is trained and evaluated from its logits all the
    same, so that probabilities that round to 1 or are below epsilon have their loss and gradient.

    Parameters
    ----------
    from_logits : bool
        Whether the model's outputs are logits, not probabilities.
    ignore_class : int, optional
        A label, be it a class or not, whose samples cost nothing and do not count in means.
    axis : int
        Along which the classes lie; training has the last, -1.
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> loss = SparseCategoricalCrossentropy(from_logits=True)
    >>> round(float(loss([0], [[0.0, 0.0]])), 4)
    0.6931
    """

    kind = "sparse_categorical_crossentropy"

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.ignore_class = ignore_class
        if ignore_class is not None:
            self.ignore_class = _checks.integer("ignore_class", ignore_class, 1 - 2**31, 2**31 - 1)
        self.axis = _checks.integer("axis", axis, -32, 31)
        self.from_logits = _checks.boolean("from_logits", from_logits)
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def _options(self) -> dict[str, Any]:
        ignored = NO_CLASS if self.ignore_class is None else self.ignore_class
        return {
            "from_logits": self.from_logits,
            "ignore_class": ignored,
            "epsilon": config.epsilon(),
        }

    def _rows(self, y_true: Any, y_pred: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
        predictions = np.asarray(_checks.real_array("y_pred", y_pred), np.float64)
        labels = real_labels(y_true, "y_true")
        if labels.ndim == predictions.ndim and labels.shape[self.axis] == 1:
            labels = np.squeeze(labels, self.axis)
        elif labels.ndim != predictions.ndim - 1:
            labels, predictions = same_rank(labels, predictions)
        predictions = np.moveaxis(predictions, self.axis, -1)
        if labels.shape != predictions.shape[:-1]:
            raise ValueError(
                f"y_true must hold class indices, of y_pred's shape without axis {self.axis}. "
                f"Received: shapes {np.shape(y_true)} and {np.shape(y_pred)}"
            )
        return labels, predictions

    def _values(
        self, y_true: Any, y_pred: Any
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None]:
        labels, predictions = self._rows(y_true, y_pred)
        word, outputs = self._word(), predictions.shape[-1]
        targets = self.targets(labels.reshape(-1), outputs, "y_true")
        values = word.values(predictions.reshape(-1, outputs), targets)
        counted = word.counted(targets)
        shaped = None if counted is None else counted.reshape(labels.shape)
        return values.reshape(labels.shape), shaped

    def targets(self, y: Any, outputs: int, name: str = "y") -> NDArray[Any]:
        """Class indices y, (N,) or (N, 1) of any real type, as (N,) int32 in [0, K).

        Raises
        ------
        ValueError
            If y has another shape, or holds what is no integer in [0, K).
        """
        labels = real_labels(y, name)
        if labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        if labels.ndim != 1:
            raise ValueError(
                f"{name} must have shape (samples,) for {self.name}: class indices, not one-hot "
                f"rows. Received: {name} of shape {labels.shape}"
            )
        classes = labels if self.ignore_class is None else labels[labels != self.ignore_class]
        if len(classes) and (classes.min() < 0 or classes.max() >= outputs):
            raise ValueError(
                f"{name} must hold class indices in [0, {outputs}), one for each output. "
                f"Received: {name} in [{classes.min()}, {classes.max()}]"
            )
        indices = labels.astype(np.int32)
        if labels.dtype.kind == "f" and (indices != labels).any():
            wrong = labels[indices != labels][0]
            raise ValueError(f"{name} must hold whole class indices. Received: {name} with {wrong}")
        return indices


class Smoothed(AlongAxis):
    """A crossentropy whose targets can be smoothed."""

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.axis = _checks.integer("axis", axis, -32, 31)
        self.from_logits = _checks.boolean("from_logits", from_logits)
        self.label_smoothing = _checks.number("label_smoothing", label_smoothing, 0.0, 1.0)
        super().__init__(reduction=reduction, name=name, dtype=dtype)

    def _options(self) -> dict[str, Any]:
        return {
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "epsilon": config.epsilon(),
        }


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The loss of each sample (N,); see :class:`CategoricalCrossentropy`.

    Examples
    --------
    >>> categorical_crossentropy([[1.0, 0.0]], [[1.0, 0.0]]).shape
    (1,)
    """
    return as_tensor(
        CategoricalCrossentropy(from_logits, label_smoothing, axis).call(y_true, y_pred)
    )


@register("categorical_crossentropy", function=categorical_crossentropy)
class CategoricalCrossentropy(Smoothed):
    """-sum(t log p): p (K,) the predicted probabilities, t the true ones, often one-hot.

    p as in :class:`SparseCategoricalCrossentropy`; t = y (1 - s) + s / K with label smoothing s.

    Parameters
    ----------
    from_logits : bool
        Whether the model's outputs are logits, not probabilities.
    label_smoothing : float
        s, in [0, 1).
    axis : int
        Along which the outputs of a sample lie; training has the last, -1.
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> round(float(CategoricalCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.6931
    """

    kind = "categorical_crossentropy"


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The loss of each sample (N,); see :class:`BinaryCrossentropy`.

    Examples
    --------
    >>> binary_crossentropy([[1.0]], [[0.0]], from_logits=True).numpy().round(4)
    array([0.6931])
    """
    return as_tensor(BinaryCrossentropy(from_logits, label_smoothing, axis).call(y_true, y_pred))


@register("binary_crossentropy", "bce", "BCE", function=binary_crossentropy)
class BinaryCrossentropy(Smoothed):
    """mean(-t log p - (1 - t) log(1 - p)) over the K outputs of a sample.

    With ``from_logits`` p = sigmoid(y_pred), computed as max(z, 0) - z t + log(1 + exp(-|z|)) of
    z = y_pred; otherwise p is y_pred clipped to [epsilon, 1 - epsilon], ``config.epsilon()``
    (Keras's rule). t = y (1 - s) + s / 2 with label smoothing s. A model whose last operation is a
    sigmoid is trained and evaluated from its logits all the same.

    Parameters
    ----------
    from_logits : bool
        Whether the model's outputs are logits, not probabilities.
    label_smoothing : float
        s, in [0, 1).
    axis : int
        Along which the outputs of a sample lie; training has the last, -1.
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> round(float(BinaryCrossentropy()([[1.0]], [[0.5]])), 4)
    0.6931
    """

    kind = "binary_crossentropy"
