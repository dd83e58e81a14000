"""What ``import fastmlp`` gives, and what it leaves for later."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from processes import run_script

import fastmlp


def test_every_public_name_is_there() -> None:
    for name in fastmlp.__all__:
        assert getattr(fastmlp, name) is not None, name
    assert set(fastmlp.__all__) <= set(dir(fastmlp))


def test_type_checkers_see_what_python_finds() -> None:
    """The names imported for type checkers are those that are imported at their first use."""
    tree = ast.parse(Path(str(fastmlp.__file__)).read_text(encoding="utf-8"))
    (checked,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.name: node.module
        for node in ast.walk(checked)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {n for n, home in imported.items() if home is None} == fastmlp._MODULES
    assert {n: home for n, home in imported.items() if home is not None} == fastmlp._HOMES


def test_names_at_the_top_are_those_of_their_modules() -> None:
    assert fastmlp.Initializer is fastmlp.initializers.Initializer
    assert fastmlp.Loss is fastmlp.losses.Loss
    assert fastmlp.Regularizer is fastmlp.regularizers.Regularizer
    assert fastmlp.version() == fastmlp.__version__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Sequentiel'"):
        fastmlp.Sequentiel  # noqa: B018


def test_import_waits_for_what_is_used() -> None:
    """SPEC 1: the import is NumPy's and the compiled module's; a program that predicts does not
    wait for optimizers and callbacks it never names."""
    run_script(
        """
import sys
import numpy
before = set(sys.modules)
import fastmlp
loaded = {name for name in set(sys.modules) - before if name.startswith("fastmlp.")}
assert loaded == {"fastmlp._compiled", "fastmlp._core", "fastmlp.threads"}, loaded
fastmlp.Sequential
assert "fastmlp.models" in sys.modules
"""
    )
