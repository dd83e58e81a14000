"""What a person looks at: tables, pictures and plots of models and trainings."""

from __future__ import annotations

import itertools
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from small_model import X, Y, make_model

from fastmlp import Sequential, callbacks, layers, utils

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture
def ax():
    figure, made = plt.subplots()
    yield made
    plt.close(figure)


def nested_model() -> Sequential:
    inner = Sequential([layers.Dense(3, "tanh"), layers.Dropout(0.5)], name="inner")
    return Sequential([layers.Input((4,)), layers.Dense(5, "relu", name="<one>"), inner], name="m")


# Summaries (their bytes are compared with Keras's in tests/parity).


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": [0.5, 1.0]}, "positions must be the right edges of the 3 columns"),
        ({"positions": [0.5, 0.4, 1.0]}, "positions must be the right edges"),
        ({"positions": [0.5, 0.7, 0.9]}, "of which the last is 1"),
        ({"positions": 3}, "positions must be"),
        ({"positions": [0.01, 0.5, 1.0]}, "Insufficient console width"),
        ({"line_length": 39}, "line_length must be an integer of at least 40"),
        ({"layer_range": ["inner"]}, "layer_range must be two strings"),
        ({"layer_range": "in"}, "layer_range must be two strings"),
        ({"layer_range": ["inner", "nothing"]}, "layer_range must match names of layers"),
        ({"show_trainable": 1}, "show_trainable must be True or False"),
        ({"expand_nested": "yes"}, "expand_nested must be True or False"),
    ],
)
def test_wrong_arguments_of_a_summary(options, message):
    with pytest.raises(ValueError, match=message):
        nested_model().summary(**options)


def test_optimizer_params_are_counted_once_there_are_any():
    model, texts = make_model("reference", "adam"), []
    model.summary(print_fn=texts.append)
    model.fit(X, Y, verbose=0)
    model.summary(print_fn=texts.append)
    assert "Optimizer" not in texts[0]
    weights = model.count_params()
    assert f" Optimizer params: {2 * weights + 2} (" in texts[1]
    assert f" Total params: {3 * weights + 2} (" in texts[1]


def test_a_notebook_shows_a_table():
    html = nested_model()._repr_html_()
    root = ElementTree.fromstring(html.replace("&emsp;", " ").replace("<br>", " "))
    cells = ["".join(cell.itertext()).strip() for cell in root.iter("td")]
    assert cells[:3] == ["<one> (Dense)", "(None, 5)", "25"]
    assert cells[6] == "└ dense (Dense)"
    assert "Total params: 43 (344.00 B)" in html


# Pictures of models.


