import gzip
import json
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from causalgraph.errors import CausalGraphError, ModelError
from causalgraph.graphs.mixed import MixedGraph
from causalgraph.scm.exchange import from_pgmpy, read_bif, to_pgmpy, write_bif
from causalgraph.scm.fitting import fit
from causalgraph.scm.networks import Network, equations_of, network_of, structural_of, tables_from
from causalgraph.scm.simulate import frame, simulate
from causalgraph.scm.tables import exact
from causalgraph.syntax.equations import Parameter
from causalgraph.variables import Variable
from oracles.equations import call, eq, structural
from strategies import scaled

FACTS = json.loads((Path(__file__).parents[1] / "cases/networks.json").read_text())["networks"]
# S. L. Lauritzen, D. J. Spiegelhalter, J. R. Stat. Soc. B 50 (1988), 157-224, the fictitious example.
ASIA = """
network asia { property author "it's; {here}"; }  // the chest clinic
variable asia { type discrete [ 2 ] { yes, no }; }
variable tub { type discrete [ 2 ] { yes, no }; }
variable smoke { type discrete [ 2 ] { yes, no }; }
variable lung { type discrete [ 2 ] { yes, no }; }
variable bronc { type discrete [ 2 ] { yes, no }; property position = (1, 2); }
variable either { type discrete [ 2 ] { yes, no }; }
variable xray { type discrete [ 2 ] { yes, no }; }
variable dysp { type discrete [ 2 ] { yes, no }; }
probability ( asia ) { table 0.01, 0.99; }
probability ( tub | asia ) { (yes) 0.05, 0.95; (no) 0.01, 0.99; }
probability ( smoke ) { table 0.5, 0.5; }
probability ( lung | smoke ) { (yes) 0.1, 0.9; (no) 0.01, 0.99; }
probability ( bronc | smoke ) { (yes) 0.6, 0.4; (no) 0.3, 0.7; }
probability ( either | lung, tub ) { default 1.0, 0.0; (no, no) 0.0, 1.0; }
probability ( xray | either ) { (yes) 0.98, 0.02; (no) 0.05, 0.95; }
probability ( dysp | bronc, either ) { (yes, yes) 0.9, 0.1; (no, yes) 0.7, 0.3; (yes, no) 0.8, 0.2; (no, no) 0.1, 0.9; }
"""

TWO = "variable X { type discrete [2] { a, b }; } variable Y { type discrete [2] { a, b }; } "


def text_of(name):
    """Return a network's BIF text; all but asia lie in pgmpy's wheel."""
    if name == "asia":
        return ASIA
    found = find_spec("pgmpy")
    if found is None:
        pytest.skip("pgmpy isn't installed")
    path = Path(found.origin).parent / f"utils/example_models/{name}.bif.gz"
    return gzip.open(path, "rt").read()


def random_network(rng):
    names = ["B", "A b", 'quote"d', "n1", "table"][: rng.integers(1, 6)]
    levels = {n: tuple(["no", "yes", "1.5", "a,b", "x|y"][: rng.integers(2, 6)]) for n in names}
    parents, tables = {}, {}
    for place, name in enumerate(names):
        parents[name] = tuple(p for p in names[:place] if rng.random() < 0.5)
        tables[name] = rng.dirichlet(np.ones(len(levels[name])), [len(levels[p]) for p in parents[name]])
    return Network(levels, parents, tables)


def same(one, other):
    assert one.levels == other.levels
    assert one.parents == other.parents
    for name in one.levels:
        assert np.array_equal(one.tables[name], other.tables[name])


@pytest.mark.parametrize("name", ["asia", "alarm"])
def test_exact_answers_are_those_of_pgmpys_elimination(name):
    model = structural_of(read_bif(text_of(name)))
    for query in FACTS[name]["queries"]:
        joint = exact(model, query["variables"], given=query["given"])
        for row in joint.rows():
            key = "|".join(row[v] for v in query["variables"])
            assert row["value"] == pytest.approx(query["table"][key], abs=1e-12)
    for variable, shares in FACTS[name]["marginals"].items():
        for row in exact(model, [variable]).rows():
            assert row["value"] == pytest.approx(shares[row[variable]], abs=1e-12)


