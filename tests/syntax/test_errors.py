"""What is said about text that is wrong: the code, the place, the remedy."""

from __future__ import annotations

import pytest

from causalgraph.syntax.parser import parse_all

# text -> code, what the caret marks, a part of the remedy
MESSAGES = {
    "A --> B": ("E001", "-->", "`->`"),
    "A => B": ("E001", "=>", "`->`"),
    "A <-- B": ("E001", "<--", "`<-`"),
    "A <--> B": ("E001", "<-->", "`<->`"),
    "A → B": ("E001", "→", "`->`"),
    "A↔B": ("E001", "↔", "`<->`"),
    "Prior engagement -> B": ("E002", "Prior engagement", "`Prior engagement`"),
    "P(Lung cancer | do(X))": ("E002", "Lung cancer", "`Lung cancer`"),
    "X [label=my label]": ("E002", "my label", '"my label"'),
    "X : {a, b": ("E003", "{", "}"),
    "f(a]": ("E003", "]", ")"),
    "A -> B)": ("E003", ")", "drop it"),
    'X [label="foo]': ("E004", '"foo]', '"'),
    "`Lung cancer -> B": ("E004", "`Lung cancer -> B", "`"),
    "Ao->B": ("E005", "Ao->B", "`A o-> B`, or `Ao -> B`"),
    "A o->B": ("E005", "A o->B", "`A o-> B`"),
    "A <-oB": ("E005", "A <-oB", "`A <-o B`, or `A <- oB`"),
    "Ao-oB": ("E005", "Ao-oB", "`A o-o B`"),
    "Pre-test -> B": ("E006", "Pre-test", "`Pre-test`"),
    "X : {18-25, 26}": ("E006", "18-25", '"18-25"'),
    "'x' -> B": ("E006", "'", "double quotes"),
    "“x” -> B": ("E006", "“", '`"`'),
    "x² -> B": ("E006", "x²", "`x²`"),
    "A ->\n": ("E006", "", "before an operator"),
    "A, B": ("E006", "", ""),
    "X : binry": ("E010", "binry", "did you mean binary"),
    "X : categorical": ("E010", "categorical", "{a, b, c}"),
    "X : {a, a}": ("E010", "a", "drop one"),
    "X [expsure]": ("E011", "expsure", "did you mean exposure"),
    "A -> B [latent]": ("E011", "latent", "p, frequency, label, beta"),
    "X [latent=1]": ("E011", "latent=1", "write latent"),
    "X [label]": ("E011", "label", 'label="..."'),
    'X [pos="left"]': ("E011", 'pos="left"', 'pos="1,2"'),
    "X [latent, latent]": ("E011", "latent", "drop one"),
    "`` -> B": ("E012", "``", "name"),
    '"a`b" -> B': ("E012", '"a`b"', "another name"),
    "A -> 2nd": ("E013", "2nd", "`2nd`"),
    "x = 0.5.3": ("E013", "0.5.3", "digits"),
    "expect ate(X, Y) < 1e999": ("E013", "1e999", ""),
    "Y = X**2": ("E001", "=", "`:=`"),
    "Y = ?slope*X": ("E001", "=", "`:=`"),
    "Y := X^2": ("E001", "^", "`**`"),
    "Y := indicator(X <-1)": ("E001", "<-", "`< -`"),
    "Y := Normal 0, 1": ("E002", "Normal 0", "Normal(0)"),
    "Y := 3 X": ("E002", "3 X", "3*X"),
    "Y := 3 +": ("E006", "", "before an operator"),
    "Y := X > 1 > 2": ("E006", ">", ""),
    "Y := f(a = 1 = 2)": ("E006", "=", ""),
    "Y := ?²": ("E006", "?²", ""),
    "Y ~ Normal(0, 1": ("E003", "(", ")"),
    "design rct": ("E006", "", ""),
    "design rct(X": ("E003", "(", ")"),
    "tier A: B": ("E013", "A", "tier 1: A, B"),
    "tier 1.5: A": ("E013", "1.5", "whole numbers"),
    "tier 1: A B": ("E002", "A B", "`A B`"),
    "tier 1:": ("E006", "", ""),
    "tiers 1: A": ("E002", "tiers 1", "write tier"),
    "forbidden A -> B": ("E002", "forbidden A", "write forbid"),
    "requires A -> B": ("E002", "requires A", "write require"),
    "forbid A": ("E006", "", ""),
    "forbid A <-> B": ("E130", "<->", "`forbid A -> B` and `forbid B -> A`"),
    "require A -- B": ("E130", "--", "write require A -> B"),
    "forbid A -> B [p=1]": ("E006", "[", ""),
    "include base.dag": ("E006", "base.dag", 'include "base.dag"'),
    "data ../a.csv { X = x }": ("E006", "../a.csv", 'data "../a.csv"'),
}


@pytest.mark.parametrize(("text", "message"), MESSAGES.items(), ids=MESSAGES.keys())
def test_each_mistake_has_its_code_its_place_and_its_remedy(text: str, message: tuple[str, str, str]) -> None:
    code, marked, remedy = message
    problems = parse_all(f"P -> Q\n{text}\nQ -> R\n")[1]
    assert [problem.code for problem in problems] == [code]
    span = problems[0].span
    assert span is not None
    assert span.text == marked
    assert span.line == 2
    assert remedy in (problems[0].fix or "")


def test_what_was_expected_is_said_in_words_of_the_language() -> None:
    what = str(parse_all("A - B")[1][0])
    assert "an arrow such as `->`" in what
    assert not {"NAME", "MARK", "LSQB", "$END"} & set(what.replace(",", " ").split())


@pytest.mark.parametrize("text", ["tier asia, smoke", "tier asia", "tier `a b`, c"])
def test_a_tier_without_a_number_is_shown_one(text):
    (told,) = parse_all(text)[1]
    assert (told.code, told.what) == ("E013", "a tier needs a number")
    assert told.fix == f"write tier 1: {text.removeprefix('tier ')}"