def texts_of(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)
    return ["".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")]


def rectangles_of(svg: str) -> list[tuple[float, float, float, float]]:
    root = ElementTree.fromstring(svg)
    found = root.iter("{http://www.w3.org/2000/svg}rect")
    return [tuple(float(r.get(k)) for k in ("x", "y", "width", "height")) for r in found]


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_a_picture_of_a_model(rankdir, tmp_path):
    path = tmp_path / "model.svg"
    picture = utils.plot_model(
        nested_model(),
        path,
        show_shapes=True,
        show_dtype=True,
        show_layer_names=True,
        show_layer_activations=True,
        show_trainable=True,
        expand_nested=True,
        rankdir=rankdir,
    )
    assert path.read_text() == picture == picture._repr_svg_()
    texts = texts_of(picture)
    assert texts[0] == "InputLayer"
    assert "<one> (Dense)" in texts
    assert "Activation: relu" in texts
    assert texts.count("Dtype: float64") == 5
    assert "Input shape: (None, 5)" in texts
    assert texts.count("Trainable: True") == 4
    boxes = rectangles_of(picture)
    assert len(boxes) == 5
    frame, *inside = boxes[2:]
    for x, y, width, height in inside:  # boxes of the inner model lie within its frame
        assert frame[0] < x < x + width < frame[0] + frame[2]
        assert frame[1] < y < y + height < frame[1] + frame[3]
    along = 1 if rankdir == "TB" else 0
    for before, after in itertools.pairwise(boxes[:3]):
        assert before[along] + before[along + 2] < after[along]


def test_a_plain_picture():
    picture = utils.plot_model(nested_model(), None)
    assert texts_of(picture) == ["InputLayer", "Dense", "Sequential"]
    assert repr(picture).startswith("<Picture, ")


def test_wrong_pictures(tmp_path):
    model = nested_model()
    with pytest.raises(ValueError, match=r"to_file must end in \.svg.*model\.png"):
        utils.plot_model(model, "model.png")
    with pytest.raises(ValueError, match='rankdir must be "TB" or "LR"'):
        utils.plot_model(model, None, rankdir="BT")
    with pytest.raises(ValueError, match="splines must be 'ortho'"):
        utils.plot_model(model, None, splines="curved")
    with pytest.raises(ValueError, match="dpi must be an integer"):
        utils.plot_model(model, None, dpi=0)
    with pytest.raises(ValueError, match="This model has not yet been built"):
        utils.plot_model(Sequential([layers.Dense(2)]), None)
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        utils.plot_model(model, tmp_path / "no" / "model.svg")


# Plots.


def test_history_is_drawn_over_its_epochs(ax):
    history = make_model("reference").fit(
        X, Y, epochs=5, validation_split=0.2, validation_freq=2, initial_epoch=1, verbose=0
    )
    assert history.plot(ax=ax) is ax
    loss, validation = ax.get_lines()
    assert loss.get_xdata().tolist() == [2, 3, 4, 5]
    assert validation.get_xdata().tolist() == [2, 4]
    assert loss.get_ydata().tolist() == history.history["loss"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["loss", "val_loss"]
    with pytest.raises(ValueError, match=r"keys must be names of the history, \['loss'"):
        history.plot(["accuracy"], ax)


def test_a_confusion_matrix_is_drawn(ax):
    counts = [[3, 1], [0, 4]]
    assert utils.plot_confusion_matrix(counts, ["no", "yes"], ax=ax) is ax
    assert [text.get_text() for text in ax.texts] == ["3", "1", "0", "4"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["no", "yes"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")


def test_a_confusion_matrix_from_predictions(ax):
    outputs = np.array([[0.1, 0.9, 0.0], [0.8, 0.1, 0.1], [0.6, 0.3, 0.1]])
    utils.plot_confusion_matrix(([1, 0, 1], outputs), normalize=True, ax=ax)
    shown = [text.get_text() for text in ax.texts]
    assert shown == ["1.00", "0.00", "0.00", "0.50", "0.50", "0.00", "0.00", "0.00", "0.00"]
    utils.plot_confusion_matrix(([1, 0], [[1], [1]]), ax=ax)
    assert [text.get_text() for text in ax.texts[-4:]] == ["0", "1", "0", "1"]


def test_wrong_confusion_matrices(ax):
    plot = utils.plot_confusion_matrix
    for wrong, message in (
        (np.zeros((2, 3)), r"matrix must have shape \(K, K\)"),
        (-np.eye(2), r"matrix must have shape \(K, K\)"),
        (([1], [1], [1]), "a tuple of 3"),
        (([1, 2], [1]), "equally many samples"),
        (([0.5], [1]), "class indices"),
        (([], []), "at least one"),
        (([-1], [1]), "class indices"),
    ):
        with pytest.raises(ValueError, match=message):
            plot(wrong, ax=ax)
    with pytest.raises(ValueError, match="class_names must be 2 names"):
        plot(np.eye(2), ["one"], ax=ax)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    history = make_model("reference").fit(X, Y, verbose=0)
    finder = callbacks.LearningRateFinder()
    for draw in (history.plot, finder.plot, lambda: utils.plot_confusion_matrix(np.eye(2))):
        with pytest.raises(ImportError, match=r'needs matplotlib.*pip install "fastmlp\[plot\]"'):
            draw()


# Arrays.


def test_split_dataset():
    a, b = utils.split_dataset(np.arange(10), left_size=0.7)
    assert (a.tolist(), b.tolist()) == (list(range(7)), [7, 8, 9])
    a, b = utils.split_dataset(np.arange(10), left_size=3, right_size=2)
    assert (a.tolist(), b.tolist()) == ([0, 1, 2], [8, 9])
    (x, y), (u, v) = utils.split_dataset((X, Y), right_size=0.2, shuffle=True, seed=3)
    assert len(x) == len(y) == 40
    assert len(u) == len(v) == 10
    rows = {tuple(row): label for row, label in zip(X, Y, strict=True)}
    assert all(rows[tuple(row)] == label for row, label in zip(x, y, strict=True))
    again = utils.split_dataset((X, Y), right_size=0.2, shuffle=True, seed=3)
    np.testing.assert_array_equal(again[0][0], x)
    for options, message in (
        ({}, "left_size or right_size must be given"),
        ({"left_size": 0.01}, "neither empty"),
        ({"left_size": 10}, "left_size must be an integer in"),
        ({"left_size": 6, "right_size": 6}, "neither empty"),
        ({"left_size": 1.5}, "left_size must be a number in"),
        ({"left_size": 5, "preferred_backend": "torch"}, "preferred_backend must be None"),
    ):
        with pytest.raises(ValueError, match=message):
            utils.split_dataset(np.arange(10), **options)
    with pytest.raises(ValueError, match="equally many samples everywhere"):
        utils.split_dataset((np.arange(3), np.arange(4)), left_size=1)


def test_normalize_refuses_what_it_cannot():
    with pytest.raises(ValueError, match="axis must be an integer"):
        utils.normalize([1.0], axis=1)
    with pytest.raises(ValueError, match="order must be"):
        utils.normalize([1.0], order=0)
