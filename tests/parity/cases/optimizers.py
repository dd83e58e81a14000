"""Optimizers with options that are not the default, what surrounds their steps, and schedules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..frame import case, mlp, optimizer_variables, regression, stream, uniform


def train(keras: Any, optimizer: Any, **compile_arguments: Any) -> dict[str, Any]:
    """20 steps, and everything that is left: 5 epochs of 4 batches, of which one is short."""
    x, y = regression(3, rows=28)
    model = mlp(keras)
    model.compile(optimizer=optimizer, loss="mse", **compile_arguments)
    history = model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
    return {
        "weights": model.get_weights(),
        "optimizer": optimizer_variables(model),
        "history": history.history,
        "evaluate": model.evaluate(x, y, verbose=0),
    }


def of(name: str, **options: Any) -> Callable[[Any], dict[str, Any]]:
    """A case: training with that optimizer."""

    def script(keras: Any) -> dict[str, Any]:
        return train(keras, getattr(keras.optimizers, name)(**options))

    return script


def add(label: str, name: str, **options: Any) -> None:
    script = of(name, **options)
    script.__name__ = label
    case(script)


add("sgd", "SGD", learning_rate=0.1, momentum=0.8, nesterov=True, weight_decay=0.02)
add("adam", "Adam", learning_rate=0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-4)
add("amsgrad", "Adam", learning_rate=0.02, beta_1=0.8, beta_2=0.7, amsgrad=True)
add("adamw", "AdamW", learning_rate=0.02, weight_decay=0.3, beta_1=0.85)
add("adamw_amsgrad", "AdamW", learning_rate=0.02, amsgrad=True, clipnorm=0.1)
add("nadam", "Nadam", learning_rate=0.02, beta_1=0.8, beta_2=0.95, epsilon=1e-5)
add("adamax", "Adamax", learning_rate=0.03, beta_1=0.8, beta_2=0.9, epsilon=1e-5)
add("rmsprop", "RMSprop", learning_rate=0.01, rho=0.8, momentum=0.5, centered=True)
add("rmsprop_decayed", "RMSprop", learning_rate=0.01, weight_decay=0.1, clipvalue=0.05)
add("adagrad", "Adagrad", learning_rate=0.1, initial_accumulator_value=0.02, epsilon=1e-3)
add("adadelta", "Adadelta", learning_rate=1.0, rho=0.8, epsilon=1e-4)
add("adafactor", "Adafactor", learning_rate=0.1, beta_2_decay=-0.6, clip_threshold=0.7)
add("adafactor_slow", "Adafactor", learning_rate=0.01, epsilon_2=0.5, relative_step=False)
add("lion", "Lion", learning_rate=0.01, beta_1=0.7, beta_2=0.8, weight_decay=0.1)
add(
    "ftrl",
    "Ftrl",
    learning_rate=0.1,
    learning_rate_power=-0.6,
    initial_accumulator_value=0.2,
    l1_regularization_strength=0.001,
    l2_regularization_strength=0.01,
    l2_shrinkage_regularization_strength=0.02,
    beta=0.1,
)
add("ftrl_default_power", "Ftrl", learning_rate=0.1, l1_regularization_strength=0.05)
add("lamb", "Lamb", learning_rate=0.02, beta_1=0.8, beta_2=0.9, weight_decay=0.05)
add("schedule_free", "ScheduleFreeAdamW", learning_rate=0.05, beta_1=0.8, warmup_steps=7)
add("schedule_free_decayed", "ScheduleFreeAdamW", learning_rate=0.05, weight_decay=0.1)

# -- what surrounds a step --

add("average", "SGD", learning_rate=0.1, use_ema=True, ema_momentum=0.8)
add(
    "average_overwrites",
    "Adam",
    learning_rate=0.05,
    use_ema=True,
    ema_momentum=0.7,
    ema_overwrite_frequency=3,
)
add("accumulated", "Adam", learning_rate=0.05, gradient_accumulation_steps=3)
add(
    "accumulated_clipped_decayed",
    "SGD",
    learning_rate=0.2,
    momentum=0.5,
    global_clipnorm=0.3,
    weight_decay=0.05,
    gradient_accumulation_steps=2,
)
add(
    "accumulated_averaged",
    "Nadam",
    learning_rate=0.05,
    gradient_accumulation_steps=3,
    use_ema=True,
    ema_momentum=0.6,
    ema_overwrite_frequency=2,
)
add("scaled_loss", "Adam", learning_rate=0.05, loss_scale_factor=8.0)


@case
def excluded_from_decay(keras: Any) -> dict[str, Any]:
    optimizer = keras.optimizers.AdamW(0.05, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return train(keras, optimizer)


@case
def excluded_variables(keras: Any) -> dict[str, Any]:
    x, y = regression(3)
    model = mlp(keras)
    optimizer = keras.optimizers.SGD(0.05, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[model.layers[0].kernel])
    model.compile(optimizer=optimizer, loss="mse")
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return {"weights": model.get_weights()}


@case
def on_batches_and_no_overwriting_at_the_end(keras: Any) -> dict[str, Any]:
    """train_on_batch leaves averages beside the weights until they are asked for."""
    x, y = regression(3)
    model = mlp(keras)
    optimizer = keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9)
    model.compile(optimizer=optimizer, loss="mse")
    for _ in range(5):
        model.train_on_batch(x, y)
    before = model.get_weights()
    optimizer.finalize_variable_values(model.trainable_variables)
    return {"before": before, "after": model.get_weights(), "state": optimizer_variables(model)}


@case
def everything_at_once(keras: Any) -> dict[str, Any]:
    """Penalties, accumulation, clip, decay, a step by norms, averages, constraints, in order."""
    x, y = regression(3, rows=28)
    regularizers, constraints = keras.regularizers, keras.constraints
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(
                4,
                activation="tanh",
                kernel_regularizer=regularizers.L2(0.05),
                kernel_constraint=constraints.MaxNorm(0.5),
                bias_constraint=constraints.NonNeg(),
            ),
            keras.layers.Dense(
                2,
                kernel_regularizer=regularizers.L1(0.02),
                kernel_constraint=constraints.MinMaxNorm(0.3, 0.6, rate=0.7),
            ),
        ]
    )
    model.set_weights(uniform(1, model))
    optimizer = keras.optimizers.Lamb(
        0.05,
        weight_decay=0.1,
        clipnorm=0.2,
        use_ema=True,
        ema_momentum=0.7,
        ema_overwrite_frequency=2,
        gradient_accumulation_steps=3,
    )
    model.compile(optimizer=optimizer, loss="mse")
    history = model.fit(x, y, batch_size=8, epochs=5, shuffle=False, verbose=0)
    return {
        "weights": model.get_weights(),
        "optimizer": optimizer_variables(model),
        "history": history.history,
    }


# -- learning rates --

SCHEDULES = {
    "ExponentialDecay": [
        {"initial_learning_rate": 0.2, "decay_steps": 7, "decay_rate": 0.6},
        {"initial_learning_rate": 0.2, "decay_steps": 4, "decay_rate": 0.6, "staircase": True},
    ],
    "PiecewiseConstantDecay": [{"boundaries": [3, 9], "values": [0.1, 0.05, 0.02]}],
    "PolynomialDecay": [
        {"initial_learning_rate": 0.2, "decay_steps": 15},
        {
            "initial_learning_rate": 0.2,
            "decay_steps": 6,
            "end_learning_rate": 0.01,
            "power": 1.5,
            "cycle": True,
        },
    ],
    "InverseTimeDecay": [
        {"initial_learning_rate": 0.2, "decay_steps": 3, "decay_rate": 0.6},
        {"initial_learning_rate": 0.2, "decay_steps": 3, "decay_rate": 0.6, "staircase": True},
    ],
    "CosineDecay": [
        {"initial_learning_rate": 0.2, "decay_steps": 11, "alpha": 0.1},
        {
            "initial_learning_rate": 0.02,
            "decay_steps": 11,
            "warmup_target": 0.3,
            "warmup_steps": 6,
        },
    ],
    "CosineDecayRestarts": [
        {"initial_learning_rate": 0.2, "first_decay_steps": 3, "m_mul": 0.7, "alpha": 0.05},
        {"initial_learning_rate": 0.2, "first_decay_steps": 5, "t_mul": 1.0},
    ],
}


@case(engines=("reference",))
def schedules_alone(keras: Any) -> dict[str, Any]:
    """Each at every step of 25."""
    found = {}
    for name, options in SCHEDULES.items():
        for i, given in enumerate(options):
            schedule = getattr(keras.optimizers.schedules, name)(**given)
            found[f"{name}_{i}"] = np.array([float(schedule(step)) for step in range(25)])
            config = {k: v for k, v in schedule.get_config().items() if v is not None}
            found[f"{name}_{i}_config"] = {k: str(v) for k, v in config.items()}
    return found


@case
def schedules_in_training(keras: Any) -> dict[str, Any]:
    found = {}
    for name, options in SCHEDULES.items():
        schedule = getattr(keras.optimizers.schedules, name)(**options[-1])
        optimizer = keras.optimizers.SGD(schedule, momentum=0.5, weight_decay=0.1)
        found[name] = train(keras, optimizer)
        found[name]["rate"] = float(optimizer.learning_rate)
    return found


@case
def schedule_over_accumulated_gradients(keras: Any) -> dict[str, Any]:
    """A schedule sees all steps, Adam's t only updates."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.2, 5, 0.5)
    optimizer = keras.optimizers.Adam(schedule, gradient_accumulation_steps=3)
    return {**train(keras, optimizer), "iterations": int(optimizer.iterations)}


