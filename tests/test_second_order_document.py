"""docs/second-order.md prints what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from run_notebook import run_cell

DOCUMENT = Path(__file__).parent.parent / "docs" / "second-order.md"


def test_the_document_prints_what_it_says() -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert len(blocks) == 4
    names: dict[str, Any] = {}
    for script, expected in blocks:
        assert run_cell(script, names)[0] == expected
