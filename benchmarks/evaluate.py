"""Estimates beside the peers: the same effects on the same rows, ours on every engine, and the limit of counting.

    python benchmarks/evaluate.py --peers FOLDER [--rows 1000000 10000000] [--large 60000000] [--write]

Each peer runs in an environment of its own below FOLDER, and one that is missing is left out with a line:

    for p in dowhy econml doubleml statsmodels; do
        python3.11 -m venv FOLDER/$p && FOLDER/$p/bin/pip install $p pyarrow; done

The limit is one pass of numpy over the columns as codes of one byte, in blocks that fit the cache. Ours must agree
with the effect worked out by hand from the limit's counts, and on all engines, to 1e-9; a peer's effect must lie within
three standard errors of ours (its error and ours together). A peer that took more than a minute on fewer rows isn't
asked again. The exit code is 1 where something failed or doesn't agree. ``--write`` renews evaluate.md beside this
file.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluate_tasks import LARGE, TASKS, encoded, limit, write, write_large
from tables import row, written

import causalgraph as cg

HERE = Path(__file__).resolve().parent
PEERS = ("dowhy", "econml", "doubleml", "statsmodels")
ENGINES = ("pandas", "polars", "parquet (DuckDB)", "Spark")
# Engines that hold the rows as codes once they were asked.
HELD = ("pandas", "polars")
LIMIT_AIM, PEER_AIM = 3.0, 20.0
CLOSE, ERRORS = 1e-9, 3.0
PATIENCE = 60.0  # seconds that a peer may take and still be asked about more rows
STOPPED = 600.0  # seconds after which a process is ended
MEMORY = 400_000_000  # bytes
NOTES = {
    ("dowhy", "front door"): "without a standard error: DoWhy's is a bootstrap, which fits a hundred times again",
    ("statsmodels", "front door"): "two lines; their product and its error are written by hand",
}

Reply = dict[str, Any]


@dataclass
class Asked:
    """A question about so many rows: the limit, what is right, and who said what in which time."""

    task: str
    rows: int
    limit: list[float]
    by_hand: float
    replies: dict[str, Reply] = field(default_factory=dict)

    def seconds(self, who: str, what: str) -> float | None:
        """Return the median time, None where there is none."""
        took = self.replies.get(who, {}).get(what)
        return statistics.median(took) if took else None

    def beside_limit(self, engine: str) -> float | None:
        """Return how many times the limit an engine takes on encoded data, by the least time of each."""
        took = self.replies.get(engine, {}).get("encoded")
        return min(took) / min(self.limit) if took else None

    def off(self, peer: str) -> float | None:
        """Return how far a peer's effect lies from ours, in standard errors of both."""
        reply, mine = self.replies[peer], self.replies["pandas"]
        if "value" not in reply or "value" not in mine:
            return None
        return float(abs(reply["value"] - mine["value"]) / math.hypot(mine["error"], reply["error"] or 0.0))

    def problems(self) -> list[str]:
        """Return what failed and what doesn't agree."""
        out = []
        mine = self.replies["pandas"]
        for who, reply in self.replies.items():
            where = f"{who}, {self.task}, {self.rows:,} rows"
            if "failed" in reply:
                out.append(f"{where}: {reply['failed']}")
            elif "value" in reply and who in ENGINES:
                off = abs(reply["value"] - self.by_hand), abs(reply["error"] - mine.get("error", math.nan))
                out += [f"{where}: off by {max(off):.1e}"] if not max(off) <= CLOSE else []
            elif who in PEERS and (apart := self.off(who)) is not None and not apart <= ERRORS:
                out.append(f"{where}: {apart:.1f} standard errors from ours")
        return out


def run(command: list[str], request: Reply) -> Reply:
    """Put a request to a process; return its reply, or why there is none."""
    try:
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, check=False, timeout=STOPPED
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"stopped after {STOPPED:.0f} s"}
    if done.returncode:
        last = done.stderr.strip().splitlines()
        return {"failed": last[-1][:200] if last else f"ended with {done.returncode}"}
    reply: Reply = json.loads(done.stdout.splitlines()[-1])
    return reply


def at_hand(folder: Path | None) -> dict[str, str]:
    """Return the interpreters of the peers that there are."""
    found = {name: folder / name / "bin" / "python" for name in PEERS} if folder else {}
    return {name: str(python) for name, python in found.items() if python.exists()}


