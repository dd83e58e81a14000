"""The site: ``pip install ".[docs]" && sphinx-build -W --keep-going docs build/site``.

The pages of the reference are written by reference.py, the pictures by pictures.py."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import reference  # noqa: E402 - beside this file

import fastmlp  # noqa: E402

project = "fastmlp"
version = release = fastmlp.__version__
project_copyright = "the authors of fastmlp"
html_theme = "pydata_sphinx_theme"
html_title = "fastmlp"
html_theme_options = {
    "show_prev_next": False,
    "navigation_with_keys": False,
    "collapse_navigation": True,
}
# Lists of all pages on each of 600 took two thirds of a build; its line of origin leads on.
html_sidebars = {"api/fastmlp.*": []}
html_copy_source = html_show_sourcelink = False
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_nb"]

autosummary_generate = False
numpydoc_show_class_members = False
autodoc_typehints = "none"  # docstrings say types, with shapes

myst_heading_anchors = 3
# What the notebook shows is stored; tests/test_notebook.py executes it and compares every output.
# Executed here it would show a bar for each moment of a training.
nb_execution_mode = "off"
nitpicky = True
nitpick_ignore = [  # Python's own pages are elsewhere
    ("py:class", "collections.abc.Callable"),
    ("py:mod", "shutil"),
    ("py:mod", "zipfile"),
]


def plain_links(app: Sphinx, page: str, text: list[str]) -> None:
    """Links out of docs/, to sources, become names of files: the site has no sources."""
    text[0] = re.sub(r"\[`?([^]`]+)`?\]\(\.\./(?!benchmarks/README)[^)]+\)", r"`\1`", text[0])
    text[0] = text[0].replace("(../benchmarks/README.md)", "(benchmarks.md)")


def included_links(app: Sphinx, path: Path, page: str, text: list[str]) -> None:
    """So do links of benchmarks/README.md to what lies beside it."""
    text[0] = re.sub(r"(?<!!)\[`?([^]`]+)`?\]\((?!https?:|#)[^)]+\)", r"`\1`", text[0])


MARKUP = re.compile(r"(?<!\\)\||(?<=\w)_(?=\W|$)|(?<![\\*\w])\*(?=\w)(?![^*]*\w\*)")


def plain_text(
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Docstrings are written to be read as they are: a |bar|, a name_ and *what
    stands alone are no markup."""
    doctest = False
    for i, line in enumerate(lines):
        doctest = line.lstrip().startswith(">>>") or (doctest and bool(line.strip()))
        if not doctest:
            parts = re.split("(``.*?``)", line)
            for j in range(0, len(parts), 2):
                parts[j] = MARKUP.sub(r"\\\g<0>", parts[j])
            lines[i] = "".join(parts)


def skip_members(
    app: Sphinx, what: str, name: str, value: object, skip: bool, options: object
) -> bool | None:
    """The word that a layer's class is lowered to is the engine's affair, and what scikit-learn
    makes of estimators' methods its own."""
    home = getattr(value, "__module__", None) or ""
    is_word = isinstance(value, type) and home.startswith("fastmlp.engine")
    return True if is_word or home.startswith("sklearn.") else None


def setup(app: Sphinx) -> None:
    reference.write(HERE / "api")
    app.connect("source-read", plain_links)
    app.connect("include-read", included_links)
    app.connect("autodoc-skip-member", skip_members)
    app.connect("autodoc-process-docstring", plain_text, priority=900)  # after numpydoc
