"""Models as ONNX files: ONNX Runtime's numbers are those of predict."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from random_models import random_model
from test_export_c import ALONE, MODELS, Twice, alone

import fastmlp as keras
from fastmlp.engine import words
from fastmlp.engine.native import NativeEngine
from fastmlp.export.onnx_file import onnx_model
from fastmlp.export.onnx_steps import ACTIVATIONS, LAYERS
from fastmlp.export.steps import lower

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

ROWS = [1, 7, 256]
# Of the larger of a number and 1: ONNX Runtime's sigmoid is right to 2e-16, however small it is;
# both exp, tanh and log are within 3 ulp, and sums of a chain of layers differ in their order.
TOLERANCE = 1e-12


def computed(model: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """What ONNX Runtime computes with a ModelProto, or a file of one."""
    source = model if isinstance(model, str) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    (y,) = session.run(["output"], {"input": x})
    assert y.dtype == np.float64
    result: NDArray[np.float64] = y
    return result


def check(y: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
    assert y.shape == expected.shape
    size = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(y, expected, rtol=0, atol=TOLERANCE * size)


@pytest.mark.parametrize("word", ALONE, ids=repr)
def test_each_function(word: words.Operation) -> None:
    lowered = alone(word)
    model, engine = onnx_model(lowered, "one"), NativeEngine(lowered.network, None)
    draw = np.random.default_rng(1)
    for rows in ROWS:
        x = draw.normal(0, 4, (rows, 6))
        x[0] = [0.0, -0.0, 1.0, -1.0, 700.0, -700.0]
        y, expected = computed(model, x), engine.predict(x)
        near = np.abs(expected) < 1e100  # exp(700) is as large as its own last place
        check(np.where(near, y, 0.0), np.where(near, expected, 0.0))
        np.testing.assert_allclose(y, expected, rtol=1e-13, atol=TOLERANCE)


@pytest.mark.parametrize("seed", MODELS)
def test_random_models(seed: int) -> None:
    """Of every layer, at several numbers of rows."""
    model, _ = random_model(seed)
    lowered = lower(model)
    exported = onnx_model(lowered, model.name)
    draw = np.random.default_rng(seed)
    for rows in ROWS:
        shape = (rows, *lowered.input_shape)
        limit = lowered.category_limit
        x = draw.normal(size=shape) if limit is None else draw.integers(0, limit, shape) * 1.0
        check(computed(exported, x), model.predict(x))


def test_every_step_has_its_nodes() -> None:
    """The models above are those of the C files, which meet every word of inference."""
    met = {type(s.operation) for seed in MODELS for s in lower(random_model(seed)[0]).steps}
    assert met | {type(word) for word in ALONE} == ACTIVATIONS.keys() | LAYERS.keys()


def test_a_trained_model_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = keras.Sequential([keras.Input((4, 3)), keras.layers.Flatten()])
    for layer in (keras.layers.Dense(16, "gelu"), keras.layers.BatchNormalization()):
        model.add(layer)
    model.add(keras.layers.Dropout(0.2))
    model.add(keras.layers.Dense(3, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    draw = np.random.default_rng(1)
    x = draw.normal(size=(256, 4, 3))
    model.fit(x, draw.integers(0, 3, 256), epochs=2, verbose=0)
    path = str(tmp_path / "net.onnx")
    model.export(path)
    assert capsys.readouterr().out == ""
    check(computed(path, x), model.predict(x))
    model.export(path, format="onnx", verbose=True)
    assert path in capsys.readouterr().out


def test_errors(tmp_path: Path) -> None:
    model = keras.Sequential([keras.layers.Dense(2)])
    path = tmp_path / "net.onnx"
    with pytest.raises(ValueError, match="must be built before it is exported"):
        model.export(path)
    model.build((None, 3))
    with pytest.raises(ValueError, match=r"filepath must end in \.onnx"):
        model.export(tmp_path / "net.tf")
    with pytest.raises(ValueError, match=r"format must be 'onnx'.*'tf_saved_model'"):
        model.export(path, format="tf_saved_model")
    with pytest.raises(ValueError, match="input_signature must be None"):
        model.export(path, input_signature=[3])
    with pytest.raises(ValueError, match="verbose must be True or False"):
        model.export(path, verbose=2)
    custom = keras.Sequential([keras.Input((3,)), Twice(name="twice")])
    with pytest.raises(ValueError, match=r"what is written in Python cannot.*'twice'"):
        custom.export(path)
    assert not list(tmp_path.iterdir())


def test_without_onnx(tmp_path: Path) -> None:
    """The error names the extra; nothing of fastmlp needs the package before."""
    script = f"""
import sys
sys.modules["onnx"] = None
import fastmlp
model = fastmlp.Sequential([fastmlp.Input((2,)), fastmlp.layers.Dense(1)])
try:
    model.export({str(tmp_path / "net.onnx")!r})
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert 'pip install "fastmlp[onnx]"' in done.stdout, done.stderr