def ask(name: str, path: Path, rows: int, before: dict[str, Asked], options: argparse.Namespace) -> Asked:
    """Put one question to everyone."""
    task = TASKS[name]
    if not path.exists():
        write(task, path, rows, options.seed)
    codes = encoded(task, path)
    took = []
    for _ in range(options.repeats):
        start = time.perf_counter()
        cells = limit(task, codes)
        took.append(time.perf_counter() - start)
    del codes
    out = Asked(name, rows, took, task.by_hand(cells))
    request = {"path": str(path), "repeats": options.repeats, "patience": options.patience}
    for engine in dict.fromkeys(["pandas", *options.engines]):  # the others are held against pandas
        mine = request | {"model": task.model, "columns": list(task.levels)}
        out.replies[engine] = run([sys.executable, str(HERE / "evaluate_ours.py"), engine], mine)
        sys.stderr.write(f"{name}, {rows:,} rows: {engine}: {told(out.replies[engine])}\n")
    for peer, python in at_hand(options.peers).items():
        earlier = before[name].replies[peer] if name in before else {}
        if "absent" in earlier:
            out.replies[peer] = earlier
        elif "failed" in earlier or "slow" in earlier or max(earlier.get("seconds", [0.0])) > PATIENCE:
            out.replies[peer] = {"slow": True}
        else:
            runner = str(HERE / "peers" / "evaluate_runner.py")
            out.replies[peer] = run([python, runner, peer], request | {"task": name})
        sys.stderr.write(f"{name}, {rows:,} rows: {peer}: {told(out.replies[peer])}\n")
    return out


def told(reply: Reply) -> str:
    """Tell a reply in a few words, for those who wait."""
    times = {k: written(statistics.median(v)) for k, v in reply.items() if isinstance(v, list)}
    return ", ".join(f"{k} {v}" for k, v in times.items()) or str(reply)


def times(ratio: float) -> str:
    """Write a ratio.

    >>> times(2.345), times(1234.5)
    ('2.3x', '1,234x')
    """
    return f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.2g}x"


def ours(asked: Asked) -> list[str]:
    """Return the rows of the limit and of our engines."""
    lines = [
        row("who", "first", "encoded", "again", "encoded, beside the limit", "effect", "standard error", "peak memory"),
        "|---" * 8 + "|",
        row("the limit", "", written(statistics.median(asked.limit)), "", "", f"{asked.by_hand:.6f}", "", ""),
    ]
    for engine in ENGINES:
        reply = asked.replies.get(engine)
        if reply is None or "failed" in reply:
            lines.append(row(engine, "failed" if reply else "not asked", *[""] * 6))
            continue
        took = {what: asked.seconds(engine, what) or math.nan for what in ("first", "encoded", "again")}
        beside = times(asked.beside_limit(engine) or math.nan)
        said = f"{reply['value']:.6f}", f"{reply['error']:.6f}", f"{reply['peak'] / 1e6:,.0f} MB"
        lines.append(row(engine, *map(written, took.values()), beside, *said))
    return lines


def theirs(asked: Asked) -> list[str]:
    """Return the rows of the peers."""
    lines = [
        row(
            "peer", "time", "our first question", "our encoded one", "effect", "standard error", "off by", "peak memory"
        ),
        "|---" * 8 + "|",
    ]
    mine = asked.seconds("pandas", "first"), asked.seconds("pandas", "encoded")
    for peer in PEERS:
        reply = asked.replies.get(peer)
        took = asked.seconds(peer, "seconds")
        if reply is None or took is None:
            why = "missing" if reply is None else "has no such estimate" if "absent" in reply else "failed"
            slow = reply is not None and "slow" in reply
            lines.append(row(peer, f"took over {PATIENCE:.0f} s on fewer rows" if slow else why, *[""] * 6))
            continue
        faster = [times(took / own) if own else "–" for own in mine]
        error, apart = reply["error"], asked.off(peer)
        said = (
            f"{reply['value']:.6f}",
            f"{error:.6f}" if error else "–",
            "–" if apart is None else f"{apart:.2f} errors",
        )
        lines.append(row(peer, written(took), *faster, *said, f"{reply['peak'] / 1e6:,.0f} MB"))
    return lines


def aims(found: list[Asked]) -> list[str]:
    """Say how the aims fared: the worst ratio of each, and where it was met."""
    lines = []
    for asked in found:
        where = f"{asked.task}, {asked.rows:,} rows"
        for engine in HELD:
            beside = asked.beside_limit(engine)
            if beside is not None:
                said = "within" if beside <= LIMIT_AIM else "**over**"
                lines.append(f"- {where}: {engine} takes {times(beside)} of the limit: {said} {LIMIT_AIM:g}")
        took = {peer: t for peer in PEERS if (t := asked.seconds(peer, "seconds")) is not None}
        for what in ("first", "encoded"):
            mine = asked.seconds("pandas", what)
            if took and mine is not None:
                nearest = min(took, key=lambda p: took[p])
                ratio = took[nearest] / mine
                said = "at least" if ratio >= PEER_AIM else "**under**"
                lines.append(
                    f"- {where}: {what}, {times(ratio)} as fast as {nearest}, the fastest: {said} {PEER_AIM:g}"
                )
    return lines


