"""The documentation site, without Sphinx: every public name has a page, links lead to what is
there, scripts print what the pages say. That it builds without a warning is seen by .ci/run."""

from __future__ import annotations

import fnmatch
import importlib
import importlib.util
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from run_notebook import run_cell

import fastmlp

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def load(name: str) -> ModuleType:
    """docs/name.py, which is in no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    pytest.importorskip("sklearn")  # whose estimators have pages
    return load("reference")


@pytest.fixture(scope="module")
def api(reference: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of the reference, written as for the site."""
    folder = tmp_path_factory.mktemp("site") / "api"
    reference.write(folder)
    return folder


def names_below(module: ModuleType) -> set[str]:
    """All that ``__all__`` names, of public modules within it as well: found without
    docs/reference.py."""
    found = set()
    for name in module.__all__:
        full, value = f"{module.__name__}.{name}", getattr(module, name)
        if name.startswith("_"):
            continue
        found.add(full)
        if isinstance(value, ModuleType) and value.__name__ == full and hasattr(value, "__all__"):
            found |= names_below(value)
    return found


def test_every_public_name_has_a_page(reference: ModuleType, api: Path) -> None:
    names = names_below(fastmlp)
    assert len(names) > 500
    pages = reference.homes()
    assert names <= set(pages)
    for name, (page, value) in pages.items():
        assert (api / f"{page}.rst").is_file(), name
        if not isinstance(value, ModuleType):
            directive = f":: {page}\n"
            assert directive in (api / f"{page}.rst").read_text(encoding="utf-8"), name


def test_the_list_of_each_module_has_all_its_names(reference: ModuleType, api: Path) -> None:
    for name, module in reference.modules():
        text = (api / f"{name}.rst").read_text(encoding="utf-8")
        for inner in reference.public_names(module):
            own, elsewhere = f"\n   {inner}\n", f"- ``{name}.{inner}``: "
            assert (own in text) != (elsewhere in text), f"{name}.{inner}"


def test_what_is_in_the_reference_says_something(reference: ModuleType) -> None:
    for name, (_, value) in reference.homes().items():
        if callable(value) and not hasattr(value, "__origin__"):
            assert inspect.getdoc(value), name


def test_pages_of_names_that_are_gone_are_removed(reference: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "fastmlp.gone.rst").write_text("gone", encoding="utf-8")
    reference.write(tmp_path)
    assert not (tmp_path / "fastmlp.gone.rst").exists()
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    reference.write(tmp_path)  # the same again: untouched, so that the next build is short
    assert written == {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_every_page_is_in_a_table_of_contents(api: Path) -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    entries = re.findall(r"^```\{toctree\}\n(.*?)^```$", index, re.M | re.S)
    lines = [line for entry in entries for line in entry.splitlines()]
    listed = [line for line in lines if line and not line.startswith(":")]
    for path in [*PAGES, *DOCS.glob("*.ipynb")]:
        assert path.stem == "index" or any(fnmatch.fnmatch(path.stem, e) for e in listed), path
    for entry in listed:
        if "*" not in entry and entry != "api/index":
            assert list(DOCS.glob(f"{entry}.*")), entry
    indexed = set(re.findall(r"^   (fastmlp\S*)$", (api / "index.rst").read_text(), re.M))
    assert {path.stem for path in api.glob("*.rst")} > indexed > {"fastmlp", "fastmlp.layers"}


def anchors(text: str) -> set[str]:
    """GitHub's and MyST's names for headings."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text)  # of a link what is shown
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


BENCHMARKS = DOCS.parent / "benchmarks" / "README.md"  # which a page includes


@pytest.mark.parametrize("path", [*PAGES, BENCHMARKS], ids=lambda path: path.name)
def test_links_lead_to_what_is_there(path: Path, api: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if "://" in file:
            continue
        if file.startswith("api/"):
            found = api / file.removeprefix("api/")
        else:
            found = path.parent / file if file else path
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("name", ["files", "from-keras", "numerics"])
def test_scripts_print_what_the_page_says(name: str) -> None:
    threads, names = fastmlp.get_num_threads(), dict[str, Any]()
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", text, re.M | re.S)
    assert len(blocks) == text.count("```python") > 0
    try:
        for script, expected in blocks:
            assert run_cell(script, names)[0] == expected
    finally:
        fastmlp.set_num_threads(threads)


def test_pictures_are_those_that_are_drawn() -> None:
    """Of the committed script, and each is shown."""
    shown = set(re.findall(r"\]\(pictures/(\w+)\.svg\)", (DOCS / "engine.md").read_text()))
    pictures = load("pictures").PICTURES
    assert shown == set(pictures) == {path.stem for path in (DOCS / "pictures").iterdir()}
    for name, draw in pictures.items():
        assert (DOCS / "pictures" / f"{name}.svg").read_text(encoding="utf-8") == draw(), name


def test_what_the_engine_page_says_of_sizes_is_what_the_engine_has() -> None:
    text = (DOCS / "engine.md").read_text(encoding="utf-8")
    source = "".join(
        (ROOT / "csrc" / name).read_text(encoding="utf-8")
        for name in ("kernels.h", "machine.h", "step/step.h", "network/tune.c", "network/tune.h")
    )
    for definition, words in {
        "FM_PANEL 8": "panels* of eight columns",
        "FM_GRADIENT_BLOCK 1024": "1,024 rows",
        "FM_NARROW_BLOCK 64": "64 rows",
        "FM_NARROW_PARAMETERS 8192": "8,192 parameters",
        "FM_SHARED_WEIGHTS ((size_t)128 << 10)": "128 KB",
        "FM_TAIL_ROWS 48": "48 rows",
        "FM_SPARSE_DENSITY 0.4": "40 %",
        "FM_LIST_ROWS ((size_t)256)": "256 rows",
        "TRIAL_SECONDS 2e-3": "2 milliseconds",
        "FM_ROUNDS 3": "three rounds",
    }.items():
        assert f"#define {definition}\n" in source, definition
        assert words in text, words
