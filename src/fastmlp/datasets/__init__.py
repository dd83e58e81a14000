"""Data sets: MNIST comes with fastmlp, others are downloaded once."""

from . import boston_housing, california_housing, fashion_mnist, mnist

__all__ = ["boston_housing", "california_housing", "fashion_mnist", "mnist"]
