"""The descriptions of Debian's packages, from apt's indices: a text, its summary, its section, its
tags, and its German translation."""

import collections
import hashlib
import re

from recipes.client import apt_index
from recipes.place import part
from recipes.problem import Problem

RELEASE = "bookworm"
TAGS = 20
# Of the indices this recipe was written with; a later point release changes some texts.
KNOWN = "32eb89215b68c90ed634227160bc97f427ff39b72160148e0a947e7b35148160"


class Packages:
    SUMMARY = "descriptions of Debian 12's packages: summary, section, tags, German"
    PACKAGES = []
    ROWS = {}

    @staticmethod
    def prepare(fetched, _, out):
        indices = {name: apt_index(fetched, RELEASE, name) for name in ["Packages", "Translation-en", "Translation-de"]}
        known = hashlib.sha256("".join(indices.values()).encode()).hexdigest()
        if known != KNOWN:
            print(f"packages: the indices are of another point release ({known[:16]}); counts may differ a little")
        english = translations(indices["Translation-en"], "Description-en")
        german = translations(indices["Translation-de"], "Description-de")
        packages = {}
        for entry in entries(indices["Packages"]):
            packages.setdefault(entry["Package"], entry)
        tagged = [tags(entry) for entry in packages.values()]
        counts = collections.Counter(tag for found in tagged for tag in found)
        # By count, then by name, so that equal counts have an order.
        top = sorted(counts, key=lambda tag: (-counts[tag], tag))[:TAGS]
        rows, pairs = [], {}
        for entry, found in zip(packages.values(), tagged):
            key = entry.get("Description-md5", "")
            if key not in english:
                continue
            summary, paragraphs = english[key]
            # Packages built of one source often begin with the same words: these stand in one split.
            split = part(paragraphs[0])
            row = {
                "package": entry["Package"],
                "source": entry.get("Source", entry["Package"]).split()[0],
                "summary": summary,
                "description": "\n".join(paragraphs),
                "section": entry["Section"].rpartition("/")[2],
            }
            # A package nobody has tagged yet has no answer to any tag.
            row.update({column(tag): int(tag in found) if found else None for tag in top})
            rows.append({**row, "part": split})
            if key in german:
                other = german[key][1]
                if len(other) == len(paragraphs):
                    for text, translation in zip(paragraphs, other):
                        if text != translation:
                            pairs.setdefault(text, (translation, split))
        out.jsonl("packages.jsonl", rows)
        out.jsonl(
            "german.jsonl",
            [{"english": text, "german": other, "part": split} for text, (other, split) in pairs.items()],
        )


def column(tag: str) -> str:
    """As a column's name: `role_shared_lib`."""
    return re.sub(r"\W+", "_", tag.replace("++", "pp"))


def tags(entry: dict) -> set:
    return {tag.strip() for tag in entry.get("Tag", "").replace("\n", " ").split(",") if tag.strip()}


def entries(index: str) -> list:
    """The fields of each paragraph; lines of a field joined by newlines."""
    found = []
    for block in index.split("\n\n"):
        fields, name = {}, None
        for line in block.split("\n"):
            if line[:1] in (" ", "\t"):
                if name is None:
                    raise Problem(f"an index begins with a line that goes on: {line[:60]}")
                fields[name] += "\n" + line[1:]
            elif line:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
        if fields:
            found.append(fields)
    return found


def translations(index: str, field: str) -> dict:
    """By the hash of the English text: the summary, and the paragraphs behind it."""
    found = {}
    for entry in entries(index):
        text = entry.get(field)
        if text is None:
            continue
        summary, _, rest = text.partition("\n")
        paragraphs = [" ".join(block.split()) for block in rest.split("\n.\n")]
        paragraphs = [paragraph for paragraph in paragraphs if paragraph]
        if paragraphs:
            found.setdefault(entry["Description-md5"], (" ".join(summary.split()), paragraphs))
    return found
