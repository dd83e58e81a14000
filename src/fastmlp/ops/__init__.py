"""The part of ``keras.ops`` that losses, metrics and layers of one's own are written with.

Each function works on arrays as NumPy's of the same name does, with Keras's names of arguments.
Where the extra ``autograd`` is installed (``pip install fastmlp[autograd]``), what is composed of
them can be differentiated, which is how :mod:`fastmlp` trains with a loss of yours that returns no
gradient.

Examples
--------
>>> from fastmlp import ops
>>> ops.mean(ops.square(ops.subtract([1.0, 2.0], 4.0)))
np.float64(6.5)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arrays import *  # noqa: F403
from .arrays import __all__ as _arrays
from .elementwise import *  # noqa: F403
from .elementwise import __all__ as _elementwise
from .nn import *  # noqa: F403
from .nn import __all__ as _nn

__all__ = [*_arrays, *_elementwise, *_nn]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Names that are made of NumPy's, which type checkers cannot see."""
