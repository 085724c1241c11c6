"""Hypothesis strategies for names, questions, and whole files as people write them."""

from __future__ import annotations

from hypothesis import strategies as st

from causalgraph.syntax import queries as q
from causalgraph.syntax.names import name_text, normal

KEYWORDS = (
    *("dag", "admg", "cpdag", "mpdag", "pdag", "mag", "pag", "data", "tier", "include", "design", "forbid", "require"),
    *("expect", "none", "not", "in", "binary", "ordinal", "count", "o", "P", "E", "do", "true"),
)
MARKS = ("->", "<-", "<->", "--", "o->", "<-o", "o-o", "o--", "--o")

identifiers = st.one_of(
    st.sampled_from(["A", "B", "X1", "Banner", "_u", "Größe", "年齢", "café", *KEYWORDS]),
    st.text(st.characters(categories=("L", "Nd", "Pc", "Mn"), max_codepoint=0x2FFF), min_size=1, max_size=5)
    .map(normal)
    .filter(str.isidentifier),
)
printable = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="`\n")
odd_names = st.text(printable, min_size=1, max_size=8).map(normal).filter(lambda t: t.strip() and "`" not in t)
names = st.one_of(identifiers, odd_names)
plain_texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\0\r"), max_size=8)
levels = st.one_of(identifiers, st.sampled_from(["0", "1", "-1", "2.50", "1e-3", "18-25", ""]), plain_texts)

# Questions.


@st.composite
def terms(draw: st.DrawFn, least: int = 1, most: int = 3, *, valued: bool = False) -> list[q.Term]:
    """Draw distinct variables, with levels where `valued` holds."""
    chosen = draw(st.lists(names, min_size=least, max_size=most, unique=True))
    return [q.Term(n, draw(st.none() | levels) if valued else None) for n in chosen]


@st.composite
def parted(draw: st.DrawFn, *least: int, valued: bool = False) -> list[tuple[q.Term, ...]]:
    """Draw disjoint groups of variables, each with at least so many as `least` says."""
    total = sum(least)
    drawn = draw(terms(total, total + 2, valued=valued))
    groups = [[drawn.pop() for _ in range(count)] for count in least]
    while drawn:
        draw(st.sampled_from(groups)).append(drawn.pop())
    return [tuple(group) for group in groups]


def potentials(*, valued: bool | None) -> st.SearchStrategy[q.Potential]:
    """Strategy of ``Y[X=0, M[X=1]]``: with a level, without, or either."""
    values = levels if valued else st.none() if valued is False else st.none() | levels
    inner = st.builds(q.Term, names, levels)
    nested = st.builds(q.Potential, names, st.none(), st.none(), st.tuples(inner))
    worlds = st.lists(inner | nested, min_size=1, max_size=2).map(tuple)
    return st.builds(q.Potential, names, values, st.none(), worlds)


facts = st.lists(potentials(valued=True) | st.builds(q.Term, names, levels), max_size=2).map(tuple)
across = st.one_of(
    st.builds(lambda t, g: q.Counterfactual("P", tuple(t), g), st.lists(potentials(valued=None), min_size=1), facts),
    st.builds(
        lambda t, c, g: q.Counterfactual("E", tuple(t), g, tuple(c)),
        st.lists(potentials(valued=False), min_size=2, max_size=2),
        st.lists(st.sampled_from([1.0, -1.0, 0.5, -2.25]), min_size=2, max_size=2),
        facts,
    ),
)
quantities = st.one_of(
    across,
    parted(1, 0, 0, valued=True).map(lambda g: q.Probability(*g)),
    parted(0, 0, valued=True).flatmap(
        lambda g: names.filter(lambda n: n not in [t.variable for p in g for t in p]).map(
            lambda n: q.Expectation(q.Term(n), *g)
        )
    ),
    terms(2, 2).map(lambda t: q.Effect("ate", *t)),
)
constants = st.sampled_from(["0", "1", "0.50", "2e3", "-1", ".5"]).map(q.Constant)
arithmetic = st.recursive(
    quantities | constants, lambda inner: st.builds(q.Arithmetic, st.sampled_from("+-*/"), inner, inner), max_leaves=5
)
questions = st.one_of(
    parted(1, 1, 0, valued=True).map(lambda g: q.Identify(*g)),
    arithmetic,
    parted(1, 1, 0).map(lambda g: q.Independent(*g)),
    parted(1, 1, 0).map(lambda g: q.Paths(*g)),
    parted(1, 1, 0).map(lambda g: q.Adjusts(*g)),
    st.builds(lambda g, e: q.AdjustmentSets(*g, effect=e), parted(1, 1), st.sampled_from(["total", "direct"])),
    st.builds(q.Relatives, st.sampled_from(["ancestors", "descendants", "blanket"]), terms().map(tuple)),
    terms(valued=True).map(lambda t: q.Intervene(tuple(t))),
    st.sampled_from([q.Triples(), q.Districts(), q.Project()]),
)

