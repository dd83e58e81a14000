"""What calls of models, losses and metrics return: a NumPy array that also answers ``.numpy()``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Tensor(np.ndarray):
    """A float64 array like any other whose only addition is :meth:`Tensor.numpy`.

    Keras scripts call ``model(x).numpy()``; code written for NumPy just uses the array.
    """

    def numpy(self) -> NDArray[Any]:
        """The same numbers as a plain ``numpy.ndarray`` (no copy).

        Examples
        --------
        >>> import numpy as np
        >>> np.zeros(2).view(Tensor).numpy()
        array([0., 0.])
        """
        return self.view(np.ndarray)


def as_tensor(values: Any) -> Tensor:
    """Values as a float64 Tensor of the same shape (a scalar becomes 0-d)."""
    return np.asarray(values, np.float64).view(Tensor)
