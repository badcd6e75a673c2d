"""Small projects for kills and damage, and the comparison of their results. Standard library only."""

import json
import os
import pathlib
import signal
import struct
import subprocess

TABLE = """\
data: {rows: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {age: standardize, hours: {standardize: {missing: mean}}, work: {category: {width: 2}}}
trunk: [{dense: {units: 8, activation: relu}}]
tasks: {rich: {target: rich, kind: binary}, weeks: {target: weeks, kind: regression}}
"""
TEXTS = """\
data: {rows: {source: {jsonl: rows.jsonl}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {text: {text: {tokenizer: {word: {minimum: 1}}, length: 8}}}
trunk: [{embedding: 8}, {gru: 8}]
tasks:
  much: {target: much, kind: binary, head: [{pool: mean}]}
  title: {target: title, kind: {text: {tokenizer: {word: {minimum: 1}}, length: 5, decoder: {gru: {units: 8}}}}}
"""
PICTURES = """\
data: {rows: {source: {idx: {images: pictures-ubyte, labels: {mask: masks}}}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {image: image}
trunk: [{conv2d: {filters: 4, activation: relu}}, {dropout: 0.1}]
tasks: {mask: {target: mask, kind: {segmentation: {classes: [dark, bright], ignore: 255}}}}
"""
RATES = "    train.optimizer.adamw.rate: [1.0e-2, 1.0e-3, 1.0e-6, 1.0e-7]\n"

#: name: the pipeline without its training, that, and what comes behind it.
KINDS = {
    "single": (TABLE, 30, "weighting: uncertainty\n"),
    "sweep": (TABLE, 8, "sweep:\n  space:\n    weighting: [equal, uncertainty, dwa]\n  seeds: [1, 2]\n"),
    "pruning": (TABLE, 8, "sweep:\n  space:\n" + RATES + "  pruning: {asha: {reduction: 2, minimum_epochs: 1}}\n"),
    "tpe": (TABLE, 6, "sweep:\n  space:\n    train.optimizer.adamw.rate: {log: [1.0e-5, 1.0e-1]}\n"
            "  search: {tpe: {trials: 6, startup: 2, candidates: 8}}\n  pruning: {median: {warmup_epochs: 2, minimum_trials: 2}}\n"),
    "baselines": (TABLE, 10, "evaluate: {baselines: single_task}\nweighting: dwa\n"),
    "text": (TEXTS, 6, ""),
    "pictures": (PICTURES, 8, ""),
}


def rows(count=200):
    state, lines = 1, ["age,hours,work,rich,weeks"]

    def draw(below):
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % below

    for row in range(count):
        age, hours, work = 18 + draw(60), draw(60), ["private", "state", "self", "none"][draw(4)]
        rich, weeks = int(age + hours + draw(20) > 85), hours * 0.8 + draw(5)
        lines.append(f"{age},{'' if row % 17 == 0 else hours},{work},{rich},{'' if row % 13 == 0 else f'{weeks:.1f}'}")
    return "\n".join(lines) + "\n"


def texts(count=90):
    colours, things = ["red", "green", "blue"], ["car", "house", "tree", "cat"]
    lines = []
    for row in range(count):
        colour, thing = colours[row % 3], things[row % 4]
        text = f"a {colour} {thing}" if row % 2 else f"the very {colour} {thing}"
        lines.append(json.dumps({"text": text, "much": row % 2, "title": f"{thing} {colour}"}))
    return "\n".join(lines) + "\n"


