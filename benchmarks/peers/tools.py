"""Ours and the Python peers answer the questions of criteria.py: a line of JSON in, a line out.

    python tools.py NAME

Each tool runs here in an environment of its own, so nothing outside a tool's function may import what that environment
need not have. Nodes are numbers in what is read and written; what a tool needs them to be is laid out before the clock
starts. A tool's function takes the task and returns a table: question -> what to lay out, what to time, how to tell it.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

Task = dict[str, Any]
SET_LIMIT = 100
LEAST = 2


class Question(NamedTuple):
    """What to lay out before the clock starts, what to time, and how to tell the outcome in numbers."""

    before: Callable[..., Any]
    ask: Callable[..., Any]
    tell: Callable[[Any], Any]


def number(name: Any) -> int:
    """Return a node's number."""
    return int(str(name)[1:])


def numbers(names: Any) -> list[int]:
    """Return the numbers of names, in order."""
    return sorted(map(number, names))


def maybe(found: Any) -> list[int] | None:
    """Return the numbers of names, or None where there is no set."""
    return None if found is None else numbers(found)


def itself(found: Any) -> Any:
    """Return what was found."""
    return found


def named(x: int, y: int, z: list[int] | None = None) -> tuple[Any, ...]:
    """Return names instead of numbers."""
    return (f"v{x}", f"v{y}") if z is None else (f"v{x}", f"v{y}", frozenset(f"v{i}" for i in z))


def undirected(edges: Any) -> list[list[int]]:
    """Return edges as pairs of numbers."""
    return sorted(numbers(edge) for edge in edges)


def causalgraph_tool(task: Task) -> dict[str, Question]:
    """Prepare ours: the graph with its index."""
    from causalgraph.criteria.adjustment import check_adjustment, minimal_adjustment_sets
    from causalgraph.criteria.frontdoor import maximum_frontdoor_set
    from causalgraph.criteria.instruments import conditional_instruments
    from causalgraph.criteria.separation import connecting
    from causalgraph.graphs.equivalence import cpdag
    from causalgraph.graphs.mixed import MixedGraph

    graph = MixedGraph.build(
        [(f"v{a}", "->", f"v{b}") for a, b in task["edges"]], [f"v{i}" for i in range(task["nodes"])]
    )
    _ = graph.index

    def one(x: str, z: list[int]) -> tuple[Any, ...]:
        return f"v{x}", frozenset(f"v{i}" for i in z)

    return {
        "connected": Question(one, lambda x, z: connecting(graph, (x,), z).names, numbers),
        "traversal": Question(
            one, lambda x, z: connecting(graph, (x,), z).mask, lambda mask: mask.nonzero()[0].tolist()
        ),
        "one_set": Question(named, lambda x, y: next(minimal_adjustment_sets(graph, x, y), None), maybe),
        "hundred_sets": Question(
            named,
            lambda x, y: list(islice(minimal_adjustment_sets(graph, x, y), SET_LIMIT)),
            lambda found: list(map(numbers, found)),
        ),
        "valid": Question(named, lambda x, y, z: check_adjustment(graph, x, y, z).valid, itself),
        "frontdoor": Question(named, lambda x, y: maximum_frontdoor_set(graph, x, y), maybe),
        "instruments": Question(
            named,
            lambda x, y: list(conditional_instruments(graph, x, y)),
            lambda found: [[number(i.name), numbers(i.given)] for i in found],
        ),
        "cpdag": Question(
            tuple,
            lambda: cpdag(graph),
            lambda found: undirected((e.left, e.right) for e in found.edges if e.mark == "--"),
        ),
    }


