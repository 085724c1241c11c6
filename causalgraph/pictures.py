"""What a model's picture shows: its roles, the set that is adjusted for, causal and biasing paths; and in what form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice

from causalgraph.checks import check_query
from causalgraph.criteria.adjustment import minimal_adjustment_sets
from causalgraph.criteria.paths import paths
from causalgraph.criteria.separation import naming, words
from causalgraph.errors import ModelError
from causalgraph.graphs import surgery
from causalgraph.graphs.kinds import DIRECTED, require_directed
from causalgraph.graphs.mixed import Edge, MixedGraph
from causalgraph.model import Model, Question
from causalgraph.render import html, svg
from causalgraph.render.gallery import gallery
from causalgraph.render.picture import Picture
from causalgraph.render.weights import SCALES, Weights
from causalgraph.syntax import parser
from causalgraph.syntax.queries import AdjustmentSets, Adjusts, Effect, Identify, Intervene, Paths, Query, Term

__all__ = ["FORMS", "PAGE", "draw", "page", "picture", "weights_of"]

# Paths that are lit; a picture with more would show nothing but colour.
PATHS_LIT = 200

# Paths that a page shows one by one.
PATHS_SHOWN = 60

# The ending of a file -> what draws it.
FORMS: dict[str, Callable[..., str | bytes]] = {
    ".svg": svg.svg,
    ".pdf": svg.pdf,
    ".png": svg.png,
    ".dot": svg.dot,
}
PAGE = ".html"


def draw(
    model: Model,
    form: str,
    *,
    do: str = "",
    between: str = "",
    legend: bool = False,
    weigh: str = "",
    numbers: bool = False,
) -> str | bytes:
    """Draw a model in the form of a file's ending: one of `FORMS`, or `PAGE`.

    Args:
        model: what is drawn.
        form: the ending, with its dot.
        do: names, as they stand in ``do(...)``: show what that intervention cuts, and what is left.
        between: what stands in ``paths(...)``, such as ``"X, Y | Z"``: show these paths; a page shows one by one.
        legend: explain the signs below the picture.
        weigh: the attribute of edges that sets the width of their lines: ``p`` or ``frequency``. What width tells is
            always explained, and paths aren't lit unless they are asked about, so that width tells one thing.
        numbers: write those numbers on the lines too.

    Raises:
        KeyError: there is no such form.
        ModelError: `do` or `between` can't be read or don't fit the model, or no edge has the number that is to set the
            width, or that of one isn't from 0 to 1 (E220).
    """
    if numbers and not weigh:
        raise ModelError.because(
            "E220", "numbers of edges are asked for, and not which", fix=f"weigh by {' or '.join(SCALES)}"
        )
    weights = weights_of(model, weigh, written=numbers) if weigh else None
    held, about = _intervention(model, do) if do else (), _paths(model, between) if between else None
    shown = picture(model, do=held, about=about, legend=legend or bool(weigh), weights=weights)
    return page(model, shown) if form == PAGE else FORMS[form](model.graph, shown)


def _intervention(model: Model, names: str) -> tuple[str, ...]:
    query = _asked(model, f"do({names})")
    if not isinstance(query, Intervene):
        raise ModelError.because("E001", f"do({names}) isn't an intervention", fix="write names alone: X, Y")
    return _names(query.treatments)


def _paths(model: Model, ends: str) -> Paths:
    query = _asked(model, f"paths({ends})")
    if not isinstance(query, Paths):
        raise ModelError.because("E001", f"paths({ends}) doesn't ask for paths", fix="write ends alone: X, Y | Z")
    return query


def _asked(model: Model, text: str) -> Query:
    """Parse a query, and make sure that it fits the model."""
    query = parser.parse_query(text)
    problems = check_query(query, model.graph, model.variables)
    if problems:
        raise ModelError(*problems)
    return query


def _names(terms: Iterable[Term]) -> tuple[str, ...]:
    return tuple(term.variable for term in terms)


def weights_of(model: Model, by: str, *, written: bool = False) -> Weights:
    """Return the numbers of a model's edges that are to set the width of their lines.

    >>> from causalgraph.loading import parse
    >>> weights_of(parse("A -> B [p=0.004]; B -> C"), "p").of
    {Edge(left='A', mark='->', right='B'): 0.004}

    Raises:
        ModelError: edges can't have such a number, none has one, or that of one isn't from 0 to 1 (E220).
    """
    if by not in SCALES:
        raise ModelError.because("E220", f"width can't tell {by!r}", fix=f"use {' or '.join(SCALES)}")
    of: dict[Edge, float] = {}
    for edge, said in model.edge_attributes.items():
        number = said.get(by)
        if number is None:
            continue
        if not isinstance(number, float | int) or not 0 <= number <= 1:
            span = model.edge_spans.get(edge)
            why = f"a {SCALES[by].noun} lies between 0 and 1"
            raise ModelError.because("E220", f"the {by} of {edge} is {number}", why=why, span=span)
        of[edge] = float(number)
    if model.graph.edges and not of:
        example = f"write it after an edge: A -> B [{by}=0.01]"
        raise ModelError.because("E220", f"no edge of the model has a {SCALES[by].noun}", fix=example)
    return Weights(by, of, written)


def picture(
    model: Model,
    *,
    do: Iterable[str] = (),
    about: Paths | None = None,
    legend: bool = False,
    weights: Weights | None = None,
) -> Picture:
    """Light the effect that the model is about, or the paths that are asked about.

    The exposure and the outcome are those declared, else those of the file's first question about an effect. The
    smallest adjustment set that is found first is marked as adjusted, and paths are open or closed given it. Under
    an intervention nothing is adjusted for, and the causal paths that start from it are lit. Nothing is lit where paths
    can't be judged, or where `weights` set the width of lines, unless they are asked about.

    Raises:
        ModelError: an intervention, or paths, are asked of a graph that they aren't defined for.
    """
    held = frozenset(do)
    graph = surgery.do(require_directed(model.graph, "an intervention"), held) if held else model.graph
    treatments, outcomes = (_names(about.left), _names(about.right)) if about else effect_of(model)
    adjusted: frozenset[str] = frozenset(_names(about.given)) if about else frozenset()
    causal: set[Edge] = set()
    biasing: set[Edge] = set()
    opened: set[tuple[bool, Edge]] = set()
    starts, ends = (held, frozenset(outcomes) - held) if held else (treatments, outcomes)
    if starts and ends and (about or (weights is None and _has_paths(graph, starts, ends))):
        if not about and not held:
            adjusted = next(minimal_adjustment_sets(graph, starts, ends), frozenset())
        for path in paths(graph, starts, ends, given=adjusted, directed=bool(held), limit=PATHS_LIT):
            edges = {e.canonical for e in path.edges}
            (causal if path.causal else biasing).update(edges)
            opened |= {(path.causal, edge) for edge in edges if path.open}
    return Picture(
        title=model.title,
        labels={v.name: v.label for v in model.variables.values() if v.label},
        exposures=frozenset(treatments),
        outcomes=frozenset(outcomes),
        adjusted=adjusted,
        do=held,
        causal=frozenset(causal),
        stopped=frozenset(edge for edge in causal if (True, edge) not in opened),
        biasing=frozenset(biasing),
        closed=frozenset(edge for edge in biasing if (False, edge) not in opened),
        positions={v.name: v.position for v in model.variables.values() if v.position is not None},
        weights=weights,
        legend=legend,
    )


def _has_paths(graph: MixedGraph, x: Iterable[str], y: Iterable[str]) -> bool:
    """Whether the paths between two sets can be lit as causal or biasing: a dag's or an admg's."""
    return graph.kind in DIRECTED and not graph.selected & {*x, *y}


def page(model: Model, shown: Picture) -> str:
    """Return a page of HTML: the picture and, below it, the paths between exposure and outcome, one by one.

    Paths are left out where an intervention is shown, where there is no effect to speak of, and where they can't be
    judged.
    """
    whole = f"<figure>{svg.svg(model.graph, replace(shown, title=None))}</figure>"
    title = model.title or "A causal graph"
    graph = model.graph
    if shown.do or not (shown.exposures and shown.outcomes and _has_paths(graph, shown.exposures, shown.outcomes)):
        return html.page(title, whole)
    x, y, given = (graph.sorted(names) for names in (shown.exposures, shown.outcomes, shown.adjusted))
    found = list(islice(paths(graph, x, y, given=given), PATHS_SHOWN + 1))
    size = f"the first {PATHS_SHOWN} of more" if len(found) > PATHS_SHOWN else f"{len(found)}"
    heading = f"{size} path{'s' * (len(found) != 1)} between {words(x)} and {words(y)}"
    heading += f" given {naming(given)}" if given else ""
    single = replace(shown, title=None, legend=False)
    return html.page(title, whole, gallery(graph, found[:PATHS_SHOWN], single, heading=heading))


def effect_of(model: Model) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the treatments and outcomes that a model is about; nothing where it doesn't say."""
    exposures = tuple(v.name for v in model.variables.values() if v.exposure)
    outcomes = tuple(v.name for v in model.variables.values() if v.outcome)
    if exposures and outcomes:
        return exposures, outcomes
    for item in model.items:
        query = item.query if isinstance(item, Question) else None
        if isinstance(query, Effect):
            return (query.treatment.variable,), (query.outcome.variable,)
        if isinstance(query, Identify | AdjustmentSets | Adjusts):
            return tuple(t.variable for t in query.treatments), tuple(t.variable for t in query.outcomes)
    return exposures, outcomes
