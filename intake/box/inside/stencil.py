"""The day of a rubber stamp that print runs through, found by its shape: which day, drawn there, explains the ink best?

Recognition reads lines; a line that print crosses on a slant is none. Here every pixel says how much it speaks for stamp ink
(print below it says nothing), every figure is laid over every place, and the day whose figures gather most is the answer.
Faces are the free ones that come with Ghostscript; stamps are cut in something alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FOLDER = Path("/usr/share/fonts/opentype/urw-base35")
FACES = ("NimbusSans-Bold", "NimbusSansNarrow-Regular", "NimbusSans-Regular", "NimbusRoman-Bold")
MONTHS = (("Jan.", "Januar", "JAN."), ("Feb.", "Februar", "FEB."), ("März", "MÄRZ"), ("April", "Apr.", "APRIL", "APR."),
          ("Mai", "MAI"), ("Juni", "JUNI"), ("Juli", "JULI"), ("Aug.", "August", "AUG."), ("Sep.", "September", "SEP."),
          ("Okt.", "Oktober", "OKT."), ("Nov.", "November", "NOV."), ("Dez.", "Dezember", "DEZ."))
DIGITS = "0123456789"
COARSE, FINE = 100.0, 150.0  # dots per inch of the search and of the decision
FIRST, FIRST_FACE, WORTH = 75.0, FACES[1:2], 0.16  # of a first look with one face; share from which a closer one is worth it
HEIGHTS_MM = (2.2, 4.1)  # of a figure
FINER = (1.0, 0.97, 1.03)  # heights tried around the one that the search found
HALF = 3  # quarters of a pixel from one height of the search to the next
CLOSE = 0.75  # of the most that a line may gather at any slant: a slant that comes so near is looked at closely too
ENOUGH = 65.0  # that the search must have gathered in pixels, or nothing is looked at closely
LIKELIEST = 30  # ways to write a day that are tried at every height
SPOTS, APART_MM = 3, 1.8  # lines looked at closely for each form, and how far they are apart
AROUND = 6  # pixels aside of its place
OTHER_YEAR = 0.5  # of a figure: what a year that the page does not name must gather more
TURNS = (0.0, -0.3, 0.3, -0.6, 0.6, -0.9, 0.9)  # degrees by which a slant may be missed
YEARS = range(1990, 2050)
LEAST, LEAST_FLAT = 0.33, 0.24  # share of the most a day could gather; where stamp and print have one tone
LEAD, AHEAD, AHEAD_FLAT = 0.008, 0.8, 0.5  # of a figure's: by which it must lead in every place, and before any other day
ONES, LITTLE = 4, 60.0  # of one day: a stroke lies anywhere; pixels of ink that are too few to tell
CLUTTER = 0.18  # share of the most that a letter gathers anywhere: taken off, or much would gather from nothing
PAPER, AGAINST, EMPTY = -0.6, 0.2, 0.12  # paper where a letter is; ink and paper in its cell where it is not
PALER, SOME, HIDDEN = 18, 80, 0.03  # by how many tones a stamp is paler than print; pixels that tell it; what hidden ones count
FLAT_PAPER, FLAT_AGAINST, FLAT_HIDDEN = -0.8, 0.4, 0.5  # the same where stamp and print have one tone; what dense print takes
NOWHERE = -1e3
SHORT = "00.00.00"
PATTERNS = {"long": "00.00.0000", "short": SHORT, "name": "000000"}
"""The figures and full stops of a day in each form."""
HELD, FREED = str.maketrans("0", "\0"), str.maketrans("\0", "0")  # a figure 0 that is decided is no open place
Grid = NDArray[np.float32]
Picture = tuple[Grid, Grid]
"""What each pixel speaks for the ink of a letter, and for the paper around it in its cell."""
Shown = Callable[[float, float], Picture]


@dataclass(frozen=True, slots=True)
class Day:
    """A day as it is printed (`text`), how much speaks for it (shares 0..1), and where: left, top, right, bottom in mm."""

    text: str
    share: float
    lead: float
    gathered: float
    place: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a day may begin: how much the figures gather there at best, the form, the face, height and place in mm."""

    gathered: float
    form: str
    face: str
    high: float
    x: float
    y: float


