#!/usr/bin/env python3
"""Kills runs at random times, resumes them, and compares the results with an uninterrupted run.

    python3 benches/hunt/kills.py target/release/mtl --count 1000 --seed 7

A project is run and killed with SIGKILL after a random fraction of the duration of a run; in half of the cases the
resumed run is killed too, up to three times. Then `runs` must list it as interrupted, `resume` must exit with 0, all
rows of the database and all files of the run's folder must equal those of the uninterrupted run, no partial files may
be left, and `gc` must remove leftovers in the cache. Standard library only; prints a table and exits with 1 if there
are findings.
"""

import argparse
import collections
import pathlib
import random
import shutil
import sys
import tempfile
import time

import toys


class Whole:
    """An uninterrupted run."""

    def __init__(self, arguments, kind, place):
        self.kind, self.folder = kind, place / f"whole-{kind}"
        toys.write(self.folder, kind)
        mtl = toys.Mtl(arguments.binary, self.folder)
        started = time.monotonic()
        code, _, err = mtl("run", "pipeline.yaml", "--quiet", *arguments.jobs)
        self.seconds = time.monotonic() - started
        assert code == 0, f"{kind}: a whole run ended with {code}: {err}"
        run = mtl.runs()[0]["run"]
        self.results, self.files = mtl.results(run), mtl.files(run)
        assert mtl("gc")[0] == 0
        self.listing = toys.listing(self.folder / "runs")


def kill(mtl, words, delay):
    """Starts a run and kills it after a delay; returns whether it was still running."""
    process = mtl.start(*words)
    try:
        process.communicate(timeout=delay)
        return False, process.returncode
    except Exception:
        process.kill()
        process.communicate()
        return True, None


def attack(arguments, whole, number, place, counts):
    """Kills one project; yields the findings."""
    dice = random.Random(f"{arguments.seed} {whole.kind} {number}")
    folder = place / f"{whole.kind}-{number}"
    toys.write(folder, whole.kind)
    mtl = toys.Mtl(arguments.binary, folder)
    alive, code = kill(mtl, ["run", "pipeline.yaml", "--quiet", *arguments.jobs], dice.random() * whole.seconds)
    counts["kills"] += alive
    if not alive and code != 0:
        yield f"the run itself ended with {code}"
    again = 0
    while alive and again < 3 and dice.random() < 0.5:
        again += 1
        if not mtl.runs():
            break
        alive, code = kill(mtl, ["resume", "last", "--quiet", *arguments.jobs], dice.random() * whole.seconds)
        counts["kills"] += alive
        counts["kills of a resumed run"] += alive
        if not alive and code != 0:
            yield f"a resumed run ended with {code}"
    found = mtl.runs()
    if len(found) > 1:
        yield f"{len(found)} runs are listed"
    if not found:
        counts["killed before the run was there"] += 1
        code, _, err = mtl("run", "pipeline.yaml", "--quiet", *arguments.jobs)
        if code != 0:
            yield f"the next run ended with {code}: {err}"
    else:
        state = found[0]["state"]
        if alive and state != "interrupted":
            # A run killed after its last row is finished.
            if state == "finished":
                counts["killed behind its end"] += 1
            else:
                yield f"a killed run is called {state}"
        if alive:
            code, _, err = mtl("resume", "last", "--quiet", *arguments.jobs)
            if code != 0:
                yield f"resume ended with {code}: {err.strip()[-400:]}"
    run = mtl.runs()[0]
    if run["state"] != "finished":
        yield f"it ends as {run['state']}"
    different = toys.differences(mtl.results(run["run"]), whole.results)
    if different:
        yield f"other rows in {', '.join(different)}"
    different = toys.differences(mtl.files(run["run"]), whole.files)
    if different:
        yield f"other files: {', '.join(different)}"
    code, _, err = mtl("gc")
    if code != 0:
        yield f"gc ended with {code}: {err}"
    left = [name for name in toys.listing(folder / "runs") if name not in whole.listing]
    if left:
        yield f"left behind gc: {', '.join(left[:4])}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=lambda text: str(pathlib.Path(text).resolve()))
    parser.add_argument("--count", type=int, default=70, help="projects in all")
    parser.add_argument("--kinds", default=",".join(toys.KINDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop then, whatever the count")
    parser.add_argument("--jobs", type=lambda text: ["-j", text], default=[], help="trials side by side")
    parser.add_argument("--log", type=pathlib.Path, help="a line for each finding")
    arguments = parser.parse_args()
    kinds = arguments.kinds.split(",")
    counts = {kind: collections.Counter() for kind in kinds}
    stopped = toys.stopped()
    until, found = time.monotonic() + 60 * arguments.minutes, []
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        wholes = {kind: Whole(arguments, kind, place) for kind in kinds}
        for number in range(arguments.count):
            if stopped() or time.monotonic() > until:
                break
            kind = kinds[number % len(kinds)]
            wrong = list(attack(arguments, wholes[kind], number, place, counts[kind]))
            counts[kind]["projects"] += 1
            counts[kind]["wrong"] += bool(wrong)
            for text in wrong:
                found.append(f"{kind} {number}: {text}")
                print(found[-1], file=sys.stderr, flush=True)
                if arguments.log:
                    with arguments.log.open("a") as log:
                        log.write(found[-1] + "\n")
            shutil.rmtree(place / f"{kind}-{number}")
    columns = ["projects", "kills", "kills of a resumed run", "killed before the run was there", "killed behind its end", "wrong"]
    print(f"{'kind':<10} " + " ".join(f"{column:>{len(column)}}" for column in columns))
    total = collections.Counter()
    for kind in kinds:
        total.update(counts[kind])
        print(f"{kind:<10} " + " ".join(f"{counts[kind][column]:>{len(column)}}" for column in columns))
    print(f"{'all':<10} " + " ".join(f"{total[column]:>{len(column)}}" for column in columns))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