@case
def own_schedule(keras: Any) -> dict[str, Any]:
    class Falling(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> Any:
            return 0.3 / (step + 2)

    return train(keras, keras.optimizers.SGD(Falling()))


@case
def function_without_argument(keras: Any) -> dict[str, Any]:
    return train(keras, keras.optimizers.SGD(lambda: 0.07))


@case
def rate_set_by_a_callback(keras: Any) -> dict[str, Any]:
    x, y = regression(3)
    model = mlp(keras)
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")

    class Lower(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate = 0.1 / (epoch + 1)

    model.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0, callbacks=[Lower()])
    return {"weights": model.get_weights(), "state": optimizer_variables(model)}


# -- standing alone --

ALL = {
    "SGD": {"momentum": 0.9},
    "Adam": {"amsgrad": True},
    "AdamW": {},
    "Nadam": {},
    "Adamax": {},
    "RMSprop": {"centered": True},
    "Adagrad": {},
    "Adadelta": {},
    "Adafactor": {},
    "Lion": {},
    "Ftrl": {"l1_regularization_strength": 0.01},
    "Lamb": {},
    "ScheduleFreeAdamW": {},
}


@case(engines=("reference",))
def applied_to_variables(keras: Any) -> dict[str, Any]:
    """Every optimizer on a matrix and a vector, with decay, for six steps."""
    found = {}
    for name, options in ALL.items():
        rng = stream(5)
        matrix = keras.Variable(rng.uniform(-1.0, 1.0, (3, 5)), name="matrix")
        vector = keras.Variable(rng.uniform(-1.0, 1.0, 4), name="vector")
        optimizer = getattr(keras.optimizers, name)(learning_rate=0.05, weight_decay=0.1, **options)
        for _ in range(6):
            gradients = [rng.uniform(-1.0, 1.0, (3, 5)), rng.uniform(-1.0, 1.0, 4)]
            optimizer.apply_gradients(zip(gradients, [matrix, vector], strict=True))
        found[name] = {
            "values": [np.asarray(matrix), np.asarray(vector)],
            "state": [np.asarray(v) for v in optimizer.variables],
            "iterations": int(optimizer.iterations),
        }
    return found


@case(engines=("reference",))
def applied_with_everything(keras: Any) -> dict[str, Any]:
    """apply(gradients) of a built optimizer that accumulates, clips, averages and unscales."""
    rng = stream(6)
    variables = [keras.Variable(rng.uniform(-1.0, 1.0, shape)) for shape in ((2, 3), (3,))]
    optimizer = keras.optimizers.RMSprop(
        learning_rate=0.05,
        momentum=0.3,
        weight_decay=0.2,
        clipnorm=0.4,
        use_ema=True,
        ema_momentum=0.5,
        ema_overwrite_frequency=2,
        loss_scale_factor=4.0,
        gradient_accumulation_steps=2,
    )
    optimizer.build(variables)
    trail = []
    for _ in range(8):
        optimizer.apply([rng.uniform(-4.0, 4.0, shape) for shape in ((2, 3), (3,))])
        trail.append([np.array(v) for v in variables])
    loss = float(optimizer.scale_loss(3.0))
    return {"trail": trail, "state": [np.asarray(v) for v in optimizer.variables], "loss": loss}


@case(engines=("reference",))
def configurations(keras: Any) -> dict[str, Any]:
    """Arguments by place, and configurations in Keras's order."""
    made = {
        "SGD": keras.optimizers.SGD(0.1, 0.9, True, 0.01, 1.0, None, None, True, 0.9, 5),
        "AdamW": keras.optimizers.AdamW(0.1, 0.2, 0.8, 0.9, 1e-5, True, None, 0.5),
        "Lion": keras.optimizers.Lion(0.1, 0.5, 0.6, None, None, None, 2.0),
        **{name: getattr(keras.optimizers, name)(name="mine") for name in ALL},
    }
    found: dict[str, Any] = {}
    for name, optimizer in made.items():
        config = optimizer.get_config()
        twin = type(optimizer).from_config(dict(config))
        assert twin.get_config() == config
        found[name] = {k: str(v) for k, v in config.items() if k != "name"}
        found[f"{name}_order"] = ",".join(config)
    return found
