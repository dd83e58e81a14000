"""A penalty of activities as a layer of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import regularizers
from .layer import Layer, register


@register("activity_regularization")
class ActivityRegularization(Layer):
    """Puts out its input; the mean over a batch of l1 sum |x| + l2 sum x^2 is added to its loss.

    Parameters
    ----------
    l1, l2 : float
        Finite, not negative.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If an argument is not as described.

    Examples
    --------
    >>> layer = ActivityRegularization(l2=0.5)
    >>> layer([[1.0, 2.0]]).tolist(), [float(loss) for loss in layer.losses]
    ([[1.0, 2.0]], [2.5])
    """

    _kept_as: ClassVar = {**Layer._kept_as, "activity_regularizer": None}

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Any) -> None:
        penalty = regularizers.L1L2(l1, l2)
        self.l1, self.l2 = penalty.l1, penalty.l2
        super().__init__(activity_regularizer=penalty, **options)
