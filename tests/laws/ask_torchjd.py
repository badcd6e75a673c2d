"""What TorchJD 0.18.0 (torch 2.11, quadprog, cvxpy with clarabel, scipy) makes of matrices, in 64 bits: torchjd.json.

    python tests/laws/ask_torchjd.py > tests/laws/torchjd.json

Its regularization is turned off, or is the same as ours: norm_eps = 0 and reg_eps = 1e-4 (our `ridge`), eps = 1e-30 of
GradVac. Where TorchJD breaks down there is no number of its own for a matrix, and the law by which its answer to an easier
matrix goes over to this one is taken instead:

- IMTL-G inverts G, not the cosines, so it loses rows whose lengths are far apart: (D J) has w_k / D_k of J, with sum 1. Of
  rows that depend on each other its pseudo-inverse is another than ours; they are left out.
- FairGrad and Nash-MTL (FairGrad with alpha 1; TorchJD's own NashMTL stops at 1e-3) search from even weights, which finds
  nothing where they are far from it: s J has s^(-2 a / (1 + a)) w of J, and for alpha 1 D J has w_k / D_k. Rows of
  nothing, and rows that can cancel, have no answer.
- CAGrad's solver works to 1e-8 of the largest number, which is not enough for lengths 1e-5 to 1e5; left out there, as are
  UPGrad and DualProj without a ridge, whose quadprog asks for a positive definite matrix.
- SDMGrad adds 1e-8 to s^2, which its iteration makes ten thousand times as much: it is asked about 1e4 J, which has w of J.
- MGDA is a Frank-Wolfe that goes slowly: its answer is a bound from above, within 1e-6 of the square length.
- Aligned-MTL calls eigenvalues nothing below K 1e-7 of the largest by the default type of torch, which is 32 bits of rank
  deficient matrices and 64 bits of all others; left out where an eigenvalue lies between our bound and theirs,
  and of lengths 1e-5 to 1e5, whose G has lost its digits.
- MoDo's projection onto the simplex loses 1 beside 1e19, so it is left out where G is that large.
- Aligned-MTL, CAGrad and SDMGrad begin with the mean, and have no answer but rounding where it is nothing (`cancelling`).
- PCGrad and GradVac draw orders: of three tasks or fewer, what any of 200 draws gives; GradVac's first step.
- GradDrop draws by element, and is left out.
"""

import json

import numpy as np
import torch
from torchjd.aggregation import (
    AlignedMTLWeighting, CAGradWeighting, ConFIG, DualProjWeighting, FairGradWeighting, GradVacWeighting, IMTLGWeighting,
    MGDAWeighting, MoDoWeighting, PCGradWeighting, SDMGradWeighting, UPGradWeighting,
)

from torchjd.linalg import QuadprogProjector

rng = np.random.default_rng(0)
SCALES = [1e-10, 1e-5, 1e5, 1e10]


def rounded(rows):
    return np.array([[float(f"{value:.6g}") for value in row] for row in rows])


