"""The day of receipt from the Eingangsstempel, apart from the date of the letter. Pure.

A stamp is a stamp word (`Eingang`, `Eingegangen`, `Posteingang`, `EING.`) with a date close by, not part of a running
sentence (`... ist am 3. April bei uns eingegangen`). Stamps stand slanted and over text, so nearness in mm counts, not the
line that the recognition made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, get_close_matches
from itertools import pairwise

from intake.extract.dates import FoundDate, find_dates
from intake.extract.layout import evidence, legibility
from intake.vocabulary import Box, Material, Page, Proposal, Word

_STAMP = re.compile(r"^[\W_]*(post)?e[il1]n(gang|gegangen|g\.)(sstempel)?(:|\.|am)?[\W_]*$", re.IGNORECASE)
_STAMP_TEXT = re.compile(r"^\W*(?:post)?ein(?:gang(?:sstempel)?|gegangen)(?: am| den)?\W{0,3}$", re.IGNORECASE)
_STAMP_WORDS = ("eingang", "eingegangen", "posteingang", "eingangsstempel")
_MONTH = re.compile(r"(?<=\d[ .])\s?([A-Za-zÄÖÜäöü]{3,9})\.?(?=\s?(?:20)?\d\d\b)")
_MONTHS = ("januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "dezember",
           "jan", "feb", "apr", "jun", "jul", "aug", "sep", "okt", "nov", "dez")
REACH_MM = 45.0
DOWN_MM = 32.0
UP_MM = 12.0
LABELLED = 0.6  # of its probability is left to a date with a leading word that no stamp has
HALF_DAY, HALF = re.compile(r"(?<!\d)\d[.,] ?0\d[.,]"), 0.5  # "5.05.2026" lost a figure: a stamp has two for day and month


def stamp(material: Material) -> tuple[Proposal, ...]:
    """Proposals of receipt_date, the surest first; a day after the real day of receipt is no day of receipt."""
    near = material.received_on.year if material.received_on else 2026
    found: list[Proposal] = []
    for number, page in enumerate(material.pages, start=1):
        found.extend((*_on_page(number, page, near), *_in_regions(number, page, near)) if page.words
                     else _in_text(number, page, near))
    if material.received_on:
        found = [one for one in found if one.value <= material.received_on.isoformat()]
    return tuple(sorted(found, key=lambda one: (-one.confidence, one.evidence[0].page)))


def _on_page(number: int, page: Page, near: int) -> Iterator[Proposal]:
    for mark in page.words:
        if not _STAMP.match(mark.text) or _in_sentence(mark, page):
            continue
        around = [box for box in page.stamps if _within(mark, box)]
        close = [word for word in page.words if _distance_ok(mark, word, page)]
        inside = [word for word in close if any(_within(word, box) for box in around)]
        if any(True for _ in _dates(inside, mark, page, near)):
            close = inside  # the stamp's own day, not one of the letter below it
        best = min(_dates(close, mark, page, near), key=lambda one: one[0], default=None)
        if best is None:
            continue
        distance, day, words = best
        covered = (mark, *words)
        sure = (0.93 - 0.004 * distance) * (0.6 + 0.4 * legibility(words)) * (1.0 if number == 1 else 0.8)
        sure *= HALF if HALF_DAY.search(day.raw) else 1.0
        yield Proposal("receipt_date", day.day.isoformat(), round(max(0.1, sure), 3), (
            evidence("rule:stamp@1", number, covered, f"{mark.text} {day.raw}"),))


def _in_regions(number: int, page: Page, near: int) -> Iterator[Proposal]:
    """A date inside a region that looks like a stamp; its stamp word may be misread (rubber prints badly), or even be missing."""
    for region in page.stamps:
        inside = [word for word in page.words if _within(word, region)]
        marks = [word for word in inside if _like_a_stamp_word(word.text)]
        for line in {(word.block, word.line) for word in inside}:
            words = [word for word in inside if (word.block, word.line) == line]
            text = " ".join(word.text for word in words).strip("-–. ")
            dates = find_dates(_pointed(text), near) or find_dates(text, near)
            raw = dates[0].raw if dates and dates[0].raw in text else text  # as it stands there, not as it was understood
            if len(dates) == 1:
                same_block = any(mark.block == line[0] for mark in marks)
                sure = (0.92 if same_block else 0.7 if marks else 0.6) * (0.6 + 0.4 * legibility(words))
                sure *= (1.0 if number == 1 else 0.8) * (LABELLED if _labelled(text, raw) else 1.0)
                sure *= HALF if HALF_DAY.search(raw) else 1.0
                covered = (*marks[:1], *words) if same_block else tuple(words)
                yield Proposal("receipt_date", dates[0].day.isoformat(), round(sure, 3), (
                    evidence("rule:stamp-region@1", number, covered, " ".join(word.text for word in covered)),), raw)


def _labelled(text: str, raw: str) -> bool:
    """Whether a leading word stands before the date ("Datum: 25.01.2026"): a date of the letter that lies beside the stamp."""
    before = text.partition(raw)[0]
    return before.rstrip().endswith(":") and not any(_like_a_stamp_word(word) for word in before.split())


def _pointed(text: str) -> str:
    """Points where rubber printed them as commas ("5, Okt. 2026", "24 AUG, 2026"), a 1 read as a letter ("I9. Nov."), and months
    with a letter misread ("APRIT." for "APRIL")."""
    text = re.sub(r"(?<![^\W_])[Iil|](?=\d?[. ]\s?\w)", "1", text.replace("ı", "i"))
    return _MONTH.sub(_month, re.sub(r"(?<=[\da-zA-Zä])[,;:](?=\s?\d)|(?<=\d)[,;:](?=\s?[A-Za-zÄÖÜäöü]{3})", ".", text))


def _month(match: re.Match[str]) -> str:
    close = get_close_matches(match[1].lower(), _MONTHS, 1, 0.74)
    return close[0].capitalize() if close else match[0]


def _within(word: Word, box: Box) -> bool:
    x, y = _middle(word)
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _like_a_stamp_word(text: str) -> bool:
    """Whether a word is a stamp word with at most a letter in four misread."""
    bare = re.sub(r"[^a-z]", "", text.lower())
    return len(bare) >= 6 and max(SequenceMatcher(None, bare, word).ratio() for word in _STAMP_WORDS) >= 0.75


def _distance_ok(mark: Word, word: Word, page: Page) -> bool:
    aside = abs(_middle(word)[0] - _middle(mark)[0]) * page.width_mm
    down = (_middle(word)[1] - _middle(mark)[1]) * page.height_mm
    return aside <= REACH_MM and -UP_MM <= down <= DOWN_MM


def _middle(word: Word) -> tuple[float, float]:
    return (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2


def _in_sentence(mark: Word, page: Page) -> bool:
    """Whether small-letter words stand close beside the mark on its line, as in running text."""
    line = [word for word in page.words if word.block == mark.block and word.line == mark.line and word is not mark]
    beside = [word for word in line if min(abs(word.box[0] - mark.box[2]), abs(mark.box[0] - word.box[2])) * page.width_mm < 5]
    running = [word for word in beside if re.match(r"[a-zäöüß]{2,}", word.text) and word.text.lower() not in ("am", "den")]
    return bool(running) or (mark.text.islower() and len(line) > 3)


def _dates(
    close: Sequence[Word], mark: Word, page: Page, near: int,
) -> Iterator[tuple[float, FoundDate, tuple[Word, ...]]]:
    """Dates among the words close by, each with its distance to the mark in mm. Up to five words make a date."""
    for start in range(len(close)):
        for count in range(1, 6):
            run = close[start:start + count]
            if len(run) < count or not _one_row(run, page):
                break
            text = _pointed(" ".join(word.text for word in run))
            dates = find_dates(text.strip("-–. "), near)
            if len(dates) == 1 and len(dates[0].raw) >= len(text.strip("-–. ,:")) - 1:
                middle = [_middle(word) for word in run]
                aside = (sum(x for x, _ in middle) / len(run) - _middle(mark)[0]) * page.width_mm
                down = (sum(y for _, y in middle) / len(run) - _middle(mark)[1]) * page.height_mm
                yield (aside**2 + down**2) ** 0.5 - 0.2 * count, dates[0], tuple(run)


def _one_row(run: Sequence[Word], page: Page) -> bool:
    """Whether the words follow each other closely, as far as a slant of 15 degrees allows."""
    for before, after in pairwise(run):
        gap = (after.box[0] - before.box[2]) * page.width_mm
        drop = abs(_middle(after)[1] - _middle(before)[1]) * page.height_mm
        if not -4 <= gap <= 9 or drop > 6:
            return False
    return True


def _in_text(number: int, page: Page, near: int) -> Iterator[Proposal]:
    """Without places: a line that is only a stamp word, with a date on it or on one of the next two lines."""
    lines = [line.strip() for line in page.text.splitlines() if line.strip()]
    for index, line in enumerate(lines):
        dates = find_dates(line, near)
        head = line[:dates[0].start] if dates else line
        if not _STAMP_TEXT.match(head):
            continue
        for text in (line, *lines[index + 1:index + 3]):
            if dates := find_dates(text, near):
                yield Proposal("receipt_date", dates[0].day.isoformat(), 0.6, (
                    evidence("rule:stamp@1", number, (), f"{line} {dates[0].raw}" if text != line else line),))
                break
