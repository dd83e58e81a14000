"""Dependencies of the C engine point one way: kernels, stages, step, network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kernels.header import CSRC

FILES = sorted([*CSRC.rglob("*.c"), *CSRC.rglob("*.h")])
# Layer -> what its files may not include: the layers above it, and kernels, which are called
# through the table of kernels.h alone.
CLOSED = {
    "csrc": {"kernels", "stages", "step", "network"},
    "stages": {"kernels", "step", "network"},
    "step": {"kernels", "network"},
    "network": {"kernels"},
}
# What kernels may include beside each other.
BELOW_KERNELS = {"kernels.h", "catalog.h", "types.h", "random.h"}


def name(path: Path) -> str:
    return path.relative_to(CSRC).as_posix()


def includes(path: Path) -> list[Path]:
    """The engine's own headers that a file includes, comments left out."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    found = re.findall(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', text, re.MULTILINE)
    return [(path.parent / target).resolve() for target in found]


INCLUDES = {path.resolve(): includes(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_includes_point_down(path: Path) -> None:
    layer = path.parent.name
    for target in includes(path):
        # beside the file or in a layer named by its path: there is no search for headers
        assert target in INCLUDES, f"{name(path)} includes {target}, which is not the engine's"
        own = target.parent == path.parent
        assert layer != "kernels" or own or name(target) in BELOW_KERNELS, name(target)
        assert target.parent.name not in CLOSED.get(layer, set()), name(target)


def test_what_kernels_share_knows_nothing_of_the_rest() -> None:
    """The headers below the kernels include only each other."""
    for header in BELOW_KERNELS:
        for target in INCLUDES[CSRC / header]:
            assert name(target) in BELOW_KERNELS, f"{header} includes {name(target)}"


def test_no_header_includes_itself_through_others() -> None:
    finished: set[Path] = set()

    def visit(path: Path, trail: tuple[Path, ...]) -> None:
        assert path not in trail, " -> ".join(map(name, (*trail, path)))
        if path not in finished:
            for target in INCLUDES[path]:
                visit(target, (*trail, path))
            finished.add(path)

    for path in INCLUDES:
        visit(path, ())


def test_the_layers_were_read() -> None:
    """Each layer has files, and the lines above found what they include."""
    layers = {path.parent.name for path in FILES}
    assert layers >= {"csrc", "kernels", "stages", "step", "network"}
    assert sum(map(len, INCLUDES.values())) > len(FILES)
