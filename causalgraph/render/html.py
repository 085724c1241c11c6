"""Documents as HTML: a fragment that carries its own style, for a notebook or a page."""

from __future__ import annotations

from html import escape

from causalgraph.answers import Block, Document, Line, Math, Table, Word
from causalgraph.render.text import printable, signed
from causalgraph.render.theme import INK, LOOKS, PAPER, WASH, Tone

__all__ = ["fragment", "page", "rules"]

SCOPE = ".causalgraph-answer"

# The page's own mathematics must leave the text alone: a `$` in a column's name starts no formula.
CLASSES = "causalgraph-answer tex2jax_ignore mathjax_ignore"

# Fonts that know how to set mathematics, before whatever the browser takes.
MATH_FONTS = "'Latin Modern Math','STIX Two Math','Cambria Math','DejaVu Math TeX Gyre',math,serif"


def fragment(document: Document) -> str:
    """Return a document as one HTML element, escaped, with its style inside, light and dark.

    >>> from causalgraph.answers import line
    >>> html = fragment(Document((line("a < b ", Word("yes", "good")),)))
    >>> "a &lt; b" in html, '<span class="good">✔ yes</span>' in html
    (True, True)
    """
    blocks = "".join(_block(block) for block in document.blocks)
    return f'<div class="{CLASSES}"><style>{_style()}</style>{blocks}</div>'


def page(title: str, *bodies: str) -> str:
    r"""Return a whole page of HTML: a title, and bodies that are markup already.

    >>> page("a < b", "<p>c</p>").endswith("<main><h1>a &lt; b</h1><p>c</p></main></body></html>\n")
    True
    """
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_page_style()}</style>"
    )
    body = f"<h1>{_text(title)}</h1>{''.join(bodies)}"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>'
        f'<body class="tex2jax_ignore mathjax_ignore"><main>{body}</main></body></html>\n'
    )


def _page_style() -> str:
    return (
        ":root{color-scheme:light dark}"
        f"body{{margin:0;background:{PAPER.light};color:{INK.light};font:16px/1.5 system-ui,sans-serif}}"
        f"@media (prefers-color-scheme:dark){{body{{background:{PAPER.dark};color:{INK.dark}}}}}"
        "main{max-width:72rem;margin:0 auto;padding:1rem 1.25rem;overflow-x:auto}"
        "h1{font-size:1.3rem}figure{margin:0 0 1rem}"
    )


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
        return _formula(part) if part.mathml else f'<code title="{_text(part.latex)}">{_text(part.text)}</code>'
    word = Word(part) if isinstance(part, str) else part
    shown = escape(signed(word))
    return shown if word.style == "plain" else f'<span class="{word.style}">{shown}</span>'


def _formula(part: Math) -> str:
    """Return a formula as the browser sets it; its LaTeX unfolds, and one click selects it."""
    source = f"<details><summary>LaTeX</summary><code>{_text(part.latex)}</code></details>"
    return f'<span class="formula">{part.mathml}{source}</span>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col"{_flush(table, at)}>{_text(cell)}</th>' for at, cell in enumerate(table.header))
    rows = ["".join(f"<td{_flush(table, at)}>{_part(cell)}</td>" for at, cell in enumerate(row)) for row in table.rows]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    thead = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table{_indent(table.depth)}>{thead}<tbody>{body}</tbody></table>"


def _flush(table: Table, column: int) -> str:
    return ' class="number"' if column in table.numeric else ""


def rules(scope: str) -> str:
    """Return rules for a part of a page: colours as variables, set anew where the reader prefers dark, and words."""
    tones: dict[str, Tone] = {"paper": PAPER, "ink": INK, "wash": WASH}
    tones |= {style: look.tone for style, look in LOOKS.items()}
    light = "".join(f"--{name}:{tone.light};" for name, tone in tones.items())
    dark = "".join(f"--{name}:{tone.dark};" for name, tone in tones.items())
    words = "".join(
        f"{scope} .{style}{{color:var(--{style}){';font-weight:bold' * look.bold}}}" for style, look in LOOKS.items()
    )
    return f"{scope}{{{light}}}@media (prefers-color-scheme:dark){{{scope}{{{dark}}}}}{words}"


def _style() -> str:
    """Return the rules of a document."""
    formulas = {
        "math": f"font-family:{MATH_FONTS};font-size:1.1em",
        "math[display=block]": "margin:.4em 0",
        "details": "display:inline-block;margin-left:1.5ch;font-size:.8em",
        "summary": "color:var(--dim);cursor:pointer",
        "details code": "user-select:all",
    }
    return (
        rules(SCOPE) + f"{SCOPE}{{color-scheme:light dark;color:var(--ink);background:var(--paper);"
        "padding:.6em .8em;line-height:1.5;white-space:pre-wrap;overflow-x:auto}"
        f"{SCOPE} table{{border-collapse:collapse;white-space:pre;color:inherit;background:inherit}}"
        f"{SCOPE} th,{SCOPE} td{{padding:.1em .8em .1em 0;text-align:left;color:inherit;background:inherit}}"
        f"{SCOPE} th{{border-bottom:1px solid var(--dim)}}{SCOPE} .number{{text-align:right}}"
        f"{SCOPE} code{{background:var(--wash);color:inherit;padding:.1em .3em}}"
        + "".join(f"{SCOPE} {part}{{{rule}}}" for part, rule in formulas.items())
    )
