"""Classes from a table: read a CSV file, scale its columns, train, look at the mistakes.

The file is made up here: three kinds of seeds with four measurements each.
"""

import csv
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import fastmlp as keras

rng = np.random.default_rng(0)
path = Path(tempfile.mkdtemp()) / "seeds.csv"
with path.open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["length", "width", "groove", "asymmetry", "kind"])
    for kind, middle in [("kama", 5.5), ("rosa", 6.2), ("canadian", 4.9)]:
        for length in rng.normal(middle, 0.2, 120):
            width = 0.35 * length + 1.3 + rng.normal(0.0, 0.12)
            groove = length - 0.4 + rng.normal(0.0, 0.1 + 0.2 * (kind == "kama"))
            asymmetry = rng.gamma(3.0, 0.9 if kind != "canadian" else 1.6)
            values = (f"{value:.3f}" for value in (length, width, groove, asymmetry))
            writer.writerow([*values, kind])

with path.open(newline="") as file:
    rows = list(csv.DictReader(file))
columns = ["length", "width", "groove", "asymmetry"]
x = np.array([[float(row[column]) for column in columns] for row in rows])
kinds, y = np.unique([row["kind"] for row in rows], return_inverse=True)
order = rng.permutation(len(x))
train, test = order[:270], order[270:]

keras.utils.set_random_seed(1)
scale = keras.layers.Normalization()
scale.adapt(x[train])
model = keras.Sequential(
    [scale, keras.layers.Dense(16, activation="relu"), keras.layers.Dense(3, activation="softmax")]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x[train], y[train], epochs=60, batch_size=16, verbose=0)
loss, accuracy = model.evaluate(x[test], y[test], verbose=0)
print(f"accuracy on {len(test)} rows not seen: {accuracy:.3f}")
guess = model.predict(x[test], verbose=0).argmax(axis=1)
mistakes = Counter((kinds[t], kinds[g]) for t, g in zip(y[test], guess, strict=True) if t != g)
for (true, guessed), count in mistakes.most_common():
    print(f"{count} of kind {true} taken for {guessed}")
