"""The area under the curve of two ratios over the thresholds."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks, config, engine
from ..tensor import Tensor, as_tensor
from .counts import Counting, ratio
from .metric import register
from .ranks import Float64Array, floats
from .thresholds import Thresholds, are_even, counted_pair, even_thresholds, parse_thresholds

_CURVES = ("ROC", "PR", "PRGAIN")
_METHODS = ("interpolation", "minoring", "majoring")


def _choice(name: str, value: Any, known: tuple[str, ...]) -> str:
    """The known word that is the value but for its case."""
    for word in known:
        if isinstance(value, str) and value.lower() == word.lower():
            return word
    raise ValueError(f"{name} must be one of {known}. Received: {name}={value!r}")


@register()
class AUC(Counting):
    """The area under a curve through the points of the thresholds, by a Riemann sum.

    "ROC" is the true positive rate TP / (TP + FN) over the false positive rate FP / (FP + TN),
    "PR" the precision TP / (TP + FP) over the recall, "PRGAIN" the gains of these two over an
    always-positive classifier (Flach and Kull 2015, https://papers.nips.cc/paper/5867).
    For "PR" the interpolation is that of Davis and Goadrich 2006: counts, not ratios, are linear
    between two thresholds.

    Parameters
    ----------
    num_thresholds : int
        How many thresholds in [0, 1], at equal distances, make the points.
    curve : {"ROC", "PR", "PRGAIN"}
        Which curve.
    summation_method : {"interpolation", "minoring", "majoring"}
        The height of the curve between two points: their mean, the lower or the higher of them.
    name, dtype
        See :class:`Metric`.
    thresholds : list of float, optional
        Thresholds in [0, 1] instead, beside one below 0 and one above 1.
    multi_label : bool
        Whether to take the mean of the areas of the labels, instead of the area of all outputs.
    num_labels : int, optional
        L, with ``multi_label``; else that of the first outputs.
    label_weights : list of float, optional
        (L,) weights of the labels, in the mean of the areas or in the counts.
    from_logits : bool
        Whether outputs are logits, of which the sigmoid is taken.

    Examples
    --------
    >>> metric = AUC(num_thresholds=3)
    >>> float(metric([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    _direction = "up"
    _counts = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    _kept_as: ClassVar = {"thresholds": "init_thresholds"}

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: str | None = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.curve = _choice("curve", curve, _CURVES)
        self.summation_method = _choice("summation_method", summation_method, _METHODS)
        self.init_thresholds = None
        if thresholds is not None:
            self.init_thresholds = sorted(parse_thresholds(thresholds))
            inner = [0.0, *self.init_thresholds, 1.0]
            even = are_even(inner)
        else:
            inner, even = (
                even_thresholds(_checks.integer("num_thresholds", num_thresholds, 2)),
                True,
            )
        self.num_thresholds = len(inner)
        below, above = -config.epsilon(), 1.0 + config.epsilon()
        self._thresholds = Thresholds([below, *inner[1:-1], above], even)
        self.multi_label = _checks.boolean("multi_label", multi_label)
        self.num_labels = (
            None if num_labels is None else _checks.integer("num_labels", num_labels, 1)
        )
        if num_labels is not None and not multi_label:
            raise ValueError(
                f"num_labels goes with multi_label=True only. Received: num_labels={num_labels}"
            )
        self.label_weights = None
        if label_weights is not None:
            self.label_weights = floats("label_weights", label_weights).ravel().tolist()
        self.from_logits = _checks.boolean("from_logits", from_logits)
        if self.num_labels is not None or not multi_label:
            self._build(self.num_labels)

    @property
    def thresholds(self) -> list[float]:
        """All thresholds, that below 0 and that above 1 among them."""
        return list(self._thresholds.values)

    def _build(self, labels: int | None) -> None:
        """Make the variables, (T,) or (T, L)."""
        shape = (self.num_thresholds,) if labels is None else (self.num_thresholds, labels)
        for count in self._counts:
            setattr(self, count, self.add_variable(shape, "zeros", name=count))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in labels, zero or not, and outputs in [0, 1], or logits, of one shape; and
        weights."""
        if self.from_logits:
            y_pred = engine.Sigmoid().value(floats("y_pred", y_pred))
        labels, outputs, weights = counted_pair(y_true, y_pred, sample_weight, None, None)
        if self.multi_label:
            self._require_labels(outputs.shape)
            if not self._variables:
                self._build(outputs.shape[1])
        else:
            if self.label_weights is not None:
                weights = self._weighed_labels(outputs.shape, weights)
            labels, outputs = labels.reshape(-1, 1), outputs.reshape(-1, 1)
            weights = None if weights is None else weights.reshape(-1, 1)
        found = self._thresholds.counts(labels, outputs, weights)
        for count in self._counts:
            variable = getattr(self, count)
            variable.assign(variable.value + found[count].reshape(variable.shape))

    def _require_labels(self, shape: tuple[int, ...]) -> None:
        expected = self._variables[0].shape[1] if self._variables else None
        if len(shape) != 2 or expected not in (None, shape[1]):
            raise ValueError(
                f"y_pred must have shape (samples, {expected or 'labels'}) with multi_label=True. "
                f"Received: y_pred of shape {shape}"
            )

    def _weighed_labels(self, shape: tuple[int, ...], weights: Float64Array | None) -> Float64Array:
        """Weights of samples times those of labels."""
        assert self.label_weights is not None
        if shape[-1:] != (len(self.label_weights),):
            raise ValueError(
                f"y_pred must have {len(self.label_weights)} labels, one for each of "
                f"label_weights. Received: y_pred of shape {shape}"
            )
        by_label = np.broadcast_to(np.array(self.label_weights), shape)
        return by_label if weights is None else weights * by_label

    def takes_portions(self, sample_weight: NDArray[Any] | None) -> bool:
        return sample_weight is None and (self.multi_label or self.label_weights is None)

    def result(self) -> Tensor:
        """The area, 0-d."""
        if not self._variables:  # several labels, and nothing taken in
            return as_tensor(0.0)
        if self.curve == "PR" and self.summation_method == "interpolation":
            parts = self._interpolated_parts()
        else:
            x, y = self._points()
            pick = {"minoring": np.minimum, "majoring": np.maximum}.get(self.summation_method)
            heights = (y[:-1] + y[1:]) / 2.0 if pick is None else pick(y[:-1], y[1:])
            parts = (x[:-1] - x[1:]) * heights
        areas = parts.sum(axis=0)
        if not self.multi_label:
            return as_tensor(areas)
        if self.label_weights is None:
            return as_tensor(areas.mean())
        weights = np.array(self.label_weights)
        return as_tensor(ratio((areas * weights).sum(), weights.sum()))

    def _points(self) -> tuple[Float64Array, Float64Array]:
        """The curve at each threshold."""
        tp, fp, tn, fn = self._values().values()
        if self.curve == "ROC":
            return ratio(fp, fp + tn), ratio(tp, tp + fn)
        if self.curve == "PR":
            return ratio(tp, tp + fn), ratio(tp, tp + fp)
        scale = ratio(tp + fn, tn + fp)
        recall_gain = np.where(tp == 0.0, 0.0, 1.0 - scale * ratio(fn, tp))
        precision_gain = np.where(tp == 0.0, 1.0, 1.0 - scale * ratio(fp, tp))
        return np.maximum(recall_gain, 0.0), precision_gain

    def _interpolated_parts(self) -> Float64Array:
        """The area under the precision over the recall between each two thresholds. With the
        true positives linear in all positives p, tp = slope * p + intercept, it is
        slope * (d tp + intercept * log(p_0 / p_1)) / (tp + fn)."""
        tp, fp, _, fn = self._values().values()
        p = tp + fp
        d_tp = tp[:-1] - tp[1:]
        slope = ratio(d_tp, np.maximum(p[:-1] - p[1:], 0.0))
        intercept = tp[1:] - slope * p[1:]
        both = (p[:-1] > 0) & (p[1:] > 0)
        steps = np.where(both, ratio(p[:-1], np.maximum(p[1:], 0.0)), 1.0)
        return ratio(slope * (d_tp + intercept * np.log(steps)), np.maximum(tp[1:] + fn[1:], 0.0))
