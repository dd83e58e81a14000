"""Steps of optimizers: alone on variables, by hand on a model, in training; and what is kept."""

from __future__ import annotations

import copy
import inspect
import pickle

import numpy as np
import pytest
from small_model import X, Y, make_model

import fastmlp
from fastmlp import Variable, optimizers
from fastmlp.optimizers import SGD, Adam, AdamW, Nadam, RMSprop, ScheduleFreeAdamW

ALL = [
    *("SGD", "Adam", "AdamW", "Nadam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Adafactor"),
    *("Lion", "Ftrl", "Lamb", "ScheduleFreeAdamW"),
]
AROUND = {
    "decay": {"weight_decay": 0.1},
    "clipped": {"global_clipnorm": 0.1},
    "averaged": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    "accumulated": {"gradient_accumulation_steps": 2},
}
# Two engines after some steps: roundings of sums of 50 terms, which quotients may pass on.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def by_hand(model, steps):
    for _ in range(steps):
        _, gradient = model.loss_and_gradient(X, Y)
        pairs = zip(gradient, model.trainable_weights, strict=True)
        model.optimizer.apply_gradients(pairs)


def assert_same_state(one, two, **tolerance):
    for a, b in zip(one.optimizer.variables, two.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), **tolerance)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


# -- a loop by hand is fit --


@pytest.mark.parametrize("name", ALL)
def test_a_loop_by_hand_is_training(engine, name):
    """To the bit on the engine that computes in NumPy, too."""
    cls = getattr(optimizers, name)
    trained, stepped = (make_model(engine, cls(0.01)) for _ in range(2))
    stepped.set_weights(trained.get_weights())
    trained.fit(X, Y, batch_size=len(X), epochs=4, shuffle=False, verbose=0)
    by_hand(stepped, 4)
    exact = {"rtol": 0, "atol": 0}
    assert_same_state(trained, stepped, **(exact if engine == "reference" else CLOSE))


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_what_surrounds_a_step_does_so_by_hand(engine, around):
    trained, stepped = (make_model(engine, Adam(0.01, **around)) for _ in range(2))
    stepped.set_weights(trained.get_weights())
    trained.fit(X, Y, batch_size=len(X), epochs=5, shuffle=False, verbose=0)
    by_hand(stepped, 5)
    stepped.optimizer.finalize_variable_values(stepped.trainable_weights)
    exact = {"rtol": 0, "atol": 0}
    assert_same_state(trained, stepped, **(exact if engine == "reference" else CLOSE))


# -- on variables alone --


