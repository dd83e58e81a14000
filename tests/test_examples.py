"""The gallery: each script runs, warns of nothing, and prints what docs/examples.md shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from write_examples import DOCUMENT, HEAD, SCRIPTS, output_of, section

SLOW = {"mnist_best"}


def test_the_document_holds_every_script_and_no_other() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.startswith(HEAD)
    shown = [line for line in text.splitlines() if line.startswith("## [")]
    assert shown == [f"## [{s.stem}](../examples/{s.name})" for s in SCRIPTS]
    assert len(SCRIPTS) == 12


@pytest.mark.parametrize(
    "script",
    [pytest.param(s, marks=[pytest.mark.slow] * (s.stem in SLOW), id=s.stem) for s in SCRIPTS],
)
def test_prints_what_the_document_shows(script: Path) -> None:
    assert section(script, output_of(script)) in DOCUMENT.read_text(encoding="utf-8")