# Files, sloppily written.

space = st.sampled_from(["", " ", "  ", "\t"])
inner_space = st.sampled_from(["", " ", "\n  ", " # note\n", "\r\n"])
written_names = st.one_of(
    names.map(name_text), identifiers.map(lambda n: f"`{n}`"), st.sampled_from(['"Lung cancer"', '"X"', '"dag"'])
)
strings = plain_texts.map(lambda t: '"' + t.replace("\\", "\\\\").replace('"', '\\"') + '"')
numbers = st.sampled_from(["0", "1", "-2", "0.05", "1e-7", "3.", "-.5", "1234567890123456789"])
literals = st.one_of(identifiers, numbers, strings, st.just("`very low`"))


@st.composite
def joined(draw: st.DrawFn, item: st.SearchStrategy[str], sign: str = ",", least: int = 1, most: int = 3) -> str:
    """Draw items with a sign between them and any spaces around it."""
    items = draw(st.lists(item, min_size=least, max_size=most))
    text = items[0] if items else ""
    for part in items[1:]:
        text += draw(inner_space) + sign + draw(inner_space) + part
    return text


@st.composite
def bracketed(draw: st.DrawFn, inside: st.SearchStrategy[str], pair: str = "[]") -> str:
    """Draw something in brackets with any spaces inside."""
    return pair[0] + draw(inner_space) + draw(inside) + draw(inner_space) + pair[1]


@st.composite
def attributes(draw: st.DrawFn, forms: list[st.SearchStrategy[str]]) -> str:
    """Draw attributes, each at most once, or none."""
    chosen = draw(st.permutations(forms))[: draw(st.integers(0, 3))]
    if not chosen:
        return ""
    parts = [draw(form) for form in chosen]
    return draw(space) + "[" + draw(inner_space) + ("," + draw(inner_space)).join(parts) + draw(inner_space) + "]"


VARIABLE = [
    *(st.just(flag) for flag in ("latent", "selected", "exposure", "outcome")),
    st.just('pos="1,-2.5"'),
    numbers.map("cost={}".format),
    strings.map("label ={}".format),
    strings.map("unit= {}".format),
]
EDGE = [numbers.map("p={}".format), numbers.map("beta = {}".format), strings.map("label={}".format)]
distinct = st.lists(st.integers(0, 9).map("v{}".format), min_size=2, max_size=4, unique=True)
kinds = st.one_of(
    st.sampled_from(["binary", "count", "continuous", '{"18-25", 26, `over 26`}', '{ a,b , "c d",}']),
    distinct.map(lambda words: "{" + ", ".join(words) + "}"),
    distinct.map(lambda words: "ordinal{" + " <".join(words) + "}"),
)
declarations = st.builds(
    "{}{}{}".format, written_names, space.flatmap(lambda s: kinds.map(lambda k: f"{s}: {k}")), attributes(VARIABLE)
)
roles = st.builds("{}{}".format, written_names, attributes(VARIABLE))


@st.composite
def edges(draw: st.DrawFn) -> str:
    """Draw a chain of fans."""
    text = draw(side())
    for _ in range(draw(st.integers(1, 3))):
        text += draw(st.sampled_from([" ", "\n  ", " # why\n  "])) + draw(st.sampled_from(MARKS)) + " " + draw(side())
    return text + draw(attributes(EDGE))


