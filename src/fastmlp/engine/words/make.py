"""Losses by name."""

from __future__ import annotations

from typing import Any

from . import errors, losses, uncertainty

LOSSES: dict[str, type[losses.Loss]] = {
    word.name: word
    for module in (losses, errors, uncertainty)
    for word in vars(module).values()
    if isinstance(word, type) and issubclass(word, losses.Loss) and hasattr(word, "name")
}


def make_loss(name: str, **options: Any) -> losses.Loss:
    """The loss of that name with these options.

    Raises
    ------
    ValueError
        If no loss has that name.
    TypeError
        If the loss has no such option.
    """
    if name not in LOSSES:
        known = ", ".join(repr(known) for known in LOSSES)
        raise ValueError(f"loss must be one of {known}. Received: name={name!r}")
    return LOSSES[name](**options)
