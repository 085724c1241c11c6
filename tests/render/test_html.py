"""Documents as HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from causalgraph.answers import Document, Line, Math, Table, Word, line
from causalgraph.render.html import fragment, page
from causalgraph.render.text import printable, signed
from causalgraph.render.theme import LOOKS
from svgs import read


class Reader(HTMLParser):
    """The tags and the text of a page, style apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.text, self.open = set(), "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 (the base class names it)
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] != "style":
            self.text += data


@given(st.text(max_size=20), st.sampled_from(sorted(LOOKS)))
def test_any_text_is_shown_and_none_is_markup(text, style):
    document = Document((Line((Word(text, style), Math(text, text))), Table((text,), ((text, Word(text, style)),))))
    reader = Reader(fragment(document))
    assert not reader.open
    assert reader.tags <= {"div", "style", "span", "code", "table", "thead", "tbody", "tr", "th", "td"}
    word = signed(Word(text, style))
    assert reader.text == word + printable(text) * 3 + word


def test_a_script_in_a_name_is_text():
    html = fragment(Document((line(Word('<script>alert("x")</script>', "name")),)))
    assert "<script" not in html


def test_a_fragment_is_one_element_with_its_style_in_it():
    root = read(fragment(Document((line("a"), Table(("h",), (("1",),), frozenset({0}))))))
    assert root.tag == "div"
    assert [child.tag for child in root] == ["style", "div", "table"]
    assert "prefers-color-scheme:dark" in root[0].text


def test_rules_hold_for_the_fragment_alone():
    style = fragment(Document(())).split("<style>")[1].split("</style>")[0]
    selectors = [rule.split("{")[0] for rule in style.replace("@media (prefers-color-scheme:dark){", "").split("}")]
    assert all(s.startswith(".causalgraph-answer") for selector in selectors for s in selector.split(",") if s)


def test_a_dollar_in_a_name_starts_no_formula_of_the_page():
    assert "mathjax_ignore" in fragment(Document((line("total spend $"),))).split(">")[0]


def test_depth_indents():
    assert 'style="margin-left:4ch"' in fragment(Document((line("a", depth=2),)))


def test_a_formula_is_set_by_the_browser_with_its_latex_to_copy():
    formula = Math("Σ_z P(Z=z)", r"\sum_{z} <P>", "<math><mi>P</mi></math>")
    (line_,) = read(fragment(Document((line(formula),)))).findall("div")
    (shown,) = line_.findall("span")
    assert shown.find("math/mi").text == "P"
    assert shown.findtext("details/code") == r"\sum_{z} <P>"


def test_a_formula_without_markup_is_its_text():
    html = fragment(Document((line(Math("P(Y)", "P(Y)")),)))
    assert '<code title="P(Y)">P(Y)</code>' in html
    assert "<details>" not in html


def test_a_page_is_whole_escaped_and_light_and_dark():
    html = page("<script>alert(1)</script>", "<p>body</p>")
    assert html.startswith("<!DOCTYPE html>")
    assert '<meta charset="utf-8">' in html
    assert "<script" not in html
    assert "color-scheme:light dark" in html
    assert "<p>body</p>" in html
