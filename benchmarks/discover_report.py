"""What discover.py tells: times, what differs, and how much of what was found is true."""

from __future__ import annotations

import statistics
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from discover_tasks import Data, Marks, Score, corrected, legal, of_edges, of_graph, scores, skeleton
from tables import row, table, written

import causalgraph as cg

ALPHA = 0.01
OURS = "causalgraph"
PEERS = ("causal-learn", "pgmpy", "tetrad")
AIM = 10  # times as fast as the fastest peer on discrete data and in FCI
MOST_LEGAL = 300  # variables up to which it is asked whether a graph is that of a class
# The settings of ours that are those of a peer in small tables, by the name that discover.py gives them.
SETTINGS = {"causal-learn": 'small="test"', "tetrad": 'small="test"', "pgmpy": "per_df=0"}
PGMPY = (
    "pgmpy corrects G² and χ² by Yates in strata of two rows and two columns, and its G² is NaN, so that the edge "
    "stays, where a combination of given levels is absent; ours, told to do so, finds the same"
)

Reply = dict[str, Any]


@dataclass
class Case:
    """Some rows, a question about them, and who said what."""

    title: str
    algorithm: str
    test: str
    data: Data
    path: Path
    replies: dict[str, Reply] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reordered: list[Marks] = field(default_factory=list)  # what Tetrad finds with the columns in other orders

    def beside(self, who: str) -> str:
        """Return under which name ours has the settings of a peer."""
        told = f"{OURS}, {SETTINGS.get(who)}"
        return told if told in self.replies else OURS

    def marks(self, who: str) -> Marks | None:
        """Return the marks that were found, None where there are none."""
        edges = self.replies.get(who, {}).get("edges")
        return None if edges is None else of_edges(edges)


def median(reply: Reply, what: str) -> float | None:
    """Return the median of some times, None where there are none."""
    return statistics.median(reply[what]) if reply.get(what) else None


def told(reply: Reply) -> str:
    """Tell a reply in a few words, for those who wait."""
    times = {what: median(reply, what) for what in ("first", "warm", "warm busy")}
    return ", ".join(f"{k} {written(v)}" for k, v in times.items() if v is not None) or str(reply)[:200]


def ratio(case: Case, who: str) -> tuple[float, float] | None:
    """Return how many times as long as ours a peer takes, by the clock and by the processor, warm where both were."""
    mine, reply = case.replies[case.beside(who)], case.replies[who]
    when = "warm" if mine.get("warm") and reply.get("warm") else "first"
    own, took = (median(r, when) for r in (mine, reply))
    own_busy, busy = (median(r, f"{when} busy") for r in (mine, reply))
    return (took / own, busy / own_busy) if own and took and own_busy and busy else None


def differences(case: Case, who: str) -> tuple[str, str]:
    """Say how a peer's skeleton and marks differ from ours in the same settings."""
    mine, other = case.marks(case.beside(who)), case.marks(who)
    if mine is None or other is None:
        return "", ""
    more, fewer = len(skeleton(other) - skeleton(mine)), len(skeleton(mine) - skeleton(other))
    shared = [place for place in mine if place in other]
    apart = sum(mine[place] != other[place] for place in shared)
    return f"{more} more, {fewer} fewer" if more or fewer else "equal", f"{apart} of {len(shared)} differ"


def timed(cases: Sequence[Case], limit: float) -> list[str]:
    """Return the table of times and of what differs."""
    lines = table("data", "who", "first", "warm", "processor", "beside ours", "edges", "skeleton", "marks", "legal")
    for case in cases:
        for who, reply in case.replies.items():
            marks = case.marks(who)
            if marks is None:
                said = f"> {limit:.0f} s" if "slow" in reply else f"failed: {reply.get('failed')}"
                lines.append(row(case.title, who, said, *[""] * 7))
                continue
            times = [written(t) if (t := median(reply, w)) else "–" for w in ("first", "warm")]
            times.append(written(busy) if (busy := median(reply, "warm busy") or median(reply, "first busy")) else "–")
            apart = ratio(case, who) if who in PEERS else None
            beside = f"{apart[0]:.3g}x, {apart[1]:.3g}x" if apart else ""
            small = len(case.data.names) <= MOST_LEGAL
            fit = ("yes" if legal(marks, case.data.names, case.algorithm) else "no") if small else "–"
            same = differences(case, who) if who in PEERS else (f"{reply['tests']:,} tests", "")
            lines.append(row(case.title, who, *times, beside, len(skeleton(marks)), *same, fit))
    return lines


def alone(cases: Sequence[Case]) -> list[str]:
    """Tell how long our skeleton takes without reading rows and setting marks."""
    found = [(case.title, median(case.replies[OURS], "skeleton")) for case in cases]
    said = ", ".join(f"{title}: {written(took)}" for title, took in found if took)
    return textwrap.wrap(f"Our skeleton alone, once the test is made (warm): {said}.", 119)


