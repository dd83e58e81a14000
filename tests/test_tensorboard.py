"""Event files for TensorBoard, read by a reader of the tests' own."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_model import X, Y, make_model

from fastmlp import callbacks
from fastmlp.callbacks.events import EventWriter, crc32c


def unmasked(data: bytes) -> int:
    rotated = struct.unpack("<I", data)[0] - 0xA282EAD8 & 0xFFFFFFFF
    return rotated >> 17 | (rotated << 15 & 0xFFFFFFFF)


def records(path: Path) -> list[bytes]:
    """The data of every record, its checksums compared."""
    content, found = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        assert unmasked(content[8:12]) == crc32c(content[:8])
        found.append(content[12 : 12 + length])
        assert unmasked(content[12 + length : 16 + length]) == crc32c(found[-1])
        content = content[16 + length :]
    return found


def varint(data: bytes) -> tuple[int, bytes]:
    value = shift = 0
    while True:
        value |= (data[0] & 0x7F) << shift
        shift, more, data = shift + 7, data[0] & 0x80, data[1:]
        if not more:
            return value, data


def fields(data: bytes) -> dict[int, Any]:
    """Field number to value of a protocol buffer."""
    found: dict[int, Any] = {}
    while data:
        key, data = varint(data)
        kind = key & 7
        if kind == 0:
            value, data = varint(data)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, data = varint(data)
            value, data = data[:size], data[size:]
        found[key >> 3] = value
    return found


def events(folder: Path) -> list[tuple[str, int, dict[int, Any]]]:
    """(tag, step, summary value) of the one event file in a folder."""
    (path,) = folder.iterdir()
    assert path.name.startswith("events.out.tfevents.")
    first, *rest = (fields(record) for record in records(path))
    assert first[3] == b"brain.Event:2"
    found = []
    for event in rest:
        value = fields(fields(event[5])[1])
        found.append((value[1].decode(), event[2], value))
    return found


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for tag, step, value in events(folder):
        if 2 in value:
            found.setdefault(tag, []).append((step, struct.unpack("<f", value[2])[0]))
    return found


def test_the_checksum_s_known_answers():
    """RFC 3720, B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_epochs_are_written(tmp_path, engine):
    model = make_model(engine, metrics=["accuracy"])
    hook = callbacks.TensorBoard(tmp_path, write_steps_per_second=True)
    assert not callbacks.CallbackList([hook]).wants("on_train_batch_begin", "on_train_batch_end")
    history = model.fit(
        X, Y, epochs=3, batch_size=25, validation_split=0.5, callbacks=[hook], verbose=0
    ).history
    train, validation = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    for name in ("loss", "accuracy"):
        for written, key in ((train, name), (validation, f"val_{name}")):
            expected = [(i, float(np.float32(v))) for i, v in enumerate(history[key])]
            assert written[f"epoch_{name}"] == expected
        steps = [step for step, _ in validation[f"evaluation_{name}_vs_iterations"]]
        assert steps == [1, 2, 3]
    rate = float(np.float32(0.01))
    assert train["epoch_learning_rate"] == [(0, rate), (1, rate), (2, rate)]
    assert all(value > 0 for _, value in train["epoch_steps_per_second"])
    assert len(train) == 4


@pytest.mark.parametrize(("update_freq", "steps"), [("batch", [1, 2, 3, 4]), (3, [3])])
def test_batches_are_written(update_freq, steps, tmp_path):
    hook = callbacks.TensorBoard(tmp_path, update_freq=update_freq, write_steps_per_second=True)
    make_model("reference").fit(X, Y, epochs=2, batch_size=25, callbacks=[hook], verbose=0)
    train = scalars(tmp_path / "train")
    assert [step for step, _ in train["batch_loss"]] == steps
    assert [step for step, _ in train["batch_steps_per_second"]] == steps


def test_weights_are_written_as_histograms(tmp_path):
    model = make_model("reference")
    hook = callbacks.TensorBoard(tmp_path, histogram_freq=2)
    model.fit(X, Y, epochs=3, callbacks=[hook], verbose=0)
    found = [event for event in events(tmp_path / "train") if 5 in event[2]]
    tags = [f"{weight.path}/histogram" for weight in model.weights]
    assert [(tag, step) for tag, step, _ in found] == [(t, s) for s in (0, 2) for t in tags]
    kernel = model.get_weights()[0]
    proto = fields(found[4][2][5])
    low, high, number, total, squares = (struct.unpack("<d", proto[i])[0] for i in range(1, 6))
    assert (low, high, number) == (kernel.min(), kernel.max(), kernel.size)
    np.testing.assert_allclose([total, squares], [kernel.sum(), np.square(kernel).sum()])
    limits, counts = (np.frombuffer(proto[i], "<f8") for i in (6, 7))
    assert counts.sum() == kernel.size
    for limit, below in zip(limits[:-1], np.cumsum(counts), strict=False):
        assert (kernel < limit).sum() == below


def test_numbers_that_float32_cannot_hold(tmp_path):
    writer = EventWriter(str(tmp_path))
    for step, value in enumerate([1e300, -1e300, np.nan, 1e-300]):
        writer.scalar("x", value, step << 40)
    writer.histogram("nothing", [np.nan, np.inf], 0)
    writer.close()
    values = scalars(tmp_path)["x"]
    assert [step for step, _ in values] == [0, 1 << 40, 2 << 40, 3 << 40]
    assert [str(value) for _, value in values] == ["inf", "-inf", "nan", "0.0"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"write_images": True}, "write_images must be False"),
        ({"profile_batch": 2}, "profile_batch must be 0"),
        ({"embeddings_freq": 1}, "embeddings_freq must be 0"),
        ({"embeddings_metadata": {}}, "embeddings_metadata must be None"),
        ({"histogram_freq": -1}, "histogram_freq must be an integer"),
        ({"update_freq": 0}, "update_freq, if not 'epoch' or 'batch', must be an integer"),
        ({"update_freq": "step"}, "update_freq, if not"),
        ({"write_graph": "yes"}, "write_graph must be True or False"),
    ],
)
def test_what_is_not_supported_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        callbacks.TensorBoard("logs", **options)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    hook = callbacks.TensorBoard(tmp_path / "file")
    with pytest.raises(OSError, match="file"):
        make_model("reference").fit(X, Y, callbacks=[hook], verbose=0)
