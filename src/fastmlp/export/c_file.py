"""A model as one C99 file: formulas of the engine, one number at a time, and constant arrays.

What a formula computes is the engine's own text (``_formulas``, taken from csrc/ when fastmlp is
built), so the file's outputs are the bits of ``predict``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..engine import Float64Array
from ..engine.native import NativeEngine
from ..saving.files import replace_file
from . import c_text
from ._formulas import PIECES
from .c_steps import Writer
from .steps import Lowered, lower

if TYPE_CHECKING:
    from ..layers.layer import Layer

#: Samples that a file tests itself with.
_SAMPLES = 3


def export_c(model: Layer, filepath: Any, name: str | None) -> None:
    """What ``Model.export_c`` does."""
    path = os.fspath(filepath)
    if not isinstance(path, str) or not path.endswith(".c"):
        raise ValueError(f"filepath must end in .c. Received: filepath={filepath!r}")
    if name is None:
        name = re.sub(r"\W", "_", os.path.basename(path)[:-2], flags=re.ASCII)
        name = name if re.match("[A-Za-z_]", name) else f"_{name}"
    elif not (isinstance(name, str) and re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII)):
        raise ValueError(f"name must be a name in C, as net_1 is. Received: name={name!r}")
    lowered = lower(model)
    text = c_file({name: lowered}, {name: _samples(lowered)}).encode()

    def write(file: Any) -> None:
        file.write(text)

    replace_file(path, write)


def _samples(lowered: Lowered) -> Float64Array:
    """A few samples (n, F): whole numbers for categories, else numbers from -4 to 4."""
    numbers = np.arange(_SAMPLES * lowered.network.inputs) * 37 + 11
    limit = lowered.category_limit
    values = numbers % limit if limit is not None else (numbers % 67 - 33) / 8
    return values.astype(np.float64).reshape(_SAMPLES, -1)


def c_file(models: Mapping[str, Lowered], samples: Mapping[str, Float64Array]) -> str:
    """The C file of some models, by the names that their functions begin with, each with samples
    (n, F) to test itself with."""
    writers = [Writer(name, lowered) for name, lowered in models.items()]
    bodies = [_model(writer, samples[writer.name]) for writer in writers]
    options = {kind: names for writer in writers for kind, names in writer.options.items()}
    used = {name for writer in writers for name in writer.used}
    formulas = sorted(name for name in used if name.endswith("_formula"))
    first = writers[0]
    return "".join(
        [
            c_text.head(__version__, first.name, first.lowered),
            c_text.preamble("\n".join(_pieces(["fma_by_integers"]))),
            *(c_text.options_of(kind, names) for kind, names in sorted(options.items())),
            "\n".join(_pieces({*used, "v_fma", "place_of"})),
            *(c_text.apply(formula.removesuffix("_formula")) for formula in formulas),
            *bodies,
            c_text.main([writer.name for writer in writers]),
        ]
    )


def _pieces(names: Iterable[str]) -> list[str]:
    """The texts of these definitions and of all that they use, in their order."""
    kept: set[str] = set()
    further = set(names)
    while further:
        kept |= further
        further = {used for name in further for used in PIECES[name][1]} - kept
    return [text for name, (text, _) in PIECES.items() if name in kept]


def _model(writer: Writer, samples: Float64Array) -> str:
    """A model's part of the file, with what ``predict`` gives for the samples."""
    lowered = writer.lowered
    engine = NativeEngine(lowered.network, None)
    for i, value in enumerate(lowered.parameters):
        engine.write_parameter(i, value)
    outputs = engine.predict(np.ascontiguousarray(samples)).reshape(len(samples), -1)
    writer.write()
    return c_text.model(writer.name, lowered, writer.buffer, writer.arrays, writer.lines) + (
        c_text.self_test(writer.name, samples, outputs)
    )
