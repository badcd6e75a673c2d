"""Answers rows with an exported model, as `mtl predict` does, from Python.

    mtl export last --to bundle
    python predict.py bundle rows.jsonl > answers.jsonl        # rows as JSON lines, or a CSV file, read as in training
    python predict.py bundle rows.csv --preference income=3,never_married=1    # where the network reads one

Needs onnxruntime and numpy. Texts are cut into tokens by the package `tokenizers` where it is installed;
without it by hand, which is written here for tokenizers of whole words and of characters. Answers come for
rows, and texts for tasks that write them: always the likeliest next token, which is `search: greedy`; beams
and sampling are left to `mtl predict`.
"""

import argparse
import datetime
import decimal
import gzip
import hashlib
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
        self.characters = characters or cutter.get("pattern") in ({"Regex": "[\\s\\S]"}, {"Regex": "(?s)."})
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


MISSING, UNSEEN = np.iinfo(np.int64).min, np.iinfo(np.int64).min + 1
WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*(e[+-]?[0-9]+)?|\.[0-9]+(e[+-]?[0-9]+)?|nan|inf|infinity)", re.I)


def separated(path, settings):
    """The names of the columns and the rows of a separated text file, as the settings of its source say."""
    opened = gzip.open(path, "rt", encoding="utf-8-sig", newline="") if path.suffix == ".gz" else None
    with opened or path.open(encoding="utf-8-sig", newline="") as file:
        text = file.read()
    tabbed = path.name.removesuffix(".gz").endswith((".tsv", ".tab"))
    separator = settings.get("separator") or ("\t" if tabbed else ",")
    separator = "\t" if separator == "\\t" else separator
    quote = settings.get("quote", '"')
    for _ in range(settings.get("skip_rows", 0)):
        text = re.split("\r\n|\r|\n", text, maxsplit=1)[-1]
    if quote == "none" or quote not in text:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        records = [[field.strip(" \t") for field in line.split(separator)] for line in lines if line.strip(" \t")]
    else:
        records = quoted(text, separator, quote)
    if settings.get("header", True):
        names = [name or f"column_{place + 1}" for place, name in enumerate(records.pop(0))]
    else:
        names = settings.get("columns") or [f"column_{place + 1}" for place in range(len(records[0]))]
    for number, record in enumerate(records):
        if len(record) != len(names):
            sys.exit(f"row {number + 1}: {len(record)} fields where there are {len(names)} columns")
    return names, records


def quoted(text, separator, quote):
    """Records whose fields may stand in quotes; spaces around a field that does not are not its own."""
    s, q = re.escape(separator), re.escape(quote)
    field = re.compile(rf" *{q}((?:[^{q}]|{q}{q})*){q}[ \t]*(?=[{s}\r\n]|\Z)|([^{s}\r\n]*)")
    records, record, at = [], [], 0
    while at < len(text):
        found = field.match(text, at)
        inside = found.group(1)
        record.append(found.group(2).strip(" \t") if inside is None else inside.replace(quote * 2, quote))
        at = found.end()
        if text[at : at + 1] == separator:
            at += 1
            if at < len(text):
                continue
            record.append("")
        at += 2 if text[at : at + 2] == "\r\n" else 1
        if record != [""] or inside is not None:
            records.append(record)
        record = []
    return records


def is_number(text):
    return NUMBER.fullmatch(text) is not None and not re.match("-?0[0-9]", text)


def spelled(text, kind):
    """A cell as a column of its kind spells it: `1.50` is `1.5` among numbers, `True` is `true` among flags."""
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower()
    if kind == "number" and is_number(text):
        number = float(text)
        if np.isnan(number):
            return ""
        return np.format_float_positional(number + 0.0, unique=True, trim="-") if np.isfinite(number) else str(number)
    return text


