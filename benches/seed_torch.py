#!/usr/bin/env python3
"""The seed models in plain PyTorch, eager: milliseconds per optimizer step, as one line of JSON.

    python3 benches/seed_torch.py lstm_500 --threads 2

The work is the same as in the pipelines that seed_models.py writes: shapes, layers, losses, optimizer. Needs
torch.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


class TokenClasses(nn.Module):
    """Classifies every token of a vocabulary of 1000 into one of 1000 classes."""

    def __init__(self):
        super().__init__()
        self.table, self.classes = nn.Embedding(1000, 128), nn.Linear(128, 1000)

    def losses(self, tokens, classes):
        return F.cross_entropy(self.classes(self.table(tokens)).flatten(0, 1), classes.flatten())


class TwoAnswers(nn.Module):
    """Embedding, LSTM, dense, dropout; two binary outputs from the last step."""

    def __init__(self):
        super().__init__()
        self.table, self.lstm = nn.Embedding(10_000, 128), nn.LSTM(128, 128, batch_first=True)
        self.dense, self.first, self.second = nn.Linear(128, 128), nn.Linear(128, 1), nn.Linear(128, 1)
        self.dropout = nn.Dropout(0.5)

    def losses(self, tokens, first, second):
        last = self.lstm(self.table(tokens))[0][:, -1]
        shared = self.dropout(torch.relu(self.dense(last)))
        loss = F.binary_cross_entropy_with_logits
        return loss(self.first(shared), first) + loss(self.second(shared), second)


class Convolutions(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1),
            nn.Conv2d(64, 128, 3, padding=1),
            nn.MaxPool2d(4),
            nn.Flatten(),
            nn.Linear(128 * 7 * 7, 512),
            nn.Linear(512, 256),
            nn.Linear(256, 2),
        )

    def losses(self, images, numbers):
        return F.mse_loss(self.body(images), numbers)


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared, self.yes, self.number = nn.Linear(32, 128), nn.Linear(128, 1), nn.Linear(128, 1)

    def losses(self, x, yes, number):
        h = torch.relu(self.shared(x))
        return F.binary_cross_entropy_with_logits(self.yes(h), yes) + F.mse_loss(self.number(h), number)


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(10_000, 256)
        layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 4)
        self.row, self.token = nn.Linear(256, 2), nn.Linear(256, 9)

    def losses(self, tokens, row, token):
        h = self.encoder(self.table(tokens))
        both = F.cross_entropy(self.token(h).flatten(0, 1), token.flatten())
        return F.cross_entropy(self.row(h.mean(1)), row) + both


def yes(rows):
    return torch.randint(0, 2, (rows, 1)).float()


def work(name):
    """The model, a batch, the optimizer, and the number of steps per measurement."""
    if name == "tokens":
        model = TokenClasses()
        batch = torch.randint(0, 1000, (100, 128)), torch.randint(0, 1000, (100, 128))
        return model, batch, torch.optim.SGD(model.parameters(), lr=0.01), 5
    if name in ("lstm_500", "lstm_200"):
        model, length = TwoAnswers(), int(name[5:])
        batch = torch.randint(0, 10_000, (32, length)), yes(32), yes(32)
        return model, batch, torch.optim.Adam(model.parameters()), 4
    if name == "convolution":
        model = Convolutions()
        batch = torch.randn(32, 3, 28, 28), torch.randn(32, 2)
        return model, batch, torch.optim.Adam(model.parameters()), 4
    if name == "dense":
        model = Dense()
        batch = torch.randn(32, 32), yes(32), torch.randn(32, 1)
        return model, batch, torch.optim.Adam(model.parameters()), 300
    model = Transformer()
    batch = torch.randint(0, 10_000, (32, 64)), torch.randint(0, 2, (32,)), torch.randint(0, 9, (32, 64))
    return model, batch, torch.optim.Adam(model.parameters()), 2


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("model")
    arguments.add_argument("--threads", type=int, default=2)
    chosen = arguments.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(chosen.threads)
    model, batch, optimizer, count = work(chosen.model)

    def step():
        optimizer.zero_grad()
        model.losses(*batch).backward()
        optimizer.step()

    for _ in range(3):
        step()
    turns = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(count):
            step()
        turns.append(1000 * (time.perf_counter() - start) / count)
    print(json.dumps({"milliseconds": statistics.median(turns)}))


if __name__ == "__main__":
    main()
