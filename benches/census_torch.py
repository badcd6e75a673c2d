#!/usr/bin/env python3
"""The PyTorch side of census_income.py: pipelines/census_income.yaml as usually written by hand.

    python3 -m pip install torch==2.11.0 pandas pyarrow scikit-learn
    python3 benches/census_torch.py --epochs 10

Same rows, inputs, network, optimizer and schedule, shuffled batches of 1024, two threads. `--batches loader` is the
usual DataLoader over a TensorDataset; `--batches gather` indexes whole tensors, since the DataLoader is the
bottleneck. Prints one JSON line per epoch and one at the end. `rows_per_second` is for training only, without
loading and validation.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from torch.utils.data import DataLoader, TensorDataset

HERE = pathlib.Path(__file__).parent
NUMBERS = ["age", "wage_per_hour", "capital_gains", "capital_losses", "dividends"]
NOT_INPUTS = [
    "marital_status", "household_status", "household_summary", "weeks_worked", "employer_size", "income", "part",
]  # fmt: skip


class Network(nn.Module):
    def __init__(self, sizes: list[int], numbers: int):
        super().__init__()
        widths = [min(16, round(1.6 * size**0.56)) for size in sizes]
        self.embeddings = nn.ModuleList(nn.Embedding(1 + n, width) for n, width in zip(sizes, widths))
        self.trunk = nn.Sequential(
            nn.Linear(sum(widths) + numbers, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU()
        )
        self.heads = nn.ModuleList(nn.Linear(64, 1) for _ in range(3))

    def forward(self, numbers, codes):
        embedded = [embedding(codes[:, i]) for i, embedding in enumerate(self.embeddings)]
        x = self.trunk(torch.cat([numbers, *embedded], dim=1))
        return [head(x).squeeze(1) for head in self.heads]


def load(path: pathlib.Path):
    rows = pd.read_parquet(path)
    train = (rows["part"] == "train").to_numpy()
    numbers = rows[NUMBERS].to_numpy(np.float32)
    numbers = (numbers - numbers[train].mean(axis=0)) / numbers[train].std(axis=0)
    codes, sizes = [], []
    for name in rows.columns.difference(NUMBERS + NOT_INPUTS, sort=False):
        values = rows[name].astype(str).fillna("?")
        known = sorted(values[train].unique())  # 0 is for values unseen in training
        codes.append(pd.Categorical(values, categories=known).codes.astype(np.int64) + 1)
        sizes.append(len(known))
    weeks = rows["weeks_worked"].to_numpy(np.float32)
    targets = np.stack(
        [
            rows["income"] == "50000+",
            rows["marital_status"] == "Never married",
            (weeks - weeks[train].mean()) / weeks[train].std(),
        ],
        axis=1,
    ).astype(np.float32)
    tensors = [torch.from_numpy(array) for array in (numbers, np.stack(codes, axis=1), targets)]
    parts = {part: torch.from_numpy(np.flatnonzero(rows["part"] == part)) for part in ("train", "valid", "test")}
    return tensors, parts, sizes, float(weeks[train].std())


def batches(tensors, rows, size, how):
    if how == "loader":
        return DataLoader(TensorDataset(*(tensor[rows] for tensor in tensors)), batch_size=size, shuffle=True)
    order = rows[torch.randperm(len(rows))]
    return ([tensor[part] for tensor in tensors] for part in order.split(size))


def loss_of(outputs, targets):
    income, never_married, weeks = outputs
    return (
        binary_cross_entropy_with_logits(income, targets[:, 0])
        + binary_cross_entropy_with_logits(never_married, targets[:, 1])
        + mse_loss(weeks, targets[:, 2])
    )


@torch.no_grad()
def scores(network, tensors, rows, deviation):
    network.eval()
    numbers, codes, targets = tensors
    outputs = [torch.stack(network(numbers[part], codes[part]), dim=1) for part in rows.split(8192)]
    network.train()
    outputs, targets = torch.cat(outputs), targets[rows]
    return {
        "income": roc_auc_score(targets[:, 0], outputs[:, 0]),
        "never_married": roc_auc_score(targets[:, 1], outputs[:, 1]),
        "weeks_worked_rmse": deviation * mse_loss(outputs[:, 2], targets[:, 2]).item() ** 0.5,
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=pathlib.Path, default=HERE / "../pipelines/data/census_income.parquet")
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--batch-size", type=int, default=1024)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--batches", choices=["loader", "gather"], default="loader")
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)

    start = time.perf_counter()
    tensors, parts, sizes, deviation = load(chosen.data)
    load_seconds = time.perf_counter() - start

    network = Network(sizes, len(NUMBERS))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01)
    steps = chosen.epochs * -(-len(parts["train"]) // chosen.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    speeds = []
    for epoch in range(1, chosen.epochs + 1):
        start = time.perf_counter()
        for numbers, codes, targets in batches(tensors, parts["train"], chosen.batch_size, chosen.batches):
            loss = loss_of(network(numbers, codes), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        seconds = time.perf_counter() - start
        speeds.append(len(parts["train"]) / seconds)
        valid = scores(network, tensors, parts["valid"], deviation)
        print(json.dumps({"epoch": epoch, "rows_per_second": speeds[-1], "valid": valid}), flush=True)
    end = {
        "rows_per_second": float(np.median(speeds)),
        "load_seconds": load_seconds,
        "parameters": sum(weights.numel() for weights in network.parameters()),
        "test": scores(network, tensors, parts["test"], deviation),
    }
    print(json.dumps(end))


if __name__ == "__main__":
    main()
