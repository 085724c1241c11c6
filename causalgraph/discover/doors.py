"""The doors of discovery: from data, a matrix, counts, a graph or a function to a graph that can be questioned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from causalgraph.discover import fci as fcis
from causalgraph.discover import rfci as rfcis
from causalgraph.discover.colliders import Colliders
from causalgraph.discover.fci import OrientedPag, cut_short
from causalgraph.discover.found import Found, Settings, Validity
from causalgraph.discover.known import Pairs, Tiers, known
from causalgraph.discover.pc import orient_pc
from causalgraph.discover.possible import POLICIES, Policy
from causalgraph.discover.skeleton import Skeleton, skeleton
from causalgraph.errors import ModelError
from causalgraph.graphs.knowledge import Knowledge
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.independence import oracle as oracles
from causalgraph.independence.choosing import AUTO, Chosen, Judge, choose

if TYPE_CHECKING:
    from causalgraph.independence.base import Test
    from causalgraph.independence.oracle import Oracle

__all__ = ["DOORS", "fci", "oracle", "pc", "rfci"]

ALPHA = 0.01
# So many variables that others determine, and edges that weren't tested, are named at most.
MOST_NAMED = 5


def pc(  # noqa: PLR0913 (settings, each with its own name)
    data: object,
    alpha: float = ALPHA,
    test: str | Judge = AUTO,
    *,
    colliders: str = "standard",
    tiers: Tiers = (),
    forbidden: Pairs = (),
    required: Pairs = (),
    knowledge: object = None,
    depth: int | None = None,
    **settings: Any,
) -> Found:
    """Find what all DAGs share that tests speak for: a cpdag, or an mpdag where something is known beside the tests.

    It takes for granted that no common cause of the variables is missing; `fci` doesn't.

    Args:
        data: a frame, a DuckDB relation, a Spark frame, the path of a file; a correlation matrix and n; counts; what
            `oracle` returns; or a function. All of it in `causalgraph.independence.choosing.choose`.
        alpha: two variables are taken for independent where the p-value is larger.
        test: ``fisher-z``, ``g2``, ``chi2``, ``auto``, or a function of two names and the names of what is given.
        colliders: the rule for colliders: ``standard``, ``conservative``, ``majority`` or ``max-p``.
        tiers: groups of variables in the order of time: no arrow leads back.
        forbidden: pairs (a, b): no arrow a -> b; both ways: no edge, and no test.
        required: pairs (a, b): the arrow a -> b.
        knowledge: all three at once: a `Knowledge`, a model that has them, or the path of one; joined to the others.
        depth: the size of the largest set to try.
        settings: further ones of the data and the test, such as ``n``, ``variables``, ``weight``, ``df``.

    Returns:
        The graph; where tests contradict one another it is a pdag, and `valid` says why.

    Raises:
        ModelError: alpha isn't between 0 and 1, or the depth isn't a number from 0 on (E134); knowledge that isn't
            pairs (E130), contradicts itself (E131) or names something else (E132); no such rule (E133), test (E135).
        DataError: the data can't be read, or the test can't be made of them (E32x).

    >>> import causalgraph as cg
    >>> found = pc(oracle(cg.graph("A -> B <- C; B -> D")))
    >>> print(found)
    ✔ cpdag by pc, oracle: 4 nodes, 3 edges (3 →), 19 tests
      A → B
      C → B
      B → D
    >>> print(found.explain("B", "D"))
    B → D
      the largest p-value that it met, by oracle given nothing: p = 0
      a tail at B: A -> B, and A and D aren't adjacent: D -> B would make a new unshielded collider (Meek 1)
      an arrowhead at D: A -> B, and A and D aren't adjacent: D -> B would make a new unshielded collider (Meek 1)
    """
    _check(alpha, depth)
    said = known(knowledge, tiers, forbidden, required)
    chosen = choose(data, test, **_meant(settings))
    edges = skeleton(chosen.test, alpha, knowledge=said, depth=depth)
    answers = Colliders(edges, chosen.test, alpha, colliders, depth)
    out = orient_pc(edges, answers, said)
    unfinished = list(cut_short(edges))
    if answers.stopped:
        unfinished.append("the tests of colliders were interrupted: triples may be unsettled")
    told = answers.told()
    return Found(
        graph=out.graph,
        valid=Validity(out.valid, out.reasons),
        skeleton=told,
        settings=_settings("pc", chosen.test, alpha, depth, said, colliders),
        reasons=out.marks,
        conflicts=out.conflicts,
        unsettled=out.unsettled,
        unfinished=tuple(unfinished),
        notes=(*chosen.notes, *_determined(chosen.test), *_untested(told, said)),
        test=chosen.test,
    )


def fci(  # noqa: PLR0913 (settings, each with its own name)
    data: object,
    alpha: float = ALPHA,
    test: str | Judge = AUTO,
    *,
    colliders: str = "standard",
    tiers: Tiers = (),
    forbidden: Pairs = (),
    required: Pairs = (),
    knowledge: object = None,
    depth: int | None = None,
    selection: bool = True,
    possible_d_sep: Policy = "between",
    longest: int | None = None,
    **settings: Any,
) -> Found:
    """Find what all MAGs share that tests speak for: a pag, where common causes may be missing.

    Args:
        data: as in `pc`.
        alpha: as in `pc`.
        test: as in `pc`.
        colliders: as in `pc`; the rule judges paths that discriminate a node as well.
        tiers: as in `pc`: nothing causes what is in an earlier tier.
        forbidden: pairs (a, b): a doesn't cause b; both ways: no edge, and no test.
        required: pairs (a, b): the arrow a -> b.
        knowledge: all three at once: a `Knowledge`, a model that has them, or the path of one; joined to the others.
        depth: the size of the largest set to try (anytime FCI).
        selection: may the data be selected by what the variables cause?
        possible_d_sep: what edges are tested with again: ``all`` of possible-d-sep, only what lies ``between`` the two
            ends, which by oracle finds the same graph with far fewer tests, or ``none``.
        longest: the most edges of a path that is looked at.
        settings: as in `pc`.

    Returns:
        The graph; where it isn't a legal pag `valid` says why.

    Raises:
        ModelError: as `pc`; also no such policy, or a longest path that isn't a number from 1 on (E134).
        DataError: as `pc`.

    >>> import causalgraph as cg
    >>> found = fci(oracle(cg.graph("A -> C <- B; C -> D")))
    >>> [str(e) for e in found.graph.edges], bool(found.valid)
    (['A o-> C', 'B o-> C', 'C -> D'], True)
    """
    _check(alpha, depth, longest)
    if possible_d_sep not in POLICIES:
        raise ModelError.because("E134", f"possible_d_sep is one of {', '.join(POLICIES)}, not {possible_d_sep!r}")
    said = known(knowledge, tiers, forbidden, required)
    chosen = choose(data, test, **_meant(settings))
    more = (("selection", selection), ("possible_d_sep", possible_d_sep), ("longest", longest))
    out = fcis.fci(
        chosen.test,
        alpha,
        knowledge=said,
        depth=depth,
        colliders=colliders,
        selection=selection,
        possible_d_sep=possible_d_sep,
        longest=longest,
    )
    return _of_pag(out, chosen, _settings("fci", chosen.test, alpha, depth, said, colliders, more))


def rfci(  # noqa: PLR0913 (settings, each with its own name)
    data: object,
    alpha: float = ALPHA,
    test: str | Judge = AUTO,
    *,
    tiers: Tiers = (),
    forbidden: Pairs = (),
    required: Pairs = (),
    knowledge: object = None,
    depth: int | None = None,
    selection: bool = True,
    longest: int | None = None,
    **settings: Any,
) -> Found:
    """Find a pag from fewer tests than `fci` makes: its marks are right, and it may have edges too many.

    Args:
        data: as in `pc`.
        alpha: as in `pc`.
        test: as in `pc`.
        tiers: as in `fci`.
        forbidden: as in `fci`.
        required: as in `fci`.
        knowledge: as in `pc`.
        depth: the size of the largest set to try for the skeleton.
        selection: as in `fci`.
        longest: the most edges of a path that discriminates a node.
        settings: as in `pc`.

    Raises:
        ModelError: as `fci`.
        DataError: as `pc`.

    >>> import causalgraph as cg
    >>> [str(e) for e in rfci(oracle(cg.graph("A -> C <- B; C -> D"))).graph.edges]
    ['A o-> C', 'B o-> C', 'C -> D']
    """
    _check(alpha, depth, longest)
    said = known(knowledge, tiers, forbidden, required)
    chosen = choose(data, test, **_meant(settings))
    out = rfcis.rfci(chosen.test, alpha, knowledge=said, depth=depth, selection=selection, longest=longest)
    more = (("selection", selection), ("longest", longest))
    return _of_pag(out, chosen, _settings("rfci", chosen.test, alpha, depth, said, None, more))


# The name of an algorithm -> its door.
DOORS: Mapping[str, Callable[..., Found]] = {"pc": pc, "fci": fci, "rfci": rfci}


def oracle(graph: Any) -> Oracle:
    """Return the test that a graph is: what it separates is independent. Latent nodes are hidden, selected ones given.

    Args:
        graph: a graph of any kind, or what has one: a model, or what was found.

    Raises:
        ModelError: it is neither (E137), breaks the claim of its kind (E102, E103, E104), or has no member (E116).

    >>> import causalgraph as cg
    >>> asked = oracle(cg.parse("U [latent]; U -> A, B"))
    >>> asked.variables
    ('A', 'B')
    """
    whole = getattr(graph, "graph", graph)
    if not isinstance(whole, MixedGraph):
        fix = 'make one: cg.graph("A -> B")'
        raise ModelError.because("E137", f"an oracle is made of a graph, not of a {type(graph).__name__}", fix=fix)
    return oracles.oracle(whole)


def _check(alpha: float, depth: int | None, longest: int | None = None) -> None:
    """Make sure of the numbers.

    Raises:
        ModelError: one can't be (E134).
    """
    # What isn't a number fails here as well.
    if not 0 < alpha < 1:
        raise ModelError.because("E134", f"alpha lies between 0 and 1, and {alpha} doesn't")
    numbers: tuple[tuple[str, object, int], ...] = (("depth", depth, 0), ("longest", longest, 1))
    for name, value, least in numbers:
        if value is not None and not (isinstance(value, int) and value >= least):
            raise ModelError.because("E134", f"{name} is a whole number from {least} on, or None, not {value!r}")


# What a setting might be called -> what it is called.
CALLED = {"forbid": "forbidden", "require": "required", "tier": "tiers"}


def _meant(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings, where none is called as a statement of the language is.

    Raises:
        ModelError: one is (E135).
    """
    for wrong in CALLED.keys() & settings.keys():
        raise ModelError.because("E135", f"there is no setting {wrong}", fix=f"did you mean {CALLED[wrong]}?")
    return settings


