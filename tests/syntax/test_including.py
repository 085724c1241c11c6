"""`include`: what comes in, from where, and what is said when it can't."""

import pytest

import causalgraph as cg
from causalgraph.syntax.formatter import fmt


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "parts").mkdir()
    return tmp_path


def put(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.dag").write_text(text, encoding="utf-8")


def problems(folder, text):
    with pytest.raises(cg.ModelError) as caught:
        cg.parse(text, directory=folder)
    return caught.value.diagnostics


def test_the_graph_of_an_included_file_comes_in_its_questions_and_data_do_not(folder):
    put(folder, base='dag "Base"\nA : binary [label="a"]\nA -> B\ndata "b.csv"\nx = ate(A, B)\nexpect x == 1\n')
    model = cg.parse('include "base.dag"\nB -> C\nancestors(C)', directory=folder)
    assert model.graph == cg.graph("A -> B -> C")
    assert model.variables["A"].label == "a"
    assert (model.title, model.data, len(model.items)) == (None, None, 1)
    assert model.source.text.startswith("include")


def test_files_are_found_from_the_file_that_includes_them(folder):
    put(folder, top='include "parts/mid.dag"\nD -> E')
    put(folder / "parts", mid='include "low.dag"\ninclude "../side.dag"\nB -> C', low="A -> B")
    put(folder, side="C -> D")
    assert cg.load(folder / "top.dag").graph == cg.graph("A -> B -> C -> D -> E")


def test_a_file_that_is_reached_twice_is_read_once(folder):
    put(folder, a='include "c.dag"', b='include "c.dag"', c="A : binary\nA -> B")
    model = cg.parse('include "a.dag"\ninclude "b.dag"\ninclude "./c.dag"', directory=folder)
    assert model.graph.nodes == ("A", "B")
    assert model.warnings == ()


def test_files_that_include_one_another_are_an_error_that_names_them(folder):
    put(folder, a='include "b.dag"', b='A -> B\ninclude "a.dag"')
    with pytest.raises(cg.ModelError) as caught:
        cg.load(folder / "a.dag")
    (problem,) = caught.value.diagnostics
    assert problem.code == "E120"
    assert "a.dag -> b.dag -> a.dag" in problem.what
    assert problem.span.source.name.endswith("b.dag")
    assert problem.span.line == 2


@pytest.mark.parametrize("path", ["none.dag", "/etc/passwd", "parts", "", "a\\b", "x" * 5000])
def test_a_file_that_cannot_be_included_is_said_so_at_its_place(folder, path):
    (problem,) = problems(folder, f'A -> B\ninclude "{path}"'.replace("\\", "\\\\"))
    assert (problem.code, problem.span.line) == ("E121", 2)
    assert problem.why
    assert problem.fix


def test_problems_of_an_included_file_point_into_it(folder):
    put(folder, base="A -> B\nB --> C\n")
    (problem,) = problems(folder, 'include "base.dag"')
    assert problem.code == "E001"
    assert f"{folder / 'base.dag'}:2:3" in str(problem)


def test_a_file_that_is_no_text_is_told_with_the_place_that_includes_it(folder):
    (folder / "base.dag").write_bytes(b"\xff\xff")
    (problem,) = problems(folder, 'include "base.dag"')
    assert problem.code == "E009"
    assert "included here" in str(problem)


def test_a_problem_between_two_files_shows_both(folder):
    put(folder, base="A -> B\n")
    (problem,) = problems(folder, 'include "base.dag"\nB -> A')
    assert problem.code == "E104"
    assert str(problem).split("\n")[1:7] == [
        " --> <text>:2:1",
        "2 | B -> A",
        "  | ^^^^^^",
        f" ::: {folder / 'base.dag'}:1:1",
        "1 | A -> B",
        "  | ------",
    ]


def test_the_kind_comes_from_the_including_file_if_it_says_one(folder):
    put(folder, base='pag "Found"\nA o-> B')
    model = cg.parse('include "base.dag"', directory=folder)
    assert (model.graph.kind, model.title) == ("pag", None)
    assert [d.code for d in problems(folder, 'dag\ninclude "base.dag"')] == ["E102"]


def test_the_limits_hold_for_all_files_together(folder):
    put(folder, base="A -> B # " + "x" * 100)
    with pytest.raises(cg.ModelError) as caught:
        cg.parse('include "base.dag"', directory=folder, max_bytes=100)
    assert caught.value.code == "E007"
    put(folder, **{f"f{i}": f'include "f{i + 1}.dag"\nA -> B' for i in range(150)})
    with pytest.raises(cg.ModelError) as caught:
        cg.load(folder / "f0.dag")
    assert caught.value.code == "E122"


def test_include_stays_a_name_elsewhere():
    assert cg.graph("include -> X; X -> Y").nodes == ("include", "X", "Y")


def test_an_include_is_formatted():
    assert fmt('include   "base.dag" # on') == 'include "base.dag"  # on\n'


def test_knowledge_of_an_included_file_comes_in_and_is_held_against_all_edges(folder):
    put(folder, known="A; B; tier 1: A; tier 2: B\nforbid A -> C; C")
    assert cg.parse('include "known.dag"\nA -> B', directory=folder).knowledge.tiers == (("A",), ("B",))
    (problem,) = problems(folder, 'include "known.dag"\nB -> A')
    assert problem.code == "E115"
    assert {label.span.source.name.rpartition("/")[2] for label in problem.labels} == {"<text>", "known.dag"}
