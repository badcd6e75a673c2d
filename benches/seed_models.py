#!/usr/bin/env python3
"""Speed of a training step, compared with PyTorch (eager) and Keras with the same work in the same run.

    cargo build --release --locked
    python3 benches/seed_models.py target/release/mtl

Run nothing else on the machine meanwhile. For each model this writes random data and a pipeline into a temporary
folder, runs both sides alternately, and prints the median milliseconds per step and the ratio: above 1, mtl is
faster. The time of mtl includes gathering batches; PyTorch and Keras reuse one prepared batch. Needs Python 3.9 with
torch; with --keras also tensorflow. `--only lstm_500,dense` selects models.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import zlib

from processor import processor

HERE = pathlib.Path(__file__).parent
THREADS = 2
SPEEDS = "select rows_per_second from epochs order by epoch"
ADAM = "{adam: {rate: 1.0e-3}}"


def jsonl(folder, rows):
    with open(folder / "rows.jsonl", "w") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
    return "{jsonl: rows.jsonl}"


def png(path, side, pixels):
    """A square RGB PNG image of these bytes, row-major."""

    def chunk(kind, content):
        check = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + check

    size = side.to_bytes(4, "big")
    lines = b"".join(b"\0" + pixels[3 * side * row : 3 * side * (row + 1)] for row in range(side))
    parts = chunk(b"IHDR", size + size + bytes([8, 2, 0, 0, 0])) + chunk(b"IDAT", zlib.compress(lines))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IEND", b""))


def pipeline(folder, source, inputs, trunk, tasks, batch, optimizer, epochs=4):
    text = f"""
name: bench
data:
  rows:
    source: {source}
    split: {{random: {{valid: 0.02, test: 0.02}}}}
