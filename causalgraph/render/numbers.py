"""Numbers that stand on their lines: where each hides nothing but a piece of its own line."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from causalgraph.graphs.mixed import Edge
from causalgraph.render.geometry import Place, Point, Spline, halfway, samples
from causalgraph.render.picture import FONT_SIZE, text_width
from causalgraph.render.weights import WIDTHS, Weights

__all__ = ["NUMBER_SIZE", "SMALL_SIZE", "Number", "placed"]

NUMBER_SIZE = 11
SMALL_SIZE = 9

# Where along its line a number may stand, as parts of the line's length, the first choice first.
PARTS = tuple(sorted((at / 40 for at in range(2, 39)), key=lambda part: abs(part - 0.5)))

# How far beside its line a number may stand, in points, where it finds no room on it, the first choice first; a thin
# leader then joins it to a point of its line, across it or aslant.
ASIDE = (8, 14, 22, 32, 44, 60, 80, 110, 150)
POINTED_AT = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)
ALONG = (0, -16, 16, -32, 32)

# So much of a line must show between a number and the line's end, and between a number and all else, in points.
SHOWN = 4
GAP = 1.5

# Half the breadth of an arrowhead or a circle, in points, and the side of a cell in which obstacles are looked up.
HALF_MARK = 6
CELL = 40


@dataclass(frozen=True)
class Number:
    """A number, the box that it fills, the size of its letters, and the leader to its line where it stands beside."""

    text: str
    place: Place
    size: int
    leader: Spline | None = None


@dataclass
class Crowd:
    """What a number may not hide, looked up by where it is; what belongs to an edge may be left out by its edge."""

    cells: dict[tuple[int, int], list[tuple[Place, Edge | None]]] = field(default_factory=dict)

    def add(self, place: Place, owner: Edge | None = None) -> None:
        """Add an obstacle."""
        for cell in _cells(place):
            self.cells.setdefault(cell, []).append((place, owner))

    def hits(self, box: Place, but: Edge | None = None) -> int:
        """Return how many obstacles a box meets, without those of an edge."""
        met = {
            place
            for cell in _cells(box)
            for place, owner in self.cells.get(cell, ())
            if (owner is None or owner != but) and _meet(box, place)
        }
        return len(met)


def placed(splines: Mapping[Edge, Spline], in_way: Iterable[Place], weights: Weights) -> list[Number]:
    """Return the number of each edge that has one, and where it stands.

    A number stands on its line, as near to the middle as it hides no node, mark, other line or other number; it is
    smaller where that helps, and else stands beside its line, to which a leader joins it. The lines with least room
    choose first.

    Args:
        splines: where the edges of the picture lie.
        in_way: what else mustn't be hidden: the nodes, and signs on lines.
        weights: the numbers.
    """
    crowd = Crowd()
    for place in in_way:
        crowd.add(place)
    for edge, spline in splines.items():
        for mark in _marks(spline):
            crowd.add(mark)
        half = _half_width(edge, weights)
        for x, y in _dotted(samples(spline)):
            crowd.add(Place(x, y, half, half, is_round=True), edge)
    texts = {edge: text for edge in splines if (text := weights.text(edge)) is not None}
    room = {e: sum(crowd.hits(box, e) == 0 for box in _on_line(t, splines[e], NUMBER_SIZE)) for e, t in texts.items()}
    found: dict[Edge, Number] = {}
    for edge in sorted(texts, key=lambda e: room[e]):
        found[edge] = number = _found(texts[edge], edge, splines[edge], crowd)
        crowd.add(number.place)
        for x, y in _dotted(samples(number.leader)) if number.leader else ():
            crowd.add(Place(x, y, 1, 1, is_round=True))
    return [found[edge] for edge in texts]


def _found(text: str, edge: Edge, spline: Spline, crowd: Crowd) -> Number:
    """Return where a number stands, given what is there."""
    for size in (NUMBER_SIZE, SMALL_SIZE):
        for box in _on_line(text, spline, size):
            if not crowd.hits(box, edge):
                return Number(text, box, size)
    # What hides nothing comes first; then the leader may cross lines.
    costs = (
        (
            100 * crowd.hits(_wider(n.place))
            + sum(crowd.hits(Place(*p, 1, 1, is_round=True), edge) for p in _shaft(n)),
            n,
        )
        for n in _beside(text, spline)
    )
    return min(_until_free(costs), key=lambda pair: pair[0])[1]


def _until_free(costs: Iterable[tuple[int, Number]]) -> Iterator[tuple[int, Number]]:
    """Yield costs up to the first that is nothing."""
    for cost, number in costs:
        yield cost, number
        if not cost:
            return


def _on_line(text: str, spline: Spline, size: int) -> Iterator[Place]:
    """Yield the boxes of a text centred over its line that leave some line to see at both its ends."""
    ends = spline.points[0], spline.points[-1]
    for part in PARTS:
        box = _box(text, halfway(spline, part)[0], size)
        if not any(_meet(box, Place(*end, SHOWN, SHOWN, is_round=True)) for end in ends):
            yield box


def _beside(text: str, spline: Spline) -> Iterator[Number]:
    """Yield a number beside its line, with its leader, the nearest places first."""
    for aside, along, part, side in itertools.product(ASIDE, ALONG, POINTED_AT, (1, -1)):
        (x, y), (dx, dy) = halfway(spline, part)
        box = _box(text, (0, 0), SMALL_SIZE)
        across, up = -dy * side, dx * side
        reach = box.half_width * abs(across) + box.half_height * abs(up) + aside
        at = x + across * reach + dx * along, y + up * reach + dy * along
        place = Place(*at, box.half_width, box.half_height, is_round=False)
        tip = place.edge_towards((x, y))
        yield Number(text, place, SMALL_SIZE, Spline(((x, y), (x, y), tip, tip)))


def _wider(box: Place) -> Place:
    """Return a box with the room around it that parts a number from what isn't its own."""
    return Place(box.x, box.y, box.half_width + GAP, box.half_height + GAP, is_round=False)


