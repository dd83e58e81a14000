"""Regularizers, constraints, penalties of activities, initializers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frame import case, classes, regression, stream, uniform


def trained(keras: Any, *layers: Any, optimizer: Any = "sgd", epochs: int = 3) -> dict[str, Any]:
    """What is left after training a stack of layers on (24, 3) -> (24, 2), batches of 9, 9, 6."""
    x, y = regression(3)
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.set_weights(uniform(4, model))
    model.compile(optimizer=optimizer, loss="mse", metrics=["mse"])
    history = model.fit(
        x, y, batch_size=9, epochs=epochs, shuffle=False, verbose=0, validation_data=(x[:7], y[:7])
    )
    return {
        "weights": model.get_weights(),
        "history": dict(sorted(history.history.items())),
        "evaluate": model.evaluate(x, y, batch_size=10, verbose=0),
        "batch": model.train_on_batch(x, y),
        "test": model.test_on_batch(x[:5], y[:5]),
        "predict": model.predict(x, verbose=0),
    }


def of_kernels(keras: Any, hidden: Any, head: Any, **options: Any) -> dict[str, Any]:
    """Trained with kernel regularizers."""
    dense = keras.layers.Dense
    return trained(
        keras,
        dense(5, activation="tanh", kernel_regularizer=hidden),
        dense(2, kernel_regularizer=head),
        **options,
    )


def held(keras: Any, hidden: Any, head: Any, **options: Any) -> dict[str, Any]:
    """Trained with kernel constraints."""
    dense = keras.layers.Dense
    return trained(
        keras,
        dense(5, activation="tanh", kernel_constraint=hidden),
        dense(2, kernel_constraint=head),
        **options,
    )


@case
def l1(keras: Any) -> dict[str, Any]:
    return of_kernels(keras, keras.regularizers.L1(0.05), "l1")


@case
def l2(keras: Any) -> dict[str, Any]:
    return of_kernels(keras, "l2", keras.regularizers.L2(0.1), optimizer="adam")


@case
def l1_l2(keras: Any) -> dict[str, Any]:
    return of_kernels(keras, keras.regularizers.L1L2(0.01, 0.02), keras.regularizers.l1_l2(l2=0.1))


@case
def strings(keras: Any) -> dict[str, Any]:
    """L1L2 by name has no penalty at all."""
    return of_kernels(keras, "l1l2", "L2", optimizer="rmsprop")


@case
def orthogonal_rows(keras: Any) -> dict[str, Any]:
    return of_kernels(
        keras,
        keras.regularizers.OrthogonalRegularizer(0.3),
        keras.regularizers.OrthogonalRegularizer(0.2),
    )


@case
def orthogonal_columns(keras: Any) -> dict[str, Any]:
    orthogonal = keras.regularizers.OrthogonalRegularizer
    return of_kernels(
        keras, orthogonal(factor=0.3, mode="columns"), orthogonal(0.2, "columns"), optimizer="adam"
    )


@case
def biases(keras: Any) -> dict[str, Any]:
    return trained(
        keras,
        keras.layers.Dense(4, "tanh", bias_regularizer="l1", bias_constraint="non_neg"),
        keras.layers.Dense(
            2,
            bias_regularizer=keras.regularizers.L2(0.2),
            bias_constraint=keras.constraints.MaxNorm(0.3),
        ),
    )


@case
def frozen(keras: Any) -> dict[str, Any]:
    """A regularizer of a layer that is not trained adds nothing."""
    hidden = keras.layers.Dense(
        4, "tanh", kernel_regularizer="l2", kernel_constraint="unit_norm", trainable=False
    )
    return trained(keras, hidden, keras.layers.Dense(2, kernel_regularizer="l2"))


@case
def clipped(keras: Any) -> dict[str, Any]:
    """Gradients are clipped after the penalty's slope is added."""
    return of_kernels(
        keras, keras.regularizers.L2(0.5), "l1", optimizer=keras.optimizers.SGD(0.1, clipnorm=0.3)
    )


@case
def summed_loss(keras: Any) -> dict[str, Any]:
    """Penalties do not depend on the reduction of the loss, nor on the batch's size."""
    x, y = regression(5)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.5))]
    )
    model.set_weights(uniform(6, model))
    model.compile("sgd", keras.losses.MeanSquaredError(reduction="sum"))
    history = model.fit(x, y, batch_size=7, epochs=2, shuffle=False, verbose=0)
    return {
        "weights": model.get_weights(),
        "loss": history.history["loss"],
        "evaluate": model.evaluate(x, y, batch_size=7, verbose=0),
    }


