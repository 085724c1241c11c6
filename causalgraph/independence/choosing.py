"""Which test of independence fits what one has: rows of any kind, a matrix, counts, a graph, or a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from causalgraph.data.counts import Counts
from causalgraph.data.moments import Moments
from causalgraph.data.source import Source
from causalgraph.errors import DataError, ModelError, did_you_mean
from causalgraph.independence.base import Bools, Level, Tested, one_by_one
from causalgraph.independence.discrete import Discrete
from causalgraph.independence.gaussian import FisherZ
from causalgraph.independence.gaussian_missing import FisherZMissing
from causalgraph.names import natural
from causalgraph.variables import DISCRETE, Variable, level_text

if TYPE_CHECKING:
    from causalgraph.independence.base import Test

__all__ = ["TESTS", "Chosen", "Function", "Judge", "choose", "framed", "opened", "test_of"]

# What a function may be that says how independent two variables are given others, all told by their names.
Judge = Callable[[str, str, tuple[str, ...]], "float | Tested"]
# What makes a test of the variables of some data, with its settings.
Maker = Callable[[Source, Sequence[Variable], Mapping[str, Any]], "Chosen"]

AUTO = "auto"
# What `open_source` may be told besides the data; all other settings are the test's.
OF_DATA = ("columns", "weight", "weights_as", "cluster", "na")
OF_TABLES = ("df", "small", "per_df")
# A matrix and the number of observations behind it.
A_PAIR = 2
# An array of more axes is a table of counts, one of two holds rows.
ROWS_AND_COLUMNS = 2
# So many variables are named at most.
MOST_NAMED = 6


@dataclass(frozen=True)
class Chosen:
    """A test, and what was taken for granted when it was made, in words."""

    test: Test
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Function:
    """A user's own function as a test.

    Attributes:
        judge: takes two names and the names of what is given; returns a p-value, or a `Tested`.
        variables: in natural order.
        name: what it is called.

    >>> asked = Function(lambda i, j, given: 1.0 if given == ("B",) else 0.0, ("A", "B", "C"), "mine")
    >>> asked.test(0, 2, [1]).p, asked.test(0, 2, []).p
    (1.0, 0.0)
    """

    judge: Judge = field(repr=False)
    variables: tuple[str, ...]
    name: str

    def test(self, i: int, j: int, given: Sequence[int]) -> Tested:
        """Ask the function about two variables given others, told by their places.

        Raises:
            ModelError: it returned something that is neither a p-value nor a `Tested` (E136).
        """
        names = tuple(self.variables[k] for k in sorted(given))
        told = self.judge(self.variables[i], self.variables[j], names)
        value: object = told.p if isinstance(told, Tested) else told
        # A test that couldn't be made has no p-value: NaN.
        if not (isinstance(value, int | float | np.number) and (np.isnan(value) or 0 <= value <= 1)):
            raise ModelError.because(
                "E136",
                f"the test {self.name} said {value!r} of {self.variables[i]} and {self.variables[j]}",
                why="a test says a p-value, from 0 to 1",
            )
        return told if isinstance(told, Tested) else Tested(float(told))

    def level(self, adjacent: Bools, testable: Bools, depth: int, alpha: float) -> Level:
        """Test each adjacent and testable pair given every set of one size from the neighbours of either."""
        return one_by_one(self.test, adjacent, testable, depth, alpha)


def _gaussian(source: Source, variables: Sequence[Variable], settings: Mapping[str, Any]) -> Chosen:
    """Take Fisher's z, from one pass for means and covariances; with missing values, for those of each kind of row."""
    _only(settings, (), "fisher-z")
    if source.cluster is not None:
        _not_independent(f"rows of one {source.cluster} belong together")
    if source.weighting[1] == "exact":
        _not_independent("they are an exact distribution", 'pass its covariance matrix and n, or weights_as="counts"')
    notes = []
    made: FisherZ | FisherZMissing
    if any(source.facts(v.name).missing for v in variables):
        holed = FisherZMissing.of_source(source, variables)
        made = holed.whole or holed
        if made is holed:
            notes.append("values are missing: each test uses the rows that are complete in its own variables")
    else:
        made = FisherZ.of_moments(source.moments(variables))
    few = [v.name for v in variables if source.kind(v) in DISCRETE]
    if few:
        notes.append(f"{_named(few)} {'take' if len(few) > 1 else 'takes'} few values, and count as numbers here")
    return Chosen(made, tuple(notes))


