"""Documents as HTML: a fragment that carries its own style, for a notebook or a page."""

from __future__ import annotations

from html import escape

from causalgraph.answers import Block, Document, Line, Math, Table, Word
from causalgraph.render.text import printable, signed
from causalgraph.render.theme import INK, LOOKS, PAPER, WASH, Tone

__all__ = ["fragment"]

SCOPE = ".causalgraph-answer"

# The page's own mathematics must leave the text alone: a `$` in a column's name starts no formula.
CLASSES = "causalgraph-answer tex2jax_ignore mathjax_ignore"


def fragment(document: Document) -> str:
    """Return a document as one HTML element, escaped, with its style inside, light and dark.

    >>> from causalgraph.answers import line
    >>> html = fragment(Document((line("a < b ", Word("yes", "good")),)))
    >>> "a &lt; b" in html, '<span class="good">✔ yes</span>' in html
    (True, True)
    """
    blocks = "".join(_block(block) for block in document.blocks)
    return f'<div class="{CLASSES}"><style>{_style()}</style>{blocks}</div>'


def _block(block: Block) -> str:
    return _table(block) if isinstance(block, Table) else _line(block)


def _line(line: Line) -> str:
    return f"<div{_indent(line.depth)}>{''.join(_part(part) for part in line.parts) or '&nbsp;'}</div>"


def _indent(depth: int) -> str:
    return f' style="margin-left:{2 * depth}ch"' if depth else ""


def _text(text: str) -> str:
    return escape(printable(text))


def _part(part: str | Word | Math) -> str:
    if isinstance(part, Math):
        return f'<code title="{_text(part.latex)}">{_text(part.text)}</code>'
    word = Word(part) if isinstance(part, str) else part
    shown = escape(signed(word))
    return shown if word.style == "plain" else f'<span class="{word.style}">{shown}</span>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col"{_flush(table, at)}>{_text(cell)}</th>' for at, cell in enumerate(table.header))
    rows = ["".join(f"<td{_flush(table, at)}>{_part(cell)}</td>" for at, cell in enumerate(row)) for row in table.rows]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    thead = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table{_indent(table.depth)}>{thead}<tbody>{body}</tbody></table>"


def _flush(table: Table, column: int) -> str:
    return ' class="number"' if column in table.numeric else ""


def _style() -> str:
    """Return the rules: colours as variables, set anew where the reader prefers dark."""
    tones: dict[str, Tone] = {"paper": PAPER, "ink": INK, "wash": WASH}
    tones |= {style: look.tone for style, look in LOOKS.items()}
    light = "".join(f"--{name}:{tone.light};" for name, tone in tones.items())
    dark = "".join(f"--{name}:{tone.dark};" for name, tone in tones.items())
    words = "".join(
        f"{SCOPE} .{style}{{color:var(--{style}){';font-weight:bold' * look.bold}}}" for style, look in LOOKS.items()
    )
    return (
        f"{SCOPE}{{{light}color-scheme:light dark;color:var(--ink);background:var(--paper);"
        "padding:.6em .8em;line-height:1.5;white-space:pre-wrap;overflow-x:auto}"
        f"@media (prefers-color-scheme:dark){{{SCOPE}{{{dark}}}}}"
        f"{SCOPE} table{{border-collapse:collapse;white-space:pre;color:inherit;background:inherit}}"
        f"{SCOPE} th,{SCOPE} td{{padding:.1em .8em .1em 0;text-align:left;color:inherit;background:inherit}}"
        f"{SCOPE} th{{border-bottom:1px solid var(--dim)}}{SCOPE} .number{{text-align:right}}"
        f"{SCOPE} code{{background:var(--wash);color:inherit;padding:.1em .3em}}"
    ) + words
