"""Graph criteria beside the peers: each question to each tool on the same random DAGs, in one run.

    python benchmarks/criteria.py [--sizes 100 1000 10000 100000] [--peer-python NAME=PATH ...] [--write]

Ours runs with this interpreter, and so does a Python peer that is installed beside it. ``--peer-python`` names the
interpreter of another environment (``ciflypy=/path/to/python``); for dagitty it names the library, which node runs. A
tool runs in a process of its own; its graph is built and its queries are laid out before the clock starts. A time is
the least of several repeats, averaged over the queries. A tool whose answer to a question takes longer than ``--limit``
isn't asked that question at the next size. Answers must agree; what doesn't is listed, and the exit code is 1.
``--write`` renews criteria.md beside this file.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from criteria_tasks import JUDGES, graph_of, make

HERE = Path(__file__).resolve().parent
REPEATS = 30
LOADING = 120.0  # seconds for loading a tool and building the graph

QUESTIONS = {
    "traversal": "every node m-connected to X given Z (n/20 nodes); ours told as a mask",
    "connected": "every node m-connected to X given Z (n/20 nodes); ours told as names",
    "one_set": "one minimal adjustment set",
    "hundred_sets": "all minimal adjustment sets, the first 100",
    "valid": "is this set a valid adjustment set?",
    "frontdoor": "a front-door set (ours and CIfly's: the largest)",
    "instruments": "conditional instruments: every variable that is one, with its covariates",
    "cpdag": "the CPDAG of a DAG",
}

INSTALL = {
    "dagitty": "pip download --no-deps jupyterlab-dagitty, unzip its wheel, and name the folder with its scripts "
    "(labextensions/jupyterlab-dagitty/static), or a dagitty-node.js; node must be installed",
    "ciflypy": "pip install ciflypy",
    "pgmpy": "pip install pgmpy",
    "dowhy": "pip install dowhy",
}

# Where a peer says something else on purpose, or is known to be wrong: shown, and no failure of ours.
OTHERWISE = {
    ("dagitty", "instruments"): "it bars what lies between X and Y and below Y, but nothing else below a mediator",
    ("pgmpy", "valid"): "it asks for separation alone, so it accepts sets that hold a mediator",
    ("pgmpy", "instruments"): "it asks for the coefficient of an arrow, and fails where X and Y share none",
}

Reply = dict[str, Any]


class TooSlowError(Exception):
    """A tool took longer than it may."""


class Tool:
    """A tool in its own process: a line of JSON goes in, a line comes out."""

    def __init__(self, command: list[str], limit: float) -> None:
        """Remember how to start it."""
        self.command, self.limit = command, limit
        self.process: subprocess.Popen[str] | None = None
        self.built: Reply = {}

    def start(self, task: Reply) -> Reply:
        """Start the process and let it build the graph."""
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        return self.say({"nodes": task["nodes"], "edges": task["edges"]}, LOADING)

    def say(self, request: Reply, limit: float | None = None) -> Reply:
        """Send a line and wait for the answer.

        Raises:
            TooSlowError: none came in time; the process has been ended.
        """
        process = self.process
        if process is None or process.stdin is None or process.stdout is None:
            return {"failed": "it isn't running"}
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return {"failed": "it has ended"}
        ready, _, _ = select.select([process.stdout], [], [], limit or self.limit)
        if not ready:
            self.stop()
            raise TooSlowError
        line = process.stdout.readline()
        reply: Reply = json.loads(line) if line else {"failed": "it has ended"}
        return reply

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def tools(paths: dict[str, str], limit: float) -> dict[str, Tool]:
    """Return the tools that are at hand, ours first."""
    runner = str(HERE / "peers" / "tools.py")
    found = {"causalgraph": Tool([sys.executable, runner, "causalgraph"], limit)}
    node = shutil.which("node")
    if node and "dagitty" in paths:
        found["dagitty"] = Tool(
            [node, "--stack-size=8000", str(HERE / "peers" / "dagitty.js"), paths["dagitty"]], limit
        )
    for name in ("ciflypy", "pgmpy", "dowhy"):
        python = paths.get(name) or (sys.executable if importlib.util.find_spec(name) else None)
        if python:
            found[name] = Tool([python, runner, name], limit)
    return found


def ask(tool: Tool, task: Reply, wanted: list[str]) -> dict[str, Reply]:
    """Put questions to one tool, whose process starts anew after one that took too long."""
    out: dict[str, Reply] = {}
    for question in wanted:
        try:
            if tool.process is None:
                tool.built = tool.start(task)
            request = {"question": question, "queries": task["questions"][question], "repeats": REPEATS}
            out[question] = tool.built if "failed" in tool.built else tool.say(request)
        except TooSlowError:
            out[question] = {"slow": True}
    tool.stop()
    return out


def mean(reply: Reply) -> float | None:
    """Return the mean time of a reply in seconds, None where there is none."""
    times = reply.get("times")
    return sum(times) / len(times) if times else None


def written(seconds: float) -> str:
    """Write a time in its natural unit.

    >>> written(0.00012), written(0.5), written(3)
    ('0.12 ms', '500 ms', '3.0 s')
    """
    if seconds >= 1:
        return f"{seconds:.1f} s"
    milli = seconds * 1000
    return f"{milli:.0f} ms" if milli >= 100 else f"{milli:.2g} ms" if milli < 10 else f"{milli:.1f} ms"


def cell(reply: Reply | None, ours: float | None, limit: float) -> str:
    """Write what a tool did with a question."""
    if reply is None:
        return "not asked"
    if "slow" in reply:
        return f"> {limit:.0f} s"
    if "failed" in reply:
        return "failed"
    took = mean(reply)
    if took is None:
        return "–"
    return written(took) + (f" ({took / ours:.2g}x)" if ours else "")


def growth(times: dict[int, float]) -> str:
    """Write how much longer the largest graph takes than the smallest, and the power of the size that this is."""
    if len(times) < 2:
        return ""
    (least, fast), (most, slow) = min(times.items()), max(times.items())
    power = math.log(slow / fast) / math.log(most / least)
    return f"{slow / fast:,.0f}x for {most // least:,}x (n^{power:.2f})"


def compare(task: Reply, found: dict[str, dict[str, Reply]]) -> list[str]:
    """Return the differences: tool, size, question, and what differs."""
    graph = graph_of(task)
    out = []
    for tool, replies in found.items():
        for question, reply in replies.items():
            ours = found["causalgraph"].get(question, {})
            where = f"{tool}, {task['nodes']:,} nodes, {question}"
            if (tool, question) in OTHERWISE:
                continue
            if "failed" in reply:
                out.append(f"{where}: failed: {reply['failed']}")
            if "answers" not in reply or "answers" not in ours:
                continue
            triples = zip(task["questions"][question], ours["answers"], reply["answers"], strict=True)
            differ = [s for query, mine, other in triples for s in JUDGES[question](graph, query, mine, other)]
            out += [f"{where}: {differ[0]} ({len(differ)} in all)"] if differ else []
    return out


def head(versions: dict[str, str], options: argparse.Namespace, missing: list[str]) -> list[str]:
    """Return the lines above the tables."""
    at_hand = ", ".join(f"{name} {version}".strip() for name, version in versions.items())
    tables = "what it answers beyond that is composed here of rule tables"
    slow = f"> {options.limit:.0f} s: not finished within that time for all queries"
    said = [
        "Random DAGs of mean degree 3, the same for all tools, their number of nodes the seed; an arrow spans at",
        f"most {options.span:.0%} of the order of causes (at least 10 places). A time is the least of up to {REPEATS}",
        "repeats, averaged over the queries; the graph, with our index, is built before. In brackets: how many times",
        f"as long as ours. – : not offered. {slow}, and not asked at the next size.",
        f"On {os.cpu_count()} shared cores, Python {platform.python_version()}, {at_hand}.",
        f"CIfly has one traversal; {tables} (benchmarks/peers/tools.py).",
        "gadjid answers none of these questions: it offers distances between graphs.",
    ]
    lost = [f"Missing: {name} ({INSTALL[name]}; then --peer-python {name}=PATH)." for name in missing]
    return ["# Graph criteria beside the peers", "", *said, *lost, ""]


def main() -> int:
    """Run all sizes and print the tables; the exit code says whether all answers agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument("--questions", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    parser.add_argument("--peer-python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for one question at one size")
    parser.add_argument("--span", type=float, default=0.05, help="longest arrow, as a share of the order of causes")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    at_hand = tools(dict(p.split("=", 1) for p in options.peer_python), options.limit)
    missing = [name for name in INSTALL if name not in at_hand]
    results: dict[int, dict[str, dict[str, Reply]]] = {}
    versions: dict[str, str] = {}
    differences: list[str] = []
    over: set[tuple[str, str]] = set()
    text = ""
    for size in options.sizes:
        task = make(size, size, options.span)
        results[size] = {}
        for name, tool in at_hand.items():
            begun = time.perf_counter()
            wanted = [q for q in options.questions if (name, q) not in over]
            replies = results[size][name] = ask(tool, task, wanted)
            over |= {(name, q) for q, reply in replies.items() if "slow" in reply}
            if "version" in tool.built:
                versions[name] = tool.built["version"] or f"(node {tool.built.get('node', '')})"
            sys.stderr.write(f"{size:,} nodes, seed {size}: {name} took {time.perf_counter() - begun:.0f} s in all\n")
        differences += compare(task, results[size])
        lines = head(versions, options, missing) + report(results, options)
        known = [f"{tool}, {q}: {why}" for (tool, q), why in OTHERWISE.items() if tool in at_hand]
        lines += ["## Where answers differ", "", *[f"- {d}" for d in known + differences]]
        lines += [] if known or differences else ["Nowhere."]
        text = "\n".join(lines).rstrip() + "\n"
        if options.write:
            Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return int(bool(differences))


def report(results: dict[int, dict[str, dict[str, Reply]]], options: argparse.Namespace) -> list[str]:
    """Return a table a question: sizes by tools, and how the times grow."""
    names = list(next(iter(results.values())))
    lines: list[str] = []
    for question in options.questions:
        lines += [f"## {QUESTIONS[question][0].upper()}{QUESTIONS[question][1:]}", ""]
        lines += ["| nodes | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        grown: dict[str, dict[int, float]] = {name: {} for name in names}
        for size, found in results.items():
            ours = mean(found["causalgraph"].get(question, {}))
            cells = []
            for name in names:
                reply = found[name].get(question)
                took = mean(reply or {})
                if took is not None:
                    grown[name][size] = took
                cells.append(cell(reply, None if name == "causalgraph" else ours, options.limit))
            lines.append(f"| {size:,} | " + " | ".join(cells) + " |")
        lines += ["| growth | " + " | ".join(growth(grown[name]) for name in names) + " |", ""]
    return lines


if __name__ == "__main__":
    # What lies beside this file is imported by now; its coverage.py isn't what numba looks for under that name.
    sys.path.remove(str(HERE))
    sys.exit(main())
