"""Layers of any rank: standalone on arrays and in trainings."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frame import case, stream, uniform


def _array(seed: int, *shape: int) -> np.ndarray:
    return stream(seed).uniform(-1.0, 1.0, shape)


def _trained(
    keras: Any,
    layers: list[Any],
    x: np.ndarray,
    y: np.ndarray,
    loss: Any = "mse",
    optimizer: Any = None,
    metrics: Any = None,
    **fit: Any,
) -> dict[str, Any]:
    """What is left of a training in batches of 5 of a model of these layers."""
    model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
    values = uniform(7, model)
    variances = ["variance" in v.path for v in model.weights]
    model.set_weights([abs(v) + 0.5 if w else v for v, w in zip(values, variances, strict=True)])
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss, metrics=metrics)
    history = model.fit(x, y, batch_size=5, epochs=3, verbose=0, shuffle=False, **fit)
    return {
        "shape": model.output_shape[1:],
        "history": dict(sorted(history.history.items())),
        "weights": model.get_weights(),
        "evaluate": model.evaluate(x, y, verbose=0),
        "output": model.predict(x, verbose=0),
    }


@case
def dense_rank_3(keras: Any) -> dict[str, Any]:
    layers = [keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(2)]
    x, y = _array(1, 12, 3, 4), _array(2, 12, 3, 2)
    return _trained(keras, layers, x, y, metrics=["mse"])


@case
def dense_rank_4_adam(keras: Any) -> dict[str, Any]:
    layers = [keras.layers.Dense(3, activation="sigmoid"), keras.layers.Dense(2)]
    x, y = _array(1, 12, 2, 3, 4), _array(2, 12, 2, 3, 2)
    return _trained(keras, layers, x, y, optimizer=keras.optimizers.Adam(0.05))


@case
def labels_of_rows(keras: Any) -> dict[str, Any]:
    x, y = _array(1, 12, 3, 4), stream(2).randint(0, 3, (12, 3)).astype(np.int32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return _trained(keras, [keras.layers.Dense(3)], x, y, loss, metrics=["accuracy"])


@case
def softmax_of_rows(keras: Any) -> dict[str, Any]:
    x = _array(1, 12, 3, 4)
    y = np.eye(3)[stream(2).randint(0, 3, (12, 3))]
    layers = [keras.layers.Dense(3, activation="softmax")]
    return _trained(keras, layers, x, y, "categorical_crossentropy", metrics=["accuracy"])


@case
def weights_of_rows(keras: Any) -> dict[str, Any]:
    x, y = _array(1, 12, 3, 4), _array(2, 12, 3, 2)
    weights = stream(3).uniform(0.5, 2.0, (12, 3))
    return _trained(keras, [keras.layers.Dense(2)], x, y, sample_weight=weights)


@case
def laid_out_anew(keras: Any) -> dict[str, Any]:
    layers = [
        keras.layers.Dense(6, activation="tanh"),
        keras.layers.Reshape((-1, 2)),
        keras.layers.Dense(3, activation="tanh"),
        keras.layers.Permute((2, 1)),
        keras.layers.Dense(2),
        keras.layers.Flatten(),
        keras.layers.Dense(4, activation="tanh"),
        keras.layers.RepeatVector(2),
        keras.layers.Dense(3),
    ]
    return _trained(keras, layers, _array(1, 12, 5), _array(2, 12, 2, 3))


@case
def layouts_of_arrays(keras: Any) -> dict[str, Any]:
    x = _array(1, 2, 3, 4, 5)
    return {
        "permute": keras.layers.Permute((3, 1, 2))(x),
        "reshape": keras.layers.Reshape((5, -1))(x),
        "flatten": keras.layers.Flatten()(x),
        "repeat": keras.layers.RepeatVector(3)(x[:, :, 0, 0]),
        "softmax": keras.layers.Softmax(axis=2)(x),
        "softmax_last": keras.layers.Softmax()(x),
        "activation": keras.layers.Activation("softmax")(x),
        "relu": keras.layers.ReLU(0.5, 0.1, 0.1)(x),
    }


def _normalized(keras: Any, *layers: Any) -> dict[str, Any]:
    layers = (keras.layers.Dense(4, activation="tanh"), *layers, keras.layers.Dense(2))
    return _trained(keras, list(layers), _array(1, 12, 3, 5), _array(2, 12, 3, 2))


@case
def batch_normalization_rank_3(keras: Any) -> dict[str, Any]:
    return _normalized(keras, keras.layers.BatchNormalization(momentum=0.8))


@case
def batch_normalization_of_another_axis(keras: Any) -> dict[str, Any]:
    return _normalized(keras, keras.layers.BatchNormalization(axis=1, epsilon=0.1))


@case
def layer_normalization(keras: Any) -> dict[str, Any]:
    return _normalized(keras, keras.layers.LayerNormalization())


@case
def layer_normalization_of_axes(keras: Any) -> dict[str, Any]:
    first = keras.layers.LayerNormalization(axis=[1, 2], epsilon=0.01)
    return _normalized(keras, first, keras.layers.LayerNormalization(axis=1, center=False))


@case
def rms_and_unit_normalization(keras: Any) -> dict[str, Any]:
    unit = keras.layers.UnitNormalization()
    return _normalized(keras, keras.layers.RMSNormalization(), unit)


@case
def group_normalization(keras: Any) -> dict[str, Any]:
    first = keras.layers.GroupNormalization(groups=2)
    return _normalized(keras, first, keras.layers.GroupNormalization(groups=3, axis=1))


@case
def normalizations_of_arrays(keras: Any) -> dict[str, Any]:
    x = _array(1, 4, 3, 6)
    return {
        "layer": keras.layers.LayerNormalization()(x),
        "layer_first": keras.layers.LayerNormalization(axis=1)(x),
        "group": keras.layers.GroupNormalization(groups=3)(x),
        "instance": keras.layers.GroupNormalization(groups=-1)(x),
        "rms": keras.layers.RMSNormalization()(x),
        "unit": keras.layers.UnitNormalization(axis=[1, 2])(x),
        "unit_of_zeros": keras.layers.UnitNormalization()(np.full((1, 2), 1e-14)),
        "batch_training": keras.layers.BatchNormalization()(x, training=True),
    }


@case
def normalization_adapted(keras: Any) -> dict[str, Any]:
    x = _array(1, 12, 3, 4) * [1.0, 10.0, 0.1, 0.0] + [0.0, 5.0, -3.0, 2.0]
    layer = keras.layers.Normalization()
    layer.adapt(x)
    by_place = keras.layers.Normalization(axis=(1, 2))
    by_place.adapt(x)
    shared = keras.layers.Normalization(axis=None)
    shared.adapt(x)
    return {
        "moments": [np.asarray(w) for w in layer.get_weights()],
        "output": layer(x),
        "by_place": by_place.get_weights(),
        "output_by_place": by_place(x),
        "shared": shared(x),
    }


@case
def normalization_given(keras: Any) -> dict[str, Any]:
    x = _array(1, 12, 4)
    given = {"mean": [0.5, -0.5, 1.0, 0.0], "variance": [4.0, 0.25, 0.0, 1.0]}
    layers = [
        keras.layers.Normalization(**(given | {"variance": [4.0, 0.25, 0.5, 1.0]})),
        keras.layers.Dense(2),
        keras.layers.Normalization(mean=3.0, variance=4.0, invert=True, axis=None),
    ]
    return _trained(keras, layers, x, _array(2, 12, 2)) | {
        "forward": keras.layers.Normalization(**given)(x),
        "back": keras.layers.Normalization(invert=True, **given)(x),
    }


@case
def embedding(keras: Any) -> dict[str, Any]:
    x = stream(1).randint(0, 6, (12, 4))
    layers = [keras.layers.Embedding(6, 3), keras.layers.Flatten(), keras.layers.Dense(2)]
    adam = keras.optimizers.Adam(0.05)
    return _trained(keras, layers, x, _array(2, 12, 2), optimizer=adam)


@case
def embedding_of_rows(keras: Any) -> dict[str, Any]:
    x = stream(1).randint(0, 6, (12, 4))
    layers = [keras.layers.Embedding(6, 3), keras.layers.Dense(2)]
    return _trained(keras, layers, x, _array(2, 12, 4, 2))


@case
def category_encodings(keras: Any) -> dict[str, Any]:
    x = stream(1).randint(0, 5, (6, 3))
    encoding = keras.layers.CategoryEncoding
    return {
        "multi_hot": encoding(5)(x),
        "count": encoding(num_tokens=5, output_mode="count")(x),
        "one_hot": encoding(5, output_mode="one_hot")(x[:, :1]),
        "one_hot_of_several": encoding(5, output_mode="one_hot")(x),
    }


@case
def category_encoding_in_front(keras: Any) -> dict[str, Any]:
    x = stream(1).randint(0, 5, (12, 3))
    layers = [keras.layers.CategoryEncoding(5, "count"), keras.layers.Dense(2)]
    return _trained(keras, layers, x, _array(2, 12, 2))


@case
def embedding_and_normalization_with_rules(keras: Any) -> dict[str, Any]:
    x = stream(1).randint(0, 6, (12, 4))
    layers = [
        keras.layers.Embedding(
            6,
            3,
            embeddings_regularizer=keras.regularizers.L2(0.05),
            embeddings_constraint=keras.constraints.MaxNorm(0.6, axis=1),
        ),
        keras.layers.LayerNormalization(
            gamma_regularizer="l2", beta_constraint="non_neg", beta_regularizer="l1"
        ),
        keras.layers.Dense(2),
    ]
    return _trained(keras, layers, x, _array(2, 12, 4, 2))


def _fitted(keras: Any, model: Any, *frozen: str) -> dict[str, Any]:
    """Two epochs with the layers named frozen, then two with all of them trained."""
    x, y = _array(1, 12, 4), _array(2, 12, 2)
    values = uniform(7, model)
    variances = ["variance" in v.path for v in model.weights]
    model.set_weights([abs(v) + 0.5 if w else v for v, w in zip(values, variances, strict=True)])
    outputs = []
    for trainable in (False, True):
        for name in frozen:
            model.get_layer(name).trainable = trainable
        model.compile(keras.optimizers.SGD(0.1, momentum=0.5), "mse")
        model.fit(x, y, batch_size=5, epochs=2, verbose=0, shuffle=False)
        outputs += [model.get_weights(), model.predict(x, verbose=0), len(model.trainable_weights)]
    return {"outputs": outputs, "names": [layer.name for layer in model.layers]}


@case
def functional_chain(keras: Any) -> dict[str, Any]:
    x = keras.Input(shape=(4,), name="x")
    h = keras.layers.Dense(5, activation="tanh", name="hidden")(x)
    y = keras.layers.Dense(2, name="last")(keras.layers.Rescaling(0.5, name="half")(h))
    model = keras.Model(inputs=x, outputs=y)
    return _fitted(keras, model, "last") | {
        "hidden": keras.Model(model.inputs, model.get_layer("hidden").output).predict(
            _array(3, 5, 4), verbose=0
        )
    }


@case
def nested_models(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation="tanh"), layers.BatchNormalization()],
        name="inner",
    )
    outer = keras.Sequential([keras.Input((4,)), inner, layers.Dense(2, name="head")])
    result = _fitted(keras, outer, "inner")
    return result | {"inner": inner.predict(_array(3, 5, 4), verbose=0)}


@case
def clones(keras: Any) -> dict[str, Any]:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Softmax()])
    twins = [keras.models.clone_model(model), keras.models.model_from_json(model.to_json())]
    for twin in twins:
        twin.set_weights(uniform(3, twin))
    return {"outputs": [twin.predict(_array(1, 5, 4), verbose=0) for twin in twins]}


@case
def rescaling_by_arrays(keras: Any) -> dict[str, Any]:
    """Of the last axis and of all, in front of a model."""
    x, y = stream(4).uniform(-1.0, 1.0, (18, 2, 3)), stream(5).uniform(-1.0, 1.0, (18, 2))
    found = {}
    for name, options in {
        "last": ([2.0, 0.5, -1.0], 0.25),
        "all": (np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, 3.0])),
    }.items():
        layer = keras.layers.Rescaling(*options)
        model = keras.Sequential(
            [keras.Input((2, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(2)]
        )
        model.set_weights(uniform(3, model))
        model.compile("adam", "mse")
        history = model.fit(x, y, 7, 2, 0, shuffle=False).history
        found[name] = [np.asarray(layer(x)), history["loss"], *model.get_weights()]
    return found


@case
def bins(keras: Any) -> dict[str, Any]:
    """Numbers on boundaries and beyond all, in each mode; counted in front of a model."""
    x = np.array([[-3.0, 0.0, 0.5], [1.0, 1.5, 9.0], [2.0, -0.1, 1.9], [2.0, 2.0, 0.0]])
    boundaries, make = [0.0, 1.0, 2.0], keras.layers.Discretization
    found: dict[str, Any] = {
        mode: np.asarray(make(boundaries, output_mode=mode)(x)).astype(float)
        for mode in ("int", "one_hot", "multi_hot", "count")
    }
    found["column"] = np.asarray(make(boundaries, output_mode="one_hot")(x[:, :1]))
    found["none"] = np.asarray(make([])(x)).astype(float)
    first = make(boundaries, output_mode="count")
    model = keras.Sequential([keras.Input((3,)), first, keras.layers.Dense(2)])
    model.set_weights(uniform(3, model))
    model.compile("adam", "mse")
    history = model.fit(x, x[:, :2], 3, 3, 0, shuffle=False).history
    return found | {"loss": history["loss"], "weights": model.get_weights()}
