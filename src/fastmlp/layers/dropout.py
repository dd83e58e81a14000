"""Dropout, plain and for self-normalizing networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _checks, engine, random
from .layer import Layer, register
from .shapes import Shape, Sharing, one_row


class _Drops(Layer):
    """What has a rate, a seed, and elements that may share their fate."""

    word: type[engine.Dropout] | type[engine.AlphaDropout]

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        self.rate = _checks.number("rate", rate, 0.0, 1.0)
        self.noise_shape = _noise_shape(noise_shape)
        self.seed = None if seed is None else _checks.integer("seed", seed, 0, 2**64 - 1)
        self._drawn_seed = random.next_seed() if self.seed is None else self.seed
        super().__init__(**options)

    def _sharing(self, shape: Shape) -> Sharing:
        """Which features of a sample have one mask."""
        noise = self.noise_shape
        if noise is None:
            return Sharing(1, 1)
        fits = len(noise) == len(shape) and all(
            n in (None, 1, size) for n, size in zip(noise[1:], shape[1:], strict=True)
        )
        if not fits:
            raise ValueError(
                "noise_shape must have a size for each axis of the input, the input's own (or "
                f"None) or 1. Received: noise_shape={noise}, input shape {shape}"
            )
        return Sharing.of("noise_shape", noise, shape, [n == 1 for n in noise[1:]])

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._sharing(input_shape)
        return tuple(input_shape)

    def operations(self) -> list[engine.Operation]:
        if not self.rate:
            return []
        if self.noise_shape is None:
            return [self.word(self.rate, self._drawn_seed)]
        shared, inner = self._sharing(self.input_shape)
        same_rows = self.noise_shape[0] == 1
        drops = self.word(self.rate, self._drawn_seed, same_rows, shared, inner)
        return [*one_row(self.input_shape), drops]


@register("dropout")
class Dropout(_Drops):
    """While training, zero each input with probability ``rate`` and scale the rest by
    1 / (1 - rate); otherwise nothing.

    Parameters
    ----------
    rate : float
        In [0, 1).
    noise_shape : tuple of int or None, optional
        Shape of the mask, batch axis first: an axis of size 1 is one along which all share the
        mask, the others have the input's size or None. Axes of samples that share are neighbours.
        (A batch of another size than is written here is no error.)
    seed : int, optional
        Fixes the masks; without one, a seed is drawn from the global sequence
        (``utils.set_random_seed``). A mask depends on seed, training step, row and column only.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If rate is not in [0, 1), seed is not a 64-bit integer, or noise_shape does not fit.

    Notes
    -----
    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", JMLR 15 (2014).

    Examples
    --------
    >>> Dropout(0.2, seed=1).rate
    0.2
    """

    word = engine.Dropout


@register("alpha_dropout")
class AlphaDropout(_Drops):
    """Dropout behind ``selu``, which keeps mean 0 and variance 1: while training, each input is
    kept with probability 1 - rate and else replaced by m = -1.7581, and the result is
    ``a * x + b`` with a = ((1 - rate) (1 + rate m**2))**-0.5 and b = -a m rate.

    Parameters
    ----------
    rate : float
        In [0, 1).
    noise_shape, seed
        As in :class:`Dropout`.
    **options
        ``name``, ``trainable``, ``dtype``, ``input_shape``, ``input_dim``: see :class:`Layer`.

    Raises
    ------
    ValueError
        If rate is not in [0, 1), seed is not a 64-bit integer, or noise_shape does not fit.

    Notes
    -----
    Source: Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks",
    NIPS 2017.

    Examples
    --------
    >>> AlphaDropout(0.1, seed=1).rate
    0.1
    """

    word = engine.AlphaDropout


def _noise_shape(value: Any) -> tuple[int | None, ...] | None:
    """The shape of a mask: positive integers or None."""
    if value is None:
        return None
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise ValueError(
            "noise_shape must be a tuple of integers or None, one for each axis of the input. "
            f"Received: noise_shape={value!r}"
        )
    return tuple(None if n is None else _checks.integer("noise_shape", n, 1) for n in value)
