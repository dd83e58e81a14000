"""Classes and functions of one's own in configurations: registered, in a scope, given."""

from __future__ import annotations

import functools
import json
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest

import fastmlp
from fastmlp import activations, layers, losses, metrics, models, optimizers, regularizers, saving


@saving.register_keras_serializable("tests")
class Wide(layers.Dense):
    """Registered."""


class Narrow(layers.Dense):
    """Not registered."""


class Heavy(regularizers.L2):
    def __init__(self, l2: float = 0.5) -> None:
        super().__init__(l2)


@saving.register_keras_serializable("tests", "distance")
def far(y_true, y_pred):
    return abs(y_true - y_pred).sum(axis=-1)


def near(y_true, y_pred):
    return -abs(y_true - y_pred).sum(axis=-1)


def wide_model(*more: layers.Layer) -> models.Sequential:
    return fastmlp.Sequential([fastmlp.Input((3,)), Wide(2, name="w"), *more])


def test_names():
    assert saving.get_registered_name(Wide) == "tests>Wide"
    assert saving.get_registered_name(far) == "tests>distance"
    assert saving.get_registered_name(Narrow) == "Narrow"
    assert saving.get_registered_object("tests>Wide") is Wide
    assert saving.get_custom_objects()["tests>distance"] is far
    assert saving.get_registered_object("tests>Nothing") is None
    assert saving.get_registered_object("n", {"n": 1}, {"n": 2}) == 1
    assert saving.get_registered_object("n", None, {"n": 2}) == 2
    with pytest.raises(ValueError, match=r"does not have a get_config\(\) method"):
        saving.register_keras_serializable()(int)


def test_utils_has_the_same_names():
    for name in saving.__all__:
        if name in fastmlp.utils.__all__:
            assert getattr(fastmlp.utils, name) is getattr(saving, name), name
    assert "register_keras_serializable" in fastmlp.utils.__all__


def test_a_registered_layer_comes_back_from_json():
    model = wide_model()
    told = json.loads(model.to_json())
    assert told["module"] == "keras"
    assert told["config"]["layers"][1]["registered_name"] == "tests>Wide"
    back = models.model_from_json(model.to_json())
    assert type(back.layers[0]) is Wide
    assert back.layers[0].units == 2


def test_one_that_is_not_registered_needs_to_be_given():
    text = wide_model(Narrow(1)).to_json()
    with pytest.raises(ValueError, match=r"layer='Narrow'.*register_keras_serializable"):
        models.model_from_json(text)
    config = json.loads(text)
    made = [
        models.model_from_json(text, custom_objects={"Narrow": Narrow}),
        fastmlp.Sequential.from_config(config["config"], {"Narrow": Narrow}),
        layers.deserialize(config, {"Narrow": Narrow}),
    ]
    with saving.custom_object_scope({"Narrow": Narrow}):
        made.append(models.model_from_json(text))
    assert [type(model.layers[1]) for model in made] == [Narrow] * 4


def test_a_class_of_the_name_of_a_built_in_one_is_not_taken_for_it():
    config = layers.serialize(type("Dense", (layers.Dense,), {})(3))
    assert config["class_name"] == "Dense"
    with pytest.raises(ValueError, match="layer must be one of"):
        layers.deserialize(config)
    config["module"] = None  # of a class of the main program
    with pytest.raises(ValueError, match="layer must be one of"):
        layers.deserialize(config)


def test_a_module_that_a_configuration_names_is_not_imported():
    config = {"module": "antigravity", "class_name": "fly", "config": {}, "registered_name": "fly"}
    with pytest.raises(ValueError, match="layer='fly'"):
        layers.deserialize(config)
    with pytest.raises(TypeError, match="Could not locate class 'fly'"):
        saving.deserialize_keras_object(config)
    assert "antigravity" not in sys.modules
    function = {"module": "os", "class_name": "function", "config": "system"}
    with pytest.raises(ValueError, match="activation='system'"):
        activations.get(function)
    with pytest.raises(TypeError, match="Could not locate function 'system'"):
        saving.deserialize_keras_object(function)


def test_scopes_replace_each_other_and_belong_to_a_thread():
    find = saving.get_registered_object
    with saving.CustomObjectScope({"a": 1}) as scope:
        assert scope.custom_objects == {"a": 1}
        with suppress(KeyError), saving.CustomObjectScope({"b": 2}):
            assert (find("a"), find("b")) == (None, 2)
            raise KeyError
        found: list[object] = []
        thread = threading.Thread(target=lambda: found.append(find("a")))
        thread.start()
        thread.join()
        assert (find("a"), find("b"), found) == (1, None, [None])
    assert find("a") is None


def test_other_families():
    with saving.custom_object_scope({"Heavy": Heavy, "near": near}):
        assert regularizers.get("Heavy").l2 == 0.5
        assert type(regularizers.deserialize(regularizers.serialize(Heavy(0.1)))) is Heavy
        assert losses.get("near")(np.ones((2, 1)), np.zeros((2, 1))) == -1.0
        assert metrics.get("near").name == "near"
        dense = layers.deserialize(layers.serialize(layers.Dense(1, kernel_regularizer=Heavy())))
        assert type(dense.kernel_regularizer) is Heavy
        function = layers.serialize(layers.Dense(1, kernel_constraint=abs_of))
        with pytest.raises(ValueError, match="constraint='abs_of'"):
            layers.deserialize(function)
        assert layers.deserialize(function, {"abs_of": abs_of}).kernel_constraint is abs_of
    wrapper = metrics.MeanMetricWrapper(far, name="far")
    assert metrics.deserialize(metrics.serialize(wrapper))._fn is far
    assert losses.get(losses.serialize(far)).name == "far"
    assert losses.deserialize("mse").name == "mean_squared_error"
    message = "optimizer must be a name or an instance"
    with saving.custom_object_scope({"no": 3}), pytest.raises(TypeError, match=message):
        optimizers.get("no")


