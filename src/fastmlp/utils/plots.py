"""Drawings with matplotlib, of what is not in Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._optional import require


def plot_confusion_matrix(
    matrix: Any,
    class_names: Sequence[str] | None = None,
    normalize: bool = False,
    cmap: str = "Blues",
    ax: Any = None,
) -> Any:
    """Draw how often each class was taken for which, with matplotlib.

    Parameters
    ----------
    matrix : array_like, or tuple of two
        (K, K) counts, the true class by the row and the predicted one by the column; or a tuple
        of class indices (N,) and predictions, as indices (N,) or as outputs (N, K), of which the
        largest counts.
    class_names : list of str, optional
        K names; by default the indices.
    normalize : bool
        Whether to show shares of each row instead of counts.
    cmap : str
        A colour map of matplotlib.
    ax : matplotlib Axes, optional
        Where to draw; by default the current one.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If shapes or values are not as described.
    ImportError
        If matplotlib is not installed.
    """
    counts = _counts(matrix)
    names = [str(i) for i in range(len(counts))] if class_names is None else list(class_names)
    if len(names) != len(counts):
        raise ValueError(
            f"class_names must be {len(counts)} names. Received: class_names={class_names!r}"
        )
    shown = counts.astype(np.float64)
    if _checks.boolean("normalize", normalize):
        shown = shown / np.maximum(shown.sum(axis=1, keepdims=True), 1.0)
    if ax is None:
        ax = require("matplotlib.pyplot", "plot", "plot_confusion_matrix").gca()
    ax.imshow(shown, cmap=cmap, vmin=0.0)
    dark = shown.max(initial=0.0) / 2
    for (row, column), value in np.ndenumerate(shown):
        text = f"{value:.2f}" if normalize else f"{value:.10g}"
        color = "white" if value > dark else "black"
        ax.text(column, row, text, ha="center", va="center", color=color)
    places = range(len(counts))
    ax.set(xticks=places, yticks=places, xticklabels=names, yticklabels=names)
    ax.set(xlabel="predicted", ylabel="true")
    return ax


def _counts(matrix: Any) -> NDArray[Any]:
    """(K, K) counts from counts or from (classes, predictions)."""
    if not isinstance(matrix, tuple):
        counts = _checks.real_array("matrix", matrix)
        if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or (counts < 0).any():
            raise ValueError(
                "matrix must have shape (K, K) and hold counts, or be a tuple (y_true, y_pred). "
                f"Received: matrix of shape {counts.shape}"
            )
        return counts
    if len(matrix) != 2:
        raise ValueError(f"matrix must be (y_true, y_pred). Received: a tuple of {len(matrix)}")
    true = _checks.real_array("y_true", matrix[0]).reshape(-1)
    predicted = _checks.real_array("y_pred", matrix[1])
    classes = predicted.shape[1] if predicted.ndim == 2 and predicted.shape[1] > 1 else 0
    predicted = predicted.argmax(axis=1) if classes else predicted.reshape(-1)
    both = np.concatenate((true, predicted))
    if len(true) != len(predicted) or len(true) == 0 or (both < 0).any() or (both % 1).any():
        raise ValueError(
            "y_true and y_pred must be class indices of equally many samples, at least one. "
            f"Received: shapes {np.shape(matrix[0])} and {np.shape(matrix[1])}"
        )
    size = max(classes, int(both.max()) + 1)
    places = true.astype(np.int64) * size + predicted.astype(np.int64)
    return np.bincount(places, minlength=size * size).reshape(size, size)