inputs: {inputs}
trunk: {trunk}
tasks: {tasks}
train: {{epochs: {epochs}, batch_size: {batch}, optimizer: {optimizer}}}
"""
    (folder / "pipeline.yaml").write_text(text)
    return batch


def words(draw, vocabulary, rows, length):
    # Every word occurs in several rows, so that the vocabulary is complete.
    order = [f"w{number}" for number in range(vocabulary)]
    bag = []
    for _ in range(rows):
        while len(bag) < length:
            draw.shuffle(order)
            bag += order
        yield bag[:length]
        bag = bag[length:]


def tokens(folder, draw):
    classes = [f"c{number}" for number in range(1000)]
    rows = (
        {"text": row, "class": [draw.choice(classes) for _ in row]} for row in words(draw, 1000, 1050, 128)
    )
    return pipeline(
        folder,
        jsonl(folder, rows),
        "{text: {tokens: {length: 128, minimum: 1}}}",
        "[{embedding: 128}]",
        "{class: {target: class, kind: tagging, metrics: [accuracy]}}",
        100,
        "{sgd: {rate: 0.01}}",
    )


def lstm(folder, draw, length):
    rows = (
        {"text": row, "first": draw.randint(0, 1), "second": draw.randint(0, 1)}
        for row in words(draw, 10_000, 340, length)
    )
    return pipeline(
        folder,
        jsonl(folder, rows),
        f"{{text: {{tokens: {{length: {length}, minimum: 1}}}}}}",
        "[{embedding: 128}, {lstm: 128}, {pool: last}, {dense: {units: 128, activation: relu}}, {dropout: 0.5}]",
        "{first: {target: first, kind: binary}, second: {target: second, kind: binary}}",
        32,
        ADAM,
    )


def convolution(folder, draw):
    (folder / "pictures").mkdir()
    lines = ["file,a,b"]
    for number in range(340):
        png(folder / "pictures" / f"{number}.png", 28, draw.randbytes(3 * 28 * 28))
        lines.append(f"{number}.png,{draw.gauss(0, 1)},{draw.gauss(0, 1)}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return pipeline(
        folder,
        "{images: {path: pictures, labels: labels.csv}}",
        "{image: image}",
        "[{conv2d: 64}, {conv2d: 128}, {max_pool2d: 4}, flatten, {dense: 512}, {dense: 256}]",
        "{numbers: {target: [a, b], kind: regression}}",
        32,
        ADAM,
    )


def dense(folder, draw):
    def row():
        numbers = {f"x{number}": draw.gauss(0, 1) for number in range(32)}
        return {**numbers, "yes": draw.randint(0, 1), "number": draw.gauss(0, 1)}

    inputs = ", ".join(f"x{number}: number" for number in range(32))
    return pipeline(
        folder,
        jsonl(folder, (row() for _ in range(20_000))),
        f"{{{inputs}}}",
        "[{dense: {units: 128, activation: relu}}]",
        "{yes: {target: yes, kind: binary}, amount: {target: number, kind: regression}}",
        32,
        ADAM,
    )


def transformer(folder, draw):
    classes = [f"c{number}" for number in range(9)]
    rows = (
        {"text": row, "row": draw.choice("ab"), "token": [draw.choice(classes) for _ in row]}
        for row in words(draw, 10_000, 340, 64)
    )
    return pipeline(
        folder,
        jsonl(folder, rows),
        "{text: {tokens: {length: 64, minimum: 1}}}",
        "[{embedding: 256}, {transformer: {layers: 4, heads: 4, hidden: 1024, norm: post, positions: none, activation: relu}}]",
        "{row: {target: row, kind: multiclass, head: [{pool: mean}]}, token: {target: token, kind: tagging, metrics: [accuracy]}}",
        32,
        ADAM,
    )


MODELS = {
    "tokens": tokens,
    "lstm_500": lambda folder, draw: lstm(folder, draw, 500),
    "lstm_200": lambda folder, draw: lstm(folder, draw, 200),
    "convolution": convolution,
    "dense": dense,
    "transformer": transformer,
}


def said(command):
    child = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if child.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nended with {child.returncode}")
    return child.stdout


def ours(binary, folder, batch):
    """Milliseconds per step: the median over all epochs except the first."""
    with tempfile.TemporaryDirectory() as runs:
        options = ["--fresh", "--quiet", "--threads", THREADS, "--only", "train"]
        said([binary, "--runs", runs, "run", folder / "pipeline.yaml", *options])
        speeds = json.loads(said([binary, "--runs", runs, "query", SPEEDS, "--format", "json"]))
    return 1000 * batch / statistics.median(row["rows_per_second"] for row in speeds[1:])


def theirs(peer, model):
    return json.loads(said([sys.executable, HERE / peer, model]).splitlines()[-1])["milliseconds"]


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("mtl", type=pathlib.Path, help="the binary")
    arguments.add_argument("--repeats", type=int, default=7)
    arguments.add_argument("--only", default=",".join(MODELS))
    arguments.add_argument("--keras", action="store_true")
    chosen = arguments.parse_args()
    print(processor())
    if os.getloadavg()[0] > 0.5:
        print("the machine is busy: numbers will be off", file=sys.stderr)
    peers = ["seed_torch.py"] + ["seed_keras.py"] * chosen.keras
    print(f"{'ms per step':<14}{'mtl':>10}" + "".join(f"{peer[5:-3]:>10}{'ratio':>8}" for peer in peers))
    for model in chosen.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            batch = MODELS[model](folder, random.Random(0))
            mine, others = [], {peer: [] for peer in peers}
            for _ in range(chosen.repeats):
                mine.append(ours(chosen.mtl.resolve(), folder, batch))
                for peer in peers:
                    if peer != "seed_keras.py" or model != "transformer":
                        others[peer].append(theirs(peer, model))
        line = f"{model:<14}{statistics.median(mine):>10.2f}"
        for times in others.values():
            if times:
                ratio = statistics.median(other / own for own, other in zip(mine, times))
                line += f"{statistics.median(times):>10.2f}{ratio:>8.2f}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
