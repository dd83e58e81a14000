"""Layers, functions and regularizers of one's own, and how configurations name them. Engines have
none of them: they run on the reference engine."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frame import case, regression, uniform

REFERENCE = ("reference",)


def trained(keras: Any, model: Any, optimizer: Any = "adam", loss: Any = "mse") -> dict[str, Any]:
    """What is left after training a model on (24, 3) -> (24, 2), batches of 9, 9, 6."""
    x, y = regression(3)
    model(np.zeros((1, 3)))
    model.set_weights([abs(w) + 0.1 for w in uniform(4, model)])
    model.compile(optimizer=optimizer, loss=loss, metrics=["mae"])
    history = model.fit(
        x, y, batch_size=9, epochs=3, shuffle=False, verbose=0, validation_data=(x[:7], y[:7])
    )
    return {
        "weights": model.get_weights(),
        "history": dict(sorted(history.history.items())),
        "evaluate": model.evaluate(x, y, batch_size=10, verbose=0),
        "predict": model.predict(x, verbose=0),
        "shapes": [w.shape for w in model.weights],
        "trainable": len(model.trainable_weights),
    }


def linear_of(keras: Any) -> Any:
    """Keras's own example of a layer."""

    class Linear(keras.layers.Layer):
        def __init__(self, units: int = 2, activation: Any = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.activation = keras.activations.get(activation)

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units),
                initializer="random_normal",
                regularizer=keras.regularizers.L2(0.01),
                trainable=True,
            )
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)

        def call(self, inputs: Any) -> Any:
            return self.activation(keras.ops.matmul(inputs, self.w) + self.b)

        def get_config(self) -> dict[str, Any]:
            config = super().get_config()
            activation = keras.activations.serialize(self.activation)
            config.update({"units": self.units, "activation": activation})
            return config  # type: ignore[no-any-return]

    return Linear


@case(engines=REFERENCE)
def linear(keras: Any) -> dict[str, Any]:
    own = linear_of(keras)
    return trained(keras, keras.Sequential([own(4, "tanh"), keras.layers.ReLU(), own(2)]))


@case(engines=REFERENCE)
def rows(keras: Any) -> dict[str, Any]:
    own = linear_of(keras)
    layers = [own(6, "softmax"), keras.layers.Reshape((3, 2)), own(5, "gelu")]
    return trained(keras, keras.Sequential([*layers, keras.layers.Flatten(), own(2)]), "sgd")


@case(engines=REFERENCE)
def noise_only_in_training(keras: Any) -> dict[str, Any]:
    class Scaled(keras.layers.Layer):
        def call(self, inputs: Any, training: Any = None) -> Any:
            return inputs * 1.5 if training else inputs

    model = keras.Sequential([keras.layers.Dense(4), Scaled(), keras.layers.Dense(2)])
    return {**trained(keras, model), "alone": np.asarray(Scaled()(np.ones((2, 3)), training=True))}


@case(engines=REFERENCE)
def running_mean(keras: Any) -> dict[str, Any]:
    class Centred(keras.layers.Layer):
        def build(self, input_shape: Any) -> None:
            shape = (input_shape[-1],)
            self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False)
            self.gain = self.add_weight(shape=shape, initializer="ones")

        def call(self, inputs: Any, training: Any = None) -> Any:
            if training:
                mean = keras.ops.mean(inputs, axis=0)
                self.mean.assign(self.mean * 0.9 + mean * 0.1)
                return (inputs - mean) * self.gain
            return (inputs - self.mean) * self.gain

    return trained(keras, keras.Sequential([keras.layers.Dense(5), Centred(), linear_of(keras)(2)]))