def test_a_network_goes_through_bif_text_to_the_last_bit():
    for seed in range(scaled(60, 1000)):
        network = random_network(np.random.default_rng(seed))
        same(read_bif(write_bif(network)), network)


def test_a_network_goes_through_equations_to_the_last_bit():
    for seed in range(scaled(40, 400)):
        network = random_network(np.random.default_rng(seed))
        back = network_of(structural_of(network))
        for name, table in network.tables.items():
            assert back.levels[name] == network.levels[name]
            order = [back.parents[name].index(p) for p in network.parents[name]]
            assert np.array_equal(back.tables[name].transpose([*order, len(order)]), table)


def test_the_graph_of_the_equations_is_the_networks():
    network = read_bif(ASIA)
    model = structural_of(network)
    assert {str(e) for e in model.graph.edges} == {str(e) for e in network.graph.edges}
    assert len(equations_of(network)) == 8


def test_whole_numbers_of_equations_are_levels():
    made = network_of(
        structural([eq("X", "~", call("Bernoulli", 0.25)), eq("Y", ":=", call("max", "X", call("Bernoulli", 0.5)))], {})
    )
    assert made.levels == {"X": ("0", "1"), "Y": ("0", "1")}
    assert made.tables["Y"].tolist() == [[0.5, 0.5], [0.0, 1.0]]


class _Fake:
    """What pgmpy's network shows of itself."""

    def __init__(self, cpds):
        self.cpds = cpds

    def nodes(self):
        return list(self.cpds)

    def get_cpds(self, node):
        return self.cpds[node]


def cpd(variables, values, states):
    return SimpleNamespace(
        variables=variables, values=np.array(values), state_names=dict(zip(variables, states, strict=True))
    )


def test_pgmpys_tables_have_their_own_variable_first():
    x = cpd(["X"], [0.2, 0.8], [[0, 1]])
    y = cpd(["Y", "X"], [[0.9, 0.3], [0.1, 0.7]], [["a", "b"], [0, 1]])
    network = from_pgmpy(_Fake({"X": x, "Y": y}))
    assert network.levels == {"X": ("0", "1"), "Y": ("a", "b")}
    assert network.tables["Y"].tolist() == [[0.9, 0.1], [0.3, 0.7]]


def test_pgmpys_states_in_another_order_are_refused():
    x = cpd(["X"], [0.2, 0.8], [[0, 1]])
    y = cpd(["Y", "X"], [[0.9, 0.3], [0.1, 0.7]], [["a", "b"], [1, 0]])
    with pytest.raises(ModelError, match="E562"):
        from_pgmpy(_Fake({"X": x, "Y": y}))
    with pytest.raises(ModelError, match="E562"):
        from_pgmpy(_Fake({"X": None}))


def test_a_network_goes_through_pgmpy_or_its_absence_is_said():
    network = read_bif(ASIA)
    if find_spec("pgmpy") is None:
        with pytest.raises(ModelError, match=r"(?s)E563.*pip install pgmpy"):
            to_pgmpy(network)
        return
    back = from_pgmpy(to_pgmpy(network))
    assert {n: t.tolist() for n, t in back.tables.items()} == {n: t.tolist() for n, t in network.tables.items()}


def test_tables_from_counts_are_shares_and_fit_says_the_same():
    truth = structural_of(read_bif(ASIA))
    data = frame(truth, simulate(truth, 3000, seed=1))[["smoke", "lung", "bronc"]]
    graph = MixedGraph.build([("smoke", "->", "lung"), ("smoke", "->", "bronc")])
    variables = {n: Variable(n, "categorical", ("yes", "no")) for n in data}
    network = tables_from(graph, data, variables=variables)
    counted = pd.crosstab(data.smoke, data.lung, normalize="index").loc[["yes", "no"], ["yes", "no"]]
    assert network.tables["lung"] == pytest.approx(counted.to_numpy(), rel=1e-14)
    only = structural([eq("lung", "~", call("Categorical", Parameter("p"), Parameter("q")))], variables)
    fitted = fit(only, data)
    assert fitted.values["p"] == pytest.approx((data.lung == "yes").mean(), rel=1e-14)
    smoothed = tables_from(graph, data, variables=variables, pseudocount=1)
    n = (data.smoke == "yes").sum()
    both = ((data.smoke == "yes") & (data.lung == "yes")).sum()
    assert smoothed.tables["lung"][0, 0] == pytest.approx((both + 1) / (n + 2), rel=1e-14)