@case
def sample_weights(keras: Any) -> dict[str, Any]:
    """Penalties are not weighed."""
    x, y = classes(7)
    weight = stream(8).uniform(0.1, 2.0, len(x))
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(5, "relu", kernel_regularizer="l2", activity_regularizer="l2"),
            keras.layers.Dense(4),
        ]
    )
    model.set_weights(uniform(9, model))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    history = model.fit(
        x, y, batch_size=7, epochs=3, shuffle=False, verbose=0, sample_weight=weight
    )
    return {
        "weights": model.get_weights(),
        "history": dict(sorted(history.history.items())),
        "evaluate": model.evaluate(x, y, verbose=0, sample_weight=weight),
    }


@case
def non_negative(keras: Any) -> dict[str, Any]:
    return held(keras, "non_neg", keras.constraints.NonNeg(), optimizer="adam")


@case
def max_norm(keras: Any) -> dict[str, Any]:
    return held(keras, keras.constraints.MaxNorm(0.5), keras.constraints.max_norm(0.4, axis=1))


@case
def max_norm_by_name(keras: Any) -> dict[str, Any]:
    return held(keras, "max_norm", "MaxNorm", optimizer=keras.optimizers.SGD(2.0), epochs=2)


@case
def unit_norm(keras: Any) -> dict[str, Any]:
    return held(keras, "unit_norm", keras.constraints.UnitNorm(axis=-1), optimizer="rmsprop")


@case
def unit_norm_of_all(keras: Any) -> dict[str, Any]:
    return held(keras, keras.constraints.UnitNorm(axis=[0, 1]), keras.constraints.UnitNorm(None))


@case
def min_max_norm(keras: Any) -> dict[str, Any]:
    constraint = keras.constraints.MinMaxNorm
    return held(keras, constraint(0.2, 0.4), constraint(0.5, 0.9, rate=0.3, axis=1))


@case
def both(keras: Any) -> dict[str, Any]:
    dense = keras.layers.Dense
    return trained(
        keras,
        dense(5, "tanh", kernel_regularizer="l1", kernel_constraint="non_neg"),
        dense(2, kernel_regularizer="l2", kernel_constraint=keras.constraints.UnitNorm(axis=0)),
        optimizer="adam",
    )


@case
def activity_of_dense(keras: Any) -> dict[str, Any]:
    return trained(
        keras,
        keras.layers.Dense(5, activation="tanh", activity_regularizer="l2"),
        keras.layers.Dense(2, activity_regularizer=keras.regularizers.L1(0.1)),
    )


@case
def activity_of_other_layers(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    return trained(
        keras,
        layers.Rescaling(0.5, activity_regularizer="l1"),
        layers.Dense(5),
        layers.Activation("sigmoid", activity_regularizer=keras.regularizers.L1L2(0.02, 0.03)),
        layers.ReLU(max_value=0.6, activity_regularizer="l2"),
        layers.Dense(2),
        layers.Softmax(activity_regularizer="l1"),
        optimizer="adam",
    )


@case
def activity_regularization(keras: Any) -> dict[str, Any]:
    return trained(
        keras,
        keras.layers.Dense(4, "tanh"),
        keras.layers.ActivityRegularization(l1=0.05, l2=0.02),
        keras.layers.Activation("relu"),
        keras.layers.Dense(2),
        keras.layers.ActivityRegularization(l2=0.3),
    )


@case
def activity_below_what_is_frozen(keras: Any) -> dict[str, Any]:
    return trained(
        keras,
        keras.layers.Dense(4, "tanh", trainable=False, activity_regularizer="l2"),
        keras.layers.Dense(2, kernel_regularizer="l2"),
    )


@case
def batch_normalization(keras: Any) -> dict[str, Any]:
    return trained(
        keras,
        keras.layers.Dense(4),
        keras.layers.BatchNormalization(
            beta_regularizer="l2",
            gamma_regularizer=keras.regularizers.L1(0.1),
            beta_constraint=keras.constraints.MaxNorm(0.2),
            gamma_constraint="non_neg",
            activity_regularizer="l2",
        ),
        keras.layers.Dense(2),
        optimizer="adam",
    )


@case(engines=("reference",))
def regularizers_alone(keras: Any) -> dict[str, Any]:
    w = stream(10).uniform(-1.0, 1.0, (4, 3))
    regularizers = keras.regularizers
    found = {
        name: regularizers.get(name)(w)
        for name in ("l1", "l2", "L1L2", "orthogonal_regularizer", "OrthogonalRegularizer")
    }
    found["l1l2"] = regularizers.L1L2(0.2, 0.3)(w)
    config = regularizers.L1L2(0.2, 0.3).get_config()
    again = regularizers.deserialize(regularizers.serialize(regularizers.L2(0.7)))
    return {
        **{name: float(value) for name, value in found.items()},
        "config": config,
        "again": float(again(w)),
    }


@case(engines=("reference",))
def constraints_alone(keras: Any) -> dict[str, Any]:
    w = stream(11).uniform(-1.0, 1.0, (4, 3))
    constraints = keras.constraints
    made = {
        "max": constraints.MaxNorm(0.7),
        "max by name": constraints.get("max_norm"),
        "rows": constraints.MaxNorm(0.7, axis=1),
        "all": constraints.MaxNorm(0.7, axis=[0, 1]),
        "non_neg": constraints.get("NonNeg"),
        "unit": constraints.UnitNorm(),
        "min_max": constraints.MinMaxNorm(0.8, 0.9, rate=0.5, axis=1),
        "again": constraints.deserialize(constraints.serialize(constraints.UnitNorm(axis=1))),
    }
    return {name: np.asarray(constraint(w)) for name, constraint in made.items()}


@case
def losses_of_layers(keras: Any) -> dict[str, Any]:
    """The penalties of a call's outputs, then those of weights."""
    x, _ = regression(12)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, kernel_regularizer="l2", activity_regularizer="l1"),
            keras.layers.Dense(2, bias_regularizer="l1", activity_regularizer="l2"),
        ]
    )
    model.set_weights(uniform(13, model))
    model(x)
    return {
        "model": [np.asarray(loss) for loss in model.losses],
        "layer": [np.asarray(loss) for loss in model.layers[0].losses],
    }