def test_an_average_and_its_overwriting():
    """Each number by hand: sgd from 1 by 0.5, decay 0.1, an average of momentum 1/2."""
    w = Variable([1.0])
    sgd = SGD(0.5, weight_decay=0.2, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    sgd.apply([[1.0]], [w])
    first = 1.0 * (1 - 0.1) - 0.5
    assert w.numpy() == pytest.approx([first], rel=1e-15)
    sgd.apply([[1.0]])
    second = (first + (first * (1 - 0.1) - 0.5)) / 2
    assert w.numpy() == pytest.approx([second], rel=1e-15)
    assert sgd.averages[w].numpy() == pytest.approx([second], rel=1e-15)
    assert [v.name for v in sgd.variables[2:]] == [f"{w.path}_average"]


def test_gradients_accumulate():
    w = Variable([1.0])
    adam = Adam(0.1, gradient_accumulation_steps=3)
    for step, g in enumerate((1.0, 2.0)):
        adam.apply([[g]], [w])
        assert (w.numpy(), adam.iterations, adam.steps) == ([1.0], 0, step + 1)
    assert adam.variables[2].numpy() == [3.0]
    adam.apply([[6.0]])
    assert adam.variables[2].numpy() == [0.0]
    assert (int(adam.iterations), int(adam.steps)) == (1, 3)
    # m = 3 (1 - 0.9), of which the first step is 0.1 but for epsilon
    assert adam.variables[3].numpy() == pytest.approx([0.3], rel=1e-15)
    assert w.numpy() == pytest.approx([0.9], rel=1e-6)


def test_variables_without_a_gradient_are_left_alone():
    v, w = Variable([1.0], name="v"), Variable([2.0], name="w")
    sgd = SGD(0.5, weight_decay=0.1, use_ema=True)
    with pytest.warns(UserWarning, match=r"no gradients for the variables \['w'\]"):
        sgd.apply([[1.0], None], [v, w])
    assert w.numpy() == [2.0]
    assert sgd.averages[w].numpy() == [2.0]  # as Keras's, all averages move
    with pytest.raises(ValueError, match="None for every variable"):
        sgd.apply([None, None])
    assert int(sgd.steps) == 1
    sgd.apply([])
    assert int(sgd.apply_gradients([])) == 1


def test_a_constraint_follows_the_step():
    """Behind the average, as Keras's; of what has a gradient."""
    v, w = Variable([1.0], name="v"), Variable([-3.0], name="w")
    for each in (v, w):
        each.constraint = lambda value: np.maximum(value, 0.0)
    sgd = SGD(1.0, use_ema=True)
    sgd.build([v, w])
    sgd.apply([[4.0]], [v])
    assert (v.numpy(), w.numpy(), sgd.averages[v].numpy()) == ([0.0], [-3.0], [-3.0])


def test_a_scaled_loss_is_unscaled():
    w = Variable([1.0])
    sgd = SGD(0.5, loss_scale_factor=8.0)
    assert sgd.scale_loss(0.25) == 2.0
    sgd.apply([[8.0]], [w])
    assert w.numpy() == [0.5]
    assert SGD().scale_loss(0.25) == 0.25


@pytest.mark.parametrize(
    ("gradients", "variables", "message"),
    [
        ([[1.0, 2.0]], None, r"gradient of 'w' must have shape \(1,\)"),
        ([["a"]], None, "gradient of 'w' must be an array of real numbers"),
        ([[1.0], [1.0]], None, "one for each of 1 variables. Received: 2 gradients"),
        ([[1.0]], [Variable([1.0], name="other")], "built with.*Received: variable 'other'"),
    ],
)
def test_wrong_gradients(gradients, variables, message):
    w = Variable([1.0], name="w")
    sgd = SGD(0.5)
    sgd.build([w])
    with pytest.raises(ValueError, match=message):
        sgd.apply(gradients, variables)
    assert (w.numpy(), int(sgd.steps)) == ([1.0], 0)


def test_an_optimizer_that_is_not_built_needs_variables():
    with pytest.raises(ValueError, match="trainable_variables must be given"):
        SGD().apply([[1.0]])
    with pytest.raises(ValueError, match="built=False"):
        SGD().set_weights([0, 0.1])


# -- what is kept --


@pytest.mark.parametrize("name", ALL)
def test_a_pickle_goes_on(name):
    rng = np.random.default_rng(0)
    w = Variable(rng.standard_normal((3, 2)))
    optimizer = getattr(optimizers, name)(0.05, use_ema=True, gradient_accumulation_steps=2)
    for _ in range(3):
        optimizer.apply([rng.standard_normal((3, 2))], [w])
    twin, twin_w = pickle.loads(pickle.dumps((optimizer, w)))
    copied, copied_w = copy.deepcopy((optimizer, w))
    gradient = rng.standard_normal((3, 2))
    for each in (optimizer, twin, copied):
        each.apply([gradient])
    for a, b, c in zip(optimizer.variables, twin.variables, copied.variables, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    np.testing.assert_array_equal(w, twin_w)
    np.testing.assert_array_equal(w, copied_w)


def test_weights_of_an_optimizer_are_carried_over():
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal(3), rng.standard_normal((4, 3))
    one, two = Variable(start), Variable(start)
    first, second = Nadam(0.05), Nadam(0.01)
    for g in gradients[:2]:
        first.apply([g], [one])
    second.build([two])
    second.set_weights([np.array(v) for v in first.variables])
    two.assign(one)
    for g in gradients[2:]:
        first.apply([g])
        second.apply([g])
    np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="u_product follows"):
        second.variables[-1].assign(0.5)
    with pytest.raises(ValueError, match="Received: 1 weights"):
        second.set_weights([1])


def test_the_order_of_variables_is_keras_s():
    weights = [Variable(np.ones((2, 3)), name="a"), Variable(np.ones(3), name="b")]
    options = {"use_ema": True, "gradient_accumulation_steps": 2}
    rmsprop = RMSprop(momentum=0.5, centered=True, **options)
    rmsprop.build(weights)
    names = [v.name for v in rmsprop.variables]
    kinds = ("average", "gradient_accumulator", "velocity", "momentum", "average_gradient")
    assert names == ["iteration", "learning_rate", *(f"{w}_{k}" for k in kinds for w in "ab")]
    adam = Adam(amsgrad=True)
    adam.build(weights)
    assert [v.name for v in adam.variables[2:]] == [
        *("a_momentum", "a_velocity", "b_momentum", "b_velocity"),
        *("a_velocity_hat", "b_velocity_hat"),
    ]
    adafactor = optimizers.Adafactor()
    adafactor.build(weights)
    shapes = [v.shape for v in adafactor.variables[2:]]
    assert shapes == [(2,), (3,), (2, 3), (), (), (3,)]


# -- in training --


def test_a_function_is_asked_before_every_step(engine):
    asked = []

    def rate():
        asked.append(int(model.optimizer.steps))
        return 0.1 / len(asked)

    model = make_model(engine, SGD(rate))
    twin = make_model(engine, SGD(lambda step: 0.1 / (step + 1)))
    twin.set_weights(model.get_weights())
    for m in (model, twin):
        m.fit(X, Y, batch_size=20, epochs=2, shuffle=False, verbose=0)
    assert asked == [0, 1, 2, 3, 4, 5]  # 50 rows
    assert_same_state(model, twin, rtol=0, atol=0)


def test_rates_that_are_no_rates(engine):
    model = make_model(engine, SGD(lambda step: -float(step)))
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"learning_rate of step 1 .*Received:.*-1\.0"):
        model.fit(X, Y, batch_size=10, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_schedule_can_not_become_a_number():
    schedule = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    for given in (schedule, lambda: 0.1):
        sgd = SGD(given)
        with pytest.raises(TypeError, match="not settable to a number"):
            sgd.learning_rate = 0.5
    number = SGD(0.5)
    number.learning_rate = schedule
    assert float(number.learning_rate) == 0.1
    assert len(number.variables) == 1


def test_schedule_free_starts_where_the_first_step_finds_the_weights(engine):
    """Not where somebody looked at them before."""
    model, twin = (make_model(engine, ScheduleFreeAdamW(0.1)) for _ in range(2))
    model.evaluate(X, Y, verbose=0)
    start = [w + 1.0 for w in model.get_weights()]
    for m in (model, twin):
        m.set_weights(start)
        m.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0)
    assert_same_state(model, twin, rtol=0, atol=0)