# Rule tables for CIfly, written from the definitions. A walk is open where a collider lies in Z and any other node
# outside; the first line that fits a pair of edges counts.
EDGES = "EDGES --> <--\n"
CONNECTED = f"""{EDGES}SETS X, Z
START <-- AT X
OUTPUT ...
--> | <-- | current in Z
... | ... | current not in Z
"""
ANCESTORS = f"{EDGES}SETS X\nSTART <-- AT X\nOUTPUT ...\n<-- | <-- | true\n"
DESCENDANTS = f"{EDGES}SETS X\nSTART --> AT X\nOUTPUT ...\n--> | --> | true\n"
PAST = f"{EDGES}SETS X, W\nSTART --> AT X\nOUTPUT ...\n--> | --> | next not in W\n"
# C holds the nodes on causal paths: an arrow from X into C is cut.
UPWARD = f"{EDGES}SETS X, C, S\nSTART <-- AT S\nOUTPUT ...\n<-- | <-- | next not in X or current not in C\n"
BACKDOOR = f"""{EDGES}SETS X, C, Z, S
START <-- AT S
OUTPUT ...
--> | <-- | current in Z and (next not in X or current not in C)
... | <-- | current not in Z and (next not in X or current not in C)
... | --> | current not in Z and (current not in X or next not in C)
"""
# From X along paths that enter it, with nothing given.
INTO = f"""{EDGES}SETS X
START <-- AT X
OUTPUT ...
... | --> | current not in X
<-- | <-- | true
"""
# From Y given X (colliders pass in A, its ancestors) without the arrows that leave candidates; a candidate that is
# entered has fallen, and one of those above Y then lets everything through.
FALLING = f"""{EDGES}SETS X, A, C, D, S
START <-- AT S
OUTPUT ...
--> | <-- | (current in A or current in D) and next not in C
... | <-- | current not in X and next not in C
... | --> | current not in X
"""


def ciflypy_tool(task: Task) -> dict[str, Question]:
    """Prepare CIfly: the graph parsed, each criterion composed of its rule tables and set operations."""
    import ciflypy

    def table(text: str) -> Any:
        return ciflypy.Ruletable(text, table_as_string=True)

    graph = ciflypy.Graph({"-->": [tuple(e) for e in task["edges"]]}, CONNECTED, table_as_string=True)
    connected, ancestors, descendants, past = map(table, (CONNECTED, ANCESTORS, DESCENDANTS, PAST))
    upward, backdoor, into, falling = map(table, (UPWARD, BACKDOOR, INTO, FALLING))

    def walk(rules: Any, **sets: Any) -> set[int]:
        return set(ciflypy.reach(graph, {k: v if isinstance(v, int) else list(v) for k, v in sets.items()}, rules))

    def causal(x: int, y: int) -> set[int]:
        return (walk(past, X=x, W=x) & walk(ancestors, X=y)) - {x}

    def one_set(x: int, y: int) -> set[int] | None:
        cut = causal(x, y)
        z = walk(upward, X=x, C=cut, S=[x, y]) - walk(descendants, X=cut) - {x, y}
        near_y = walk(backdoor, X=x, C=cut, Z=z, S=y)
        if x in near_y:
            return None
        z &= near_y
        return z & walk(backdoor, X=x, C=cut, Z=z, S=x)

    def valid(x: int, y: int, z: list[int]) -> bool:
        cut = causal(x, y)
        return walk(descendants, X=cut).isdisjoint(z) and y not in walk(backdoor, X=x, C=cut, Z=z, S=x)

    def frontdoor(x: int, y: int) -> set[int] | None:
        free = set(range(task["nodes"])) - walk(into, X=x) - {x, y}
        above = walk(ancestors, X=y)
        z = free - walk(falling, X=x, A=walk(ancestors, X=x), C=free, D=free & above, S=y)
        return None if y in walk(past, X=x, W=z) else z

    def told(found: set[int] | None) -> list[int] | None:
        return None if found is None else sorted(found)

    reached = Question(lambda x, z: ({"X": x, "Z": z},), lambda sets: ciflypy.reach(graph, sets, connected), sorted)
    pair = lambda *query: query  # noqa: E731 (nothing to lay out)
    return {
        "connected": reached,
        "traversal": reached,
        "one_set": Question(pair, one_set, told),
        "valid": Question(pair, valid, itself),
        "frontdoor": Question(pair, frontdoor, told),
    }


