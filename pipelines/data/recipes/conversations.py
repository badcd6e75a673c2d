"""Questions and answers of the English conversations that chatterbot is trained with."""

from recipes.archive import Archive
from recipes.client import Package
from recipes.problem import Problem

CHATTERBOT = Package(
    "pip",
    "chatterbot-corpus",
    "1.3.3",
    "chatterbot_corpus-1.3.3.tar.gz",
    "615b5c4c605154f60ae51d03ed918ed92e9d32bc2b144b759bbc64ecdbe18481",
)
FOLDER = "chatterbot_corpus-1.3.3/chatterbot_corpus/data/english"
ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "/": "/", "0": "\0", "N": "\x85", "_": "\xa0", " ": " "}


class Conversations:
    SUMMARY = "English questions and their answers"
    PACKAGES = [CHATTERBOT]
    ROWS = {"conversations.jsonl": 2_313}

    @staticmethod
    def prepare(_, files, out):
        archive = Archive(files[0])
        rows = []
        for file in archive.names(FOLDER):
            topic = file.rpartition("/")[2].removesuffix(".yml")
            for turns in conversations(archive.text(file), file):
                turns = [" ".join(turn.split()) for turn in turns]
                for question, answer in zip(turns, turns[1:]):
                    if question and answer:
                        rows.append({"question": question, "answer": answer, "topic": topic})
        out.jsonl("conversations.jsonl", rows)


def conversations(text: str, file: str) -> list:
    """The lists below `conversations:`. Of YAML, what these files use: `- -` begins a conversation,
    `  -` another turn; a text may stand in quotes and go on, indented, on the next lines."""
    found, begun, inside = [], None, False
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if not line.startswith((" ", "-")):
            if bare and not bare.startswith("#"):
                inside = bare == "conversations:"
            if bare or begun is None or not inside:
                continue
        if not inside:
            continue
        marks = line[: len(line) - len(line.lstrip(" -"))]
        quoted = begun is not None and is_open("\n".join(begun))
        if not quoted and marks.count("-") and (bare == "-" or marks.endswith(" ")):
            begun = [line[len(marks) :]]
            if marks.startswith("-"):
                found.append([])
            if not found:
                raise Problem(f"{file}, line {number}: a turn before any conversation")
            found[-1].append(begun)
        elif begun is not None:
            begun.append(bare)
        elif bare:
            raise Problem(f"{file}, line {number}: `{bare}` is neither a turn nor its continuation")
    return [[scalar(turn, file) for turn in turns] for turns in found]


def is_open(text: str) -> bool:
    """Has a quote been begun and not ended?"""
    text = text.strip()
    if text.startswith("'"):
        return text[1:].replace("''", "").count("'") == 0
    if text.startswith('"'):
        return text[1:].replace("\\\\", "").replace('\\"', "").count('"') == 0
    return False


def scalar(lines: list, file: str) -> str:
    """The text of a turn: its lines folded, its quotes taken off."""
    quote = lines[0].lstrip()[:1]
    if lines[0].strip() in ("|", "|-", ">", ">-"):
        return "\n".join(lines[1:]).strip()
    text = fold(lines)
    if quote == "'" and len(text) > 1 and text.endswith("'"):
        return text[1:-1].replace("''", "'")
    if quote == '"' and len(text) > 1 and text.endswith('"'):
        return unescape(text[1:-1], file)
    if quote in ("'", '"'):
        raise Problem(f"{file}: a quote is not closed: {text[:60]}")
    return text.split(" #")[0].rstrip()


def fold(lines: list) -> str:
    """Lines become one, joined by blanks; an empty line stands for a line's end."""
    text = lines[0].strip()
    blank = 0
    for line in lines[1:]:
        if not line:
            blank += 1
            continue
        text += "\n" * blank if blank else " "
        text += line
        blank = 0
    return text


def unescape(text: str, file: str) -> str:
    made, rest = "", iter(text)
    for letter in rest:
        if letter != "\\":
            made += letter
            continue
        mark = next(rest, "")
        if mark in ("x", "u"):
            digits = "".join(next(rest, "") for _ in range(2 if mark == "x" else 4))
            made += chr(int(digits, 16))
        elif mark in ESCAPES:
            made += ESCAPES[mark]
        else:
            raise Problem(f"{file}: the escape `\\{mark}` is not known")
    return made
