"""Dropout."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine, random
from .layer import Layer, register


@register("dropout")
class Dropout(Layer):
    """While training, zero each input with probability ``rate`` and scale the rest by
    1 / (1 - rate); otherwise nothing.

    Parameters
    ----------
    rate : float
        In [0, 1).
    seed : int, optional
        Fixes the masks; without one, a seed is drawn from the global sequence
        (``utils.set_random_seed``). A mask depends on seed, training step, row and column only.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If rate is not in [0, 1) or seed is not a 64-bit integer.

    Notes
    -----
    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", JMLR 15 (2014).

    Examples
    --------
    >>> Dropout(0.2, seed=1).rate
    0.2
    """

    def __init__(self, rate: float, *, seed: int | None = None, **options: Any) -> None:
        self.rate = _checks.number("rate", rate, 0.0, 1.0)
        self.seed = None if seed is None else _checks.integer("seed", seed, 0, 2**64 - 1)
        self._drawn_seed = random.next_seed() if self.seed is None else self.seed
        super().__init__(**options)

    def operations(self) -> list[engine.Operation]:
        return [engine.Dropout(self.rate, self._drawn_seed)] if self.rate else []
