"""The peers fastmlp is compared with, each at its best honest settings in float64.

A peer is a module of this package with two functions:

``prepare(job, x, y, weights, threads)``
    makes everything ready and returns a unit: a callable that does one measured unit of the
    job, returns only when the work is really finished, and gives the mean training loss of
    that unit (None where nothing is trained). Raises :class:`UnsupportedJobError` if the peer
    cannot do the job.
``versions()``
    what produced the numbers: {package: version}.

Shapes: x (N, F) float64 (uint8 for the memory job), y (N,) int32 classes or (N, K) float64,
weights [kernel (i, o), bias (o,), ...]; for dgemm x is (m, k) and y is (k, n).

This file imports no peer, so that the process that only drives them stays clean.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType

Unit = Callable[[], float | None]


class UnsupportedJobError(Exception):
    """The peer cannot do this job; the message says why and is printed in the table."""


@dataclass(frozen=True)
class Peer:
    """How a peer is called, what it needs and what the reader should know about it."""

    name: str
    title: str
    module: str
    requires: tuple[str, ...]  # packages to import; the first is the one the import job times
    environment: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    kinds: tuple[str, ...] = ("train", "predict", "call", "dgemm", "import", "memory")  # of jobs

    def missing(self) -> str | None:
        """Why the peer cannot run here, or None."""
        for package in self.requires:
            try:
                importlib.import_module(package)
            except ImportError as error:
                return f"cannot import {package}: {str(error).splitlines()[0]}"
        return None

    def load(self) -> ModuleType:
        return importlib.import_module(f"peers.{self.module}")


_KERAS_JAX = {"KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1"}
_KERAS_TENSORFLOW = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
_STEPS = {"BENCH_STEPS_PER_EXECUTION": "32"}
_STEPS_NOTE = "steps_per_execution=32"
_DEFAULT_NOTE = "compile() defaults, as the quickstart is written"

_NETWORKS = ("train", "predict", "call", "import", "memory")

_ALL = (
    Peer("fastmlp", "fastmlp", "fastmlp_fit", ("fastmlp",)),
    Peer(
        "fastmlp-reference",
        "fastmlp, reference engine",
        "fastmlp_fit",
        ("fastmlp",),
        {"BENCH_ENGINE": "reference"},
    ),
    Peer("jax", "JAX, one jitted scan", "jax_scan", ("jax",), {"JAX_ENABLE_X64": "1"}),
    Peer(
        "torch-compile",
        "PyTorch, whole step compiled",
        "torch_compiled",
        ("torch",),
        kinds=_NETWORKS,
    ),
    Peer("torch", "PyTorch eager, fused Adam", "torch_eager", ("torch",), kinds=_NETWORKS),
    Peer("mkl", "MKL, through PyTorch", "mkl_product", ("torch",), kinds=("dgemm",)),
    Peer("numpy", "NumPy with OpenBLAS, by hand", "numpy_by_hand", ("numpy",)),
    Peer("sklearn", "scikit-learn", "sklearn_mlp", ("sklearn",), note="no dropout"),
    Peer(
        "keras-jax",
        "Keras on JAX, fit, tuned",
        "keras_fit",
        ("keras", "jax"),
        {**_KERAS_JAX, **_STEPS},
        _STEPS_NOTE,
    ),
    Peer(
        "keras-tensorflow",
        "Keras on TensorFlow, fit, tuned",
        "keras_fit",
        ("keras", "tensorflow"),
        {**_KERAS_TENSORFLOW, **_STEPS},
        _STEPS_NOTE,
    ),
    Peer(
        "keras-jax-default",
        "Keras on JAX, fit",
        "keras_fit",
        ("keras", "jax"),
        _KERAS_JAX,
        _DEFAULT_NOTE,
    ),
    Peer(
        "keras-tensorflow-default",
        "Keras on TensorFlow, fit",
        "keras_fit",
        ("keras", "tensorflow"),
        _KERAS_TENSORFLOW,
        _DEFAULT_NOTE,
    ),
)
PEERS: dict[str, Peer] = {peer.name: peer for peer in _ALL}


def package_versions(*packages: str) -> dict[str, str]:
    """Installed versions of the given distributions."""
    from importlib.metadata import version

    return {package: version(package) for package in packages}
