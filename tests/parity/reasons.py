"""Why a name of Keras is not one of fastmlp's: patterns of names (fnmatch), by module."""

from __future__ import annotations

SPATIAL = "works on images, sequences or volumes: fastmlp is for multilayer perceptrons"
SEQUENCE = "recurrent or attentive: fastmlp is for multilayer perceptrons"
TEXT = "turns text into numbers: do it before training (scikit-learn's vectorizers)"
AUGMENTATION = "augments images: fastmlp is for multilayer perceptrons"
GRAPH = "joins branches: fastmlp takes graphs that are a chain, and says so where one branches"
BACKEND = "about a backend, tracing or a device: fastmlp has one backend, the CPU in float64"
LOW_PRECISION = "about other types than float64"
OF_FILES = "models and weights go to files as a whole, by save and save_weights"
PICKLES = "its files are pickles, which may run any code: read them once yourself, and save arrays"
WORDS = "sequences of words, in files that are pickles"
IMAGES = "reads or writes images: Pillow does"
FILES = "reads folders of images, sound or text"
LABELS = "takes sequences of labels, or pairs of embeddings: not what an MLP is trained with"

GRAPH_ONLY = "about layers that are built of operations of a backend"
STATELESS = "for JAX's functions without state"
OWN_STEPS = "the engines run whole steps; a training loop by hand has loss_and_gradient and apply"
ARRAYS = "NumPy has it; ops holds what losses, metrics and layers are written with"
DRAWS = "numpy.random draws; what fastmlp draws by itself is in docs/seeds.md"
MASKS = "sequences are not masked: sample weights leave samples out"
ACTIVATION = "in fastmlp.activations"
OWN_SCALARS = "regularizers and activity regularizers add to the loss"

# Of models and layers: what Keras's own machinery exports with them.
MACHINERY = {
    "add_loss": OWN_SCALARS,
    "add_metric": "metrics are given to compile",
    "add_variable": "add_weight is",
    "compute_mask": MASKS,
    "supports_masking": MASKS,
    "compute_output_spec": GRAPH_ONLY,
    "symbolic_call": GRAPH_ONLY,
    "*dtype": LOW_PRECISION,
    "dtype_policy": LOW_PRECISION,
    "quantiz*": LOW_PRECISION,
    "rematerialized_call": BACKEND,
    "stateless_*": STATELESS,
    "*_own_variables": OF_FILES,
    "metrics": "metrics are given to compile",
    "metrics_variables": STATELESS,
    "path": "names are unique in a model",
}
MODEL_MACHINERY = {
    **{key: value for key, value in MACHINERY.items() if key != "metrics"},
    "compute_loss*": OWN_STEPS,
    "get_quantization_layer_structure": LOW_PRECISION,
    "compute_metrics": OWN_STEPS,
    "*_step": OWN_STEPS,
    "make_*_function": OWN_STEPS,
    "get_metrics_result": OWN_STEPS,
    "jax_state_sync": STATELESS,
    "*_state_tree": STATELESS,
    "jit_compile": "set by compile; the engine is compiled C",
    "run_eagerly": "set by compile; the engine is compiled C",
}

Reasons = dict[str, dict[str, str]]

