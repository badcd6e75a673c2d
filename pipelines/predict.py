"""Answers rows with an exported model, as `mtl predict` does, from Python.

    mtl export last --to bundle
    python predict.py bundle rows.jsonl > answers.jsonl        # rows as JSON lines, or a CSV file
    python predict.py bundle rows.csv --preference income=3,never_married=1    # where the network reads one

Needs onnxruntime and numpy. Texts are cut into tokens by the package `tokenizers` where it is installed;
without it by hand, which is written here for tokenizers of whole words and of characters. Answers come for
rows, and texts for tasks that write them: always the likeliest next token, which is `search: greedy`; beams
and sampling are left to `mtl predict`.
"""

import argparse
import csv
import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import onnxruntime

BATCH = 64


class ByHand:
    """A `tokenizer.json` read by hand: texts are cut into whole words or characters, and written of any tokens."""

    def __init__(self, form):
        model, cutter = form["model"], form["pre_tokenizer"] or {"type": "None"}
        characters = model["type"] == "BPE" and not model["merges"] and cutter["type"] == "None"
        self.cuts = model["type"] if model["type"] != "WordLevel" and not characters else None
        self.numbers = model["vocab"]
        self.words = {number: word for word, number in self.numbers.items()}
        self.lowercase = (form["normalizer"] or {}).get("type") == "Lowercase"
        self.characters = characters or cutter.get("pattern") == {"Regex": "(?s)."}
        self.separator = cutter.get("pattern", {}).get("String")
        self.blanks = cutter["type"] == "WhitespaceSplit"
        self.decoder = (form["decoder"] or {}).get("type")

    def pieces(self, text):
        if self.cuts:
            sys.exit(f"cutting texts by {self.cuts} needs `pip install tokenizers`")
        text = text.lower() if self.lowercase else text
        if self.characters:
            return list(text)
        if self.blanks or self.separator:
            return [piece for piece in text.split(None if self.blanks else self.separator) if piece]
        # Words of letters, digits and marks; a punctuation mark stands alone.
        mark = lambda c: unicodedata.category(c).startswith("P") or (c.isascii() and not c.isalnum())
        pieces = []
        for run in re.findall(r"\w+|[^\w\s]+", text):
            start = 0
            for place, letter in enumerate(run):
                if mark(letter):
                    pieces += [run[start:place], letter]
                    start = place + 1
            pieces.append(run[start:])
        return [piece for piece in pieces if piece]

    def number(self, piece):
        return self.numbers.get(piece.lower() if self.lowercase else piece, -1)

    def encode(self, text):
        return [self.number(piece) for piece in self.pieces(text)]

    def decode(self, numbers):
        words = [self.words[number] for number in numbers]
        if self.decoder == "Fuse":
            return "".join(words)
        if self.decoder is None:
            return " ".join(words)
        if self.decoder == "ByteLevel":
            # A letter for every byte: printable ones for themselves, the others from U+0100 on.
            plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
            others = [byte for byte in range(256) if byte not in plain]
            byte = {chr(b): b for b in plain} | {chr(256 + place): b for place, b in enumerate(others)}
            return bytes(byte[letter] for letter in "".join(words)).decode("utf-8", "replace")
        joined = [f" {word}" if place and word[:2] != "##" else word for place, word in enumerate(words)]
        joined = [word.removeprefix("##") if place else word for place, word in enumerate(joined)]
        closer = {" .": ".", " ?": "?", " !": "!", " ,": ",", " ' ": "'", " n't": "n't", " 'm": "'m"}
        closer |= {" do not": " don't", " 's": "'s", " 've": "'ve", " 're": "'re"}
        for apart, together in closer.items():
            joined = [word.replace(apart, together) for word in joined]
        return "".join(joined)


