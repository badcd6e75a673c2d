#!/usr/bin/env python3
"""Speed and memory of mtl on Census-Income, compared with plain PyTorch on the same machine.

    cargo build --profile dist --locked
    python3 benches/census_income.py target/dist/mtl

Run nothing else on the machine meanwhile: it would be measured too. Both sides run alternately, and every
number is the median of several turns. Needs Python 3.11 with pyarrow, and for PyTorch the packages of
census_torch.py. `--only start,train,memory,scale` selects parts; `--json FILE` saves all numbers.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from processor import processor

HERE = pathlib.Path(__file__).parent
PIPELINE = HERE / "../pipelines/census_income.yaml"
DATA = HERE / "../pipelines/data/census_income.parquet"
PEER = HERE / "census_torch.py"
THREADS = 2

# Queries for the results database, and the settings that are changed here.
SPEEDS = "select rows_per_second from epochs order by epoch"
STAGES = "select kind, sum(seconds) as seconds from stages group by kind"
EPOCHS = "train.epochs={}"
DATA_PATH = "data.census.source.parquet.path={}"


class Finished:
    """A finished child process: its output, wall-clock seconds and peak resident memory.

    A child's peak memory is at least that of this process, since it starts as a copy of it: so nothing large is
    imported here.
    """

    def __init__(self, command):
        start = time.perf_counter()
        child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
        self.output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        self.seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}\nended with {child.returncode}")
        # Linux reports kibibytes, macOS bytes.
        self.megabytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


class Mtl:
    """The binary; each run gets a new folder, so that nothing is cached."""

    def __init__(self, binary):
        self.binary = binary.resolve()

    def run(self, epochs, data=None):
        """One run of the pipeline: (the process, rows per second of each epoch, seconds of each stage)."""
        with tempfile.TemporaryDirectory() as runs:
            settings = ["--set", EPOCHS.format(epochs)]
            settings += ["--set", DATA_PATH.format(data.resolve())] if data else []
            options = ["--fresh", "--quiet", "--threads", THREADS]
            process = Finished([self.binary, "--runs", runs, "run", PIPELINE, *settings, *options])
            speeds = [row["rows_per_second"] for row in self.query(runs, SPEEDS)]
            stages = {row["kind"]: row["seconds"] for row in self.query(runs, STAGES)}
            return process, speeds, stages

    def query(self, runs, sql):
        return json.loads(Finished([self.binary, "--runs", runs, "query", sql, "--format", "json"]).output)

    def start_milliseconds(self, *words, times):
        return 1000 * statistics.median(Finished([self.binary, *words]).seconds for _ in range(times))


def peer(epochs, batches, data=None):
    """One training with hand-written PyTorch: (the process, its last line)."""
    options = ["--epochs", epochs, "--batches", batches, "--threads", THREADS]
    options += ["--data", data] if data else []
    process = Finished([sys.executable, PEER, *options])
    return process, json.loads(process.output.splitlines()[-1])


def start(mtl, chosen):
    times = 5 * chosen.repeats
    return {
        "mtl --help, ms": mtl.start_milliseconds("--help", times=times),
        "mtl check, ms": mtl.start_milliseconds("check", PIPELINE, times=times),
    }


def train(mtl, chosen):
    speeds = {"mtl": [], "loader": [], "gather": []}
    for turn in range(chosen.repeats):
        print(f"train: turn {turn + 1} of {chosen.repeats}", file=sys.stderr)
        speeds["mtl"].append(statistics.median(mtl.run(chosen.epochs)[1]))
        for batches in ("loader", "gather"):
            speeds[batches].append(peer(chosen.epochs, batches)[1]["rows_per_second"])
    ratios = {
        side: statistics.median(ours / theirs for ours, theirs in zip(speeds["mtl"], speeds[side]))
        for side in ("loader", "gather")
    }
    return {
        "mtl, rows per second": statistics.median(speeds["mtl"]),
        "PyTorch with DataLoader, rows per second": statistics.median(speeds["loader"]),
        "PyTorch indexing whole tensors, rows per second": statistics.median(speeds["gather"]),
        "mtl / PyTorch with DataLoader": ratios["loader"],
        "mtl / PyTorch indexing whole tensors": ratios["gather"],
    }


def memory(mtl, chosen):
    process, _, stages = mtl.run(chosen.epochs)
    by_hand, said = peer(chosen.epochs, "loader")
    return {
        "mtl, peak MB": process.megabytes,
        "PyTorch, peak MB": by_hand.megabytes,
        "mtl, load + split + fit, s": sum(stages[kind] for kind in ("load", "split", "fit")),
        "PyTorch, load, s": said["load_seconds"],
        "mtl, whole run, s": process.seconds,
        "PyTorch, whole run, s": by_hand.seconds,
    }


def replicate(times, path):
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(DATA)
    pyarrow.parquet.write_table(pyarrow.concat_tables([table] * times), path, compression="zstd")


def scale(mtl, chosen):
    """One epoch over the rows, and over ten copies of the rows."""
    with tempfile.TemporaryDirectory() as folder:
        data = {times: pathlib.Path(folder) / f"{times}.parquet" for times in (1, 10)}
        with multiprocessing.get_context("spawn").Pool(1) as elsewhere:
            elsewhere.starmap(replicate, data.items())
        found = {}
        for times, path in data.items():
            turns = [mtl.run(1, path) for _ in range(min(3, chosen.repeats))]
            found[f"{times}x rows, whole run, s"] = statistics.median(process.seconds for process, *_ in turns)
            found[f"{times}x rows, peak MB"] = statistics.median(process.megabytes for process, *_ in turns)
            found[f"{times}x rows, load + split + fit, s"] = statistics.median(
                sum(stages[kind] for kind in ("load", "split", "fit")) for *_, stages in turns
            )
        found["10x / 1x, time"] = found["10x rows, whole run, s"] / found["1x rows, whole run, s"]
        found["10x / 1x, memory"] = found["10x rows, peak MB"] / found["1x rows, peak MB"]
    return found


PARTS = {"start": start, "train": train, "memory": memory, "scale": scale}


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("mtl", type=pathlib.Path, help="the binary")
    arguments.add_argument("--repeats", type=int, default=5)
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--only", default=",".join(PARTS))
    arguments.add_argument("--json", type=pathlib.Path)
    chosen = arguments.parse_args()
    print(processor())
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"the machine is busy (load {load:.1f}): numbers will be off", file=sys.stderr)
    mtl, found = Mtl(chosen.mtl), {}
    for part in chosen.only.split(","):
        found[part] = PARTS[part](mtl, chosen)
        for name, value in found[part].items():
            print(f"{name:<50} {value:>12,.2f}", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