@case
def trained_slopes(keras: Any) -> dict[str, Any]:
    return trained(
        keras,
        keras.layers.Dense(4),
        keras.layers.PReLU(
            alpha_regularizer=keras.regularizers.L1L2(0.1, 0.2),
            alpha_constraint=keras.constraints.MinMaxNorm(0.2, 0.5),
        ),
        keras.layers.Dense(2),
        keras.layers.PReLU(alpha_constraint="non_neg", shared_axes=[1]),
    )


@case(engines=("reference",))
def initializers_alone(keras: Any) -> dict[str, Any]:
    """Those that draw nothing; of the others what does not depend on the numbers."""
    initializers = keras.initializers
    found = {
        "zeros": initializers.get("zeros")((2, 3)),
        "ones": initializers.Ones()((2, 3)),
        "constant": initializers.Constant(-1.5)(shape=(3,)),
        "identity": initializers.Identity(gain=0.5)((2, 3)),
        "square": initializers.get("identity")((3, 3)),
        "function": initializers.get(lambda shape, dtype=None: np.full(shape, 7.0))((2, 2)),
        "array": initializers.get(np.array([1.0, 2.0]))((2,)),
        "flat": initializers.RandomUniform(0.25, 0.25, seed=1)((3,)),
        "sharp": initializers.RandomNormal(0.5, 0.0, seed=1)((3,)),
        "truncated": initializers.TruncatedNormal(-0.5, 0.0, seed=1)((3,)),
    }
    tall = np.asarray(initializers.Orthogonal(2.0, seed=1)((5, 3)))
    wide = np.asarray(initializers.get("orthogonal")((2, 4)))
    drawn = np.asarray(initializers.VarianceScaling(2.0, "fan_avg", "uniform", seed=1)((60, 40)))
    return {
        **{name: np.asarray(value) for name, value in found.items()},
        "tall": tall.T @ tall,
        "wide": wide @ wide.T,
        "inside": bool((np.abs(drawn) <= np.sqrt(6.0 / 50.0)).all()),
        "shapes": [np.asarray(initializers.HeNormal(seed=2)(s)).shape for s in ((3,), (2, 3, 4))],
        "config": initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=3).get_config()[
            "distribution"
        ],
    }


@case
def weights_by_initializers(keras: Any) -> dict[str, Any]:
    """A model whose first weights nobody draws."""
    x, y = regression(14)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(
                3,
                "tanh",
                kernel_initializer=keras.initializers.Identity(0.5),
                bias_initializer="ones",
            ),
            keras.layers.Dense(2, kernel_initializer=keras.initializers.Constant(0.1)),
        ]
    )
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return {"weights": model.get_weights()}