def matrices():
    """Name, J, and D: what is asked about is D J."""
    ones = lambda k: np.ones(k)
    for k in range(2, 9):
        yield f"normal {k}", rng.normal(size=(k, k + 2)), ones(k)
    for k in (2, 3, 5, 8):
        yield f"lengths {k}", rng.normal(size=(k, k + 2)), np.logspace(-2, 2, k)
        yield f"far lengths {k}", rng.normal(size=(k, k + 2)), 10.0 ** rng.permutation(np.linspace(-5, 5, k).round())
        yield f"alike {k}", rng.normal(size=(1, k + 2)) + 0.05 * rng.normal(size=(k, k + 2)), ones(k)
        nothing = rng.normal(size=(k, k + 1))
        nothing[k // 2] = 0
        yield f"nothing {k}", nothing, ones(k)
    two = rng.normal(size=(8, 9))
    two[[1, 6]] = 0
    yield "two of nothing 8", two, ones(8)
    opposing = np.array([[10.0, 0.5, 0.0], [-1.0, 0.25, 0.0], [0.0, 0.0, 0.0]])
    yield "opposing and nothing 3", opposing, ones(3)
    # In sixteenths, so that the rank is exact.
    whole = lambda *size: rng.integers(-20, 21, size=size) / 16
    deficient = {k: whole(k, rank) @ rng.integers(-3, 4, size=(rank, k + 1)) for k, rank in ((3, 2), (5, 3), (8, 3))}
    for k, rows in deficient.items():
        yield f"deficient {k}", rows, ones(k)
    cancelling = whole(4, 6)
    cancelling[3] = -cancelling[:3].sum(axis=0)
    yield "cancelling 4", cancelling, ones(4)
    # Every two are opposed, so that the order matters.
    yield "opposed 3", np.array([[1.0, -0.6, -0.2, 0.3], [-0.8, 1.1, -0.3, 0.1], [-0.4, -0.5, 0.9, -0.6]]), ones(3)
    normal = {k: rng.normal(size=(k, k + 1)) for k in (2, 3, 8)}
    for scale in SCALES:
        for k, rows in normal.items():
            yield f"normal {k} scale {scale:g}", rows, np.full(k, scale)
        yield f"nothing 5 scale {scale:g}", nothing[[0, 1, 3, 4, 5]], np.full(5, scale)
        yield f"deficient 5 scale {scale:g}", deficient[5], np.full(5, scale)


def ridge(size):
    return QuadprogProjector(norm_eps=0.0, reg_eps=size)


def gramian(rows):
    return torch.tensor(rows @ rows.T)


def draws(weighting, rows):
    seen = {}
    for seed in range(200):
        torch.manual_seed(seed)
        found = weighting()(gramian(rows))
        seen.setdefault(tuple(f"{value:.5g}" for value in found.tolist()), found)
    return [numbers(found) for found in seen.values()]


def numbers(values):
    return [float(f"{float(value):.9g}") for value in values]


def found(easy, d, name):
    rows = d[:, None] * easy
    k, g = len(rows), gramian(rows)
    uniform, scale = bool((d == d[0]).all()), d[0]
    there = np.linalg.norm(rows, axis=1) > 0
    units = easy[there] / np.linalg.norm(easy[there], axis=1, keepdims=True)
    angles = np.linalg.eigvalsh(units @ units.T)
    independent = angles[0] > 1e-8
    far, whole, cancels = "far" in name, there.all(), "cancelling" in name
    answer = {
        "upgrad": numbers(UPGradWeighting(projector=ridge(1e-4))(g)),
        "dualproj": numbers(DualProjWeighting(projector=ridge(1e-4))(g)),
        "mgda": numbers(MGDAWeighting(epsilon=1e-9, max_iters=20000)(g)),
        "config": numbers(ConFIG()(torch.tensor(rows))),
    }
    if not cancels:
        answer["sdmgrad"] = numbers(SDMGradWeighting()(gramian(1e4 * (easy if uniform else rows))))
    if np.abs(rows @ rows.T).max() < 1e12:
        answer["modo"] = numbers(MoDoWeighting()(g))
    if independent and whole and not far:
        answer["upgrad_exact"] = numbers(UPGradWeighting(projector=ridge(1e-14))(g))
        answer["dualproj_exact"] = numbers(DualProjWeighting(projector=ridge(1e-14))(g))
    torch.set_default_dtype(torch.float64 if independent and whole else torch.float32)
    values = np.linalg.eigvalsh(rows @ rows.T)
    share, bound = values / values[-1] / k, torch.finfo().eps
    if not far and not cancels and not ((share > 1e-15) & (share < max(bound, 1e-12) * 10) & (share > min(bound, 1e-12) / 10)).any():
        answer["aligned_mtl"] = numbers(AlignedMTLWeighting()(g))
    torch.set_default_dtype(torch.float32)
    if not far and not cancels:
        answer["cagrad"] = numbers(CAGradWeighting(c=0.5, norm_eps=0.0 if whole else 1e-4)(g))
    if independent:
        w = IMTLGWeighting()(gramian(easy)).numpy() / d
        answer["imtl_g"] = numbers(w / w.sum())
    if independent and whole:
        # In units of the rows' lengths even weights are a good beginning.
        n = np.linalg.norm(easy, axis=1)
        answer["nash_mtl"] = numbers(FairGradWeighting(alpha=1.0)(gramian(units)).numpy() / n / d)
        if uniform:
            answer["fairgrad"] = numbers(FairGradWeighting(alpha=2.0)(gramian(easy)).numpy() * scale ** (-4 / 3))
    if k <= 3:
        answer["pcgrad"] = draws(PCGradWeighting, rows)
        answer["gradvac"] = draws(lambda: GradVacWeighting(eps=1e-30), rows)
    return answer


lines = []
for name, rows, d in matrices():
    rows = rounded(rows)
    shown = [[float(f"{value:.12g}") for value in row] for row in d[:, None] * rows]
    lines.append(json.dumps({"name": name, "rows": shown, "found": found(rows, d, name)}))
print("[" + ",\n".join(lines) + "]")
