"""Calls of the losses that are words in NumPy to the same formula: expectations are the word's.

The crossentropies and the squared error, which nearly all trainings use, have expectations of
their own in :mod:`.rows`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmlp.engine import make_loss

from .layout import JUNK, row_mask, up
from .memory import Call, Want
from .words import CATALOG, options

# Options away from the defaults, where a loss has some.
OPTIONS: dict[str, dict[str, Any]] = {
    "binary_focal_crossentropy": {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5},
    "categorical_focal_crossentropy": {"gamma": 1.5, "label_smoothing": 0.1},
    "huber": {"delta": 0.3},
    "pinball": {"quantiles": 2, "quantile_1": 0.1, "quantile_2": 0.8},
    "gaussian_nll": {"full": True},
}
ELSEWHERE = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
    "mean_squared_error",
)
KINDS = [kind for kind in CATALOG["loss"] if kind not in ELSEWHERE]


def word_loss(
    kind: str,
    rows: int,
    outputs: int,
    from_logits: bool = False,
    gradient: bool = True,
    gap: int = 0,
) -> Call:
    """Losses and, if gradient, dy: padding of whole panels 0, what follows untouched."""
    given = OPTIONS.get(kind, {}) | ({"from_logits": True} if from_logits else {})
    word, stride = make_loss(kind, **given), up(outputs) + gap * 8
    rng = np.random.default_rng(rows + outputs)
    y = np.full((rows, stride), JUNK)
    y[:, :outputs] = rng.uniform(0.05, 0.95, (rows, outputs))
    labels = targets = None
    if word.class_indices:
        labels = rng.integers(0, outputs, rows).astype(np.int32)
    else:
        targets = rng.uniform(0.0, 1.0, (rows, outputs))
        if kind == "gaussian_nll":
            targets[:, outputs // 2 :] = targets[:, : outputs // 2]
    scale = 0.5 + rng.random(rows) if gradient else None

    def expected() -> dict[str, Want]:
        truth: Any = labels if targets is None else targets
        losses = word.values(y[:, :outputs], truth)
        # Both sides are sums of some rounded terms, of numbers about 1; percentages of up to 1e5
        # are relative to themselves.
        wants = {"rows.losses": Want(losses, 2e-13 * (1.0 + np.abs(losses)))}
        if scale is not None:
            slopes = word.gradients(y[:, :outputs], truth) * scale[:, None]
            dy, error = np.full((rows, stride), JUNK), np.zeros((rows, stride))
            dy[:, : up(outputs)] = 0.0
            dy[:, :outputs] = slopes
            error[:, :outputs] = 2e-13 * (1.0 + np.abs(slopes))
            wants["rows.dy"] = Want(dy, error)
        return wants

    known = CATALOG["loss"][kind][1]
    return Call(
        f"loss_{kind}",
        {
            "option": options("loss", kind, **{name: float(getattr(word, name)) for name in known}),
            "rows": {
                "y": y,
                "stride": stride,
                "rows": rows,
                "outputs": outputs,
                "labels": labels,
                "targets": None if targets is None else list(targets),
                "scale": scale,
                "dy": np.full((rows, stride), JUNK),
                "losses": np.full(rows, JUNK),
            },
        },
        {"rows.losses": None, "rows.dy": row_mask(rows, stride, up(outputs))},
        expected,
        traffic=rows * stride * 16,
    )
