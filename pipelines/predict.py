"""Predicts rows with an exported model, as `mtl predict` does, from Python.

    mtl export last --to bundle
    python predict.py bundle rows.jsonl > predictions.jsonl    # JSON lines or a CSV file, read as in training
    python predict.py bundle rows.csv --preference income=3,never_married=1    # for a preference-conditioned network

Needs onnxruntime and numpy. Texts are tokenized by the package `tokenizers` if it is installed; without it,
this file tokenizes words and characters itself. Prints one prediction per row for each task with labels per
row, the tags of tagging tasks, and for tasks that generate text one by greedy search; only `mtl predict` has
beam search and sampling.
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


class PurePythonTokenizer:
    """Encodes with a `tokenizer.json` of words or characters, and decodes with any, without `tokenizers`."""

    def __init__(self, form):
        model, cutter = form["model"], form["pre_tokenizer"] or {"type": "None"}
        characters = model["type"] == "BPE" and not model["merges"] and cutter["type"] == "None"
        self.unsupported = model["type"] if model["type"] != "WordLevel" and not characters else None
        self.unsupported = self.unsupported or (form.get("post_processor") and "special tokens")
        self.numbers = model["vocab"]
        self.words = {number: word for word, number in self.numbers.items()}
        self.lowercase = (form["normalizer"] or {}).get("type") == "Lowercase"
        self.characters = characters or cutter.get("pattern") in ({"Regex": "[\\s\\S]"}, {"Regex": "(?s)."})
        self.separator = cutter.get("pattern", {}).get("String")
        self.blanks = cutter["type"] == "WhitespaceSplit"
        self.decoder = (form["decoder"] or {}).get("type")

    def pieces(self, text):
        if self.unsupported:
            sys.exit(f"this model's tokenizer ({self.unsupported}) needs `pip install tokenizers`")
        text = text.lower() if self.lowercase else text
        if self.characters:
            return list(text)
        if self.blanks or self.separator:
            return [piece for piece in text.split(None if self.blanks else self.separator) if piece]
        # Words of letters, digits and combining marks; each punctuation mark is a token.
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

    plain = encode

    def decode(self, numbers):
        words = [self.words[number] for number in numbers]
        if self.decoder == "Fuse":
            return "".join(words)
        if self.decoder is None:
            return " ".join(words)
        if self.decoder == "ByteLevel":
            # One character per byte: printable bytes map to themselves, the others to U+0100 and following.
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


class PackageTokenizer:
    """The same with the package `tokenizers`."""

    def __init__(self, form, tokenizers):
        self.inner = tokenizers.Tokenizer.from_str(json.dumps(form))
        self.inner.encode_special_tokens = True  # the text "[PAD]" is not the special token

    def number(self, piece):
        normal = self.inner.normalizer.normalize_str(piece) if self.inner.normalizer else piece
        number = self.inner.token_to_id(normal)
        return -1 if number is None else number

    def encode(self, text):
        return self.inner.encode(text).ids

    def plain(self, text):
        return self.inner.encode(text, add_special_tokens=False).ids

    def decode(self, numbers):
        return self.inner.decode(numbers)


class Tokenizer:
    """Texts to token ids and back, as the model card describes."""

    def __init__(self, words):
        if words["segmenter"] != "none":
            sys.exit(f"the segmenter {words['segmenter']} is not supported here; use `mtl predict`")
        form = json.loads(words["json"])
        try:
            import tokenizers

            self.inner = PackageTokenizer(form, tokenizers)
        except ImportError:
            self.inner = PurePythonTokenizer(form)
        self.pad, self.end = words["pad"], words["end"]
        self.special = {words[name] for name in ("pad", "unknown", "begin", "end")} - {None}
        known = (words[name] for name in ("unknown", "end", "pad"))
        self.unknown = next(number for number in known if number is not None)
        # The id of an empty text without tokens: the unknown token, or a space where that is padding (GPT-2).
        self.empty = self.unknown
        if self.unknown == self.pad and not self.inner.encode(""):
            blanks = self.inner.encode(" ") + self.inner.encode("\n")
            self.empty = next(number for number in blanks if number != self.pad)

    def encode(self, text):
        """The token ids of a text or of a list of words; an empty text has one, too."""
        if isinstance(text, list):
            numbers = [self.inner.number(word) for word in text]
        else:
            numbers = self.inner.encode(text or "")
        return [self.unknown if n in (-1, self.pad) else n for n in numbers] or [self.empty]

    def pair(self, first, second, encoding):
        """Pairs of a token id and its segment, truncated: tokens of the longer text are removed first."""
        if isinstance(self.inner, PurePythonTokenizer):
            sys.exit("this model's pairs of texts need `pip install tokenizers`")
        side = "left" if encoding["side"] == "tail" else "right"
        self.inner.inner.enable_truncation(encoding["length"], strategy="longest_first", direction=side)
        found = self.inner.inner.encode(first or "", second or "")
        self.inner.inner.no_truncation()
        numbers = [self.unknown if n == self.pad else n for n in found.ids]
        return list(zip(numbers, found.type_ids)) or [(self.empty, 0)]

    def pieces(self, words):
        """Pairs of a token id and 1 where a word begins; every word has a piece."""
        pairs = []
        for word in words or [""]:
            numbers = self.inner.plain(word) if word else []
            numbers = [self.unknown if n in (-1, self.pad) else n for n in numbers] or [self.empty]
            pairs += [(number, int(place == 0)) for place, number in enumerate(numbers)]
        return pairs

    def decode(self, numbers):
        return self.inner.decode([number for number in numbers if number not in self.special])


MISSING, UNSEEN = np.iinfo(np.int64).min, np.iinfo(np.int64).min + 1
WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*(e[+-]?[0-9]+)?|\.[0-9]+(e[+-]?[0-9]+)?|nan|inf|infinity)", re.I)


def separated(path, settings):
    """Column names and rows of a delimited text file, read with the settings of its source."""
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
            sys.exit(f"row {number + 1}: found {len(record)} fields; expected {len(names)}, one per column")
    return names, records


def quoted(text, separator, quote):
    """Records whose fields may be quoted; spaces around an unquoted field are removed."""
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
    """The canonical spelling of a cell in a column of its kind: number `1.50` is `1.5`, boolean `True` is `true`."""
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower()
    if kind == "number" and is_number(text):
        number = float(text)
        if np.isnan(number):
            return ""
        return np.format_float_positional(number + 0.0, unique=True, trim="-") if np.isfinite(number) else str(number)
    return text


class Reading:
    """Reads files as the rows of a table were read in training: by `signature.readings` of the card."""

    def __init__(self, card, table=None, prepared=False):
        self.readings = card["signature"].get("readings", {})
        if table is not None and table not in self.readings:
            sys.exit(f"unknown table `{table}`; known: {', '.join(self.readings)}")
        self.fields, self.table, self.prepared = card["signature"]["inputs"], table, prepared

    def choose(self, path):
        """How to read a file: as the table given, as the only table, or as the table with the same file name."""
        if self.table or len(self.readings) < 2:
            return self.readings.get(self.table or next(iter(self.readings), None), {})
        places = {name: next(iter(one["source"].values())).get("path", "") for name, one in self.readings.items()}
        named = [name for name, place in places.items() if Path(place).name == path.name]
        if len(named) != 1:
            sys.exit(f"the model has several tables; write --table {' | '.join(self.readings)}")
        return self.readings[named[0]]

    def cells(self, path):
        """Each input's cells (strings, None where missing, or lists), and their kind."""
        if not path.exists():
            sys.exit(f"{path}: no such file")
        self.reading = self.choose(path)
        if self.reading.get("not_row_wise") and not self.prepared:
            reason = self.reading["not_row_wise"]
            sys.exit(f"the query cannot run on new rows: {reason}; pass its result with --prepared")
        (form, settings), = self.reading.get("source", {"csv": {}}).items()
        if path.is_dir() or path.suffix in (".parquet", ".pq", ".arrow", ".feather", ".ipc"):
            sys.exit(f"{path}: only CSV and JSON lines are supported here; use `mtl predict`")
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
        for name, (kind, column, expression) in wanted.items():
            cells = columns[name if expression else column] if expression or column else [None] * count
            cells = [composed(cell) for cell in cells]
            result[name] = [spelled(cell, kind) if isinstance(cell, str) else cell for cell in cells], kind
        return result

    def wanted(self, columns):
        """For each input, and each second text of pairs: the kind of its cells, their column, or the expression that
        computes them."""
        wanted = {}
        seconds = [second_column(field) for field in self.fields if second_column(field)]
        for name in [field["name"] for field in self.fields] + seconds:
            own = self.reading.get("inputs", {}).get(name, {"kind": None, "column": name})
            column, expression = own.get("column"), own.get("expression")
            if self.prepared:
                column, expression = name, None
            elif column is None and expression is None and name in columns:
                column = name  # missing in training, present now
            for needed in expression["columns"] if expression else [column] if column else []:
                if needed not in columns:
                    sys.exit(f"input `{name}` needs the column `{needed}`; found {', '.join(columns)}")
            wanted[name] = own["kind"], column, expression
        return wanted

    def computed(self, columns, wanted):
        """The columns, including those that the pipeline's query computes, of the rows that it keeps."""
        made = {name: expression["sql"] for name, (_, _, expression) in wanted.items() if expression}
        filters = [] if self.prepared else self.reading.get("filters", [])
        filters = [one["sql"] for one in filters if all(name in columns for name in one["columns"])]
        count = len(next(iter(columns.values()), []))
        if not made and not filters:
            return columns, count
        for sql in [*made.values(), *filters]:
            check_row_wise(sql)
        try:
            import polars
        except ImportError:
            sys.exit("this model's query needs `pip install polars`; or pass its result with --prepared")
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
            print(f"{count - len(kept)} of {count} rows are excluded by the query's conditions", file=sys.stderr)
        return columns, len(kept)


