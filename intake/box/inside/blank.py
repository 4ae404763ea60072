"""Is there anything on the page? Ink that has the shape of writing, not punch holes, shadows, dust or the other side.

Only pages with hardly any ink are looked at; what is found on them need not be readable, it must only be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from intake.box.inside.geometry import ink_of, share_of_ink

LOOK_DPI = 150.0
LITTLE = 0.004  # share of ink above which a page is looked at by recognition alone
FAINT = 34  # grey levels: weaker ink is the other side showing through
EDGE_MM = 7.0  # shadows and frayed edges
HOLE_MM = (3.5, 9.5)  # outer width of a punch hole
HOLE_REACH_MM = 26.0  # from the edge
MARGIN = 0.045  # of the shorter side: 9 mm on A4
DUST_MM2 = 0.25
MARK_MM, MARK_MM2 = 1.9, 0.6  # a digit of 10 points
LINE_MM = 4.0  # marks within this height stand in one line
GAP_MM = 12.0
MOST_SPOTS = 4000
MOST_PIECES, PIECES_MM = 60, 4.0  # of rings: looked at, and between those of one
CLUSTER_MM, CLUSTER = 10.0, 8  # that many specks in two by two squares are a pale stamp: dust lies singly, six times as thin
SPECK_MM2 = 0.05


@dataclass(frozen=True, slots=True)
class Spot:
    """A connected patch of ink: its box in pixels and its pixels."""

    x0: int
    y0: int
    x1: int
    y1: int
    pixels: int


def is_bare(grey: Image.Image, small_ink: Image.Image) -> bool:
    """True for a page without content: `grey` of about 150 dpi, `small_ink` from `geometry.ink_of`.

    False also for a page with more ink than can be told from the picture alone.
    """
    if share_of_ink(_inner(small_ink)) > LITTLE:
        return False
    ink = ink_of(grey)
    strong = ink.point([255 if value >= FAINT else 0 for value in range(256)])
    if share_of_ink(_inner(strong)) > 2.5 * LITTLE:
        return False
    dpi = float(grey.info["dpi"][0])
    every = spots_of(strong)
    rings = _rings(every, strong.size, dpi)
    spots = [spot for spot in every if spot not in rings and not _is_dirt(spot, strong.size, dpi)]
    return len(spots) < MOST_SPOTS and not _is_writing(spots, dpi) and not _is_cluster(every, strong.size, dpi)


def _inner(image: Image.Image) -> Image.Image:
    """The page without the margin in which shadows of its edges lie (a shadow alone is no ink)."""
    away = round(MARGIN * min(image.size))
    return image.crop((away, away, image.width - away, image.height - away))


def spots_of(strong: Image.Image) -> list[Spot]:
    """Connected spots of a picture that has few of them (runs of each row joined with those above)."""
    width, data = strong.width, strong.tobytes()
    parent: list[int] = []
    boxes: list[list[int]] = []

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    above: list[tuple[int, int, int]] = []
    for y in range(strong.height):
        row = data[y * width:(y + 1) * width]
        runs: list[tuple[int, int, int]] = []
        start = row.find(b"\xff")
        while start >= 0:
            end = row.find(b"\x00", start)
            end = width if end < 0 else end
            index = len(parent)
            parent.append(index)
            boxes.append([start, y, end, y + 1, end - start])
            for left, right, other in above:
                if left <= end and right >= start:
                    parent[root(other)] = root(index)
            runs.append((start, end, index))
            start = row.find(b"\xff", end)
        above = runs
    merged: dict[int, list[int]] = {}
    for index, box in enumerate(boxes):
        into = merged.setdefault(root(index), [width, strong.height, 0, 0, 0])
        into[:] = [min(into[0], box[0]), min(into[1], box[1]), max(into[2], box[2]), max(into[3], box[3]), into[4] + box[4]]
    return [Spot(*box) for box in merged.values()]


def _is_dirt(spot: Spot, size: tuple[int, int], dpi: float) -> bool:
    """Dust, a shadow at the edge, a punch hole."""
    to_mm = 25.4 / dpi
    width, height = (spot.x1 - spot.x0) * to_mm, (spot.y1 - spot.y0) * to_mm
    if spot.pixels * to_mm ** 2 < DUST_MM2:
        return True
    away = min(spot.x0, spot.y0, size[0] - spot.x1, size[1] - spot.y1) * to_mm
    far = min(spot.x1, spot.y1, size[0] - spot.x0, size[1] - spot.y0) * to_mm
    if far < EDGE_MM or away < 1.0:
        return True
    low, high = HOLE_MM
    return far < HOLE_REACH_MM and low <= width <= high and low <= height <= high and 0.6 <= width / height <= 1.7


def _rings(spots: list[Spot], size: tuple[int, int], dpi: float) -> set[Spot]:
    """The pieces of two punched rings: both of a hole's size, near the same edge, 80 mm apart (ISO 838)."""
    to_mm = 25.4 / dpi
    margin = [spot for spot in spots if min(spot.x1, spot.y1, size[0] - spot.x0, size[1] - spot.y0) * to_mm < HOLE_REACH_MM
              and spot.pixels * to_mm ** 2 >= SPECK_MM2 / 2]
    if not 2 <= len(margin) <= MOST_PIECES:
        return set()
    groups: list[list[Spot]] = []
    for spot in margin:
        near = [group for group in groups if any(_apart(spot, other) * to_mm < PIECES_MM for other in group)]
        groups = [group for group in groups if group not in near] + [[spot, *(one for group in near for one in group)]]
    rings = {}
    for group in groups:
        x0, y0 = min(spot.x0 for spot in group) * to_mm, min(spot.y0 for spot in group) * to_mm
        wide, high = max(spot.x1 for spot in group) * to_mm - x0, max(spot.y1 for spot in group) * to_mm - y0
        if HOLE_MM[0] <= wide <= HOLE_MM[1] and HOLE_MM[0] <= high <= HOLE_MM[1]:
            rings[x0 + wide / 2, y0 + high / 2] = group
    paired = [one for one in rings for other in rings if abs(max(abs(one[0] - other[0]), abs(one[1] - other[1])) - 80.0) < 3.0
              and min(abs(one[0] - other[0]), abs(one[1] - other[1])) < 4.5]
    return {spot for place in paired for spot in rings[place]}