@case(engines=REFERENCE)
def layers_inside(keras: Any) -> dict[str, Any]:
    class Block(keras.layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.first = keras.layers.Dense(5, activation="elu")
            self.norm = keras.layers.BatchNormalization(momentum=0.8)
            self.rest = [keras.layers.Dense(4), keras.layers.LayerNormalization()]

        def call(self, inputs: Any, training: Any = None) -> Any:
            x = self.norm(self.first(inputs), training=training)
            for layer in self.rest:
                x = layer(x)
            return keras.ops.tanh(x) + inputs[:, :1]

    return trained(keras, keras.Sequential([Block(), keras.layers.Dense(2)]))


@case(engines=REFERENCE)
def subclass_of_dense(keras: Any) -> dict[str, Any]:
    class Gated(keras.layers.Dense):
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.gate = self.add_weight(shape=(), initializer="ones", name="gate")

        def call(self, inputs: Any, training: Any = None) -> Any:
            return super().call(inputs) * keras.ops.sigmoid(self.gate)

    return trained(keras, keras.Sequential([Gated(4, "tanh"), Gated(2)]))


@case(engines=REFERENCE)
def subclass_of_model(keras: Any) -> dict[str, Any]:
    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = keras.layers.Dense(4, activation="tanh")
            self.out = keras.layers.Dense(2)

        def call(self, inputs: Any, training: Any = None) -> Any:
            return self.out(self.hidden(inputs)) + keras.ops.sum(inputs, axis=-1, keepdims=True)

    return trained(keras, Net(), "sgd")


@case(engines=REFERENCE)
def frozen_inside(keras: Any) -> dict[str, Any]:
    class Pair(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.one = keras.layers.Dense(4, activation="tanh")
            self.two = keras.layers.Dense(2)
            self.one.trainable = False

        def call(self, inputs: Any) -> Any:
            return self.two(self.one(inputs))

    return trained(keras, keras.Sequential([Pair()]))


@case(engines=REFERENCE)
def lambdas(keras: Any) -> dict[str, Any]:
    def scaled(x: Any, by: float, training: Any = None) -> Any:
        return x * by if training else x

    ops, layers = keras.ops, keras.layers
    model = keras.Sequential(
        [
            layers.Dense(6),
            layers.Lambda(lambda x: ops.maximum(x, 0.1 * x)),
            layers.Lambda(scaled, arguments={"by": 1.25}),
            layers.Lambda(lambda x: ops.reshape(x, (-1, 3, 2)), output_shape=(3, 2)),
            layers.Lambda(lambda x: ops.logsumexp(x, axis=1)),
        ]
    )
    return trained(keras, model)


@case(engines=REFERENCE)
def activation_functions(keras: Any) -> dict[str, Any]:
    def swish_2(x: Any) -> Any:
        return x * keras.ops.sigmoid(2.0 * x)

    layers = keras.layers
    model = [layers.Dense(5, swish_2), layers.Dense(4), layers.Activation(lambda x: x**2)]
    return trained(keras, keras.Sequential([*model, layers.Dense(2)]))


@case(engines=REFERENCE)
def regularizers_of_ones_own(keras: Any) -> dict[str, Any]:
    ops = keras.ops

    class Cubic(keras.regularizers.Regularizer):
        def __call__(self, x: Any) -> Any:
            return 0.05 * ops.sum(ops.abs(x) ** 3)

    dense = keras.layers.Dense
    hidden = dense(4, "tanh", kernel_regularizer=Cubic(), bias_regularizer="l2")
    head = dense(2, kernel_regularizer=lambda w: 0.02 * ops.sum(ops.square(w - 1.0)))
    return trained(keras, keras.Sequential([hidden, head]))


@case(engines=REFERENCE)
def registered(keras: Any) -> dict[str, Any]:
    """Names, and what comes back from JSON."""
    saving = keras.saving
    own = saving.register_keras_serializable("parity")(linear_of(keras))

    @saving.register_keras_serializable(package="parity", name="squared")
    def square(x: Any) -> Any:
        return keras.ops.square(x)

    class Given(own):  # type: ignore[misc, valid-type]
        pass

    model = keras.Sequential([keras.Input((3,)), own(4, square), Given(2)])
    text = model.to_json()
    back = keras.models.model_from_json(text, custom_objects={"Given": Given})
    clone = keras.models.clone_model(model)
    told = keras.layers.serialize(keras.layers.Dense(2, "tanh", kernel_initializer="ones"))
    x = regression(3)[0]
    results = []
    for each in (model, back, clone):
        each.set_weights(uniform(5, model))
        results.append(each.predict(x, verbose=0))
    failed = []
    try:
        keras.models.model_from_json(text)
    except (TypeError, ValueError):
        failed.append("Given")
    return {
        "names": [saving.get_registered_name(thing) for thing in (own, square, Given)],
        "found": [saving.get_registered_object("parity>squared") is square],
        "not found": [saving.get_registered_object("parity>cubed") is None],
        "results": results,
        "classes": [type(layer).__name__ for layer in back.layers],
        "failed": failed,
        "module": told["module"],
        "inner": told["config"]["kernel_initializer"]["module"],
        "registered_name": str(told["registered_name"]),
    }


@case(engines=REFERENCE)
def plain_data_and_back(keras: Any) -> dict[str, Any]:
    saving = keras.saving
    things = {
        "schedule": keras.optimizers.schedules.CosineDecay(0.1, 10),
        "regularizer": keras.regularizers.L1L2(0.1, 0.2),
        "loss": keras.losses.MeanSquaredError("sum"),
        "array": np.arange(6.0).reshape(2, 3),
        "list": [1, 2.5, None, "text", (3, 4)],
        "slice": slice(1, 9, 2),
    }
    back = saving.deserialize_keras_object(saving.serialize_keras_object(things))
    y, p = np.array([[1.0, 2.0]]), np.array([[0.0, 2.25]])
    return {
        "rates": [float(back["schedule"](step)) for step in (0, 3, 12)],
        "penalty": float(back["regularizer"](np.array([1.0, -2.0]))),
        "loss": float(back["loss"](y, p)),
        "array": back["array"],
        "list": [str(part) for part in back["list"]],
        "slice": [back["slice"].start, back["slice"].stop, back["slice"].step],
    }


@case(engines=REFERENCE)
def input_specs(keras: Any) -> dict[str, Any]:
    """What errors say of inputs that do not fit."""
    said = []
    for options in (
        {"ndim": 3},
        {"max_ndim": 1},
        {"min_ndim": 3},
        {"axes": {-1: 5}},
        {"shape": (None, 4)},
        {"shape": (None, 3)},
    ):
        layer = keras.layers.Dense(2, name="dense")
        layer.input_spec = keras.layers.InputSpec(**options)
        try:
            layer(np.ones((2, 3)))
            said.append("fits")
        except ValueError as error:
            said.append(str(error))
    return {"said": said, "shown": repr(keras.layers.InputSpec(min_ndim=2, axes={-1: 4}))}
