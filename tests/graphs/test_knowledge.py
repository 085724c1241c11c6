"""Knowledge says which arrows can't be and which must, and refuses to contradict itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from causalgraph.errors import ModelError
from causalgraph.graphs.knowledge import Knowledge


def test_tiers_bar_arrows_back_in_time_and_nothing_else() -> None:
    known = Knowledge.of(tiers=["A", ["B", "C"], {"D"}])
    assert known.barred("B", "A") == "tiers: A comes before B"
    assert known.barred("D", "A") == "tiers: A comes before D"
    assert known.barred("A", "D") is None
    assert known.barred("B", "C") is None


def test_a_variable_in_no_tier_may_stand_anywhere() -> None:
    known = Knowledge.of(tiers=[["A"], ["B"]])
    assert [known.barred(*pair) for pair in (("X", "A"), ("A", "X"), ("X", "B"), ("B", "X"))] == [None] * 4


def test_what_is_required_bars_whatever_would_close_a_cycle() -> None:
    known = Knowledge.of(required=[("A", "B"), ("B", "C")])
    assert known.barred("B", "A") == "required A -> B"
    assert known.barred("C", "A") == "required A -> B -> C"
    assert known.barred("A", "C") is None


def test_what_is_forbidden_bars_one_way_only() -> None:
    known = Knowledge.of(forbidden=[["A", "B"]])
    assert known.barred("A", "B") == "forbidden A -> B"
    assert known.barred("B", "A") is None


def test_masks_say_what_words_say() -> None:
    rng = np.random.default_rng(0)
    names = [f"V{i}" for i in range(7)]
    for _ in range(200):
        cut = [*sorted(rng.integers(0, 8, 2).tolist()), 7]
        tiers = [[n for n in names[a:b] if rng.random() < 0.8] for a, b in zip([0, *cut], cut, strict=False)]
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        forbidden = [(b, a) for a, b in pairs if rng.random() < 0.2]
        known = Knowledge.of(tiers, forbidden, [pair for pair in pairs if rng.random() < 0.15])
        order = [names[i] for i in rng.permutation(7)]
        barred, required = known.masks(order)
        for i, a in enumerate(order):
            for j, b in enumerate(order):
                if a != b:
                    assert barred[i, j] == (known.barred(a, b) is not None)
                assert required[i, j] == ((a, b) in known.required)


def test_no_knowledge_is_false_and_bars_nothing() -> None:
    assert not Knowledge()
    assert not Knowledge.of()
    assert Knowledge.of(tiers=[["A"]])
    assert not np.any(Knowledge().masks(["A", "B"]))
    assert Knowledge().masks([])[0].shape == (0, 0)


def test_repeats_count_once() -> None:
    known = Knowledge.of([["A", "A"]], [("A", "B"), ("A", "B")], [("B", "A"), ("B", "A")])
    assert known == Knowledge((("A",),), (("A", "B"),), (("B", "A"),))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"tiers": [["A"], ["A", "B"]]}, "A stands in two tiers"),
        ({"required": [("A", "B")], "forbidden": [("A", "B")]}, "A -> B is both required and forbidden"),
        ({"required": [("B", "A")], "tiers": ["A", "B"]}, "required B -> A contradicts the tiers"),
        ({"required": [("B", "X"), ("X", "A")], "tiers": ["A", "B"]}, "required B -> X -> A contradicts the tiers"),
        ({"required": [("A", "B"), ("B", "C"), ("C", "A")]}, "required A -> B -> C -> A closes a cycle"),
    ],
)
def test_knowledge_that_no_dag_keeps_to_is_refused(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words) as error:
        Knowledge.of(**said)
    assert error.value.code == "E131"


@pytest.mark.parametrize("pair", ["AB", ("A",), ("A", "B", "C"), ("A", "A")])
def test_what_is_no_pair_is_refused(pair: Any) -> None:
    with pytest.raises(ModelError, match="isn't a pair of variables") as error:
        Knowledge.of(forbidden=[pair])
    assert error.value.code == "E130"


@pytest.mark.parametrize(
    "said", [{"tiers": [["Wieght"]]}, {"forbidden": [("Wieght", "A")]}, {"required": [("A", "Wieght")]}]
)
def test_a_name_that_the_data_lack_is_refused_with_the_nearest(said: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="did you mean Weight") as error:
        Knowledge.of(**said).masks(["A", "Weight"])
    assert error.value.code == "E132"
