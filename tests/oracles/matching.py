"""Matching by definition: all distances, one row at a time."""

import numpy as np

TIE = 1e-9


def mahalanobis(x):
    """All distances by the inverse covariance of all rows."""
    inverse = np.linalg.pinv(np.atleast_2d(np.cov(x.T, bias=True)))
    gap = x[:, None, :] - x[None, :, :]
    return np.sqrt(np.maximum(np.einsum("ijk,kl,ijl->ij", gap, inverse, gap), 0))


def euclidean(x):
    return np.sqrt(((x[:, None, :] - x[None, :, :]) ** 2).sum(-1))


def nearest(distance, i, among, need, reach=np.inf):
    """The rows of `among` that are nearest to row i: the need-th smallest distance, and all that aren't farther."""
    near = np.sort(distance[i, among])
    near = near[near <= reach + TIE]
    if not len(near):
        return []
    cutoff = near[min(need, len(near)) - 1]
    return [j for j in among if distance[i, j] <= cutoff + TIE]


def spread(distance, arm, y, few):
    """Abadie & Imbens 2006, equation 14."""
    out = np.zeros(len(y))
    for i in range(len(y)):
        same = [j for j in range(len(y)) if j != i and arm[j] == arm[i]]
        near = nearest(distance, i, same, few)
        out[i] = len(near) / (len(near) + 1) * (y[i] - np.mean(y[near])) ** 2
    return out


def matching(distance, arm, y, population, *, need=1, reach=np.inf, few=2, lines=None, weight=None, agree=None):
    """Value and variance (Theorems 6 and 7, ties as in Abadie et al. 2004); `agree` must be equal to match."""
    n = len(y)
    weight = np.ones(n) if weight is None else weight
    apart = np.zeros((n, n), dtype=bool) if agree is None else agree[:, None] != agree[None, :]
    gap = np.where(apart, np.inf, distance)
    asks = [i for i in range(n) if population == "ate" or arm[i] == (population == "att")]
    sets = {i: nearest(gap, i, [j for j in range(n) if arm[j] != arm[i]], need, reach) for i in asks}
    kept = [i for i in asks if sets[i]]
    used, squared = np.zeros(n), np.zeros(n)
    for i in kept:
        for j in sets[i]:
            used[j] += weight[i] / len(sets[i])
            squared[j] += weight[i] ** 2 / len(sets[i]) ** 2
    slopes = {}
    for a in (0, 1):
        some = (arm == a) & (used > 0)
        if lines is not None and some.any():
            columns = np.column_stack([np.ones(some.sum()), lines[some]])
            root = np.sqrt(used[some])
            slopes[a] = np.linalg.lstsq(columns * root[:, None], y[some] * root)[0][1:]
    effect = np.zeros(n)
    for i in kept:
        other = np.mean(y[sets[i]])
        if lines is not None:
            other += (lines[i] - lines[sets[i]].mean(axis=0)) @ slopes[1 - arm[i]]
        effect[i] = y[i] - other if arm[i] else other - y[i]
    total = weight[kept].sum()
    value = weight[kept] @ effect[kept] / total
    # Groups are far apart for the spread too, but no farther than anything else of another group.
    sigma = spread(np.where(apart, 1e6 + distance, distance), arm, y, few)
    own = np.where(np.isin(np.arange(n), kept), weight, 0.0)
    noise = (used**2 + 2 * own * used - squared) @ sigma
    return value, (weight[kept] ** 2 @ (effect[kept] - value) ** 2 + noise) / total**2, kept


def greedy(distance, arm):
    """Pairs of the treated: the one farthest from its nearest partner chooses first."""
    treated, free = np.flatnonzero(arm == 1), list(np.flatnonzero(arm == 0))
    order = sorted(treated, key=lambda i: -min(distance[i, j] for j in free))
    pairs = {}
    for i in order:
        if free:
            pairs[i] = min(free, key=lambda j: distance[i, j])
            free.remove(pairs[i])
    return pairs


def change_by_score(score, x, y, arm, population, value, information, few):
    """Abadie & Imbens 2016, propositions 1 and 2, for a logit with columns x."""
    n, line = len(y), np.abs(score[:, None] - score[None, :])
    space = mahalanobis(x[:, 1:])

    def local(distance, i, a):
        # A row of the arm counts as its own nearest.
        rows = nearest(distance, i, list(np.flatnonzero(arm == a)), few + 1)
        covariance = np.array([np.cov(x[rows, k], y[rows])[0, 1] for k in range(x.shape[1])])
        return covariance, y[rows].mean()

    inverse = np.linalg.inv(information)
    c, d = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    own, other = (0, 1) if population == "atc" else (1, 0)
    chance = 1 - score if population == "atc" else score
    value = -value if population == "atc" else value
    for i in range(n):
        f = chance[i] * (1 - chance[i])
        (cov1, mean1), (cov0, mean0) = local(line, i, own), local(line, i, other)
        if population == "ate":
            c += f * (cov1 / chance[i] + cov0 / (1 - chance[i])) / n
            continue
        c += f * (x[i] * (mean1 - mean0 - value) + cov1 + chance[i] / (1 - chance[i]) * cov0) / chance.sum()
        d += f * x[i] * (local(space, i, own)[1] - local(space, i, other)[1] - value) / chance.sum()
    return d @ inverse @ d - c @ inverse @ c
