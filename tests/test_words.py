"""Words: frozen options by place and by name, compared and shown by their values."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from fastmlp import engine
from fastmlp.engine import words

ALL = [w for w in vars(words).values() if isinstance(w, type) and issubclass(w, words.Word)]
NEEDED = {
    words.Dense: {"inputs": 3, "outputs": 2},
    words.Dropout: {"rate": 0.5, "seed": 1},
    words.AlphaDropout: {"rate": 0.5, "seed": 1},
    words.GaussianDropout: {"rate": 0.5, "seed": 1},
    words.GaussianNoise: {"stddev": 0.5, "seed": 1},
    words.Rescaling: {"scale": 2.0},
    words.PythonOperation: {"runs": None, "before": (2,), "after": (3,)},
    words.PythonRegularizer: {"function": None, "shape": (2,), "differentiate": None},
    words.Reshape: {"width": 2},
    words.Transpose: {"first": 2, "second": 3},
    words.Repeat: {"times": 2},
    words.Embedding: {"entries": 3, "outputs": 2},
    words.CategoryEncoding: {"tokens": 3},
    words.Discretization: {"boundaries": 3},
}


@pytest.mark.parametrize("word", ALL, ids=lambda word: word.__name__)
def test_words_are_their_values(word: type) -> None:
    one, two = word(**NEEDED.get(word, {})), word(*NEEDED.get(word, {}).values())
    assert one == two
    assert hash(one) == hash(two)
    assert repr(one) == repr(two)
    assert one == copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == dataclasses.replace(one)
    assert one != object()
    for field in dataclasses.fields(word):
        with pytest.raises(dataclasses.FrozenInstanceError, match=field.name):
            setattr(one, field.name, 1)


def test_values_by_place_and_by_name() -> None:
    assert engine.Relu(0.5, threshold=1.0) == engine.Relu(0.5, float("inf"), 1.0)
    assert engine.Relu(0.5) != engine.Relu()
    assert engine.Tanh() != engine.Sigmoid()
    loss = engine.make_loss("mean_squared_error", reduction="sum")
    assert loss.reduction == "sum"
    assert repr(engine.Sgd(0.5)) == "Sgd(momentum=0.5, nesterov=False)"


@pytest.mark.parametrize(
    ("values", "named"),
    [((1.0, 2.0, 3.0, 4.0), {}), ((0.5,), {"negative_slope": 0.5}), ((), {"slope": 1.0})],
)
def test_wrong_options(values: tuple[float, ...], named: dict[str, float]) -> None:
    with pytest.raises(TypeError, match="Relu"):
        engine.Relu(*values, **named)


def test_missing_options() -> None:
    with pytest.raises(TypeError, match="Dense needs 'outputs'"):
        engine.Dense(3)  # type: ignore[call-arg]
    with pytest.raises(TypeError):  # a reduction is named, never counted
        engine.MeanSquaredError("sum")  # type: ignore[misc]
    with pytest.raises(ValueError, match="loss must be one of"):
        engine.make_loss("nothing")


def test_every_word_of_the_c_catalog_has_its_defaults() -> None:
    """What a C program gets from fm_option_default is what Python has."""
    from fastmlp import _core

    by_name = {w.name: w for w in ALL if hasattr(w, "name")}
    for family in ("operation", "loss", "optimizer", "reduction"):
        for name, (_, options) in _core.catalog(family).items():
            fields = {f.name: f for f in dataclasses.fields(by_name[name])}
            for option, default in options.items():
                if fields[option].default is not dataclasses.MISSING:
                    assert float(fields[option].default) == default, (name, option)
