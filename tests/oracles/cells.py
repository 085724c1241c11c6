"""Counting, moments and scores by plain loops over rows of Python values."""

from __future__ import annotations

from fractions import Fraction
from math import fsum, isnan


def is_gone(value, marks=()):
    """A null, a NaN and a mark are missing alike."""
    return value is None or (isinstance(value, float) and isnan(value)) or str(value) in marks


def cells(rows, keys, numbers=(), weight=None, marks=(), *, squared=True):
    """Count cells of rows, which are dictionaries.

    `numbers` are functions of a row that return a number or None. Returns the cells as {values: sums}, where the sums
    are those of Σ1, Σw, Σw² (Σw where not squared), Σwy, Σw²y and Σw²yy', and how many rows were dropped.
    """
    found, dropped = {}, 0
    for row in rows:
        values = tuple(row[k] for k in keys)
        y = [number(row) for number in numbers]
        w = 1.0 if weight is None else row[weight]
        if any(is_gone(v, marks) for v in (*values, *y, w)):
            dropped += 1
            continue
        w = float(w)
        if w == 0:
            continue
        v = w * w if squared else w
        new = [1, w, v, *(w * a for a in y), *(v * a for a in y), *(v * a * b for a in y for b in y)]
        found[values] = [a + b for a, b in zip(found.get(values, [0] * len(new)), new, strict=True)]
    return found, dropped


def moments(rows, numbers, weight=None, marks=(), cluster=None):
    """Return the means, the scatter, Σw, Σw² and how many rows were used and dropped."""
    used = complete(rows, numbers, weight, marks, cluster)
    p = len(numbers)
    total = fsum(w for _, w, _ in used)
    d = deviations(used, p)
    scatter = [
        [fsum(w * a[i] * a[j] for a, (_, w, _) in zip(d, used, strict=True)) for j in range(p)] for i in range(p)
    ]
    lost = sum(is_gone_row(r, numbers, weight, marks, cluster) for r in rows)
    mean = [float(m) for m in exact_means(used, p)]
    return mean, scatter, total, fsum(w * w for _, w, _ in used), len(used), lost


def exact_means(used, p):
    """Return the weighted means as fractions, so that a large mean costs no digits."""
    total = sum(Fraction(w) for _, w, _ in used)
    return [sum(Fraction(w) * Fraction(y[i]) for y, w, _ in used) / total for i in range(p)]


def deviations(used, p):
    means = exact_means(used, p)
    return [[float(Fraction(y[i]) - means[i]) for i in range(p)] for y, _, _ in used]


def is_gone_row(row, numbers, weight, marks, cluster):
    values = [number(row) for number in numbers]
    values += [row[c] for c in (weight, cluster) if c is not None]
    return any(is_gone(v, marks) for v in values)


def complete(rows, numbers, weight=None, marks=(), cluster=None):
    """Return the numbers, the weight and the cluster of each row that counts."""
    out = []
    for row in rows:
        if is_gone_row(row, numbers, weight, marks, cluster):
            continue
        w = 1.0 if weight is None else float(row[weight])
        if w:
            out.append(([float(n(row)) for n in numbers], w, None if cluster is None else row[cluster]))
    return out


def scores(rows, numbers, linear, quadratic, weight=None, marks=(), cluster=None):
    """Return Σ w²ψψᵀ, or the same over clusters with the factor G/(G - 1)."""
    _, scatter, total, *_ = moments(rows, numbers, weight, marks, cluster)
    p, r = len(numbers), len(linear)
    level = [sum(quadratic[k][i][j] * scatter[i][j] / total for i in range(p) for j in range(p)) for k in range(r)]
    groups = {}
    used = complete(rows, numbers, weight, marks, cluster)
    for place, (d, (_, w, g)) in enumerate(zip(deviations(used, p), used, strict=True)):
        psi = [
            w * (sum(linear[k][i] * d[i] for i in range(p)) - level[k]
                 + sum(d[i] * quadratic[k][i][j] * d[j] for i in range(p) for j in range(p)))
            for k in range(r)
        ]  # fmt: skip
        name = place if cluster is None else g
        groups[name] = [a + b for a, b in zip(groups.get(name, [0] * r), psi, strict=True)]
    factor = 1.0 if cluster is None else len(groups) / max(len(groups) - 1, 1)
    return [[factor * sum(s[a] * s[b] for s in groups.values()) for b in range(r)] for a in range(r)]
