#!/usr/bin/env python3
"""The PyTorch side of gradient_methods.py: the network of pipelines/benchmark_multi_mnist.yaml with TorchJD.

    python3 -m pip install torch==2.11.0 'torchjd[full]==0.18.0'
    python3 benches/gradient_torch.py --method upgrad

Indexes whole tensors in memory in a new order each epoch, the fastest data loading in Python. `equal` is the plain sum
without TorchJD. Prints one JSON line.
"""

import argparse
import json
import pathlib
import statistics
import time

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

FOLDER = pathlib.Path(__file__).parent / "../pipelines/data/multi_mnist"


def idx(name):
    content = (FOLDER / name).read_bytes()
    start = 4 + 4 * content[3]
    sizes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)


def trunk():
    return nn.Sequential(
        *[nn.Conv2d(1, 10, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(10, 20, 5), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Flatten(), nn.Linear(320, 50), nn.ReLU()],
    )


def aggregator(method):
    from torchjd import aggregation

    return {
        "mgda": aggregation.MGDA,
        "pcgrad": aggregation.PCGrad,
        "cagrad": lambda: aggregation.CAGrad(c=0.5),
        "upgrad": aggregation.UPGrad,
    }[method]()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--method", default="upgrad")
    arguments.add_argument("--epochs", type=int, default=2)
    arguments.add_argument("--batch-size", type=int, default=256)
    arguments.add_argument("--threads", type=int, default=2)
    chosen = arguments.parse_args()
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(1)
    rows = np.flatnonzero(idx("part-idx1-ubyte") == 0)
    images = torch.from_numpy(idx("images-idx3-ubyte")[rows].astype(np.float32) / 255).unsqueeze(1)
    labels = [torch.from_numpy(idx(f"{side}-idx1-ubyte")[rows].astype(np.int64)) for side in ("left", "right")]
    shared = trunk()
    heads = nn.ModuleList(nn.Sequential(nn.Linear(50, 50), nn.ReLU(), nn.Linear(50, 10)) for _ in labels)
    optimizer = torch.optim.Adam([*shared.parameters(), *heads.parameters()], lr=2e-3)
    method = None
    if chosen.method != "equal":
        from torchjd.autojac import jac_to_grad, mtl_backward

        method = aggregator(chosen.method)
    speeds = []
    for _ in range(chosen.epochs):
        start = time.perf_counter()
        for part in torch.randperm(len(images)).split(chosen.batch_size):
            features = shared(images[part])
            losses = [cross_entropy(head(features), label[part]) for head, label in zip(heads, labels)]
            optimizer.zero_grad()
            if method is None:
                sum(losses).backward()
            else:
                mtl_backward(losses, features=features)
                jac_to_grad(shared.parameters(), method)
            optimizer.step()
        speeds.append(len(images) / (time.perf_counter() - start))
    print(json.dumps({"rows_per_second": statistics.median(speeds)}))


if __name__ == "__main__":
    main()
