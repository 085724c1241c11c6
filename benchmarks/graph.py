"""Graph criteria beside the peers: d-separation and one minimal adjustment set on sparse DAGs, the same ones for all.

    python benchmarks/graph.py [--sizes 100 1000 10000 100000] [--peer NAME=PYTHON ...] [--write]

Each tool runs in a process of its own, with the interpreter named for it (``--peer ciflypy=/path/to/python``), so that
pins that clash don't matter; without a name a peer is left out, and networkx runs with ours. Building a graph in the
tool's own form isn't counted, our index is shown apart. Answers must agree: d-separation to the letter, and an
adjustment set must be valid by our criterion. ``--write`` renews graph.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

QUERIES = 5
SET_LIMIT = 100
BUDGET = 100.0  # seconds for one tool on one size; after that it counts as not finished

Task = dict[str, Any]


# What runs in a tool's own process. Nothing here may import what that process need not have.


def causalgraph_tool(task: Task) -> Callable[[str, list[Any]], Any]:
    """Prepare ours."""
    from itertools import islice

    from causalgraph.criteria.adjustment import minimal_adjustment_sets
    from causalgraph.criteria.separation import separation
    from causalgraph.graphs.mixed import MixedGraph

    graph = MixedGraph.build([(a, "->", b) for a, b in task["edges"]], task["nodes"])
    start = time.perf_counter()
    _ = graph.index
    task["index"] = time.perf_counter() - start

    def run(kind: str, query: list[Any]) -> Any:
        x, y, z = query
        if kind == "separation":
            return separation(graph, x, y, given=z).separated
        if kind == "hundred":
            return [sorted(s) for s in islice(minimal_adjustment_sets(graph, x, y), SET_LIMIT)]
        return next((sorted(s) for s in minimal_adjustment_sets(graph, x, y)), None)

    return run


def networkx_tool(task: Task) -> Callable[[str, list[Any]], Any]:
    """Prepare networkx; a minimal adjustment set is a minimal separator in the back-door graph, composed by hand."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(task["nodes"])
    graph.add_edges_from(task["edges"])

    def run(kind: str, query: list[Any]) -> Any:
        x, y, z = query
        if kind == "separation":
            return nx.is_d_separator(graph, {x}, {y}, set(z))
        causal = (nx.descendants(graph, x) & (nx.ancestors(graph, y) | {y})) - {x}
        forbidden = set(causal).union(*(nx.descendants(graph, n) for n in causal)) | {x}
        trimmed = graph.copy()
        trimmed.remove_edges_from([(x, n) for n in causal if graph.has_edge(x, n)])
        allowed = (nx.ancestors(trimmed, x) | nx.ancestors(trimmed, y)) - forbidden - {y}
        found = nx.find_minimal_d_separator(trimmed, {x}, {y}, restricted=allowed)
        return None if found is None else sorted(found)

    return run


def pgmpy_tool(task: Task) -> Callable[[str, list[Any]], Any]:
    """Prepare pgmpy."""
    from pgmpy.base import DAG

    graph = DAG()
    graph.add_nodes_from(task["nodes"])
    graph.add_edges_from(task["edges"])

    def run(kind: str, query: list[Any]) -> Any:
        x, y, z = query
        if kind == "separation":
            return not graph.is_dconnected(x, y, observed=z)
        raise NotImplementedError

    return run


def dowhy_tool(task: Task) -> Callable[[str, list[Any]], Any]:
    """Prepare DoWhy."""
    import networkx as nx
    from dowhy.causal_identifier import AutoIdentifier, BackdoorAdjustment, EstimandType
    from dowhy.graph import check_dseparation

    graph = nx.DiGraph()
    graph.add_nodes_from(task["nodes"])
    graph.add_edges_from(task["edges"])

    def run(kind: str, query: list[Any]) -> Any:
        x, y, z = query
        if kind == "separation":
            return bool(check_dseparation(graph, {x}, {y}, set(z)))
        finder = AutoIdentifier(EstimandType.NONPARAMETRIC_ATE, BackdoorAdjustment.BACKDOOR_MIN)
        found = finder.identify_backdoor(graph, [x], [y], [n for n in task["nodes"] if n not in (x, y)])
        return sorted(found[0].get_adjustment_variables()) if found else None

    return run


# d-separation as CIfly's documentation writes it: a collider in Z sends the search back up.
BAYES_BALL = """
EDGES --> <--
SETS X, Z
START <-- AT X
OUTPUT ...

--> | <-- | current in Z
... | ... | current not in Z
"""


def ciflypy_tool(task: Task) -> Callable[[str, list[Any]], Any]:
    """Prepare ciflypy with the Bayes-ball rule table."""
    import ciflypy as cifly

    number = {n: i for i, n in enumerate(task["nodes"])}
    arrows = {"-->": [(number[a], number[b]) for a, b in task["edges"]]}
    graph = cifly.Graph(arrows, task["table"], table_as_string=True)
    table = cifly.Ruletable(task["table"], table_as_string=True)

    def run(kind: str, query: list[Any]) -> Any:
        x, y, z = query
        if kind == "separation":
            reached = cifly.reach(graph, {"X": [number[x]], "Z": [number[n] for n in z]}, table)
            return number[y] not in reached
        raise NotImplementedError

    return run


TOOLS = {
    "causalgraph": causalgraph_tool,
    "networkx": networkx_tool,
    "ciflypy": ciflypy_tool,
    "pgmpy": pgmpy_tool,
    "dowhy": dowhy_tool,
}


