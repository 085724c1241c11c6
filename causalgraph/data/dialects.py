"""How SQL is written: where its dialects differ (quotes, floats, what isn't a number), names, and the layout of lines.

A part of a query is a list of lines; a line may hold line breaks of its own, inside a name or a literal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from causalgraph.errors import EstimationError

__all__ = [
    "DIALECTS",
    "Column",
    "Dialect",
    "Names",
    "dialect_named",
    "float_literal",
    "identifier",
    "indented",
    "joined",
    "select",
    "text_literal",
    "there",
    "where",
]


@dataclass(frozen=True)
class Dialect:
    """A dialect.

    Attributes:
        name: as users write it.
        quote: what stands around an identifier, doubled inside one.
        double: the type of a float of 64 bits.
        not_a_number: a condition; ``{}`` stands for the number.
        nan: the number that isn't one.
        escapes: replacements inside a text literal, in order.
        longest: the most bytes of an identifier, if there is a limit.
        folds: are two quoted names one if they differ in capitals alone?
    """

    name: str
    quote: str
    double: str
    not_a_number: str
    nan: str
    escapes: tuple[tuple[str, str], ...] = (("'", "''"),)
    longest: int | None = None
    folds: bool = True


DUCKDB = Dialect("duckdb", '"', "DOUBLE", "isnan({})", "CAST('NaN' AS DOUBLE)")
DIALECTS = (
    DUCKDB,
    # Two text literals side by side are one in Spark, so that a doubled quote would vanish.
    Dialect("spark", "`", "DOUBLE", "isnan({})", "CAST('NaN' AS DOUBLE)", (("\\", "\\\\"), ("'", "\\'"))),
    Dialect(
        "postgres",
        '"',
        "DOUBLE PRECISION",
        "CAST({} AS DOUBLE PRECISION) = 'NaN'",
        "CAST('NaN' AS DOUBLE PRECISION)",
        longest=63,
        folds=False,
    ),
)


def dialect_named(name: str) -> Dialect:
    """Return the dialect of a name.

    Raises:
        EstimationError: there is none (E520).

    >>> dialect_named("spark").quote
    '`'
    """
    for dialect in DIALECTS:
        if dialect.name == name:
            return dialect
    raise EstimationError.because(
        "E520", f"there is no SQL dialect {name!r}", fix=f"write one of {', '.join(d.name for d in DIALECTS)}"
    )


def identifier(name: str, dialect: Dialect = DUCKDB) -> str:
    """Quote a name, whatever it holds.

    >>> print(identifier('the "best" one'))
    "the ""best"" one"
    """
    return f"{dialect.quote}{name.replace(dialect.quote, dialect.quote * 2)}{dialect.quote}"


def text_literal(text: str, dialect: Dialect = DUCKDB) -> str:
    r"""Write a text as a literal.

    >>> print(text_literal("it's", dialect_named("duckdb")), text_literal("it's", dialect_named("spark")))
    'it''s' 'it\'s'
    """
    for plain, escaped in dialect.escapes:
        text = text.replace(plain, escaped)
    return f"'{text}'"


def float_literal(number: float) -> str:
    """Write a float as a literal that every dialect takes for one, and for no decimal of few digits.

    >>> float_literal(0.5), float_literal(-1e30)
    ('0.5e0', '(-1e+30)')
    """
    digits = repr(float(number))
    digits = digits if "e" in digits else f"{digits}e0"
    return f"({digits})" if digits.startswith("-") else digits


@dataclass(frozen=True, eq=False)
class Column:
    """How a variable is read from a table; what is text is SQL, put into the query as it stands.

    Attributes:
        expression: the variable, its name quoted.
        levels: the literal of each level, by the level's text; needed where the variable stands in a probability.
        number: the variable as a number; needed where it is averaged, or weighs.
        is_float: can it be NaN? That counts as missing, like NULL.
        missing: literals that mark a missing value.
        centre: taken from the number before it is summed and added to its mean, so that large values lose no digits.
    """

    expression: str
    levels: Mapping[str, str] = field(default_factory=dict)
    number: str | None = None
    is_float: bool = False
    missing: tuple[str, ...] = ()
    centre: float = 0.0


def there(column: Column, dialect: Dialect = DUCKDB) -> list[str]:
    """Return the conditions under which a row has a value in a column.

    >>> there(Column("X", is_float=True, missing=("-99",)))
    ['X IS NOT NULL', 'NOT isnan(X)', 'X NOT IN (-99)']
    """
    conditions = [f"{column.expression} IS NOT NULL"]
    if column.is_float:
        conditions.append(f"NOT {dialect.not_a_number.format(column.expression)}")
    if column.missing:
        conditions.append(f"{column.expression} NOT IN ({', '.join(column.missing)})")
    return conditions


@dataclass
class Names:
    """Gives each thing a name of its own; SQL mostly doesn't tell capital letters from small ones.

    Attributes:
        taken: names that are given already, in small letters.
        longest: the most bytes of a name, if there is a limit.
        given: the names by what they are of.
    """

    taken: set[str]
    longest: int | None = None
    given: dict[object, str] = field(default_factory=dict)

    def of(self, thing: object, wanted: str) -> str:
        """Return the name of a thing: the one wanted, with a number after it where that is taken."""
        if thing not in self.given:
            wanted = wanted.encode()[: self.longest].decode(errors="ignore")
            name, number = wanted, 1
            while name.casefold() in self.taken:
                number += 1
                end = f"_{number}"
                room = None if self.longest is None else self.longest - len(end)
                name = wanted.encode()[:room].decode(errors="ignore") + end
            self.taken.add(name.casefold())
            self.given[thing] = name
        return self.given[thing]


def select(shown: list[str]) -> list[str]:
    """Return a list of columns, one a line where there are several.

    >>> select(["a", "b"])
    ['SELECT', '    a,', '    b']
    """
    if len(shown) == 1:
        return [f"SELECT {shown[0]}"]
    return ["SELECT", *indented([*(f"{s}," for s in shown[:-1]), shown[-1]])]


def joined(how: str, table: str, conditions: list[str]) -> str:
    """Join a table under some conditions, or under none."""
    return f"{how} {table} ON {' AND '.join(conditions)}" if conditions else f"CROSS JOIN {table}"


def where(conditions: list[str]) -> list[str]:
    """Return conditions, one a line."""
    return [f"WHERE {conditions[0]}", *indented([f"AND {c}" for c in conditions[1:]])] if conditions else []


def indented(lines: list[str]) -> list[str]:
    """Return lines with four spaces before each."""
    return [f"    {one}" for one in lines]
