"""All that can be asked: the table from a query's type to the function that answers it, and the run of a whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

from causalgraph.answers import Answer
from causalgraph.claims import check
from causalgraph.criteria import adjustment, classes, families, listing
from causalgraph.criteria.controls import controls
from causalgraph.criteria.frontdoor_families import frontdoor_family
from causalgraph.criteria.implications import implied_independencies
from causalgraph.criteria.instrument_families import instrument_family
from causalgraph.criteria.paths import paths
from causalgraph.criteria.separation import separation, words
from causalgraph.criteria.tetrads import listed_tetrads
from causalgraph.errors import CausalGraphError, ModelError
from causalgraph.graphs import relations, surgery
from causalgraph.graphs.kinds import DIRECTED, require_directed
from causalgraph.graphs.paths import triples
from causalgraph.model import Claim, Item, Model, Question
from causalgraph.names import natural
from causalgraph.numeric import needs_equations, numeric
from causalgraph.progress import working
from causalgraph.sources import Settings, settings_of
from causalgraph.syntax import queries
from causalgraph.syntax.write import write

if TYPE_CHECKING:
    from causalgraph.data.source import Source
    from causalgraph.identify.answer import Identified, Verdict

__all__ = ["ANSWERS", "answer", "run", "sql", "witness_of"]

# Paths and triples that an answer lists unless the graph is asked directly.
PATHS_LISTED = 1000
# Numbers that an answer of `identify` shows along with the formula.
NUMBERS_SHOWN = 12


def _names(terms: tuple[queries.Term, ...]) -> tuple[str, ...]:
    return tuple(t.variable for t in terms)


def _plain(terms: tuple[queries.Term, ...], what: str) -> tuple[str, ...]:
    """Return names where levels make no sense."""
    held = next((t for t in terms if t.value is not None), None)
    if held:
        raise ModelError.because(
            "E213",
            f"{what} asks about variables, not about {held.variable}={held.value}",
            fix=f"write {held.variable}",
            span=held.span,
        )
    return _names(terms)


def _identify(model: Model, query: queries.Identify, _text: str, settings: Settings) -> Answer:
    from causalgraph.identify.answer import Identified

    found = _identified(model, query)
    # A strategy that is asked for is one of several to the same number.
    if not isinstance(found, Identified) or not settings.bound or query.strategy is not None:
        return found
    asked = queries.Probability(query.outcomes, query.treatments, query.given)
    try:
        if not _can_be_counted(model, found, settings.source()):
            return found
        number = numeric(model, asked, write(asked), settings)
    except CausalGraphError as error:
        return replace(found, no_estimate=error.diagnostics[0].what)
    return replace(found, estimate=number)


def _can_be_counted(model: Model, found: Identified, source: Source) -> bool:
    """Whether the formula is one of a few numbers over discrete variables."""
    from causalgraph.formula.nodes import P
    from causalgraph.variables import DISCRETE

    asked = found.question
    names = {e.variable for p in found.formula.atoms(P) for e in (*p.events, *p.given)} | {*asked.x, *asked.y, *asked.w}
    if any(source.kind(model.variables[n]) not in DISCRETE for n in names):
        return False
    return prod(len(source.levels(model.variables[n])) for n in (*asked.x, *asked.y, *asked.w)) <= NUMBERS_SHOWN


def _identified(model: Model, query: queries.Identify) -> Verdict:
    from causalgraph.certify.proof import certified
    from causalgraph.identify.answer import Identified, identify

    found = identify(
        model.graph,
        _names(query.treatments),
        _names(query.outcomes),
        given=_names(query.given),
        strategy=query.strategy,
    )
    if isinstance(found, Identified):
        certified(found.proof, model.graph, found.formula, found.question.goal)
    return found


def _verify(model: Model, query: queries.Verify, _text: str, settings: Settings) -> Answer:
    from causalgraph.certify.verify import verify
    from causalgraph.identify.answer import Identified

    found = _identified(model, query.claim)
    asked = found.question
    if isinstance(found, Identified) and (asked.graph.kind not in DIRECTED or asked.graph.selected):
        what = "with selected nodes" if asked.graph.selected else f"of kind {asked.graph.kind}"
        raise ModelError.because("E108", f"verify isn't defined on a graph {what}", fix="ask it of a dag or an admg")
    if isinstance(found, Identified):
        return verify(asked.graph, asked.x, asked.y, asked.w, found.formula, seed=settings.seed)
    return witness_of(found) or found


def witness_of(found: Answer) -> Answer | None:
    """Return two models that prove that an effect isn't identified; None where that isn't what was found."""
    from causalgraph.certify.witness import witness
    from causalgraph.identify.answer import NotIdentified

    if not isinstance(found, NotIdentified):
        return None
    asked = found.question
    return witness(asked.graph, asked.x, asked.y, asked.w, found.hedge.forest, found.hedge.inner)


def _independent(model: Model, query: queries.Independent, _text: str, _settings: Settings) -> Answer:
    left, right, given = (_plain(t, "independent") for t in (query.left, query.right, query.given))
    return separation(model.graph, left, right, given=given)


def _paths(model: Model, query: queries.Paths, _text: str, _settings: Settings) -> Answer:
    left, right, given = (_plain(t, "paths") for t in (query.left, query.right, query.given))
    found = list(islice(paths(model.graph, left, right, given=given), PATHS_LISTED + 1))
    ordered = sorted(found[:PATHS_LISTED], key=lambda p: (len(p.edges), natural(p.text)))
    return listing.PathsAnswer(left, right, given, tuple(ordered), len(found) <= PATHS_LISTED)


def _triples(model: Model, _query: queries.Triples, _text: str, _settings: Settings) -> Answer:
    return listing.TriplesAnswer(tuple(triples(model.graph)))


RELATIONS = {
    "ancestors": relations.ancestors,
    "descendants": relations.descendants,
    "blanket": relations.markov_blanket,
}


def _relatives(model: Model, query: queries.Relatives, _text: str, _settings: Settings) -> Answer:
    require_directed(model.graph, query.relation)
    of = _plain(query.of, query.relation)
    found = RELATIONS[query.relation](model.graph, of)
    return listing.NodesAnswer(f"{query.relation} of {words(of)}", model.graph.sorted(found))


def _districts(model: Model, _query: queries.Districts, _text: str, _settings: Settings) -> Answer:
    require_directed(model.graph, "districts")
    found = relations.districts(model.graph)
    return listing.SetsAnswer("districts", tuple(sorted((model.graph.sorted(d) for d in found), key=_by_names)))


def _by_names(names: tuple[str, ...]) -> list[object]:
    return [natural(n) for n in names]


def _adjustment_sets(model: Model, query: queries.AdjustmentSets, _text: str, _settings: Settings) -> Answer:
    x, y = (_plain(t, "adjustment_sets") for t in (query.treatments, query.outcomes))
    cost = {v.name: v.cost for v in model.variables.values() if v.cost is not None}
    effect: adjustment.Effect = "direct" if query.effect == "direct" else "total"
    return families.adjustment_family(
        model.graph,
        x,
        y,
        effect=effect,
        required=_names(query.required),
        forbidden=_names(query.forbidden),
        cost=cost,
    )


def _adjusts(model: Model, query: queries.Adjusts, _text: str, _settings: Settings) -> Answer:
    x, y, z = (_plain(t, "adjusts") for t in (query.treatments, query.outcomes, query.given))
    return adjustment.check_adjustment(model.graph, x, y, z)


def _intervene(model: Model, query: queries.Intervene, _text: str, _settings: Settings) -> Answer:
    require_directed(model.graph, "do")
    names = _names(query.treatments)
    return listing.GraphAnswer(f"after do({', '.join(names)})", surgery.do(model.graph, names))


def _project(model: Model, _query: queries.Project, _text: str, _settings: Settings) -> Answer:
    require_directed(model.graph, "project")
    return listing.GraphAnswer("latent projection", surgery.project(model.graph))


def _frontdoor_sets(model: Model, query: queries.FrontdoorSets, _text: str, _settings: Settings) -> Answer:
    graph, forbidden = model.graph, frozenset(_names(query.forbidden))
    allowed = graph.observed - forbidden if forbidden else None
    x, y = _names(query.treatments), _names(query.outcomes)
    return frontdoor_family(graph, x, y, required=_names(query.required), allowed=allowed)


def _instruments(model: Model, query: queries.Instruments, _text: str, _settings: Settings) -> Answer:
    return instrument_family(model.graph, (query.treatment.variable,), (query.outcome.variable,))


def _controls(model: Model, query: queries.Controls, _text: str, _settings: Settings) -> Answer:
    return controls(model.graph, _names(query.treatments), _names(query.outcomes))


def _implications(model: Model, query: queries.Implications, _text: str, _settings: Settings) -> Answer:
    return implied_independencies(model.graph, basis=query.basis)


def _tetrads(model: Model, _query: queries.Tetrads, _text: str, _settings: Settings) -> Answer:
    return listed_tetrads(model.graph)


def _represent(model: Model, query: queries.Represent, _text: str, _settings: Settings) -> Answer:
    return classes.represent(model.graph, query.form)


def _members(model: Model, _query: queries.Members, _text: str, _settings: Settings) -> Answer:
    return classes.listed_members(model.graph)


def _equivalent(model: Model, query: queries.Equivalent, _text: str, _settings: Settings) -> Answer:
    from causalgraph.loading import load

    other = load(model.directory / query.path)
    return classes.equivalence(model.graph, other.graph, query.path)


ANSWERS: dict[type, Callable[[Model, Any, str, Settings], Answer]] = {
    queries.Identify: _identify,
    queries.Verify: _verify,
    queries.Probability: numeric,
    queries.Expectation: numeric,
    queries.Counterfactual: numeric,
    queries.Effect: numeric,
    queries.Arithmetic: numeric,
    queries.Constant: numeric,
    queries.Independent: _independent,
    queries.Paths: _paths,
    queries.Triples: _triples,
    queries.Relatives: _relatives,
    queries.Districts: _districts,
    queries.AdjustmentSets: _adjustment_sets,
    queries.Adjusts: _adjusts,
    queries.Intervene: _intervene,
    queries.Project: _project,
    queries.FrontdoorSets: _frontdoor_sets,
    queries.Instruments: _instruments,
    queries.Controls: _controls,
    queries.Implications: _implications,
    queries.Tetrads: _tetrads,
    queries.Represent: _represent,
    queries.Members: _members,
    queries.Equivalent: _equivalent,
}


def answer(model: Model, query: queries.Query, text: str | None, settings: Settings) -> Answer:
    """Answer a query that fits the model.

    Raises:
        CausalGraphError: what the function of its type raises.
    """
    said = write(query) if text is None else text.strip()
    with working(said):
        return ANSWERS[type(query)](model, query, said, settings)


def sql(model: Model, query: Any, settings: Settings, *, dialect: str, table: str) -> str | Answer:
    """Write a numeric query as SQL, or say why it isn't identified.

    Raises:
        ModelError: the query asks for no number (E218).
    """
    from causalgraph.evaluate.quantities import World
    from causalgraph.evaluate.querying import sql as written

    if ANSWERS[type(query)] is not numeric:
        raise ModelError.because("E218", "only a question for a number is SQL", fix="ask P(…), E(…), ate(X, Y), …")
    across = next(queries.across_worlds(query), None)
    if across is not None:
        raise needs_equations(across)
    world = World(model.graph, model.variables, settings.source())
    return written(query, world, dialect=dialect, table=table)


def run(model: Model, data: object = None) -> Iterator[tuple[Item, Answer | CausalGraphError]]:
    """Answer each query and check each claim of a model; a failure is yielded in the answer's place."""
    settings = settings_of(model, data)
    found: dict[str, Answer | CausalGraphError] = {}
    named = {i.name: i for i in model.items if isinstance(i, Question) and i.name}

    def ask(query: queries.Query, text: str) -> Answer | CausalGraphError:
        try:
            return answer(model, query, text, settings)
        except CausalGraphError as error:
            return error

    def judge(item: Claim) -> Answer | CausalGraphError:
        if isinstance(item.query, str):
            if item.query not in found:
                found[item.query] = ask(named[item.query].query, named[item.query].text)
            result = found[item.query]
        else:
            result = ask(item.query, item.text)
        try:
            return result if isinstance(result, CausalGraphError) else check(item, result)
        except CausalGraphError as error:
            return error

    for item in model.items:
        if isinstance(item, Claim):
            yield item, judge(item)
        elif item.name is None:
            yield item, ask(item.query, item.text)
        else:
            if item.name not in found:
                found[item.name] = ask(item.query, item.text)
            yield item, found[item.name]
