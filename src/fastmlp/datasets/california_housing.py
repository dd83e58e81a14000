"""California housing: prices of districts of the census of 1990."""

from __future__ import annotations

from . import housing
from .housing import Split


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[Split, Split]:
    """Load the 20,640 districts with eight features each, and the median price of a house in
    dollars; downloaded once.

    Parameters
    ----------
    version : {"large", "small"}
        All districts, or the first 600.
    path : str
        The file's name in ``$KERAS_HOME/datasets``, by default ``~/.keras/datasets``.
    test_split : float
        The share of rows that are for testing, in [0, 1).
    seed : int
        Of the order of the rows.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of float arrays
        Features (N, 8): median income, age, rooms, bedrooms, population, occupancy, latitude,
        longitude; and prices (N,).

    Raises
    ------
    ValueError
        If an argument is not as described, or the file is damaged.
    OSError
        If it is not there and cannot be downloaded; the message says where to put it.
    """
    if version not in ("large", "small"):
        raise ValueError(f'version must be "large" or "small". Received: version={version!r}')
    return housing.load(
        path,
        "california_housing.npz",
        "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
        test_split,
        seed,
        600 if version == "small" else None,
    )
