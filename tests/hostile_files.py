"""Files that somebody made to do harm, or that were damaged: what fastmlp must refuse.

Each function writes one into a folder and returns its path. They start from an honest file of a
small model.
"""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import fastmlp
from fastmlp import layers
from fastmlp.saving import npz

HOSTILE: dict[str, Callable[[Path], Path]] = {}

#: What a line of the file would run, if anything ran it.
PROOF = "fastmlp_was_here"


def hostile(function: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """Decorator: one more class of files."""
    HOSTILE[function.__name__] = function
    return function


def honest(path: Path) -> Path:
    """An honest file of either format of whole models."""
    fastmlp.utils.clear_session()
    model = fastmlp.Sequential([fastmlp.Input((3,)), layers.Dense(2, "tanh"), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.eye(3), np.zeros(3), verbose=0)
    model.save(path)
    return path


def parts(folder: Path) -> dict[str, bytes]:
    """The members of an honest ``.keras`` file."""
    with zipfile.ZipFile(honest(folder / "honest.keras")) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_config(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A ``.keras`` file whose configuration is changed."""
    members = parts(folder)
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    return zipped(folder / "m.keras", members)


def with_layer(folder: Path, layer: dict[str, Any]) -> Path:
    return with_config(folder, lambda config: config["config"]["layers"].append(layer))


def with_weights(folder: Path, change: Callable[[h5py.File], None]) -> Path:
    """A ``.keras`` file whose weights are changed."""
    members = parts(folder)
    content = io.BytesIO(members["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        change(file)
    members["model.weights.h5"] = content.getvalue()
    return zipped(folder / "m.keras", members)


# What a configuration may name.

CODE = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}


@hostile
def a_lambda_layer(folder: Path) -> Path:
    config = {"name": "l", "function": CODE, "arguments": {}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": config}
    return with_layer(folder, {**layer, "registered_name": None})


@hostile
def code_as_an_activation(folder: Path) -> Path:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][1]["config"]["activation"] = CODE

    return with_config(folder, change)


@hostile
def a_function_of_the_system(folder: Path) -> Path:
    def change(config: dict[str, Any]) -> None:
        told = {"module": "os", "class_name": "function", "config": "system"}
        told |= {"registered_name": "system"}
        config["config"]["layers"][1]["config"]["activation"] = told
        config["compile_config"]["loss"] = told

    return with_config(folder, change)


@hostile
def a_class_of_another_module(folder: Path) -> Path:
    config = {"args": ["touch", PROOF]}
    layer = {"module": "subprocess", "class_name": "Popen", "config": config}
    return with_layer(folder, {**layer, "registered_name": "Popen"})


@hostile
def a_module_to_import(folder: Path) -> Path:
    (folder / f"{PROOF}.py").write_text("open('" + PROOF + "', 'w')")
    layer = {"module": f"keras.{PROOF}", "class_name": "Layer", "config": {}}
    return with_layer(folder, {**layer, "registered_name": f"{PROOF}>Layer"})


@hostile
def a_function_of_keras_that_downloads(folder: Path) -> Path:
    config = {"origin": "http://localhost/", "fname": PROOF}
    layer = {"module": "keras.utils", "class_name": "get_file", "config": config}
    return with_layer(folder, {**layer, "registered_name": None})


@hostile
def code_in_the_older_format(folder: Path) -> Path:
    layer = {"class_name": "Lambda", "config": {"function": ["4wEAAAA=", None, None]}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    with h5py.File(folder / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.create_group("model_weights").attrs["layer_names"] = np.array([b"l"])
    return folder / "m.h5"


@hostile
def a_heap_without_end(folder: Path) -> Path:
    """HDF5's own reading of it does not end, either."""
    with h5py.File(folder / "m.h5", "w") as file:
        file.attrs["model_config"] = "{}"
        file.create_group("model_weights").attrs["layer_names"] = np.array([b"l"])
    content = bytearray((folder / "m.h5").read_bytes())
    free = content.index(b"GCOL") + 16
    content[free : free + 16] = bytes(16)
    (folder / "m.h5").write_bytes(content)
    return folder / "m.h5"


# What a configuration may ask memory for.


@hostile
def an_absurd_number_of_units(folder: Path) -> Path:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][1]["config"]["units"] = 2**31 - 1

    return with_config(folder, change)


@hostile
def an_absurd_input(folder: Path) -> Path:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, 2**40]

    return with_config(folder, change)


@hostile
def moments_of_an_absurd_input(folder: Path) -> Path:
    def change(config: dict[str, Any]) -> None:
        told = {"axis": [-1], "mean": 0.0, "variance": 1.0, "name": "n"}
        layer = {"module": "keras.layers", "class_name": "Normalization", "config": told}
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, 2**40]
        config["config"]["layers"].insert(1, layer)

    return with_config(folder, change)


@hostile
def metrics_of_absurd_sizes(folder: Path) -> Path:
    def change(config: dict[str, Any]) -> None:
        told = {"num_classes": 10**6, "name": "i"}
        metric = {"module": "keras.metrics", "class_name": "MeanIoU", "config": told}
        config["compile_config"]["metrics"] = [metric]

    return with_config(folder, change)


