"""docs/keras-coverage.md says what the package does, and every gap has a reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from parity import coverage
from parity.reasons import REASONS
from test_parity_suite import needs_keras


def test_the_document_is_what_the_package_does() -> None:
    written = coverage.DOCUMENT.read_text(encoding="utf-8")
    assert written == coverage.document(), "run python tests/parity/coverage.py"


def test_every_missing_name_has_a_reason() -> None:
    _, found = coverage.surface()
    without = {
        f"{module}.{name}"
        for module, names in found.items()
        for name in names
        if coverage.has(module, name) is None and coverage.reason(module, name) is None
    }
    assert not without


def test_no_reason_is_left_over() -> None:
    """A pattern that matches no missing name was overtaken."""
    _, found = coverage.surface()
    for module, reasons in REASONS.items():
        missing = [name for name in found[module] if coverage.has(module, name) is None]
        for pattern in reasons:
            assert any(fnmatchcase(name, pattern) for name in missing), f"{module}: {pattern}"


@pytest.mark.peers
@needs_keras
def test_the_stored_surface_is_that_of_the_installed_keras(tmp_path: Path) -> None:
    script = Path(__file__).parent / "parity" / "surface.py"
    code = (
        f"import runpy, sys, pathlib; m = runpy.run_path({str(script)!r}); "
        "import json; print(json.dumps(m['surface']()))"
    )
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert json.loads(done.stdout.splitlines()[-1]) == coverage.surface()[1]
