"""What the extension exports, what a kernel object needs, and rules that the C source keeps."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from kernels.header import CSRC, KERNELS
from processes import c_compiler

from fastmlp import _core

ROOT = CSRC.parent
SOURCES = sorted([*CSRC.rglob("*.c"), *CSRC.rglob("*.h")])
# All that a kernel may call: what compilers make of copies and clears, C99's math, asserts.
CALLS = {"memcpy", "memset", "sqrt", "__assert_fail"}


def code(path: Path) -> str:
    """A C file without comments and string literals."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    return re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)


def nm(*arguments: str) -> list[list[str]]:
    """The columns that ``nm`` prints."""
    if shutil.which("nm") is None:
        pytest.skip("needs nm")
    printed = subprocess.run(["nm", *arguments], capture_output=True, text=True, check=True).stdout
    return [line.split() for line in printed.splitlines()]


@pytest.mark.skipif("fsanitize" in _core.build_info()["flags"], reason="sanitizers export theirs")
def test_the_extension_exports_its_entry_and_the_thread_count() -> None:
    """The two functions are there for threadpoolctl to know the library by."""
    exported = {columns[-1] for columns in nm("-D", "--defined-only", _core.__file__)}
    assert exported == {"PyInit__core", "fm_get_num_threads", "fm_set_num_threads"}


def test_a_kernel_object_exports_its_table_and_calls_next_to_nothing(tmp_path: Path) -> None:
    table = tmp_path / "table.o"
    options = ["-std=c11", "-O1", "-ffp-contract=off", "-fno-math-errno"]
    options += ["-DFM_ISA=baseline", "-DFM_ISA_baseline"]
    subprocess.run(
        [c_compiler(), *options, "-c", "-o", str(table), str(CSRC / "kernels" / "table.c")],
        check=True,
        capture_output=True,
    )
    globals_ = {columns[-1] for columns in nm("--defined-only", "--extern-only", str(table))}
    assert globals_ == {"fm_kernels_baseline"}
    needed = {columns[-1] for columns in nm("--undefined-only", str(table))}
    assert needed <= CALLS | {"_GLOBAL_OFFSET_TABLE_"}
    local = {columns[-1].split(".")[0] for columns in nm("--defined-only", str(table))}
    assert local >= {f"kernel_{name}" for name in KERNELS}


def test_intrinsics_are_in_one_place() -> None:
    """simd.h is the vocabulary; team.c has the control word and the pause of a spin."""
    intrinsic = re.compile(r"\b_mm\w*|\bv\w+q_[fsu]\d+|\b__m\d+\w?|\b\w+intrin\.h|\barm_neon\.h")
    users = {path.name for path in SOURCES if intrinsic.search(path.read_text())}
    assert users == {"simd.h", "team.c"}
    assert set(intrinsic.findall(code(CSRC / "team.c"))) == {
        "_mm_pause",
        "_mm_getcsr",
        "_mm_setcsr",
        "xmmintrin.h",
    }


def test_the_system_is_asked_in_one_place() -> None:
    """What is not C11's own comes from system.h, whose two parts know POSIX and Windows."""
    own = {"assert", "fenv", "math", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib"}
    own |= {"string", "xmmintrin", "emmintrin", "immintrin", "arm_neon"}
    users = {
        path.name
        for path in SOURCES
        if set(re.findall(r"#\s*include\s*<([\w/]+)\.h>", code(path))) - own
    }
    assert users == {"system.h", "system_posix.c", "system_windows.c"}
    foreign = re.compile(r"\b(?:pthread_|posix_|aligned_alloc)|_WIN32")
    askers = {path.name for path in SOURCES if foreign.search(code(path))}
    assert askers - users == {"fastmlp.h"}  # what a shared library exports is said differently


def test_the_library_neither_prints_nor_exits() -> None:
    forbidden = re.compile(
        r"\b(?:v?f?printf|puts|fputs|putchar|perror|exit|_exit|abort|quick_exit|raise)\s*\("
    )
    assert len(SOURCES) > 15
    for path in SOURCES:
        assert not forbidden.findall(code(path)), path.name


def test_the_compiler_is_given_no_licence() -> None:
    """No flag that lets it change a result, or that ties the build to this CPU; and the one
    that keeps it from fusing on its own."""
    text = re.sub(r"#.*", "", (ROOT / "CMakeLists.txt").read_text())
    forbidden = r"-march=|-mtune=|-ffast-math|-Ofast|-funsafe|-fassociative|-ffinite|-freciprocal"
    assert not re.findall(forbidden, text)
    assert "-ffp-contract=off" in text
    for path in SOURCES:
        pragmas = re.findall(r"#pragma\s+(?:STDC|GCC\s+optimize|GCC\s+target).*", code(path))
        assert not pragmas, path.name


def test_every_c_file_states_its_licence() -> None:
    for path in SOURCES:
        assert path.read_text().startswith("/* SPDX-License-Identifier: Apache-2.0"), path.name
