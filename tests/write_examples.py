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

HEAD = """# Examples

Twelve scripts to begin from, with what they print. Each runs as it stands,
`python examples/resume.py`; the tests run them all and compare. Written by
`python tests/write_examples.py`.
"""


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
    docstring = ast.get_docstring(ast.parse(text)) or ""
    code = text[text.index('"""', 3) + 3 :].strip()
    return (
        f"\n## [{script.stem}](../examples/{script.name})\n\n{docstring}\n\n"
        f"```python\n{code}\n```\n\n```text\n{output.rstrip()}\n```\n"
    )


if __name__ == "__main__":
    sections = [section(script, output_of(script)) for script in SCRIPTS]
    DOCUMENT.write_text(HEAD + "".join(sections), encoding="utf-8")
