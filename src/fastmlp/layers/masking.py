"""What a Keras script may ask for and an MLP cannot give: steps of a sequence left out."""

from __future__ import annotations

from typing import Any

from .layer import Layer, register


@register("masking")
class Masking(Layer):
    """Not in fastmlp, and it says so: a mask leaves out time steps of a sequence, which only
    recurrent and attention layers read.

    Parameters
    ----------
    mask_value : float
        What marks a step in Keras.
    **options
        As of Keras's layer.

    Raises
    ------
    ValueError
        Always.

    Examples
    --------
    >>> Masking()
    Traceback (most recent call last):
    ValueError: layers.Masking is not supported: fastmlp has no masks, ...
    """

    def __init__(self, mask_value: float = 0.0, **options: Any) -> None:
        raise ValueError(
            "layers.Masking is not supported: fastmlp has no masks, which leave out time steps of "
            "a sequence, and an MLP needs none. To leave out samples, give fit and evaluate a "
            f"sample_weight of 0 for them. Received: mask_value={mask_value!r}"
        )