def _shaft(number: Number) -> list[Point]:
    """Return points along the leader of a number, those at the number itself left out."""
    points = _dotted(samples(number.leader)) if number.leader else []
    return [p for p in points if not _meet(number.place, Place(*p, 0, 0, is_round=True))]


def _marks(spline: Spline) -> Iterator[Place]:
    """Yield the boxes of the marks at the ends of a line."""
    for tip, base in ((spline.start, spline.points[0]), (spline.end, spline.points[-1])):
        if tip:
            (x1, y1), (x2, y2) = tip, base
            long, high = abs(x1 - x2) / 2, abs(y1 - y2) / 2
            yield Place((x1 + x2) / 2, (y1 + y2) / 2, max(long, HALF_MARK), max(high, HALF_MARK), is_round=False)


def _half_width(edge: Edge, weights: Weights) -> float:
    """Return half the width of an edge's line, with the gap that numbers of other edges keep."""
    return WIDTHS[weights.step(edge) or 0] / 2 + GAP


def _dotted(line: list[Point]) -> list[Point]:
    """Return points along a curve that leave no room for a number between two of them."""
    points = [line[-1]]
    for (x1, y1), (x2, y2) in itertools.pairwise(line):
        steps = math.ceil(math.hypot(x2 - x1, y2 - y1) / SMALL_SIZE * 2) or 1
        points += [(x1 + (x2 - x1) * at / steps, y1 + (y2 - y1) * at / steps) for at in range(steps)]
    return points


def _box(text: str, at: Point, size: int) -> Place:
    """Return the box of a text around a point."""
    return Place(*at, text_width(text) * size / FONT_SIZE / 2 + 1, size / 2 + 1, is_round=False)


def _cells(place: Place) -> Iterator[tuple[int, int]]:
    """Yield the cells that a box lies in."""
    across = range(_cell(place.x - place.half_width), _cell(place.x + place.half_width) + 1)
    up = range(_cell(place.y - place.half_height), _cell(place.y + place.half_height) + 1)
    return itertools.product(across, up)


def _cell(coordinate: float) -> int:
    return math.floor(coordinate / CELL)


def _meet(one: Place, other: Place) -> bool:
    return (
        abs(one.x - other.x) < one.half_width + other.half_width
        and abs(one.y - other.y) < one.half_height + other.half_height
    )