def second_column(field):
    """The column of the second text of an input of pairs."""
    plane = field["encoding"].get("plane") or {}
    return plane.get("segments", {}).get("column")


def check_row_wise(sql):
    """Refuses an untrusted card's expression that reads anything but the cells of its own row."""
    plain, depth = re.sub(r"'[^']*'|\"[^\"]*\"", " ", sql), 0
    for sign in plain:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            break
    if depth or re.search(r"\bselect\b|--|/\*|;|'|\"|`", plain, re.I):
        sys.exit(f"the card's expression `{sql}` may read more than the cells of its row; it is not executed")


def composed(cell):
    """A text in Unicode's composed form (NFC): `e` and a combining accent are one character."""
    if isinstance(cell, list):
        return [composed(piece) for piece in cell]
    return unicodedata.normalize("NFC", cell) if isinstance(cell, str) else cell


def plain(value):
    """A JSON value as the string of a cell; lists stay lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (str, list)):
        return value
    if isinstance(value, decimal.Decimal):
        return repr(float(value))
    if isinstance(value, datetime.date):
        return str(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else repr(value)


def truncate(ids, encoding):
    """At most `length` token ids; the tokenizer's special tokens before and after the text are kept."""
    length, is_tail = encoding["length"], encoding["side"] == "tail"
    before, after = (encoding["tokenizer"].get(side, 0) for side in ("leading", "trailing"))
    if len(ids) <= length:
        return ids
    text, room = ids[before : len(ids) - after], max(length - before - after, 0)
    text = text[len(text) - min(room, len(text)) :] if is_tail else text[:room]
    return ids[: min(before, length)] + text + ids[len(ids) - min(after, length) :]