def pictures(count=40, side=6):
    bright = [(at * 7919 // 13) % 3 == 0 for at in range(count * side * side)]
    head = bytes([0, 0, 8, 3]) + struct.pack(">III", count, side, side)
    masks = bytes(255 if at % (side * side) < side else int(is_bright) for at, is_bright in enumerate(bright))
    return head + bytes(220 if is_bright else 15 for is_bright in bright), head + masks


def write(folder, kind):
    """Writes a project of this kind to an empty folder."""
    pipeline, epochs, more = KINDS[kind]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    train = f"train: {{epochs: {epochs}, batch_size: 16, device: cpu, checkpoint: {{steps: 3}}}}\n"
    (folder / "pipeline.yaml").write_text(f"name: {kind}\nseed: 1\n{pipeline}{train}{more}")
    (folder / "rows.csv").write_text(rows())
    (folder / "rows.jsonl").write_text(texts())
    for name, content in zip(["pictures-ubyte", "masks"], pictures()):
        (folder / name).write_bytes(content)


#: What differs from one machine, moment or process to another.
VARIES = {"seconds", "started_at", "updated_at", "finished_at", "run", "resumes", "command", "file", "cached", "bytes", "path",
          "checkpoint_epoch", "checkpoint_step", "rows_per_second", "noted_at"}
#: Tables of which nothing, or only a part, is a result.
ASIDE = {"environments", "data_files", "artifacts"}


def stopped():
    """Whether this program was asked to stop; it then ends with the table of the cases so far."""
    asked = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: asked.append(True))
    return lambda: bool(asked)


#: What is said of the very damage that is tried.
SAID = ("set aside and rebuilt", "training starts over", "are determined again")


class Mtl:
    """The binary, run in a folder."""

    def __init__(self, binary, folder, threads=None):
        self.binary, self.folder = binary, pathlib.Path(folder)
        self.environment = {**os.environ, "NO_COLOR": "1", "MTL_OFFLINE": "1"}
        self.environment.pop("MTL_RUNS", None)
        if threads:
            self.environment["RAYON_NUM_THREADS"] = str(threads)

    def start(self, *words):
        return subprocess.Popen([self.binary, *words], cwd=self.folder, env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __call__(self, *words, limit=120):
        """Exit code (None: it hung), standard output, standard error."""
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return None, out.decode(errors="replace"), err.decode(errors="replace")
        return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")

    def json(self, *words):
        code, out, err = self(*words)
        if code != 0:
            raise RuntimeError(f"mtl {' '.join(words)} ended with {code}: {err}")
        return json.loads(out)

    def runs(self):
        if not (self.folder / "runs" / "mtl.db").exists():
            return []
        found = self.json("runs", "--json")
        return found["runs"] if isinstance(found, dict) else found

    def query(self, sql):
        return self.json("query", sql, "--format", "json")

    def results(self, run):
        """All result rows of the database, without the columns that may differ."""
        found = {}
        tables = [row["name"] for row in self.query("select name from sqlite_schema where type = 'table' order by name")]
        for table in tables:
            if table in ASIDE or table.startswith("sqlite_"):
                continue
            kept = []
            for row in self.query(f"select * from {table} where run = '{run}'"):
                text = json.dumps({name: value for name, value in row.items() if name not in VARIES}, sort_keys=True)
                if table == "notes" and any(words in text for words in SAID):
                    continue
                # A resumed run refers to its files by absolute paths.
                kept.append(text.replace(f"{self.folder}/", ""))
            found[table] = sorted(kept)
        return found

    def files(self, run):
        """The contents of a run's folder; cards without the run's name."""
        found = {}
        folder = self.folder / "runs" / run
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            # Checksums depend on the run's name; partial files of a kill are removed by `gc` (`listing`).
            if path.is_dir() or path.name in ("lock", "checksums.json") or path.name.startswith("."):
                continue
            content = path.read_bytes()
            if path.name == "mtl.json":
                content = card(content)
            if path.name in ("sweep.jsonl", "pipeline.yaml"):
                # A log: the order of parallel events is not a result.
                content = b"\n".join(sorted(content.replace(run.encode(), b"RUN").splitlines()))
            found[name] = content
        return found


def card(content):
    """A card without the fields that depend on the run and the folder."""
    told = json.loads(content)
    for name in ("run", "sha256"):
        told.pop(name, None)
    for file in told.get("data", []):
        file["path"] = pathlib.Path(file["path"]).name
    return json.dumps(told, sort_keys=True).encode()


def listing(runs):
    """The files below a runs folder, without the names of runs."""
    names = []
    for path in sorted(pathlib.Path(runs).rglob("*")):
        steps = list(path.relative_to(runs).parts)
        if steps[0] not in ("cache", "mtl.db", "mtl.db-wal", "mtl.db-shm"):
            steps[0] = "RUN"
        names.append("/".join(steps))
    return sorted(set(names))


def differences(one, other):
    """The keys whose values differ in two dictionaries."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
