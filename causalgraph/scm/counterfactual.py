"""Counterfactual questions of a structural model: what would be, given what is known.

Source: J. Pearl, Causality, 2nd ed. (2009), theorem 7.1.7; A. Balke, J. Pearl, AAAI (1994) 230-237.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from causalgraph.errors import EstimationError, ModelError
from causalgraph.scm.abduction import additive
from causalgraph.scm.questions import Counterfactual, Question
from causalgraph.scm.structural import Structural
from causalgraph.scm.supports import CELLS, column_over, law_of, place_among, place_of, response_of, support_of
from causalgraph.scm.tables import Factor, contracted, values_of
from causalgraph.scm.weighing import by_draws
from causalgraph.scm.worlds import Held, Potential, network, shown

__all__ = ["Counterfactual", "Potential", "ask", "ett", "pn", "pns", "ps"]

Floats = NDArray[np.float64]
DRAWS = 100_000


def ask(  # noqa: PLR0913 (a question has its parts, and each way of computing its setting)
    structural: Structural,
    targets: Sequence[Potential],
    given: Sequence[Potential] = (),
    *,
    coefficients: Sequence[float] | None = None,
    quantity: Literal["E", "P"] | None = None,
    parameters: Mapping[str, float] | None = None,
    draws: int = DRAWS,
    level: float = 0.95,
    seed: int = 0,
    limit: int = CELLS,
) -> Counterfactual:
    """Return the expectation or the probability of potential outcomes, given facts of any worlds.

    Exact by tables where all that matters has finitely many values; else the noise is solved for from the facts, and
    where causes are unobserved these are drawn and each draw counts by the density of the facts. All worlds share the
    noise; that of equations that don't just add it is coupled by the inverse distribution function, which a note says.

    Args:
        structural: the equations.
        targets: the outcomes; with a value each, their joint event is asked, else an expectation (or with
            ``quantity="P"`` the table of what they can be).
        given: facts, each with its value.
        coefficients: of the targets in an expectation, ``(1, -1)`` for a difference.
        quantity: ``E`` or ``P``; told from the targets where it is left out.
        parameters: the values of free parameters.
        draws: how many, where some are needed.
        level: of the interval.
        seed: of the draws.
        limit: the most cells of a table.

    Raises:
        ModelError: an unknown variable (E145) or level (E204), a fact without a value or an ill-formed question (E147),
            a free parameter without a value (E148).
        EstimationError: the facts have probability 0 (E547), a probability of a single number is asked (E548), an
            equation can't be solved for its noise (E549).
    """
    known = structural.settled(parameters)
    kind = quantity or ("P" if any(t.value is not None for t in targets) else "E")
    weights = tuple(coefficients) if coefficients is not None else (1.0,) * min(len(targets), 1)
    if not targets or (kind == "E" and (len(weights) != len(targets) or any(t.value is not None for t in targets))):
        raise ModelError.because("E147", "an expectation is of outcomes without values, with a coefficient each")
    bare = next((g for g in given if g.value is None), None)
    if bare is not None:
        raise ModelError.because("E147", f"the fact {shown(bare)} has no value", fix=f"{shown(bare)}=…")
    net = network(structural, [*targets, *given])
    question = Question(structural, net, tuple(targets), tuple(given), weights, kind, known)
    notes = _coupled(question)
    try:
        return _by_tables(question, limit, notes)
    except EstimationError as error:
        # Infinitely many values, or tables that are too large: draws do.
        if error.code not in ("E545", "E546"):
            raise
        _require_numbers(question)
        large = ("exact tables would be too large, so draws were weighed",) * (error.code == "E545")
    return by_draws(question, draws, level, seed, notes + large)


def _require_numbers(question: Question) -> None:
    """Refuse the expectation of levels that are words (E546)."""
    if question.quantity == "E":
        for target in question.targets:
            column_over(question.structural.rule(target.variable), np.zeros(1))


def _coupled(question: Question) -> tuple[str, ...]:
    """Return the note that an answer rests on a coupling of noise which data can't tell."""
    nets = [question.net]
    if question.quantity == "E":
        # An expectation of a sum is that of its terms, each in its own world.
        nets = [network(question.structural, [t, *question.given]) for t in question.targets]
    names = dict.fromkeys(
        name
        for net in nets
        for name in net.variables
        if len(net.of(name)) > 1 and not additive(question.structural.rule(name).node)
    )
    if not names:
        return ()
    how = "coupled between worlds by the inverse distribution function; another coupling may give another answer"
    return (f"assumes that the noise of {', '.join(names)}, which isn't additive, is {how}",)


