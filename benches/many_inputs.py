#!/usr/bin/env python3
"""Cost of ten times as many inputs: check, plan, a run and its stages, a cached run, predict.

    cargo build --release --locked
    python3 benches/many_inputs.py target/release/mtl

Makes a table of 2,000 rows with two tasks for every requested number of numeric columns, each an input. Prints the
seconds of each command and stage, and the ratio of the last to the first. Linear scaling is a ratio of at most ten for
ten times as many columns.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time

from processor import processor


def make(folder, columns, rows):
    draw = random.Random(1)
    with open(folder / "wide.csv", "w") as file:
        file.write(",".join([f"c{i}" for i in range(columns)] + ["a", "b"]) + "\n")
        for _ in range(rows):
            row = [draw.random() for _ in range(columns)]
            labels = [f"{row[0] + row[1]:.4f}", "yes" if row[2] > 0.5 else "no"]
            file.write(",".join([f"{x:.4f}" for x in row] + labels) + "\n")
    inputs = "".join(f"  c{i}: standardize\n" for i in range(columns))
    (folder / "wide.yaml").write_text(
        "name: wide\ndata:\n  main:\n    source: {csv: {path: wide.csv}}\n"
        f"inputs:\n{inputs}trunk: [{{dense: 16}}]\n"
        "tasks:\n  a: {kind: regression, target: a}\n  b: {kind: {binary: {positive: 'yes'}}, target: b}\n"
        "train: {epochs: 3, batch_size: 64}\n"
    )


def measure(binary, folder):
    """Seconds per command and stage, and training rows per second."""
    environment = {**os.environ, "MTL_RUNS": str(folder / "runs")}

    def mtl(*words):
        start = time.perf_counter()
        done = subprocess.run([binary, *words], cwd=folder, env=environment, check=True, capture_output=True, text=True)
        return time.perf_counter() - start, done.stdout

    found = {"check": mtl("check", "wide.yaml")[0], "plan, nothing cached": mtl("plan", "wide.yaml")[0]}
    found["run"], said = mtl("run", "wide.yaml", "--json")
    events = [json.loads(line) for line in said.splitlines()]
    for event in events:
        if event.get("event") == "stage_finished":
            found[f"  {event['stage']}"] = event["seconds"]
    found["plan, all cached"] = mtl("plan", "wide.yaml")[0]
    found["run, all cached"] = mtl("run", "wide.yaml", "--quiet")[0]
    found["predict 2,000 rows"] = mtl("predict", "last", "wide.csv", "--to", "predictions.csv")[0]
    speeds = [event["rows_per_second"] for event in events if "rows_per_second" in event]
    return found, max(speeds, default=0.0)


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("mtl", type=pathlib.Path, help="the binary")
    arguments.add_argument("--columns", type=int, nargs="+", default=[1_000, 10_000])
    arguments.add_argument("--rows", type=int, default=2_000)
    chosen = arguments.parse_args()
    print(processor())
    found = []
    for columns in chosen.columns:
        with tempfile.TemporaryDirectory() as folder:
            make(pathlib.Path(folder), columns, chosen.rows)
            found.append(measure(chosen.mtl.resolve(), pathlib.Path(folder)))
    print(f"{'':24}" + "".join(f"{columns:>12,}" for columns in chosen.columns) + f"{'ratio':>10}")
    for name in found[0][0]:
        times = [seconds.get(name, float("nan")) for seconds, _ in found]
        print(f"{name:24}" + "".join(f"{t:10.2f} s" for t in times) + f"{times[-1] / max(times[0], 0.01):10.1f}")
    speeds = [speed for _, speed in found]
    print(f"{'rows/s of training':24}" + "".join(f"{speed:12,.0f}" for speed in speeds) + f"{speeds[0] / max(speeds[-1], 1):10.1f}")


if __name__ == "__main__":
    main()