def word_pieces(cell, encoding, tokenizer):
    """The pieces of a cell's words with special tokens, truncated; the first one that is left begins a word."""
    separator = encoding["plane"]["words"]["separator"]
    if isinstance(cell, list):
        words = [word or "" for word in cell]
    else:
        words = [word for word in (cell or "").split(separator) if word] if separator else list(cell or "")
    leading, trailing = (encoding["tokenizer"].get(side, 0) for side in ("leading", "trailing"))
    special = [(number, 0) for number in (tokenizer.inner.encode("") if leading + trailing else [])]
    pairs, room = tokenizer.pieces(words), encoding["length"] - leading - trailing
    if len(pairs) > room:
        pairs = pairs[-room:] if encoding["side"] == "tail" else pairs[:room]
        pairs[0] = (pairs[0][0], 1)
    return special[:leading] + pairs + special[len(special) - trailing :]


def feed(field, cells, kind, tokenizers, second=None):
    """The model's input array: `[rows, 1]`, or token ids `[rows, time]`, padded at the end; `[rows, time, 2]` for the
    pieces of words, each with 1 where a word begins, and for pairs with `second` texts, each with its segment."""
    name, encoding = field["name"], field["encoding"]
    if encoding.get("plane"):
        if second is not None:
            rows = [tokenizers[name].pair(*pair, encoding) for pair in zip(cells, second)]
        else:
            rows = [word_pieces(cell, encoding, tokenizers[name]) for cell in cells]
        tokens = np.zeros((len(rows), max(map(len, rows)), 2), np.int64)
        tokens[:, :, 0] = encoding["tokenizer"]["pad"]
        for row, pairs in zip(tokens, rows):
            row[: len(pairs)] = pairs
        return tokens
    if encoding["kind"] == "tokens":
        texts = [truncate(tokenizers[name].encode(cell), encoding) for cell in cells]
        tokens = np.full((len(texts), max(map(len, texts))), encoding["tokenizer"]["pad"], np.int64)
        for row, text in zip(tokens, texts):
            row[: len(text)] = text
        return tokens
    if encoding["kind"] == "registered":
        sys.exit(
            f"input `{name}`: the input kind `{encoding['name']}` of the crate {encoding['origin']} is not available in "
            "Python; use `predict` of the program that registers it"
        )
    if encoding["kind"] in ("series", "image"):
        sys.exit(f"input `{name}`: the kind `{encoding['kind']}` is not supported here; use `mtl predict`")
    if field["raw"] == "text":
        values = np.array([[cell or ""] for cell in cells], dtype=object)
    elif field["raw"] == "int64":
        values = np.array([[code(cell)] for cell in cells])
    else:
        values = np.array([[number(name, row, cell, kind)] for row, cell in enumerate(cells)], field["raw"])
        if field.get("required") and np.isnan(values).any():
            sys.exit(f"input `{name}` requires a value; row {int(np.isnan(values).argmax()) + 1} has none")
    return values