class Packaged:
    """The same by the package."""

    def __init__(self, form, tokenizers):
        self.inner = tokenizers.Tokenizer.from_str(json.dumps(form))
        self.inner.encode_special_tokens = True  # a text that says [PAD] says no more than that

    def number(self, piece):
        normal = self.inner.normalizer.normalize_str(piece) if self.inner.normalizer else piece
        number = self.inner.token_to_id(normal)
        return -1 if number is None else number

    def encode(self, text):
        return self.inner.encode(text).ids

    def decode(self, numbers):
        return self.inner.decode(numbers)


class Tokenizer:
    """Texts to token numbers and back, as a card describes it."""

    def __init__(self, words):
        if words["segmenter"] != "none":
            sys.exit(f"texts cut by {words['segmenter']} are left to `mtl predict`")
        form = json.loads(words["json"])
        try:
            import tokenizers

            self.inner = Packaged(form, tokenizers)
        except ImportError:
            self.inner = ByHand(form)
        self.pad, self.end = words["pad"], words["end"]
        self.special = {words[name] for name in ("pad", "unknown", "begin", "end")} - {None}
        known = (words[name] for name in ("unknown", "end", "pad"))
        self.unknown = next(number for number in known if number is not None)

    def encode(self, text):
        """The numbers of a text, or of a list of words; an empty one is one unknown token."""
        if isinstance(text, list):
            numbers = [self.inner.number(word) for word in text]
        else:
            numbers = self.inner.encode(text or "")
        return [self.unknown if n in (-1, self.pad) else n for n in numbers] or [self.unknown]

    def decode(self, numbers):
        return self.inner.decode([number for number in numbers if number not in self.special])


def feed(field, rows, tokenizers):
    """What the model is fed for one input: `[rows, 1]`, or tokens `[rows, time]` filled up behind their ends."""
    name, encoding = field["name"], field["encoding"]
    if encoding["kind"] == "tokens":
        kept = slice(-encoding["length"], None) if encoding["side"] == "tail" else slice(encoding["length"])
        texts = [tokenizers[name].encode(row[name])[kept] for row in rows]
        tokens = np.full((len(rows), max(map(len, texts))), encoding["tokenizer"]["pad"], np.int64)
        for row, text in zip(tokens, texts):
            row[: len(text)] = text
        return tokens
    if encoding["kind"] in ("series", "image"):
        sys.exit(f"input `{name}`: {encoding['kind']} inputs are not read by this example")
    cells = [row.get(name) for row in rows]
    if field["raw"] == "text":
        return np.array([["" if cell is None else str(cell)] for cell in cells], dtype=object)
    if field["raw"] == "int64":  # the smallest whole number stands for a missing one
        return np.array([[np.iinfo(np.int64).min if cell in (None, "") else int(cell)] for cell in cells])
    numbers = [[np.nan if cell in (None, "") else float(cell)] for cell in cells]
    return np.array(numbers, np.float64 if field["raw"] == "float64" else np.float32)


def answers(target, given):
    """One task's answers for a batch: a class by its name, numbers as they are; None for other kinds."""
    kind = target["kind"]
    if kind == "binary":
        return [target["classes"][int(row[0] >= target["threshold"])] for row in given]
    if kind in ("multiclass", "ordinal"):
        return [target["classes"][best] for best in given.argmax(axis=1)]
    if kind == "multilabel":
        return [[label for label, p in zip(target["labels"], row) if p >= target["threshold"]] for row in given]
    if kind == "regression":
        return [row.tolist() if len(row) > 1 else float(row[0]) for row in given]
    return None


def forbid(logits, text, rules, end):
    """Makes what may not follow a text impossible, as the search's settings say."""
    if len(text) < rules.get("minimum", 0):
        logits[end] = -np.inf
    size = rules.get("no_repeat") or 0
    if 0 < size <= len(text):
        for start in range(len(text) - size + 1):
            if text[start : start + size - 1] == text[len(text) - size + 1 :]:
                logits[text[start + size - 1]] = -np.inf


