"""Fashion-MNIST: 70,000 images of clothes, shoes and bags, in the form of MNIST."""

from __future__ import annotations

import os

from . import mnist
from .housing import ORIGIN
from .mnist import Split

# The files and their MD5s, as https://github.com/zalandoresearch/fashion-mnist has them.
_FILES = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


def load_data() -> tuple[Split, Split]:
    """Load Fashion-MNIST from ``$KERAS_HOME/datasets/fashion-mnist``, by default
    ``~/.keras/datasets/fashion-mnist``; downloaded once.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of uint8 arrays
        Images (60000, 28, 28) and (10000, 28, 28) of grey values 0 to 255, and their labels
        (60000,) and (10000,): T-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker,
        bag, boot from 0 to 9.

    Raises
    ------
    ValueError
        If a file is damaged.
    OSError
        If one is not there and cannot be downloaded; the message says where to put it.
    """
    # Here, so that reading bundled data does not load urllib.
    from ..utils.downloads import get_file

    folder = os.path.join("datasets", "fashion-mnist")
    paths = [
        get_file(name, origin=ORIGIN + name, file_hash=digest, cache_subdir=folder)
        for name, digest in _FILES.items()
    ]
    return mnist.load_data(os.path.dirname(paths[0]))