def code(cell):
    """An integer category as the graph looks it up; other text is a value unseen in training."""
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
    """The number of a cell, NaN if it is missing."""
    if cell is None or not cell.strip():
        return np.nan
    if kind == "bool" and cell in ("true", "false"):
        return float(cell == "true")
    try:
        return float(cell.replace("_", "?"))
    except ValueError:
        sys.exit(f"input `{name}`, row {row + 1}: `{cell}` is not a number")


def count_unusual(field, values, counted):
    """Adds unknown categories and imputed cells to `counted`: input to number and description."""
    name, encoding, number = field["name"], field["encoding"], 0
    if "keys" in encoding:
        known = set(*encoding["keys"].values())
        unknown = [str(value) for value in values[:, 0].tolist() if value not in known]
        number, text = len(unknown), f"unknown categories, first `{(unknown or [None])[0]}`"
    elif values.dtype.kind == "f":
        number, text = int(np.isnan(values).sum()), f"missing; imputed with {encoding['fill']}, as in training"
    if number:
        before, first_text = counted.get(name, (0, text))
        counted[name] = before + number, first_text


def sha256(file):
    """The hash of a file, which may be larger than memory."""
    total = hashlib.sha256()
    with open(file, "rb") as content:
        while block := content.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def checked(bundle):
    """Reads a bundle's card and checks the hashes of its files. Cards before format 3 have no hashes."""
    place = bundle / "mtl.json"
    if not place.is_file():
        sys.exit(f"{bundle} is not an exported model: it has no mtl.json; write one with `mtl export RUN --to {bundle}`")
    text = place.read_bytes()
    try:
        card = json.loads(text)
    except ValueError as error:
        sys.exit(f"{place} is not a model card, or is truncated: {error}")
    if card["format"] not in (1, 2, 3):
        sys.exit(f"{place} has format {card['format']}; supported are 1 to 3")
    if card["format"] < 3:
        return card
    # The second line is the hash of all other lines: `sed 2d mtl.json | sha256sum`.
    first, second, rest = (text.split(b"\n", 2) + [b"", b""])[:3]
    own = hashlib.sha256(first + b"\n" + rest).hexdigest()
    if second != f'  "sha256": "{own}",'.encode():
        sys.exit(f"{place} was modified after export; export the model again")
    for file in card["files"]:
        if not re.fullmatch(r"[^/\\:\0]+", file["name"]) or ".." in file["name"]:
            sys.exit(f"{place} refers to a file outside its folder: {file['name']!r}")
        if not (bundle / file["name"]).is_file():
            sys.exit(f"{bundle / file['name']} is missing; copy all files of the exported model")
        if sha256(bundle / file["name"]) != file["sha256"]:
            sys.exit(f"{bundle / file['name']} was modified after export; export the model again")
    return card


