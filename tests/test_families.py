"""What the families of the face (layers, losses, metrics, ...) share: names and configurations."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

import fastmlp
from fastmlp import activations, callbacks, initializers, layers, losses, metrics, optimizers
from fastmlp._registry import Registry

FAMILIES = [initializers, layers, losses, metrics, optimizers]

# Arguments that a class cannot be made without.
NEEDED = {
    layers.Activation: {"activation": "tanh"},
    layers.AlphaDropout: {"rate": 0.5},
    layers.CategoryEncoding: {"num_tokens": 3},
    layers.Dense: {"units": 3},
    layers.Discretization: {"bin_boundaries": [0.0, 1.0]},
    layers.Dropout: {"rate": 0.5},
    layers.Embedding: {"input_dim": 4, "output_dim": 2},
    layers.GaussianDropout: {"rate": 0.5},
    layers.GaussianNoise: {"stddev": 0.5},
    layers.InputLayer: {"shape": (3,)},
    layers.Permute: {"dims": (2, 1)},
    layers.RepeatVector: {"n": 2},
    layers.Reshape: {"target_shape": (3,)},
    layers.Rescaling: {"scale": 0.5},
}

TWO = {"num_classes": 2}
NEEDED |= {cls: TWO | {"target_class_ids": [0]} for cls in (metrics.IoU, metrics.OneHotIoU)}
NEEDED |= {metrics.ConfusionMatrix: TWO, metrics.MeanIoU: TWO, metrics.OneHotMeanIoU: TWO}
NEEDED |= {
    metrics.PrecisionAtRecall: {"recall": 0.5},
    metrics.RecallAtPrecision: {"precision": 0.5},
    metrics.SensitivityAtSpecificity: {"specificity": 0.5},
    metrics.SpecificityAtSensitivity: {"sensitivity": 0.5},
}

# Arguments that a configuration leaves out: those with one value, other words for another, and
# what was not given, a shape or a regularizer of activities.
LEFT_OUT = {
    layers.Dense: {"lora_rank", "lora_alpha", "quantization_config"},
    layers.BatchNormalization: {
        "renorm",
        "renorm_clipping",
        "renorm_momentum",
        "synchronized",
    },
    layers.Embedding: {"weights", "lora_rank", "lora_alpha", "quantization_config"},
    layers.InputLayer: {"shape", "batch_size", "sparse", "ragged", "input_tensor", "optional"},
    layers.Layer: {"activity_regularizer", "input_dim", "input_shape"},
    losses.Loss: {"dtype"},
}

# What **options stands for besides arguments that a configuration leaves out.
OF_ALL = {
    layers.Layer: {"dtype", "name", "trainable"},
    optimizers.Optimizer: {"clipnorm", "clipvalue", "global_clipnorm", "name"},
}

CLASSES = [
    thing
    for family in FAMILIES
    for name, thing in vars(family).items()
    if name in family.__all__ and isinstance(thing, type) and name == thing.__name__
]
BASES = (
    initializers.Initializer,
    initializers.RandomInitializer,
    layers.InputSpec,  # no layer
    layers.Lambda,  # of a function, see test_layers_by_call.py
    layers.Layer,
    layers.Masking,  # cannot be made
    losses.Loss,
    metrics.Metric,
    metrics.Mean,
    metrics.MeanMetricWrapper,
    optimizers.Optimizer,
)


def by_name(thing: type) -> str:
    return thing.__name__


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls not in BASES], ids=by_name)
def test_a_configuration_holds_every_argument(cls):
    made = cls(**NEEDED.get(cls, {}))
    parameters = inspect.signature(cls).parameters.values()
    arguments = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        arguments |= OF_ALL[next(base for base in OF_ALL if issubclass(cls, base))]
    config = made.get_config()
    left_out = set().union(*(LEFT_OUT.get(base, set()) for base in cls.__mro__))
    assert set(config) == (arguments - left_out) | NEEDED.get(cls, {}).keys() - LEFT_OUT.get(
        cls, set()
    )
    assert cls.from_config(config).get_config() == config


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls not in BASES], ids=by_name)
def test_every_class_is_known_by_its_name(cls):
    family = next(family for family in FAMILIES if cls in vars(family).values())
    config = {"class_name": cls.__name__, "config": NEEDED.get(cls, {})}
    assert type(family.deserialize(config)) is cls


def test_options_are_those_of_the_base():
    class Own(layers.Dense):
        def __init__(self, width, **options):
            self.width = width
            super().__init__(2 * width, **options)

    own = Own(3, activation="relu", name="own", kernel_initializer="ones", input_dim=4)
    assert own.get_config() == {
        "width": 3,
        "units": 6,
        "activation": "relu",
        "use_bias": True,
        "kernel_initializer": initializers.serialize(initializers.Ones()),
        "bias_initializer": initializers.serialize(initializers.Zeros()),
        "kernel_regularizer": None,
        "bias_regularizer": None,
        "kernel_constraint": None,
        "bias_constraint": None,
        "name": "own",
        "trainable": True,
        "dtype": "float64",
        "input_shape": (4,),
    }


def test_a_subclass_without_options_has_its_arguments_only():
    class Half(losses.CategoricalCrossentropy):
        def __init__(self, from_logits=False):
            super().__init__(from_logits, label_smoothing=0.5)

    config = Half(True).get_config()
    assert config == {"from_logits": True}
    assert Half.from_config(config).label_smoothing == 0.5


def test_the_rate_in_a_configuration_is_the_present_one():
    sgd = optimizers.SGD(0.1)
    sgd.learning_rate = 0.5
    assert sgd.get_config() == {
        "learning_rate": 0.5,
        "momentum": 0.0,
        "nesterov": False,
        "weight_decay": None,
        "clipnorm": None,
        "clipvalue": None,
        "global_clipnorm": None,
        "use_ema": False,
        "ema_momentum": 0.99,
        "ema_overwrite_frequency": None,
        "loss_scale_factor": None,
        "gradient_accumulation_steps": None,
        "name": "sgd",
    }
    assert type(sgd.get_config()["learning_rate"]) is float


def test_representations_show_the_arguments():
    assert repr(initializers.RandomNormal(seed=3)) == "RandomNormal(mean=0.0, stddev=0.05, seed=3)"
    assert repr(losses.MeanSquaredError("sum")) == (
        "MeanSquaredError(reduction='sum', name='mean_squared_error')"
    )


@pytest.mark.parametrize("family", FAMILIES, ids=by_name)
@pytest.mark.parametrize("config", [None, 3, "Dens", {}, {"class_name": ["Dense"]}])
def test_what_is_no_configuration(family, config):
    with pytest.raises(ValueError, match=r"must (be one of|have).* Received: "):
        family.deserialize(config)


@pytest.mark.parametrize("cls", [layers.Dense, losses.MeanSquaredError, optimizers.Adam])
def test_arguments_that_are_no_dict(cls):
    with pytest.raises(TypeError, match=f"config must be a dict.*{cls.__name__}.*config=None"):
        cls.from_config(None)
    with pytest.raises(TypeError, match="config must be a dict"):
        fastmlp.layers.deserialize({"class_name": "Dense", "config": 3})


# Functions that are classes as well.


@pytest.mark.parametrize(
    ("family", "cls", "function"),
    [
        (family, getattr(family, name), function)
        for family, functions in (
            (losses, ("SparseCategoricalCrossentropy", "CategoricalCrossentropy")),
            (losses, ("MeanSquaredError",)),
            (metrics, ("SparseCategoricalAccuracy", "CategoricalAccuracy", "BinaryAccuracy")),
            (metrics, ("MeanSquaredError",)),
        )
        for name in functions
        for function in [getattr(family, fastmlp._naming.snake_case(name))]
    ],
)
def test_a_function_means_its_class(family, cls, function):
    made = family.get(function)
    assert type(made) is cls
    assert made.name == function.__name__
    twin = family.deserialize(family.serialize(made))
    assert twin.get_config() == made.get_config()


def test_a_function_without_a_class_is_wrapped():
    metric = metrics.get(lambda y_true, y_pred: y_pred)
    assert type(metric) is metrics.MeanMetricWrapper
    assert metric.name == "lambda"


def test_activations_by_name_and_function():
    for name in ("linear", "relu", "softmax", "tanh"):
        function = getattr(activations, name)
        assert activations.get(name) is activations.get(function) is function
        assert activations.deserialize(activations.serialize(function)) is function
    with pytest.raises(ValueError, match="of these functions"):
        activations.get(np.tanh)
    assert activations.get(by_name) is by_name


# The registry.


def test_registration_is_all_that_a_name_needs():
    class Thing:
        pass

    registry: Registry[Thing] = Registry("thing", Thing, "things", ignore_case=True)

    def big_thing():
        pass

    @registry.register("huge", "big", function=big_thing)
    class BigThing(Thing):
        pass

    @registry.register()
    class SmallThing(Thing):
        pass

    for identifier in ("huge", "big", "BIG", "BigThing", "big_thing", big_thing, BigThing):
        assert type(registry.get(identifier)) is BigThing
    assert registry.class_of(big_thing) is BigThing
    assert registry.lookup("small_thing") is SmallThing
    with pytest.raises(ValueError, match=r"thing must be one of 'huge', 'small_thing'\. .*='none'"):
        registry.get("none")
    with pytest.raises(TypeError, match="thing must be a name or an instance of Thing"):
        registry.get(([],))  # a tuple that cannot be hashed


# The layering.


def test_callbacks_import_no_model():
    files = list(Path(callbacks.__file__).parent.glob("*.py"))
    assert len(files) > 1
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(alias.name for alias in node.names)]
                assert not any(name.split(".")[0] in ("layers", "models") for name in names), file
