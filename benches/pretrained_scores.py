#!/usr/bin/env python3
"""Accuracy and macro F1 on tweets with few labels: from scratch, with a pretrained encoder, and as in PyTorch.

    pipelines/data/fetch tweets models
    cargo build --release --locked
    python3 benches/pretrained_scores.py target/release/mtl --rows 1000 --epochs 4 --seeds 3

All train on the same `--rows` training rows, drawn once, and are scored on all test rows. `tf-idf` is logistic
regression over TF-IDF; `scratch` is `pipelines/tweets.yaml`; `frozen` and `tuned` are `pipelines/tweets_pretrained.yaml`
with `freeze: all` (30 epochs over features computed once) and as it stands, for `--epochs`; `pytorch` is the same
fine-tuning by `benches/pretrained_torch.py`. Means over the seeds, and standard deviations. Needs what that program
needs, and scikit-learn.
"""

import argparse
import csv
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score

ROOT = pathlib.Path(__file__).resolve().parent / ".."


def output(*command):
    """Standard output of a process that must end well."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}")
    return done.stdout


def subset(path, count):
    """Writes all tweets but for `count` drawn training rows."""
    with open(ROOT / "pipelines/data/tweets/tweets.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    rows = list({row["text"]: row for row in reversed(rows)}.values())[::-1]
    train = [index for index, row in enumerate(rows) if row["part"] == "train"]
    drawn = set(random.Random(1).sample(train, min(count, len(train))))
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(row for index, row in enumerate(rows) if row["part"] != "train" or index in drawn)


def tf_idf(file):
    with open(file, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    train = [row for row in rows if row["part"] == "train"]
    test = [row for row in rows if row["part"] == "test"]
    vectors = TfidfVectorizer(min_df=2, sublinear_tf=True)
    seen = vectors.fit_transform(row["text"] for row in train)
    model = LogisticRegression(max_iter=1000, C=4.0).fit(seen, [row["sentiment"] for row in train])
    said = model.predict(vectors.transform(row["text"] for row in test))
    truth = [row["sentiment"] for row in test]
    return accuracy_score(truth, said), f1_score(truth, said, average="macro")


def mtl(binary, pipeline, file, seed, *settings):
    settings = [f"seed={seed}", f"data.tweets.source.csv.path={file}", *settings]
    with tempfile.TemporaryDirectory() as runs:
        command = [binary, "--runs", runs]
        sets = [word for setting in settings for word in ["--set", setting]]
        output(*command, "run", ROOT / "pipelines" / pipeline, "--quiet", "--threads", 2, *sets)
        sql = "select metric, value from scores where split = 'test' and task = 'sentiment'"
        scores = json.loads(output(*command, "query", sql, "--format", "json"))
    scores = {row["metric"]: row["value"] for row in scores}
    return scores["accuracy"], next(value for name, value in scores.items() if name.startswith("f1"))


def pytorch(file, epochs, seed):
    same = ["--batch", 16, "--length", 40, "--freeze", 3, "--rate", 2e-4, "--by-layer", 0.9]
    program = pathlib.Path(__file__).with_name("pretrained_torch.py")
    said = output(sys.executable, program, "tweets", "--file", file, "--epochs", epochs, "--seed", seed, *same)
    scores = json.loads(said.splitlines()[-1])
    return scores["sentiment_accuracy"], scores["sentiment_macro_f1"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary", type=pathlib.Path)
    arguments.add_argument("--rows", type=int, default=1000)
    arguments.add_argument("--epochs", type=int, default=4)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--only", nargs="*")
    given = arguments.parse_args()
    folder = tempfile.TemporaryDirectory()
    file = pathlib.Path(folder.name) / "tweets.csv"
    subset(file, given.rows)
    pretrained = "tweets_pretrained.yaml"
    frozen = ["trunk[0].pretrained.freeze=all", "train.epochs=30", "train.rates=null"]
    ways = {
        "tf-idf": lambda _: tf_idf(file),
        "scratch": lambda seed: mtl(given.binary, "tweets.yaml", file, seed, "train.epochs=30"),
        "frozen": lambda seed: mtl(given.binary, pretrained, file, seed, *frozen),
        "tuned": lambda seed: mtl(given.binary, pretrained, file, seed, f"train.epochs={given.epochs}"),
        "pytorch": lambda seed: pytorch(file, given.epochs, seed),
    }
    print(f"{given.rows} training rows  accuracy          macro F1", flush=True)
    for name, way in ways.items():
        if given.only and name not in given.only:
            continue
        scores = [way(seed) for seed in range(1, 1 + (1 if name == "tf-idf" else given.seeds))]
        columns = zip(*scores)
        spread = lambda values: statistics.stdev(values) if len(values) > 1 else 0.0
        cells = [f"{statistics.mean(values):.4f} ± {spread(values):.4f}" for values in columns]
        print(f"{name:20} {'   '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
