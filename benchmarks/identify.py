"""Identification beside y0: the same questions about the same random ADMGs, formulas held against the exact truth.

    python benchmarks/identify.py --peer-python y0=PATH [--sizes 10 14 20 40 80] [--alone 150 300] [--write]

Each question has a graph of its own. Both are asked once, after a question that isn't counted, so that nothing is found
ready; the graph is built before the clock starts, our index within. Ours is asked twice over: for the first strategy
that applies, as a user gets it, and for the general algorithm alone. y0 runs in the environment whose interpreter
``--peer-python`` names (made by ``pip install y0``), and without one ours is asked alone. A question that takes longer
than ``--limit`` is stopped.

A formula is wrong if it differs from the exact effect in one of three random models with latents, two values a
variable. y0's formulas are put into our nodes for that, each sum binding values of its own; they are checked up to
``--checked`` nodes, and ours wherever the exact sums are small enough. The exit code is 1 where one of ours is wrong,
stopped or failed. ``--write`` renews identify.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sympy import Expr, Integer, Mul, preorder_traversal
from tables import row, table, written

import causalgraph
from causalgraph.certify.verify import Verification, verify
from causalgraph.errors import ModelError
from causalgraph.formula.nodes import Event, Marginal, P, Value
from causalgraph.formula.printing import text
from causalgraph.formula.rewriting import product
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.identify.answer import Identified, identify

HERE = Path(__file__).resolve().parent
INSTALL = "a virtual environment with pip install y0; then --peer-python y0=PATH"
MODELS = 3
OURS, GENERAL, PEER = "causalgraph", "general algorithm alone", "y0"

Answer = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A question about a graph; nodes are named in the order of causes."""

    nodes: list[str]
    arrows: list[tuple[str, str]]
    two_headed: list[tuple[str, str]]
    x: list[str]
    y: list[str]
    w: list[str] = field(default_factory=list)

    def graph(self) -> MixedGraph:
        """Return the graph, afresh."""
        edges = [(a, mark, b) for mark, pairs in (("->", self.arrows), ("<->", self.two_headed)) for a, b in pairs]
        return MixedGraph.build(edges, self.nodes)


# A graph on which searches run compiled, as they do on large ones: loading the compiler isn't what is measured.
LONG = [f"v{i}" for i in range(3_000)]
WARM = Task(LONG, list(pairwise(LONG)), [], ["v0"], ["v2999"])
NAMED = {
    "bow": Task(["X", "Y"], [("X", "Y")], [("X", "Y")], ["X"], ["Y"]),
    "front door": Task(["X", "M", "Y"], [("X", "M"), ("M", "Y")], [("X", "Y")], ["X"], ["Y"]),
    "napkin": Task(
        ["W", "Z", "X", "Y"],
        [("W", "Z"), ("Z", "X"), ("X", "Y")],
        [("W", "X"), ("W", "Y")],
        ["X"],
        ["Y"],
    ),
}


def above(arrows: Sequence[tuple[str, str]], names: Sequence[str]) -> set[str]:
    """Return the ancestors of nodes, without them; the arrows stand in the order of their heads."""
    found = set(names)
    for a, b in reversed(arrows):
        if b in found:
            found.add(a)
    return found - set(names)


def tasks(size: int, options: argparse.Namespace) -> Iterator[Task]:
    """Yield random questions: of five, three about one cause and one outcome, one about two, one given a third node.

    Causes are ancestors of an outcome, as no other question is worth a formula.
    """
    rng = np.random.default_rng([options.seed, size])
    nodes = [f"v{i}" for i in range(size)]

    near = [(b, a) for b in range(size) for a in range(max(0, b - options.span), b)]

    def pairs(share: float) -> list[tuple[str, str]]:
        wanted = min(round(share * size), len(near))
        chosen = sorted(rng.choice(len(near), wanted, replace=False).tolist())
        return [(nodes[a], nodes[b]) for b, a in (near[i] for i in chosen)]

    made = 0
    while made < options.questions:
        arrows, two_headed = pairs(options.arrows), pairs(options.hidden)
        several = 2 if made % 5 == 3 else 1
        y = [nodes[i] for i in rng.choice(size, several, replace=False)]
        causes = sorted(above(arrows, y))
        if len(causes) < several:
            continue
        x = [str(n) for n in rng.choice(causes, several, replace=False)]
        others = [n for n in nodes if n not in (*x, *y)]
        w = [str(rng.choice(others))] if made % 5 == 4 else []
        yield Task(nodes, arrows, two_headed, x, y, w)
        made += 1


