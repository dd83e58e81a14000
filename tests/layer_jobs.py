"""Jobs of layers that lay samples out anew, normalize rows or take categories."""

from __future__ import annotations

from dataclasses import replace

from engine_cases import ADAM, CATEGORICAL, NESTEROV, SPARSE, SQUARED, Job

from fastmlp.engine import (
    BatchNormalization,
    CategoryEncoding,
    Clip,
    Dense,
    Discretization,
    Dropout,
    Embedding,
    Network,
    Relu,
    Repeat,
    Reshape,
    Rmsprop,
    RowNormalization,
    Scaling,
    Sigmoid,
    Softmax,
    Standardization,
    Tanh,
    Training,
    Transpose,
    make_loss,
)

LAYER_JOBS = [
    Job(
        "rows of samples, narrow, several gradient blocks, weighted",
        # samples (12, 5) of which every row has a loss
        Network(60, (Reshape(5), Dense(5, 9), Tanh(), RowNormalization(), Scaling(), Dense(9, 3))),
        Training(replace(SPARSE, reduction="mean_with_sample_weight"), ADAM),
        300,
        200,
        weighted=True,
    ),
    Job(
        "rows of samples, wide, axes swapped and flattened again",
        Network(
            120,
            (
                Reshape(40),
                Dense(40, 300),
                Relu(),
                Dropout(0.2, 3),
                Transpose(3, 300),
                Reshape(3),
                Dense(3, 17, use_bias=False),
                BatchNormalization(),
                Transpose(5, 60, 17),
                Tanh(),
                Reshape(300 * 17),
                Dense(300 * 17, 4),
            ),
        ),
        Training(CATEGORICAL, NESTEROV, Clip(global_clipnorm=0.5)),
        35,
        16,
    ),
    Job(
        "a wide layer's rows repeated, squared error of each",
        Network(30, (Dense(30, 333), Sigmoid(), Repeat(3), Dense(333, 7), Repeat(2), Tanh())),
        Training(SQUARED, ADAM),
        70,
        32,
        density=0.2,
        weighted=True,
    ),
    Job(
        "probabilities for each row of a sample",
        Network(60, (Dense(60, 280), Relu(), Reshape(70), Dense(70, 6), Softmax())),
        Training(make_loss("categorical_crossentropy", label_smoothing=0.1), ADAM),
        70,
        32,
        weighted=True,
    ),
    Job(
        "entries of categories, in bytes, normalized to unit length",
        Network(
            6,
            (
                Embedding(200, 21),
                Reshape(126),
                Dense(126, 260),
                RowNormalization(1e-12, False, True),
                Dense(260, 5),
            ),
        ),
        Training(SPARSE, ADAM),
        2500,
        1100,
        dtype="uint8",
    ),
    Job(
        "categories counted, given moments, root mean squares, a scale alone behind a wide layer",
        Network(
            9,
            (
                CategoryEncoding(40, True),
                Standardization(),
                Dense(40, 280),
                Scaling(center=False),
                Tanh(),
                RowNormalization(1e-6, False),
                Scaling(True, False),
                Dense(280, 6),
                Standardization(True),
            ),
        ),
        Training(SQUARED, Rmsprop(), Clip(clipnorm=0.3)),
        70,
        32,
        dtype="uint8",
    ),
    Job(
        "numbers of bins counted, and bins of what a wide layer puts out",
        Network(
            9,
            (
                Discretization(5),
                CategoryEncoding(6, True),
                Dense(6, 280),
                Tanh(),
                Discretization(2),
                Dense(280, 3),
            ),
        ),
        Training(SQUARED, ADAM),
        70,
        32,
    ),
]
