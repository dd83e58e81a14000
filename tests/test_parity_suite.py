"""Scripts that take the module ``keras``: fastmlp's numbers beside Keras's, stored and, where
Keras and JAX are installed, live. How to write one: tests/parity/frame.py."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parity.frame import GOLDEN, Case, cases_of, families, flat

import fastmlp
from fastmlp import binding
from fastmlp.engine import create_engine

CASES = [case for family in families() for case in cases_of(family)]
RUNS = [pytest.param(case, name, id=f"{case}-{name}") for case in CASES for name in case.engines]

needs_keras = pytest.mark.skipif(
    not (importlib.util.find_spec("keras") and importlib.util.find_spec("jax")),
    reason="keras and jax are not installed",
)


@functools.cache
def stored(folder: Path, family: str) -> dict[str, np.ndarray]:
    with np.load(folder / f"{family}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def expected_of(case: Case, folder: Path) -> dict[str, np.ndarray]:
    prefix = f"{case.name}/"
    file = stored(folder, case.family)
    return {key[len(prefix) :]: file[key] for key in file if key.startswith(prefix)}


@pytest.fixture
def only_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes every model run on one engine: scripts are Keras's and cannot ask for one."""

    def choose(name: str) -> None:
        def create(_: str, network: Any, training: Any) -> Any:
            return create_engine(name, network, training)

        monkeypatch.setattr(binding, "create_engine", create)

    return choose


def assert_same_numbers(case: Case, folder: Path) -> None:
    expected = expected_of(case, folder)
    got = dict(flat(case.script(fastmlp)))
    assert expected, "nothing stored: run tests/parity/make.py"
    assert list(got) == list(expected)
    for name, array in expected.items():
        assert got[name].shape == array.shape, name
        if array.dtype.kind == "U":
            assert got[name].tolist() == array.tolist(), name
        else:
            np.testing.assert_allclose(
                got[name], array, rtol=case.tolerance, atol=case.tolerance, err_msg=name
            )


@pytest.mark.parametrize(("case", "engine_name"), RUNS)
def test_stored_numbers(case: Case, engine_name: str, only_engine: Callable[[str], None]) -> None:
    only_engine(engine_name)
    assert_same_numbers(case, GOLDEN)


def test_nothing_is_stored_that_no_case_compares() -> None:
    """A case that was renamed or taken out goes from the stored file as well."""
    for family in families():
        names = {key.split("/")[0] for key in stored(GOLDEN, family)} - {"made_by"}
        assert names == {case.name for case in cases_of(family)}, family
        assert "keras 3" in str(stored(GOLDEN, family)["made_by"])


@pytest.fixture(scope="session")
def live_keras(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder in which the Keras installed here has just written the file of a family: of
    those alone whose cases run, since all take minutes."""
    folder = tmp_path_factory.mktemp("parity")
    script = Path(__file__).parent / "parity" / "make.py"
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "JAX_ENABLE_X64": "1",
        "JAX_PLATFORMS": "cpu",
    }

    def written(family: str) -> Path:
        if not (folder / f"{family}.npz").exists():
            command = [sys.executable, str(script), "--folder", str(folder), family]
            subprocess.run(command, check=True, env=environment)
        return folder

    return written


@pytest.mark.peers
@needs_keras
@pytest.mark.parametrize("case", CASES, ids=str)
def test_numbers_beside_keras(case: Case, live_keras: Callable[[str], Path]) -> None:
    assert_same_numbers(case, live_keras(case.family))
