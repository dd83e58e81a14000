"""Boston housing: prices in the suburbs in the late 1970s.

One of its features assumes that segregation by race raises prices; for anything but reproducing
older work, California housing is the better table.
"""

from __future__ import annotations

from . import housing
from .housing import Split


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Split, Split]:
    """Load the 506 suburbs with 13 features each, and the median price of a house in thousands of
    dollars; downloaded once.

    Parameters
    ----------
    path : str
        The file's name in ``$KERAS_HOME/datasets``, by default ``~/.keras/datasets``.
    test_split : float
        The share of rows that are for testing, in [0, 1).
    seed : int
        Of the order of the rows.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of float arrays
        Features (N, 13) and prices (N,).

    Raises
    ------
    ValueError
        If an argument is not as described, or the file is damaged.
    OSError
        If it is not there and cannot be downloaded; the message says where to put it.
    """
    digest = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"
    return housing.load(path, "boston_housing.npz", digest, test_split, seed)