class Reading:
    """Reads files as the rows of a table were read in training: what `signature.readings` of a card tells."""

    def __init__(self, card, table=None, prepared=False):
        self.readings = card["signature"].get("readings", {})
        if table is not None and table not in self.readings:
            sys.exit(f"no table `{table}`; known: {', '.join(self.readings)}")
        self.fields, self.table, self.prepared = card["signature"]["inputs"], table, prepared

    def choose(self, path):
        """The reading of the table that a file's rows belong to: the one named, the only one, or that of its name."""
        if self.table or len(self.readings) < 2:
            return self.readings.get(self.table or next(iter(self.readings), None), {})
        places = {name: next(iter(one["source"].values())).get("path", "") for name, one in self.readings.items()}
        named = [name for name, place in places.items() if Path(place).name == path.name]
        if len(named) != 1:
            sys.exit(f"say as which table the rows are read: --table {' | '.join(self.readings)}")
        return self.readings[named[0]]

    def cells(self, path):
        """Each input's cells, and of which kind they are: texts, None where missing, or lists."""
        self.reading = self.choose(path)
        if self.reading.get("not_row_wise") and not self.prepared:
            sys.exit(f"the query cannot be run on new rows: {self.reading['not_row_wise']}; give its result, --prepared")
        (form, settings), = self.reading.get("source", {"csv": {}}).items()
        if path.is_dir() or path.suffix in (".parquet", ".pq", ".arrow", ".feather", ".ipc"):
            sys.exit(f"{path}: separated text and JSON lines are read here; the rest by `mtl predict`")
        lined = path.suffix in (".jsonl", ".ndjson")
        if lined:
            with path.open(encoding="utf-8-sig") as lines:
                rows = [json.loads(line) for line in lines if line.strip()]
            names = list(dict.fromkeys(name for row in rows for name in row))
            columns = {name: [plain(row.get(name)) for row in rows] for name in names}
        else:
            names, rows = separated(path, settings if form == "csv" else {})
            columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        missing = {""} | {word.strip() for word in settings.get("missing", [])}
        numbers = {float(word) for word in missing if is_number(word)} if lined else ()
        means = lambda cell: cell.strip() in missing or (numbers and is_number(cell) and float(cell) in numbers)
        present = lambda cell: None if isinstance(cell, str) and means(cell) else cell
        columns = {name: [present(cell) for cell in cells] for name, cells in columns.items()}
        if not lined and settings.get("decimal") == ",":
            with_point = lambda cell: cell.replace(",", ".") if "." not in cell and is_number(cell.replace(",", ".")) else cell
            columns = {name: [cell and with_point(cell) for cell in cells] for name, cells in columns.items()}
        wanted = self.wanted(columns)
        columns, count = self.computed(columns, wanted)
        result = {}
        for field in self.fields:
            name, (kind, column, expression) = field["name"], wanted[field["name"]]
            cells = columns[name if expression else column] if expression or column else [None] * count
            cells = [composed(cell) for cell in cells]
            result[name] = [spelled(cell, kind) if isinstance(cell, str) else cell for cell in cells], kind
        return result

    def wanted(self, columns):
        """For each input: its cells' kind, the column they stand in, the expression that makes them."""
        wanted = {}
        for field in self.fields:
            name = field["name"]
            own = self.reading.get("inputs", {}).get(name, {"kind": None, "column": name})
            column, expression = own.get("column"), own.get("expression")
            if self.prepared:
                column, expression = name, None
            elif column is None and expression is None and name in columns:
                column = name  # a table that lacked the column has it now
            for needed in expression["columns"] if expression else [column] if column else []:
                if needed not in columns:
                    sys.exit(f"there is no column `{needed}` for input `{name}`; there are {', '.join(columns)}")
            wanted[name] = own["kind"], column, expression
        return wanted

    def computed(self, columns, wanted):
        """The columns with those that the pipeline's query makes, of the rows that it keeps."""
        made = {name: expression["sql"] for name, (_, _, expression) in wanted.items() if expression}
        filters = [] if self.prepared else self.reading.get("filters", [])
        filters = [one["sql"] for one in filters if all(name in columns for name in one["columns"])]
        count = len(next(iter(columns.values()), []))
        if not made and not filters:
            return columns, count
        for sql in [*made.values(), *filters]:
            refuse_strange(sql)
        try:
            import polars
        except ImportError:
            sys.exit("this model's query is run by polars: `pip install polars`, or give its result, --prepared")
        types = {"bool": polars.Boolean, "whole": polars.Int64, "number": polars.Float64, "text": polars.String}
        read = {"bool": lambda cell: cell.lower() == "true", "whole": int, "number": lambda cell: float(cell), "text": str}
        frame = {}
        for name, kind in self.reading["columns"].items():
            if name in columns and kind in types:
                cells = [None if cell is None else read[kind](cell) for cell in columns[name]]
                frame[name] = polars.Series(cells, dtype=types[kind])
        table = polars.DataFrame(frame).with_columns(polars.Series("row number", range(count)))
        context = polars.SQLContext({"self": table})
        where = f" where {' and '.join(f'({one})' for one in filters)}" if filters else ""
        kept = context.execute(f'select "row number" from self{where}', eager=True)["row number"].to_list()
        columns = {name: [cells[row] for row in kept] for name, cells in columns.items()}
        if made:
            items = ", ".join(f'({sql}) as "{name}"' for name, sql in made.items())
            result = polars.SQLContext({"self": table[kept]}).execute(f"select {items} from self", eager=True)
            columns |= {name: [plain(cell) for cell in result[name].to_list()] for name in made}
        if count > len(kept):
            print(f"{count - len(kept)} of {count} rows are left out by the query's conditions", file=sys.stderr)
        return columns, len(kept)