REASONS: Reasons = {
    "Model": {
        **MODEL_MACHINERY,
        "get_layer": "of a Sequential, and of Model(inputs, outputs)",
        "to_json": "of a Sequential, and of Model(inputs, outputs)",
    },
    "Sequential": MODEL_MACHINERY,
    "layers.Layer": MACHINERY,
    "metrics.Metric": {"stateless_*": STATELESS, "dtype": LOW_PRECISION},
    "optimizers.Optimizer": {
        "add_*variable*": "an optimizer of one's own is a loop by hand",
        "assign*": "an optimizer of one's own is a loop by hand",
        "update_step": "an optimizer of one's own is a loop by hand",
        "*_own_variables": OF_FILES,
        "stateless_apply": STATELESS,
    },
    "ops": {
        "conv*": SPATIAL,
        "*_conv": SPATIAL,
        "*pool": SPATIAL,
        "ctc_*": SEQUENCE,
        "dot_product_attention": SEQUENCE,
        "*_normalization": "layers normalize",
        "fold": SPATIAL,
        "unfold": SPATIAL,
        "*depth*": SPATIAL,
        "*fft*": SPATIAL,
        "*stft": SPATIAL,
        "extract_sequences": SPATIAL,
        "celu": ACTIVATION,
        "glu": ACTIVATION,
        "hard_*": ACTIVATION,
        "soft_shrink": ACTIVATION,
        "spars*": ACTIVATION,
        "squareplus": ACTIVATION,
        "tanh_shrink": ACTIVATION,
        "threshold": ACTIVATION,
        "associative_scan": BACKEND,
        "cond": BACKEND,
        "custom_gradient": "return (values, gradients)",
        "fori_loop": BACKEND,
        "jvp": BACKEND,
        "map": BACKEND,
        "scan": BACKEND,
        "switch": BACKEND,
        "vectorize*": BACKEND,
        "while_loop": BACKEND,
        "*": ARRAYS,
    },
    "keras": {
        "KerasTensor": GRAPH_ONLY,
        "*DTypePolicy": LOW_PRECISION,
        "Quantizer": LOW_PRECISION,
        "Function": GRAPH,
        "Operation": BACKEND,
        "*Scope": BACKEND,
        "device": BACKEND,
        "name_scope": BACKEND,
        "remat": BACKEND,
    },
    "layers": {
        "*Attention": SEQUENCE,
        "*RNN*": SEQUENCE,
        "*LSTM*": SEQUENCE,
        "*GRU*": SEQUENCE,
        "Bidirectional": SEQUENCE,
        "TimeDistributed": "Dense works on the last axis of any rank, so it is not needed",
        "*Conv*": SPATIAL,
        "*Pool*": SPATIAL,
        "Cropping*": SPATIAL,
        "ZeroPadding*": SPATIAL,
        "UpSampling*": SPATIAL,
        "SpatialDropout*": SPATIAL,
        "*Spectrogram": SPATIAL,
        "Random*": AUGMENTATION,
        "RandAugment": AUGMENTATION,
        "AugMix": AUGMENTATION,
        "AutoContrast": AUGMENTATION,
        "CenterCrop": AUGMENTATION,
        "ContrastLimited*": AUGMENTATION,
        "CutMix": AUGMENTATION,
        "MixUp": AUGMENTATION,
        "Equalization": AUGMENTATION,
        "Resizing": AUGMENTATION,
        "Solarization": AUGMENTATION,
        "MaxNumBoundingBoxes": AUGMENTATION,
        "*Vectorization": TEXT,
        "StringLookup": TEXT,
        "IntegerLookup": TEXT,
        "Hash*": TEXT,
        "Pipeline": "a Sequential is one",
        "STFTSpectrogram": SPATIAL,
        "Add": GRAPH,
        "Subtract": GRAPH,
        "Multiply": GRAPH,
        "Average": GRAPH,
        "Maximum": GRAPH,
        "Minimum": GRAPH,
        "Concatenate": GRAPH,
        "Dot": GRAPH,
        "add": GRAPH,
        "subtract": GRAPH,
        "multiply": GRAPH,
        "average": GRAPH,
        "maximum": GRAPH,
        "minimum": GRAPH,
        "concatenate": GRAPH,
        "dot": GRAPH,
        "*JaxLayer": BACKEND,
        "FlaxLayer": BACKEND,
        "TorchModuleWrapper": BACKEND,
        "TFSMLayer": BACKEND,
        "EinsumDense": "Dense, Reshape and Permute do what an MLP needs of it",
        "ReversibleEmbedding": SEQUENCE,
        "Wrapper": "a subclass of Layer may have layers as attributes and call them",
        "SpectralNormalization": "a power iteration at each step, for adversarial networks",
    },
    "losses": {
        "[Cc]ircle": LABELS,
        "CTC": LABELS,
        "ctc": LABELS,
    },
    "metrics": {"*_focal_crossentropy": "in fastmlp.losses, and as a string"},
    "saving": {
        "load_weights": "a method of the model",
        "save_weights": "a method of the model",
        "KerasFileEditor": OF_FILES,
    },
    "callbacks": {"OrbaxCheckpoint": BACKEND},
    "initializers": {"STFT*": SPATIAL, "stft": SPATIAL},
    "optimizers": {
        "LossScaleOptimizer": LOW_PRECISION,
        "MultiOptimizer": "one optimizer trains a model",
        "OptimizerMap": "one optimizer trains a model",
        "Muon": "made for the matrices of large language models",
    },
    "config": {
        "*flash_attention*": BACKEND,
        "*traceback_filtering*": BACKEND,
        "*nnx*": BACKEND,
        "*backend": BACKEND,
        "*dtype_policy": LOW_PRECISION,
        "*image_data_format": SPATIAL,
        "*max_epochs": "a limit for Keras's own tests",
        "*max_steps_per_epoch": "a limit for Keras's own tests",
        "enable_unsafe_deserialization": "there is nothing unsafe to enable",
    },
    "backend": {
        "backend": BACKEND,
        "*image_data_format": SPATIAL,
        "get_uid": BACKEND,
        "is_*": BACKEND,
        "result_type": LOW_PRECISION,
        "standardize_dtype": LOW_PRECISION,
    },
    "random": {"*": DRAWS},
    "datasets.cifar10": {"*": PICKLES},
    "datasets.cifar100": {"*": PICKLES},
    "datasets.imdb": {"*": WORDS},
    "datasets.reuters": {"*": WORDS},
    "utils": {
        "*pack_x_y_sample_weight": OWN_STEPS,
        "*_dataset_from_directory": FILES,
        "*_img": IMAGES,
        "array_to_img": IMAGES,
        "img_to_array": IMAGES,
        "FeatureSpace": "describes columns of mixed types: scikit-learn's ColumnTransformer does",
        "model_to_dot": "plot_model writes SVG itself",
        "get_source_inputs": GRAPH,
        "is_keras_tensor": BACKEND,
        "standardize_dtype": LOW_PRECISION,
        "pad_sequences": SEQUENCE,
        "timeseries_dataset_from_array": SEQUENCE,
        "Config": BACKEND,
    },
}
