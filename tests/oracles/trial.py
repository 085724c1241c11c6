"""Errors of regressions written out from their definitions with dense matrices."""

from __future__ import annotations

import numpy as np


def root_inverse(matrix):
    values, vectors = np.linalg.eigh(matrix)
    inverse = np.where(values > 1e-9, 1 / np.sqrt(np.where(values > 1e-9, values, 1)), 0)
    return vectors @ np.diag(inverse) @ vectors.T


def sandwich(x, y, contrast, groups, power=0.5):
    """The estimate, its error and Bell and McCaffrey's degrees; HC2 where each group is a row, CR2 where not."""
    bread = np.linalg.inv(x.T @ x)
    hat = x @ bread @ x.T
    residual = y - hat @ y
    meat = np.zeros((x.shape[1], x.shape[1]))
    columns = []
    for g in np.unique(groups):
        rows = np.flatnonzero(groups == g)
        left = np.eye(len(rows)) - hat[np.ix_(rows, rows)]
        adjust = {0.0: np.eye(len(rows)), 0.5: root_inverse(left), 1.0: np.linalg.inv(left) if power == 1 else None}[
            power
        ]
        u = x[rows].T @ adjust @ residual[rows]
        meat += np.outer(u, u)
        columns.append((np.eye(len(x)) - hat)[:, rows] @ adjust @ x[rows] @ bread @ contrast)
    p = np.array(columns)
    values = np.linalg.eigvalsh(p @ p.T)
    beta = bread @ x.T @ y
    return contrast @ beta, np.sqrt(contrast @ bread @ meat @ bread @ contrast), values.sum() ** 2 / (values**2).sum()


def interacted(arm, covariates, middle):
    """Lin's regression: constant, treatment, centred covariates, their products."""
    z = covariates - middle
    return np.column_stack([np.ones(len(arm)), arm, z, z * arm[:, None]])
