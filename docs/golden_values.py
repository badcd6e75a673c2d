"""Computes the golden values of docs/methods.md, section 5, with numpy alone and in 64 bits.

    python3 -m pip install numpy
    python3 docs/golden_values.py

Nothing of mtl or of another library of methods is used. Solvers here are slow and plain on purpose: small
quadratic programs try every active set, equations are solved by Newton's method.
"""

from itertools import combinations

import numpy as np

A = np.array([[-4.0, 1, 1], [6, 1, 1]])
B = np.array([[1.0, 0, 0, 2], [-1, 1, 0, 0], [0, -2, 1, -1]])


def show(name, *values):
    print(f"{name:44}", "  ".join(" ".join(f"{v:.6f}" for v in np.atleast_1d(value)) for value in values))


def subsets(size):
    return [list(s) for n in range(1, size + 1) for s in combinations(range(size), n)]


def mgda(G):
    """The shortest convex combination: every set of tasks with a positive weight is tried."""
    best = None
    for s in subsets(len(G)):
        w = np.zeros(len(G))
        w[s] = np.linalg.pinv(G[np.ix_(s, s)]) @ np.ones(len(s))
        w /= w.sum()
        if (w >= -1e-12).all() and (best is None or w @ G @ w < best @ G @ best):
            best = w
    return best


def cone(G, u):
    """argmin v'Gv over v >= u: every set of tasks that are above their bound is tried."""
    best = u.copy()
    for s in subsets(len(G)):
        rest = [i for i in range(len(G)) if i not in s]
        v = u.copy()
        v[s] = -np.linalg.solve(G[np.ix_(s, s)], G[np.ix_(s, rest)] @ u[rest])
        if (v >= u - 1e-12).all() and v @ G @ v < best @ G @ best:
            best = v
    return best


def dualproj(G, ridge=0.0):
    K = len(G)
    G = G / np.trace(G) + ridge * np.eye(K) if ridge else G
    return cone(G, np.full(K, 1 / K))


def upgrad(G, ridge=0.0):
    K = len(G)
    G = G / np.trace(G) + ridge * np.eye(K) if ridge else G
    return sum(cone(G, np.eye(K)[i] / K) for i in range(K))


def imtl_g(G):
    w = np.linalg.pinv(G) @ np.sqrt(np.diag(G))
    return w / w.sum()


def aligned(G, scale):
    values, V = np.linalg.eigh(G)
    s = {"min": values.min(), "median": np.median(values), "rmse": values.mean()}[scale]
    return np.sqrt(s) * V @ np.diag(values**-0.5) @ V.T @ np.full(len(G), 1 / len(G))


def cagrad(G, c, rescale=0):
    K = len(G)
    b = np.full(K, 1 / K)
    far = c * np.sqrt(b @ G @ b)

    def value(v):
        return v @ G @ b + far * np.sqrt(max(v @ G @ v, 0))

    best = b
    for width in [1.0 / 2**n for n in range(40)]:      # a pattern search over the simplex
        better = True
        while better:
            better = False
            for i in range(K):
                for j in range(K):
                    v = best.copy()
                    move = min(width, v[j])
                    v[i] += move
                    v[j] -= move
                    if value(v) < value(best) - 1e-15:
                        best, better = v, True
    w = b + far / np.sqrt(best @ G @ best) * best
    return w / [1, 1 + c**2, 1 + c][rescale]


def fairgrad(G, alpha):
    """G w = w^(-1/alpha), by Newton's method on ln w with halved steps."""
    x = -0.5 * np.log(np.diag(G))

    def residual(x):
        return G @ np.exp(x) * np.exp(x / alpha) - 1

    for _ in range(500):
        r, w, p = residual(x), np.exp(x), np.exp(x / alpha)
        slope = G * w * p[:, None] + np.diag(G @ w * p / alpha)
        step, size = np.linalg.solve(slope, r), 1.0
        while np.linalg.norm(residual(x - size * step)) > np.linalg.norm(r) and size > 1e-9:
            size /= 2
        x = x - size * step
    return np.exp(x)


