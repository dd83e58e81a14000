"""What ``pytest benchmarks`` measures: ``--jobs`` and ``--isa`` narrow it, or widen it."""

from __future__ import annotations

import sys
from pathlib import Path

import jobs as job_table
import pytest
from jobs import Job

from fastmlp import _core

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kernels.cases import BENCHMARKS, Case

_KINDS = {"training_job": ("train",), "inference_job": ("predict", "call"), "product": ("dgemm",)}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fastmlp")
    group.addoption(
        "--jobs",
        default="quick,kernels",
        help=f"comma separated: groups of jobs ({', '.join(job_table.GROUPS)}), jobs, kernels (all "
        "of them) or the name of a kernel. Default: %(default)s, a minute",
    )
    group.addoption(
        "--isa",
        default=_core.build_info()["isa"],
        help="instruction sets, comma separated, or all. Default: the one in use, %(default)s",
    )


def _isas(option: str) -> list[str]:
    usable = [name for name in _core.isas() if _core.isa_usable(name)]
    names = usable if option == "all" else option.split(",")
    unknown = [name for name in names if name not in usable]
    if unknown:
        raise pytest.UsageError(f"--isa must be among {usable}. Received: {', '.join(unknown)}")
    return names


def _selected(option: str) -> tuple[list[Job], list[Case]]:
    """Jobs, and cases of kernels."""
    names = option.split(",")
    kernels = {case.kernel for case in BENCHMARKS}
    others = [name for name in names if name not in kernels and name != "kernels"]
    try:
        jobs = job_table.select(others)
    except ValueError as error:
        raise pytest.UsageError(f"--{error}, which is no kernel either") from None
    return jobs, [case for case in BENCHMARKS if "kernels" in names or case.kernel in names]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A benchmark is run for every job of its kind, or every case, on every instruction set."""
    jobs, cases = _selected(metafunc.config.getoption("jobs"))
    if "isa" in metafunc.fixturenames:
        metafunc.parametrize("isa", _isas(metafunc.config.getoption("isa")))
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", cases, ids=str)
    for argument, kinds in _KINDS.items():
        if argument in metafunc.fixturenames:
            found = [job for job in jobs if job.kind in kinds]
            metafunc.parametrize(argument, found, ids=lambda job: job.name)
