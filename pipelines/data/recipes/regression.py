"""Pairs of regression tasks of a known relatedness, made here: nothing is fetched.

As Ma et al. (MMoE, KDD 2018) made them: u1, u2 orthonormal, w1 = c u1, w2 = c (r u1 + sqrt(1 - r^2) u2), x normal,
y_k = w_k x + sum over i of sin(a_i w_k x + b_i) + noise. r is how alike the two tasks' weights are.
"""

import math
import random

WIDTH, WAVES, SCALE, NOISE = 100, 5, 0.3, 0.1
PARTS = (("train", 10_000), ("valid", 1_000), ("test", 1_000))
# r of each pair of targets, by the number in their names.
RELATED = {"50": 0.5, "90": 0.9, "100": 1.0}
SEED = 1


class Regression:
    SUMMARY = "pairs of synthetic regressions whose weights are 0.5, 0.9 and 1.0 alike"
    PACKAGES = []
    ROWS = {"rows.jsonl": sum(count for _, count in PARTS)}

    @staticmethod
    def prepare(_fetched, _files, out):
        draw = Normal(SEED)
        first, second = orthonormal(draw)
        a, b = draw.row(WAVES), draw.row(WAVES)
        rows = []
        for part, count in PARTS:
            for _ in range(count):
                x = draw.row(WIDTH)
                along, across = SCALE * dot(first, x), SCALE * dot(second, x)
                row = {"x": [[round(value, 5) for value in x]]}  # one step of so many numbers
                for name, r in RELATED.items():
                    other = r * along + math.sqrt(1 - r * r) * across
                    row[f"first_{name}"] = target(along, a, b, draw)
                    row[f"second_{name}"] = target(other, a, b, draw)
                rows.append(row | {"part": part})
        out.jsonl("rows.jsonl", rows)


def target(z, a, b, draw) -> float:
    waves = sum(math.sin(a * z + b) for a, b in zip(a, b))
    return round(z + waves + NOISE * draw.one(), 6)


def orthonormal(draw) -> tuple:
    first, second = draw.row(WIDTH), draw.row(WIDTH)
    first = unit(first)
    along = dot(first, second)
    return first, unit([s - along * f for f, s in zip(first, second)])


def unit(row: list) -> list:
    length = math.sqrt(dot(row, row))
    return [value / length for value in row]


def dot(one: list, other: list) -> float:
    return math.fsum(a * b for a, b in zip(one, other))


class Normal:
    """Normal numbers by Box and Muller's way: `random()` of a seed is the same in every version of Python."""

    def __init__(self, seed: int):
        self.random = random.Random(seed).random

    def one(self) -> float:
        return math.sqrt(-2 * math.log(1 - self.random())) * math.cos(2 * math.pi * self.random())

    def row(self, count: int) -> list:
        return [self.one() for _ in range(count)]
