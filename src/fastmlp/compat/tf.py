"""The names of TensorFlow that its quickstart for beginners uses.

In the notebook, change ``import tensorflow as tf`` to ``from fastmlp.compat import tf`` and
nothing else. ``tf.keras`` is fastmlp; ``tf.__version__`` is fastmlp's version.

Examples
--------
>>> from fastmlp.compat import tf
>>> tf.nn.softmax([[0.0, 0.0]]).numpy()
array([[0.5, 0.5]])
>>> tf.keras.layers.Dense(10).units
10
"""

import fastmlp as keras

from .. import __version__
from . import nn

__all__ = ["__version__", "keras", "nn"]