def decoder(card, task):
    """The file name of a task's decoder, which may differ from the task's name."""
    own = (file["name"] for file in card.get("files", []) if (file["part"], file.get("of")) == ("decoder", task))
    return next(own, f"{task}.decoder.onnx")


class Model:
    """A bundle that reads rows: `feeds` returns the inputs of ONNX Runtime."""

    def __init__(self, bundle, table=None, prepared=False):
        self.card = checked(Path(bundle))
        self.reading = Reading(self.card, table, prepared)
        signature = self.card["signature"]
        described = {one["name"]: one["encoding"] for one in signature["inputs"]}
        described |= {one["name"]: one["target"] for one in signature["tasks"]}
        written = {name: how for name, how in described.items() if how["kind"] in ("tokens", "text")}
        self.tokenizers = {name: Tokenizer(how["tokenizer"]) for name, how in written.items()}

    def batches(self, path, size):
        """Input arrays by name, `size` rows at a time."""
        cells = self.reading.cells(Path(path))
        count, counted = len(next(iter(cells.values()))[0]), {}
        for start in range(0, count, size):
            part = {name: (column[start : start + size], kind) for name, (column, kind) in cells.items()}
            feeds = {}
            for field in self.reading.fields:
                second = part[second_column(field)][0] if second_column(field) else None
                feeds[field["name"]] = feed(field, *part[field["name"]], self.tokenizers, second)
            for field in self.reading.fields:
                count_unusual(field, feeds[field["name"]], counted)
            yield feeds
        for name, (number, text) in counted.items():
            print(f"input `{name}`: {number} of {count} cells are {text}", file=sys.stderr)

    def feeds(self, path):
        """Input arrays by name, of all rows of a file."""
        (feeds,) = self.batches(path, sys.maxsize)
        return feeds


def steps(fields, feeds):
    """The number of tokens, or of words split into pieces, of each row of the first token input."""
    for field in fields:
        tokens, encoding = feeds[field["name"]], field["encoding"]
        if "words" in (encoding.get("plane") or {}):
            return (tokens[:, :, 1] == 1).sum(axis=1)
        if encoding["kind"] == "tokens":
            ids = tokens[:, :, 0] if tokens.ndim == 3 else tokens
            return (ids != encoding["tokenizer"]["pad"]).sum(axis=1)
    return []


def best_path(logits, transitions):
    """The classes with the highest score of logits and transitions together (Viterbi)."""
    start, end = (np.array(transitions[name], np.float32) for name in ("start", "end"))
    between = np.array(transitions["between"], np.float32).reshape(len(start), len(start))
    scores, pointers = start + logits[0], []
    for own in logits[1:]:
        paths = scores[:, None] + between
        pointers.append(paths.argmax(axis=0))
        scores = paths.max(axis=0) + own
    path = [(scores + end).argmax()]
    for pointer in reversed(pointers):
        path.append(pointer[path[-1]])
    return path[::-1]


def tags(target, given, logits, lengths, transitions):
    """One tagging task's predictions for a batch: a text of tags for each row."""
    texts = []
    for row, scores, length in zip(given, logits, lengths):
        path = best_path(scores[:length], transitions) if transitions else row[:length].argmax(axis=1)
        texts.append(" ".join(target["classes"][best] for best in path))
    return texts


def predictions(target, given):
    """One task's predictions for a batch: names of classes, or numbers; None for other kinds."""
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


def mask_forbidden(logits, text, rules, end):
    """Sets the logits of tokens that the search's settings forbid to minus infinity."""
    if len(text) < rules.get("minimum", 0):
        logits[end] = -np.inf
    size = rules.get("no_repeat") or 0
    if 0 < size <= len(text):
        for start in range(len(text) - size + 1):
            if text[start : start + size - 1] == text[len(text) - size + 1 :]:
                logits[text[start + size - 1]] = -np.inf


