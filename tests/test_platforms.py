"""What other systems lack, refuse or do differently, acted on this one.

That src calls nothing that only POSIX has is what ``mypy --platform win32`` says in CI.
"""

from __future__ import annotations

import ast
import os
import sys
import sysconfig
from pathlib import Path

import pytest
from processes import run_script
from small_model import X, Y, make_model

import fastmlp
from fastmlp.saving import files

PACKAGE = Path(fastmlp.__file__).parent

# Not on Windows, by typeshed's conditions, as far as a library may think of calling it.
WITHOUT_POSIX = """
import os, sys
import numpy, tqdm
for name in ("chown", "fchmod", "fork", "forkpty", "getloadavg", "getuid", "killpg",
             "mkfifo", "nice", "posix_fadvise", "pread", "pwrite", "register_at_fork",
             "sched_getaffinity", "statvfs", "sync", "sysconf", "uname", "O_CLOEXEC",
             "O_DIRECTORY", "O_NOFOLLOW", "SEEK_DATA"):
    if hasattr(os, name):
        delattr(os, name)
for module in ("fcntl", "grp", "posix", "pty", "pwd", "resource", "termios"):
    sys.modules[module] = None
"""


def test_everything_but_forks_works_without_posix(tmp_path: Path) -> None:
    """Training, files, checkpoints, events and the command line; weights are the same bits."""
    script = """
import os, sys
import numpy as np
import fastmlp
from fastmlp import callbacks, cli
from small_model import X, Y, make_model
os.chdir(os.environ["FOLDER"])
model = make_model("native")
model.fit(X, Y, epochs=2, verbose=0, callbacks=[
    callbacks.ModelCheckpoint("{epoch}.weights.npz", save_weights_only=True),
    callbacks.BackupAndRestore("backup"), callbacks.CSVLogger("log.csv"),
    callbacks.TensorBoard("events")])
other = make_model("native")
other.load_weights("2.weights.npz")
assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights()))
assert cli.main(["info"]) == 0
print(sum(float(w.sum()) for w in model.get_weights()).hex())
"""
    printed = [
        run_script(before + script, {"FOLDER": str(folder)}).splitlines()[-1]
        for before, folder in (("", tmp_path), (WITHOUT_POSIX, tmp_path))
    ]
    assert printed[0] == printed[1]


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="has the lock always")
def test_the_import_leaves_a_free_threaded_python_without_its_lock() -> None:
    assert run_script("import sys, fastmlp; print(sys._is_gil_enabled())") == "False"


def test_text_is_written_in_an_encoding_that_is_named() -> None:
    """Windows' own may lack the letters of a layer's name."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id == "open":
                modes = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant)]
                binary = bool(modes) and "b" in str(modes[0])
                named = any(keyword.arg == "encoding" for keyword in node.keywords)
                assert binary or named, f"{path.name}:{node.lineno}"


class Refusals:
    """``os.replace`` as of a system that refuses so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left, self.replace = times, os.replace
        monkeypatch.setattr(os, "replace", self)
        monkeypatch.setattr(files, "_WAITS", (0.0, 0.0))

    def __call__(self, path: str, target: str) -> None:
        if self.left > 0:
            self.left -= 1
            raise PermissionError(13, "The process cannot access the file")
        self.replace(path, target)


def test_a_file_that_a_scanner_holds_for_a_moment_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "weights"
    target.write_bytes(b"old")
    Refusals(monkeypatch, 2)
    files.replace_file(str(target), lambda file: file.write(b"new"))
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["weights"]


def test_a_file_that_somebody_keeps_open_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "weights"
    target.write_bytes(b"old")
    Refusals(monkeypatch, 3)
    with pytest.raises(OSError, match="cannot access the file; the file there is as it was"):
        files.replace_file(str(target), lambda file: file.write(b"new"))
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["weights"]


def test_no_folder_is_opened_where_none_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    real_open = os.open

    def spy(path: str, *arguments: int) -> int:
        assert not os.path.isdir(path), "Windows has no descriptors of folders"
        opened.append(path)
        return real_open(path, *arguments)

    monkeypatch.setattr(os, "open", spy)
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        files.replace_file(str(tmp_path / "weights"), lambda file: file.write(b"new"))
    assert len(opened) == 1
    assert (tmp_path / "weights").read_bytes() == b"new"


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_program_without_a_console_trains(
    verbose: str | int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There sys.stdout is None."""
    model = make_model("native")
    monkeypatch.setattr(sys, "stdout", None)
    history = model.fit(X, Y, epochs=2, verbose=verbose)
    model.summary()
    assert len(history.history["loss"]) == 2