def pcgrad(G, orders):
    w = np.zeros(len(G))
    for i, others in enumerate(orders):
        c = np.eye(len(G))[i]
        for j in others:
            s = G[j] @ c
            c[j] -= min(s, 0) / G[j, j]
        w += c
    return w


def gradvac(G, usual, beta):
    w, K = np.zeros(len(G)), len(G)
    for i in range(K):
        c = np.eye(K)[i]
        for j in [j for j in range(K) if j != i]:
            length = np.sqrt(c @ G @ c)
            cosine = G[j] @ c / (length * np.sqrt(G[j, j]))
            if cosine < usual[i, j]:
                target = usual[i, j]
                c[j] += length * (target * np.sqrt(1 - cosine**2) - cosine * np.sqrt(1 - target**2)) / (
                    np.sqrt(G[j, j]) * np.sqrt(1 - target**2))
            usual[i, j] += beta * (cosine - usual[i, j])
        w += c
    return w


def config(J):
    unit = J / np.linalg.norm(J, axis=1)[:, None]
    h = np.linalg.pinv(unit) @ np.ones(len(J))
    h /= np.linalg.norm(h)
    return (J @ h).sum() * h


def project(v):
    """Onto the simplex."""
    u = np.sort(v)[::-1]
    k = max(k for k in range(1, len(v) + 1) if u[k - 1] * k > u[:k].sum() - 1)
    return np.maximum(v - (u[:k].sum() - 1) / k, 0)


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


for name, J in [("A", A), ("B", B)]:
    G = J @ J.T
    d = J.T
    print(f"matrix {name}: weights w, then the step d = J' w where a test uses it")
    show("mgda", mgda(G))
    show("upgrad", upgrad(G), d @ upgrad(G))
    show("upgrad, ridge 1e-4", upgrad(G, 1e-4))
    show("dualproj", dualproj(G), d @ dualproj(G))
    show("dualproj, ridge 1e-4", dualproj(G, 1e-4))
    show("imtl_g", imtl_g(G), d @ imtl_g(G))
    for scale in ["min", "median", "rmse"]:
        show(f"aligned_mtl, {scale}", aligned(G, scale), d @ aligned(G, scale))
    show("cagrad, c .5, rescale none", cagrad(G, 0.5), d @ cagrad(G, 0.5))
    show("cagrad, c .5, rescale square", cagrad(G, 0.5, 1), d @ cagrad(G, 0.5, 1))
    show("cagrad, c .4, rescale square", cagrad(G, 0.4, 1), d @ cagrad(G, 0.4, 1))
    w = fairgrad(G, 1)
    show("nash_mtl, not shortened", w, d @ w)
    show("nash_mtl, shortened to 1: d", d @ w / np.linalg.norm(d @ w))
    for alpha in [0.5, 1, 2]:
        show(f"fairgrad, alpha {alpha}", fairgrad(G, alpha))
    natural = [[j for j in range(len(G)) if j != i] for i in range(len(G))]
    show("pcgrad, others in ascending order", pcgrad(G, natural), d @ pcgrad(G, natural))
    show("pcgrad, others in descending order", pcgrad(G, [o[::-1] for o in natural]))
    usual = np.zeros_like(G)
    show("gradvac, step 1, ascending order", gradvac(G, usual, 0.5))
    show("gradvac, kept cosines after step 1", usual[~np.eye(len(G), dtype=bool)])
    show("gradvac, step 2, the same gradients", gradvac(G, usual, 0.5))
    show("config: d", config(J))
    n = np.sqrt(np.diag(G))
    pairs = list(combinations(range(len(G)), 2))
    show("cosines", [G[i, j] / n[i] / n[j] for i, j in pairs])
    show("magnitude similarity", [2 * n[i] * n[j] / (G[i, i] + G[j, j]) for i, j in pairs])