def pgmpy_tool(task: Task) -> dict[str, Question]:
    """Prepare pgmpy."""
    import warnings

    warnings.simplefilter("ignore")
    from pgmpy.base import DAG
    from pgmpy.inference import CausalInference

    graph = DAG()
    graph.add_nodes_from([f"v{i}" for i in range(task["nodes"])])
    graph.add_edges_from([(f"v{a}", f"v{b}") for a, b in task["edges"]])
    solver = CausalInference(graph)

    def one(x: int, z: list[int]) -> tuple[Any, ...]:
        return f"v{x}", [f"v{i}" for i in z]

    def hundred(x: str, y: str) -> list[Any]:
        return list(solver.get_all_backdoor_adjustment_sets(x, y)) or [()]

    return {
        "connected": Question(one, lambda x, z: graph.active_trail_nodes(x, observed=z)[x], numbers),
        "one_set": Question(named, solver.get_minimal_adjustment_set, maybe),
        "hundred_sets": Question(named, hundred, lambda found: list(map(numbers, found))),
        "valid": Question(named, lambda x, y, z: solver.is_valid_adjustment_set(x, y, list(z)), itself),
        "frontdoor": Question(
            named,
            lambda x, y: next(iter(solver.get_all_frontdoor_adjustment_sets(x, y)), None),
            maybe,
        ),
        "instruments": Question(
            named,
            solver.get_conditional_ivs,
            lambda found: [[number(z), numbers(w)] for z, w in found],
        ),
        "cpdag": Question(tuple, graph.to_pdag, lambda found: undirected(found.undirected_edges)),
    }


def dowhy_tool(task: Task) -> dict[str, Question]:
    """Prepare DoWhy."""
    import logging

    import networkx as nx
    from dowhy.causal_identifier import auto_identifier

    logging.disable(logging.WARNING)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(f"v{i}" for i in range(task["nodes"]))
    graph.add_edges_from((f"v{a}", f"v{b}") for a, b in task["edges"])
    names = list(graph.nodes)

    def one_set(x: str, y: str) -> Any:
        found = auto_identifier.identify_generalized_adjustment_set(graph, [x], [y], names)
        return found[0].get_adjustment_variables() if found else None

    def frontdoor(x: str, y: str) -> Any:
        return auto_identifier.identify_frontdoor(graph, [x], [y], names) or None

    return {"one_set": Question(named, one_set, maybe), "frontdoor": Question(named, frontdoor, maybe)}


TOOLS = {
    "causalgraph": causalgraph_tool,
    "ciflypy": ciflypy_tool,
    "pgmpy": pgmpy_tool,
    "dowhy": dowhy_tool,
}


def answered(table: dict[str, Question], request: dict[str, Any]) -> dict[str, Any]:
    """Time a question: for each query the least of several repeats, of one where a repeat would take long."""
    if request["question"] not in table:
        return {"offered": False}
    question = table[request["question"]]
    times: list[float] = []
    answers: list[Any] = []
    for query in request["queries"]:
        laid = question.before(*query)
        again = 2.0 if times else 10.0  # the first call may still load what later ones find loaded
        best, spent, calls = float("inf"), 0.0, 0
        while calls == 0 or (best < again and calls < request["repeats"] and (calls < LEAST or spent < 1)):
            start = time.perf_counter()
            found = question.ask(*laid)
            took = time.perf_counter() - start
            best, spent, calls = min(best, took), spent + took, calls + 1
        times.append(best)
        answers.append(question.tell(found))
    return {"times": times, "answers": answers}


def main(tool: str) -> None:
    """Read the graph, then questions, until the input ends."""
    table: dict[str, Question] = {}
    for text in sys.stdin:
        request = json.loads(text)
        try:
            if "edges" in request:
                start = time.perf_counter()
                table = TOOLS[tool](request)
                reply = {"built": time.perf_counter() - start, "version": importlib.metadata.version(tool)}
            else:
                reply = answered(table, request)
        except Exception as error:  # noqa: BLE001 (a peer may raise anything; what it says is shown)
            reply = {"failed": f"{type(error).__name__}: {error}"[:200]}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    # A script's folder comes first on the path, and no name in it is what a peer looks for.
    sys.path.remove(str(Path(__file__).resolve().parent))
    main(sys.argv[1])
