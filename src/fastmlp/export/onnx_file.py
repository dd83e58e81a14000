"""A model as an ONNX graph in float64, of operators that ONNX Runtime computes in float64."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .. import __version__
from .._messages import print_message
from .._optional import require
from ..saving.files import replace_file
from .onnx_steps import Graph
from .steps import Lowered, lower

if TYPE_CHECKING:
    from ..layers.layer import Layer

#: ONNX Runtime lacks double kernels of some later versions' operators.
OPSET = 17
_IR_VERSION = 8  # that of the first release with that set of operators
_MOST_BYTES = 2**31 - 1  # of a protobuf message


def export_onnx(model: Layer, filepath: Any, verbose: bool) -> None:
    """What ``Model.export`` does with ``format="onnx"``."""
    path = os.fspath(filepath)
    if not isinstance(path, str) or not path.endswith(".onnx"):
        raise ValueError(f"filepath must end in .onnx. Received: filepath={filepath!r}")
    lowered = lower(model)
    size = sum(parameter.nbytes for parameter in lowered.parameters)
    if size > _MOST_BYTES:
        raise ValueError(
            f"an ONNX file holds at most {_MOST_BYTES} bytes. Received: model {model.name!r} "
            f"with {size} bytes of weights"
        )
    data = onnx_model(lowered, model.name).SerializeToString()

    def write(file: Any) -> None:
        file.write(data)

    replace_file(path, write)
    if verbose:
        print_message(f"Saved model {model.name!r} to {path}")


def onnx_model(lowered: Lowered, name: str) -> Any:
    """The checked ``onnx.ModelProto`` of a model: from "input" (batch, ...) to "output"
    (batch, ...), both float64."""
    onnx = require("onnx", "onnx", "export to ONNX")
    helper, double = onnx.helper, onnx.TensorProto.DOUBLE
    graph = Graph(onnx, lowered)
    made = helper.make_graph(
        graph.nodes,
        name,
        [helper.make_tensor_value_info("input", double, ["batch", *lowered.input_shape])],
        [helper.make_tensor_value_info("output", double, ["batch", *lowered.output_shape])],
        graph.constants,
    )
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
        producer_name="fastmlp",
        producer_version=__version__,
    )
    onnx.checker.check_model(model, full_check=True)
    return model
