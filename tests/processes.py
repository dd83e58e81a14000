"""Scripts in fresh processes, and small C libraries for tests to look at the engine through."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def run_script(script: str, environment: dict[str, str] | None = None, timeout: float = 120) -> str:
    """What a Python script prints, in an environment without this project's variables. It can
    import the tests' modules. Fails if the script does, or takes longer than ``timeout`` s."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("FASTMLP_", "OMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{script}"],
        env=inherited | (environment or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr}"
    return done.stdout.strip()


def c_compiler() -> str:
    """The C compiler's name; skips the test where there is none."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        if name and shutil.which(name):
            return name
    pytest.skip("needs a C compiler")


def shared_library(source: str, folder: Path) -> Path:
    """C source compiled to a shared library in ``folder``."""
    code, library = folder / "library.c", folder / "library.so"
    code.write_text(source)
    command = [c_compiler(), "-O1", "-shared", "-fPIC", "-o", str(library), str(code)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return library