def write(decoder, task, given, tokenizer):
    """One text for each row of a batch, from what the main model gave: the likeliest token, again and again."""
    target = task["target"]
    (search, rules), = target["search"].items() if isinstance(target["search"], dict) else [(target["search"], {})]
    if search != "greedy":
        print(f"task `{task['name']}`: written greedily here, not by {search}", file=sys.stderr)
    # Every port but the token stands in the main model's outputs, under the task's name.
    fed = {port.name: given[f"{task['name']}_{port.name}"] for port in decoder.get_inputs() if port.name != "token"}
    outputs = [port.name for port in decoder.get_outputs()]
    count = len(next(iter(fed.values())))
    never = list(tokenizer.special - {tokenizer.end})
    tokens = np.full(count, target["tokenizer"]["size"], np.int64)  # one beyond the vocabulary begins
    texts, writing = [[] for _ in range(count)], [True] * count
    for _ in range(target["length"]):
        said = dict(zip(outputs, decoder.run(None, {"token": tokens, **fed})))
        logits = said["logits"]
        logits[:, never] = -np.inf
        for row, text in enumerate(texts):
            forbid(logits[row], text, rules or {}, tokenizer.end)
        tokens = logits.argmax(axis=1)
        # What changes with every token comes back as `<port>_next`.
        fed.update({name: said[f"{name}_next"] for name in fed if f"{name}_next" in said})
        for row, token in enumerate(tokens):
            writing[row] &= bool(token != tokenizer.end)
            if writing[row]:
                texts[row].append(int(token))
        if not any(writing):
            break
    return [tokenizer.decode(text) for text in texts]


def preference(card, words):
    """Each task's share, of a network that was trained for every preference; they sum to 1."""
    if "preference" not in card:
        return sys.exit("this network reads no preference") if words else None
    given = dict(card["preference"])
    if words:
        given = dict.fromkeys(given, 0.0)
        for word in words.split(","):
            task, _, share = word.partition("=")
            if task not in given:
                sys.exit(f"no task `{task}`; known: {', '.join(given)}")
            try:
                given[task] = float(share)
            except ValueError:
                sys.exit(f"`{word}`: expected task=share")
    shares = np.array([list(given.values())], np.float32)
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        sys.exit("shares are 0 or more, and not all 0")
    return shares / shares.sum()


def main(bundle, path, words):
    card = json.loads((bundle / "mtl.json").read_text("utf-8"))
    inputs, tasks = card["signature"]["inputs"], card["signature"]["tasks"]
    with path.open(encoding="utf-8", newline="") as lines:
        read = (json.loads(line) for line in lines if line.strip())
        rows = list(csv.DictReader(lines) if path.suffix == ".csv" else read)
    described = {one["name"]: one["encoding"] for one in inputs} | {one["name"]: one["target"] for one in tasks}
    shares = preference(card, words)
    tokenizers = {
        name: Tokenizer(words["tokenizer"])
        for name, words in described.items()
        if words["kind"] in ("tokens", "text")
    }
    session = onnxruntime.InferenceSession(bundle / "model.onnx")
    decoders = {
        task["name"]: onnxruntime.InferenceSession(bundle / f"{task['name']}.decoder.onnx")
        for task in tasks
        if task["target"]["kind"] == "text"
    }
    names = [port.name for port in session.get_outputs()]
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        feeds = {field["name"]: feed(field, batch, tokenizers) for field in inputs}
        if shares is not None:
            feeds["preference"] = shares
        given = dict(zip(names, session.run(names, feeds)))
        said = {}
        for task in tasks:
            name = task["name"]
            if name in decoders:
                said[name] = write(decoders[name], task, given, tokenizers[name])
            else:
                said[name] = answers(task["target"], given[name]) if name in given else None
        said = {name: column for name, column in said.items() if column is not None}
        for row in range(len(batch)):
            print(json.dumps({name: column[row] for name, column in said.items()}, ensure_ascii=False))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Answers rows with an exported model.")
    arguments.add_argument("bundle", type=Path, help="a folder that `mtl export` made")
    arguments.add_argument("rows", type=Path, help="JSON lines, or a CSV file")
    arguments.add_argument("--preference", metavar="TASK=SHARE,...", help="of a network that reads one")
    given = arguments.parse_args()
    main(given.bundle, given.rows, given.preference)
