"""The parser: what each statement says, with its place."""

from __future__ import annotations

import subprocess
import sys

import pytest

from causalgraph.errors import ModelError, SourceText
from causalgraph.graphs.mixed import KINDS, MARKS
from causalgraph.syntax import queries, tree
from causalgraph.syntax.equations import Branch, Design, Equation, Parameter, Setting
from causalgraph.syntax.grammar import compiled
from causalgraph.syntax.names import HEADERS
from causalgraph.syntax.parser import parse, parse_all, parse_query
from syntax.texts import KEYWORDS


def names(*words: str) -> tuple[tree.Name, ...]:
    return tuple(map(tree.Name, words))


def call(verb: str, *arguments: tree.Expr, given: tuple[tree.Expr, ...] | None = None) -> tree.Call:
    return tree.Call(tree.Name(verb), arguments, given)


X, Y, Z = names("X", "Y", "Z")

GOLDEN: dict[str, tree.Statement] = {
    'dag "Does it?"': tree.Header("dag", "Does it?"),
    "pag": tree.Header("pag"),
    "X : binary": tree.Declaration(X, tree.KindSpec("binary")),
    'X : {a, 2, -1, "b c"}': tree.Declaration(X, tree.KindSpec("categorical", ("a", "2", "-1", "b c"))),
    "X : ordinal {low < mid < high}": tree.Declaration(X, tree.KindSpec("ordinal", ("low", "mid", "high"))),
    'X [latent, label="x \\"y\\"", cost=-2]': tree.Declaration(
        X, None, (tree.Attribute("latent"), tree.Attribute("label", 'x "y"'), tree.Attribute("cost", -2.0))
    ),
    "X": tree.Declaration(X),
    "`dag`": tree.Declaration(tree.Name("dag")),
    '"Lung cancer" -> `a -> b`': tree.EdgeStatement((names("Lung cancer"), names("a -> b")), ("->",)),
    "X -> Y, Z -> W": tree.EdgeStatement((names("X"), names("Y", "Z"), names("W")), ("->", "->")),
    "{X, Y} -> Z [p=0.1, beta=-1e-3]": tree.EdgeStatement(
        (names("X", "Y"), names("Z")), ("->",), (tree.Attribute("p", 0.1), tree.Attribute("beta", -0.001))
    ),
    'data "C:\\data.csv" { Y = "total $", weight = count, na = -99, }': tree.DataStatement(
        "C:\\data.csv",
        (
            tree.Option(Y, "total $"),
            tree.Option(tree.Name("weight"), "count", bare=True),
            tree.Option(tree.Name("na"), "-99", bare=True),
        ),
    ),
    "Y := 0.6*X - ?b*-X**2": Equation(
        Y,
        ":=",
        tree.Binary(
            "-",
            tree.Binary("*", tree.Number("0.6"), X),
            tree.Binary("*", Parameter("b"), tree.Negate(tree.Binary("**", X, tree.Number("2")))),
        ),
    ),
    "Y := 2**X**2 < 1": Equation(
        Y,
        ":=",
        tree.Binary(
            "<",
            tree.Binary("**", tree.Number("2"), tree.Binary("**", X, tree.Number("2"))),
            tree.Number("1"),
        ),
    ),
    'X ~ case(Z, 0 = Bernoulli(.9), -1 = f(), "a b" = X < -1, else = "high")': Equation(
        X,
        "~",
        call(
            "case",
            Z,
            Branch("0", call("Bernoulli", tree.Number(".9"))),
            Branch("-1", call("f")),
            Branch("a b", tree.Binary("<", X, tree.Negate(tree.Number("1")))),
            Branch("else", tree.Text("high")),
        ),
    ),
    'design rct(X, p=0.5, by={Y, Z}, treated=Z == "a")': Design(
        tree.Name("rct"),
        (X,),
        (
            Setting(tree.Name("p"), tree.Number("0.5")),
            Setting(tree.Name("by"), tree.SetLiteral((Y, Z))),
            Setting(tree.Name("treated"), tree.Binary("==", Z, tree.Text("a"))),
        ),
    ),
    "identify(do(X), Y | Z)": tree.QueryStatement(call("identify", call("do", X), Y, given=(Z,))),
    "cpdag()": tree.QueryStatement(call("cpdag")),
    "lift = 2 * ate(X, Y) - 1": tree.Named(
        tree.Name("lift"), tree.Binary("-", tree.Binary("*", tree.Number("2"), call("ate", X, Y)), tree.Number("1"))
    ),
    "expect adjustment_sets(X, Y) == {{Z}, {}}": tree.Expect(
        call("adjustment_sets", X, Y), "==", tree.SetLiteral((tree.SetLiteral((Z,)), tree.SetLiteral(())))
    ),
    "expect adjustment_sets(X, Y) == none": tree.Expect(call("adjustment_sets", X, Y), "==", tree.NoneLiteral()),
    "expect not identify(do(X), Y)": tree.Expect(call("identify", call("do", X), Y), negated=True),
    "expect ate(X, Y) in [-1, 2.50]": tree.Expect(
        call("ate", X, Y), "in", tree.Interval(tree.Negate(tree.Number("1")), tree.Number("2.50"))
    ),
    "expect ate(X, Y) <-1": tree.Expect(call("ate", X, Y), "<", tree.Negate(tree.Number("1"))),
    'E(Y[X=1, Z[X=0]] - Y | X="a")': tree.QueryStatement(
        call(
            "E",
            tree.Binary(
                "-",
                tree.Subscript(
                    Y, (tree.Assign(X, tree.Number("1")), tree.Subscript(Z, (tree.Assign(X, tree.Number("0")),)))
                ),
                Y,
            ),
            given=(tree.Assign(X, tree.Text("a")),),
        )
    ),
}


