"""y0 answers the questions of identify.py: JSON on stdin, JSON on stdout, in y0's own environment.

    python y0_runner.py < questions.json

Each question has its own graph, which is built before the clock starts. A question that takes longer than the limit is
stopped. A formula is told by its length as y0 writes it, by how many probabilities it holds, and, where it is asked
for, as a tree of lists.
"""

from __future__ import annotations

import importlib.metadata
import json
import resource
import signal
import sys
import time
from typing import Any

from y0.algorithm.identify import identify_outcomes
from y0.dsl import Expression, Fraction, One, Probability, Product, Sum, Variable
from y0.graph import NxMixedGraph

MOST_MEMORY = 4 * 2**30
MOST_DEPTH = 20_000


def stop(_signal: int, _frame: object) -> None:
    """Turn the alarm into an error."""
    raise TimeoutError


def tree(expr: Expression) -> list[Any]:
    """Return an expression as lists."""
    match expr:
        case Probability():
            return ["P", [v.name for v in expr.children], [v.name for v in expr.parents]]
        case Product():
            return ["product", [tree(e) for e in expr.expressions]]
        case Sum():
            return ["sum", sorted(v.name for v in expr.ranges), tree(expr.expression)]
        case Fraction():
            return ["ratio", tree(expr.numerator), tree(expr.denominator)]
        case One():
            return ["product", []]
    raise TypeError(type(expr).__name__)


def terms(expr: list[Any]) -> int:
    """Return how many probabilities a tree holds."""
    kind, *rest = expr
    inner = {"P": [], "product": rest[0], "sum": rest[1:], "ratio": rest}[kind]
    return int(kind == "P") + sum(map(terms, inner))


def answer(task: dict[str, Any], limit: float) -> dict[str, Any]:
    """Put one question to y0 and time it."""
    graph = NxMixedGraph.from_str_edges(nodes=task["nodes"], directed=task["arrows"], undirected=task["two_headed"])
    x, y, w = ({Variable(n) for n in task[k]} for k in "xyw")
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        start = time.perf_counter()
        found = identify_outcomes(graph, treatments=x, outcomes=y, conditions=w or None)
        seconds = time.perf_counter() - start
        if found is None:
            return {"seconds": seconds, "identified": False}
        laid = tree(found)
        out = {"seconds": seconds, "identified": True, "characters": len(found.to_y0()), "terms": terms(laid)}
        return out | ({"tree": laid, "text": found.to_y0()} if task["tree"] else {})
    except TimeoutError:
        return {"slow": True}
    except Exception as error:  # noqa: BLE001 (a peer may raise anything; what it says is shown)
        return {"failed": f"{type(error).__name__}: {error}"[:200]}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    """Answer all questions, after one that isn't counted."""
    asked = json.load(sys.stdin)
    sys.setrecursionlimit(MOST_DEPTH)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    signal.signal(signal.SIGALRM, stop)
    answer(asked["first"], asked["limit"])
    answers = [answer(task, asked["limit"]) for task in asked["tasks"]]
    json.dump({"version": importlib.metadata.version("y0"), "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main()
