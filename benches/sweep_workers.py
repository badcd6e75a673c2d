#!/usr/bin/env python3
"""Speedup of a sweep of twelve small trials with two workers.

    cargo build --release --locked
    python3 benches/sweep_workers.py target/release/mtl

Run nothing else on the machine meanwhile. pipelines/sweep_census.yaml with four weightings and three seeds; each worker
has one thread (`--threads` is the total of the run). One and two workers run alternately; the ratio is the median of the
turns' ratios.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from processor import processor

PIPELINE = pathlib.Path(__file__).parent / "../pipelines/sweep_census.yaml"
CHOICES = ["sweep.space={weighting: [equal, uncertainty, dwa, random]}", "train.epochs={}"]


def seconds(binary, workers, epochs):
    with tempfile.TemporaryDirectory() as runs:
        settings = [word for choice in CHOICES for word in ("--set", choice.replace("{}", str(epochs)))]
        options = ["--quiet", "--fresh", "-j", str(workers), "--threads", str(workers)]
        start = time.perf_counter()
        subprocess.run([binary, "--runs", runs, "run", PIPELINE, *settings, *options], check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - start


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("mtl", type=pathlib.Path, help="the binary")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=20)
    chosen = arguments.parse_args()
    print(processor())
    binary = chosen.mtl.resolve()
    if os.getloadavg()[0] > 0.5:
        print("the machine is busy: numbers will be off", file=sys.stderr)
    turns = [[seconds(binary, workers, chosen.epochs) for workers in (1, 2)] for _ in range(chosen.repeats)]
    one, two = (statistics.median(side) for side in zip(*turns))
    ratio = statistics.median(one / two for one, two in turns)
    print(f"12 trials: one worker {one:.1f} s, two workers {two:.1f} s, {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
