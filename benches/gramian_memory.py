#!/usr/bin/env python3
"""Memory saved and time spent by computing the Gramian layer by layer.

    cargo build --release --locked
    python3 benches/gramian_memory.py target/release/mtl

Trains a wide network for many tasks on random numbers: with equal weights, with MGDA holding all tasks' gradients, and
with `train.gradients.by_layer`. Peak memory is that of the child process (ru_maxrss), time that of an epoch; medians of
several turns. Needs Python 3.9.
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

ROWS, INPUTS, THREADS = 2048, 16, 2
WAYS = {
    "equal": ("equal", False),
    "mgda": ("mgda", False),
    "mgda by layer": ("mgda", True),
}


def data(folder, tasks):
    draw = random.Random(1)
    names = [f"x{i}" for i in range(INPUTS)] + [f"y{k}" for k in range(tasks)]
    lines = [",".join(names)]
    for _ in range(ROWS):
        x = [draw.gauss(0, 1) for _ in range(INPUTS)]
        y = [sum(x[k::tasks]) + draw.gauss(0, 0.1) for k in range(tasks)]
        lines.append(",".join(f"{value:.6f}" for value in x + y))
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")


def pipeline(folder, tasks, width, layers, method, by_layer):
    lines = ["data: {rows: {source: {csv: rows.csv}, split: {random: {valid: 0.1, test: 0}}}}"]
    lines += ["inputs:", *(f"  x{i}: number" for i in range(INPUTS))]
    lines += ["trunk:", *(f"  - dense: {{units: {width}, activation: relu}}" for _ in range(layers))]
    lines += ["tasks:", *(f"  y{k}: {{target: y{k}, kind: regression}}" for k in range(tasks))]
    lines += [f"weighting: {method}"]
    lines += ["train:", "  epochs: 3", "  batch_size: 64", "  optimizer: {sgd: {rate: 0.01}}"]
    lines += [f"  gradients: {{by_layer: {str(by_layer).lower()}}}", "  checkpoint: {seconds: 3600}"]
    path = folder / "wide.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def measure(binary, folder, path):
    """Peak memory in megabytes, and milliseconds per step."""
    with tempfile.TemporaryDirectory() as runs:
        command = [binary, "--runs", runs, "run", path, "--quiet", "--fresh", "--threads", THREADS]
        child = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            sys.exit(f"{binary} failed")
        query = "select rows_per_second from epochs order by epoch"
        found = subprocess.run(
            [str(binary), "--runs", runs, "query", query, "--format", "json"],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    speeds = [row["rows_per_second"] for row in json.loads(found.stdout)]
    return usage.ru_maxrss / 1024, 1000 * 64 / statistics.median(speeds)


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("mtl", type=pathlib.Path, help="the binary")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--tasks", type=int, default=8)
    arguments.add_argument("--width", type=int, default=1024)
    arguments.add_argument("--layers", type=int, default=8)
    chosen = arguments.parse_args()
    binary = chosen.mtl.resolve()
    turns = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data(folder, chosen.tasks)
        for _ in range(chosen.repeats):
            for way, (method, by_layer) in WAYS.items():
                path = pipeline(folder, chosen.tasks, chosen.width, chosen.layers, method, by_layer)
                turns[way].append(measure(binary, folder, path))
    weights = (INPUTS + 1) * chosen.width + (chosen.layers - 1) * (chosen.width + 1) * chosen.width
    print(f"{chosen.tasks} tasks, shared weights of {weights * 4 / 2**20:.0f} MB")
    print(f"{'':<16} {'peak MB':>9} {'ms per step':>12}")
    for way, found in turns.items():
        memory, time = (statistics.median(side) for side in zip(*found))
        print(f"{way:<16} {memory:9.0f} {time:12.1f}")


if __name__ == "__main__":
    main()