def abs_of(w):
    return abs(w)


def test_an_optimizer_with_a_schedule_of_ones_own():
    class Falling(optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5

        def get_config(self):
            return {}

    config = optimizers.SGD(Falling()).get_config()
    made = optimizers.SGD.from_config(config, custom_objects={"Falling": Falling})
    assert float(made.learning_rate) == 0.5
    with pytest.raises(ValueError, match="schedule='Falling'"):
        optimizers.SGD.from_config(config)


class Plain:
    """With a configuration, and of no family."""

    def __init__(self, size):
        self.size = size

    def get_config(self):
        return {"size": self.size}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


def test_objects_as_plain_data_and_back():
    relu = functools.partial(activations.relu, max_value=2.0)
    things = {
        "numbers": [1, 2.5, True, None, "text"],
        "array": np.array([[1.0, 2.0]]),
        "tensor": layers.Identity()([[1.0]]),
        "rest": [b"bytes", slice(1, None, 2), ..., np.float64(2.0), np.array(3)],
        "objects": [regularizers.L2(0.5), activations.tanh, relu, far, Plain(3)],
        "schedule": optimizers.schedules.CosineDecay(0.1, 10),
        "model": wide_model(),
    }
    told = json.loads(json.dumps(saving.serialize_keras_object(things)))
    back = saving.deserialize_keras_object(told, {"Plain": Plain})
    assert back["numbers"] == things["numbers"]
    np.testing.assert_array_equal(back["array"], things["array"])
    assert type(back["tensor"]) is fastmlp.Tensor
    assert back["rest"] == [b"bytes", slice(1, None, 2), ..., 2.0, 3]
    l2, tanh, relu_2, far_2, plain = back["objects"]
    assert (l2.l2, tanh, far_2, plain.size) == (0.5, activations.tanh, far, 3)
    assert float(relu_2(3.0)) == 2.0
    assert back["schedule"].get_config() == things["schedule"].get_config()
    assert type(back["model"].layers[0]) is Wide


def test_keras_own_form():
    config = {
        "module": "keras.optimizers",
        "class_name": "SGD",
        "config": {"learning_rate": 0.5},
        "registered_name": None,
    }
    assert float(saving.deserialize_keras_object(config).learning_rate) == 0.5
    function = {"module": "builtins", "class_name": "function", "config": "tanh"}
    assert saving.deserialize_keras_object(function) is activations.tanh


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: saving.serialize_keras_object(object()), TypeError, "must implement the `get_con"),
        (lambda: saving.serialize_keras_object(Wide), TypeError, "must implement the `get_config"),
        (lambda: saving.deserialize_keras_object({1, 2}), TypeError, "Could not parse config"),
        (lambda: saving.deserialize_keras_object("a", safe_mode=False), ValueError, "safe_mode"),
        (
            lambda: saving.deserialize_keras_object({"class_name": "__lambda__", "config": {}}),
            ValueError,
            "deserialization of a Python lambda",
        ),
        (
            lambda: saving.deserialize_keras_object({"class_name": "__typespec__", "config": {}}),
            TypeError,
            "Could not parse config of class_name '__typespec__'",
        ),
        (
            lambda: saving.deserialize_keras_object({"class_name": "Dense", "config": "x"}),
            TypeError,
            "Expected 'config' to be a dict for Dense",
        ),
        (
            lambda: saving.deserialize_keras_object(
                {"class_name": "f", "config": {}}, {"f": type("f", (), {})}
            ),
            TypeError,
            "missing a `from_config",
        ),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_get_config_must_return_a_dict():
    thing = Plain(3)
    thing.get_config = lambda: 3  # type: ignore[method-assign]
    with pytest.raises(TypeError, match=r"should return a dict\. It returned: 3"):
        saving.serialize_keras_object(thing)


def test_clones_of_layers_that_are_not_registered():
    inner = fastmlp.Sequential([Narrow(4, name="inner")], name="in")
    model = fastmlp.Sequential([fastmlp.Input((3,)), inner, Narrow(2, name="n")])
    clone = models.clone_model(model)
    assert [type(layer) for layer in clone.layers] == [fastmlp.Sequential, Narrow]
    assert clone.layers[0].layers[0] is not inner.layers[0]
    assert [v.shape for v in clone.weights] == [v.shape for v in model.weights]

    def doubled(layer):
        if isinstance(layer, layers.Dense):
            return layers.Dense(2 * layer.units)
        return type(layer).from_config(layer.get_config())

    x = fastmlp.Input((3,))
    chain = fastmlp.Model(x, Narrow(2)(layers.Dense(5)(x)), name="chain")
    clone = models.clone_model(chain, clone_function=doubled)
    assert (clone.name, clone.output_shape, clone.count_params()) == ("chain", (None, 4), 84)
    with pytest.raises(TypeError, match=r"clone_function must return a layer\. Received: 3"):
        models.clone_model(chain, lambda layer: 3)
    with pytest.raises(ValueError, match="clone_function must be None for a class of models"):
        models.clone_model(type("Own", (fastmlp.Sequential,), {})(), doubled)