def side() -> st.SearchStrategy[str]:
    """Strategy of one side of an arrow."""
    plain = st.lists(written_names, min_size=1, max_size=3).map(", ".join)
    return st.one_of(plain, bracketed(joined(written_names), "{}"))


options = st.builds("{} = {}".format, written_names, literals)
data = st.builds(
    lambda path, braces: f"data {path}{braces}", strings, st.just("") | bracketed(joined(options, least=0), "{}")
)
query_names = st.one_of(names.map(name_text), identifiers.map(lambda n: f"`{n}`"))
expressions = st.recursive(
    st.one_of(query_names, numbers.filter(lambda t: t[0] != "-"), strings),
    lambda inner: st.one_of(
        st.builds("{}({}|{})".format, st.sampled_from(["P", "f", "not"]), joined(inner), joined(inner)),
        st.builds("{}({})".format, st.sampled_from(["E", "ate", "none", "mag"]), joined(inner, least=0)),
        st.builds("{}={}".format, query_names, inner).map("P({})".format),
        st.builds("f({{{}}},{{}})".format, joined(inner, least=0)),
        st.builds("{}[{}]".format, query_names, joined(inner)),
        st.builds("({})".format, inner),
        st.builds("-{}".format, inner),
        st.builds("{}{}{}".format, inner, st.sampled_from([" +", "- ", "*", " / "]), inner),
    ),
    max_leaves=6,
)
values = st.one_of(expressions, st.sampled_from(["none", "{}", "{{A}, {}}", "`none`", "(none)", "none (1)", "true"]))
tests = st.one_of(
    st.just(""),
    st.builds(" {} {}".format, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), values),
    st.builds(" in[{},{}]".format, expressions, expressions),
)
statements = st.one_of(
    st.sampled_from(["dag", "pag", 'dag "Does it?"', "`dag`", "data", "o -> B"]),
    declarations,
    roles,
    edges(),
    data,
    st.builds("tier {}:{}{}".format, st.sampled_from(["0", "1", "12"]), space, joined(written_names)),
    st.builds("{} {} -> {}".format, st.sampled_from(["forbid", "require"]), side(), side()),
    st.builds("{}({})".format, st.sampled_from(["ate", "P", "cpdag", "data"]), joined(expressions)),
    st.builds("{} = {}".format, written_names, expressions),
    st.builds("expect {}{}{}".format, st.sampled_from(["", "not "]), expressions, tests),
)
terms_of_equations = st.recursive(
    st.one_of(query_names, numbers.filter(lambda t: t[0] != "-"), strings, identifiers.map("?{}".format)),
    lambda inner: st.one_of(
        st.builds("{}({})".format, st.sampled_from(["Normal", "exp", "not"]), joined(inner, least=0)),
        st.builds("case({}, {} = {}, else={})".format, query_names, literals, inner, inner),
        st.builds("({})".format, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["<", "<=", "==", "!="]), inner),
        st.builds("-{}".format, inner),
        st.builds("{}{}{}".format, inner, st.sampled_from([" +", "- ", "*", " / ", "**"]), inner),
    ),
    max_leaves=6,
)
equations = st.builds("{}{} {}".format, written_names, st.sampled_from([":=", " ~"]), terms_of_equations)
designs = st.builds(
    "design {}({})".format,
    st.sampled_from(["rct", "did", "dag"]),
    joined(terms_of_equations | st.builds("{}={}".format, query_names, terms_of_equations), least=0),
)
statements = statements | equations | designs
comments = st.sampled_from(["# a comment", "#", '# "unclosed ` and ( in a comment', "## é"])
separators = st.one_of(
    st.sampled_from(["\n", "\r\n", ";", " ; ", "\n\n\n", ";\n"]),
    comments.map(" {}\n".format),
    comments.map("\n\n{}\n".format),
    comments.map("\n  {}\n\n\n".format),
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a whole file; most parse, some don't (two statements may read as one, a name may end in `o`)."""
    text = draw(st.just("") | separators)
    for statement in draw(st.lists(statements, max_size=5)):
        text += statement + draw(separators)
    return text
