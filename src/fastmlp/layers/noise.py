"""Normal noise while training."""

from __future__ import annotations

from typing import Any

from .. import _checks, engine, random
from .layer import Layer, register


@register("gaussian_noise")
class GaussianNoise(Layer):
    """While training, add normal noise of mean 0; otherwise nothing.

    Parameters
    ----------
    stddev : float
        Deviation of the noise, in [0, 1].
    seed : int, optional
        Fixes the noise, which depends on seed, training step, row and column only; without one, a
        seed is drawn from the global sequence (``utils.set_random_seed``).
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If stddev is not in [0, 1] or seed is not a 64-bit integer.

    Examples
    --------
    >>> GaussianNoise(0.1, seed=1).stddev
    0.1
    """

    def __init__(self, stddev: float, seed: int | None = None, **options: Any) -> None:
        self.stddev = _checks.number("stddev", stddev, 0.0)
        if self.stddev > 1.0:
            raise ValueError(f"stddev must be a number in [0, 1]. Received: stddev={stddev!r}")
        self.seed = None if seed is None else _checks.integer("seed", seed, 0, 2**64 - 1)
        self._drawn_seed = random.next_seed() if self.seed is None else self.seed
        super().__init__(**options)

    def operations(self) -> list[engine.Operation]:
        return [engine.GaussianNoise(self.stddev, self._drawn_seed)] if self.stddev else []


@register("gaussian_dropout")
class GaussianDropout(Layer):
    """While training, multiply by normal noise of mean 1 and deviation
    sqrt(rate / (1 - rate)), that of dropout's; otherwise nothing.

    Parameters
    ----------
    rate : float
        In [0, 1).
    seed : int, optional
        As in :class:`GaussianNoise`.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If rate is not in [0, 1) or seed is not a 64-bit integer.

    Notes
    -----
    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", JMLR 15 (2014),
    section 10.

    Examples
    --------
    >>> GaussianDropout(0.2, seed=1).rate
    0.2
    """

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        self.rate = _checks.number("rate", rate, 0.0, 1.0)
        self.seed = None if seed is None else _checks.integer("seed", seed, 0, 2**64 - 1)
        self._drawn_seed = random.next_seed() if self.seed is None else self.seed
        super().__init__(**options)

    def operations(self) -> list[engine.Operation]:
        return [engine.GaussianDropout(self.rate, self._drawn_seed)] if self.rate else []