def refuse_strange(sql):
    """A card may come from anywhere: what it computes is computed of a row's own cells, and reads no other file."""
    plain, depth = re.sub(r"'[^']*'|\"[^\"]*\"", " ", sql), 0
    for sign in plain:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            break
    if depth or re.search(r"\bselect\b|--|/\*|;|'|\"|`", plain, re.I):
        sys.exit(f"the card's expression `{sql}` looks at more than a row's own cells")


def composed(cell):
    """A text with its letters composed: `e` and a combining accent are one letter."""
    if isinstance(cell, list):
        return [composed(piece) for piece in cell]
    return unicodedata.normalize("NFC", cell) if isinstance(cell, str) else cell


def plain(value):
    """A value of JSON as the text of a cell; lists stay lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (str, list)):
        return value
    if isinstance(value, decimal.Decimal):
        return repr(float(value))
    if isinstance(value, datetime.date):
        return str(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else repr(value)


def feed(field, cells, kind, tokenizers):
    """What the model is fed for one input: `[rows, 1]`, or tokens `[rows, time]` filled up behind their ends."""
    name, encoding = field["name"], field["encoding"]
    if encoding["kind"] == "tokens":
        kept = slice(-encoding["length"], None) if encoding["side"] == "tail" else slice(encoding["length"])
        texts = [tokenizers[name].encode(cell)[kept] for cell in cells]
        tokens = np.full((len(texts), max(map(len, texts))), encoding["tokenizer"]["pad"], np.int64)
        for row, text in zip(tokens, texts):
            row[: len(text)] = text
        return tokens
    if encoding["kind"] == "registered":
        sys.exit(
            f"input `{name}`: cells become numbers by the kind `{encoding['name']}` of the crate {encoding['origin']}, "
            "which is no Python: `predict` of the program that registers it reads them"
        )
    if encoding["kind"] in ("series", "image"):
        sys.exit(f"input `{name}`: {encoding['kind']} inputs are not read by this example")
    if field["raw"] == "text":
        values = np.array([[cell or ""] for cell in cells], dtype=object)
    elif field["raw"] == "int64":
        values = np.array([[code(cell)] for cell in cells])
    else:
        values = np.array([[number(name, row, cell, kind)] for row, cell in enumerate(cells)], field["raw"])
        if field.get("required") and np.isnan(values).any():
            sys.exit(f"input `{name}` has no value in row {int(np.isnan(values).argmax()) + 1}, and wants one")
    tell(field, values)
    return values


def code(cell):
    """A whole number to be looked up; what is none is a value that training never saw."""
    if cell is None:
        return MISSING
    if cell in ("true", "false"):
        return int(cell == "true")
    try:
        number = int(cell) if WHOLE.fullmatch(cell.strip()) else float(cell)
        return int(number) if number == int(number) and abs(number) < 2**63 else UNSEEN
    except (ValueError, OverflowError):
        return MISSING if cell.strip().lower() == "nan" else UNSEEN


def number(name, row, cell, kind):
    """A number, NaN where it is missing."""
    if cell is None or not cell.strip():
        return np.nan
    if kind == "bool" and cell in ("true", "false"):
        return float(cell == "true")
    try:
        return float(cell.replace("_", "?"))
    except ValueError:
        sys.exit(f"input `{name}`, row {row + 1}: `{cell}` is no number")


def tell(field, values):
    """Says how many cells hold what training never saw, and how many are filled in."""
    name, encoding = field["name"], field["encoding"]
    if "keys" in encoding:
        known = set(*encoding["keys"].values())
        strange = [str(value) for value in values[:, 0].tolist() if value not in known]
        if strange:
            print(f"input `{name}`: {len(strange)} of {len(values)} cells are unknown, first `{strange[0]}`", file=sys.stderr)
    elif values.dtype.kind == "f" and np.isnan(values).any():
        count = int(np.isnan(values).sum())
        print(f"input `{name}`: {count} of {len(values)} cells are missing; {encoding['fill']} stands in", file=sys.stderr)


def checked(bundle):
    """The card of a bundle, whose files are as they were exported. Earlier cards than of format 3 keep no hashes."""
    place = bundle / "mtl.json"
    text = place.read_bytes()
    try:
        card = json.loads(text)
    except ValueError as error:
        sys.exit(f"{place} is no card, or is cut short: {error}")
    if card["format"] not in (1, 2, 3):
        sys.exit(f"{place} has format {card['format']}; this example reads 1 to 3")
    if card["format"] < 3:
        return card
    # The second line holds the hash of all the others: `sed 2d mtl.json | sha256sum`.
    first, second, rest = (text.split(b"\n", 2) + [b"", b""])[:3]
    own = hashlib.sha256(first + b"\n" + rest).hexdigest()
    if second != f'  "sha256": "{own}",'.encode():
        sys.exit(f"{place} is not as it was written: export the model again")
    for file in card["files"]:
        if not re.fullmatch(r"[^/\\:\0]+", file["name"]) or ".." in file["name"]:
            sys.exit(f"{place} names a file outside of its folder: {file['name']!r}")
        if hashlib.sha256((bundle / file["name"]).read_bytes()).hexdigest() != file["sha256"]:
            sys.exit(f"{bundle / file['name']} is not the file that was exported: export the model again")
    return card


def decoder(card, task):
    """The file that says the next token of a task's text: not every task's name can be a file's."""
    own = (file["name"] for file in card.get("files", []) if (file["part"], file.get("of")) == ("decoder", task))
    return next(own, f"{task}.decoder.onnx")