print("losses L = (1, 2, 4)")
L = np.array([1.0, 2, 4])
show("uncertainty, s 0: joint loss, gradient of s", (L / 2).sum(), 0.5 * (1 - L))
show("uncertainty, s -.5: joint loss, weight", (0.5 * np.exp(0.5) * L - 0.25).sum(), 0.5 * np.exp(0.5))
show("uncertainty, revised, s 0: joint loss", (L / 2 + np.log(2)).sum())
show("uncertainty, softmax, temperature 1", softmax(1 / L))
show("imtl_l, s 0: joint loss, gradient of s", L.sum(), L - 1)
mean = L.prod() ** (1 / 3)
show("geometric: joint loss, weights", mean, mean / (3 * L))
show("scale_invariant: joint loss", np.log(L).sum())
for mu in [1, 0.1]:
    show(f"smooth_tchebycheff, mu {mu}: joint loss, weights",
         mu * np.log(np.exp(L / 3 / mu).sum()), softmax(L / 3 / mu) / 3)
z = np.full(3, 1 / 3)
fall = np.log(L) - np.log([0.9, 1.9, 3])
show("famo: weights, then the gradient of v", z / L / (z / L).sum(), z * (fall - z @ fall))
r = np.array([0.2, 0.3, 0.5])
show("cosmos, lambda 2, r .2 .3 .5: joint loss", r @ L - 2 * r @ L / np.linalg.norm(r) / np.linalg.norm(L))
u = r / np.linalg.norm(r)
along, aside = L @ u, np.linalg.norm(L - (L @ u) * u)
show("preference pbi, theta 5: joint loss, parts", along + 5 * aside, [along, aside])

print("others")
ratios = [np.array([1, 4]), np.array([0.9, 0.5, 0.7])]
show("dwa, ratios 1 4 and .9 .5 .7", *[len(r) * softmax(r / 2) for r in ratios])
n, w, ratio = np.array([2, 0.5]), np.ones(2), np.array([0.5, 1])
target = (w * n).mean() * (ratio / ratio.mean()) ** 1.5
slope = n * np.sign(w * n - target)
w2 = w - 0.025 * slope
show("gradnorm: objective, gradient, next weights", np.abs(w * n - target).sum(), slope, w2 * 2 / w2.sum())
m = 0.1 * A / np.array([1, 2])[:, None]
norms = np.linalg.norm(m, axis=1)
show("db_mtl, A, L (1, 2), first step: d", (m * (norms.max() / norms)[:, None]).sum(0))
Y = 0.5 * np.array([1, 2])[:, None] * A / np.linalg.norm(A, axis=1)[:, None]
v = project(np.full(2, 0.5) - 0.1 * Y @ Y.T @ np.full(2, 0.5))
show("moco, A, L (1, 2), first step: weights, d", v, Y.T @ v)
half = np.full(2, 0.5)
show("modo, J1 J2' = diag(1, 2)", project(half - 0.1 * (np.diag([1, 2]) + 0.1 * np.eye(2)) @ half))
v, even, lam = np.full(3, 1 / 3), np.full(3, 1 / 3), 0.3
for a in [np.diag([1, 0.25, 0]), np.eye(3)]:
    s = np.sqrt(np.maximum(np.diag(a), 0)).mean()
    v = project(v - 10 * (a / s**2) @ (v + lam * even))
    show("sdmgrad, one iteration, times 13", 13 * (v + lam * even) / (1 + lam))
e = np.exp(np.array([2.0, 1]))
show("excess_mtl, J = 2 0 / 1 0, rate 1", e / e.sum())
for v in [[1.2, -0.3, 0.4], [-17, -4, 1 / 3], [-1, -1, -10]]:
    show(f"simplex projection of {v[0]} {v[1]} {v[2]:.3g}", project(np.array(v, float)))
t = np.array([-0.25, 0, 0.25])
show("dselect_k: smooth step at -.25 0 .25", -2 * t**3 + 1.5 * t + 0.5)
counts = np.array([10000.0, 1000, 100])
for name, p in [("proportional", counts), ("temperature 2", counts**0.5), ("temperature 5", counts**0.2),
                ("annealed, second of five epochs", counts**0.8), ("annealed, last epoch", counts**0.2),
                ("capped 1000", np.minimum(counts, 1000))]:
    show(f"sampling {name}", p / p.sum())
