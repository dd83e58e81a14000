"""What is published: a source distribution whose bytes are a function of the sources."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# All that a source distribution is made from; a checkout has more.
SOURCES = ["CMakeLists.txt", "LICENSE", "README.md", "pyproject.toml", ".gitignore", "csrc", "src"]


def build(folder: Path, age: int) -> Path:
    """The source distribution of a copy of the sources, written by somebody else, at another
    time."""
    pytest.importorskip("scikit_build_core")
    compiled = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "data")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=compiled)
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    for path in folder.rglob("*"):
        os.utime(path, (1e9 + age, 1e9 + age))
        path.chmod(path.stat().st_mode & (0o755 if age else 0o700))
    script = "import scikit_build_core.build as b; b.build_sdist('dist')"
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, capture_output=True)
    (made,) = (folder / "dist").iterdir()
    return made


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = build(tmp_path / "first", 0), build(tmp_path / "second", 12345)
    assert first.name == second.name
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)]
    assert digests[0] == digests[1]
    with tarfile.open(first) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {"csrc/fastmlp.h", "csrc/system_windows.c", "src/fastmlp/_core.pyx", "LICENSE"}
    assert not [name for name in names if name.endswith((".so", ".pyd", ".o"))]
