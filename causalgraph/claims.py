"""Does what a file expects hold? An answer is held against a written value."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.certify.verify import Verification
from causalgraph.criteria.adjustment import Adjustment
from causalgraph.criteria.classes import EquivalenceAnswer, Members
from causalgraph.criteria.families import AdjustmentFamily
from causalgraph.criteria.frontdoor_families import FrontdoorFamily
from causalgraph.criteria.implications import Implications
from causalgraph.criteria.instrument_families import InstrumentFamily
from causalgraph.criteria.listing import NodesAnswer, SetsAnswer
from causalgraph.criteria.separation import Connected, Separated, naming
from causalgraph.criteria.tetrads import Tetrads
from causalgraph.errors import ModelError
from causalgraph.evaluate.estimate import Estimate, decimals, number
from causalgraph.identify.answer import Identified, NotIdentified, Undecided
from causalgraph.model import Claim
from causalgraph.syntax import tree

__all__ = ["Verdict", "check"]

# Digits of a float that mean something, and then some.
MOST_PLACES = 330

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Verdict(Answer):
    """Does an `expect` hold? `said` is what was found instead."""

    claim: str
    holds: bool
    found: Answer
    said: str

    @property
    def exit_code(self) -> int:
        """0 where the claim holds, else 1."""
        return 0 if self.holds else 1

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"kind": "expect", "claim": self.claim, "holds": self.holds, "found": self.found.to_dict()}

    def document(self) -> Document:
        """Say whether it holds, and what was found where it doesn't."""
        if self.holds:
            return Document((line(Word("holds", "good")),))
        return Document((line(Word("doesn't hold", "bad"), f": found {self.said}"),))


def check(claim: Claim, answer: Answer) -> Verdict:
    """Hold an answer against the value that a claim states.

    Numbers are compared to the digits written, sets and families without regard to order; without a value, a claim is
    that the answer is yes.

    Raises:
        ModelError: the two can't be compared (E215).
    """
    if isinstance(answer, Undecided):
        # Neither a claim nor its opposite holds of what isn't decided.
        return Verdict(claim.text, holds=False, found=answer, said=f"that it is undecided: {answer.reason}")
    if claim.operator is None or claim.value is None:
        holds, said = _yes(claim, answer)
    elif isinstance(answer, Estimate):
        holds, said = _number(claim, answer, claim.value)
    else:
        holds, said = _value(claim, answer, claim.value)
    return Verdict(claim.text, holds != claim.negated, answer, said)


def _mismatch(claim: Claim, what: str) -> ModelError:
    return ModelError.because("E215", f"this can't be compared: {what}", span=claim.span)


def _yes(claim: Claim, answer: Answer) -> tuple[bool, str]:
    """Read an answer as yes or no."""
    if isinstance(answer, Identified):
        return True, "that it is identified"
    if isinstance(answer, NotIdentified):
        return False, f"that it isn't identified: {answer.hedge.reason}"
    if isinstance(answer, Verification):
        return answer.holds, f"a worst error of {answer.worst_error:.2g}"
    if isinstance(answer, Separated | Connected):
        return answer.separated, "independence" if answer.separated else "an open path"
    if isinstance(answer, Adjustment):
        return answer.valid, "a valid set" if answer.valid else answer.reason
    if isinstance(answer, EquivalenceAnswer):
        return answer.verdict.equivalent, answer.verdict.reason
    raise _mismatch(claim, "the query's answer isn't yes or no; write a value after ==")


def _number(claim: Claim, answer: Estimate, value: tree.Expr) -> tuple[bool, str]:
    """Compare an estimate with a number or an interval."""
    found = answer.value
    if found is None:
        raise _mismatch(claim, "the query's answer is a table, not one number")
    said = number(found, decimals(answer.std_error))
    if isinstance(value, tree.Interval):
        low, high = (_as_number(claim, end) for end in (value.low, value.high))
        return float(low) <= found <= float(high), said
    wanted = _as_number(claim, value)
    if claim.operator in ("==", "!="):
        # To the digits written: 7.9 stands for all that rounds to it.
        places = max(0, -int(Decimal(wanted).as_tuple().exponent))
        said = f"{found:.{min(max(places, 4), MOST_PLACES)}f}"
        with localcontext(prec=places + MOST_PLACES):
            same = round(Decimal(found), places) == Decimal(wanted)
        return same == (claim.operator == "=="), said
    return COMPARE[str(claim.operator)](found, float(wanted)), said


def _as_number(claim: Claim, value: tree.Expr) -> str:
    if isinstance(value, tree.Negate):
        return "-" + _as_number(claim, value.operand)
    if isinstance(value, tree.Number):
        return value.digits
    raise _mismatch(claim, "an estimate is compared with a number, or `in [low, high]`")


def _value(claim: Claim, answer: Answer, value: tree.Expr) -> tuple[bool, str]:
    """Compare sets, families, `none`, true and false."""
    if claim.operator not in ("==", "!="):
        raise _mismatch(claim, f"{claim.operator} needs numbers on both sides")
    if isinstance(value, tree.Name) and value.text in ("true", "false"):
        yes, said = _yes(claim, answer)
        return (yes == (value.text == "true")) == (claim.operator == "=="), said
    wanted: Any
    if isinstance(answer, AdjustmentFamily | FrontdoorFamily):
        if not answer.complete:
            raise _mismatch(claim, "there are more sets than are listed")
        found: Any = frozenset(frozenset(s) for s in answer.sets) if answer.sets else None
        said = _family(answer.sets) if answer.sets else "none"
        wanted = None if isinstance(value, tree.NoneLiteral) else _family_of(claim, value)
    elif isinstance(answer, SetsAnswer):
        found, said = frozenset(frozenset(s) for s in answer.sets), _family(answer.sets)
        wanted = _family_of(claim, value)
    elif isinstance(answer, Members) and isinstance(value, tree.Number):
        found, said, wanted = answer.size, f"{answer.size:,}", int(value.digits)
    elif isinstance(value, tree.NoneLiteral) and isinstance(answer, InstrumentFamily | Implications | Tetrads):
        found, wanted = answer.exit_code, 1
        said = "none" if found else "some"
    elif isinstance(answer, NodesAnswer):
        found, said, wanted = frozenset(answer.nodes), naming(answer.nodes), _set_of(claim, value)
    else:
        raise _mismatch(claim, "this query's answer can't be written as a value")
    return (found == wanted) == (claim.operator == "=="), said


def _family(sets: tuple[tuple[str, ...], ...]) -> str:
    return "{" + ", ".join(map(naming, sets)) + "}"


def _set_of(claim: Claim, value: tree.Expr) -> frozenset[str]:
    if isinstance(value, tree.SetLiteral) and all(isinstance(i, tree.Name) for i in value.items):
        return frozenset(i.text for i in value.items if isinstance(i, tree.Name))
    raise _mismatch(claim, "a set of variables is written {A, B}")


def _family_of(claim: Claim, value: tree.Expr) -> frozenset[frozenset[str]]:
    if isinstance(value, tree.SetLiteral):
        return frozenset(_set_of(claim, item) for item in value.items)
    raise _mismatch(claim, "a family of sets is written {{A, B}, {}}, and no set at all none")