def _apart(one: Spot, other: Spot) -> int:
    return max(one.x0 - other.x1, other.x0 - one.x1, one.y0 - other.y1, other.y0 - one.y1, 0)


def _is_writing(spots: list[Spot], dpi: float) -> bool:
    """One mark of the size of a letter, or three smaller ones in a row."""
    to_mm = 25.4 / dpi
    if any(max(spot.x1 - spot.x0, spot.y1 - spot.y0) * to_mm >= MARK_MM and spot.pixels * to_mm ** 2 >= MARK_MM2
           for spot in spots):
        return True
    spots = sorted(spots, key=lambda spot: (round((spot.y0 + spot.y1) / 2 * to_mm / LINE_MM), spot.x0))
    chain = 1
    for one, other in pairwise(spots):
        level = abs((one.y0 + one.y1) - (other.y0 + other.y1)) / 2 * to_mm < LINE_MM
        near = level and -1 < (other.x0 - one.x1) * to_mm < GAP_MM
        chain = chain + 1 if near else 1
        if chain >= 3:
            return True
    return False


def _is_cluster(spots: list[Spot], size: tuple[int, int], dpi: float) -> bool:
    """True when specks crowd in one place, as those of a pale stamp that was made black and white; edges and holes left out."""
    to_mm = 25.4 / dpi
    across = int(size[0] * to_mm / CLUSTER_MM) + 2
    counts: dict[int, int] = {}
    for spot in spots:
        far = min(spot.x1, spot.y1, size[0] - spot.x0, size[1] - spot.y0) * to_mm
        if spot.pixels * to_mm ** 2 >= SPECK_MM2 and far >= HOLE_REACH_MM:
            cell = int(spot.y0 * to_mm / CLUSTER_MM) * across + int(spot.x0 * to_mm / CLUSTER_MM)
            counts[cell] = counts.get(cell, 0) + 1
    most = max((sum(counts.get(cell + step, 0) for step in (0, 1, across, across + 1)) for cell in counts), default=0)
    cells = size[0] * size[1] * (to_mm / CLUSTER_MM) ** 2
    return most >= CLUSTER and most > 6 * 4 * sum(counts.values()) / cells