def test_digits_that_dont_add_up_are_divided_by_their_sum_and_told():
    text = "network n {} variable X { type discrete [3] {a, b, c}; } probability (X) { table 0.333, 0.333, 0.333; }"
    network = read_bif(text)
    assert network.rescaled == ("X",)
    assert network.tables["X"].sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no variable"),
        ("network n {", "ends"),
        ("hello", "opens no block"),
        ("variable X { type discrete [2] { a }; }", "1 levels, not 2"),
        ("variable X { type discrete [2] { a, a }; }", "twice"),
        ("variable X { type continuous; }", "'discrete'"),
        ("variable X { type discrete [2] { a, b }; }", "no probabilities"),
        ("variable X { type discrete [2] { a, b }; } probability (X) { table 0.5; }", "2 levels"),
        ("variable X { type discrete [2] { a, b }; } probability (X) { table 0.5, x; }", "no number"),
        ("variable X { type discrete [2] { a, b }; } probability (X) { table 0.5, nan; }", "no probability"),
        ("variable X { type discrete [2] { a, b }; } probability (X) { table 0.5, 0.2; }", "0.5, 0.2"),
        ("variable X { type discrete [2] { a, b }; } probability (X | Z) { table 0.5, 0.5; }", "isn't declared"),
        ("variable X { type discrete [2] { a, b }; } probability (X | X) { table 0.5, 0.5; }", "twice"),
        ("variable X { type discrete [2] { a, b }; } probability (X", "ends"),
        ('variable "X', "can't be read"),
        (
            TWO + "probability (X) { table .5, .5; } probability (Y | X) { (a) .5, .5; }",
            "no row (b)",
        ),
        (
            TWO + "probability (X) { table .5, .5; } probability (Y | X) { (c) .5, .5; }",
            "no level c",
        ),
    ],
)
def test_text_that_isnt_a_network_is_told_with_its_place(text, said):
    with pytest.raises(ModelError) as error:
        read_bif(text)
    assert error.value.code == "E562"
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("code", "edges", "data", "options"),
    [
        ("E544", [("X", "->", "Y")], {"X": [0, 1, 1], "Y": [0, 1, 0], "Z": 1}, {}),
        ("E542", [("X", "->", "Y")], {"X": [0, 1, 1], "Y": [0.5, 1, 0.1]}, {}),
        ("E141", [("X", "->", "Y")], {"X": [0, 1, 1], "Y": [0, 1, 0]}, {"pseudocount": -1}),
        ("E108", [("X", "<->", "Y")], {"X": [0, 1, 1], "Y": [0, 1, 0]}, {}),
        ("E301", [("X", "->", "W")], {"X": [0, 1, 1], "Y": [0, 1, 0]}, {}),
    ],
)
def test_counts_that_make_no_tables_are_refused(code, edges, data, options):
    if code == "E544":
        options = {"variables": {"X": Variable("X", "categorical", ("0", "1", "2"))}}
    with pytest.raises(CausalGraphError) as error:
        tables_from(MixedGraph.build(edges), pd.DataFrame(data), **options)
    assert error.value.code == code


def test_a_cycle_in_a_network_is_refused():
    half = np.full((2, 2), 0.5)
    loop = Network({"X": ("a", "b"), "Y": ("a", "b")}, {"X": ("Y",), "Y": ("X",)}, {"X": half, "Y": half})
    with pytest.raises(ModelError, match="E103"):
        structural_of(loop)
