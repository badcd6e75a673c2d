#!/usr/bin/env python3
"""Simple baselines on the test rows of the text pipelines.

    python3 benches/text_baselines.py

Classification: logistic regression over TF-IDF (scikit-learn, defaults except more iterations), for Chinese over
character bigrams. Summaries: the description's first seven words, by ROUGE-L. Translation: the unchanged source, by
BLEU. Needs scikit-learn, rouge-score and sacrebleu, and the data of
`pipelines/data/fetch tweets chinese_reviews packages`.
"""

import csv
import json
import pathlib

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

DATA = pathlib.Path(__file__).parent / "../pipelines/data"
TAGS = ["devel_library", "role_program", "interface_x11", "interface_commandline", "uitoolkit_gtk",
        "implemented_in_python"]


def jsonl(name):
    with open(DATA / name, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def different(rows, column):
    """The first of duplicate rows, as kept by `deduplicate`."""
    return list({row[column]: row for row in reversed(rows)}.values())[::-1]


def classify(name, rows, text, label, **words):
    train = [row for row in rows if row["part"] == "train"]
    test = [row for row in rows if row["part"] == "test"]
    vectors = TfidfVectorizer(min_df=2, sublinear_tf=True, **words)
    seen = vectors.fit_transform(row[text] for row in train)
    model = LogisticRegression(max_iter=1000, C=4.0).fit(seen, [row[label] for row in train])
    said = model.predict(vectors.transform(row[text] for row in test))
    truth = [row[label] for row in test]
    print(
        f"{name}: accuracy {accuracy_score(truth, said):.4f}, "
        f"macro F1 {f1_score(truth, said, average='macro', zero_division=0):.4f}, {len(test)} test rows",
        flush=True,
    )


def tag(name, rows, text, labels, **words):
    """One logistic regression per label, on the rows that have it; means over the labels."""
    scores = []
    for label in labels:
        train = [row for row in rows if row["part"] == "train" and row[label] is not None]
        test = [row for row in rows if row["part"] == "test" and row[label] is not None]
        vectors = TfidfVectorizer(min_df=2, sublinear_tf=True, **words)
        seen = vectors.fit_transform(row[text] for row in train)
        model = LogisticRegression(max_iter=1000, C=4.0).fit(seen, [int(row[label]) for row in train])
        said = model.predict_proba(vectors.transform(row[text] for row in test))[:, 1]
        truth = [int(row[label]) for row in test]
        scores.append((roc_auc_score(truth, said), average_precision_score(truth, said), f1_score(truth, said >= 0.5)))
    auroc, precision, f1 = (sum(values) / len(values) for values in zip(*scores))
    print(f"{name}: AUROC {auroc:.4f}, average precision {precision:.4f}, F1 {f1:.4f}", flush=True)


def write():
    import sacrebleu
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rougeL"])
    rows = [row for row in jsonl("packages/packages.jsonl") if row["part"] == "test" and row["summary"]]
    rouge = [
        scorer.score(row["summary"], " ".join(row["description"].split()[:7]))["rougeL"].fmeasure for row in rows
    ]
    print(f"summary, first seven words: ROUGE-L {sum(rouge) / len(rouge):.4f}, {len(rows)} test rows")
    rows = [row for row in jsonl("packages/german.jsonl") if row["part"] == "test"]
    bleu = sacrebleu.corpus_bleu([row["english"] for row in rows], [[row["german"] for row in rows]])
    print(f"translation, source copied: BLEU {bleu.score:.2f}, {len(rows)} test rows")


def main():
    with open(DATA / "tweets/tweets.csv", encoding="utf-8", newline="") as file:
        tweets = different(list(csv.DictReader(file)), "text")
    classify("tweets, sentiment", tweets, "text", "sentiment", ngram_range=(1, 2))
    reviews = different(jsonl("chinese_reviews/reviews.jsonl"), "text")
    classify("chinese reviews, sentiment", reviews, "text", "sentiment", analyzer="char", ngram_range=(2, 2))
    packages = jsonl("packages/packages.jsonl")
    classify("packages, section", packages, "description", "section")
    tag("packages, tags", packages, "description", TAGS)
    write()


if __name__ == "__main__":
    main()
