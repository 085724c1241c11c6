"""How SQL is written: where its dialects differ (quotes, floats, what isn't a number), names, and the layout of lines.

A part of a query is a list of lines; a line may hold line breaks of its own, inside a name or a literal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from causalgraph.errors import EstimationError

__all__ = [
    "DIALECTS",
    "Dialect",
    "Names",
    "dialect_named",
    "identifier",
    "indented",
    "joined",
    "select",
    "text_literal",
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
    """

    name: str
    quote: str
    double: str
    not_a_number: str
    nan: str
    escapes: tuple[tuple[str, str], ...] = (("'", "''"),)
    longest: int | None = None


DUCKDB = Dialect("duckdb", '"', "DOUBLE", "isnan({})", "CAST('NaN' AS DOUBLE)")
DIALECTS = (
    DUCKDB,
    # Two text literals side by side are one in Spark, so that a doubled quote would vanish.
    Dialect("spark", "`", "DOUBLE", "isnan({})", "CAST('NaN' AS DOUBLE)", (("\\", "\\\\"), ("'", "\\'"))),
    Dialect("postgres", '"', "DOUBLE PRECISION", "{} = 'NaN'", "CAST('NaN' AS DOUBLE PRECISION)", longest=63),
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