def generate(decoder, task, given, tokenizer):
    """Generates one text per row of a batch by greedy search, from the main model's outputs."""
    target = task["target"]
    rules = next(iter(target["search"].values())) if isinstance(target["search"], dict) else {}
    # All decoder inputs except the token are outputs of the main model, named after the task.
    fed = {port.name: given[f"{task['name']}_{port.name}"] for port in decoder.get_inputs() if port.name != "token"}
    outputs = [port.name for port in decoder.get_outputs()]
    count = len(next(iter(fed.values())))
    never = list(tokenizer.special - {tokenizer.end})
    tokens = np.full(count, target["tokenizer"]["size"], np.int64)  # the start token is the vocabulary size
    texts, unfinished = [[] for _ in range(count)], [True] * count
    for _ in range(target["length"]):
        step = dict(zip(outputs, decoder.run(None, {"token": tokens, **fed})))
        logits = step["logits"]
        logits[:, never] = -np.inf
        for row, text in enumerate(texts):
            mask_forbidden(logits[row], text, rules or {}, tokenizer.end)
        tokens = logits.argmax(axis=1)
        # States that change with every token are returned as `<port>_next`.
        fed.update({name: step[f"{name}_next"] for name in fed if f"{name}_next" in step})
        for row, token in enumerate(tokens):
            unfinished[row] &= bool(token != tokenizer.end)
            if unfinished[row]:
                texts[row].append(int(token))
        if not any(unfinished):
            break
    return [tokenizer.decode(text) for text in texts]


def preference(card, words):
    """The preference vector of a preference-conditioned network; it sums to 1."""
    if "preference" not in card:
        return sys.exit("this network is not preference-conditioned; remove --preference") if words else None
    given = dict(card["preference"])
    if words:
        given = dict.fromkeys(given, 0.0)
        for word in words.split(","):
            task, _, share = word.partition("=")
            if task not in given:
                sys.exit(f"unknown task `{task}`; known: {', '.join(given)}")
            try:
                given[task] = float(share)
            except ValueError:
                sys.exit(f"`{word}`: expected TASK=WEIGHT")
    shares = np.array([list(given.values())], np.float32)
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        sys.exit("weights must be 0 or more, and not all 0")
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
    for task in tasks:
        search = task["target"].get("search", "greedy")
        search = next(iter(search)) if isinstance(search, dict) else search
        if task["name"] in decoders and search != "greedy":
            print(f"task `{task['name']}`: greedy search instead of {search}, not supported here", file=sys.stderr)
    names = [port.name for port in session.get_outputs()]
    transitions = dict(model.card.get("transitions", []))
    for feeds in model.batches(path, BATCH):
        if shares is not None:
            feeds["preference"] = shares
        given = dict(zip(names, session.run(names, feeds)))
        predicted = {}
        for task in tasks:
            name = task["name"]
            if task["target"]["kind"] == "tagging":
                lengths = steps(model.card["signature"]["inputs"], feeds)
                predicted[name] = tags(task["target"], given[name], given[f"{name}_logits"], lengths, transitions.get(name))
            elif name in decoders:
                predicted[name] = generate(decoders[name], task, given, model.tokenizers[name])
            else:
                predicted[name] = predictions(task["target"], given[name]) if name in given else None
        predicted = {name: column for name, column in predicted.items() if column is not None}
        for row in zip(*predicted.values()):
            print(json.dumps(dict(zip(predicted, row)), ensure_ascii=False))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Predicts rows with an exported model.")
    arguments.add_argument("bundle", type=Path, help="a folder written by `mtl export`")
    arguments.add_argument("rows", type=Path, help="JSON lines, or a CSV file")
    arguments.add_argument("--table", help="the table of the pipeline whose settings are used for reading")
    arguments.add_argument("--prepared", action="store_true", help="the rows are the result of the pipeline's query")
    arguments.add_argument("--preference", metavar="TASK=WEIGHT,...", help="for a preference-conditioned network")
    given = arguments.parse_args()
    main(given.bundle, given.rows, given.preference, given.table, given.prepared)
