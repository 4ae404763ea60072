"""Whether two pages are scans of one sheet, and whether anybody can read a page: from what is kept of each page. Pure.

Words decide, compared in two steps: a fingerprint of 128 bits that is alike for like sets of words (simhash, Charikar 2002)
finds candidates, the words themselves decide. Pages with next to no words are compared by their picture.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import combinations

from intake.db.signs import Sign
from intake.vocabulary import Page

FEW_WORDS = 12
BITS = 128
NEAR_WORDS = 30
"""Bits of the fingerprint that may differ for words to be compared (a share of common words of 0.8 makes about 19 differ)."""
NEAR_PICTURE = 10
"""Bits of 256 that may differ between pictures of one sheet with next to no words."""
MOST_LOST = 0.35
"""Share of the letters of a page that recognition may lose: words of few letters, which tables have many of."""
SAME, SAME_FAR = 0.6, 0.93
"""Share of common words of two scans of one sheet: lying side by side, and far from each other (there also forms lie)."""
SIDE_BY_SIDE = 3
LIKE, MOST_ALONE = 0.7, 0.03
"""Words of one page that the other lacks must be slips of recognition (difflib's ratio), but for few: a form of the same year and
house differs in its title and its day, a second scan in misread letters. Asked are words of four letters or more (with one letter
misread a word of three is unlike itself) that were read surely: dust makes words, but no sure ones."""
SURELY = 0.6
LIKE_NUMBER, MOST_NUMBERS = 0.6, 0.2
"""The same for numbers of three figures or more, which alone tell two pages of one calculation apart; more are misread."""
POOR, HOPELESS, NOTHING = 0.45, 0.25, 3
"""Mean confidence below which a page of print, and one of handwriting, counts as unreadable; letters that are none."""
USUAL_MM = 330.0
WELL = 0.85
"""Quality from which the figures of a page are believed."""

Placed = tuple[str, Sign]
"""A page with the path of the file it is in."""


def words_of(page: Page) -> tuple[str, ...]:
    """The words of a page that count, lower case, sorted, each as often as it stands there."""
    return tuple(sorted(re.findall(r"\w{3,}", page.plain().lower())))


def fingerprint(words: Sequence[str]) -> str:
    """32 hexadecimal digits, alike for like sets of words; "" for too few words."""
    if len(words) < FEW_WORDS:
        return ""
    counts = [0] * BITS
    for word in set(words):
        bits = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=BITS // 8).digest(), "big")
        for at in range(BITS):
            counts[at] += 1 if bits >> at & 1 else -1
    return f"{sum(1 << at for at, count in enumerate(counts) if count > 0):032x}"


def apart(one: str, other: str) -> int:
    """In how many bits two hexadecimal numbers differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def candidates(signs: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Pairs of pages of one Akte, in order, that may be one sheet; blank ones never."""
    seen = [one for one in signs if not one[1].blank]
    for one, other in combinations(seen, 2):
        here, there = one[1], other[1]
        if abs(here.letters - there.letters) > MOST_LOST * max(here.letters, there.letters) + 10:
            continue
        if here.text and there.text:
            if apart(here.text, there.text) <= NEAR_WORDS:
                yield one, other
        elif not here.text and not there.text and here.picture and there.picture and max(here.letters, there.letters) >= NOTHING \
                and apart(here.picture, there.picture) <= NEAR_PICTURE:
            yield one, other


def one_sheet(one: Page, other: Page, distance: int) -> bool:
    """Whether two pages say the same but for errors of recognition; `distance` in pages between them.

    Half of their numbers (days, years, amounts, signs) must agree, and a day where both name some and were read well: the same
    form of another day is another sheet.
    """
    words, others = set(words_of(one)), set(words_of(other))
    if not words or not others:
        return not words and not others
    if len(words & others) < (SAME if distance <= SIDE_BY_SIDE else SAME_FAR) * len(words | others):
        return False
    numbers, other_numbers = (set(re.findall(r"\d+", page.text)) for page in (one, other))
    if len(numbers & other_numbers) * 2 < len(numbers | other_numbers):
        return False
    days, other_days = _days(one), _days(other)
    if days and other_days and not days & other_days:
        return False
    if not _agree(_long(numbers), _long(other_numbers), LIKE_NUMBER, MOST_NUMBERS):
        return False
    alone = _alone(_sure(one) - others, others, LIKE) + _alone(_sure(other) - words, words, LIKE)
    return alone <= MOST_ALONE * len(words | others)


def _sure(page: Page) -> set[str]:
    """The words of a page of which it says something that another page lacks them."""
    read = [(piece, word.confidence) for word in page.words for piece in re.findall(r"\w{4,}", word.text.lower())]
    doubtful = {piece for piece, confidence in read if confidence < SURELY} - {
        piece for piece, confidence in read if confidence >= SURELY}
    return {word for word in words_of(page) if len(word) > 3 and word.isalpha()} - doubtful


def _long(numbers: set[str]) -> set[str]:
    return {number for number in numbers if len(number) > 2}


def _agree(these: set[str], those: set[str], like: float, most: float) -> bool:
    """Whether all but few of both stand in the other too, or nearly so."""
    alone = _alone(these - those, those, like) + _alone(those - these, these, like)
    return alone <= most * len(these | those)


def _days(page: Page) -> set[tuple[str, str]]:
    """Day and year of the dates a page names (a month is easily misread); none for a page that was read badly."""
    return set(re.findall(r"\b(\d{1,2})\. ?(?:\d{1,2}|\w{3,9})\.? ?(\d{4})\b", page.text)) if page.quality >= WELL else set()


def _alone(some: set[str], others: set[str], like: float) -> int:
    """How many have none among the others that may be the same misread."""
    return sum(not get_close_matches(one, others, 1, like) for one in some)


def unreadable(sign: Sign) -> bool:
    """Whether a page has ink but nothing that recognition, and so probably a person, could read. Large drawings are not asked."""
    if sign.blank or max(sign.width_mm, sign.height_mm) > USUAL_MM:
        return False
    if sign.letters < NOTHING:
        return True
    return sign.quality < (HOPELESS if sign.script in ("drawing", "handwriting") else POOR)
