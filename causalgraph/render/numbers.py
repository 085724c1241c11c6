"""Numbers that stand beside lines: where each is read as its own line's, and hides as little else as can be."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping

from causalgraph.graphs.mixed import Edge
from causalgraph.render.geometry import Place, Point, Spline, halfway, samples
from causalgraph.render.picture import FONT_SIZE, text_width
from causalgraph.render.weights import WIDTHS, Weights, number_text

__all__ = ["NUMBER_SIZE", "placed"]

NUMBER_SIZE = 11

# Where along its line a number may stand, on either side, as parts of the line's length, the first choice first.
PARTS = (0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8)

# What it costs to hide a node, another number, a point of a line; to come near a point of another line; and to leave
# the middle by a whole length.
ON_NODE, ON_NUMBER, ON_LINE, NEAR_LINE, ASIDE = 1000, 1000, 1, 0.5, 6

# The gap between a number and its line, in points.
GAP = 2

# With more lines than this, numbers look out for nodes and for each other alone.
MANY_LINES = 150


def placed(splines: Mapping[Edge, Spline], nodes: Iterable[Place], weights: Weights) -> list[tuple[str, Place]]:
    """Return the number of each edge that has one, and the box beside the edge's line that it fills."""
    in_way = tuple(nodes)
    points = {edge: _dotted(s) for edge, s in splines.items()} if len(splines) <= MANY_LINES else {}
    found: list[tuple[str, Place]] = []
    for edge, spline in splines.items():
        if edge not in weights.of:
            continue
        text = number_text(weights.of[edge])
        on_lines = [point for along in (points or {edge: _dotted(spline)}).values() for point in along]
        room = WIDTHS[weights.scale.step(weights.of[edge])] / 2 + GAP
        spots = [(part, side * room) for part in PARTS for side in (1, -1)]
        boxes = [_box(text, *halfway(spline, part), gap) for part, gap in spots]
        numbers = [box for _, box in found]
        others = [point for other, along in points.items() if other != edge for point in along]
        costs = [
            ON_NODE * _hits(box, in_way)
            + ON_NUMBER * _hits(box, numbers)
            + ON_LINE * _covers(box, on_lines)
            + NEAR_LINE * sum(map(box.holds, others))
            + ASIDE * abs(part - 0.5)
            for box, (part, _) in zip(boxes, spots, strict=True)
        ]
        found.append((text, boxes[costs.index(min(costs))]))
    return found


def _dotted(spline: Spline) -> list[Point]:
    """Return points along a curve that leave no room for a number between two of them."""
    points = []
    for (x1, y1), (x2, y2) in itertools.pairwise(samples(spline)):
        steps = math.ceil(math.hypot(x2 - x1, y2 - y1) / NUMBER_SIZE * 2) or 1
        points += [(x1 + (x2 - x1) * at / steps, y1 + (y2 - y1) * at / steps) for at in range(steps)]
    return points


def _hits(box: Place, others: Iterable[Place]) -> int:
    return sum(_meet(box, other) for other in others)


def _covers(box: Place, points: Iterable[Point]) -> int:
    return sum(abs(x - box.x) < box.half_width and abs(y - box.y) < box.half_height for x, y in points)


def _box(text: str, at: Point, along: Point, gap: float) -> Place:
    """Return the box of a text beside a point of a line, to the left of its direction where the gap is positive."""
    half_width, half_height = text_width(text) * NUMBER_SIZE / FONT_SIZE / 2, NUMBER_SIZE / 2 + 1
    across, up = -along[1], along[0]
    reach = math.copysign(half_width * abs(across) + half_height * abs(up), gap) + gap
    return Place(at[0] + across * reach, at[1] + up * reach, half_width, half_height, is_round=False)


def _meet(one: Place, other: Place) -> bool:
    return (
        abs(one.x - other.x) < one.half_width + other.half_width
        and abs(one.y - other.y) < one.half_height + other.half_height
    )
