"""A graph-first symbolic causal engine.

A `.dag` file says what causes what; the engine says what follows from it, proves it, turns it into a formula, and turns
the formula into a number on your data.

>>> import causalgraph as cg
>>> model = cg.parse("Engagement -> Banner, Spending; Banner -> Spending")
>>> model.ask("identify(do(Banner), Spending)").to_dict()["formula"]
'Σ_e P(Spending | Banner, Engagement=e) P(Engagement=e)'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from causalgraph.data.opening import open_data
    from causalgraph.differences import differences
    from causalgraph.discover.doors import fci, oracle, pc, rfci
    from causalgraph.discover.stability import stability
    from causalgraph.errors import CausalGraphError, DataError, EstimationError, ModelError
    from causalgraph.estimate.power import sample_size
    from causalgraph.graphs.mixed import MixedGraph
    from causalgraph.loading import graph, load, parse
    from causalgraph.model import Model
    from causalgraph.scm.fitting import fit
    from causalgraph.syntax.formatter import fmt

__all__ = [
    "CausalGraphError",
    "DataError",
    "EstimationError",
    "MixedGraph",
    "Model",
    "ModelError",
    "__version__",
    "differences",
    "fci",
    "fit",
    "fmt",
    "graph",
    "load",
    "open_data",
    "oracle",
    "parse",
    "pc",
    "rfci",
    "sample_size",
    "stability",
]

__version__ = "0.1.0"

# Name -> where it lives. Loaded on first use, so that `import causalgraph` costs next to nothing.
HOMES = {
    "CausalGraphError": "causalgraph.errors",
    "DataError": "causalgraph.errors",
    "EstimationError": "causalgraph.errors",
    "MixedGraph": "causalgraph.graphs.mixed",
    "Model": "causalgraph.model",
    "ModelError": "causalgraph.errors",
    "differences": "causalgraph.differences",
    "fci": "causalgraph.discover.doors",
    "fit": "causalgraph.scm.fitting",
    "fmt": "causalgraph.syntax.formatter",
    "graph": "causalgraph.loading",
    "load": "causalgraph.loading",
    "open_data": "causalgraph.data.opening",
    "oracle": "causalgraph.discover.doors",
    "parse": "causalgraph.loading",
    "pc": "causalgraph.discover.doors",
    "rfci": "causalgraph.discover.doors",
    "sample_size": "causalgraph.estimate.power",
    "stability": "causalgraph.discover.stability",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in HOMES:
        raise AttributeError(f"module 'causalgraph' has no attribute {name!r}")
    found = getattr(import_module(HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
