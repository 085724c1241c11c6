"""The checker holds every general proof, and lets no altered one pass that would change what a step says.

Each step of each proof is altered in each of its parts. What passes all the same has to be a proof in its own right:
every formula on its way is evaluated in a random model with latents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from sympy import Mul

from causalgraph.certify.plain import Plain
from causalgraph.certify.proof import CHECKS, faults
from causalgraph.formula.nodes import Event, Marginal, P, Value
from causalgraph.formula.rewriting import product, rewrite
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.graphs.surgery import project
from causalgraph.identify.general import general
from causalgraph.identify.proof import RULES, DescentPremise, Proof, SeparationPremise, Step
from causalgraph.identify.strategies import Derivation, question
from oracles.formulas import difference, error_of
from oracles.models import DiscreteModel, random_model
from strategies import random_disjoint, random_graph, scaled

EXACT = 1e-9


def derivations(seed: int, count: int, *, most: int = 6) -> Iterator[tuple[MixedGraph, Derivation]]:
    """Yield derivations of two steps and more on random graphs."""
    rng = np.random.default_rng(seed)
    while count:
        arrows, two_headed = rng.choice([0.3, 0.5]), rng.choice([0.1, 0.2, 0.3])
        graph = random_graph(
            rng, int(rng.integers(3, most + 1)), arrows=arrows, two_headed=two_headed, latent=int(rng.integers(0, 2))
        )
        x, y, w = random_disjoint(rng, graph.observed, (1, 2), (1, 2), (0, 2))
        found = general(question(graph, x, y, w), prune=bool(rng.random() < 0.3))
        if isinstance(found, Derivation) and len(found.proof.steps) > 1:
            count -= 1
            yield graph, found


def test_there_is_a_check_for_every_rule() -> None:
    assert CHECKS.keys() == RULES.keys()


def test_every_general_proof_on_random_graphs_is_accepted() -> None:
    used = set()
    for graph, found in derivations(1, scaled(100, 3000), most=8):
        assert faults(found.proof, graph, found.formula) == []
        used |= {s.rule for s in found.proof.steps}
    # The rules of strategies that come before, and of the simplification that comes behind.
    elsewhere = {"total probability", "adjustment", "cancelling", "no causal path"}
    elsewhere |= {"chain rule", "add condition", "nested sums", "rename"}
    assert used >= RULES.keys() - elsewhere


def test_every_step_of_a_proof_keeps_the_value() -> None:
    rng = np.random.default_rng(3)
    for graph, found in derivations(2, scaled(40, 1000)):
        model = random_model(rng, graph, most_levels=2)
        wholes = list(found.proof.formulas())
        for before, after in pairwise(wholes):
            assert difference(before, after, model) < EXACT


def changed_names(names: tuple[str, ...], graph: MixedGraph) -> Iterator[tuple[str, ...]]:
    """Yield a set of names with one more, one less, one twice."""
    yield from ((*names, n) for n in sorted(graph.observed - set(names))[:2])
    yield from (names[:i] + names[i + 1 :] for i in range(len(names)))
    if names:
        yield (*names, names[0])


def changed_terms(term: P, graph: MixedGraph) -> Iterator[P]:
    """Yield a term with an event more or less in each place, or at another value."""
    places = (term.events, term.given, term.do)
    used = {e.variable for place in places for e in place}
    for i, place in enumerate(places):
        others: list[tuple[Event, ...]] = [place[:j] + place[j + 1 :] for j in range(len(place))]
        others += [(*place, Event(n)) for n in sorted(graph.observed - used)[:1]]
        others += [(*place[:j], Event(e.variable, e.value.fresh), *place[j + 1 :]) for j, e in enumerate(place)]
        yield from (P(*places[:i], other, *places[i + 1 :]) for other in others if other or i)
    for moved in term.do:
        yield P(term.events, (*term.given, moved), [e for e in term.do if e != moved])
    for moved in term.given:
        yield P(term.events, [e for e in term.given if e != moved], (*term.do, moved))
        yield P((*term.events, moved), [e for e in term.given if e != moved], term.do)


def changed_formulas(formula: Any, graph: MixedGraph) -> Iterator[Any]:
    """Yield a formula with one of its terms changed, dropped or doubled, one sum less or more, or turned over."""
    for term in sorted(formula.atoms(P), key=str):
        yield from (rewrite(formula, term, new) for new in changed_terms(term, graph))
        yield rewrite(formula, term, product([term, term]))
        if formula != term:
            yield product([formula], [term])
    for node in formula.atoms(Marginal):
        yield rewrite(formula, node, node.body)
        yield rewrite(formula, node, Marginal(node.body, *node.bound[1:]))
    free = sorted(formula.free_symbols, key=str)
    yield from (Marginal(formula, v) for v in free[:2])
    if isinstance(formula, Mul):
        yield product([], [formula])


def changed_steps(step: Step, graph: MixedGraph) -> Iterator[Step]:
    """Yield a step with one of its parts altered."""
    yield from (replace(step, rule=rule) for rule in (*RULES, "because") if rule != step.rule)
    yield from (replace(step, names=names) for names in changed_names(step.names, graph))
    yield from (replace(step, after=after) for after in changed_formulas(step.after, graph))
    yield from (replace(step, before=before) for before in changed_formulas(step.before, graph))
    yield replace(step, before=step.after, after=step.before)
    if not step.premises:
        return
    yield replace(step, premises=())
    yield replace(step, premises=step.premises * 2)
    (premise,) = step.premises
    for field in fields(premise):
        value = getattr(premise, field.name)
        if field.name == "districts":
            new = [value[:-1], (*value, ("V0",)), (sum(value, ()),)]
        else:
            new = list(changed_names(value, graph))
            if field.name == "order":
                new += [(*value[:i], value[i + 1], value[i], *value[i + 2 :]) for i in range(len(value) - 1)]
        yield from (
            replace(step, premises=(replace(premise, **{field.name: other}),)) for other in new if other != value
        )


def is_sound(proof: Proof, model: DiscreteModel) -> bool:
    """Does each step keep the value of the whole formula?"""
    wholes = list(proof.formulas())
    return all(difference(a, b, model) < EXACT for a, b in pairwise(wholes))


def test_no_altered_step_passes_that_changes_the_meaning() -> None:
    rng = np.random.default_rng(5)
    tried = passed = 0
    for graph, found in derivations(4, scaled(8, 150)):
        model = random_model(rng, graph, most_levels=2)
        steps = found.proof.steps
        for number, step in enumerate(steps):
            for mutant in changed_steps(step, graph):
                if mutant == step:
                    continue
                tried += 1
                proof = Proof(found.proof.goal, (*steps[:number], mutant, *steps[number + 1 :]))
                if not faults(proof, graph, proof.conclusion):
                    passed += 1
                    # Another order of the same causes, another value where any will do, the same backwards.
                    assert mutant.rule == step.rule
                    assert mutant.names == step.names
                    assert is_sound(proof, model), (graph, step, mutant)
                    if found.formula != proof.conclusion and not found.free:
                        assert difference(found.formula, proof.conclusion, model) < EXACT
    assert tried > 500
    assert passed < tried / 20, f"{passed} of {tried} altered proofs passed"


def test_no_causal_path_is_held_against_every_edge_that_might_lead_on() -> None:
    goal, formula = P(["Y"], do=["X"]), P(["Y"])
    step = Step("no causal path", ("X",), goal, formula, (DescentPremise(("X",), ("Y",)),))
    for mark, holds in (("->", False), ("--", False), ("<-", True)):
        graph = MixedGraph.build([("X", mark, "Z"), ("Z", "->", "Y")], kind="cpdag")
        assert (faults(Proof(goal, (step,)), graph, formula) == []) is holds
    assert faults(Proof(goal, (replace(step, premises=()),)), graph, formula)
    assert faults(Proof(goal, (replace(step, names=("Z",)),)), graph, formula)
    assert faults(Proof(goal, (replace(step, after=P(["Z"])),)), graph, P(["Z"]))


def test_rules_for_one_graph_are_not_taken_for_a_class() -> None:
    graph = MixedGraph.build([("Y", "->", "X"), ("X", "--", "Z")], kind="pdag")
    premise = SeparationPremise(("X",), ("Y",), cut_into=("X",))
    goal, formula = P(["Y"], do=["X"]), P(["Y"])
    assert faults(Proof(goal, (Step("rule 3", ("X",), goal, formula, (premise,)),)), graph, formula)


def test_no_proof_without_one_of_its_steps_passes() -> None:
    for graph, found in derivations(6, scaled(40, 1000)):
        steps = found.proof.steps
        for number in range(len(steps)):
            proof = Proof(found.proof.goal, steps[:number] + steps[number + 1 :])
            assert faults(proof, graph, found.formula), (graph, number, found.proof)


def test_no_proof_passes_that_calls_what_it_uses_unused() -> None:
    for graph, found in derivations(10, scaled(40, 1000)):
        for name in sorted({e.variable for p in found.formula.atoms(P) for e in (*p.events, *p.given)}):
            proof = replace(found.proof, unused=(*found.proof.unused, name))
            assert faults(proof, graph, found.formula), (graph, name)


def test_no_proof_passes_over_a_graph_in_which_its_formula_is_wrong() -> None:
    rng = np.random.default_rng(8)
    wrong = 0
    for graph, found in derivations(7, scaled(60, 1500)):
        a, b = rng.choice(sorted(graph.observed), size=2, replace=False)
        worse = MixedGraph.build([*graph.edges, (str(a), "<->", str(b))], graph.nodes, latent=graph.latent)
        goal = found.proof.goal
        sets = [[e.variable for e in events] for events in (goal.events, goal.do, goal.given)]
        if error_of(found.formula, random_model(rng, worse, most_levels=2), *sets) > EXACT:
            wrong += 1
            assert faults(found.proof, worse, found.formula)
    assert wrong > 5


def test_the_checker_projects_latents_as_the_engine_does() -> None:
    rng = np.random.default_rng(9)
    for _ in range(scaled(300, 5000)):
        graph = random_graph(rng, int(rng.integers(3, 9)), two_headed=0.15, latent=int(rng.integers(0, 4)) % 3)
        plain, engine = Plain(graph), project(graph)
        assert plain.nodes == set(engine.nodes)
        assert {(a, b) for b in plain.nodes for a in plain.parents[b]} == {
            e[::2] for e in engine.edges if e.mark == "->"
        }
        two_headed = {frozenset(e[::2]) for e in engine.edges if e.mark == "<->"}
        assert {frozenset(pair) for pair in plain.joined.edges} == two_headed


def test_a_term_that_speaks_of_one_variable_as_another_is_rejected() -> None:
    graph = MixedGraph.build([("X", "->", "Z"), ("Z", "->", "Y"), ("X", "<->", "Y")])
    found = general(question(graph, "X", "Y"))
    (number,) = [i for i, s in enumerate(found.proof.steps) if s.rule == "district"]
    step = found.proof.steps[number]
    term = next(p for p in step.after.atoms(P) if p.given)
    swapped = P(term.events, [Event("X", Value("Z")), Event("Z", Value("X", 1))])
    steps = list(found.proof.steps)
    steps[number] = replace(step, after=rewrite(step.after, term, swapped))
    proof = Proof(found.proof.goal, tuple(steps))
    assert faults(proof, graph, proof.conclusion)