@pytest.mark.parametrize(("text", "statement"), GOLDEN.items(), ids=GOLDEN.keys())
def test_golden_statements_parse_to_their_trees(text: str, statement: tree.Statement) -> None:
    assert parse(text).statements == (statement,)


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_joins_two_names(mark: str) -> None:
    assert parse(f"X {mark} Y").statements == (tree.EdgeStatement((names("X"), names("Y")), (mark,)),)
    assert parse(f"X\n  {mark} Y\nZ").statements[1] == tree.Declaration(Z)


@pytest.mark.parametrize("word", KEYWORDS)
def test_keywords_stay_usable_as_names(word: str) -> None:
    name = tree.Name(word)
    assert parse(f"{word} -> X -> {word}").statements == (tree.EdgeStatement(((name,), (X,), (name,)), ("->", "->")),)
    assert parse(f"{word} : binary").statements == (tree.Declaration(name, tree.KindSpec("binary")),)
    assert parse(f"{word} [latent]").statements == (tree.Declaration(name, None, (tree.Attribute("latent"),)),)
    assert parse(f"{word} = ate({word}, X)").statements == (tree.Named(name, call("ate", name, X)),)
    assert parse_query(f"independent({word}, Y | {word}_2)") == queries.Independent(
        (queries.Term(word),), (queries.Term("Y"),), (queries.Term(f"{word}_2"),)
    )


def test_the_kinds_of_header_are_the_kinds_of_graph() -> None:
    assert set(HEADERS) == set(KINDS)


def test_names_are_compared_in_normal_form_c() -> None:
    assert parse("cafe\u0301 -> caf\u00e9_2").statements[0] == tree.EdgeStatement(
        (names("caf\u00e9"), names("caf\u00e9_2")), ("->",)
    )


def test_spans_are_places_in_the_whole_text() -> None:
    text = '# é\nA -> B;  `C d` : {x} [label="y"]\nq = P(\n  B | do(A)) + 1'
    edges, declaration, named = parse(SourceText(text, "m.dag")).statements
    assert isinstance(edges, tree.EdgeStatement)
    assert isinstance(declaration, tree.Declaration)
    assert isinstance(named, tree.Named)
    assert isinstance(named.query, tree.Binary)
    spans = [edges.sides[1][0].span, declaration.name.span, declaration.attributes[0].span, named.query.left.span]
    assert [span and span.text for span in spans] == ["B", "`C d`", 'label="y"', "P(\n  B | do(A))"]
    assert [span and span.source.place(span.start) for span in spans] == [(2, 6), (2, 10), (2, 23), (3, 5)]


def test_an_error_costs_only_its_own_statement() -> None:
    document, problems = parse_all("A --> B\nC -> D\nX : binry\nE -> F; G H; I -> J\n")
    assert [problem.code for problem in problems] == ["E001", "E010", "E002"]
    assert len(document.statements) == 4


def test_problems_come_in_the_order_of_the_text() -> None:
    with pytest.raises(ModelError) as caught:
        parse("A B\nX : {a, b\nY [oops]\nC --> D\n")
    assert [problem.span and problem.span.line for problem in caught.value.diagnostics] == [1, 2, 3, 4]


def test_the_grammar_has_no_conflicts_and_no_colliding_terminals() -> None:
    pytest.importorskip("interegular", reason="Lark's strict mode needs the package interegular")
    assert compiled(strict=True)


def test_importing_the_syntax_imports_no_parser_generator() -> None:
    code = (
        "import sys, causalgraph.syntax.parser, causalgraph.syntax.build, causalgraph.syntax.formatter\n"
        "heavy = {'lark', 'pandas', 'sympy', 'networkx', 'scipy', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("text", ["", "  # nothing\n", "A -> B", "ate(X, Y); ate(X, Z)", "ate(X, Y", "x = ate(X, Y)"])
def test_what_is_not_one_question_is_not_a_query(text: str) -> None:
    with pytest.raises(ModelError):
        parse_query(text)


@pytest.mark.parametrize("word", ["tier", "forbid", "require"])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("{} -> Y", tree.EdgeStatement),
        ("{} o-o Y", tree.EdgeStatement),
        ("{}, A -> Y", tree.EdgeStatement),
        ("{} : binary", tree.Declaration),
        ("{} [latent]", tree.Declaration),
        ("{}", tree.Declaration),
        ("{} = ate(X, Y)", tree.Named),
        ("{}(X)", tree.QueryStatement),
        ("expect {} == 1", tree.Expect),
        ("tier 1: {}", tree.Tier),
        ("forbid {0} -> {0}2", tree.Known),
    ],
)
def test_the_words_of_knowledge_are_names_where_a_name_stands(word: str, text: str, kind: type) -> None:
    (statement,) = parse(text.format(word)).statements
    assert isinstance(statement, kind)