def stop(_signal: int, _frame: object) -> None:
    """Turn the alarm into an error."""
    raise TimeoutError


def ours(task: Task, strategy: str | None, limit: float) -> Answer:
    """Put one question to this package and time it."""
    graph = task.graph()
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        start = perf_counter()
        found = identify(graph, task.x, task.y, given=task.w, strategy=strategy)
        seconds = perf_counter() - start
        if not isinstance(found, Identified):
            return {"seconds": seconds, "identified": False}
        written = text(found.formula)
        held = sum(isinstance(node, P) for node in preorder_traversal(found.formula))
        told = {"characters": len(written), "terms": held, "text": written, "formula": found.formula}
        return {"seconds": seconds, "identified": True} | told
    except TimeoutError:
        return {"slow": True}
    except (ModelError, AssertionError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        return {"failed": f"{type(error).__name__}: {error}"[:200]}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def peer(python: str, asked: Sequence[Task], limit: float, *, tree: bool) -> tuple[str, list[Answer]]:
    """Put questions to y0 in its own process; return its version and its answers."""
    laid = [vars(task) | {"tree": tree} for task in asked]
    request = json.dumps({"limit": limit, "first": vars(NAMED["front door"]) | {"tree": False}, "tasks": laid})
    command = [python, str(HERE / "peers" / "y0_runner.py")]
    run = subprocess.run(
        command, input=request, capture_output=True, text=True, check=True, timeout=limit * (len(laid) + 2)
    )
    reply = json.loads(run.stdout)
    return reply["version"], reply["answers"]


def converted(tree: list[Any], scope: dict[str, Value], used: dict[str, int]) -> Expr:
    """Return a peer's tree in our nodes; each sum binds values that no other does."""
    kind, *rest = tree
    if kind == "P":
        return P(*([Event(n, scope.get(n, Value(n))) for n in names] for names in rest))
    if kind == "sum":
        inner = dict(scope)
        for name in rest[0]:
            used[name] = used.get(name, 0) + 1
            inner[name] = Value(name, used[name])
        return Marginal(converted(rest[1], inner, used), *(inner[n] for n in rest[0]))
    if kind == "ratio":
        above_line, below = (converted(part, scope, used) for part in rest)
        return product([above_line], [below])
    factors = [converted(part, scope, used) for part in rest[0]]
    return Mul(*factors, evaluate=False) if factors else Integer(1)


def right(task: Task, formula: Expr, seed: int, limit: float) -> bool | None:
    """Is a formula right in random models? None where the exact sums are too large."""
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        checked = verify(task.graph(), task.x, task.y, task.w, formula, models=MODELS, cardinalities=(2, 2), seed=seed)
    except TimeoutError:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return checked.holds if isinstance(checked, Verification) else None


@dataclass
class Size:
    """All answers at one number of nodes, by who gave them, and which formulas are right."""

    asked: list[Task]
    answers: dict[str, list[Answer]]
    verdicts: dict[str, list[bool]] = field(default_factory=dict)

    def seconds(self, who: str, limit: float) -> list[float | None]:
        """Return a time a question: the limit where it was stopped, None where there is no answer."""
        return [None if "failed" in a else a.get("seconds", limit) for a in self.answers[who]]

    def both(self, mine: str = OURS, other: str = PEER) -> list[tuple[Answer, Answer]]:
        """Return the answers where both came to a verdict."""
        pairs = zip(self.answers[mine], self.answers.get(other, []), strict=False)
        return [(a, b) for a, b in pairs if "identified" in a and "identified" in b]


def measure(size: int, python: str | None, options: argparse.Namespace) -> tuple[str, Size]:
    """Ask everyone at one number of nodes, and check the formulas."""
    asked = list(tasks(size, options))
    out = Size(asked, {})
    for who, strategy in ((OURS, None), (GENERAL, "general")):
        out.answers[who] = [ours(task, strategy, options.limit) for task in asked]
    version, checked = "", size <= options.checked
    if python and size in options.sizes:
        version, out.answers[PEER] = peer(python, asked, options.limit, tree=checked)
    for who, answers in out.answers.items():
        known = out.verdicts[who] = []
        for number, (task, answer) in enumerate(zip(asked, answers, strict=True)):
            if answer.get("tree"):
                answer["formula"] = converted(answer.pop("tree"), {}, {})
            holds = right(task, answer["formula"], number, options.patience) if "formula" in answer else None
            if holds is not None:
                known.append(holds)
            if holds is False or "failed" in answer or "slow" in answer:
                what = answer.get("failed") or ("slow" if "slow" in answer else f"wrong: {answer['text'][:300]}")
                sys.stderr.write(f"{size} nodes, question {number}: {who}: {what}\n")
    return version, out


def times(results: dict[int, Size], limit: float) -> list[str]:
    """Return the table of times."""
    lines = table(
        *("nodes", "who", "median", "total where yes", "total where no", "slowest"),
        *("beside ours: median", "beside ours: total", f"over {limit:.0f} s", "failed"),
    )
    for size, found in results.items():
        base = found.seconds(OURS, limit)
        for who, answers in found.answers.items():
            took = found.seconds(who, limit)
            both = [(a, b) for a, b in zip(base, took, strict=True) if a is not None and b is not None]
            spent = [b for _, b in both]
            yes = sum(a["seconds"] for a in answers if a.get("identified"))
            slow, failed = (sum(key in a for a in answers) for key in ("slow", "failed"))
            shown = [statistics.median(spent), yes, sum(spent) - yes, max(spent)]
            ratios = [statistics.median(b / a for a, b in both), sum(spent) / sum(a for a, _ in both)]
            beside = ["", ""] if who == OURS else [f"{r:.2g}x" for r in ratios]
            lines.append(row(size, who, *map(written, shown), *beside, slow, failed))
    return lines


def formulas(results: dict[int, Size]) -> list[str]:
    """Return the table of verdicts and formulas."""
    lines = table(
        *("nodes", "who", "identified", "verdict as ours", "wrong formulas", "characters, median", "longest"),
        *("P terms, median", "most", "characters beside ours", "P terms beside ours"),
    )
    for size, found in results.items():
        for who, answers in found.answers.items():
            yes = [a for a in answers if a.get("identified")]
            decided = found.both(OURS, who)
            same = sum(a["identified"] == b["identified"] for a, b in decided)
            known = found.verdicts[who]
            wrong = f"{known.count(False)} of {len(known)} checked" if known else "not checked"
            pairs = [(a, b) for a, b in decided if a["identified"] and b["identified"]]
            cells = []
            for what in ("characters", "terms"):
                lengths = [a[what] for a in yes]
                cells += [f"{statistics.median(lengths):.0f}", max(lengths)] if lengths else ["–", "–"]
            if who == OURS or not pairs:
                cells += ["", ""]
            else:
                cells += [f"{statistics.median(b[k] / a[k] for a, b in pairs):.2g}x" for k in ("characters", "terms")]
            lines.append(row(size, who, len(yes), f"{same} of {len(decided)}" * (who != OURS), wrong, *cells))
    return lines


def named(python: str | None, options: argparse.Namespace) -> list[str]:
    """Return the table of graphs known by name, with all formulas."""
    lines = table("graph", "who", "answer", "right?")
    answers = {OURS: [ours(task, None, options.limit) for task in NAMED.values()]}
    if python:
        answers[PEER] = peer(python, list(NAMED.values()), options.limit, tree=True)[1]
    for number, (name, task) in enumerate(NAMED.items()):
        for who, found in answers.items():
            answer = found[number]
            if "tree" in answer:
                answer["formula"] = converted(answer["tree"], {}, {})
            holds = right(task, answer["formula"], 0, options.patience) if "formula" in answer else name == "bow"
            said = f"`{answer['text']}`" if answer.get("identified") else answer.get("failed", "not identified")
            lines.append(row(name, who, said.replace("|", "\\|"), "yes" if holds else "**wrong**"))
    return lines


def failures(results: dict[int, Size]) -> list[str]:
    """Return what went wrong, by who and by what was said, names left out."""
    seen = Counter(
        f"{who}: {re.sub(r'v[0-9]+', '…', answer['failed'])}"
        for found in results.values()
        for who, answers in found.answers.items()
        for answer in answers
        if "failed" in answer
    )
    return [f"- {what} ({many} times)" for what, many in seen.most_common()] or ["Nobody failed."]


def page(results: dict[int, Size], known: list[str], version: str, options: argparse.Namespace) -> str:
    """Return the whole report."""
    peers = f"y0 {version}" if version else f"y0 missing ({INSTALL})"
    said = (
        f"Random ADMGs with {options.arrows:g} arrows and {options.hidden:g} two-headed edges a node, none longer than",
        f"{options.span} places of the order of causes; {options.questions} questions a size, each with a graph of its",
        f"own (seed {options.seed}): of five, three about a cause and an outcome, one about two of each, one given a",
        "third node. Each is asked once, in a process that has started and is warm; the graph is built before the",
        f"clock starts. A question stopped after {options.limit:.0f} s counts as that long. Beside ours: over the",
        "questions that both answer; lengths are of the formula as each writes it, over the questions that both call",
        "identified.",
        f"Wrong: off the exact effect in one of {MODELS} random models, two values a variable, for some value of what",
        f"stands free; y0 is checked up to {options.checked} nodes, ours where the exact sums are small enough.",
        f"On {os.cpu_count()} shared cores, Python {platform.python_version()}, causalgraph {causalgraph.__version__},",
        f"{peers}.",
    )
    timed, compared, failed = times(results, options.limit), formulas(results), failures(results)
    parts = (("Time", timed), ("Verdicts and formulas", compared), ("By name", known), ("Failures", failed))
    lines = ["# Identification beside y0", "", *textwrap.wrap(" ".join(said), 119)]
    for title, rows in parts:
        lines += ["", f"## {title}", "", *rows]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run all sizes and print the tables; the exit code says whether all formulas of ours are right and in time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 14, 20, 40, 80], help="nodes, both asked")
    parser.add_argument("--alone", type=int, nargs="*", default=[150, 300], help="nodes, ours asked alone")
    parser.add_argument("--questions", type=int, default=30, help="questions a size")
    parser.add_argument("--checked", type=int, default=20, help="the most nodes at which y0's formulas are checked")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for one question")
    parser.add_argument("--patience", type=float, default=20.0, help="seconds for checking one formula")
    parser.add_argument("--arrows", type=float, default=2.0, help="arrows a node")
    parser.add_argument("--hidden", type=float, default=0.4, help="two-headed edges a node")
    parser.add_argument("--span", type=int, default=10, help="the longest edge, in places of the order of causes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peer-python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    python = dict(p.split("=", 1) for p in options.peer_python).get(PEER)
    signal.signal(signal.SIGALRM, stop)
    for task in (WARM, NAMED["front door"]):
        ours(task, None, options.limit)
    results: dict[int, Size] = {}
    version = ""
    for size in (*options.sizes, *options.alone):
        begun = perf_counter()
        found, results[size] = measure(size, python, options)
        version = found or version
        sys.stderr.write(f"{size} nodes took {perf_counter() - begun:.0f} s in all\n")
    written_page = page(results, named(python, options), version, options)
    sys.stdout.write(written_page)
    if options.write:
        Path(__file__).with_suffix(".md").write_text(written_page, encoding="utf-8")
    mine = [(found.answers[who], found.verdicts[who]) for found in results.values() for who in (OURS, GENERAL)]
    broken = any("failed" in a or "slow" in a for answers, _ in mine for a in answers)
    return int(broken or any(False in known for _, known in mine))


if __name__ == "__main__":
    # This folder comes first on the path, but its coverage.py isn't what numba looks for under that name.
    sys.path.remove(str(HERE))
    sys.exit(main())
