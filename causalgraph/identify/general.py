"""The general identification algorithm: a formula with its proof, or the hedge that rules one out.

It is sound and complete for P(y | do(x), w) on acyclic graphs with latents. It writes everything in terms P(s | do(z)):
the factor Q[S] of a district is P(s | do(parents of S)), and each step rewrites one such term by an identity of
do-calculus or of probability.

Sources: J. Tian, J. Pearl, "A general identification condition for causal effects" (AAAI 2002); I. Shpitser, J. Pearl,
"Identification of joint interventional distributions in recursive semi-Markovian causal models" (AAAI 2006), the same,
"Identification of conditional interventional distributions" (UAI 2006).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from causalgraph.formula.nodes import Marginal, P, Value
from causalgraph.formula.rewriting import product
from causalgraph.graphs.surgery import project
from causalgraph.identify.factors import Climb, Masks, bits
from causalgraph.identify.hedge import Hedge, hedge
from causalgraph.identify.proof import DistrictPremise, FactorisationPremise, SeparationPremise
from causalgraph.identify.pruning import climbs, pruned
from causalgraph.identify.strategies import Derivation, Question
from causalgraph.identify.writing import Writer, bound, events, normalised

__all__ = ["general", "identifiable", "reduced"]

Values = dict[str, Value]


def general(asked: Question, *, prune: bool = True) -> Derivation | Hedge:
    """Identify ``P(y | do(x), w)``.

    Args:
        asked: a question about a dag or an admg; latents are projected out.
        prune: leave out observed variables that a shorter formula can do without.

    Returns:
        A derivation; its `free` are the variables that stand in the formula with a value that the question doesn't
        fix: any value of theirs gives the same number. Or the hedge that shows that no formula exists.

    >>> from causalgraph.formula.printing import text
    >>> from causalgraph.graphs.mixed import MixedGraph
    >>> from causalgraph.identify.strategies import question
    >>> front_door = MixedGraph.build([("X", "->", "Z"), ("Z", "->", "Y"), ("X", "<->", "Y")])
    >>> text(general(question(front_door, "X", "Y")).formula)
    'Σ_z P(Z=z | X) (Σ_x P(Y | X=x, Z=z) P(X=x))'
    """
    masks = Masks.of(project(asked.graph))
    return _Derivation(asked, masks).run(prune=prune)


def identifiable(masks: Masks, x: int, y: int, w: int) -> bool:
    """Is the effect of X on Y given W identified? The verdict alone, without a formula."""
    x, y, w, _ = reduced(masks, x, y, w)
    return all(climb.reached for climb in climbs(masks, x, y | w))


@dataclass(frozen=True)
class Move:
    """A rule of do-calculus that takes ``names`` out of the actions or conditions, or from one to the other."""

    rule: str
    names: int
    x: int
    w: int


def reduced(masks: Masks, x: int, y: int, w: int) -> tuple[int, int, int, list[Move]]:
    """Drop idle actions and conditions, then turn into actions all the conditions that can be.

    What is left is identified just where P(y, w | do(x)) is.

    Source: I. Shpitser, J. Pearl, "Identification of conditional interventional distributions" (UAI 2006), IDC and
    theorem 6.
    """
    moves: list[Move] = []
    while True:
        move = next(_moves(masks, x, y, w), None)
        if move is None:
            return x, y, w, moves
        moves.append(move)
        x, w = move.x, move.w


def _moves(masks: Masks, x: int, y: int, w: int) -> Iterator[Move]:
    """Yield the moves that are possible, those that shorten the question first."""
    idle = x & ~masks.ancestors(y | w, masks.all)
    idle = idle or next((b for b in map(_one, bits(x)) if _idle_action(masks, b, x & ~b, y, w)), 0)
    if idle:
        if not w:  # all at once: those of X that have no way to Y round the others
            idle = x & ~masks.parents(masks.ancestors(y, masks.all & ~x))
        yield Move("rule 3", idle, x & ~idle, w)
    for b in map(_one, bits(w)):
        if not masks.connected(y, b, x | w & ~b, into=x):
            yield Move("rule 1", b, x, w & ~b)
    if x and not masks.connected(y, x, w, out_of=x):
        yield Move("rule 2", x, 0, w | x)
    elif x:
        for b in map(_one, bits(w)):
            if not masks.connected(y, b, x | w & ~b, into=x, out_of=b):
                yield Move("rule 2", b, x | b, w & ~b)


def _one(i: int) -> int:
    return 1 << i


def _idle_action(masks: Masks, action: int, others: int, y: int, w: int) -> bool:
    return not masks.connected(y, action, others | w, into=_cut(masks, action, others, w))


def _cut(masks: Masks, actions: int, held: int, w: int) -> int:
    """Return which arrows rule 3 cuts: into what is held, and into actions that aren't ancestors of W then."""
    return held | actions & ~masks.ancestors(w, masks.all & ~held)


