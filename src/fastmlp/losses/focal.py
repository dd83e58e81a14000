"""Crossentropies that care less for what is easy, or for labels that are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, config
from ..tensor import Tensor, as_tensor
from .crossentropies import SparseCategoricalCrossentropy
from .loss import AlongAxis, register


class _Focal(AlongAxis):
    """What the focal crossentropies share."""

    def __init__(
        self,
        alpha: float,
        gamma: float,
        from_logits: bool,
        label_smoothing: float,
        axis: int,
        **options: Any,
    ) -> None:
        self.alpha = _checks.number("alpha", alpha, 0.0)
        self.gamma = _checks.number("gamma", gamma, 0.0)
        self.from_logits = _checks.boolean("from_logits", from_logits)
        self.label_smoothing = _checks.number("label_smoothing", label_smoothing, 0.0, 1.0)
        self.axis = _checks.integer("axis", axis, -32, 31)
        super().__init__(**options)

    def _options(self) -> dict[str, Any]:
        return {
            "alpha": self.alpha,
            "gamma": self.gamma,
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "epsilon": config.epsilon(),
        }


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The loss of each sample, y_pred without ``axis``; see :class:`BinaryFocalCrossentropy`.

    Examples
    --------
    >>> binary_focal_crossentropy([[1.0]], [[0.5]], gamma=0.0).numpy().round(4)
    array([0.6931])
    """
    loss = BinaryFocalCrossentropy(
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis
    )
    return as_tensor(loss.call(y_true, y_pred))


@register("binary_focal_crossentropy", function=binary_focal_crossentropy)
class BinaryFocalCrossentropy(_Focal):
    """The mean over the K outputs of a sample of (1 - r)^gamma times their binary crossentropy, r
    being the probability given to what is true; with ``apply_class_balancing`` also times alpha
    where that is yes and 1 - alpha where it is no.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, equations 4 and 5.

    Parameters
    ----------
    apply_class_balancing : bool
        Whether to weigh by alpha.
    alpha, gamma : float
        At least 0.
    from_logits : bool
        Whether the model's outputs are logits, not probabilities.
    label_smoothing : float
        s, in [0, 1): targets are y (1 - s) + s / 2.
    axis : int
        Along which the outputs of a sample lie; training has the last, -1.
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
    0.1733
    """

    kind = "binary_focal_crossentropy"

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.apply_class_balancing = _checks.boolean("apply_class_balancing", apply_class_balancing)
        options: dict[str, Any] = {"reduction": reduction, "name": name, "dtype": dtype}
        super().__init__(alpha, gamma, from_logits, label_smoothing, axis, **options)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {"apply_class_balancing": self.apply_class_balancing}


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The loss of each sample, y_pred without ``axis``; see :class:`CategoricalFocalCrossentropy`.

    Examples
    --------
    >>> rows = [[1.0, 0.0]], [[0.5, 0.5]]
    >>> categorical_focal_crossentropy(*rows, alpha=1.0, gamma=0.0).numpy().round(4)
    array([0.6931])
    """
    loss = CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis)
    return as_tensor(loss.call(y_true, y_pred))


@register("categorical_focal_crossentropy", function=categorical_focal_crossentropy)
class CategoricalFocalCrossentropy(_Focal):
    """-sum(alpha (1 - p)^gamma t log p), p as in :class:`CategoricalCrossentropy`.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 5.

    Parameters
    ----------
    alpha, gamma : float
        At least 0.
    from_logits : bool
        Whether the model's outputs are logits, not probabilities.
    label_smoothing : float
        s, in [0, 1): t = y (1 - s) + s / K.
    axis : int
        Along which the classes lie; training has the last, -1.
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> round(float(CategoricalFocalCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])), 4)
    0.0433
    """

    kind = "categorical_focal_crossentropy"

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        options: dict[str, Any] = {"reduction": reduction, "name": name, "dtype": dtype}
        super().__init__(alpha, gamma, from_logits, label_smoothing, axis, **options)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float = 0.5) -> Tensor:
    """The loss of each sample; see :class:`CategoricalGeneralizedCrossEntropy`.

    Examples
    --------
    >>> categorical_generalized_cross_entropy([0], [[0.25, 0.75]]).numpy()
    array([1.])
    """
    return as_tensor(CategoricalGeneralizedCrossEntropy(q).call(y_true, y_pred))


@register("categorical_generalized_cross_entropy", function=categorical_generalized_cross_entropy)
class CategoricalGeneralizedCrossEntropy(SparseCategoricalCrossentropy):
    """(1 - p^q) / q, p the probability of the true class, y_pred at the index y_true: between the
    crossentropy (q near 0) and the mean absolute error (1), robust against wrong labels.

    Source: Zhang and Sabuncu, "Generalized cross entropy loss for training deep neural networks
    with noisy labels", NeurIPS 2018, equation 6.

    Parameters
    ----------
    q : float
        In (0, 1).
    reduction, name, dtype
        See :class:`Loss`.

    Examples
    --------
    >>> float(CategoricalGeneralizedCrossEntropy()([0], [[0.25, 0.75]]))
    1.0
    """

    kind = "categorical_generalized_cross_entropy"

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        self.q = _checks.number("q", q, 0.0, 1.0)
        if self.q == 0.0:
            raise ValueError("q must lie in (0, 1). Received: q=0.0")
        options: dict[str, Any] = {"reduction": reduction, "name": name, "dtype": dtype}
        super().__init__(**options)

    def _options(self) -> dict[str, Any]:
        return {"q": self.q}

    def targets(self, y: Any, outputs: int, name: str = "y") -> NDArray[Any]:
        return np.ascontiguousarray(super().targets(y, outputs, name))
