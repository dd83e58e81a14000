"""What the quickstart does, small."""

from __future__ import annotations

from typing import Any

from ..frame import case, classes, optimizer_variables, uniform


@case
def fit_and_evaluate(keras: Any) -> dict[str, Any]:
    """Flatten, Dense, Dense, sparse crossentropy from logits, Adam, a last batch of 4."""
    x, y = classes(0, rows=28, inputs=6)
    x = x.reshape(28, 2, 3)
    model = keras.models.Sequential(
        [
            keras.Input((2, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation="relu"),
            keras.layers.Dense(4),
        ]
    )
    model.set_weights(uniform(2, model))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
    probabilities = keras.Sequential([model, keras.layers.Softmax()])
    return {
        "weights": model.get_weights(),
        "optimizer": optimizer_variables(model),
        "history": dict(sorted(history.history.items())),
        "evaluate": model.evaluate(x, y, verbose=0),
        "predict": model.predict(x, verbose=0),
        "probabilities": probabilities.predict(x, verbose=0),
    }
