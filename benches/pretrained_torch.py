#!/usr/bin/env python3
"""A pretrained encoder under the heads of a text pipeline, fine-tuned with PyTorch and transformers.

    python3 benches/pretrained_torch.py tweets --rows 4000 --length 40 --epochs 2 --rate 1e-4
    python3 benches/pretrained_torch.py packages --freeze 4

The work is that of a trunk of `pretrained` and `pool: mean`: heads, losses and their weights as in
`tweets.yaml` and `multi_table.yaml`, AdamW, warmup and cosine annealing per step, clipping. A block's rate is
that of the block above times `--by-layer`. `--freeze` blocks, and the embeddings below them, are frozen and
have no dropout. Batches are padded to their longest text. `--rows` takes the first training rows of a shuffle
with seed 1. The last line is JSON: settings, scores of the test rows, steps per second.

Needs torch 2.11, transformers 5.24 and tokenizers, and the data of
`pipelines/data/fetch tweets packages models` (or `--model FOLDER`). On cores that others use too, try
`--threads 1`: two threads wait for each other at every operation.
"""

import argparse
import csv
import json
import math
import pathlib
import random
import time

import torch
import transformers
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F

DATA = pathlib.Path(__file__).resolve().parent / "../pipelines/data"
WARMUP, CLIP, DECAY = 100, 1.0, 0.01
TAGS = ["devel_library", "role_program", "interface_x11", "interface_commandline", "uitoolkit_gtk",
        "implemented_in_python"]


def different(rows, column):
    """The first of duplicate rows, as kept by `deduplicate`."""
    return list({row[column]: row for row in reversed(rows)}.values())[::-1]


def tweets(file):
    with open(file or DATA / "tweets/tweets.csv", encoding="utf-8", newline="") as file:
        return different(list(csv.DictReader(file)), "text"), "text"


def packages(file):
    with open(file or DATA / "packages/packages.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file], "description"


class Tweets(nn.Module):
    """Sentiment of three kinds, and the confidence of its readers, standardized; a seventh is missing."""

    def __init__(self, width, rows):
        super().__init__()
        train = [row for row in rows if row["part"] == "train"]
        self.names = sorted({row["sentiment"] for row in train})
        known = [float(row["confidence"]) for row in train if row["confidence"]]
        self.mean = sum(known) / len(known)
        self.deviation = math.sqrt(sum((value - self.mean) ** 2 for value in known) / len(known))
        self.sentiment = nn.Linear(width, len(self.names))
        self.hidden, self.confidence = nn.Linear(width, 32), nn.Linear(32, 1)

    def labels(self, rows):
        known = [float(row["confidence"] or "nan") for row in rows]
        return (
            torch.tensor([self.names.index(row["sentiment"]) for row in rows]),
            (torch.tensor(known) - self.mean) / self.deviation,
        )

    def forward(self, pooled):
        return self.sentiment(pooled), self.confidence(torch.relu(self.hidden(pooled))).squeeze(-1)

    def loss(self, said, labels):
        known = ~labels[1].isnan()
        squares = F.mse_loss(said[1][known], labels[1][known]) if known.any() else 0.0
        return F.cross_entropy(said[0], labels[0]) + 0.2 * squares

    def scores(self, said, labels):
        known = ~labels[1].isnan()
        error = (said[1] - labels[1])[known] * self.deviation
        return {**classes("sentiment", said[0], labels[0]), "confidence_mae": error.abs().mean().item()}


class Packages(nn.Module):
    """The section of a package, and six tags; nobody has tagged half of them."""

    def __init__(self, width, rows):
        super().__init__()
        self.names = sorted({row["section"] for row in rows if row["part"] == "train"})
        self.section, self.tags = nn.Linear(width, len(self.names)), nn.Linear(width, len(TAGS))

    def labels(self, rows):
        tag = lambda value: math.nan if value is None else float(value)
        return (
            torch.tensor([self.names.index(row["section"]) for row in rows]),
            torch.tensor([[tag(row[name]) for name in TAGS] for row in rows]),
        )

    def forward(self, pooled):
        return self.section(pooled), self.tags(pooled)

    def loss(self, said, labels):
        known = ~labels[1].isnan()
        tags = F.binary_cross_entropy_with_logits(said[1][known], labels[1][known]) if known.any() else 0.0
        return F.cross_entropy(said[0], labels[0]) + tags

    def scores(self, said, labels):
        known = ~labels[1].isnan()
        right = (said[1] > 0)[known] == (labels[1] > 0.5)[known]
        return {**classes("section", said[0], labels[0]), "tags_accuracy": right.float().mean().item()}


def classes(name, logits, labels):
    """Accuracy, and F1 averaged over the classes that the labels or the predictions hold."""
    said, found = logits.argmax(1), []
    for label in range(logits.shape[1]):
        hit = ((said == label) & (labels == label)).sum().item()
        count = (said == label).sum().item() + (labels == label).sum().item()
        if count:
            found.append(2 * hit / count)
    accuracy = (said == labels).float().mean().item()
    return {f"{name}_accuracy": accuracy, f"{name}_macro_f1": sum(found) / len(found)}


class Network(nn.Module):
    def __init__(self, encoder, heads):
        super().__init__()
        self.encoder, self.heads = encoder, heads

    def forward(self, ids, mask):
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        return self.heads((hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True))


def padded(tokens):
    """Token ids [rows, longest] and their mask."""
    longest = max(map(len, tokens))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in tokens])
    return ids, torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in tokens])


