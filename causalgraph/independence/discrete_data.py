"""What tests in tables are made of: rows of codes or counted cells, from arrays, cells or any source of data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalgraph.data.counts import Counts
from causalgraph.data.engine import Number
from causalgraph.data.source import Source
from causalgraph.errors import DataError
from causalgraph.independence.base import places_in_order
from causalgraph.independence.discrete_tables import Tables, folded, renumbered
from causalgraph.names import natural
from causalgraph.progress import working
from causalgraph.variables import DISCRETE, Variable, level_text

__all__ = ["coded", "counted", "named_constants", "read", "twins_of"]

Longs = NDArray[np.int64]
Named = tuple[tuple[str, ...], Tables]

# So many rows are read before those that are alike are counted together.
TOGETHER = 1 << 22
# Cells are counted where the data lie if there can't be more than this.
FEW = 1 << 20
NONE: Longs = np.zeros(0, dtype=np.int64)


def coded(
    codes: NDArray[Any], variables: Sequence[str], levels: Sequence[int] | None, weight: NDArray[Any] | None
) -> Named:
    """Take coded rows; see `Discrete.of_codes`."""
    codes = np.asarray(codes)
    if codes.ndim != 2 or codes.shape[1] != len(variables) or len(set(variables)) < len(variables):
        what = f"codes of shape {codes.shape} don't fit {len(variables)} variables"
        raise DataError.because(
            "E323", what, fix="one row for each observation, one column for each name, each name once"
        )
    if codes.size and (codes.dtype.kind not in "iub" or codes.min() < -1):
        raise DataError.because("E323", "codes are whole numbers from 0 on, or -1 where a value is missing")
    counts = _weights(weight, len(codes))
    if counts.size:
        codes, counts = codes[counts > 0], counts[counts > 0]
    if not codes.size:
        raise DataError.because("E307", "the data have no rows")
    highest = codes.max(axis=0).astype(np.int64)
    known = highest + 1 if levels is None else np.asarray(levels, dtype=np.int64)
    if known.shape != highest.shape or (highest >= known).any():
        raise DataError.because("E323", "a code is beyond its variable's levels", fix="count levels from 0 on")
    return _sorted(variables, folded(_held(codes.T, counts, known)))


def _weights(weight: NDArray[Any] | None, rows: int) -> Longs:
    """Read weights as counts.

    Raises:
        DataError: they aren't (E322).
    """
    if weight is None:
        return NONE
    weight = np.asarray(weight)
    if weight.shape != (rows,):
        raise DataError.because("E323", f"{rows:,} rows have weights of shape {weight.shape}")
    # What isn't a number fails here as well.
    if not (np.isfinite(weight).all() and (weight >= 0).all() and (weight == np.rint(weight)).all()):
        _not_counts("some aren't whole numbers from 0 on")
    return weight.astype(np.int64)


def _not_counts(why: str) -> None:
    fix = "leave the weights out, or count rows"
    raise DataError.because("E322", "the weights can't be counts of independent observations", why=why, fix=fix)


def _held(codes: NDArray[Any], weight: Longs, levels: Longs) -> Tables:
    """Hold codes ``(v, k)``, negative where a value is missing, in the smallest type."""
    small = np.uint8 if levels.max(initial=0) < 1 << 8 else np.int32
    held = np.empty(codes.shape, dtype=small)
    widths = levels.copy()
    for k, column in enumerate(codes):
        missing = column < 0
        held[k] = column
        if missing.any():
            held[k, missing] = levels[k]
            widths[k] += 1
    return Tables(held, weight, levels, widths)


def _sorted(variables: Sequence[str], tables: Tables) -> Named:
    order = places_in_order(variables)
    return tuple(variables[k] for k in order), tables.of(order)


def counted(counts: Counts) -> Named:
    """Take counted cells; see `Discrete.of_counts`."""
    if counts.weighting not in ("rows", "counts"):
        _not_counts(f"they are {counts.weighting} weights")
    return coded(counts.codes, counts.variables, counts.shape, counts.weight)


def read(source: Source, variables: Sequence[Variable]) -> Named:
    """Read data; see `Discrete.of_source`."""
    source.prepare(variables)
    for variable in variables:
        if source.kind(variable) not in DISCRETE:
            raise DataError.because(
                "E321",
                f"{variable.name} is {source.kind(variable)}, and G² and χ² are of discrete variables",
                fix=f"declare its levels, put it into classes, or leave {variable.name} out",
            )
    if source.cluster is not None:
        _not_counts(f"rows of one {source.cluster} belong together")
    levels = np.array([len(source.levels(v)) for v in variables], dtype=np.int64)
    if not source.size:
        raise DataError.because("E307", f"{source.name} has no rows")
    complete = all(source.facts(v.name).missing == 0 for v in variables)
    if complete and math.prod(levels.tolist()) <= min(FEW, source.size):
        return counted(source.counts(variables))
    with working(f"reading {source.size:,} rows"):
        held = _together(_blocks(source, variables), levels)
    if not held.codes.size:
        raise DataError.because("E307", f"{source.name} has no rows with a weight")
    return _sorted([v.name for v in variables], held)


def _blocks(source: Source, variables: Sequence[Variable]) -> Iterator[tuple[NDArray[Any], Longs]]:
    """Yield codes ``(v, b)``, -1 where missing, and weights; rows with nothing but missing values are left out."""
    numbers = []
    for variable in variables:
        places = source.places(variable)
        values = {v: float(places[level_text(v)]) for v in source.values(variable.name)}
        numbers.append(Number(source.column(variable.name), values))
    if source.weight is not None:
        numbers.append(replace(source.number(Variable(source.weight)), centre=0.0))
    for block in source.engine.batches(numbers):
        codes, weight = block[:, : len(variables)], None
        if source.weight is not None:
            known = ~np.isnan(block[:, -1])
            codes, weight = codes[known], block[known, -1]
        counts = _weights(weight, len(codes))
        some = ~np.isnan(codes).all(axis=1)
        if counts.size:
            some &= counts > 0
            counts = counts[some]
        kept = codes[some].T
        yield np.where(np.isnan(kept), -1, kept).astype(np.int32), counts


def _together(blocks: Iterable[tuple[NDArray[Any], Longs]], levels: Longs) -> Tables:
    """Collect blocks, counting rows that are alike together as they come."""
    held = _held(np.zeros((len(levels), 0), dtype=np.int32), NONE, levels)
    waiting: list[Tables] = []
    for codes, weight in blocks:
        waiting.append(_held(codes, weight, levels))
        rows = sum(w.codes.shape[1] for w in waiting)
        if rows >= max(TOGETHER, held.codes.shape[1]):
            held, waiting = _merged([held, *waiting]), []
    return _merged([held, *waiting])


def _merged(parts: Sequence[Tables]) -> Tables:
    weighted = any(p.weight.size for p in parts)
    ones = [p.weight if p.weight.size else np.ones(p.codes.shape[1], dtype=np.int64) for p in parts] if weighted else []
    widths = np.maximum.reduce([p.widths for p in parts])
    codes = np.concatenate([p.codes for p in parts], axis=1)
    return folded(Tables(codes, np.concatenate(ones) if weighted else NONE, parts[0].levels, widths))


def named_constants(variables: Sequence[str], tables: Tables) -> None:
    """Refuse variables that never vary.

    Raises:
        DataError: there are some (E320).
    """
    constant = []
    for name, column, levels in zip(variables, tables.codes, tables.levels.tolist(), strict=True):
        known = column[column < levels]
        if not known.size or known.min() == known.max():
            constant.append(name)
    if constant:
        many = len(constant) > 1
        raise DataError.because(
            "E320",
            f"{', '.join(constant)} {'take' if many else 'takes'} one value only, or none",
            why="what never varies shows neither dependence nor independence",
            fix=f"leave {'them' if many else 'it'} out",
        )


def twins_of(variables: Sequence[str], tables: Tables) -> tuple[tuple[str, str], ...]:
    """Return pairs of variables whose values go with one another, one to one, and are missing together."""
    known: dict[bytes, list[str]] = {}
    pairs: list[tuple[str, str]] = []
    for name, column, levels in zip(variables, tables.codes, tables.levels.tolist(), strict=True):
        same = known.setdefault(renumbered(column, levels).tobytes(), [])
        pairs += [(other, name) for other in same]
        same.append(name)
    return tuple(sorted(pairs, key=lambda pair: (natural(pair[0]), natural(pair[1]))))