def large(options: argparse.Namespace, folder: Path) -> tuple[list[str], list[str]]:
    """Ask about more rows than memory may hold; return the lines that tell of it, and what went wrong."""
    path = folder / "large.parquet"
    by_hand = write_large(path, options.large, options.seed)
    reply = run([sys.executable, str(HERE / "evaluate_ours.py"), "DuckDB, 400 MB"], {"model": LARGE, "path": str(path)})
    size = path.stat().st_size
    path.unlink()
    what = f"{options.large:,} rows of parquet ({size / 1e9:.1f} GB, seven columns, a continuous outcome)"
    if "failed" in reply:
        return [f"{what}: failed."], [f"{what}: {reply['failed']}"]
    off = abs(reply["value"] / by_hand - 1)
    said = (
        f"{what}, back door, DuckDB's memory limit 400 MB: {written(reply['first'][0])}; the process held at most",
        f"{reply['peak'] / 1e6:,.0f} MB, {reply['before'] / 1e6:,.0f} MB of them its libraries before the question.",
        f"Effect {reply['value']:.6f} (standard error {reply['error']:.6f}), by hand {by_hand:.6f}.",
    )
    wrong = [f"{what}: off by {off:.1e} of the effect"] if not off <= CLOSE else []
    over = [f"{what}: {reply['peak'] / 1e6:,.0f} MB"] if reply["peak"] > MEMORY else []
    return textwrap.wrap(" ".join(said), 119), wrong + over


def page(found: list[Asked], told_large: list[str], problems: list[str], options: argparse.Namespace) -> str:
    """Return the whole report."""
    there = at_hand(options.peers)
    versions = {p: r["version"] for a in found for p, r in a.replies.items() if "version" in r}
    peers = ", ".join(f"{p} {v}" for p, v in versions.items()) or "no peer"
    missing = [f"{p} is missing (see evaluate.py on how to install it)." for p in PEERS if p not in there]
    said = (
        "The average effect of X on Y with its standard error. All columns are whole numbers of one byte; effects",
        "are additive and alike in every stratum, so that lines on dummies estimate what our formula does. Times are",
        f"medians of up to {options.repeats} (fewer once {options.patience:.0f} s are spent), without imports and",
        "without reading the file, but where the engine is the file's. The limit: one pass of numpy over the columns",
        "as codes of one byte, in blocks that fit the cache. First: nothing is known of the data. Encoded: other",
        "questions have encoded each column, no cells are counted. Again: the same question once more. Peers start",
        "from a pandas frame and get the least work that is right: dummies, linear first stages, five folds. Beside",
        "our times stands how many times as long they take. Off by: the difference to ours in standard errors (both",
        "together). Beside the limit: the least time of each, as cores are shared. Peak memory is the process's; the",
        "Java that runs Spark isn't in it.",
        f"On {os.cpu_count()} shared cores, Python {platform.python_version()}, causalgraph {cg.__version__}, {peers}.",
    )
    lines = ["# Estimates beside the peers", "", *textwrap.wrap(" ".join([*said, *missing]), 119)]
    lines += [f"{name}, {task}: {why}." for (name, task), why in NOTES.items() if name in there]
    for asked in found:
        title = f"{TASKS[asked.task].title}, {asked.rows:,} rows"
        lines += ["", f"## {title}", "", f"The effect in the population is {TASKS[asked.task].truth}.", ""]
        lines += [*ours(asked), "", *theirs(asked)]
    lines += ["", "## Aims", "", *aims(found)]
    if told_large:
        lines += ["", "## Memory", "", *told_large]
    return "\n".join([*lines, "", "## What failed or differs", "", *[f"- {p}" for p in problems or ["nothing"]]]) + "\n"


def main() -> int:
    """Ask everyone, print the report; the exit code says whether all answers agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 10_000_000])
    parser.add_argument("--large", type=int, default=60_000_000, help="rows that don't fit the memory; 0 for none")
    parser.add_argument("--peers", type=Path, help="the folder with an environment for each peer")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--patience", type=float, default=20.0, help="seconds for the repeats of an estimate")
    parser.add_argument("--folder", type=Path, help="where the data are written, and found again")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found: list[Asked] = []
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        for name in TASKS:
            before: dict[str, Asked] = {}
            for rows in options.rows:
                path = folder / f"{name.replace(' ', '_')}_{rows}_{options.seed}.parquet"
                before[name] = ask(name, path, rows, before, options)
                found.append(before[name])
        told_large, problems = large(options, folder) if options.large else ([], [])
    problems += [p for asked in found for p in asked.problems()]
    text = page(found, told_large, problems, options)
    sys.stdout.write(text)
    if options.write:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    return int(bool(problems))


if __name__ == "__main__":
    # What lies beside this file is imported by now; its coverage.py isn't what numba looks for under that name.
    sys.path.remove(str(HERE))
    sys.exit(main())
