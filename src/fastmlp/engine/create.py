"""Engines by name."""

from __future__ import annotations

from .door import Engine, Network, Training


def create_engine(name: str, network: Network, training: Training | None) -> Engine:
    """Build the engine called ``name``: "native" or "reference".

    Raises
    ------
    ValueError
        If no engine has that name.
    """
    if name == "native":
        from .native import NativeEngine  # each where it is asked for: few need both

        return NativeEngine(network, training)
    if name == "reference":
        from .reference import ReferenceEngine

        return ReferenceEngine(network, training)
    raise ValueError(f'engine must be "native" or "reference". Received: engine={name!r}')
