#!/usr/bin/env python3
"""The PyTorch side of census_mmoe.py: the MMoE network of pipelines/benchmark_census_income.yaml.

    python3 -m pip install torch==2.11.0 pandas pyarrow scikit-learn
    python3 benches/census_mmoe_torch.py --batches loader

Eight experts of width 16 over the inputs, as one wide layer; a gate and a tower of width 8 for each task (Ma et al.,
KDD 2018). Prints one JSON line.
"""

import argparse
import json
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from census_torch import HERE, NUMBERS, batches, load


class Experts(nn.Module):
    def __init__(self, sizes, numbers, experts=8, units=16, tower=8, tasks=2):
        super().__init__()
        widths = [min(16, round(1.6 * size**0.56)) for size in sizes]
        width = sum(widths) + numbers
        self.embeddings = nn.ModuleList(nn.Embedding(1 + n, width) for n, width in zip(sizes, widths))
        self.experts = nn.Linear(width, experts * units)
        self.gates = nn.ModuleList(nn.Linear(width, experts, bias=False) for _ in range(tasks))
        self.towers = nn.ModuleList(
            nn.Sequential(nn.Linear(units, tower), nn.ReLU(), nn.Linear(tower, 1)) for _ in range(tasks)
        )
        self.shape = (experts, units)

    def forward(self, numbers, codes):
        x = torch.cat([numbers, *(embed(codes[:, i]) for i, embed in enumerate(self.embeddings))], dim=1)
        experts = torch.relu(self.experts(x)).view(-1, *self.shape)
        mixed = [torch.einsum("be,beu->bu", gate(x).softmax(dim=1), experts) for gate in self.gates]
        return [tower(part).squeeze(1) for tower, part in zip(self.towers, mixed)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--data", type=pathlib.Path, default=HERE / "../pipelines/data/census_income.parquet")
    arguments.add_argument("--epochs", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--batches", choices=["loader", "gather"], default="loader")
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(1)
    tensors, parts, sizes, _ = load(chosen.data)
    network = Experts(sizes, len(NUMBERS))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01)
    speeds = []
    for _ in range(chosen.epochs):
        start = time.perf_counter()
        for numbers, codes, targets in batches(tensors, parts["train"], 1024, chosen.batches):
            losses = [
                binary_cross_entropy_with_logits(answer, targets[:, task])
                for task, answer in enumerate(network(numbers, codes))
            ]
            optimizer.zero_grad()
            sum(losses).backward()
            optimizer.step()
        speeds.append(len(parts["train"]) / (time.perf_counter() - start))
    print(json.dumps({"rows_per_second": float(np.median(speeds))}))


if __name__ == "__main__":
    main()