@hostile
def very_many_thresholds(folder: Path) -> Path:
    def change(config: dict[str, Any]) -> None:
        told = {"num_thresholds": 10**12, "name": "a"}
        metric = {"module": "keras.metrics", "class_name": "AUC", "config": told}
        config["compile_config"]["metrics"] = [metric]

    return with_config(folder, change)


@hostile
def a_tower_of_lists(folder: Path) -> Path:
    members = parts(folder)
    members["config.json"] = b'{"class_name": "Sequential", "config": ' + b"[" * 10**5
    members["config.json"] += b"]" * 10**5 + b"}"
    return zipped(folder / "m.keras", members)


# What HDF5 would fetch from elsewhere, or unpack.


@hostile
def a_soft_link(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.SoftLink("/layers/dense_1/vars/0")

    return with_weights(folder, change)


@hostile
def a_link_to_another_file(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")

    return with_weights(folder, change)


@hostile
def a_group_inside_itself(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        file["layers/dense/vars/again"] = file["layers"]

    return with_weights(folder, change)


@hostile
def an_array_in_another_file(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        source = [("/etc/hostname", 0, 48)]
        file.create_dataset("layers/dense/vars/0", (3, 2), "f8", external=source)

    return with_weights(folder, change)


@hostile
def a_virtual_array(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        layout = h5py.VirtualLayout((3, 2), "f8")
        layout[...] = h5py.VirtualSource("/etc/hostname", "x", (3, 2))
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    return with_weights(folder, change)


@hostile
def a_compressed_array(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        zeros = np.zeros((2000, 2000))
        file.create_dataset("layers/dense/vars/0", data=zeros, compression="gzip")

    return with_weights(folder, change)


@hostile
def an_array_that_was_never_written(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        file.create_dataset("layers/dense/vars/0", (2**40,), "f8")

    return with_weights(folder, change)


@hostile
def texts_instead_of_numbers(folder: Path) -> Path:
    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = ["text"] * 6

    return with_weights(folder, change)


# What an archive may hold.


@hostile
def a_compressed_member(folder: Path) -> Path:
    members = parts(folder)
    members["assets/zeros"] = bytes(10**7)
    return zipped(folder / "m.keras", members, zipfile.ZIP_DEFLATED)


@hostile
def members_that_overlap(folder: Path) -> Path:
    """Two entries of the directory for the same bytes."""
    path = zipped(folder / "m.keras", {"a": bytes(1000), "b": bytes(1000)})
    content = bytearray(path.read_bytes())
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = struct.pack("<I", 0)  # where its content begins
    content[second + 46 : second + 47] = b"c"
    for place in range(20):
        content += bytes(place)
    path.write_bytes(content)
    return path


@hostile
def a_name_that_leads_elsewhere(folder: Path) -> Path:
    return zipped(folder / "m.keras", {**parts(folder), "../outside": b"x"})


@hostile
def an_absolute_name(folder: Path) -> Path:
    return zipped(folder / "m.keras", {**parts(folder), "/tmp/outside": b"x"})


@hostile
def a_link_in_the_archive(folder: Path) -> Path:
    members = parts(folder)
    weights = members.pop("model.weights.h5")
    path = zipped(folder / "m.keras", members)
    info = zipfile.ZipInfo("model.weights.h5")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, weights)
    return path


@hostile
def pickled_objects(folder: Path) -> Path:
    arrays = {"x": np.array([{}], object)}
    np.savez(folder / "m.npz", allow_pickle=True, **arrays)
    return folder / "m.npz"


@hostile
def a_header_of_an_absurd_shape(folder: Path) -> Path:
    path = honest(folder / "m.npz")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    kernel = members["layers/dense/kernel.npy"]
    members["layers/dense/kernel.npy"] = kernel.replace(b"(3, 2)", b"(9**9)")
    assert members["layers/dense/kernel.npy"] != kernel
    return zipped(path, members)


@hostile
def a_configuration_of_another_checksum(folder: Path) -> Path:
    path = honest(folder / "m.npz")
    content = path.read_bytes()
    changed = content.replace("tanh".encode("utf-32-le"), "relu".encode("utf-32-le"))
    assert changed != content
    path.write_bytes(changed)
    return path


@hostile
def more_weights_than_layers(folder: Path) -> Path:
    path = honest(folder / "m.npz")
    arrays, about = npz.load(str(path), "model")
    npz.save(str(path), "model", {**arrays, "layers/dense_9/kernel": np.zeros(3)}, about)
    return path


@hostile
def half_a_file(folder: Path) -> Path:
    path = honest(folder / "m.keras")
    path.write_bytes(path.read_bytes()[:-1000])
    return path


# Weights only.


@hostile
def a_header_longer_than_the_file(folder: Path) -> Path:
    (folder / "w.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    return folder / "w.safetensors"


@hostile
def tensors_that_overlap(folder: Path) -> Path:
    entry = {"dtype": "F64", "shape": [8], "data_offsets": [0, 64]}
    header = json.dumps({f"layers/dense/{name}": entry for name in "ab"}).encode()
    path = folder / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    return path


@hostile
def a_link_in_a_file_of_weights(folder: Path) -> Path:
    path = folder / "w.weights.h5"
    path.write_bytes(parts(folder)["model.weights.h5"])
    with h5py.File(path, "r+") as file:
        file["layers/dense_9"] = h5py.ExternalLink("/etc/passwd", "/")
    return path
