#!/usr/bin/env python3
"""Damages every stored file in turn, and checks that no damaged file is used as if it were intact.

    python3 benches/hunt/damage.py target/release/mtl --count 1000 --seed 7

There are two projects: one with a finished run and its bundle, one with a killed search. For each file below `runs` and
in the bundle, and each kind of damage (emptied, truncated, a flipped bit, a zeroed block, appended bytes, removed,
replaced by a folder), done in place so that hard links are damaged too, these commands are run: `verify`, `predict`,
`export`, `show`, `runs`, `doctor`, `resume`, and `run` twice. Requirements:

- no panic, no signal, no hang;
- the result of a command equals that for intact files (possibly after a reported repair), or it refuses and names the
  file;
- `verify RUN` exits with 0 only if the files of the run are the original ones;
- `run` never fails because of an artifact: it rebuilds it, and the next run reports nothing.

Standard library only; prints a table and exits with 1 if there are findings.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import toys

DAMAGES = ["emptied", "cut in the middle", "cut at its end", "bit", "bit", "bit", "zeroed", "longer", "removed", "folder"]
#: From the worst. `used`: a wrong result; `believed`: `verify` calls it whole; `unnamed`: refused without the file's name;
#: `kept on`: `run` fails again and again instead of making the artifact anew.
CLASSES = ["panic", "hang", "used", "believed", "unnamed", "kept on", "refused", "healed", "right"]


def damage(path, how, dice):
    """Damages a file in place, also as seen through hard links; returns whether it changed."""
    content = path.read_bytes()
    if how in ("removed", "folder"):
        path.unlink()
        if how == "folder":
            path.mkdir()
        return True
    new = bytearray(content)
    if how == "emptied":
        new = bytearray()
    elif how == "cut in the middle":
        new = new[:dice.randrange(len(new))] if new else new
    elif how == "cut at its end":
        new = new[:-1]
    elif how == "longer":
        new += bytes(dice.randrange(256) for _ in range(1 + dice.randrange(40)))
    elif new and how == "bit":
        new[dice.randrange(len(new))] ^= 1 << dice.randrange(8)
    elif new and how == "zeroed":
        at = dice.randrange(len(new))
        new[at:at + 16] = bytes(len(new[at:at + 16]))
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(new)
        file.truncate(len(new))
    return bytes(new) != content


def copied(pristine, work):
    shutil.rmtree(work, ignore_errors=True)
    subprocess.run(["cp", "-a", str(pristine), str(work)], check=True)


def without_times(value):
    """A report without the parts that vary between calls."""
    if isinstance(value, dict):
        return {name: without_times(inner) for name, inner in value.items() if not re.search("ago|now|age$", name)}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


class Project:
    """A project that is made once and copied for every case."""

    def __init__(self, arguments, kind, place):
        self.kind, self.work, self.pristine = kind, place / kind, place / f"{kind}-whole"
        self.mtl = toys.Mtl(arguments.binary, self.work)
        toys.write(self.work, kind)
        self.deep = "--deep" in self.mtl("doctor", "--help")[1]
        self.make()
        self.pristine_files = {path: path.read_bytes() for path in self.work.rglob("*") if path.is_file()}
        self.work.rename(self.pristine)

    def files(self):
        """All stored files, by path below the project."""
        names = [path.relative_to(self.work) for path in self.pristine_files]
        kept = [name for name in names if name.parts[0] in ("runs", "bundle") and name.name not in ("lock", "predict.py")]
        kept = [name for name in kept if not name.name.startswith(".")]
        return sorted(name for name in kept if not name.name.endswith(("-wal", "-shm")))

    def must(self, *words):
        code, out, err = self.mtl(*words)
        assert code == 0, f"{words}: {code} {out} {err}"
        return out


class Finished(Project):
    """A finished run and its bundle."""

    def make(self):
        self.must("run", "pipeline.yaml", "--quiet")
        self.run = self.mtl.runs()[0]["run"]
        self.must("export", "last", "--to", "bundle")
        self.whole_results, self.whole_files = self.mtl.results(self.run), self.mtl.files(self.run)
        self.answers = self.predicted("last")[1]
        self.exported = self.export()[1]
        self.shown = {words: without_times(self.mtl.json(*words)) for words in [("show", self.run, "--json"), ("runs", "--json")]}

    def predicted(self, model):
        to = self.work / "answers.jsonl"
        to.unlink(missing_ok=True)
        said = self.mtl("predict", model, "rows.jsonl", "--to", "answers.jsonl")
        return said, to.read_bytes() if to.exists() else None

    def export(self):
        shutil.rmtree(self.work / "again", ignore_errors=True)
        said = self.mtl("export", self.run, "--to", "again")
        files = {path.name: path.read_bytes() for path in (self.work / "again").rglob("*") if path.is_file()}
        if "mtl.json" in files and said[0] == 0:
            try:
                files["mtl.json"] = toys.card(files["mtl.json"])
            except ValueError:
                pass
        return said, files

    def tried(self, name):
        """Each command, its output, and the errors in its results."""
        of_run = name.parts[0] == "runs" and name.name not in ("mtl.db", "files.json")
        model = self.run if name.parts[0] == "runs" else "bundle"
        said = self.mtl("verify", model)
        yield "verify", said, [str(name)] if of_run or model == "bundle" else []
        said, answers = self.predicted(model)
        yield "predict", said, [] if answers == self.answers else ["answers"]
        said, files = self.export()
        yield "export", said, toys.differences(files, self.exported)
        for words, whole in self.shown.items():
            said = self.mtl(*words)
            yield words[0], said, [] if said[0] == 0 and without_times(json.loads(said[1])) == whole else ["report"]
        yield from ran(self, name)


class Killed(Project):
    """A search that was killed during its fourth trial."""

    def make(self):
        self.must("run", "pipeline.yaml", "--quiet", "--runs", "whole")
        whole = toys.Mtl(self.mtl.binary, self.work)
        (self.work / "whole").rename(self.work / "runs")
        run = whole.runs()[0]["run"]
        self.whole_results, self.whole_files = whole.results(run), whole.files(run)
        trial = max(int(path.parts[-2][6:]) for path in (self.work / "runs").rglob("trial-*/weights.safetensors"))
        shutil.rmtree(self.work / "runs")
        process = self.mtl.start("run", "pipeline.yaml", "--quiet")
        while not list(self.work.glob(f"runs/*/trial-{trial}/checkpoint/checkpoint.mtl")):
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.002)
        process.kill()
        process.communicate()
        self.run = self.mtl.runs()[0]["run"]
        assert self.mtl.runs()[0]["state"] == "interrupted"

    def tried(self, name):
        yield "status", self.mtl("sweep", "status", self.run, "--json"), []
        said = self.mtl("resume", self.run, "--quiet")
        yield "resume", said, different(self, self.run) if said[0] == 0 else []
        yield from ran(self, name)


def different(project, run):
    """Tables and files of a run that differ from those of the intact run."""
    tables = toys.differences(project.mtl.results(run), project.whole_results)
    files = toys.differences(project.mtl.files(run), project.whole_files)
    return tables + [name for name in files if "checkpoint/" not in name]


def ran(project, name):
    """Runs the pipeline twice."""
    for words in ("run", "run again"):
        said = project.mtl("run", "pipeline.yaml", "--quiet")
        yield words, said, different(project, said[1].split()[0]) if said[0] == 0 else []
    if project.deep:
        yield "doctor", project.mtl("doctor", "--deep"), []


def judged(name, command, said, wrong):
    """The class of one command's result, and the reason."""
    code, out, err = said
    text = out + err
    if code is None:
        return "hang", "no end after 120 s"
    if code < 0 or code == 101 or "panicked at" in text:
        at = re.search(r"panicked at ([^\n]*)", text)
        return "panic", at.group(1) if at else f"signal {-code}"
    if code == 0:
        if wrong:
            if command == "verify":
                return "believed", "called whole"
            return "used", f"other {', '.join(wrong[:4])}, and said: {err.strip()[:160] or 'nothing'}"
        # Reported: the output names the file or its artifact.
        return ("healed" if named(name, err) else "right"), ""
    if command.startswith("run") and name.name != "mtl.db":
        return "kept on", err.strip()[:300]
    return ("refused", "") if named(name, text) else ("unnamed", err.strip()[:300])