def speaks(cut: Image.Image, slant: float, print_tone: int, paper: int) -> Shown | None:
    """The picture of a stamp as `day_by_shape` wants it, turned upright. `print_tone`: of the page's print.

    A stamp is paler than print: what is nearly as dark as print hides what is below. None where the stamp is as dark.
    """
    tones = np.asarray(cut, dtype=np.float32)
    strokes = tones[(tones == np.asarray(cut.filter(ImageFilter.MinFilter(5)))) & (tones < paper - 60)]
    pale = strokes[strokes > print_tone + 12]
    stamp = float(np.percentile(pale, 40)) if len(pale) >= SOME else 0.0
    if stamp - print_tone < PALER:
        return None
    limit = print_tone + (stamp - print_tone) * (0.4 if stamp - print_tone >= 40 else 0.5)
    hidden = cut.point([255 if tone <= limit else 0 for tone in range(256)]).filter(ImageFilter.MaxFilter(3))
    inked = np.clip((0.9 * paper - tones) / (0.9 * paper - min(stamp + 10, paper - 80)), 0, 1) * (1 - PAPER) + PAPER
    inked = np.where(np.asarray(hidden) > 0, HIDDEN, inked)
    return _upright(cut, slant, inked.astype(np.float32), (-AGAINST * inked).astype(np.float32))


def speaks_flat(cut: Image.Image, slant: float, limit: int, covered: Image.Image) -> Shown:
    """As `speaks` where stamp and print have one tone: ink is what is darker than `limit`.

    `covered`: how densely the page's print covers each pixel of the cut, 255 where it is densest: ink says less there.
    """
    dense = np.asarray(covered, dtype=np.float32) / 255
    ink = np.asarray(cut) < limit
    on = np.where(ink, 1 - FLAT_HIDDEN * dense, FLAT_PAPER).astype(np.float32)
    off = np.where(ink, -FLAT_AGAINST * (1 - dense), EMPTY).astype(np.float32)
    return _upright(cut, slant, on, off)


def _upright(cut: Image.Image, slant: float, on: Grid, off: Grid) -> Shown:
    """Both pictures of a cut, turned upright, as they are asked for."""
    wholes = [Image.fromarray(part.astype(np.float32)) for part in (on, off)]
    beyond = (float(on.min()), float(off.max()))

    def at(dpi: float, turn: float) -> Picture:
        scale = dpi / float(cut.info["dpi"][0])
        kind = Image.Resampling.BOX if scale < 0.8 else Image.Resampling.BILINEAR
        size = (max(round(cut.width * scale), 1), max(round(cut.height * scale), 1))
        turned = (whole.resize(size, kind).rotate(slant + turn, Image.Resampling.BILINEAR, expand=True, fillcolor=fill)
                  for whole, fill in zip(wholes, beyond, strict=True))
        return np.ascontiguousarray(np.asarray(next(turned))), np.ascontiguousarray(np.asarray(next(turned)))

    return at


