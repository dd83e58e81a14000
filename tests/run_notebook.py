"""Run a notebook's code cells in order, in plain Python, and keep what they show.

    python tests/run_notebook.py docs/quickstart.ipynb

writes the outputs into the notebook. Jupyter is not needed, and there is no terminal, so that
training prints a line per epoch and no moving bar.
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch


def load(path: Path) -> dict[str, Any]:
    """The notebook, nbformat 4."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run_cell(source: str, names: dict[str, Any]) -> tuple[str, str]:
    """What a cell prints, and the repr of its last expression ("" if there is none)."""
    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    printed = io.StringIO()
    value = None
    # Tables are as wide as the terminal, which must not show in what is stored.
    with redirect_stdout(printed), patch.dict(os.environ, COLUMNS="80"):
        exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    return printed.getvalue(), "" if value is None else repr(value)


def without_times(text: str) -> str:
    """The text with the seconds and the times of steps, which differ from run to run, as N."""
    return re.sub(r"\b\d+s\b", "Ns", re.sub(r"\b\d+[um]?s/step\b", "N/step", text))


def execute(notebook: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The outputs of every code cell, in nbformat 4, all run in one namespace."""
    names: dict[str, Any] = {"__name__": "__main__"}
    outputs = []
    for count, cell in enumerate(code_cells(notebook), 1):
        printed, value = run_cell("".join(cell["source"]), names)
        shown: list[dict[str, Any]] = []
        if printed:
            text = printed.splitlines(keepends=True)
            shown.append({"output_type": "stream", "name": "stdout", "text": text})
        if value:
            data = {"text/plain": value.splitlines(keepends=True)}
            result = {"output_type": "execute_result", "execution_count": count}
            shown.append(result | {"data": data, "metadata": {}})
        outputs.append(shown)
    return outputs


def main(path: Path) -> None:
    """Execute the notebook and write its outputs into it."""
    notebook = load(path)
    for count, (cell, shown) in enumerate(
        zip(code_cells(notebook), execute(notebook), strict=True), 1
    ):
        cell["execution_count"], cell["outputs"] = count, shown
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
