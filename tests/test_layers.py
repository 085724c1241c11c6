"""What the house promises about itself, apart from the layers that import-linter checks."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

import causalgraph

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("networkx", "numpy", "pandas", "pygraphviz", "scipy", "sympy")
LOADED = "import sys; print(*[m for m in {heavy!r} if m in sys.modules])"


def heavy_after(code: str, *, heavy: tuple[str, ...] = HEAVY) -> list[str]:
    """Run code in a fresh interpreter; return which heavy libraries it loaded."""
    script = f"{code}\n{LOADED.format(heavy=heavy)}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("module", ["causalgraph", "causalgraph.cli", "causalgraph.syntax", "causalgraph.errors"])
def test_importing_loads_no_heavy_library(module: str) -> None:
    assert heavy_after(f"import {module}") == []


def test_help_loads_no_heavy_library() -> None:
    code = "from causalgraph.cli import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n    pass"
    assert heavy_after(code) == []


def test_check_loads_neither_pandas_nor_sympy(repository: Path) -> None:
    file = str(repository / "examples" / "banner.dag")
    code = f"from causalgraph.cli import app\ntry:\n    app(['check', {file!r}])\nexcept SystemExit:\n    pass"
    assert heavy_after(code, heavy=("pandas", "scipy", "sympy")) == []


def test_a_formula_is_evaluated_without_loading_an_estimator(repository: Path) -> None:
    file = str(repository / "examples" / "banner.dag")
    code = f"import causalgraph as cg\ncg.load({file!r}).ask('ate(Banner, Spending)')"
    estimators = ("sklearn", "causalgraph.estimate.table", "causalgraph.estimate.answering")
    assert heavy_after(code, heavy=estimators) == []


def test_no_file_outgrows_400_lines(repository: Path) -> None:
    long = {
        str(file.relative_to(repository)): lines
        for file in (repository / "causalgraph").rglob("*.py")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}


def test_the_version_is_said_once(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert causalgraph.__version__ == project["version"]