def named(name, text):
    parts = name.parts
    return name.name in text or (len(parts) > 2 and parts[2] in text and "cache" in text) or "/".join(parts[:-1]) in text


def attack(project, name, how, dice):
    """One damage: the worst class of all results, and the output."""
    copied(project.pristine, project.work)
    if not damage(project.work / name, how, dice):
        return None
    answers = []
    try:
        for command, said, wrong in project.tried(name):
            answers.append((*judged(name, command, said, wrong), command))
    except (RuntimeError, ValueError, KeyError, IndexError, OSError) as problem:
        refused = name.name == "mtl.db" and named(name, str(problem))
        answers.append(("refused" if refused else "unnamed", f"then: {str(problem)[:200]}", "query"))
    worst = min(answers, key=lambda answer: CLASSES.index(answer[0]))
    return worst[0], [f"{command}: {found}: {why}" for found, why, command in answers if CLASSES.index(found) < CLASSES.index("refused")]


def kind_of(name):
    """The row of the table, for example `runs/cache/train/weights.safetensors`."""
    steps = [re.sub(r"-[0-9a-f]{12}$|-[0-9a-z]{6}$", "", step) for step in name.parts]
    steps = [re.sub(r"^trial-\d+$", "trial", step) for step in steps]
    if steps[0] == "runs" and len(steps) > 2 and steps[1] != "cache":
        steps[1] = "RUN"
    return "/".join(steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=lambda text: str(pathlib.Path(text).resolve()))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1e9, help="stop then, whatever the count")
    parser.add_argument("--files", default="", help="only those whose path has this in it")
    parser.add_argument("--log", type=pathlib.Path, help="a line for each finding")
    arguments = parser.parse_args()
    stopped = toys.stopped()
    until = time.monotonic() + 60 * arguments.minutes
    counts = collections.defaultdict(collections.Counter)
    done, wrong = 0, 0
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        projects = [Finished(arguments, "text", place), Killed(arguments, "tpe", place)]
        cases = [(project, name, how) for project in projects for name in project.files() for how in DAMAGES]
        cases = [case for case in cases if arguments.files in str(case[1])]
        dice = random.Random(arguments.seed)
        while done < arguments.count and time.monotonic() < until and not stopped():
            dice.shuffle(cases)
            for project, name, how in cases:
                if done >= arguments.count or time.monotonic() >= until or stopped():
                    break
                found = attack(project, name, how, dice)
                if not found:
                    continue
                done += 1
                counts[kind_of(name)][found[0]] += 1
                if found[1]:
                    wrong += 1
                    line = f"{project.kind} {name} {how}: {found[0]}: {'; '.join(found[1])}".replace("\n", " ")
                    print(line, file=sys.stderr, flush=True)
                    if arguments.log:
                        with arguments.log.open("a") as log:
                            log.write(line + "\n")
    print(f"{'file':<44} " + " ".join(f"{name:>{max(6, len(name))}}" for name in CLASSES))
    total = collections.Counter()
    for kind in sorted(counts):
        total.update(counts[kind])
        print(f"{kind:<44} " + " ".join(f"{counts[kind][name]:>{max(6, len(name))}}" for name in CLASSES))
    print(f"{f'all {done}':<44} " + " ".join(f"{total[name]:>{max(6, len(name))}}" for name in CLASSES))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