def work(tool: str, place: str) -> None:
    """Run one tool on one task and print times and answers as JSON."""
    task = json.loads(Path(place).read_text(encoding="utf-8"))
    run = TOOLS[tool](task)
    out: dict[str, Any] = {"index": task.get("index")}
    kinds = ("separation", "set", "hundred") if tool == "causalgraph" else ("separation", "set")
    for kind in kinds:
        queries = task["sets" if kind != "separation" else "separation"]
        times, answers = [], []
        try:
            run(kind, queries[0])  # warm: compiled code and caches are loaded
            for query in queries:
                start = time.perf_counter()
                answers.append(run(kind, query))
                times.append(time.perf_counter() - start)
        except NotImplementedError:
            continue
        out[kind] = {"seconds": sorted(times)[len(times) // 2], "answers": answers}
        sys.stdout.write(json.dumps({kind: out[kind], "index": out["index"]}) + "\n")
        sys.stdout.flush()


# What runs here.


def make(size: int, seed: int) -> Task:
    """Return a sparse random DAG (about two arrows a node) and the questions to all tools."""
    import numpy as np

    rng = np.random.default_rng(seed)
    names = [f"v{i}" for i in range(size)]
    ends = rng.integers(0, size, (2 * size, 2))
    edges = sorted({(int(min(a, b)), int(max(a, b))) for a, b in ends.tolist() if a != b})
    separation = []
    for _ in range(QUERIES):
        order = rng.permutation(size)
        separation.append([names[order[0]], names[order[1]], [names[i] for i in order[2 : 2 + max(2, size // 20)]]])
    parents: dict[int, list[int]] = {}
    for a, b in edges:
        parents.setdefault(b, []).append(a)
    # Treatments with a parent, outcomes a step or two below, so that there is something to adjust for.
    sets = []
    for a, b in (edges[i] for i in rng.permutation(len(edges))):
        if parents.get(a) and len(parents.get(b, [])) > 1:
            sets.append([names[a], names[b], []])
        if len(sets) == QUERIES:
            break
    return {
        "nodes": names,
        "edges": [[names[a], names[b]] for a, b in edges],
        "separation": separation,
        "sets": sets,
        "table": BAYES_BALL,
    }


def ask(python: str, tool: str, place: Path) -> dict[str, Any]:
    """Run a tool in its own process; what it didn't finish in time is missing."""
    command = [python, str(Path(__file__).resolve()), "--tool", tool, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            printed, complaints = process.communicate(timeout=BUDGET)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, complaints = process.communicate()
    out: dict[str, Any] = {}
    for row in printed.splitlines():
        if row.startswith("{"):
            out |= json.loads(row)
    if not out and complaints:
        sys.stderr.write(f"{tool}: {complaints.strip().splitlines()[-1]}\n")
    return out


def agree(task: Task, found: dict[str, dict[str, Any]]) -> list[str]:
    """Return where the tools' answers differ from ours."""
    from causalgraph.criteria.adjustment import check_adjustment
    from causalgraph.graphs.mixed import MixedGraph

    graph = MixedGraph.build([(a, "->", b) for a, b in task["edges"]], task["nodes"])
    wrong = []
    ours = found["causalgraph"]
    for tool, answers in found.items():
        if "separation" in answers and answers["separation"]["answers"] != ours["separation"]["answers"]:
            wrong.append(f"{tool}: separation differs")
        for (x, y, _), answer in zip(task["sets"], answers.get("set", {}).get("answers", []), strict=False):
            if answer is not None and not check_adjustment(graph, x, y, answer).valid:
                wrong.append(f"{tool}: {answer} isn't valid for {x} and {y}")
    return wrong


def main() -> int:
    """Run all sizes and print the table; the exit code says whether all answers agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    pythons = {"causalgraph": sys.executable, "networkx": sys.executable} | dict(p.split("=", 1) for p in options.peer)
    rows = ["| nodes | question | " + " | ".join(pythons) + " | index |", "|---" * (len(pythons) + 3) + "|"]
    failures: list[str] = []
    for size in options.sizes:
        task = make(size, seed=size)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "task.json"
            place.write_text(json.dumps(task), encoding="utf-8")
            found = {tool: ask(python, tool, place) for tool, python in pythons.items()}
        failures += agree(task, found)
        ours = found["causalgraph"]
        for kind, said in (
            ("separation", "d-separation"),
            ("set", "one minimal set"),
            ("hundred", "up to 100 minimal sets"),
        ):
            cells = []
            for tool in pythons:
                if kind not in found[tool]:
                    cells.append("–")
                    continue
                seconds = found[tool][kind]["seconds"]
                ratio = "" if tool == "causalgraph" else f" ({seconds / ours[kind]['seconds']:.1f}x)"
                cells.append(f"{seconds * 1000:.2f} ms{ratio}")
            index = f"{ours['index'] * 1000:.1f} ms" if kind == "separation" else ""
            rows.append(f"| {size:,} | {said} | {' | '.join(cells)} | {index} |")
            sys.stdout.write(rows[-1] + "\n")
            sys.stdout.flush()
    head = (
        "# Graph criteria beside the peers\n\n"
        f"Medians of {QUERIES} questions on sparse random DAGs (two arrows a node), one process a tool; in brackets\n"
        "how many times as long as ours. The index is built once a graph. – : not offered, or not finished in "
        f"{BUDGET:.0f} s. Answers agree. Made by\n`python benchmarks/graph.py --write`, on {os.cpu_count()} cores.\n\n"
    )
    if options.write:
        Path(__file__).with_suffix(".md").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    for failure in failures:
        sys.stdout.write(f"DISAGREES: {failure}\n")
    return int(bool(failures))


if __name__ == "__main__":
    # A script's folder comes first on the path, and coverage.py beside this one is not what numba looks for there.
    sys.path.remove(str(Path(__file__).resolve().parent))
    if sys.argv[1:2] == ["--tool"]:
        work(sys.argv[2], sys.argv[3])
    else:
        sys.exit(main())
