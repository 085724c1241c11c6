"""What a query counts: strata that occur, strata as one variable, and how much is gone through in search of advice."""

import numpy as np
import pandas as pd
import pytest

import causalgraph as cg
from causalgraph.data.source import Source
from causalgraph.evaluate import counting
from causalgraph.formula.nodes import E, Event, Level, Marginal, P, Value
from strategies import counts_of, scaled


def random_counts(rng, names="XZVW"):
    sizes = [int(rng.integers(1, 12)) for _ in names]
    codes = np.unique(np.column_stack([rng.integers(0, k, 30) for k in sizes]), axis=0)
    weight = rng.integers(0, 3, len(codes)).astype(float)
    return counts_of(names, sizes, codes, weight)


def test_the_strata_that_occur_are_those_with_weight():
    rng = np.random.default_rng(0)
    for _ in range(scaled(200, 3000)):
        counts = random_counts(rng)
        for covariates in ((), ("Z",), ("W", "Z"), ("Z", "V", "W")):
            axes = [counts.axis(c) for c in covariates]
            rows = {tuple(row[a] for a in axes) for row in counts.codes[counts.weight > 0].tolist()}
            assert counting.strata(counts, covariates) == (len(rows) if covariates else 1)


def test_numbered_strata_keep_their_levels_in_order(monkeypatch):
    monkeypatch.setattr(counting, "DENSE", 0)
    rng = np.random.default_rng(1)
    inner = E("Y", [Event("X", Level("0")), Event("Z"), Event("W")]) * P([Event("Z"), Event("W")])
    formula = Marginal(inner, Value("Z"), Value("W"))
    for _ in range(scaled(200, 3000)):
        counts = random_counts(rng)
        _, joined, made = counting.compacted([formula], counts, ("W", "Z"))
        assert made == {"W, Z": "W, Z"}
        assert joined.variables == ("X", "V", "W, Z")
        w, z = counts.axis("W"), counts.axis("Z")
        pairs = sorted({(row[w], row[z]) for row in counts.codes.tolist()})
        assert joined.levels[2] == tuple(f"{a}, {b}" for a, b in pairs)
        assert [pairs[code] for code in joined.codes[:, 2]] == [(row[w], row[z]) for row in counts.codes.tolist()]
        assert (joined.codes[:, :2] == counts.codes[:, [counts.axis("X"), counts.axis("V")]]).all()


# One adjusts for W or for Z; W=c has one arm alone, and so has Z=c.
CHAIN = cg.parse("Z : {a, b, c}; W : {a, b, c}; X : binary; Y : binary; Z -> X; Z -> W -> Y; X -> Y")


def people(*, missing=False):
    rng = np.random.default_rng(2)
    z = rng.choice(["a", "b", "c"], 400)
    w = np.where(rng.random(400) < 0.8, z, "a")
    x = np.where(z == "c", 1, rng.integers(0, 2, 400))
    frame = pd.DataFrame({"Z": z, "W": w, "X": x, "Y": rng.integers(0, 2, 400)})
    if missing:
        frame.loc[0, "Y"] = None
    return frame


@pytest.fixture
def asked(monkeypatch):
    """Note what is counted."""
    found = []
    counts = Source.counts

    def noting(self, variables, *rest):
        found.append({v.name for v in variables})
        return counts(self, variables, *rest)

    monkeypatch.setattr(Source, "counts", noting)
    return found


def test_advice_does_not_count_what_is_counted(asked):
    said = str(CHAIN.ask("P(Y=1 | do(X=0)) * P(W=a) * P(Z=a)", data=people()))
    assert "W501" in said
    assert len(asked) == 1


def test_advice_counts_anew_where_other_rows_are_complete(asked):
    CHAIN.ask("P(Y=1 | do(X=0)) * P(W=a) * P(Z=a)", data=people(missing=True))
    assert len(asked) == 2


def test_of_many_covariates_those_with_most_levels_are_tried(monkeypatch):
    model = cg.parse("Z : {a, b, c}; V : {a, b, c, d}; X : binary; Y : binary; Z, V -> X, Y; X -> Y")
    frame = people().assign(V=np.random.default_rng(3).choice(["a", "b", "c", "d"], 400))
    whole = str(model.ask("ate(X, Y)", data=frame))
    assert "coarser levels of Z would help most (up to 100.0%)" in whole
    monkeypatch.setattr(counting, "CELLS_TRIED", 1)
    some = str(model.ask("ate(X, Y)", data=frame))
    assert "coarser levels of Z" not in some
