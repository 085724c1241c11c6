"""What docs/ says is what happens: every block runs, every table is complete, every picture is the program's."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import causalgraph as cg
from blocks import PAGES, ROOT, Block, Transcript, anchors, blocks, links, run, transcripts
from causalgraph.syntax.build import VERBS

DOCS = [page for page in PAGES if page.parent.name == "docs"]
LANGUAGE = ROOT / "docs" / "language.md"
PICTURES = sorted((ROOT / "docs").glob("*.svg"))
LINKS = sorted({(page, *link) for page in DOCS for link in links(page)})
# Every verb asked of banner.dag, and those whose answers look different elsewhere.
ASKED = {
    "independent": ("independent(Mood, Engagement)", "independent(Mood, Spending)"),
    "paths": ("paths(Banner, Spending)",),
    "triples": ("triples()",),
    "ancestors": ("ancestors(Spending)",),
    "descendants": ("descendants(Banner)",),
    "blanket": ("blanket(Banner)",),
    "districts": ("districts()",),
    "adjusts": ("adjusts(Banner, Spending | Engagement)",),
    "adjustment_sets": ("adjustment_sets(Banner, Spending, required={Engagement}, forbidden={})",),
    "controls": ("controls(Banner, Spending)",),
    "frontdoor_sets": ("frontdoor_sets(Banner, Spending)",),
    "instruments": ("instruments(Banner, Spending)",),
    "implications": ("implications()",),
    "tetrads": ("tetrads()",),
    "cpdag": ("cpdag()",),
    "mpdag": ("mpdag()",),
    "mag": ("mag()",),
    "pag": ("pag()",),
    "members": ("members()",),
    "equivalent": ('equivalent("banner.dag")',),
    "do": ("do(Banner)",),
    "project": ("project()",),
    "identify": ("identify(do(Banner), Spending)",),
    "identified": ("identified(do(Banner), Spending)",),
    "P": ("P(Engagement=low | Banner)",),
    "E": ("E(Spending | do(Banner=1))",),
    "ate": ("ate(Banner, Spending)",),
    "att": ("att(Banner, Spending)",),
    "atc": ("atc(Banner, Spending)",),
    "cate": ("cate(Banner, Spending | Engagement)",),
    "cde": ("cde(Banner, Spending, Engagement=low)",),
    "rr": ("rr(Banner, Spending)",),
}
ELSEWHERE = {
    "verify": [("smoking.dag", "verify(identify(do(Smoking), `Lung cancer`))")],
    "paths": [("m_bias.dag", "paths(LittleSchooling, Diabetes)")],
    "controls": [("smoking.dag", "controls(Smoking, `Lung cancer`)")],
    "frontdoor_sets": [("smoking.dag", "frontdoor_sets(Smoking, `Lung cancer`)")],
    "instruments": [("published/schipf.dag", "instruments(TT, T2DM)")],
    "implications": [("published/schipf.dag", "implications()")],
    "tetrads": [("berkson.dag", "tetrads()"), ("published/thoemmes.dag", "tetrads()")],
    "odds_ratio": [("drug_trial.dag", "odds_ratio(Drug, Recovered)")],
}


# A model whose effect isn't identified; no example has one.
BOW = "X -> Y; X <-> Y"
# Equations, which answer what would have been; no example has any.
COINS = "X ~ Bernoulli(0.5); Y ~ Bernoulli(0.2 + 0.5*X)"
INLINE = {verb: [(BOW, f"{verb}(do(X), Y)")] for verb in ("identify", "identified")} | {
    verb: [(COINS, f"{verb}(X, Y)")] for verb in ("pn", "ps", "pns")
}


def every(kind: str) -> list[Block]:
    """Return the blocks of a kind of all pages of docs/."""
    return [block for page in DOCS for block in blocks(page, kind)]


def rows(header: str) -> list[list[str]]:
    """Return the cells of the table of language.md that starts with a header."""
    _, _, after = LANGUAGE.read_text(encoding="utf-8").partition(f"\n{header}\n")
    assert after, header
    table = after.split("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table]


def answers(verb: str) -> list[dict[str, Any]]:
    """Ask the examples what the verb asks."""
    asked = [("banner.dag", query) for query in ASKED.get(verb, ())] + ELSEWHERE.get(verb, [])
    inline = [cg.parse(text).ask(query).to_dict() for text, query in INLINE.get(verb, [])]
    return inline + [cg.load(ROOT / "examples" / file).ask(query).to_dict() for file, query in asked]


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {block.kind for page in DOCS for block in blocks(page)} <= {"console", "dag", "python"}
    assert {block.mark for page in DOCS for block in blocks(page)} <= {None, "formatted"}


@pytest.mark.parametrize("transcript", [t for page in DOCS for t in transcripts(page)], ids=str)
def test_a_transcript_is_what_the_program_prints(transcript: Transcript) -> None:
    assert run(transcript.command).rstrip() == transcript.output.rstrip()


@pytest.mark.parametrize("block", every("dag"), ids=str)
def test_a_model_parses_and_is_formatted_where_that_is_said(block: Block) -> None:
    assert cg.parse(block.text, directory=ROOT / "examples").graph.nodes
    if block.mark == "formatted":
        assert cg.fmt(block.text) == block.text


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_python_blocks_are_doctests_that_hold(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    for block in blocks(page, "python"):
        test = doctest.DocTestParser().get_doctest(block.text, names, str(block), str(page), block.line)
        assert test.examples
        report: list[str] = []
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append, clear_globs=False)
        assert not report, "".join(report)
        names = test.globs


@pytest.mark.parametrize(("page", "target", "heading"), LINKS, ids=lambda part: getattr(part, "name", str(part)))
def test_a_link_leads_to_a_file_and_to_a_heading(page: Path, target: str, heading: str) -> None:
    place = page.parent / target
    assert place.exists()
    assert not heading or heading in anchors(place)


def test_the_index_leads_to_every_page_and_every_example() -> None:
    found = {(ROOT / "docs" / target).resolve() for target, _ in links(ROOT / "docs" / "index.md")}
    assert {page for page in DOCS if page.name != "index.md"} <= found
    assert set((ROOT / "examples").rglob("*.dag")) <= found


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_what_render_draws(picture: Path) -> None:
    # The places of things are Graphviz's and may differ from version to version; what is written in it may not.
    command = f"causalgraph render examples/{picture.stem}.dag"
    words = re.compile(r"<(text|title|tspan)\b[^>]*>([^<]*)</")
    stored, drawn = (sorted(words.findall(text)) for text in (picture.read_text(encoding="utf-8"), run(command)))
    assert stored
    assert stored == drawn, f"renew it: {command} -o docs/{picture.name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_picture_stands_in_a_page_with_a_text_for_those_who_cant_see_it(page: Path) -> None:
    for text, _ in re.findall(r"!\[(.*?)\]\((.*?)\)", page.read_text(encoding="utf-8")):
        assert len(text) > 20


class TestLanguage:
    table = rows("| question | what it answers | kind of answer |")
    kinds = MappingProxyType({question[1 : question.index("(")]: kind for question, _, kind in table})
    keys = MappingProxyType(dict(rows("| kind of answer | keys |")))

    def test_every_verb_is_in_the_table(self) -> None:
        assert set(self.kinds) == set(VERBS) == {*ASKED, *ELSEWHERE, *INLINE}

    @pytest.mark.parametrize("verb", VERBS)
    def test_the_kind_of_an_answer_and_its_keys_are_as_said(self, verb: str) -> None:
        found = answers(verb)
        assert {answer["kind"] for answer in found} == {self.kinds[verb]}
        own = set().union(*found) - {"kind"}
        said = set(re.findall(r"`(\w+)`", self.keys[self.kinds[verb]]))
        lists = [value for answer in found for value in answer.values() if isinstance(value, list)]
        inner = {key for value in lists for part in value if isinstance(part, dict) for key in part}
        assert own <= said <= own | inner

    def test_every_code_that_the_program_knows_is_explained(self) -> None:
        said = {code for header in ("| code | what it says |", "| code | the warning |") for code, _ in rows(header)}
        sources = (ROOT / "causalgraph").rglob("*.py")
        known = {c for f in sources for c in re.findall(r'"([EW]\d{3})\b', f.read_text(encoding="utf-8"))}
        assert said == known
