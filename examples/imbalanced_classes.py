"""One sample in fifty is positive: class weights, and metrics that see them."""

import numpy as np

import fastmlp as keras

rng = np.random.default_rng(0)


def sample(n: int) -> tuple[np.ndarray, np.ndarray]:
    """x (n, 6) and whether each is positive (n, 1)."""
    y = (rng.random((n, 1)) < 0.02).astype(np.float64)
    return rng.normal(0.0, 1.0, (n, 6)) + 1.1 * y * np.array([1, -1, 1, 0, 0, 1]), y


x, y = sample(20000)
x_test, y_test = sample(20000)

for class_weight in (None, {0: 1.0, 1: 20.0}):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    metrics = [keras.metrics.Precision(), keras.metrics.Recall(), keras.metrics.AUC()]
    model.compile("adam", "binary_crossentropy", metrics=metrics)
    model.fit(x, y, epochs=5, batch_size=128, class_weight=class_weight, verbose=0)
    _, precision, recall, auc = model.evaluate(x_test, y_test, verbose=0)
    print(f"class_weight={class_weight}")
    print(f"  precision {precision:.3f}, recall {recall:.3f}, area under the curve {auc:.3f}")
