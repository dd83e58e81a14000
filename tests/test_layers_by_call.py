"""Layers, functions and models of one's own that are written as in Keras and differentiated."""

from __future__ import annotations

import pickle
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest

import fastmlp
from fastmlp import activations, layers, models, ops, saving

X = np.random.default_rng(0).normal(size=(12, 3, 4))
Y = np.random.default_rng(1).normal(size=(12, 3, 2))


@saving.register_keras_serializable("call")
class Linear(layers.Layer):
    """Dense, again."""

    def __init__(self, units: int = 2, activation: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.activation = activations.get(activation)

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")
        self.built = True

    def call(self, inputs):
        return self.activation(ops.matmul(inputs, self.w) + self.b)


def trained(*made: layers.Layer, optimizer: str = "adam") -> list[np.ndarray]:
    model = fastmlp.Sequential([fastmlp.Input((3, 4)), *made])
    rng = np.random.default_rng(2)
    model.set_weights([rng.uniform(0.1, 0.9, size=w.shape) for w in model.get_weights()])
    model.compile(optimizer, "mse", engine="reference")
    history = model.fit(X, Y, batch_size=5, epochs=3, shuffle=False, verbose=0)
    gradients = model.loss_and_gradient(X, Y)[1]
    return [*model.get_weights(), model.predict(X), history.history["loss"], *gradients]


def assert_same(one: list[np.ndarray], other: list[np.ndarray]) -> None:
    for a, b in zip(one, other, strict=True):
        # sums of 15 to 60 products in another order, through nine steps of Adam
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh", "softmax", "glu"])
def test_they_train_as_the_layers_they_are_like(activation):
    assert_same(
        trained(Linear(6, activation), Linear(2)),
        trained(layers.Dense(6, activation), layers.Dense(2)),
    )


class Block(layers.Layer):
    """Layers inside a layer, of which some are made in call and some have a state."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = [layers.Dense(5, "tanh"), Linear(4)]
        self.more = {"norm": layers.BatchNormalization(), "drop": layers.Dropout(0.5, seed=3)}
        self.head = fastmlp.Sequential([layers.LayerNormalization(), layers.Dense(2)])

    def call(self, inputs, training=None):
        x = layers_flat(inputs)
        for layer in self.inner:
            x = layer(x)
        x = self.more["norm"](x, training=training)
        return self.head(self.more["drop"](x))


def layers_flat(x):
    return ops.reshape(x, (-1, 12))


def test_layers_inside():
    y = Y[:, 0]

    def run(*made: layers.Layer) -> list[np.ndarray]:
        model = fastmlp.Sequential([fastmlp.Input((3, 4)), *made])
        rng = np.random.default_rng(2)
        model.set_weights([rng.uniform(0.1, 0.9, size=w.shape) for w in model.get_weights()])
        model.compile("adam", "mse", engine="reference")
        history = model.fit(X, y, batch_size=5, epochs=3, shuffle=False, verbose=0)
        return [*model.get_weights(), model.predict(X), history.history["loss"]]

    block = Block(name="block")
    own = run(block)
    parts = Block()
    flat = run(layers.Flatten(), *parts.inner, *parts.more.values(), *parts.head.layers)
    assert_same(own, flat)
    assert block.count_params() == sum(w.size for w in flat[:-2])
    assert len(block.trainable_weights) == len(block.weights) - 2
    assert block.inner[0].weights[0].path == "block/dense/kernel"


def test_frozen_parts():
    block = Block()
    block.inner[0].trainable = False
    model = fastmlp.Sequential([fastmlp.Input((3, 4)), block])
    before = [w.copy() for w in block.inner[0].get_weights()]
    head = block.head.get_weights()[2]
    model.compile("sgd", "mse")
    model.fit(X, Y[:, 0], epochs=2, verbose=0)
    gradients = model.loss_and_gradient(X, Y[:, 0])[1]
    assert [g.shape for g in gradients] == [v.shape for v in model.trainable_weights]
    for a, b in zip(before, block.inner[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (block.head.get_weights()[2] != head).any()
    model.trainable = False
    assert not block.trainable_weights
    before = model.get_weights()
    model.fit(X, Y[:, 0], verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Centred(layers.Layer):
    """Subtracts a running mean."""

    def build(self, input_shape):
        self.steps = self.add_weight(initializer="zeros", trainable=False, name="steps")
        self.mean = self.add_weight(input_shape[1:], "zeros", trainable=False, name="mean")
        self.scale = self.add_weight(input_shape[1:], "ones", name="scale")

    def call(self, inputs, training=None):
        if training:
            self.steps.assign_add(1.0)
            self.mean.assign(0.5 * self.mean + 0.5 * ops.mean(inputs, axis=0))
            self.mean.assign_sub(ops.zeros_like(self.mean))
            assert self.mean.numpy().shape == self.mean.shape
        return (inputs - self.mean) * self.scale


def test_state():
    layer = Centred()
    model = fastmlp.Sequential([layer])
    model.compile("sgd", "mse")
    x = X[:, 0]
    y = model.predict(x)
    np.testing.assert_array_equal(y, x)
    model.fit(x, x, batch_size=6, epochs=2, shuffle=False, verbose=0)
    assert [w.name for w in layer.weights] == ["scale", "steps", "mean"]
    assert float(layer.steps) == 4.0
    mean = np.zeros(4)
    for rows in [slice(0, 6), slice(6, 12)] * 2:
        mean = 0.5 * mean + 0.5 * x[rows].mean(axis=0)
    np.testing.assert_allclose(layer.mean, mean, rtol=1e-14)
    assert [w.name for w in layer.non_trainable_weights] == ["steps", "mean"]


def test_state_keeps_its_shape():
    class Wrong(Centred):
        def call(self, inputs, training=None):
            self.mean.assign(inputs)
            return inputs

    with pytest.raises(ValueError, match=r"value must have shape \(4,\)"):
        Wrong()(X[:, 0])


def test_call_of_a_built_in_layer():
    class Doubled(layers.Dense):
        def call(self, inputs, training=None):
            return 2.0 * super().call(inputs)

    class Quiet(layers.Dropout):
        def call(self, inputs, training=None):
            return super().call(inputs, training=False)

    class Empty(layers.Layer):
        def call(self, inputs):
            return super().call(inputs)

    dense = layers.Dense(2, "tanh")
    assert_same(trained(Doubled(2, "tanh"))[-2:], trained(dense, layers.Rescaling(2.0))[-2:])
    np.testing.assert_array_equal(dense.call(X), dense(X))
    quiet = Quiet(0.9)
    np.testing.assert_array_equal(quiet(X, training=True), X)
    with pytest.raises(NotImplementedError, match=r"Empty must implement call"):
        Empty()(X)


def test_drawn_numbers_are_drawn_once_a_step():
    """What is derived is what was computed."""
    rng = np.random.default_rng(0)

    class Noisy(layers.Layer):
        def call(self, inputs, training=None):
            return inputs * rng.normal(size=ops.shape(inputs)) if training else inputs

    model = fastmlp.Sequential([fastmlp.Input((2,)), layers.Dense(2), Noisy()])
    model.compile("sgd", "mse")
    model.train_on_batch(X[:, 0, :2], Y[:, 0])
    drawn = np.random.default_rng(0).normal(size=(12, 2))
    np.testing.assert_array_equal(rng.normal(size=3), _after(drawn.size, 3))


def _after(count: int, more: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    rng.normal(size=count)
    return rng.normal(size=more)


def test_shapes():
    class Halves(layers.Layer):
        def call(self, inputs):
            return inputs[:, : inputs.shape[1] // 2]

    class Told(Halves):
        def compute_output_shape(self, input_shape):
            return (input_shape[0], input_shape[1] // 2)

    class Summed(layers.Layer):
        def call(self, inputs):
            return ops.sum(inputs)

    for cls in (Halves, Told):
        assert cls().compute_output_shape((None, 6)) == (None, 3)
        assert cls()(np.ones((5, 6))).shape == (5, 3)
    with pytest.raises(ValueError, match=r"call of layer 'summed' must return an array of shape"):
        Summed()(np.ones((5, 6)))


def test_build_of_a_subclass_may_call_that_of_its_base():
    class More(Linear):
        def build(self, input_shape):
            super().build(input_shape)
            self.more = self.add_weight((self.units,), "ones", name="more")

        def call(self, inputs):
            return super().call(inputs) + self.more

    class OfDense(layers.Dense):
        def build(self, input_shape):
            super().build(input_shape)
            self.more = self.add_weight((self.units,), "ones", name="more")

        def call(self, inputs):
            return super().call(inputs) + self.more

    for layer in (More(2, name="m"), OfDense(2, name="d")):
        assert [w.name for w in layer.weights] == []
        layer.build((None, 4))
        layer.build((None, 4))
        assert [w.name for w in layer.weights][-1] == "more"
        assert len(layer.weights) == 3
        with pytest.raises(ValueError, match="was built for input shape"):
            layer.build((None, 5))


def test_a_failed_build_leaves_nothing():
    class Failing(Linear):
        fail = True

        def build(self, input_shape):
            super().build(input_shape)
            if self.fail:
                raise RuntimeError("no")

    layer = Failing(2)
    with pytest.raises(RuntimeError, match="no"):
        layer(X)
    assert (layer.built, layer.weights) == (False, [])
    layer.fail = False
    assert layer(X).shape == (12, 3, 2)


def test_weights_as_keras_adds_them():
    layer = layers.Layer()
    made = layer.add_weight(name="one", regularizer="l2", constraint="non_neg")
    assert (made.shape, made.name) == ((), "one")
    assert layer.add_weight((2,), "ones").numpy().tolist() == [1.0, 1.0]
    for wrong in ({"dtype": "int32"}, {"aggregation": "mean"}, {"overwrite_with_gradient": True}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            layer.add_weight((2,), **wrong)


def test_copies_and_configurations():
    model = fastmlp.Sequential([fastmlp.Input((3, 4)), Linear(5, "relu", name="l")])
    for back in (
        models.model_from_json(model.to_json()),
        models.clone_model(model),
        pickle.loads(pickle.dumps(model)),
    ):
        layer = back.get_layer("l")
        assert (type(layer), layer.units, layer.activation) == (Linear, 5, activations.relu)
        back.set_weights(model.get_weights())
        np.testing.assert_array_equal(back.predict(X), model.predict(X))


# Functions: Lambda, activations.


@saving.register_keras_serializable("call")
def cubed(x):
    return x**3


def scaled(x, by, training=None):
    return x * by if training else x


def test_lambda():
    assert_same(
        trained(layers.Dense(2), layers.Lambda(lambda x: ops.maximum(x, 0.0))),
        trained(layers.Dense(2, "relu")),
    )
    layer = layers.Lambda(scaled, arguments={"by": 3.0})
    np.testing.assert_array_equal(layer(X), X)
    np.testing.assert_array_equal(layer(X, training=True), 3.0 * X)
    halved = layers.Lambda(lambda x: x[:, :2], output_shape=(2, 4))
    assert halved.compute_output_shape((None, 3, 4)) == (None, 2, 4)
    halved = layers.Lambda(lambda x: x[:, :2], output_shape=lambda shape: (shape[0], 2, 4))
    assert halved(X).shape == (12, 2, 4)
    wrong = layers.Lambda(lambda x: x[:, :2], output_shape=(1, 4))
    with pytest.raises(ValueError, match=r"forward returns of layer .* must have shape \(12, 1, 4"):
        wrong(X)


def test_lambda_in_configurations():
    layer = layers.Lambda(cubed, arguments={}, name="c")
    back = layers.deserialize(layers.serialize(layer))
    assert (back.function, back.name) == (cubed, "c")
    given = layers.serialize(layers.Lambda(scaled, arguments={"by": 2.0}))
    with pytest.raises(ValueError, match="function='scaled'"):
        layers.deserialize(given)
    assert layers.deserialize(given, {"scaled": scaled}).arguments == {"by": 2.0}
    unnamed = layers.serialize(layers.Lambda(lambda x: x))
    with pytest.raises(ValueError, match="function='<lambda>'"):
        layers.deserialize(unnamed)
    unnamed["config"]["function"] = {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}
    with pytest.raises(ValueError, match="whose `function` is a Python lambda"):
        layers.deserialize(unnamed)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"function": 3}, TypeError, "function must be callable"),
        ({"function": cubed, "mask": cubed}, ValueError, "mask must be None"),
    ],
)
def test_wrong_lambdas(options, error, message):
    with pytest.raises(error, match=message):
        layers.Lambda(**options)


def test_activations_of_ones_own():
    def rectified(x):
        return ops.maximum(x, 0.0)

    built_in = trained(layers.Dense(4, "relu"), layers.Dense(2))
    assert_same(trained(layers.Dense(4, rectified), layers.Dense(2)), built_in)
    own = [layers.Dense(4), layers.Activation(rectified), layers.Dense(2)]
    assert_same(trained(*own), built_in)
    leaky = partial(lambda x, slope: ops.where(x > 0, x, slope * x), slope=0.1)
    slope = partial(activations.leaky_relu, negative_slope=0.1)
    assert_same(trained(layers.Dense(2, leaky)), trained(layers.Dense(2, slope)))
    narrow = layers.Activation(lambda x: x[..., :1])
    assert narrow.compute_output_shape((None, 3)) == (None, 1)
    layer = layers.deserialize(layers.serialize(layers.Dense(2, cubed)))
    assert layer.activation is cubed


# Engines, and what is not installed.


@pytest.mark.parametrize(
    ("layer", "what"),
    [
        (Linear(2, name="own"), "layer 'own'"),
        (layers.Dense(2, cubed, name="d"), "activation 'cubed'"),
        (layers.Lambda(cubed, name="f"), "layer 'f'"),
    ],
)
def test_the_native_engine_says_what_to_do(layer, what):
    model = fastmlp.Sequential([fastmlp.Input((3, 4)), layer, layers.Dense(2)])
    model.compile("sgd", "mse", engine="native")
    with pytest.raises(ValueError, match=rf"{what} is written in Python.*engine=\"reference\""):
        model.fit(X, Y, verbose=0)
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)


def test_without_autograd(monkeypatch):
    monkeypatch.setitem(sys.modules, "autograd", None)
    model = fastmlp.Sequential([fastmlp.Input((3, 4)), Linear(2)])
    np.testing.assert_array_equal(model(X, training=True), model.predict(X))
    model.compile("sgd", "mse")
    model.evaluate(X, Y, verbose=0)
    with pytest.raises(ImportError, match=r"pip install fastmlp\[autograd\]"):
        model.fit(X, Y, verbose=0)


def test_what_cannot_be_differentiated():
    class Hidden(layers.Layer):
        def call(self, inputs):
            return inputs * float(inputs[0, 0, 0])

    model = fastmlp.Sequential([fastmlp.Input((3, 4)), Hidden(), layers.Dense(2)])
    assert model(X).shape == Y.shape
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"cannot be differentiated: write it with fastmlp\.ops"):
        model.fit(X, Y, verbose=0)


def test_penalties_inside_are_refused():
    class Penalized(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, activity_regularizer="l2")

        def call(self, inputs):
            return self.dense(inputs) + 1.0

    with pytest.raises(ValueError, match="cannot have an activity_regularizer"):
        Penalized()(X)


def test_no_masks():
    for layer in (layers.Dense(2), Linear(2), fastmlp.Sequential([layers.Dense(2)])):
        assert layer(X, mask=None).shape == (12, 3, 2)
        with pytest.raises(ValueError, match="mask must be None: there are no masks"):
            layer(X, mask=np.ones((12, 3), bool))

    class Masked(layers.Layer):
        def call(self, inputs, mask):
            assert mask is None
            return inputs

    assert Masked()(X).shape == X.shape


# What inputs must be like.


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"ndim": 2}, r"expected ndim=2, found ndim=3. Full shape received: \(None, 3, 4\)"),
        ({"max_ndim": 2}, "expected max_ndim=2, found ndim=3"),
        ({"min_ndim": 4}, "expected min_ndim=4, found ndim=3"),
        ({"axes": {-1: 5}}, r"expected axis -1 of input shape to have value 5, but received"),
        ({"shape": (None, 3, 5)}, r"expected shape=\(None, 3, 5\), found shape=\(None, 3, 4\)"),
    ],
)
def test_input_spec(spec, message):
    class Asking(layers.Layer):
        def __init__(self):
            super().__init__(name="asking")
            self.input_spec = layers.InputSpec(name="x", **spec)

        def call(self, inputs):
            return inputs

    begin = "Input 0 with name 'x' of layer 'asking' is incompatible with the layer: "
    with pytest.raises(ValueError, match=begin + message):
        fastmlp.Sequential([fastmlp.Input((3, 4)), Asking()])
    with pytest.raises(ValueError, match="Input 0 with name 'x' of layer 'asking'"):
        Asking()(X)


def test_input_specs_that_fit():
    spec = layers.InputSpec(
        dtype="float64", shape=(None, 3, 1), min_ndim=2, axes={1: 3}, allow_last_axis_squeeze=True
    )
    layer = layers.Identity()
    layer.input_spec = [spec]
    assert layer(X[:, :, :1]).shape == (12, 3, 1)
    assert layers.InputSpec.from_config(spec.get_config()).get_config() == spec.get_config()
    assert fastmlp.InputSpec is layers.InputSpec
    layer.input_spec = layers.InputSpec(shape=(5, 3, 1))
    with pytest.raises(ValueError, match=r"expected shape=\(5, 3, 1\), found shape=\(12, 3, 1\)"):
        layer(X[:, :, :1])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.InputSpec(axes={"a": 1}), TypeError, "must be a dict with integer keys"),
        (lambda: layers.InputSpec(ndim=2, axes={2: 1}), ValueError, "Axis 2 is greater than"),
        (lambda: layers.InputSpec(dtype="int32"), ValueError, "dtype must be"),
        (lambda: with_spec([None, None]), ValueError, "must be that of one input.*Received: 2"),
        (lambda: with_spec(3), TypeError, "input_spec must be an InputSpec"),
    ],
)
def test_wrong_specs(make, error, message):
    with pytest.raises(error, match=message):
        make()


def with_spec(spec: Any) -> Any:
    layer = layers.Identity()
    layer.input_spec = spec
    return layer(X)


# Models.


def test_a_model_with_call():
    class Net(fastmlp.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.hidden = Linear(6, "tanh")
            self.drop = layers.Dropout(0.3, seed=1)
            self.out = layers.Dense(2)

        def call(self, inputs, training=None):
            return self.out(self.drop(self.hidden(inputs), training=training))

    model = Net(name="net")
    flat = fastmlp.Sequential([*Net().layers])
    x, y = X[:, 0], Y[:, 0]
    for each in (model, flat):
        each.build((None, 4))
        rng = np.random.default_rng(2)
        each.set_weights([rng.uniform(0.1, 0.9, size=w.shape) for w in each.get_weights()])
        each.compile("adam", "mse", metrics=["mae"], engine="reference")
        each.fit(x, y, batch_size=5, epochs=2, shuffle=False, verbose=0)
    assert_same(model.get_weights(), flat.get_weights())
    assert_same([model.predict(x)], [flat.predict(x)])
    assert [layer.name for layer in model.layers][1:] == ["dropout", "dense"]
    scores = [each.evaluate(x, y, verbose=0) for each in (model, flat)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-10)  # as the weights


def test_what_is_written_in_python_is_not_exported(tmp_path):
    model = fastmlp.Sequential([fastmlp.Input((4,)), layers.Lambda(cubed, name="f")])
    with pytest.raises(ValueError, match=r"cannot be exported\. Received: layer 'f'"):
        model.export_c(tmp_path / "net.c")


class Chain(fastmlp.Model):
    """Layers called in turn, not in the order in which they were made."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.out = layers.Dense(2)
        self.norm = layers.BatchNormalization()
        self.hidden = [layers.Dense(6, "tanh", activity_regularizer="l2"), layers.Dense(5, "relu")]
        self.drop = layers.Dropout(0.3, seed=1)

    def call(self, inputs, training=None):
        x = inputs
        for layer in self.hidden:
            x = layer(x)
        return self.out(self.drop(self.norm(x, training=training), training=training))


def turn(model: Chain) -> list[layers.Layer]:
    return [*model.hidden, model.norm, model.drop, model.out]


@pytest.mark.parametrize("engine", [None, "reference"])
def test_a_model_that_calls_layers_in_turn_is_a_sequential(engine):
    x, y = X[:, 0], Y[:, 0]
    model, other = Chain(), Chain()
    flat = fastmlp.Sequential(turn(other))
    results = []
    for each, inside in ((model, model), (flat, other)):
        each.build((None, 4))
        rng = np.random.default_rng(2)
        inside_weights = [rng.uniform(0.1, 0.9, size=w.shape) for w in inside.get_weights()]
        inside.set_weights(inside_weights) if inside is model else _set(inside, inside_weights)
        each.compile("adam", "mse", metrics=["mae"], engine=engine)
        history = each.fit(x, y, batch_size=5, epochs=2, shuffle=False, verbose=0)
        results.append([each.predict(x), history.history["loss"], each.evaluate(x, y, verbose=0)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)
    for one, two in zip(turn(model), turn(other), strict=True):
        for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert model._bind().engine.name == (engine or "native")
    loss, gradients = model.loss_and_gradient(x, y)
    assert loss == flat.loss_and_gradient(x, y)[0]
    of = dict(zip(map(id, flat.trainable_weights), flat.loss_and_gradient(x, y)[1], strict=True))
    for variable, gradient in zip(other.trainable_weights, gradients, strict=True):
        np.testing.assert_array_equal(of[id(variable)], gradient)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(x), model.predict(x))


def _set(model: Any, weights: list[np.ndarray]) -> None:
    for variable, value in zip(model.weights, weights, strict=True):
        variable.assign(value)


@pytest.mark.parametrize(
    "call",
    [
        lambda self, inputs: self.out(inputs) + 1.0,  # an operator
        lambda self, inputs: self.out(self.out(inputs)),  # twice
        lambda self, inputs, training=None: self.out(inputs) if training else inputs,
        lambda self, inputs: self.drop(self.out(inputs), training=True),  # drops when it predicts
        lambda self, inputs: inputs,
    ],
)
def test_what_is_no_chain_runs_all_the_same(call):
    cls = type("Odd", (layers.Layer,), {"call": call})
    layer = cls()
    layer.out, layer.drop = layers.Dense(4, "tanh"), layers.Dropout(0.5, seed=1)
    model = fastmlp.Sequential([layer, layers.Dense(2)])
    y = model(X)
    assert y.shape == (12, 3, 2)
    assert model._bind().engine.name == "reference"
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)


def test_what_a_layer_is_built_of_stays():
    model = Chain()
    model.out = layers.Dense(2, name="other")
    x = X[:, 0]
    assert model(x).shape == (12, 2)
    assert model._bind().engine.name == "native"
    for new in (layers.Dense(2), fastmlp.Variable([1.0])):
        with pytest.raises(ValueError, match="cannot add new elements of state"):
            model.out = new
    assert model.out.name == "other"


def test_categories_inside_are_checked():
    class Coded(layers.Layer):
        def __init__(self):
            super().__init__()
            self.table = layers.Embedding(3, 2)

        def call(self, inputs):
            return self.table(inputs)

    layer = Coded()
    assert layer([[0, 2]]).shape == (1, 2, 2)
    with pytest.raises(ValueError, match=r"whole numbers from 0 to 2\. Received: 3"):
        layer([[0, 3]])


def test_training_is_not_for_inputs():
    x = fastmlp.Input((4,))
    y = layers.Dropout(0.5)(x, training=True)
    with pytest.raises(ValueError, match="training must be None where layers are called on an In"):
        fastmlp.Model(x, y)
