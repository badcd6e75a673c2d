#!/usr/bin/env python3
"""Compares the results of two builds: exact scores, weights, and the exported model's predictions.

    python3 benches/same_results.py record OLD_BINARY old.json [NAME...]
    python3 benches/same_results.py record NEW_BINARY new.json [NAME...]
    python3 benches/same_results.py compare old.json new.json

`record` runs pipelines of this repository, and toy pipelines with every layer, sharing, weighting, loss and decoder, in
an empty folder, and saves all rows of `scores`, the SHA-256 of each trial's weights, and the SHA-256 of the predictions
for a hundred rows. Pipelines without data (pipelines/data/fetch) are skipped and listed. `compare` prints all
differences and exits with 1 if there are any; for scores with the largest relative difference. Standard library only.
"""

import csv
import hashlib
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PIPELINES = pathlib.Path(__import__("os").environ.get("MTL_PIPELINES", ROOT / "pipelines"))

# A pipeline, and settings with which it takes a minute or two.
REAL = {
    "census_income": [],
    "sweep_census": ["train.epochs=1", "sweep.seeds=[1]", "sweep.space.sharing=[hard]", "sweep.space.weighting=[equal, dwa]"],
    "multi_mnist": ["train.epochs=1", "data.digits.query=select * from self where part <> 0 or left < 2"],
    "tweets": ["train.epochs=1"],
    "tagging": ["train.epochs=1"],
    "digit_masks": ["train.epochs=1"],
    "text_generation": ["train.epochs=1", "evaluate.splits=[valid]",
                        *[f"data.{table}.query=select * from self where length({column}) % 16 = 0" for table, column in
                          [("packages", "summary"), ("paragraphs", "english"), ("conversations", "question")]]],
}

TABLE = """
name: toy
seed: 1
data: {rows: {source: {csv: {path: rows.csv}}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {age: standardize, hours: {standardize: {indicator: true}}, work: {category: {width: 3}}}
trunk: [{dense: {units: 12, activation: relu}}, {dropout: 0.1}, {dense: {units: 12, activation: gelu}}]
tasks:
  rich: {target: rich, kind: binary}
  old: {target: old, kind: binary}
  work2: {target: level, kind: multiclass}
  level: {target: level, kind: {ordinal: {order: [low, mid, high]}}}
  weeks: {target: weeks, kind: regression, head: [{dense: {units: 6, activation: tanh}}]}
train: {epochs: 2, batch_size: 32, device: cpu}
"""

WORDS = """
name: words
seed: 1
data: {rows: {source: {csv: {path: texts.csv}}, split: {random: {valid: 0.2, test: 0.2}}}}
inputs: {text: {text: {tokenizer: {word: {vocabulary: 60}}, length: 12}}}
trunk: [{embedding: 16}, {lstm: 16}]
tasks:
  mood: {target: mood, kind: multiclass, head: [{pool: max}]}
  said: {target: said, kind: {text: {tokenizer: {input: text}, length: 6}}}
train: {epochs: 2, batch_size: 16, device: cpu}
"""

TOYS = {
    "sharings": (TABLE, {"sharing": [
        "hard", {"relation": {"units": 8}}, {"omoe": {"experts": 3, "layers": [{"dense": 8}]}},
        {"mmoe": {"experts": 3, "layers": [{"dense": 8}]}},
        {"cgc": {"shared": 2, "own": 2, "layers": [{"dense": 8}]}},
        {"ple": {"levels": 2, "shared": 2, "own": 2, "layers": [{"dense": 8}]}},
        {"dselect_k": {"experts": 4, "k": 2, "layers": [{"dense": 8}]}},
        {"adatt": {"levels": 2, "own": 2, "shared": 1, "layers": [{"dense": 8}]}},
        "cross_stitch", {"sluice": {"subspaces": 2}}, "ltb", {"soft": {"strength": 0.01}}, {"adapter": {"units": 4}}, "mtan",
        {"aitm": {"order": ["rich", "old"], "layers": [{"dense": 8}]}}, {"esmm": {"click": "rich", "conversion": "old"}},
    ]}),
    "weightings": (TABLE, {"weighting": [
        "equal", "uncertainty", "dwa", "random", "imtl_l", "geometric", "scale_invariant", "tchebycheff", "smooth_tchebycheff",
        "famo", "dynamic_priority", "lbtw", "cov", "gradnorm", "mgda", "pcgrad", "gradvac", "cagrad", "imtl_g", "imtl", "nash_mtl",
        "fairgrad", "aligned_mtl", "upgrad", "dualproj", "config", "graddrop", "db_mtl", "moco", "modo", "sdmgrad", "excess_mtl",
    ]}),
    "layers": (TABLE, {"trunk": [
        [{"dense": 8}, "batch_norm", {"activation": name}, {"dropout": 0.2}, {"residual": [{"dense": 8}, "layer_norm"]}]
        for name in ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus"]
    ]}),
    "sequences": (WORDS, {"trunk": [
        [{"embedding": 16}, layer] for layer in [
            {"lstm": {"units": 8, "bidirectional": True, "layers": 2, "dropout": 0.1}}, {"gru": {"units": 8, "bidirectional": True}},
            {"multi_head_attention": {"heads": 2, "rotary": True}}, {"transformer": {"layers": 1, "heads": 2, "dropout": 0.1}},
            {"transformer": {"layers": 1, "heads": 2, "norm": "post", "positions": "learned", "causal": True}},
            {"conv1d": {"filters": 8, "kernel": 3}}, {"conv1d": {"filters": 8, "padding": "causal", "dilation": 2}}, {"positions": "sinusoidal"},
        ]
    ]}),
    "pools": (WORDS, {"tasks.mood.head": [[{"pool": name}] for name in ["max", "mean", "attention", "last", "first"]]}),
}
DECODERS = {"gru": {"units": 12, "attention": "dot"}, "lstm": {"units": 12, "attention": "additive"},
            "transformer": {"layers": 1, "heads": 2, "width": 16, "hidden": 16}}
