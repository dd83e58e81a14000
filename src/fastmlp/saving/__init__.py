"""Files of weights and of training states: whole or not there, and checked when read."""

from __future__ import annotations