def _discrete(statistic: str) -> Maker:
    """Return what makes tests in tables, each on the rows that have all of its values."""

    def make(source: Source, variables: Sequence[Variable], settings: Mapping[str, Any]) -> Chosen:
        _only(settings, OF_TABLES, statistic)
        return Chosen(Discrete.of_source(source, variables, **{**settings, "statistic": statistic}))

    return make


# Name -> what makes the test of some data.
TESTS: Mapping[str, Maker] = {
    "fisher-z": _gaussian,
    "g2": _discrete("g2"),
    "chi2": _discrete("chi2"),
}


def test_of(data: object, test: str | Judge = AUTO, **settings: Any) -> Test:  # noqa: PT028 (no test of pytest's)
    """Return the test of independence that fits what one has; see `choose`.

    >>> test_of(([[1, 0.5], [0.5, 1]], 100), variables=["A", "B"]).name
    'fisher-z'
    """
    return choose(data, test, **settings).test


test_of.__test__ = False  # type: ignore[attr-defined]  # pytest would take its name for a test of ours


def choose(
    data: object,
    test: str | Judge = AUTO,
    *,
    n: float | None = None,
    variables: Iterable[str | Variable] | None = None,
    **settings: Any,
) -> Chosen:
    """Return the test of independence that fits what one has, and what it takes for granted.

    Args:
        data: one of: anything that has ``test`` and ``level``, such as an `Oracle`, which is returned as it is; a
            correlation or covariance matrix and the number of observations, as a pair or with ``n``; `Moments`,
            `Counts`, or a table of counts as an array of three axes or more; a function of two names and the names of
            what is given, which returns a p-value or a `Tested`; rows as an array; a `Source`; or what `open_data`
            takes: a frame, what computes elsewhere, the path of a file.
        test: a name in `TESTS`; a function as above, for which the data say the names only; or ``auto``, which takes
            G² where all variables are discrete, and Fisher's z where all are numbers.
        n: how many observations a matrix was made from.
        variables: which to use; of a matrix, an array or a function the names of all.
        settings: of tests in tables ``df``, ``small``, ``per_df``; of data ``weight``, ``weights_as``, ``cluster``,
            ``columns``, ``na``.

    Raises:
        ModelError: no such test or setting (E135); a function's variables aren't named, or it says no p-value (E136).
        DataError: words among numbers (E324), names or n that are missing or don't fit (E325), and what the tests and
            the data raise.

    >>> import pandas as pd
    >>> words = pd.DataFrame({"X": ["no", "yes"] * 20, "Y": ["low", "low", "high", "high"] * 10})
    >>> choose(words).test.name, choose(words, "chi2").test.name
    ('g2', 'chi2')
    """
    if not callable(test) and test != AUTO and test not in TESTS:
        near = did_you_mean(test, TESTS)
        fix = f"did you mean {near}?" if near else f"use one of {', '.join((AUTO, *TESTS))}, or a function"
        raise ModelError.because("E135", f"there is no test {test}", fix=fix)
    named = None if variables is None else tuple(variables)
    # A frame may have columns of these names, which aren't callable.
    if callable(getattr(data, "test", None)) and callable(getattr(data, "level", None)):
        _only(settings, (), "a test that is made")
        return Chosen(cast("Test", data))
    if callable(data):
        _only(settings, (), "a function")
        return Chosen(_function(data, named))
    if isinstance(data, tuple) and len(data) == A_PAIR:
        data, n = data
    if callable(test):
        names = named if named is not None else _variables(opened(data, settings), None)
        return Chosen(_function(test, names))
    if n is not None:
        _only(settings, (), "fisher-z")
        return Chosen(_of_matrix(data, n, _names(named), test))
    if isinstance(data, Moments):
        _fits(test, ("fisher-z",), "moments")
        _only(settings, (), "fisher-z")
        return Chosen(FisherZ.of_moments(data))
    if isinstance(data, Counts) or getattr(data, "ndim", 0) > ROWS_AND_COLUMNS:
        return Chosen(_of_table(data, _names(named), test, settings))
    source = opened(framed(data, _names(named)), settings)
    wanted = _variables(source, named)
    source.prepare(wanted)
    chosen = _automatic(source, wanted) if test == AUTO else test
    return TESTS[chosen](source, wanted, {k: v for k, v in settings.items() if k not in OF_DATA})