def _settings(
    algorithm: str,
    test: Test,
    alpha: float,
    depth: int | None,
    knowledge: Knowledge,
    colliders: str | None,
    more: tuple[tuple[str, str | int | bool | None], ...] = (),
) -> Settings:
    own = [(name, getattr(test, name)) for name in ("df", "small", "per_df") if hasattr(test, name)]
    n: float | None = getattr(test, "n", None)
    return Settings(algorithm, test.name, alpha, n, depth, colliders, knowledge, (*more, *own))


def _of_pag(out: OrientedPag, chosen: Chosen, settings: Settings) -> Found:
    return Found(
        graph=out.graph,
        valid=Validity(out.valid, out.reasons),
        skeleton=out.skeleton,
        settings=settings,
        reasons=out.marks,
        conflicts=out.conflicts,
        unsettled=out.unsettled,
        unfinished=out.partial,
        notes=(
            *chosen.notes,
            *out.notes,
            *_determined(chosen.test),
            *_untested(out.skeleton, settings.knowledge),
        ),
        test=chosen.test,
    )


def _determined(test: Test) -> tuple[str, ...]:
    """Tell the variables that others determine: no test settles the edges among these."""
    known: dict[str, tuple[str, ...]] = getattr(test, "determined", {})
    said = [f"{name} is a linear function of {', '.join(others)}" for name, others in known.items()]
    twins: tuple[tuple[str, str], ...] = getattr(test, "twins", ())
    said += [f"{a} and {b} tell the same" for a, b in twins]
    if len(said) > MOST_NAMED:
        said = [*said[:MOST_NAMED], f"and {len(said) - MOST_NAMED} more"]
    return (f"{'; '.join(said)}: no test settles the edges among these",) if said else ()


def _untested(found: Skeleton, knowledge: Knowledge) -> tuple[str, ...]:
    """Tell the edges that stay since no test could be made, as of tables with more cells than observations."""
    required = {frozenset(pair) for pair in knowledge.required}
    left = [e for e in found.edges if (pair := frozenset(e)) not in found.doubts and pair not in required]
    few = f"{found.skipped:,} tests couldn't be made, for want of observations, or of variation in them"
    told = (few,) if found.skipped else ()
    if not left:
        return told
    more = f" and {len(left) - MOST_NAMED:,} more" if len(left) > MOST_NAMED else ""
    named = ", ".join(" - ".join(edge) for edge in left[:MOST_NAMED])
    many = "1 edge, which stays" if len(left) == 1 else f"{len(left):,} edges, which stay"
    return (*told, f"no test could be made of {many}: {named}{more}")