def groups(network, rate, by_layer, heads_rate):
    """Each block's rate is that of the block above times `by_layer`; the embeddings have the lowest."""
    encoder = network.encoder
    blocks = list(encoder.encoder.layer)
    parts = [encoder.embeddings, *blocks]
    found = [{"params": list(network.heads.parameters()), "lr": heads_rate}]
    for depth, part in enumerate(reversed(parts)):
        weights = [weight for weight in part.parameters() if weight.requires_grad]
        if weights:
            found.append({"params": weights, "lr": rate * by_layer**depth})
    return found


def evaluate(network, tokens, rows, size):
    network.eval()
    order = sorted(range(len(rows)), key=lambda row: len(tokens[row]))
    said, start = [], time.monotonic()
    with torch.no_grad():
        for at in range(0, len(order), size):
            said.append(network(*padded([tokens[row] for row in order[at : at + size]])))
    said = tuple(torch.cat(parts) for parts in zip(*said))
    scores = network.heads.scores(said, network.heads.labels([rows[row] for row in order]))
    return {**scores, "rows_per_second": len(rows) / (time.monotonic() - start)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("task", choices=["tweets", "packages"])
    arguments.add_argument("--model", default=str(DATA / "models/all-MiniLM-L6-v2"))
    arguments.add_argument("--file", help="other rows of the same columns")
    for name, kind, default in [
        ("rows", int, 0), ("test-rows", int, 0), ("length", int, 48), ("epochs", int, 3), ("batch", int, 32),
        ("rate", float, 1e-4), ("heads-rate", float, 1e-3), ("by-layer", float, 0.9), ("freeze", int, 0),
        ("threads", int, 2), ("seed", int, 1),
    ]:
        arguments.add_argument(f"--{name}", type=kind, default=default)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    rows, column = {"tweets": tweets, "packages": packages}[given.task](given.file)
    transformers.logging.set_verbosity_error()
    encoder = transformers.AutoModel.from_pretrained(given.model, add_pooling_layer=False)
    heads = {"tweets": Tweets, "packages": Packages}[given.task](encoder.config.hidden_size, rows)
    network = Network(encoder, heads)
    frozen = [encoder.embeddings, *encoder.encoder.layer[: given.freeze]] if given.freeze else []
    for frozen_part in frozen:
        frozen_part.requires_grad_(False)
    tokenizer = Tokenizer.from_file(str(pathlib.Path(given.model) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(given.length)

    def part(name, count=0):
        found = [row for row in rows if row["part"] == name]
        if count:
            random.Random(1).shuffle(found)
            found = found[:count]
        return found, [text.ids for text in tokenizer.encode_batch([row[column] for row in found])]

    train, tokens = part("train", given.rows)
    steps = math.ceil(len(train) / given.batch) * given.epochs
    optimizer = torch.optim.AdamW(
        groups(network, given.rate, given.by_layer, given.heads_rate), weight_decay=DECAY
    )
    warmup = min(WARMUP, steps // 4)
    annealed = lambda step: (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup))) / 2
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: (step + 1) / warmup if step < warmup else annealed(step)
    )
    order, done, start = list(range(len(train))), 0, time.monotonic()
    labels = heads.labels(train)
    for epoch in range(given.epochs):
        random.Random(given.seed + epoch).shuffle(order)
        network.train()
        for frozen_part in frozen:
            frozen_part.eval()
        total = 0.0
        for at in range(0, len(order), given.batch):
            batch = order[at : at + given.batch]
            said = network(*padded([tokens[row] for row in batch]))
            loss = heads.loss(said, tuple(label[batch] for label in labels))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP)
            optimizer.step()
            schedule.step()
            done, total = done + 1, total + loss.item()
            if done % 25 == 0:
                print(f"step {done} of {steps}: loss {total / (at // given.batch + 1):.4f}, "
                      f"{done / (time.monotonic() - start):.2f} steps/s", flush=True)
    speed = done / (time.monotonic() - start)
    test, tokens = part("test", given.test_rows)
    scores = evaluate(network, tokens, test, 2 * given.batch)
    rounded = {name: round(value, 4) for name, value in scores.items()}
    print(json.dumps({**vars(given), "model": pathlib.Path(given.model).name, "train_rows": len(train),
                      "test_rows": len(test), "steps": steps, "steps_per_second": round(speed, 3), **rounded}))


if __name__ == "__main__":
    main()
