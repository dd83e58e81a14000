"""Export many random models as C and run each file's test of itself, with every compiler here, at
-O0 and -O3, under the address and undefined-behaviour sanitizers.

``python tests/export_many.py [--models 1000] [--first 0] [--options ...]`` prints a line for each
file of 25 models, and fails if an output of one is not that of ``predict`` to the bit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from test_export_c import SANITIZED, c_source, compilers, run, sanitizes

IN_A_FILE = 25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=1000, help="how many (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    options = parser.parse_args()
    end = options.first + options.models
    with tempfile.TemporaryDirectory() as folder:
        for first in range(options.first, end, IN_A_FILE):
            seeds = range(first, min(first + IN_A_FILE, end))
            source = Path(folder) / "many.c"
            source.write_text(c_source(seeds, []))
            for compiler in compilers():
                sanitized = SANITIZED if sanitizes(compiler) else []
                for level in ("-O0", "-O3"):
                    run(source, compiler, level, *sanitized)
            print(f"models {first} to {seeds[-1]}: the bits of predict", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
