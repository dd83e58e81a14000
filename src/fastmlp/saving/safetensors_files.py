"""Files of weights in the safetensors format, by its package (``fastmlp[safetensors]``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._optional import require
from ..models import state as states
from ..models.state import State
from .files import read_file, replace_file

if TYPE_CHECKING:
    from ..models.compiled import CompiledModel


def save_weights(model: CompiledModel, path: str) -> None:
    """Write the weights, and the optimizer's variables once it has any."""
    package = require("safetensors.numpy", "safetensors", "a file of safetensors")
    content = package.save(states.learned(model), metadata={"format": "np"})
    replace_file(path, lambda file: file.write(content))


def load_weights(model: CompiledModel, path: str) -> State:
    """Read them. The package checks that every array has its bytes, and no byte two arrays."""
    package = require("safetensors.numpy", "safetensors", "a file of safetensors")
    state: State = read_file(path, "safetensors", package.load)
    return state