for decoder, settings in DECODERS.items():
    for copy in (False, True):
        kind = {"text": {"tokenizer": {"input": "text"}, "length": 6, "copy": copy, "decoder": {decoder: settings}}}
        words = WORDS.replace("{text: {tokenizer: {input: text}, length: 6}}", json.dumps(kind))
        TOYS[decoder + ("_copy" if copy else "")] = (words, {})


def rows():
    dice = random.Random(1)
    lines = ["age,hours,work,rich,old,level,weeks"]
    for _ in range(240):
        age, hours = dice.randrange(18, 78), dice.randrange(60)
        rich = int(age + hours + dice.randrange(20) > 85)
        lines.append(f"{age},{'' if hours % 17 == 0 else hours},{dice.choice('abcd')},{rich},{int(rich and age > 40)},"
                     f"{'low mid high'.split()[min(age // 26, 2)]},{hours * 0.8 + dice.randrange(5):.1f}")
    return "\n".join(lines) + "\n"


def texts():
    dice = random.Random(2)
    words = "the a small red green blue cat dog bird sees likes takes house tree river".split()
    lines = ["text,mood,said"]
    for _ in range(160):
        text = [dice.choice(words) for _ in range(dice.randrange(3, 12))]
        lines.append(f"{' '.join(text)},{'good' if 'likes' in text else 'plain'},{' '.join(sorted(text)[:4])}")
    return "\n".join(lines) + "\n"


def mtl(binary, folder, *words):
    ran = subprocess.run([binary, *words], cwd=folder, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: {ran.returncode}\n{ran.stderr}")
    return ran.stdout


def recorded(binary, folder, pipeline, source, sets):
    """The results of one run."""
    mtl(binary, folder, "run", str(pipeline), "--quiet", *[word for text in sets for word in ("--set", text)])
    scores = mtl(binary, folder, "query", "select trial, task, split, metric, epoch, value from scores order by 1, 2, 3, 4, 5", "--format", "csv")
    found = {"scores": list(csv.reader(io.StringIO(scores)))[1:], "weights": {}, "answers": {}}
    [run] = [entry for entry in (folder / "runs").iterdir() if entry.is_dir() and entry.name not in ("cache",)]
    for trial in sorted(run.glob("trial-*")):
        weights = trial / "weights.safetensors"
        if weights.exists():
            found["weights"][trial.name] = hashlib.sha256(weights.read_bytes()).hexdigest()
    if source:
        for trial in sorted(found["weights"]):
            number = trial.rsplit("-", 1)[1]
            mtl(binary, folder, "predict", f"{run.name}#{number}", str(source), "--to", "predictions.csv")
            found["answers"][trial] = hashlib.sha256((folder / "predictions.csv").read_bytes()).hexdigest()
    return found


def record(binary, to, wanted):
    binary, found = str(pathlib.Path(binary).resolve()), {}
    for name, sets in REAL.items():
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as place:
            folder = pathlib.Path(place)
            try:
                found[name] = recorded(binary, folder, PIPELINES / f"{name}.yaml", None, sets)
            except SystemExit as error:
                if "file-absent" not in str(error) and "is not there" not in str(error):
                    raise
                print(f"{name}: its data is not there", file=sys.stderr)
    for name, (pipeline, space) in TOYS.items():
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as place:
            folder = pathlib.Path(place)
            (folder / "rows.csv").write_text(rows())
            (folder / "texts.csv").write_text(texts())
            (folder / "toy.yaml").write_text(pipeline + f"sweep: {{space: {json.dumps(space)}}}\n")
            source = folder / ("rows.csv" if pipeline is TABLE else "texts.csv")
            found[name] = recorded(binary, folder, folder / "toy.yaml", source, [])
            print(name, len(found[name]["weights"]), "trials", file=sys.stderr)
    pathlib.Path(to).write_text(json.dumps(found, indent=1) + "\n")


def compare(one, other):
    one, other = (json.loads(pathlib.Path(path).read_text()) for path in (one, other))
    different = sorted(set(one) ^ set(other))
    for name in different:
        print(f"{name}: recorded once")
    for name in sorted(set(one) & set(other)):
        a, b = one[name], other[name]
        wrong = []
        for what in ("weights", "answers"):
            trials = [trial for trial in a[what] if a[what][trial] != b[what].get(trial)]
            if trials or set(a[what]) != set(b[what]):
                wrong.append(f"other {what} in {', '.join(trials)}")
        if a["scores"] != b["scores"]:
            pairs = [(float(x[-1]), float(y[-1])) for x, y in zip(a["scores"], b["scores"]) if x[:-1] == y[:-1] and x[-1] != y[-1] and x[-1] and y[-1]]
            largest = max((abs(x - y) / max(abs(x), abs(y), 1e-12) for x, y in pairs), default=float("nan"))
            wrong.append(f"{len(pairs)} of {len(a['scores'])} scores differ, by {largest:.1e} at most")
        different += wrong
        print(f"{name}: {'; '.join(wrong) or 'the same, ' + str(len(a['scores'])) + ' scores and ' + str(len(a['weights'])) + ' weights'}")
    return 1 if different else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["record", binary, to, *wanted]:
            record(binary, to, wanted)
        case ["compare", one, other]:
            sys.exit(compare(one, other))
        case _:
            sys.exit(__doc__)