class _Derivation:
    """One run of the algorithm over a graph: its masks, the values at hand, and the proof as far as it is written."""

    def __init__(self, asked: Question, masks: Masks) -> None:
        self.asked, self.masks = asked, masks
        self.writer = Writer(asked.goal)

    def run(self, *, prune: bool) -> Derivation | Hedge:
        """Go from the question to a formula or a hedge."""
        masks, asked = self.masks, self.asked
        x, y, w = (masks.mask(s) for s in (asked.x, asked.y, asked.w))
        values: Values = {n: Value(n) for n in (*asked.x, *asked.y, *asked.w)}
        x, w = self.move(x, y, w, values)
        if x:
            ways = climbs(masks, x, y | w)
            stuck = next((c for c in ways if not c.reached), None)
            if stuck is not None:
                return hedge(asked, masks, stuck, x, y, w)
            if prune:
                self.masks = masks = pruned(masks, x, y, w, keep=masks.mask((*asked.x, *asked.w)))
                ways = climbs(masks, x, y | w)
            outside = [masks.parents(t) for c in ways for _, t in c.levels]
            values = {n: Value(n) for m in (*outside, *(c.target for c in ways)) for n in masks.of_mask(m)} | values
            self.split(x, y, w, values)
            self.writer.tidy(partly=False)
            primed = values | {n: values[n].fresh for n in asked.y}
            for way in ways:
                self.write(way, values)
                if w and way.target & y | masks.parents(way.target) & y:
                    self.write(way, primed)
        self.writer.tidy()
        formula = self.writer.whole
        free = {v.variable for v in formula.free_symbols - asked.goal.free_symbols}
        proof = replace(self.writer.proof, unused=self.named(self.masks.hidden))
        return Derivation("general", formula, proof, free=asked.graph.sorted(free))

    def term(self, subject: int, given: int, held: int, values: Values) -> P:
        """Return P(subject | do(held), given) at the values at hand."""
        return P(*(events(self.masks.of_mask(m), values) for m in (subject, given, held)))

    def separation(self, x: int, y: int, given: int, into: int, out_of: int = 0) -> SeparationPremise:
        """Return a premise in words."""
        return SeparationPremise(*(self.named(m) for m in (x, y, given, into, out_of)))

    def named(self, mask: int) -> tuple[str, ...]:
        """Return the names in a mask, as answers sort them."""
        return self.asked.graph.sorted(self.masks.of_mask(mask))

    def move(self, x: int, y: int, w: int, values: Values) -> tuple[int, int]:
        """Write the moves that reduce the question; return what is left of X and W."""
        *_, moves = reduced(self.masks, x, y, w)
        for m in moves:
            before, after = self.term(y, w, x, values), self.term(y, m.w, m.x, values)
            if m.rule == "rule 1":
                premise = self.separation(m.names, y, m.w | x, x)
            elif m.rule == "rule 3":
                premise = self.separation(m.names, y, m.x | w, _cut(self.masks, m.names, m.x, w))
            else:  # seen on one side, done on the other
                held = x & m.x
                premise = self.separation(m.names, y, held | (w & m.w), held, m.names)
            self.writer.step(m.rule, self.named(m.names), before, after, premise)
            x, w = m.x, m.w
        return x, w

    def split(self, x: int, y: int, w: int, values: Values) -> None:
        """Write P(y | do(x), w) as a sum over products of factors, or as a ratio of two such sums."""
        primed = values | {n: values[n].fresh for n in self.masks.of_mask(y)}
        goal = self.term(y, w, x, values)
        if not w:
            self.sum_of_factors(x, y, y, values)
            return
        top, bottom = self.term(y | w, 0, x, values), self.term(w, 0, x, values)
        self.writer.step("conditional", self.named(w), goal, product([top], [bottom]))
        self.sum_of_factors(x, y | w, y | w, values)
        self.sum_of_factors(x, y | w, w, primed)

    def sum_of_factors(self, x: int, whole: int, subject: int, values: Values) -> None:
        """Write P(subject | do(x)) as a sum over what stands between X and a larger set."""
        masks = self.masks
        inner = masks.ancestors(whole, masks.all & ~x)
        joint = self.term(inner, 0, x, values)
        between = inner & ~subject
        if between:
            bound = [values[n] for n in masks.of_mask(between)]
            self.writer.step(
                "marginalisation", self.named(between), self.term(subject, 0, x, values), Marginal(joint, *bound)
            )
        districts = masks.districts(inner)
        after = product(self.term(d, 0, masks.parents(d), values) for d in districts)
        premise = FactorisationPremise(self.named(inner), self.named(x), tuple(self.named(d) for d in districts))
        self.writer.step("district factorisation", self.named(inner), joint, after, premise)

    def write(self, way: Climb, values: Values) -> None:
        """Write the factor of a district in terms of what is observed."""
        target, held = way.target, self.masks.parents(way.target)
        if not self.writer.speaks_of(self.term(target, 0, held, values)):
            return
        if not self.seen(target, 0, held, values):
            self.factor(way, len(way.levels) - 1, 0, values)

    def seen(self, subject: int, given: int, held: int, values: Values) -> bool:
        """Write P(subject | do(held), given) as a conditional where do-calculus' rule 2 allows it."""
        if held and self.masks.connected(subject, held, given, out_of=held):
            return False
        if held:
            premise = self.separation(held, subject, given, 0, held)
            before = self.term(subject, given, held, values)
            self.writer.step("rule 2", self.named(held), before, self.term(subject, given | held, 0, values), premise)
        return True

    def factor(self, way: Climb, level: int, summed: int, values: Values) -> None:
        """Write the factor of a district, summed over some of it, by conditionals in the ancestral set around it."""
        masks = self.masks
        ancestral, district = way.levels[level]
        if level and ancestral == district:
            self.marginal(way, level - 1, district, masks.parents(district), values)
            return
        held = masks.parents(ancestral)
        order = masks.order(ancestral, summed, ancestral & ~district)
        pieces = masks.pieces(order, district, summed, runs=bool(level))
        before = self.term(district, 0, masks.parents(district), values)
        after = product(self.term(s, g, held, values) for s, g in pieces)
        if after != before:
            names = tuple(masks.names[i] for i in order)
            premise = DistrictPremise(self.named(district), names)
            self.writer.step("district", self.named(district), before, after, premise)
        if summed:
            before = Marginal(after, *(values[n] for n in masks.of_mask(summed)))
            shorter = normalised(before)
            left = {v.variable for v in bound(shorter)}
            self.writer.step("normalisation", set(self.named(summed)) - left, before, shorter)
        if level:
            for subject, given in pieces:
                if self.writer.speaks_of(self.term(subject, given, held, values)):
                    self.conditional(way, level, subject, given, values)

    def conditional(self, way: Climb, level: int, subject: int, given: int, values: Values) -> None:
        """Write a conditional of an intervened distribution by the joint distribution that it is taken from."""
        masks = self.masks
        held = masks.parents(way.levels[level][0])
        if self.seen(subject, given, held, values):
            return
        if given:
            top, bottom = self.term(subject | given, 0, held, values), self.term(given, 0, held, values)
            before = self.term(subject, given, held, values)
            self.writer.step("conditional", self.named(given), before, product([top], [bottom]))
            self.marginal(way, level - 1, subject | given, held, values)
            self.marginal(way, level - 1, given, held, values)
        else:
            self.marginal(way, level - 1, subject, held, values)

    def marginal(self, way: Climb, level: int, subject: int, held: int, values: Values) -> None:
        """Write P(subject | do(held)) as a sum over the district of a level, which holds the subject."""
        masks = self.masks
        if not self.writer.speaks_of(self.term(subject, 0, held, values)) or self.seen(subject, 0, held, values):
            return
        district = way.levels[level][1]
        outer = masks.parents(district)
        if outer != held:
            before, after = (self.term(subject, 0, h, values) for h in (held, outer))
            premise = self.separation(outer & ~held, subject, held, outer)
            self.writer.step("rule 3", self.named(outer & ~held), before, after, premise)
        rest = district & ~subject
        if rest:
            before = self.term(subject, 0, outer, values)
            values = values | {n: values[n].fresh if n in values else Value(n) for n in masks.of_mask(rest)}
            after = Marginal(self.term(district, 0, outer, values), *(values[n] for n in masks.of_mask(rest)))
            self.writer.step("marginalisation", self.named(rest), before, after)
        self.factor(way, level, rest, values)