def test_averages_become_the_weights_at_the_end_of_fit(engine):
    model = make_model(engine, SGD(0.1, use_ema=True, ema_momentum=0.8))
    start = model.get_weights()
    model.fit(X, Y, epochs=0, verbose=0)  # nothing yet to become
    for old, new in zip(start, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.fit(X, Y, batch_size=10, verbose=0)
    averages = model.optimizer.averages
    for weight in model.trainable_weights:
        np.testing.assert_array_equal(weight, averages[weight])
    stranger = Variable([1.0], name="stranger")
    with pytest.raises(ValueError, match="Received: variable 'stranger'"):
        model.optimizer.finalize_variable_values([stranger])


def test_an_interrupt_leaves_the_averages(engine):
    model = make_model(engine, SGD(0.1, use_ema=True))

    class Stop(fastmlp.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=10, verbose=0, callbacks=[Stop()])
    for weight, average in model.optimizer.averages.items():
        np.testing.assert_array_equal(weight, average)


def test_settings_take_effect_between_fits(engine):
    """A gradient clipped to next to nothing leaves the decay; biases are let off later."""
    model = make_model(engine, SGD(1.0, clipvalue=1e-300))
    before = [w + 1.0 for w in model.get_weights()]  # biases, too, are more than nothing
    model.set_weights(before)
    model.optimizer.weight_decay = 0.5
    model.fit(X, Y, batch_size=len(X), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(new, 0.5 * old, rtol=1e-15)
    before = model.get_weights()
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.fit(X, Y, batch_size=len(X), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(new, old if old.ndim == 1 else 0.5 * old, rtol=1e-15)
    before = model.get_weights()
    model.optimizer.exclude_from_weight_decay(var_list=model.weights)
    model.fit(X, Y, batch_size=len(X), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-15)


# -- arguments --


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        ("Adam", {"weight_decay": -1.0}, "weight_decay"),
        ("Adam", {"use_ema": 1}, "use_ema"),
        ("Adam", {"ema_momentum": 1.5}, "ema_momentum"),
        ("Adam", {"ema_overwrite_frequency": 0}, "ema_overwrite_frequency"),
        ("Adam", {"gradient_accumulation_steps": 1}, "gradient_accumulation_steps"),
        ("Adam", {"loss_scale_factor": 0.0}, "loss_scale_factor"),
        ("Adam", {"amsgrad": "yes"}, "amsgrad"),
        ("AdamW", {"weight_decay": None}, "weight_decay"),
        ("Adagrad", {"initial_accumulator_value": -0.1}, "initial_accumulator_value"),
        ("Adadelta", {"rho": 1.0}, "rho"),
        ("Adafactor", {"clip_threshold": 0.0}, "clip_threshold"),
        ("Adafactor", {"beta_2_decay": float("nan")}, "beta_2_decay"),
        ("Ftrl", {"learning_rate_power": 0.5}, "learning_rate_power"),
        ("Ftrl", {"l1_regularization_strength": -1}, "l1_regularization_strength"),
        ("Lion", {"beta_1": 0.0}, "beta_1"),
        ("ScheduleFreeAdamW", {"beta_1": 0.0}, "beta_1"),
        ("ScheduleFreeAdamW", {"warmup_steps": -1}, "warmup_steps"),
        ("Nadam", {"learning_rate": "fast"}, "learning_rate"),
    ],
)
def test_wrong_arguments(cls, options, message):
    with pytest.raises(ValueError, match=f"{message} must.*Received: {message}="):
        getattr(optimizers, cls)(**options)


def test_adafactor_takes_matrices_and_vectors_of_the_engine(engine):
    """Alone it takes all, along the last two axes, as Keras's."""
    layers = fastmlp.layers
    model = fastmlp.Sequential(
        [layers.Input((3, 2)), layers.PReLU(), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("adafactor", "mse", engine=engine)
    with pytest.raises(ValueError, match=r"Adafactor keeps sums.*alpha' of shape \(3, 2\)"):
        model.fit(np.ones((2, 3, 2)), np.ones(2), verbose=0)
    rng = np.random.default_rng(0)
    stack = Variable(rng.standard_normal((2, 3, 4)))
    optimizer = optimizers.Adafactor(1e-9, epsilon_2=0.0)
    g = rng.standard_normal((2, 3, 4))
    optimizer.apply([g], [stack])
    squares = g * g + 1e-30
    r, c = squares.mean(axis=2), squares.mean(axis=1)
    for found, expected in zip(optimizer.variables[2:4], (r, c), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    v = r[:, :, None] * c[:, None, :] / r.mean(axis=1)[:, None, None]
    np.testing.assert_allclose(optimizer.variables[4], v, rtol=1e-14)


def test_unknown_arguments_are_named():
    with pytest.raises(TypeError, match="decay"):
        Adam(decay=0.1)


@pytest.mark.parametrize("name", ALL)
def test_configurations_make_the_same(name):
    cls = getattr(optimizers, name)
    rate = optimizers.schedules.CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=3)
    optimizer = cls(rate, weight_decay=0.1, use_ema=True, name="mine")
    twin = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(twin) is cls
    assert twin.get_config() == optimizer.get_config()
    assert type(optimizers.get(name.upper())) is type(optimizers.get(name.lower())) is cls


def test_signatures_are_keras_s():
    tail = [
        *("clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum"),
        *("ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "name"),
    ]
    betas = ["beta_1", "beta_2", "epsilon", "amsgrad"]
    assert [*inspect.signature(Adam).parameters] == ["learning_rate", *betas, "weight_decay", *tail]
    assert [*inspect.signature(AdamW).parameters] == [
        *("learning_rate", "weight_decay"),
        *(*betas, *tail),
    ]
    assert inspect.signature(AdamW).parameters["weight_decay"].default == 0.004
    assert AdamW(0.1, 0.2, 0.8, 0.9, 1e-5, False, 2.0).clipnorm == 2.0


# -- variables --


def test_variables_are_made_as_in_keras():
    ones = Variable("ones", shape=(2,), trainable=False, name="ones")
    assert (ones.numpy().tolist(), ones.trainable, ones.path) == ([1.0, 1.0], False, "ones")
    made = Variable(fastmlp.initializers.Constant(3.0), (2, 1))
    assert made.numpy().tolist() == [[3.0], [3.0]]
    made.assign_add([[1.0], [2.0]])
    made.assign_sub([[1.0], [1.0]])
    assert made.numpy().tolist() == [[3.0], [4.0]]
    assert Variable(1.0).name.startswith("variable")
    with pytest.raises(ValueError, match="shape must be given"):
        Variable("ones")
    with pytest.raises(ValueError, match=r"must have the shape \(3,\)"):
        Variable([1.0], shape=(3,))
    with pytest.raises(ValueError, match="dtype"):
        Variable([1.0], dtype="float32")
