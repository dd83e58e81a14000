"""Arrays made ready for training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _checks, random


def to_categorical(x: Any, num_classes: int | None = None) -> NDArray[np.float64]:
    """Class indices to one-hot rows.

    Parameters
    ----------
    x : array_like of int
        (...) or (..., 1) class indices.
    num_classes : int, optional
        Number of classes K; defaults to the largest index plus one.

    Returns
    -------
    ndarray
        (..., K) float64, 1 at the index and 0 elsewhere.

    Raises
    ------
    ValueError
        If an index is no integer in [0, K), or there is none.

    Examples
    --------
    >>> to_categorical([0, 2], num_classes=3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    given = np.asarray(x)
    if given.dtype.kind not in "fiub" or given.size == 0 or not np.all(given == np.floor(given)):
        raise ValueError(f"x must hold class indices, at least one. Received: x={x!r}")
    indices = given.astype(np.int64)
    if indices.ndim > 1 and indices.shape[-1] == 1:
        indices = indices[..., 0]
    highest = int(indices.max())
    classes = highest + 1 if num_classes is None else _checks.integer("num_classes", num_classes, 1)
    if indices.min() < 0 or highest >= classes:
        raise ValueError(
            f"x must lie in [0, {classes}). Received: x in [{indices.min()}, {highest}]"
        )
    rows = np.zeros((*indices.shape, classes))
    np.put_along_axis(rows, indices[..., None], 1.0, axis=-1)
    return rows


def normalize(x: Any, axis: int = -1, order: int = 2) -> NDArray[np.float64]:
    """x divided by its norms along an axis; where a norm is 0, x stays as it is.

    Parameters
    ----------
    x : array_like
        Real numbers.
    axis : int
        Along which to take the norms.
    order : int
        Of the norm: 2 is the Euclidean one, 1 the sum of absolute values.

    Returns
    -------
    ndarray
        float64, of x's shape (at least 1-d).

    Raises
    ------
    ValueError
        If x is not an array of real numbers, or there is no such axis or norm.

    Examples
    --------
    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    array = np.atleast_1d(_checks.real_array("x", x)).astype(np.float64)
    axis = _checks.integer("axis", axis, -array.ndim, array.ndim - 1)
    norms = np.linalg.norm(array, _checks.integer("order", order, 1), axis, keepdims=True)
    result: NDArray[np.float64] = array / np.where(norms == 0.0, 1.0, norms)
    return result


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: None = None,
) -> tuple[Any, Any]:
    """Arrays of equally many samples in two parts, such as a training and a test set.

    Parameters
    ----------
    dataset : array_like, or tuple or list of array_like
        The samples along the first axis.
    left_size, right_size : float or int, optional
        A share in (0, 1) or a number of samples; one that is not given is the rest.
    shuffle : bool
        Whether to draw the left part at random; otherwise it is the first samples.
    seed : int, optional
        Of the shuffle; by default one from the global sequence.
    preferred_backend : None
        There is one backend.

    Returns
    -------
    left, right
        Two arrays, or two tuples of arrays. In Keras they are ``tf.data.Dataset`` or its kin.

    Raises
    ------
    ValueError
        If lengths differ, a size is not as described, or a part would be empty.

    Examples
    --------
    >>> split_dataset([0, 1, 2, 3, 4], left_size=0.8)
    (array([0, 1, 2, 3]), array([4]))
    """
    _checks.only("preferred_backend", preferred_backend, None)
    several = isinstance(dataset, tuple) or (
        isinstance(dataset, list) and len(dataset) > 0 and isinstance(dataset[0], np.ndarray)
    )
    arrays = [np.asarray(part) for part in (dataset if several else [dataset])]
    lengths = {len(array) if array.ndim else 0 for array in arrays}
    if len(lengths) != 1:
        raise ValueError(
            f"dataset must hold equally many samples everywhere. Received: {sorted(lengths)}"
        )
    (n,) = lengths
    left, right = _sizes(n, left_size, right_size)
    order: Any = slice(None)
    if _checks.boolean("shuffle", shuffle):
        drawn = random.next_seed() if seed is None else _checks.integer("seed", seed, 0, 2**64 - 1)
        order = random.permutation(drawn, 0, n)
    shuffled = [array[order] for array in arrays]
    parts = [array[:left] for array in shuffled], [array[n - right :] for array in shuffled]
    return (tuple(parts[0]), tuple(parts[1])) if several else (parts[0][0], parts[1][0])


def _sizes(n: int, left_size: float | None, right_size: float | None) -> tuple[int, int]:
    if left_size is None and right_size is None:
        raise ValueError("left_size or right_size must be given. Received: None and None")
    left = _samples("left_size", left_size, n)
    right = _samples("right_size", right_size, n)
    left, right = (n - right if left is None else left), (n - left if right is None else right)
    if left < 1 or right < 1 or left + right > n:
        raise ValueError(
            f"left_size and right_size must leave two parts of the {n} samples, neither empty. "
            f"Received: left_size={left_size!r}, right_size={right_size!r}"
        )
    return left, right


def _samples(name: str, size: float | None, n: int) -> Any:
    """The size as a number of samples; None if it is not given."""
    if size is None:
        return None
    if isinstance(size, (float, np.floating)):
        return round(_checks.number(name, size, 0.0, 1.0) * n)
    return _checks.integer(name, size, 1, n - 1)
