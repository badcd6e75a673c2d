#!/usr/bin/env python3
"""Speed of gradient methods on MultiMNIST, compared with TorchJD on PyTorch and with a plain sum of losses.

    cargo build --release --locked
    pipelines/data/fetch multi_mnist
    python3 benches/gradient_methods.py target/release/mtl

Run nothing else on the machine meanwhile. Both sides train the network of pipelines/benchmark_multi_mnist.yaml with two
threads, alternately; numbers are medians of several turns, ratios medians of the turns' ratios. `bound` is the limit for
K tasks: assuming that a third of a plain step, measured in the same run, is the forward pass and two thirds the
backward pass, K backward passes plus a tenth are allowed. Needs Python 3.9 with torch and torchjd[full].
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
PIPELINE = HERE / "../pipelines/benchmark_multi_mnist.yaml"
PEER = HERE / "gradient_torch.py"
METHODS = ["equal", "mgda", "pcgrad", "cagrad", "upgrad"]
SPEEDS = "select rows_per_second from epochs order by epoch"
THREADS, BATCH, TASKS = 2, 256, 2


def output(command):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def ours(binary, method, epochs):
    """Milliseconds of one step."""
    with tempfile.TemporaryDirectory() as runs:
        choices = [f"train.epochs={epochs}", "sweep.seeds=[1]", "sweep.space.sharing=[hard]"]
        choices += [f"sweep.space.weighting=[{method}]", "evaluate.splits=[valid]"]
        settings = [word for choice in choices for word in ("--set", choice)]
        options = ["--quiet", "--fresh", "--threads", THREADS]
        output([binary, "--runs", runs, "run", PIPELINE, *settings, *options])
        found = json.loads(output([binary, "--runs", runs, "query", SPEEDS, "--format", "json"]))
    return 1000 * BATCH / statistics.median(row["rows_per_second"] for row in found)


def theirs(method, epochs):
    command = [sys.executable, PEER, "--method", method, "--epochs", epochs, "--threads", THREADS]
    return 1000 * BATCH / json.loads(output(command).splitlines()[-1])["rows_per_second"]


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("mtl", type=pathlib.Path, help="the binary")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=2)
    arguments.add_argument("--only", default=",".join(METHODS))
    chosen = arguments.parse_args()
    print(processor())
    binary, methods = chosen.mtl.resolve(), chosen.only.split(",")
    if os.getloadavg()[0] > 0.5:
        print("the machine is busy: numbers will be off", file=sys.stderr)
    turns = {method: [] for method in methods}
    for turn in range(chosen.repeats):
        for method in methods:
            print(f"turn {turn + 1} of {chosen.repeats}: {method}", file=sys.stderr)
            turns[method].append((ours(binary, method, chosen.epochs), theirs(method, chosen.epochs)))
    print(f"{'ms per step':<12} {'mtl':>9} {'TorchJD':>9} {'ratio':>7} {'bound':>9}")
    for method in methods:
        mine, peer = (statistics.median(side) for side in zip(*turns[method]))
        ratio = statistics.median(peer / mine for mine, peer in turns[method])
        bound = ""
        if method != "equal" and "equal" in turns:
            plain = statistics.median(mine for mine, _ in turns["equal"])
            bound = f"{plain * (1 / 3 + 2 / 3 * TASKS * 1.1):9.2f}"
        print(f"{method:<12} {mine:9.2f} {peer:9.2f} {ratio:7.2f} {bound:>9}")


if __name__ == "__main__":
    main()
