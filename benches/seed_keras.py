#!/usr/bin/env python3
"""The seed models that Keras supports: milliseconds per optimizer step, as one line of JSON.

    python3 benches/seed_keras.py lstm_500

Needs tensorflow (or tensorflow-cpu).
"""

import json
import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

layers = tf.keras.layers
random = np.random.default_rng(0)


def yes(rows):
    return random.integers(0, 2, (rows, 1)).astype("float32")


def work(name):
    """The compiled model, a batch, and the number of steps per measurement."""
    if name == "tokens":
        given = tf.keras.Input((128,), dtype="int32")
        model = tf.keras.Model(given, layers.Dense(1000)(layers.Embedding(1000, 128)(given)))
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(tf.keras.optimizers.SGD(0.01), loss)
        return model, random.integers(0, 1000, (100, 128)), random.integers(0, 1000, (100, 128)), 10
    if name in ("lstm_500", "lstm_200"):
        length = int(name[5:])
        given = tf.keras.Input((length,), dtype="int32")
        h = layers.LSTM(128)(layers.Embedding(10_000, 128)(given))
        h = layers.Dropout(0.5)(layers.Dense(128, activation="relu")(h))
        ends = {end: layers.Dense(1, activation="sigmoid", name=end)(h) for end in ("first", "second")}
        model = tf.keras.Model(given, ends)
        model.compile("adam", {end: "binary_crossentropy" for end in ends})
        return model, random.integers(0, 10_000, (32, length)), {end: yes(32) for end in ends}, 8
    if name == "convolution":
        given = tf.keras.Input((28, 28, 3))
        h = layers.Conv2D(128, 3, padding="same")(layers.Conv2D(64, 3, padding="same")(given))
        h = layers.Flatten()(layers.MaxPool2D(4)(h))
        model = tf.keras.Model(given, layers.Dense(2)(layers.Dense(256)(layers.Dense(512)(h))))
        model.compile("adam", "mse")
        x = random.normal(size=(32, 28, 28, 3)).astype("float32")
        return model, x, random.normal(size=(32, 2)).astype("float32"), 10
    if name == "dense":
        given = tf.keras.Input((32,))
        h = layers.Dense(128, activation="relu")(given)
        ends = {"yes": layers.Dense(1, activation="sigmoid", name="yes")(h), "number": layers.Dense(1, name="number")(h)}
        model = tf.keras.Model(given, ends)
        model.compile("adam", {"yes": "binary_crossentropy", "number": "mse"})
        truth = {"yes": yes(32), "number": random.normal(size=(32, 1)).astype("float32")}
        return model, random.normal(size=(32, 32)).astype("float32"), truth, 500
    sys.exit(f"no Keras model for {name}")


def main():
    model, x, y, steps = work(sys.argv[1])
    data = tf.data.Dataset.from_tensors((x, y)).repeat(steps)
    model.fit(data.take(3), verbose=0)
    turns = []
    for _ in range(3):
        start = time.perf_counter()
        model.fit(data, verbose=0)
        turns.append(1000 * (time.perf_counter() - start) / steps)
    print(json.dumps({"milliseconds": statistics.median(turns)}))


if __name__ == "__main__":
    main()
