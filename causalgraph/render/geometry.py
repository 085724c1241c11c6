"""Curves: Graphviz's splines read and written, the middle of a curve, arcs that go round the nodes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

__all__ = ["Place", "Point", "Spline", "arc", "bar", "halfway", "samples", "straight"]

STEPS = 12

# How far an arc's controls leave the line between its ends, as parts of its length, the first choice first; what a
# detour of a whole length costs, against 1 for each step of the curve that lies in a node.
BENDS = (0.2, -0.2, 0.35, -0.35, 0.5, -0.5, 0.7, -0.7, 0.9, -0.9)
DETOUR = 6
LEAST_BEND = 36
CLEARANCE = 5

Point = tuple[float, float]


@dataclass(frozen=True)
class Place:
    """Where a node lies: its centre, half its width and half its height, whether it is an ellipse."""

    x: float
    y: float
    half_width: float
    half_height: float
    is_round: bool

    def edge_towards(self, point: Point) -> Point:
        """Return where the outline is crossed on the way from the centre to a point."""
        dx, dy = point[0] - self.x, point[1] - self.y
        across, up = abs(dx) / self.half_width, abs(dy) / self.half_height
        reach = (math.hypot(across, up) if self.is_round else max(across, up)) or 1
        return self.x + dx / reach, self.y + dy / reach

    def holds(self, point: Point) -> bool:
        """Whether a point lies in the node or almost touches it."""
        return (
            abs(point[0] - self.x) < self.half_width + CLEARANCE
            and abs(point[1] - self.y) < self.half_height + CLEARANCE
        )


@dataclass(frozen=True)
class Spline:
    """A Bézier spline as Graphviz has it: 3k + 1 points, and the tips of the marks at its ends, where there are."""

    points: tuple[Point, ...]
    start: Point | None = None
    end: Point | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a position of DOT.

        >>> Spline.parse("e,9,0 0,0 2,0 4,0 6,0").end
        (9.0, 0.0)
        """
        tips: dict[str, Point] = {}
        points: list[Point] = []
        for word in text.partition(";")[0].split():
            *tip, x, y = word.split(",")
            if tip:
                tips[tip[0]] = (float(x), float(y))
            else:
                points.append((float(x), float(y)))
        return cls(tuple(points), tips.get("s"), tips.get("e"))

    @property
    def length(self) -> float:
        """How far apart the ends are, marks included."""
        return math.dist(self.start or self.points[0], self.end or self.points[-1])

    def moved(self, right: float, up: float) -> Spline:
        """Return the spline at another place."""

        def at(point: Point) -> Point:
            return point[0] + right, point[1] + up

        return Spline(tuple(map(at, self.points)), self.start and at(self.start), self.end and at(self.end))

    @property
    def turned(self) -> Spline:
        """The same curve from its other end."""
        return Spline(self.points[::-1], self.end, self.start)

    def tipped(self, tips: tuple[float, float]) -> Spline:
        """Return the curve with tips of these lengths at its ends, 0 for none, each end where it was."""
        points = list(self.points)
        start, points[0] = _tipped(self.start, points[0], points[1], tips[0])
        end, points[-1] = _tipped(self.end, points[-1], points[-2], tips[1])
        return Spline(tuple(points), start, end)

    def __str__(self) -> str:
        """Write the spline as a position of DOT."""
        tips = [f"{name},{_written(tip)}" for name, tip in (("s", self.start), ("e", self.end)) if tip]
        return " ".join([*tips, *map(_written, self.points)])


def samples(spline: Spline) -> list[Point]:
    """Return points along a curve, close enough for what is as large as a word."""
    points = spline.points
    out = [points[0]]
    for at in range(0, len(points) - 1, 3):
        a, b, c, d = points[at : at + 4]
        for step in range(1, STEPS + 1):
            t = step / STEPS
            u = 1 - t
            weights = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
            x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
            out.append((x, y))
    return out


def _tipped(tip: Point | None, last: Point, inner: Point, length: float) -> tuple[Point | None, Point]:
    """Return the tip and the last point of a curve that is to have a tip of a length, and has one or not."""
    if bool(tip) == bool(length):
        return tip, last
    return (None, tip) if tip else (last, _moved(last, inner, length))


def straight(one: Place, other: Place, tips: tuple[float, float]) -> Spline:
    """Return the line from one node to another, with tips of these lengths at its ends, 0 for none."""
    return _curve(one, other, 0, tips)


def arc(one: Place, other: Place, others: Iterable[Place], tip: float) -> Spline:
    """Return an arc with a tip of that length at both ends: a flat one, or a higher one that meets fewer nodes."""
    in_way = tuple(others)
    length = math.dist((one.x, one.y), (other.x, other.y))
    curves = {
        part: _curve(one, other, math.copysign(max(abs(part) * length, LEAST_BEND), part), (tip, tip)) for part in BENDS
    }

    def cost(part: float) -> float:
        hits = sum(place.holds(point) for point in samples(curves[part]) for place in in_way)
        return hits + DETOUR * abs(part)

    return curves[min(BENDS, key=cost)]


def halfway(spline: Spline, part: float = 0.5) -> tuple[Point, Point]:
    """Return the point at that part of a curve's length, and the direction of the curve there, of length 1."""
    points = samples(spline)
    walked = [0.0]
    for one, other in itertools.pairwise(points):
        walked.append(walked[-1] + math.dist(one, other))
    goal = part * walked[-1]
    at = max(1, next(i for i, w in enumerate(walked) if w >= goal))
    (x1, y1), (x2, y2) = points[at - 1], points[at]
    step = walked[at] - walked[at - 1]
    beyond = (goal - walked[at - 1]) / step if step else 0
    return (x1 + beyond * (x2 - x1), y1 + beyond * (y2 - y1)), _unit(x2 - x1, y2 - y1)


def bar(spline: Spline, length: float, angle: float = 90) -> Spline:
    """Return the bar across the middle of a curve, at an angle to it in degrees."""
    (x, y), (dx, dy) = halfway(spline)
    along, across = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    aside = ((dx * along - dy * across) * length / 2, (dy * along + dx * across) * length / 2)
    ends = (x + aside[0], y + aside[1]), (x - aside[0], y - aside[1])
    return Spline((ends[0], ends[0], ends[1], ends[1]))


def _curve(one: Place, other: Place, bend: float, tips: tuple[float, float]) -> Spline:
    """Return a curve whose controls lie `bend` beside the line, a quarter of the way from each end."""
    dx, dy = other.x - one.x, other.y - one.y
    across, up = _unit(dx, dy)
    aside = (-up * bend, across * bend)
    first = (one.x + dx / 4 + aside[0], one.y + dy / 4 + aside[1])
    last = (other.x - dx / 4 + aside[0], other.y - dy / 4 + aside[1])
    start, end = one.edge_towards(first), other.edge_towards(last)
    return Spline(
        (_moved(start, first, tips[0]), first, last, _moved(end, last, tips[1])),
        start if tips[0] else None,
        end if tips[1] else None,
    )


def _moved(point: Point, towards: Point, by: float) -> Point:
    dx, dy = _unit(towards[0] - point[0], towards[1] - point[1])
    return point[0] + dx * by, point[1] + dy * by


def _unit(dx: float, dy: float) -> Point:
    length = math.hypot(dx, dy)
    return (dx / length, dy / length) if length else (1.0, 0.0)


def _written(point: Point) -> str:
    return f"{point[0]:.3f},{point[1]:.3f}"
