"""What a caller says is known, in whatever way, comes out as one knowledge."""

import numpy as np
import pytest

import causalgraph as cg
from causalgraph.discover.known import known, merged
from causalgraph.graphs.knowledge import Knowledge


@pytest.fixture
def file(tmp_path):
    place = tmp_path / "k.dag"
    place.write_text("tier 1: A; tier 2: B; require A -> C; A -> B", encoding="utf-8")
    return place


def test_a_knowledge_a_model_and_a_path_say_the_same(file):
    model = cg.parse("tier 1: A; tier 2: B; require A -> C")
    assert known(file) == known(str(file)) == known(model) == known(model.knowledge) == model.knowledge
    assert known(None) == Knowledge()


@pytest.mark.parametrize("thing", [5, [("A", "B")], {"tiers": []}, object()])
def test_what_is_no_knowledge_is_refused(thing):
    with pytest.raises(cg.ModelError, match="isn't knowledge") as error:
        cg.pc(([[1, 0.5], [0.5, 1]], 100), variables=["A", "B"], knowledge=thing)
    assert error.value.code == "E130"


def test_both_hold_and_may_not_contradict_one_another(file):
    more = known(file, forbidden=[("B", "C")], required=[("C", "B")])
    assert more == Knowledge((("A",), ("B",)), (("B", "C"),), (("A", "C"), ("C", "B")))
    for against in ({"forbidden": [("A", "C")]}, {"required": [("B", "A")]}, {"tiers": ["B", "A"]}):
        with pytest.raises(cg.ModelError) as error:
            known(file, **against)
        assert error.value.code == "E131"


def test_merged_tiers_rule_out_what_either_rules_out():
    rng = np.random.default_rng(0)
    names = "ABCDE"
    done = 0
    for _ in range(200):
        one, two = (
            Knowledge.of(tiers=[[n for n, t in zip(names, places, strict=True) if t == k] for k in range(3)])
            for places in rng.integers(0, 4, (2, len(names)))
        )
        pairs = [(a, b) for a in names for b in names if a != b]
        opposed = any(one.leads_back(a, b) and two.leads_back(b, a) for a, b in pairs)
        if opposed:
            with pytest.raises(cg.ModelError, match="both before and after"):
                merged(one, two)
            continue
        done += 1
        both = merged(one, two)
        for a, b in pairs:
            assert bool(both.barred(a, b)) == bool(one.barred(a, b) or two.barred(a, b))
    assert done > 20


@pytest.mark.parametrize("what", ["tiers", "forbidden", "required"])
def test_a_plain_text_is_no_list(what):
    with pytest.raises(cg.ModelError, match=f"pass a list: {what}="):
        Knowledge.of(**{what: "A -> B"})


@pytest.mark.parametrize(("wrong", "right"), [("forbid", "forbidden"), ("require", "required")])
def test_a_setting_called_as_a_statement_is_offered_its_name(wrong, right):
    with pytest.raises(cg.ModelError, match=f"did you mean {right}") as error:
        cg.fci(([[1, 0.5], [0.5, 1]], 100), variables=["A", "B"], **{wrong: [("A", "B")]})
    assert error.value.code == "E135"


def test_a_found_pag_read_with_its_knowledge_is_as_its_class_leaves_it():
    rng = np.random.default_rng(1)
    settled = 0
    for _ in range(60):
        names = [f"V{i}" for i in range(5)]
        edges = [
            (a, mark, b)
            for i, a in enumerate(names)
            for b in names[i + 1 :]
            for mark in ("->", "<->")
            if rng.random() < (0.35 if mark == "->" else 0.1)
        ]
        truth = cg.MixedGraph.build(edges, names)
        arrows = [(e[0], e[2]) for e in edges if e[1] == "->"]
        cut = int(rng.integers(1, 5))
        said = {"tiers": [names[:cut], names[cut:]]} if rng.random() < 0.7 else {"required": arrows[:1]}
        found = cg.fci(cg.oracle(truth), **said)
        model = cg.parse(found.text())
        assert model.knowledge == found.settings.knowledge
        assert [w for w in model.warnings if w.code == "W106"] == []
        plain = cg.parse(found.text().replace("tier ", "# tier ").replace("require ", "# require "))
        told = [w.labels[0].span for w in plain.warnings if w.code == "W106"]
        settled += bool(told)
        assert len(told) == len(set(told))
    assert settled > 10


def test_a_mark_that_knowledge_does_not_account_for_is_told():
    model = cg.parse("pag; tier 1: A; tier 2: B; A o-> B; C -> D")
    assert [w.what for w in model.warnings] == ["C -> D isn't as the rules of orientation leave it"]
    assert model.warnings[0].why.count("a circle belongs there") == 2