def truth(cases: Sequence[Case]) -> list[str]:
    """Return the table of precision and recall."""

    def pair(score: Score) -> str:
        return " / ".join("–" if part is None else f"{part:.2f}" for part in (score.precision, score.recall))

    lines = table("data", "who", "edges", "adjacencies", "arrowheads found", "arrowheads", "legal")
    for case in cases:
        for who, reply in case.replies.items():
            marks = case.marks(who)
            if marks is None:
                lines.append(row(case.title, who, "not in time" if "slow" in reply else "failed", *[""] * 4))
                continue
            near, heads = scores(marks, case.data.truth[case.algorithm])
            many = [f"{score.found} of {score.true}" for score in (near, heads)]
            fit = "yes" if legal(marks, case.data.names, case.algorithm) else "no"
            lines.append(row(case.title, who, many[0], pair(near), many[1], pair(heads), fit))
    return lines


def judged(cases: Sequence[Case]) -> Iterator[str]:
    """Yield which marks of FCI differ, ours first, which side the true PAG is on, and where the skeletons lie."""
    for case in cases:
        mine, before = case.marks(OURS), case.marks(f"{OURS}, none")
        for who in PEERS:
            other = case.marks(who)
            if mine is None or other is None:
                continue
            true = case.data.truth["fci"]
            apart = [place for place in mine if place in other and mine[place] != other[place]]
            kinds = Counter(f"{mine[p]} where it has {other[p]}" for p in apart)
            right = sum(mine[p] == true.get(p) for p in apart), sum(other[p] == true.get(p) for p in apart)
            said = ", ".join(f"{many} times {what}" for what, many in sorted(kinds.items())) or "none"
            if apart:
                said += f"; true are {right[0]} of ours, {right[1]} of its"
            if before is not None:
                more, fewer = skeleton(other) - skeleton(mine), skeleton(mine) - skeleton(other)
                back, strange = len(more & skeleton(true)), len(skeleton(other) - skeleton(before))
                said += f"; of edges it has {len(more)} that ours cuts ({back} true), and lacks {len(fewer)} of ours"
                said += f"; {strange} of its edges aren't in our skeleton before possible-d-sep"
            same = not apart and skeleton(mine) == skeleton(other)
            yield f"- {case.title}, {who}: {'all is the same' if same else f'marks that differ: {said}'}."


def problems(cases: Sequence[Case]) -> Iterator[str]:
    """Yield what failed, and skeletons of PC that differ for no known reason."""
    for case in cases:
        where = f"{case.title}, {case.algorithm}, {case.test}"
        for who, reply in case.replies.items():
            if "failed" in reply:
                yield f"{where}, {who}: {reply['failed']}"
            mine, other = case.marks(case.beside(who)), case.marks(who)
            if who not in PEERS or mine is None or other is None or case.algorithm != "pc":
                continue
            if skeleton(mine) != skeleton(other):
                if who == "pgmpy" and case.test != "fisher-z":
                    asked = corrected(case.data, case.test)
                    if skeleton(of_graph(cg.pc(asked, ALPHA, variables=case.data.names).graph)) == skeleton(other):
                        case.notes.append(f"- {where}: {PGMPY} {len(skeleton(other))} edges")
                        continue
                orders = [skeleton(marks) for marks in case.reordered if marks]
                if who == "tetrad" and any(found != skeleton(other) for found in orders):
                    many, same = ", ".join(str(len(found)) for found in orders), orders.count(skeleton(mine))
                    case.notes.append(
                        f"- {where}: Tetrad's skeleton depends on the order of columns: {len(skeleton(other))} edges, "
                        f"in other orders {many} ({same} of these are ours)"
                    )
                    continue
                yield f"{where}, {who}: skeletons differ: {differences(case, who)[0]}"


def aims(cases: Sequence[Case]) -> Iterator[str]:
    """Yield how many times as fast as the fastest peer ours is."""
    for case in cases:
        if "slow" in case.replies[OURS]:
            yield f"- {case.algorithm}, {case.test}, {case.title}: **ours isn't done in time**"
        found = {who: apart for who in PEERS if who in case.replies and (apart := ratio(case, who))}
        if found:
            who = min(found, key=lambda name: found[name][0])
            clock, busy = found[who]
            said = f"{clock:.3g}x as fast as {who} by the clock, {busy:.3g}x by the processor"
            if case.test != "fisher-z" or case.algorithm == "fci":
                said += f" (aim {AIM}: {'met' if clock >= AIM else '**missed**'})"
            yield f"- {case.algorithm}, {case.test}, {case.title}: {said}"
