"""Write files with Keras into ``golden.zip`` beside this one, for tests that read them without it.

    cd tests && python -m keras_files.make

Each case of ``CASES`` is trained by Keras, saved, and trained on: ``NAME.keras`` has the model in
between, ``expected.npz`` its predictions and those at the end. The last few are Keras's older
formats, among them what Keras 2 wrote.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from keras_files import cases, peer

FOLDER = Path(__file__).parent

#: With every kind of layer and each way in which optimizers list what they keep.
FILES = [
    *(("chained", name) for name in ("nesterov", "amsgrad", "adafactor", "ftrl", "schedule_free")),
    *(("chained", name) for name in ("averaged", "gathered", "schedule", "nadam")),
    *((name, "adam") for name in ("nested", "functional", "penalized", "standardized", "ranks")),
    *((name, "adam") for name in ("batch_normalization", "group_normalization")),
]
LEGACY = ("nested", "adam")


def main() -> None:
    """Write them all."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        with zipfile.ZipFile(FOLDER / "golden.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.write(path, path.name)


def write(folder: Path) -> None:
    """Write them into a folder."""
    keras = peer.keras()
    expected: dict[str, Any] = {"made_by": np.array(f"keras {keras.__version__}")}
    x, _ = cases.data()
    for model_name, optimizer in FILES:
        name = f"{model_name}-{optimizer}"
        model = cases.make(keras, model_name, optimizer)
        cases.train(model)
        model.save(folder / f"{name}.keras")
        if (model_name, optimizer) == FILES[0]:
            model.save_weights(folder / f"{name}.weights.h5")
        expected[f"{name}/saved"] = model.predict(x, verbose=0)
        cases.train(model)
        expected[f"{name}/trained"] = model.predict(x, verbose=0)
    model = cases.make(keras, *LEGACY)
    cases.train(model)
    model.save(folder / "legacy.h5")
    expected["legacy/saved"] = model.predict(x, verbose=0)
    cases.train(model)
    expected["legacy/trained"] = model.predict(x, verbose=0)
    np.savez_compressed(folder / "expected.npz", **expected)
    keras_2(folder)


def keras_2(folder: Path) -> None:
    """A file as TensorFlow 2.4 lays it out: other keys of layers, names that end in ``:0``."""
    import h5py

    kernels = [np.linspace(-1, 1, 12).reshape(4, 3), np.linspace(1, -1, 6).reshape(3, 2)]
    names = ["dense", "dense_1"]
    options = {"trainable": True, "dtype": "float32", "use_bias": True}
    layer = [
        {
            "class_name": "InputLayer",
            "config": {
                "batch_input_shape": [None, 4],
                "dtype": "float32",
                "sparse": False,
                "ragged": False,
                "name": "dense_input",
            },
        },
        *(
            {
                "class_name": "Dense",
                "config": {
                    "name": name,
                    **options,
                    "units": units,
                    "activation": activation,
                    "kernel_initializer": {
                        "class_name": "GlorotUniform",
                        "config": {"seed": None},
                    },
                    "bias_initializer": {"class_name": "Zeros", "config": {}},
                    "kernel_regularizer": None,
                    "bias_regularizer": None,
                    "activity_regularizer": None,
                    "kernel_constraint": None,
                    "bias_constraint": None,
                },
            }
            for name, units, activation in zip(names, (3, 2), ("relu", "linear"), strict=True)
        ),
    ]
    training = {
        "loss": {
            "class_name": "SparseCategoricalCrossentropy",
            "config": {
                "reduction": "auto",
                "name": "sparse_categorical_crossentropy",
                "from_logits": True,
            },
        },
        "metrics": [["accuracy"]],
        "weighted_metrics": None,
        "loss_weights": None,
        "optimizer_config": {
            "class_name": "Adam",
            "config": {
                "name": "Adam",
                "learning_rate": 0.0010000000474974513,
                "decay": 0.0,
                "beta_1": 0.8999999761581421,
                "beta_2": 0.9990000128746033,
                "epsilon": 1e-07,
                "amsgrad": False,
            },
        },
    }
    config = {"class_name": "Sequential", "config": {"name": "sequential", "layers": layer}}
    with h5py.File(folder / "keras_2.h5", "w") as file:
        file.attrs["keras_version"] = "2.4.0"
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["training_config"] = json.dumps(training).encode()
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([name.encode() for name in names])
        for name, kernel in zip(names, kernels, strict=True):
            group = weights.create_group(name)
            paths = [f"{name}/kernel:0", f"{name}/bias:0"]
            group.attrs["weight_names"] = np.array([path.encode() for path in paths])
            group.create_dataset(paths[0], data=kernel.astype(np.float32))
            group.create_dataset(paths[1], data=np.arange(kernel.shape[1], dtype=np.float32))
        kept = file.create_group("optimizer_weights")
        kept.attrs["weight_names"] = np.array([b"Adam/iter:0"])
        kept.create_dataset("Adam/iter:0", data=np.int64(3))


if __name__ == "__main__":
    main()