def _automatic(source: Source, variables: Sequence[Variable]) -> str:
    """Choose by what the variables are.

    Raises:
        DataError: some are words, and some are numbers that aren't levels (E324).
    """
    numbers = [v.name for v in variables if source.kind(v) not in DISCRETE]
    if not numbers:
        return "g2"
    texts = [v.name for v in variables if v.name not in numbers and source.facts(v.name).storage == "text"]
    if texts:
        words = "words" if len(texts) > 1 else "a word"
        raise DataError.because(
            "E324",
            f"{_named(texts)} {'are' if len(texts) > 1 else 'is'} {words} among numbers such as {_named(numbers)}",
            why="Fisher's z is of numbers and G² of levels; no test here is of both",
            fix="leave one kind out (variables=…), put the numbers into classes, or pass a test of your own",
        )
    return "fisher-z"


def _of_matrix(data: object, n: object, names: tuple[str, ...] | None, test: str | Judge) -> FisherZ:
    """Make the test of a matrix.

    Raises:
        DataError: n isn't a number, or names are missing or don't fit (E325); what `FisherZ.of_matrix` raises.
    """
    _fits(test, ("fisher-z",), "a matrix with n")
    if not isinstance(n, int | float | np.number) or not isfinite(n):
        raise DataError.because("E325", f"n is the number of observations, not {n!r}")
    if isinstance(data, str) or not (isinstance(data, Sequence | np.ndarray) or hasattr(data, "to_numpy")):
        raise DataError.because("E325", "n goes with a correlation matrix", fix="leave it out: the data tell")
    columns = getattr(data, "columns", None)
    if columns is not None:
        inner = tuple(map(str, columns))
        index = getattr(data, "index", None)
        if len(inner) != len(cast("Sequence[object]", data)) or (
            index is not None and not callable(index) and tuple(map(str, index)) != inner
        ):
            raise DataError.because(
                "E325",
                "n goes with a correlation matrix, and this frame's rows aren't named as its columns are",
                fix="leave n out for rows of data; index a matrix by its columns",
            )
        names = inner if names is None else names
    if names is None:
        raise DataError.because("E325", "the matrix has no names", fix='pass variables=["A", "B", …]')
    try:
        values = np.asarray(data, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError.because("E325", "the matrix doesn't consist of rows of numbers", why=str(error)) from error
    return FisherZ.of_matrix(values, names, float(n))


def _of_table(data: Any, names: tuple[str, ...] | None, test: str | Judge, settings: Mapping[str, Any]) -> Discrete:
    """Make tests of counted cells, or of a table with an axis for each variable."""
    _fits(test, ("g2", "chi2"), "a table of counts")
    statistic = "g2" if test == AUTO else test
    _only(settings, OF_TABLES, str(statistic))
    if isinstance(data, Counts):
        return Discrete.of_counts(data, **{**settings, "statistic": statistic})
    if names is None:
        raise DataError.because("E325", "the table has no names", fix='pass variables=["A", "B", …], one for each axis')
    return Discrete.of_table(data, names, **{**settings, "statistic": statistic})


def framed(data: object, names: tuple[str, ...] | None) -> object:
    """Give names to the columns of an array; all else stays as it is.

    Raises:
        DataError: there are none, or too few or many (E325).
    """
    if not isinstance(data, np.ndarray):
        return data
    if data.ndim != ROWS_AND_COLUMNS or names is None or len(names) != data.shape[1]:
        raise DataError.because(
            "E325",
            f"an array of shape {data.shape} needs {data.shape[-1] if data.ndim else 1} names",
            fix='pass variables=["A", "B", …]; and n, if it is a correlation matrix',
        )
    import pandas as pd

    return pd.DataFrame(data, columns=list(names))


def opened(data: object, settings: Mapping[str, Any]) -> Source:
    """Open data."""
    own = {key: value for key, value in settings.items() if key in OF_DATA}
    if isinstance(data, Source):
        _only(own, (), "data that are open")
        return data
    from causalgraph.data.opening import open_source

    if "na" in own:
        own["na"] = (own["na"],) if isinstance(own["na"], str) else tuple(own["na"])
    return open_source(data, **own)


def _variables(source: Source, named: Sequence[str | Variable] | None) -> tuple[Variable, ...]:
    """Return the variables to use, in natural order: those that are named, else all columns but weights and clusters.

    Raises:
        DataError: there are none (E325).
    """
    if named is None:
        apart = {source.column(name) for name in (source.weight, source.cluster) if name is not None}
        known = {column: variable for variable, column in source.columns.items()}
        named = [known.get(column, level_text(column)) for column in source.engine.columns if column not in apart]
    if not named:
        raise DataError.because("E325", f"{source.name} has no columns to test")
    # Sums are taken in this order, so that the order of columns doesn't even change how they are rounded.
    found = (v if isinstance(v, Variable) else Variable(v) for v in named)
    return tuple(sorted(found, key=lambda v: (natural(v.name), v.name)))


def _function(judge: object, named: Sequence[str | Variable] | None) -> Function:
    """Make a test of a user's function.

    Raises:
        ModelError: its variables aren't named, or one is twice (E136).
    """
    names = _names(named)
    if not names or len(set(names)) < len(names):
        raise ModelError.because(
            "E136", "a function doesn't say which variables it is of", fix='pass variables=["A", "B", …], each once'
        )
    called = getattr(judge, "__name__", type(judge).__name__)
    in_order = tuple(sorted(names, key=lambda name: (natural(name), name)))
    return Function(cast("Judge", judge), in_order, "a function" if called == "<lambda>" else called)


def _names(named: Sequence[str | Variable] | None) -> tuple[str, ...] | None:
    return None if named is None else tuple(v.name if isinstance(v, Variable) else v for v in named)


def _fits(test: str | Judge, known: tuple[str, ...], of: str) -> None:
    """Refuse a test that can't be made of something.

    Raises:
        DataError: it can't (E325).
    """
    if test not in (AUTO, *known):
        fix = f"use {' or '.join(known)}, or pass rows"
        raise DataError.because("E325", f"{test} can't be made of {of}", fix=fix)


def _only(settings: Mapping[str, Any], known: tuple[str, ...], whose: str) -> None:
    """Refuse settings that would do nothing.

    Raises:
        ModelError: there are some (E135).
    """
    for name in settings:
        if name not in known:
            near = did_you_mean(name, (*known, *OF_DATA))
            fix = f"did you mean {near}?" if near else f"it has {', '.join(known) if known else 'none'}"
            raise ModelError.because("E135", f"{whose} has no setting {name}", fix=fix)


def _not_independent(why: str, fix: str = "leave them out, or pass a correlation matrix and n") -> None:
    raise DataError.because("E322", "these aren't independent observations", why=why, fix=fix)


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
