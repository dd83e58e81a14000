"""Engines by name."""

from __future__ import annotations

from .door import Engine, Network, Training
from .reference import ReferenceEngine


def create_engine(name: str, network: Network, training: Training | None) -> Engine:
    """Build the engine called ``name``: "native" or "reference".

    Raises
    ------
    ValueError
        If no engine has that name.
    """
    if name == "native":
        from .native import NativeEngine  # here: the reference needs nothing compiled

        return NativeEngine(network, training)
    if name == "reference":
        return ReferenceEngine(network, training)
    raise ValueError(f'engine must be "native" or "reference". Received: engine={name!r}')
