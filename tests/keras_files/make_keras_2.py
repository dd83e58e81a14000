"""Write files with Keras 2 into ``keras_2.zip`` beside this one, for tests that read them.

    python -m pip install tf_keras==2.15.1 tensorflow-cpu==2.15.1
    cd tests && python -m keras_files.make_keras_2

As ``make.py`` does with Keras 3: each model is trained, saved as ``NAME.h5``, and trained on, and
``expected.npz`` has its predictions at both ends. TensorFlow 2.11 brought other optimizers; those
of before are its ``optimizers.legacy``, and write what they did.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_files import cases

FOLDER = Path(__file__).parent

#: By the model's case and the optimizer's; those of before TensorFlow 2.11.
BEFORE = [
    ("nested", "adam"),
    *(("chained", name) for name in ("amsgrad", "nesterov", "rmsprop", "adagrad", "adadelta")),
    *(("chained", name) for name in ("adamax", "ftrl", "decayed")),
]
SINCE = [
    ("nested", "adam"),
    *(("chained", name) for name in ("sgd", "nesterov", "rmsprop", "adamax", "nadam", "adam_w")),
    *(("chained", name) for name in ("lion", "adafactor", "averaged", "exponential")),
]
_BETAS = {"beta_1": 0.875, "beta_2": 1 - 2**-10}
#: Optimizers that have no case, or other numbers: TensorFlow rounds many to float32.
_OWN = {
    "adam": lambda k: k.optimizers.Adam(2**-7, **_BETAS),
    "nesterov": lambda k: k.optimizers.SGD(2**-4, 0.875, nesterov=True, clipvalue=0.5),
    # the root is of sum and epsilon in Keras 3, and was of the sum
    "adagrad": lambda k: k.optimizers.Adagrad(0.05, epsilon=1e-15),
    "adamax": lambda k: k.optimizers.Adamax(2**-7, **_BETAS),
    "nadam": lambda k: k.optimizers.Nadam(2**-7, **_BETAS),
    "adam_w": lambda k: k.optimizers.AdamW(2**-7, 2**-8, **_BETAS, global_clipnorm=1.0),
    "decayed": lambda k: k.optimizers.SGD(0.05, momentum=0.9, decay=0.25),
    "averaged": lambda k: k.optimizers.Adam(2**-7, **_BETAS, use_ema=True, ema_momentum=0.875),
    "exponential": lambda k: k.optimizers.Adam(
        k.optimizers.schedules.ExponentialDecay(2**-7, 4, 0.5, staircase=True), **_BETAS
    ),
}


class _Legacy:
    """Keras 2 with the optimizers of before TensorFlow 2.11."""

    def __init__(self, keras: Any) -> None:
        self._keras = keras
        self.optimizers = keras.optimizers.legacy

    def __getattr__(self, name: str) -> Any:
        return getattr(self._keras, name)


def main() -> None:
    """Write them all."""
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    import tf_keras as keras

    keras.backend.set_floatx("float64")
    expected: dict[str, Any] = {"made_by": np.array(f"tf_keras {keras.__version__}")}
    x, _ = cases.data()
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(FOLDER / "keras_2.zip", "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for age, k, files in (("before", _Legacy(keras), BEFORE), ("since", keras, SINCE)):
            for model_name, optimizer in files:
                name = f"{age}-{model_name}-{optimizer}"
                keras.backend.clear_session()
                model = _made(k, model_name, optimizer)
                cases.train(model)
                model.save(Path(folder) / f"{name}.h5")
                archive.write(Path(folder) / f"{name}.h5", f"{name}.h5")
                expected[f"{name}/saved"] = model.predict(x, verbose=0)
                cases.train(model)
                expected[f"{name}/trained"] = model.predict(x, verbose=0)
        np.savez_compressed(Path(folder) / "expected.npz", **expected)
        archive.write(Path(folder) / "expected.npz", "expected.npz")


def _made(k: Any, model_name: str, optimizer: str) -> Any:
    """The case's model, with weights that differ everywhere."""
    model = cases.MODELS[model_name](k)
    for place, weight in enumerate(model.weights):
        if weight.name.rpartition("/")[2].removesuffix(":0") not in cases.KEPT:
            count = int(np.prod(weight.shape))
            weight.assign(0.3 * np.sin(1.3 * np.arange(count) + place).reshape(weight.shape))
    make = _OWN.get(optimizer) or cases.OPTIMIZERS[optimizer]
    model.compile(
        make(k),
        k.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        # in a graph it multiplies its running product once for every weight
        run_eagerly=optimizer == "nadam",
    )
    return model


if __name__ == "__main__":
    main()
