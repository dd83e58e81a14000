"""Data sets that come with fastmlp and load offline."""

from . import mnist

__all__ = ["mnist"]