def worth_it(pictures: Sequence[Shown]) -> bool:
    """Whether there may be a day at all: a first look with one face, for a tenth of the work of `day_by_shape`."""
    if not all((FOLDER / f"{name}.otf").is_file() for name in FIRST_FACE):
        return False
    for weights in pictures:
        turn = max(TURNS, key=lambda turn, weights=weights: _lined(weights(FIRST, turn)))  # type: ignore[misc]
        for spot in _spots(weights(FIRST, turn), FIRST, FIRST_FACE):
            high = round(spot.high / 25.4 * FIRST * 4)
            size = (round(_width(spot.face, high, "0")) + 4, high // 4 + 3)
            if spot.gathered >= WORTH * sum(_most(spot.face, high, char, size) for char in PATTERNS[spot.form]):
                return True
    return False


def day_by_shape(pictures: Sequence[Shown], years: Sequence[int], *, flat: bool = False) -> tuple[Day, int] | None:
    """The day that the ink speaks for most and in which picture; None when none is clear, or where the faces are missing.

    `pictures`: of one stamp at each slant it may have. Each gives for (dpi, turn) the upright picture, turned a little more, as
    numbers: about 1 for the ink of the stamp, below 0 for paper, 0 where print hides it. `years`: those the page names.
    `flat`: from `speaks_flat`.
    """
    if not all((FOLDER / f"{name}.otf").is_file() for name in FACES):
        return None
    found: list[tuple[Day, int]] = []
    looked = []
    for number, weights in enumerate(pictures):
        turn = max(TURNS, key=lambda turn: _lined(weights(COARSE, turn)))
        looked.append((_spots(weights(COARSE, turn)), turn, number))
    most = max((spots[0].gathered for spots, _, _ in looked if spots), default=0.0)
    for spots, turn, number in looked:
        if spots and spots[0].gathered >= max(CLOSE * most, ENOUGH):
            picture = pictures[number](FINE, turn)
            found += [(day, number) for spot in spots for day in _days(picture, spot, years)]
    best = max(found, key=lambda one: one[0].gathered, default=None)
    least, ahead = (LEAST_FLAT, AHEAD_FLAT) if flat else (LEAST, AHEAD)
    if best is None or best[0].text.count("1") >= ONES or best[0].gathered < LITTLE:
        return None
    if best[0].share < least or best[0].lead < LEAD or _ahead(best[0], [day for day, _ in found]) < ahead:
        return None
    return best if not years or int(best[0].text[-2:]) in {year % 100 for year in years} else None


def _ahead(best: Day, found: Sequence[Day]) -> float:
    """By how much of a figure the best day gathers more than any that is another day."""
    others = [day.gathered for day in found if _said(day.text) != _said(best.text)]
    return (best.gathered - max(others, default=NOWHERE)) / best.gathered * best.share * len(best.text)


def _said(text: str) -> tuple[str, ...]:
    """What a text says of a day: its figures without leading and century, and the start of a month's name."""
    return tuple(part.lstrip("0")[-2:] if part.isdigit() else part[:3].lower() for part in text.replace(".", " ").split())


def _in_calendar(text: str) -> bool:
    """False for a thirty-first of a month of thirty days, and the like."""
    day, month, _ = _said(text)
    names = [name[0][:3].lower() for name in MONTHS]
    number = int(month or 0) if month.isdigit() else names.index(month) + 1
    return int(day or 0) <= (29 if number == 2 else 30 if number in (4, 6, 9, 11) else 31)


def _lined(picture: Picture) -> float:
    """How clearly the ink of a picture lies in rows."""
    return float(np.square(np.diff(np.maximum(picture[0], 0).sum(axis=1))).sum())


@lru_cache(maxsize=256)
def _face(name: str, high: int) -> ImageFont.FreeTypeFont:
    """The face with figures that are `high` quarters of a pixel high."""
    path, basic = FOLDER / f"{name}.otf", ImageFont.Layout.BASIC
    box = ImageFont.truetype(path, 200, layout_engine=basic).getbbox("0", anchor="ls")
    return ImageFont.truetype(path, 200 * high / 4 / (box[3] - box[1]), layout_engine=basic)


@lru_cache(maxsize=50_000)
def _width(name: str, high: int, text: str) -> float:
    """How wide a text is in a face, in pixels."""
    return _face(name, high).getlength(text)


@lru_cache(maxsize=4096)
def _glyph(name: str, high: int, char: str, size: tuple[int, int]) -> Grid:
    """A letter, 1 where its ink is."""
    drawn = Image.new("L", size, 0)
    ImageDraw.Draw(drawn).text((1, size[1] - 2), char, 255, _face(name, high), anchor="ls")
    shape: Grid = np.asarray(drawn, dtype=np.float32) / np.float32(255)
    return shape


def _most(name: str, high: int, char: str, size: tuple[int, int]) -> float:
    """What a letter gathers where its ink and the paper around it are as they should be."""
    ink = float(_glyph(name, high, char, size).sum())
    return ink + EMPTY * max(round(_width(name, high, char)) * (high / 4 + 2) - ink, 0.0)


def _cells(off: Grid, name: str, high: int, chars: str, size: tuple[int, int], step: int) -> Grid:
    """What the whole cell of each letter loses at each place (letters x rows x columns)."""
    wide, tall = size
    sums: Grid = np.pad(off, ((1, 0), (1, 0))).astype(np.float64).cumsum(axis=0).cumsum(axis=1).astype(np.float32)
    rows, columns = off.shape[0] - tall + 1, off.shape[1] - wide + 1
    top, bottom = max(tall - 3 - round(high / 4), 0), tall - 1
    found = []
    for char in chars:
        right = min(1 + round(_width(name, high, char)), wide)
        found.append((sums[bottom:bottom + rows, right:right + columns] - sums[top:top + rows, right:right + columns]
                      - sums[bottom:bottom + rows, 1:1 + columns] + sums[top:top + rows, 1:1 + columns])[::step])
    return np.stack(found)


def _gathered(picture: Picture, names: Sequence[str], high: int, chars: str,
              step: int = 1) -> tuple[Grid, tuple[int, int]] | None:
    """What each letter of each face gathers at each place (faces x letters x rows x columns), a pixel off counts nearly as much;
    and the size of a letter's picture. None where the picture is too small."""
    on, off = picture
    wide = int(max(_width(name, high, char) for name in names for char in chars) + 3)
    tall = high // 4 + (7 if any(char in "ÄÜ" for char in chars) else 3)
    if on.shape[0] <= tall or on.shape[1] <= wide:
        return None
    shapes = np.stack([_glyph(name, high, char, (wide, tall)).ravel() for name in names for char in chars])
    windows = sliding_window_view(on - off, (tall, wide))[::step]
    rows, columns = windows.shape[:2]
    sums = (windows.reshape(rows * columns, -1) @ shapes.T).T.reshape(len(shapes), rows, columns)
    sums += np.concatenate([_cells(off, name, high, chars, (wide, tall), step) for name in names])
    padded = np.pad(sums, ((0, 0), (1, 1), (1, 1)), constant_values=NOWHERE) - np.float32(0.3)
    best = sums.copy()
    aside = np.maximum(np.maximum(padded[:, :, :-2], padded[:, :, 2:]), padded[:, :, 1:-1])
    for down in range(3) if step == 1 else (1,):
        np.maximum(best, aside[:, down:down + rows], out=best)
    return best.reshape(len(names), len(chars), rows, columns), (wide, tall)


def _moved(grid: Grid, by: float) -> Grid:
    """What stands `by` pixels further right, at each place."""
    by = round(by)
    moved = np.full_like(grid, NOWHERE)
    if by < grid.shape[1]:
        moved[:, :grid.shape[1] - by] = grid[:, by:]
    return moved


def _spots(picture: Picture, dpi: float = COARSE, faces: Sequence[str] = FACES) -> list[_Spot]:
    """The best place of each form of a day, and the second best."""
    found: list[_Spot] = []
    for high in range(int(HEIGHTS_MM[0] / 25.4 * dpi * 4), int(HEIGHTS_MM[1] / 25.4 * dpi * 4) + 2, HALF):
        gathered = _gathered(picture, faces, high, DIGITS + ".", step=2)
        if gathered is None:
            continue
        for name, sums in zip(faces, gathered[0], strict=True):
            for form, grid in _forms(sums, name, high):
                y, x = divmod(int(grid.argmax()), grid.shape[1])
                found.append(_Spot(float(grid[y, x]), form, name, *(side / dpi * 25.4 for side in (high / 4, x, 2 * y))))
    found.sort(key=lambda spot: -spot.gathered)
    chosen: list[_Spot] = []
    for spot in found:
        alike = [one for one in chosen if one.form == spot.form]
        if len(alike) < SPOTS and all(abs(one.y - spot.y) >= APART_MM for one in alike):
            chosen.append(spot)
    return chosen


def _forms(sums: Grid, face: str, high: int) -> Iterator[tuple[str, Grid]]:
    """What a day in each form would gather at best that begins at each place: 01.02.2026, 01.02.26, with a name between."""
    one, dot = _width(face, high, "0"), _width(face, high, ".")
    some, tens, point = sums[:10].max(0), sums[:4].max(0), sums[10]
    day = tens + _moved(some, one)
    start = (day + _moved(point, 2 * one) + _moved(sums[:2].max(0), 2 * one + dot) + _moved(some, 3 * one + dot)
             + _moved(point, 4 * one + dot))
    year = sums[2] + _moved(sums[0], one) + _moved(day, 2 * one)
    yield "long", start + _moved(year, 4 * one + 2 * dot)
    yield "short", start + _moved(day, 4 * one + 2 * dot)
    gaps = {round(_width(face, high, f"{before} {name} ")) for names in MONTHS for name in names for before in ("26", "26.")}
    single = {round(_width(face, high, f"6. {name} ")) for names in MONTHS for name in names}
    named = [day + _moved(year, gap) for gap in gaps] + [some + _moved(year, gap) for gap in single]
    yield "name", np.maximum.reduce(named)


def _texts(form: str) -> Iterator[str]:
    """How a day may be written, 0 for each of its figures."""
    if form == "name":
        yield from (f"{before} {name} 0000" for names in MONTHS for name in names for before in ("00.", "00", "0."))
    else:
        yield from ("00.00.0000", SHORT)


def _days(picture: Picture, spot: _Spot, years: Sequence[int]) -> Iterator[Day]:
    """The best day of each way to write it near a spot."""
    chars = DIGITS + "."
    if spot.form == "name":
        chars += "".join(sorted({char for names in MONTHS for name in names for char in name if char != "."}))
    top = max(round(spot.y / 25.4 * FINE) - 4, 0)
    texts = [*_texts(spot.form)]
    for share in FINER:
        high = round(spot.high / 25.4 * FINE * share * 4)
        band = slice(top, top + high // 4 + 16)
        gathered = _gathered((picture[0][band], picture[1][band]), (spot.face,), high, chars)
        if gathered is not None:
            line = _Line(gathered[0][0], spot.face, high, chars, gathered[1], round(spot.x / 25.4 * FINE), top)
            days = {text: line.read(text, years) for text in texts}
            yield from days.values()
            texts = sorted(texts, key=lambda text: -days[text].gathered)[:LIKELIEST]


class _Line:
    """One line of a stamp at one height of letters: what each letter gathers at each place of it."""

    def __init__(self, sums: Grid, face: str, high: int, chars: str, size: tuple[int, int], x: int, top: int) -> None:
        self._sums, self._top, self._high = sums, top, high // 4
        self._at = {char: number for number, char in enumerate(chars)}
        self._ink = {char: _most(face, high, char, size) for char in chars} | {" ": 0.0}
        self._wide = {char: _width(face, high, char) for char in (*chars, " ")}
        self._from, self._to = max(x - AROUND, 0), min(x + AROUND + 1, sums.shape[2])
        self._seen: dict[tuple[str, int], Grid] = {}

    def _here(self, chars: str, offset: float) -> Grid:
        """What letters gather `offset` pixels from each start (letters x rows x starts)."""
        by = round(offset)
        if (chars, by) not in self._seen:
            found = np.full((len(chars), self._sums.shape[1], self._to - self._from), -50, np.float32)
            part = self._sums[[self._at[char] for char in chars], :, self._from + by:self._to + by]
            found[:, :, :part.shape[2]] = part
            self._seen[chars, by] = found
        return self._seen[chars, by]

    def read(self, text: str, years: Sequence[int]) -> Day:
        """The day in this way of writing (0 for each of its figures) that gathers most."""
        ends = np.cumsum([0.0, *(self._wide[char] for char in text)])
        figures = [self._here(DIGITS, ends[place]) for place, char in enumerate(text) if char == "0"]
        fixed = sum((self._here(char, ends[place])[0] for place, char in enumerate(text) if char not in "0 "),
                    np.zeros_like(figures[0][0]))
        if text == SHORT:  # a figure right behind it: the year has four
            fixed = fixed - np.maximum(self._here(DIGITS, ends[-1]).max(0), 0)
        long, named = text.endswith("0000"), any(char.isalpha() for char in text)
        pairs = [(one[:, None] + other[None]).reshape(100, *fixed.shape) for one, other in pairwise(figures)]
        single = not text.startswith("00")
        parts = [(figures[0][1:] if single else pairs[0][1:32], [str(day) if single else f"{day:02d}" for day in range(1, 32)])]
        if not named:
            parts.append((pairs[2][1:13], [f"{month:02d}" for month in range(1, 13)]))
        year = pairs[-1][[one % 100 for one in YEARS]] + (pairs[-3][[one // 100 for one in YEARS]] if long else 0)
        strange = [0.0 if one in years or not years else OTHER_YEAR * self._ink["0"] for one in YEARS]
        parts.append((year - np.array(strange, np.float32)[:, None, None], [str(one)[0 if long else 2:] for one in YEARS]))
        return self._best(text, fixed, parts)

    def _best(self, text: str, fixed: Grid, parts: Sequence[tuple[Grid, list[str]]]) -> Day:
        whole = fixed + sum(part.max(0) for part, _ in parts)
        y, x = divmod(int(whole.argmax()), whole.shape[1])
        lead = 1e9
        for part, texts in parts:
            here = part[:, y, x]
            chosen = texts[int(here.argmax())]
            text = text.replace("0" * len(chosen), chosen.translate(HELD), 1)
            first, second = np.sort(here)[[-1, -2]]
            lead = min(lead, float(first - second) / self._ink["0"])
        text = text.translate(FREED)
        most = sum(self._ink[char] for char in text)
        left, top = self._from + x, self._top + y
        place = (left, top, left + sum(self._wide[char] for char in text), top + self._high + 2)
        gathered = float(whole[y, x])
        cleared = gathered - CLUTTER * most if _in_calendar(text) else NOWHERE
        return Day(text, gathered / most, lead, cleared, tuple(edge / FINE * 25.4 for edge in place))
