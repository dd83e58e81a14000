"""docs/quickstart.ipynb runs, and shows what it says it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import run_notebook

PATH = Path(__file__).parent.parent / "docs" / "quickstart.ipynb"


def text(outputs: list[dict[str, Any]]) -> str:
    """Everything a cell shows, without its times."""
    shown = "".join(
        "".join(output["text"] if "text" in output else output["data"]["text/plain"])
        for output in outputs
    )
    return run_notebook.without_times(shown)


def test_notebook_is_whole() -> None:
    stored = run_notebook.load(PATH)
    assert (stored["nbformat"], stored["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in stored["cells"]}) == len(stored["cells"])
    for count, cell in enumerate(run_notebook.code_cells(stored), 1):
        assert cell["execution_count"] == count, "run tests/run_notebook.py docs/quickstart.ipynb"


@pytest.mark.slow
def test_notebook_shows_what_it_says() -> None:
    """To the last digit: with a seed, training gives the same bits on every machine."""
    stored = run_notebook.load(PATH)
    cells = run_notebook.code_cells(stored)
    for cell, outputs in zip(cells, run_notebook.execute(stored), strict=True):
        assert text(outputs) == text(cell["outputs"]), "".join(cell["source"])
    shown = "".join(text(cell["outputs"]) for cell in cells)
    accuracy = float(re.findall(r"313/313 - Ns - N/step - loss: \S+ - accuracy: (\S+)", shown)[0])
    assert accuracy > 0.975
