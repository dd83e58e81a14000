"""The README's Python runs, in order, and prints what the README says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from run_notebook import run_cell, without_times

README = Path(__file__).parent.parent / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def python_blocks() -> list[tuple[str, str]]:
    """Each ```python block and the text of the ```text block after it ("" if there is none)."""
    blocks = BLOCK.findall(README.read_text(encoding="utf-8"))
    return [
        (source, following[1] if following[0] == "text" else "")
        for (kind, source), following in zip(blocks, [*blocks[1:], ("", "")], strict=True)
        if kind == "python"
    ]


@pytest.mark.slow
def test_python_blocks_print_what_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the blocks write their files
    names: dict[str, Any] = {}
    blocks = python_blocks()
    assert len(blocks) >= 2
    for source, expected in blocks:
        printed, _ = run_cell(source, names)
        assert without_times(printed) == without_times(expected), source
