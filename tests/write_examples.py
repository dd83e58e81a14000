"""Write docs/examples.md: each script of examples/ with what it prints.

    python tests/write_examples.py

Results do not depend on the CPU, so a test compares the output with the document.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "examples.md"
SCRIPTS = sorted((ROOT / "examples").glob("*.py"))


def docstring_of(script: Path) -> str:
    return ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""


HEAD = """# Examples

Twelve scripts to begin from, with what they print. Each runs as it stands,
`python examples/resume.py`; the tests run them all and compare. Written by
`python tests/write_examples.py`.

| | |
| --- | --- |
""" + "".join(
    f"| [{script.stem}](#{script.stem}) | {' '.join(docstring_of(script).split())} |\n"
    for script in SCRIPTS
)


def output_of(script: Path) -> str:
    """What the script prints."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FASTMLP_", "OMP_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError(f"{script.name} failed:\n{done.stderr}")
    return done.stdout


def section(script: Path, output: str) -> str:
    """The script's part of the document."""
    text = script.read_text(encoding="utf-8")
    code = text[text.index('"""', 3) + 3 :].strip()
    return (
        f"\n## [{script.stem}](../examples/{script.name})\n\n{docstring_of(script)}\n\n"
        f"```python\n{code}\n```\n\n```text\n{output.rstrip()}\n```\n"
    )


if __name__ == "__main__":
    sections = [section(script, output_of(script)) for script in SCRIPTS]
    DOCUMENT.write_text(HEAD + "".join(sections), encoding="utf-8")