def _by_tables(question: Question, limit: int, notes: tuple[str, ...]) -> Counterfactual:
    structural, net = question.structural, question.net
    supports = _supports(question)
    factors = [f for name in net.variables for f in _factors(question, name, supports)]
    facts = question.fixed(question.given, net.spots[len(question.targets) :])
    places = _places(question, facts, supports)
    if places is None:
        raise question.never()
    seen = [f.at(places) for f in factors]
    total = float(contracted(seen, (), limit=limit))
    if total <= 0:
        raise question.never()
    table: list[dict[str, Any]] = []
    value = 0.0
    if question.quantity == "E":
        for coefficient, target, spot in zip(question.coefficients, question.targets, question.spots, strict=True):
            rule = structural.rule(target.variable)
            if isinstance(spot, Held) or spot in places:
                number = spot.value if isinstance(spot, Held) else supports[target.variable][places[spot]]
                value += coefficient * float(column_over(rule, np.array([number]))[0])
            else:
                chances = contracted(seen, (spot,), limit=limit) / total
                value += coefficient * float(chances @ column_over(rule, supports[target.variable]))
        return Counterfactual(question.text, value, "exact by tables", notes=notes)
    events = question.fixed(question.targets, question.spots)
    both = _places(question, events, supports)
    if both is None or any(places.get(spot, place) != place for spot, place in both.items()):
        return Counterfactual(question.text, 0.0, "exact by tables", notes=notes)
    left = {
        s: t
        for s, t in zip(question.spots, question.targets, strict=True)
        if t.value is None and not isinstance(s, Held) and s not in places
    }
    found = contracted([f.at({**both, **places}) for f in factors], tuple(left), limit=limit) / total
    if not left:
        return Counterfactual(question.text, float(found), "exact by tables", notes=notes)
    levels = [values_of(structural, t.variable, supports[t.variable]) for t in left.values()]
    for cell in np.ndindex(found.shape):
        row = {shown(t): one[i] for t, one, i in zip(left.values(), levels, cell, strict=True)}
        table.append({**row, "value": float(found[cell])})
    return Counterfactual(question.text, None, "exact by tables", table=tuple(table), notes=notes)


def _supports(question: Question) -> dict[str, Floats]:
    """Return what each variable can be in any world: what comes about, and what it is set to."""
    structural, net = question.structural, question.net
    held: dict[str, list[float]] = {}
    for copy in net.copies:
        for parent, spot in zip(structural.rule(copy.variable).parents, copy.parents, strict=True):
            if isinstance(spot, Held):
                held.setdefault(parent, []).append(spot.value)
    supports: dict[str, Floats] = {}
    for rule in structural.rules:
        own = [np.array(held[rule.name])] if rule.name in held else []
        if net.of(rule.name):
            own.append(law_of(rule, supports, question.parameters).support)
        if own:
            supports[rule.name] = support_of(np.concatenate(own))
    return supports


def _factors(question: Question, name: str, supports: Mapping[str, Floats]) -> list[Factor]:
    """Return the law of a variable with one copy; of several, their common noise and each one's answer to it."""
    rule, copies = question.structural.rule(name), question.net.of(name)

    def factor(number: int, table: Floats, last: tuple[Hashable, ...]) -> Factor:
        spots = question.net.copies[number].parents
        index: list[Any] = [
            place_of(supports[p], s.value) if isinstance(s, Held) else slice(None)
            for p, s in zip(rule.parents, spots, strict=True)
        ]
        return Factor((*(s for s in spots if not isinstance(s, Held)), *last), np.asarray(table[tuple(index)]))

    support = supports[name]
    if len(copies) == 1:
        law = law_of(rule, supports, question.parameters)
        whole = np.zeros((*law.table.shape[:-1], len(support)))
        whole[..., place_among(support, law.support)] = law.table
        return [factor(copies[0], whole, (copies[0],))]
    response = response_of(rule, supports, support, question.parameters)
    if response.answers.size * len(support) > CELLS:
        raise EstimationError.because("E545", f"the table of {name} has more than {CELLS:,} cells")
    one_hot = (response.answers[..., None] == np.arange(len(support))).astype(float)
    noise_axis = ("noise", name)
    return [Factor((noise_axis,), response.weights), *(factor(i, one_hot, (noise_axis, i)) for i in copies)]


def _places(
    question: Question, numbers: Mapping[int, float] | None, supports: Mapping[str, Floats]
) -> dict[Hashable, int] | None:
    if numbers is None:
        return None
    found: dict[Hashable, int] = {}
    for spot, number in numbers.items():
        found[spot] = place_of(supports[question.net.copies[spot].variable], number)
    return None if -1 in found.values() else found


def pn(structural: Structural, x: str, y: str, **how: Any) -> Counterfactual:
    """Return the probability of necessity P(Y[X=0]=0 | X=1, Y=1): without X, Y would not have come about."""
    return ask(structural, [Potential(y, ((x, 0),), 0)], [Potential(x, (), 1), Potential(y, (), 1)], **how)


def ps(structural: Structural, x: str, y: str, **how: Any) -> Counterfactual:
    """Return the probability of sufficiency P(Y[X=1]=1 | X=0, Y=0): with X, Y would have come about."""
    return ask(structural, [Potential(y, ((x, 1),), 1)], [Potential(x, (), 0), Potential(y, (), 0)], **how)


def pns(structural: Structural, x: str, y: str, **how: Any) -> Counterfactual:
    """Return the probability of necessity and sufficiency P(Y[X=1]=1, Y[X=0]=0)."""
    return ask(structural, [Potential(y, ((x, 1),), 1), Potential(y, ((x, 0),), 0)], **how)


def ett(structural: Structural, x: str, y: str, **how: Any) -> Counterfactual:
    """Return the effect on the treated E(Y[X=1] - Y[X=0] | X=1)."""
    pair = [Potential(y, ((x, 1),)), Potential(y, ((x, 0),))]
    return ask(structural, pair, [Potential(x, (), 1)], coefficients=(1, -1), **how)
