"""The bundled MNIST, and readers that believe no file."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from idx_files import idx_bytes, write_idx_folder

from fastmlp.datasets import mnist
from fastmlp.datasets.idx import read_idx
from fastmlp.datasets.npz import read_npz

BUNDLED = Path(mnist.__file__).parent / "data" / "mnist"
# Of the four files as Yann LeCun published them.
SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971"
    ),
    "train-labels-idx1-ubyte.gz": (
        "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b"
    ),
}
IMAGES = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)


def test_bundled_files_are_the_published_ones() -> None:
    for name, digest in SHA256.items():
        assert hashlib.sha256((BUNDLED / name).read_bytes()).hexdigest() == digest, name


def test_bundled_mnist() -> None:
    start = time.perf_counter()
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    seconds = time.perf_counter() - start
    assert x_train.shape == (60000, 28, 28)
    assert x_test.shape == (10000, 28, 28)
    assert y_train.shape == (60000,)
    assert y_test.shape == (10000,)
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    # The mean grey value of the training set, known to everyone who normalises by 0.1307.
    assert x_train.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    x_train[0, 0, 0] = 1  # arrays belong to the caller, as with Keras
    # 0.2 s on two cores that do nothing else; the margin is for a machine that is shared.
    assert seconds < 2.0


@pytest.mark.parametrize("compress", [False, True])
def test_folder_of_idx_files(tmp_path: Path, compress: bool) -> None:
    arrays = write_idx_folder(tmp_path, compress)
    (x_train, y_train), (x_test, y_test) = mnist.load_data(tmp_path)
    for got, name in zip(
        (x_train, y_train, x_test, y_test),
        (
            "train-images-idx3-ubyte",
            "train-labels-idx1-ubyte",
            "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte",
        ),
        strict=True,
    ):
        np.testing.assert_array_equal(got, arrays[name])


def test_folder_with_dots_in_names(tmp_path: Path) -> None:
    write_idx_folder(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(tmp_path / path.name.replace("-idx", ".idx"))
    assert mnist.load_data(str(tmp_path))[0][0].shape == (6, 4, 3)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path: Path, save) -> None:
    path = tmp_path / "mnist.npz"
    x, y = np.zeros((3, 28, 28), np.uint8), np.arange(3, dtype=np.uint8)
    save(path, x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    (x_train, y_train), (x_test, y_test) = mnist.load_data(path)
    np.testing.assert_array_equal(x_train, x)
    np.testing.assert_array_equal(y_train, y)
    assert x_test.shape == (2, 28, 28)
    assert y_test.shape == (2,)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"path=.*nowhere.*does not exist"):
        mnist.load_data(tmp_path / "nowhere")
    write_idx_folder(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"t10k-labels-idx1-ubyte or .*\.gz.*path="):
        mnist.load_data(tmp_path)
    with pytest.raises(TypeError, match=r"path must be.*Received: path=3"):
        mnist.load_data(3)  # type: ignore[arg-type]


def test_as_many_labels_as_images(tmp_path: Path) -> None:
    write_idx_folder(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(5, np.uint8)))
    with pytest.raises(ValueError, match=r"train-images.*train-labels.*6 images, 5 labels"):
        mnist.load_data(tmp_path)


BROKEN_IDX = {
    "empty": (b"", "Received: no bytes"),
    "text": (b"hello, world", "Received: 68 65 6c 6c"),
    "int32 elements": (b"\0\0\x0c\x03" + bytes(12), "unsigned bytes.*Received: 00 00 0c 03"),
    "labels for images": (idx_bytes(np.zeros(3, np.uint8)), "3 dimensions.*Received: 00 00 08 01"),
    "no dimensions": (b"\0\0\x08\x03\0\0", "header ends early: 12 bytes.*Received: 2"),
    "too short": (idx_bytes(IMAGES)[:-1], r"more than the file can hold|needs 30 .*Received: 29"),
    "too long": (idx_bytes(IMAGES) + b"\0", "longer than its header says"),
    "4 billion cubed": (b"\0\0\x08\x03" + b"\xff" * 12 + bytes(20), "needs 7922816.*at most 36"),
    "little-endian": (b"\0\0\x08\x03" + struct.pack("<3I", 2, 3, 5) + bytes(30), "needs .* bytes"),
}


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("case", BROKEN_IDX)
def test_broken_idx_files_are_named_errors(tmp_path: Path, case: str, compress: bool) -> None:
    content, message = BROKEN_IDX[case]
    path = tmp_path / "broken-images"
    path.write_bytes(gzip.compress(content) if compress else content)
    # A compressed file's limit differs, so its numbers do too.
    with pytest.raises(ValueError, match="broken-images" if compress else message) as caught:
        read_idx(path, dimensions=3)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_truncation_at_every_byte(tmp_path: Path, compress: bool) -> None:
    content = gzip.compress(idx_bytes(IMAGES)) if compress else idx_bytes(IMAGES)
    path = tmp_path / "images"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="images"):
            read_idx(path, dimensions=3)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_idx(path, dimensions=3), IMAGES)


def test_every_flipped_bit_of_a_gzip_file_is_harmless(tmp_path: Path) -> None:
    """Gzip's checksum catches what the elements' bits cannot show; a flip in an unused header
    field (time, system) may leave the data whole, and then they are exactly the data."""
    content = bytearray(gzip.compress(idx_bytes(IMAGES)))
    path = tmp_path / "images"
    refused = 0
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        content[bit // 8] ^= 1 << bit % 8
        try:
            np.testing.assert_array_equal(read_idx(path, dimensions=3), IMAGES)
        except ValueError:
            refused += 1
    # All but the header's ten bytes after the magic number and method is covered by checks.
    assert refused >= 8 * (len(content) - 8)


def test_a_promise_no_file_can_keep_allocates_nothing(tmp_path: Path) -> None:
    """A 100-byte file that claims 4 GiB is refused before the array is made."""
    header = b"\0\0\x08\x01" + struct.pack(">I", 2**32 - 1)
    path = tmp_path / "bomb"
    path.write_bytes(gzip.compress(header + bytes(64)))
    with pytest.raises(ValueError, match="needs 4294967295 bytes, more than the file can hold"):
        read_idx(path, dimensions=1)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=64),
        st.binary(max_size=48).map(lambda tail: b"\0\0\x08\x01" + tail),
        st.binary(max_size=48).map(lambda tail: b"\x1f\x8b\x08" + tail),
    ),
    st.integers(1, 3),
)
def test_any_bytes_are_an_array_or_a_value_error(tmp_path_factory, content, dimensions) -> None:
    path = tmp_path_factory.getbasetemp() / "any-bytes"
    path.write_bytes(content)
    try:
        array = read_idx(path, dimensions)
    except ValueError as caught:
        error = str(caught)
    else:
        assert idx_bytes(array) == content  # what was accepted writes back as it was
        return
    assert "any-bytes" in error


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def _npz_with_member(content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("y.npy", content)
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


LABELS = np.arange(5, dtype=np.uint8)
BROKEN_NPZ = {
    "not a zip": (b"hello", "not a whole .npz file"),
    "missing array": (_npz(x=LABELS), r"y is missing. Received: \['x.npy'\]"),
    "float": (_npz(y=np.zeros(5)), r"y: a uint8 array of 1 dimensions.*dtype=float64"),
    "pickled": (_npz(y=np.array([{}], object)), "y: a uint8 array.*dtype=object"),
    "two dimensions": (_npz(y=np.zeros((2, 2), np.uint8)), r"Received: shape=\(2, 2\)"),
    "not npy": (_npz_with_member(b"hello, world"), "y: .*magic string is not correct"),
    "too short": (_npz_with_member(_npy(LABELS)[:-1]), "y: "),
    "too long": (_npz_with_member(_npy(LABELS) + b"\0"), "y: it is longer than its header"),
    "bomb": (
        _npz_with_member(_npy(LABELS).replace(b"(5,), }" + b" " * 12, b"(8000000000000,), }")),
        r"y: the file can hold at most \d+ bytes of it. Received: shape=\(8000000000000,\)",
    ),
    "bzip2": (_npz_with_member(_npy(LABELS), zipfile.ZIP_BZIP2), "Received: compression 12"),
    "version 9": (_npz_with_member(b"\x93NUMPY\x09\x00" + bytes(90)), "version"),
}


@pytest.mark.parametrize("case", BROKEN_NPZ)
def test_broken_npz_files_are_named_errors(tmp_path: Path, case: str) -> None:
    content, message = BROKEN_NPZ[case]
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_npz(path, {"y": 1})
    assert str(path) in str(caught.value)


def test_npz_truncated_or_flipped_anywhere(tmp_path: Path) -> None:
    content = bytearray(_npz(y=LABELS))
    path = tmp_path / "labels.npz"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"labels\.npz"):
            read_npz(path, {"y": 1})
    for bit in range(8 * len(content)):
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        content[bit // 8] ^= 1 << bit % 8
        # A flip in a field nobody uses leaves the data whole.
        with contextlib.suppress(ValueError):
            np.testing.assert_array_equal(read_npz(path, {"y": 1})[0], LABELS)
