"""Two graphs compared: the counts, the words, the picture."""

from __future__ import annotations

import json

import pytest

import causalgraph as cg
from causalgraph.differences import differences
from causalgraph.errors import ModelError

FOUND = cg.parse('pag "Found"\nA o-> B; B -> C; C o-o D; B -> E')
TRUE = cg.parse('dag "True"\nA -> B; B -> C; C -> D; F -> E; U [latent]; U -> A')
SORTS = ("only_first", "only_second", "other_marks", "less", "contradicting", "same")
STARTS = {".svg": b"<svg ", ".pdf": b"%PDF", ".png": b"\x89PNG", ".html": b"<!DOCTYPE html>"}


@pytest.fixture(scope="module")
def told():
    return differences(FOUND, TRUE)


def test_the_counts_add_up_to_the_distance(told):
    said = told.to_dict()
    assert said["counts"] == dict(zip(SORTS, (1, 2, 2, 2, 0, 1), strict=True))
    assert said["distance"] == told.distance == 5
    assert said["other_marks"][0] == {"pair": ["A", "B"], "first": [["A", "o->", "B"]], "second": [["A", "->", "B"]]}
    assert said["nodes_only_second"] == ["F", "U"]
    json.dumps(said, allow_nan=False)


def test_the_words_name_every_pair_that_differs(told):
    words = str(told)
    assert "structural Hamming distance 5: 5 of 6 adjacent pairs differ" in words
    assert "A o→ B; A → B" in words
    assert "only in Found: 1\n    B → E" in words
    assert "nodes only in True: {F, U}" in words
    assert "Found is a pag, True a dag" in words


def test_equal_graphs_are_said_to_be_so():
    same = differences(TRUE, TRUE)
    assert same.distance == 0
    assert str(same).startswith("✔ no pair of nodes differs: 5 are adjacent")
    assert same.names == ("True (first)", "True (second)")


def test_a_role_that_differs_is_told():
    other = differences(cg.parse("A -> B; A [latent]"), cg.parse("A -> B"))
    assert other.distance == 0
    assert "A is latent in the first, observed in the second" in str(other)
    assert other.to_dict()["roles"] == [{"node": "A", "first": "latent", "second": "observed"}]
    assert "✔" not in str(other)


def test_graphs_models_and_found_graphs_are_compared_alike():
    found = cg.pc(cg.oracle(TRUE.graph))
    assert differences(found, found.graph).distance == 0
    assert differences(found.graph, TRUE).names == ("the first", "True")


def test_a_file_without_a_title_is_called_by_its_name(tmp_path):
    (tmp_path / "old.dag").write_text("A -> B\n")
    (tmp_path / "new.dag").write_text("B -> A\n")
    names = differences(cg.load(tmp_path / "old.dag"), cg.load(tmp_path / "new.dag")).names
    assert names == ("old.dag", "new.dag")


@pytest.mark.parametrize("form", sorted(STARTS))
def test_every_form_shows_both(told, form):
    made = told.draw(form)
    assert (made if isinstance(made, bytes) else made.encode()).startswith(STARTS[form])


def test_a_form_that_cannot_hold_both_is_refused(told):
    with pytest.raises(ModelError, match="E022"):
        told.draw(".dot")


def test_paths_are_loaded(tmp_path):
    (tmp_path / "true.dag").write_text("A -> B", encoding="utf-8")
    told = differences(cg.graph("A -> B; B -> C"), str(tmp_path / "true.dag"))
    assert told == differences(cg.graph("A -> B; B -> C"), tmp_path / "true.dag")
    assert (told.distance, told.names[1]) == (1, "true.dag")


@pytest.mark.parametrize("thing", [None, 5, [("A", "B")]])
def test_what_has_no_graph_is_refused(thing):
    with pytest.raises(cg.ModelError, match="no graph to compare") as error:
        differences(cg.graph("A -> B"), thing)
    assert error.value.code == "E137"


def test_two_graphs_of_one_title_are_called_by_their_files(tmp_path):
    for name in ("one/old.dag", "one/new.dag", "two/new.dag"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text('pag "Found by fci"\nA o-> B\n')
    old, new, other = (cg.load(tmp_path / name) for name in ("one/old.dag", "one/new.dag", "two/new.dag"))
    assert differences(old, new).names == ("old.dag", "new.dag")
    assert differences(new, other).names == (str(tmp_path / "one/new.dag"), str(tmp_path / "two/new.dag"))
    assert differences(new, new).names == ("Found by fci (first)", "Found by fci (second)")
    assert differences(new, cg.parse('dag "True"\nA -> B')).names == ("Found by fci", "True")
    assert ">old.dag</text>" in differences(old, new).draw(".svg")


def test_what_says_less_and_what_contradicts_are_told_apart_in_words_and_values():
    told = differences(cg.parse("pag\nA o-> B; B -> C; D -> E"), cg.parse("dag\nA -> B; C -> B; D -> E"))
    said = told.to_dict()
    assert said["counts"] == dict.fromkeys(SORTS, 0) | {"other_marks": 2, "less": 1, "contradicting": 1, "same": 1}
    assert [pair["pair"] for pair in said["less"]] == [["A", "B"]]
    assert [pair["pair"] for pair in said["contradicting"]] == [["B", "C"]]
    assert {*told.less, *told.contradicting} == {*told.other_marks}
    words = str(told)
    assert "in both, one says less, no contradiction (the first; the second): 1\n    A o→ B; A → B" in words
    assert "in both, with marks that contradict each other (the first; the second): 1\n    B → C; B ← C" in words
