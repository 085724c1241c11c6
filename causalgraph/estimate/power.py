"""How large a trial: sample size, power and the smallest effect that it is likely to see.

A mean: a two-sided t test, by the noncentral t distribution, both tails counted. A proportion: a two-sided z test of
arcsine-transformed shares (Cohen's h), which needs no guess of which share the variance is taken at. Clusters of m rows
with intraclass correlation r: the variance is multiplied by the design effect 1 + (m - 1) r, and the t test has as many
degrees of freedom as there are clusters less two.

Source: J. Cohen, "Statistical power analysis for the behavioral sciences" (1988), chapters 2 and 6; A. Donner, N.
Birkett, C. Buck, Am. J. Epidemiol. 114 (1981) 906-914, doi:10.1093/oxfordjournals.aje.a113261 (the design effect).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import asin, ceil, isfinite, sqrt
from typing import Any

from causalgraph.answers import Answer, Document, Word, line
from causalgraph.errors import EstimationError

__all__ = ["TrialSize", "sample_size"]

LARGEST = 1e12
# Rows, or clusters: one more than the two means take.
LEAST = 3
# The smallest and the largest effect that is looked for, in standard deviations.
EFFECTS = (1e-9, 1e6)
# Noncentrality over which the power is 1 to the last digit at any level and degrees of freedom in use.
HARDLY_NORMAL = 1e4


@dataclass(frozen=True)
class TrialSize(Answer):
    """A trial's size, effect and power, one of which follows from the others.

    Attributes:
        solved: which one: ``n``, ``effect`` or ``power``.
        n: rows in both arms, not rounded.
        arms: of these the treated and the others, not rounded.
        effect: a difference in means, in units of the outcome, or of shares.
        power: the probability of a p-value under 1 - level.
        level: of confidence.
        share: of the rows that are treated.
        sd: of the outcome in an arm, None for a share.
        baseline: the share without treatment, None for a mean.
        cluster_size: rows in a cluster.
        icc: intraclass correlation.
        design_effect: 1 + (m - 1) icc.
    """

    solved: str
    n: float
    arms: tuple[float, float]
    effect: float
    power: float
    level: float
    share: float
    sd: float | None
    baseline: float | None
    cluster_size: float
    icc: float
    design_effect: float

    @property
    def rounded(self) -> tuple[int, int]:
        """Whole rows in each arm, or rows of whole clusters: no fewer than what is needed."""
        m = self.cluster_size
        one, other = (ceil(round(a / m, 9)) * m for a in self.arms)
        return ceil(one), ceil(other)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "kind": "trial_size",
            "solved": self.solved,
            "n": self.n,
            "arms": list(self.arms),
            "rounded": list(self.rounded),
            "clusters": [r / self.cluster_size for r in self.rounded] if self.cluster_size > 1 else None,
            "effect": self.effect,
            "power": self.power,
            "level": self.level,
            "share": self.share,
            "sd": self.sd,
            "baseline": self.baseline,
            "cluster_size": self.cluster_size,
            "icc": self.icc,
            "design_effect": self.design_effect,
            "test": self.test,
        }

    @property
    def test(self) -> str:
        """The test whose power it is, in words."""
        if self.baseline is None:
            return "two-sided t test of a difference of means"
        return "two-sided z test of a difference of shares, arcsine-transformed"

    def document(self) -> Document:
        """Say what was solved for first, then what it rests on."""
        one, other = self.rounded
        said = {
            "n": f"{one + other:,} rows: {one:,} treated and {other:,} not",
            "effect": f"the smallest effect that is likely to be seen is {self.effect:.4g}",
            "power": f"power {self.power:.1%}",
        }[self.solved]
        rows = [line(Word(said, "strong"))]
        facts = [] if self.solved == "effect" else [f"an effect of {self.effect:.4g}"]
        facts += (
            [f"standard deviation {self.sd:.4g}"] if self.sd is not None else [f"from a share of {self.baseline:g}"]
        )
        facts += [] if self.solved == "n" else [f"{self.n:,.10g} rows, {self.share:.0%} of them treated"]
        facts += [] if self.solved == "power" else [f"power {self.power:.0%}"]
        rows.append(line("by a ", self.test, f", {', '.join(facts)}, level {self.level:.0%}", depth=1))
        if self.cluster_size > 1:
            clusters = (
                f"{one / self.cluster_size:,.0f} and {other / self.cluster_size:,.0f} clusters of {self.cluster_size:g}"
            )
            effect = f"design effect {self.design_effect:.3g} from an intraclass correlation of {self.icc:g}"
            rows.append(
                line(clusters if self.solved == "n" else f"clusters of {self.cluster_size:g}", ", ", effect, depth=1)
            )
        rows.append(line(Word("as good as the guesses that it rests on", "dim"), depth=1))
        return Document(tuple(rows))


def sample_size(  # noqa: PLR0913 -- each is a fact that a plan states by its name
    effect: float | None = None,
    *,
    n: float | None = None,
    power: float | None = None,
    sd: float = 1.0,
    baseline: float | None = None,
    share: float = 0.5,
    level: float = 0.95,
    cluster_size: float = 1,
    icc: float = 0.0,
) -> TrialSize:
    """Say how many rows a trial needs, what power it has, or what effect it is likely to see: whichever is left out.

    Two of effect, n and power are given; power alone may be left to be .8 where n or effect is what is asked for.

    Args:
        effect: the difference of means, or of shares where `baseline` is given.
        n: rows in both arms together.
        power: the probability that the test finds the effect.
        sd: the outcome's standard deviation within an arm.
        baseline: the share without treatment, for a binary outcome.
        share: of the rows that are treated.
        level: of confidence: 1 less the test's size.
        cluster_size: rows in each cluster, where clusters are assigned as a whole.
        icc: intraclass correlation of the outcome.

    Raises:
        EstimationError: nothing, or too much, is left out, or a number makes no sense (E576).

    >>> sample_size(0.5).rounded
    (64, 64)
    >>> print(sample_size(0.1, baseline=0.2, n=600))
    power 81.1%
    ...
    """
    if power is None and (n is None) != (effect is None):
        power = 0.8
    if (effect is None) + (n is None) + (power is None) != 1:
        what = "nothing is left to find" if power is not None and n is not None else "neither effect nor n is given"
        raise _nonsense(what, "say two of effect, n and power")
    trial = _Trial(sd, baseline, share, level, cluster_size, 1 + (cluster_size - 1) * icc)
    _sensible(effect, n, power, trial, icc)
    if power is None and effect is not None and n is not None:
        solved, power = "power", trial.power(effect, n)
    elif n is None and effect is not None and power is not None:
        solved, n = "n", trial.rows(effect, power)
    elif effect is None and n is not None and power is not None:
        solved, effect = "effect", trial.effect(n, power)
    else:
        raise _nonsense("too much is left out", "say two of effect, n and power")
    return TrialSize(
        solved=solved,
        n=n,
        arms=(n * share, n * (1 - share)),
        effect=effect,
        power=power,
        level=level,
        share=share,
        sd=sd if baseline is None else None,
        baseline=baseline,
        cluster_size=cluster_size,
        icc=icc,
        design_effect=trial.inflation,
    )


@dataclass(frozen=True)
class _Trial:
    """All of a trial but its rows and its effect."""

    sd: float
    baseline: float | None
    share: float
    level: float
    cluster_size: float
    inflation: float

    def power(self, effect: float, n: float) -> float:
        """Return the probability that the test finds an effect, in either direction."""
        from scipy.special import nctdtr, ndtr, ndtri, stdtrit

        size = self._standardised(effect) * sqrt(n * self.share * (1 - self.share) / self.inflation)
        if self.baseline is not None:
            critical = float(ndtri((1 + self.level) / 2))
            return float(ndtr(size - critical) + ndtr(-size - critical))
        df = n / self.cluster_size - 2
        critical = float(stdtrit(df, (1 + self.level) / 2))
        if size > HARDLY_NORMAL:
            # Far in its tail the noncentral t's distribution function has no digits left; power is 1 there.
            return 1.0
        found = 1 - float(nctdtr(df, size, critical)) + float(nctdtr(df, size, -critical))
        return min(1.0, found)

    def rows(self, effect: float, power: float) -> float:
        """Return how many rows have this power."""
        least = LEAST * self.cluster_size
        return _crossing(lambda n: self.power(effect, n) - power, least, LARGEST, f"rows for an effect of {effect:g}")

    def effect(self, n: float, power: float) -> float:
        """Return the smallest effect that is found with this power; of a share the smallest rise."""
        if self.baseline is not None:
            low, high = 0.0, 1 - self.baseline
            return _crossing(lambda e: self.power(e, n) - power, low, high, f"rise of a share, with {n:g} rows")
        low, high = (e * self.sd for e in EFFECTS)
        return _crossing(lambda e: self.power(e, n) - power, low, high, f"effect, with {n:g} rows")

    def _standardised(self, effect: float) -> float:
        if self.baseline is None:
            return abs(effect) / self.sd
        return abs(2 * asin(sqrt(self.baseline + effect)) - 2 * asin(sqrt(self.baseline)))


def _crossing(gap: Callable[[float], float], low: float, high: float, what: str) -> float:
    """Return where an increasing function is 0.

    Raises:
        EstimationError: it is so nowhere between the ends (E576).
    """
    from scipy.optimize import brentq

    if gap(low) >= 0:
        return low
    # Doubling finds an end above without trying values where nothing is left to tell apart.
    step = low if low > 0 else high * 1e-6
    top = min(low + step, high)
    while gap(top) < 0:
        if top >= high:
            raise _nonsense(f"there is no such number of {what}", "ask for less power, or a larger effect")
        top = min(low + (top - low) * 2, high)
    return float(brentq(gap, low, top, xtol=1e-12, rtol=1e-13))


def _sensible(effect: float | None, n: float | None, power: float | None, trial: _Trial, icc: float) -> None:
    """Make sure that every number makes sense (E576)."""
    _sensible_trial(trial, icc)
    m, baseline = trial.cluster_size, trial.baseline
    for name, value in {"effect": effect, "n": n}.items():
        if value is not None and not isfinite(value):
            raise _nonsense(f"{name}={value!r} is no number", "say a number")
    if effect == 0:
        raise _nonsense("effect=0 is no effect: no trial finds it", "say the smallest effect that matters")
    if n is not None and n < LEAST * m:
        what = "rows" if m == 1 else f"rows in clusters of {m:g}"
        raise _nonsense(f"{n:g} {what} leave no degree of freedom", "plan for more")
    if power is not None and not 1 - trial.level < power < 1:
        why = "doesn't lie between 1 - level, which a test has without an effect, and 1"
        raise _nonsense(f"power={power!r} {why}", "say .8 or .9")
    if baseline is not None and effect is not None and not 0 <= baseline + effect <= 1:
        raise _nonsense(
            f"a share of {baseline:g} and an effect of {effect:g} give {baseline + effect:g}, which is no share",
            "say the effect as a difference of shares",
        )


def _sensible_trial(trial: _Trial, icc: float) -> None:
    for name, value in {"share": trial.share, "level": trial.level, "baseline": trial.baseline}.items():
        if value is not None and not 0 < value < 1:
            raise _nonsense(f"{name}={value!r} doesn't lie between 0 and 1", "say a number between 0 and 1")
    if not 0 < trial.sd < float("inf"):
        raise _nonsense(f"sd={trial.sd!r} isn't positive", "say how far outcomes vary within an arm")
    if not 1 <= trial.cluster_size < float("inf"):
        raise _nonsense(f"cluster_size={trial.cluster_size!r} isn't one row or more", "leave it out without clusters")
    if not 0 <= icc <= 1:
        raise _nonsense(f"icc={icc!r} doesn't lie between 0 and 1", "say the share of the variance between clusters")
    if icc > 0 and trial.cluster_size == 1:
        raise _nonsense("icc is given, but clusters are of one row", "say cluster_size too")


def _nonsense(what: str, fix: str) -> EstimationError:
    return EstimationError.because("E576", what, fix=fix)
