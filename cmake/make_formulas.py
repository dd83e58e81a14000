"""Take the engine's formulas apart, for fastmlp.export to put them into C files.

``make_formulas.py OUTPUT`` writes a Python module with PIECES: each definition by its name, comment
included, with the names that it uses, in an order in which C can read them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

CSRC = Path(__file__).parent.parent / "csrc"
FILES = [
    "kernels/fma_integers.h",
    "kernels/scalar.h",
    "kernels.h",
    "kernels/simd.h",
    "kernels/math.h",
    "kernels/elementwise.h",
    "kernels/activations.h",
    "kernels/losses.h",
    "kernels/normalization.h",
    "kernels/prelu.h",
    "kernels/rows.h",
    "stages/categories.c",
    "kernels/scalar_layers.h",
]
# Definitions with what stands right above them, and the groups that hold their names.
PIECE = re.compile(
    r"(?:^/\*(?:(?!\*/).)*\*/\n)?"
    r"(?:^#define (?P<constant>\w+) [^\n]*[^\\\n]\n"
    r"|^typedef \w+ (?P<type>\w+);\n"
    r"|^typedef struct (?P<struct>\w+) \{\n.*?^\} \w+;\n"
    r"|^(?:INLINE|static inline|static) [\w *]*?(?P<function>\w+)\([^;{]*\)\n\{\n.*?^\}\n)",
    re.DOTALL | re.MULTILINE,
)
# What a model's steps call; all else that is kept is what these need.
ROOTS = re.compile(
    r"\w+_formula|layer_\w+|category_of|fma_by_integers"
    r"|kernel_(?:softmax|log_softmax|sparsemax|glu|prelu|normalize_rows|affine|standardize)"
)


def pieces() -> dict[str, tuple[str, list[str]]]:
    """Name -> (text, the names that it uses). Of two of a name, the scalar one and the vector one
    of simd.h, the first."""
    texts: dict[str, str] = {}
    for name in FILES:
        text = re.sub(r"^ *#pragma .*\n", "", (CSRC / name).read_text(), flags=re.MULTILINE)
        for match in PIECE.finditer(text):
            assert match.lastgroup is not None
            texts.setdefault(match[match.lastgroup], match[0])
    uses = {}
    for name, text in texts.items():
        words = re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL))
        uses[name] = sorted((set(words) & texts.keys()) - {name})
    kept: set[str] = set()
    further = {name for name in texts if ROOTS.fullmatch(name)}
    while further:
        kept |= further
        further = {used for name in further for used in uses[name]} - kept
    return {name: (texts[name], uses[name]) for name in texts if name in kept}


if __name__ == "__main__":
    lines = [f"    {name!r}: {piece!r},\n" for name, piece in pieces().items()]
    Path(sys.argv[1]).write_text(
        '"""Made by cmake/make_formulas.py from csrc/."""\n\nPIECES = {\n' + "".join(lines) + "}\n"
    )