class Model:
    """A bundle, ready to read rows: `feeds` gives what ONNX Runtime is fed."""

    def __init__(self, bundle, table=None, prepared=False):
        self.card = checked(Path(bundle))
        self.reading = Reading(self.card, table, prepared)
        signature = self.card["signature"]
        described = {one["name"]: one["encoding"] for one in signature["inputs"]}
        described |= {one["name"]: one["target"] for one in signature["tasks"]}
        written = {name: how for name, how in described.items() if how["kind"] in ("tokens", "text")}
        self.tokenizers = {name: Tokenizer(how["tokenizer"]) for name, how in written.items()}

    def batches(self, path, size):
        """Arrays by the names of the model's inputs, `size` rows at a time."""
        cells = self.reading.cells(Path(path))
        count = len(next(iter(cells.values()))[0])
        for start in range(0, count, size):
            part = {name: (column[start : start + size], kind) for name, (column, kind) in cells.items()}
            yield {field["name"]: feed(field, *part[field["name"]], self.tokenizers) for field in self.reading.fields}

    def feeds(self, path):
        """Arrays of all rows of a file by the names of the model's inputs."""
        return next(self.batches(path, sys.maxsize))


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


def main(bundle, path, words, table, prepared):
    model = Model(bundle, table, prepared)
    tasks, shares = model.card["signature"]["tasks"], preference(model.card, words)
    session = onnxruntime.InferenceSession(bundle / "model.onnx")
    decoders = {
        task["name"]: onnxruntime.InferenceSession(bundle / decoder(model.card, task["name"]))
        for task in tasks
        if task["target"]["kind"] == "text"
    }
    names = [port.name for port in session.get_outputs()]
    for feeds in model.batches(path, BATCH):
        if shares is not None:
            feeds["preference"] = shares
        given = dict(zip(names, session.run(names, feeds)))
        said = {}
        for task in tasks:
            name = task["name"]
            if name in decoders:
                said[name] = write(decoders[name], task, given, model.tokenizers[name])
            else:
                said[name] = answers(task["target"], given[name]) if name in given else None
        said = {name: column for name, column in said.items() if column is not None}
        for row in zip(*said.values()):
            print(json.dumps(dict(zip(said, row)), ensure_ascii=False))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Answers rows with an exported model.")
    arguments.add_argument("bundle", type=Path, help="a folder that `mtl export` made")
    arguments.add_argument("rows", type=Path, help="JSON lines, or a separated text file")
    arguments.add_argument("--table", help="as rows of which of the pipeline's tables they are read")
    arguments.add_argument("--prepared", action="store_true", help="the rows are as the pipeline's query gives them")
    arguments.add_argument("--preference", metavar="TASK=SHARE,...", help="of a network that reads one")
    given = arguments.parse_args()
    main(given.bundle, given.rows, given.preference, given.table, given.prepared)
