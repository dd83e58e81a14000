"""``keras.backend``: the old home of a few settings, kept for scripts that look there."""

from __future__ import annotations

from ._naming import reset as clear_session
from .config import epsilon, floatx, set_epsilon, set_floatx

__all__ = ["clear_session", "epsilon", "floatx", "set_epsilon", "set_floatx"]
