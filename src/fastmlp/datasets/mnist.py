"""MNIST: 70,000 images of handwritten digits, bundled with the package."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .idx import read_idx

Split = tuple[NDArray[np.uint8], NDArray[np.uint8]]

_BUNDLED = Path(__file__).parent / "data" / "mnist"


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load MNIST, or a data set in the same files, without a network connection.

    Parameters
    ----------
    path : str or os.PathLike, optional
        Where to read from; by default the copy that is part of the package. Either a folder
        with the four IDX files (``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
        ``t10k-images-idx3-ubyte``, ``t10k-labels-idx1-ubyte``, each plain or ``.gz``) or an
        ``.npz`` file with the arrays ``x_train``, ``y_train``, ``x_test``, ``y_test``.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of uint8 arrays
        Images (60000, 28, 28) and (10000, 28, 28) of grey values 0 to 255, and their labels
        (60000,) and (10000,) from 0 to 9.

    Raises
    ------
    FileNotFoundError
        If ``path`` or one of the four files is missing.
    ValueError
        If a file is damaged or of another format, or images and labels differ in number. The
        message names the file.

    Notes
    -----
    Keras's ``path`` is the name of a file in its download cache; here it is a real path.

    Examples
    --------
    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_train.dtype, y_test.shape
    ((60000, 28, 28), dtype('uint8'), (10000,))
    >>> y_train[:5].tolist()
    [5, 0, 4, 1, 9]
    """
    if path is not None and not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            f"path must be a folder of IDX files, an .npz file, or None. Received: path={path!r}"
        )
    folder = _BUNDLED if path is None else Path(path)
    if folder.is_dir():
        return _read_split(folder, "train"), _read_split(folder, "t10k")
    if not folder.exists():
        raise FileNotFoundError(
            "path must be a folder of IDX files or an .npz file; leave it out for the bundled "
            f"MNIST. Received: path={str(path)!r}, which does not exist"
        )
    return _read_npz(folder)


def _read_split(folder: Path, prefix: str) -> Split:
    """Images (N, H, W) and labels (N,) of one half, from its two IDX files."""
    images_path = _find(folder, f"{prefix}-images", "idx3-ubyte")
    labels_path = _find(folder, f"{prefix}-labels", "idx1-ubyte")
    images = read_idx(images_path, dimensions=3)
    labels = read_idx(labels_path, dimensions=1)
    _check_lengths(images, labels, str(images_path), str(labels_path))
    return images, labels


def _find(folder: Path, stem: str, kind: str) -> Path:
    """The file of that name; some mirrors write a dot where the original has a hyphen."""
    names = [f"{stem}{dot}{kind}{suffix}" for dot in "-." for suffix in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"the folder of IDX files must hold {names[0]} or {names[1]}. Received: path="
        f"{str(folder)!r}, which holds neither"
    )


def _read_npz(path: Path) -> tuple[Split, Split]:
    """The four arrays of Keras's mnist.npz."""
    # Here, so that `import fastmlp` does not load zipfile.
    from .npz import read_npz

    dimensions = {"x_train": 3, "y_train": 1, "x_test": 3, "y_test": 1}
    x_train, y_train, x_test, y_test = read_npz(path, dimensions)
    _check_lengths(x_train, y_train, f"{path}: x_train", "y_train")
    _check_lengths(x_test, y_test, f"{path}: x_test", "y_test")
    return (x_train, y_train), (x_test, y_test)


def _check_lengths(x: NDArray[Any], y: NDArray[Any], x_name: str, y_name: str) -> None:
    if len(x) != len(y):
        raise ValueError(
            f"{x_name} and {y_name} must hold as many images as labels. Received: {len(x)} "
            f"images, {len(y)} labels"
        )
