#!/usr/bin/env python3
"""Training speed of MMoE on Census-Income, compared with a PyTorch loop on the same machine.

    cargo build --release --locked
    python3 benches/census_mmoe.py target/release/mtl

Run nothing else on the machine meanwhile. Eight experts of width 16 with two threads; both sides run alternately,
numbers are medians of several turns and ratios medians of the turns' ratios. `DataLoader` is the usual loop,
`gather` indexes whole tensors instead of using the slow loader. Needs Python 3.11 with torch, pandas, pyarrow and
scikit-learn.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

from processor import processor

HERE = pathlib.Path(__file__).parent
PIPELINE = HERE / "../pipelines/benchmark_census_income.yaml"
PEER = HERE / "census_mmoe_torch.py"
SHARING = "sweep.space.sharing=[{mmoe: {experts: 8, layers: [{dense: {units: 16, activation: relu}}]}}]"
SPEEDS = "select rows_per_second from epochs order by epoch"
THREADS = 2


def output(command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def ours(binary, epochs):
    with tempfile.TemporaryDirectory() as runs:
        choices = [SHARING, "sweep.space.weighting=[equal]", "sweep.seeds=[1]", f"train.epochs={epochs}"]
        settings = [word for choice in choices for word in ("--set", choice)]
        options = ["--quiet", "--fresh", "--threads", THREADS]
        output([binary, "--runs", runs, "run", PIPELINE, *settings, *options])
        found = json.loads(output([binary, "--runs", runs, "query", SPEEDS, "--format", "json"]))
    return statistics.median(row["rows_per_second"] for row in found)


def theirs(epochs, batches):
    command = [sys.executable, PEER, "--epochs", epochs, "--batches", batches, "--threads", THREADS]
    return json.loads(output(command).splitlines()[-1])["rows_per_second"]


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("mtl", type=pathlib.Path, help="the binary")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=3)
    chosen = arguments.parse_args()
    print(processor())
    binary = chosen.mtl.resolve()
    if os.getloadavg()[0] > 0.5:
        print("the machine is busy: numbers will be off", file=sys.stderr)
    sides = {"mtl": [], "loader": [], "gather": []}
    for turn in range(chosen.repeats):
        print(f"turn {turn + 1} of {chosen.repeats}", file=sys.stderr)
        sides["mtl"].append(ours(binary, chosen.epochs))
        for batches in ("loader", "gather"):
            sides[batches].append(theirs(chosen.epochs, batches))
    print(f"mtl {statistics.median(sides['mtl']):,.0f} rows per second")
    for side, called in (("loader", "PyTorch, DataLoader"), ("gather", "PyTorch, whole tensors indexed")):
        ratio = statistics.median(ours / theirs for ours, theirs in zip(sides["mtl"], sides[side]))
        print(f"{called}: {statistics.median(sides[side]):,.0f} rows per second, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
