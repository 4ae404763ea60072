"""Systematic confusions of Tesseract on German official paper, mended by rules that ask the picture before they speak.

The model does not know "§": it reads "$", "8", "&", "6", "s" or "g". What stands before a number and is taller than its
digits, reaching below the line, is a paragraph sign; a digit never does. `raw` keeps what was recognised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image as Images
from PIL import ImageFilter
from PIL.Image import Image

from intake.box.inside.citation import cited, parted, put, round_s
from intake.vocabulary import Box, Word

__all__ = ["Glyph", "glyphs", "is_sign", "repaired", "round_s"]

LIKE_SIGN = "$8&6sSgB9f5G3%"
ALONE = re.compile(rf"^['‘’‚.:,]*([(\[„\"]?)['‘’.:]*([{LIKE_SIGN}§]{{1,3}})[.:,;'‘’°“”-]*$")
HANGING = re.compile(r"^(\(?[A-Za-zäöüß][a-zäöüß]{1,})['‘’.-]*([$§]{1,2})$|^(.*\d\)[.,;:]?)([8$§&])$")
GLUED = re.compile(rf"^['‘’‚]*([(\[„\"]?)['‘’]*([{LIKE_SIGN}§]{{1,2}}?)[.:,;'’°-]?"
                   rf"([1-9]\d{{0,2}}[a-z]?[).,;:}}]*(?:[.-]?Abs\.)?)$")
NUMBER = re.compile(r"^['‘’.:]?([1-9]|!\d|[lıI](\d|[a-d]$))")  # "§ 1a" is read as "la", "§ 10" as "ı0"
AMOUNT = re.compile(r"^['‘’.:]?\d{1,3}(\.?\d{3})*[.,](\d\d\b|-)")  # 47,50 and 1.000,00: no paragraph
TALL, DEEP = 1.14, 0.07  # of the digits beside it: by that a sign is taller and reaches lower
DEEPEST = 0.15  # beyond what a speck adds to a digit
CURRENCY = re.compile(r"^\(?(US\$|USD|US-Dollar|Dollar)")  # on a page of these a "$" is one
RUNS = 4  # strokes that a line down the middle of the sign crosses; of a digit it crosses three, of a dollar sign one
DARK = 128
LEADING = re.compile(r"^\(?(der|des|den|die|nach|gemäß|gem\.|mit|in|aus|von|und|sowie|zu|gegen|vgl\.|siehe|i\.V\.m\.|durch)"
                     r"[-.,:'’]?$")
STRONGLY = re.compile(r"^\(?(der|des|den|nach|gemäß|gem\.|gegen|vgl\.)[-.,:'’]?$")
SUBDIVIDED = re.compile(r"^(Abs|Absatz|Satz|Nr|Ziff|Ziffer)[.,;:)]{0,2}$")
DIVIDED = re.compile(r"^(Abs|Absatz)[.,;:)]{0,2}$")
FOLLOWED = re.compile(r"^ff?[.,;)]{1,2}$")
STATUTE = re.compile(r"^(?!OHG)[A-ZÄÖÜ][A-Za-zäöü]*[A-ZÄÖÜa-zäöü](GB|[GO])[),.;:]{0,3}$")
OFTEN = re.compile(r"^\(?(des|gemäß|gem\.|gegen|nach|vgl\.)[-.,:'’]?$")  # before a sign far more often than before a number
LETTERED = re.compile(r"^\d{1,4}[a-d][).,;:]*$")
GROUP = re.compile(r"^\d{2,3}$")
THOUSANDS = re.compile(r"^\d{3}$")  # "nach 8 500 Einwohnern"
LIST_GOES_ON = re.compile(r"^(und|bis|oder|ff?\.)$")
MONEY = re.compile(r"^(\d{1,4}|EUR|Euro|€|DM|Cent|Stück|\d{1,3}(\.\d{3})*,\d\d)$")
NOUN = re.compile(r"^(?!Gem|Nach|Gegen|Siehe|Vgl|Laut|Durch|Mit|Aus|Von|Zu|In|Der|Die|Des|Den|Und)[A-ZÄÖÜ][\w.-]*[a-zäöüß]$")
COUNTING = re.compile(r"^(\d+[a-z]?,|EUR|Euro|€|DM|Cent|Stück|\d{1,3}(\.\d{3})*,\d\d"
                      r"|S\.|Seite|Nr\.?|Abs\.?|Satz|bis|Haus|Blatt|Anlage|.*§)$")
STROKE = re.compile(r"^(\W*M)ii(?=tt(el|ei|a|w)|tgl)")  # "Miittelau": a stroke of M counted twice; "Miiller" may be Müller
DOUBLE = frozenset(("88", "$$", "8$", "$8", "SS", "ss", "55", "§§", "§$", "$§"))
PLAIN_DOUBLE = frozenset(("88", "$$", "8$", "$8", "§§", "§$", "$§", "&&", "8&", "&8"))  # nobody reads one sign so
LISTED = re.compile(r"§|^(und|bis|oder|sowie|Art\.?|Artikel|Nr\.?|Abs\.?|Satz|[A-Z]\.|.*\d[a-z]?,?)$")


@dataclass(frozen=True, slots=True)
class Glyph:
    """A run of ink columns in a word: its edges in pixels of the page; `runs` of ink on the line down its middle."""

    left: int
    right: int
    top: int
    bottom: int
    runs: int = 0

    @property
    def height(self) -> int:
        return self.bottom - self.top


def glyphs(grey: Image, box: Box) -> tuple[Glyph, ...]:
    """The glyphs of a word from left to right, parted where a column of pixels is empty."""
    left, top = int(box[0] * grey.width), max(int(box[1] * grey.height) - 2, 0)
    right, bottom = min(int(box[2] * grey.width) + 1, grey.width), min(int(box[3] * grey.height) + 3, grey.height)
    if right - left < 3 or bottom - top < 5 or right - left > 2000:
        return ()
    shown = grey.crop((left, top, right, bottom))
    ink = shown.filter(ImageFilter.MedianFilter(3)).point([255 if value < DARK else 0 for value in range(256)])
    found, start = [], None
    for x, inked in enumerate([*ink.reduce((1, ink.height)).tobytes(), 0]):
        if inked and start is None:
            start = x
        elif not inked and start is not None:
            edges = ink.crop((start, 0, x, ink.height)).getbbox()
            if edges and edges[3] - edges[1] > 0.3 * ink.height:
                runs = _runs(shown.crop((start, edges[1], x, edges[3])))
                found.append(Glyph(left + start, left + x, top + edges[1], top + edges[3], runs))
            start = None
    return tuple(found)


def _runs(shown: Image) -> int:
    """How many strokes a line down the middle crosses."""
    width, height = shown.size
    values = shown.tobytes()
    low, high = min(values), max(values)
    middle = shown.crop((int(width * 0.38), 0, max(int(width * 0.62), int(width * 0.38) + 1), height))
    count, inside = 0, False
    for value in middle.resize((1, height), Images.Resampling.BOX).tobytes():
        if not inside and value < low + 0.45 * (high - low):
            count, inside = count + 1, True
        elif value > low + 0.6 * (high - low):
            inside = False
    return count


def is_sign(glyph: Glyph, digit: Glyph, *, strict: bool = False) -> bool:
    """True for a glyph that is taller than the digit beside it, reaches below the line and is drawn like no digit.

    `strict` where the glyph was read as part of a number: a speck at its foot is no proof then.
    """
    tall, deep = glyph.height / digit.height, (glyph.bottom - digit.bottom) / digit.height
    if tall > 2.0 or glyph.right - glyph.left > 1.3 * glyph.height:
        return False
    if glyph.runs == RUNS and not (strict and deep < 0.1):
        return tall >= 1.05 and deep >= 0.06
    if tall < TALL or deep < DEEP or glyph.runs == 1:
        return False
    return (glyph.runs != RUNS - 1 and not strict) or deep >= DEEPEST


def _is_weakly(glyph: Glyph, digit: Glyph) -> bool:
    """True for a glyph that may be a sign, where the words around it demand one."""
    return glyph.runs == RUNS or (glyph.height >= 1.06 * digit.height and glyph.bottom - digit.bottom >= 0.05 * digit.height)


def _is_dollar(glyph: Glyph, digit: Glyph) -> bool:
    """True for a glyph with a stroke down its middle, or one that reaches as far above the digits as below."""
    below, above = glyph.bottom - digit.bottom, digit.top - glyph.top
    return glyph.runs in (1, RUNS - 1) and abs(below - above) <= 0.08 * digit.height


def repaired(words: Sequence[Word], grey: Image) -> tuple[Word, ...]:
    """The words with paragraph signs and gazette citations as printed; `grey` is the upright page they were read from."""
    found: list[Word] = []
    dollars = any(CURRENCY.match(word.text) for word in words)
    for place, word in enumerate(words):
        after = [other for other in words[place + 1:place + 3] if other.line == word.line]
        before = [other for other in found[-3:] if other.line == word.line]
        if dollars and "$" in word.text and _is_price(word, before, after, grey):
            found.append(word)
            continue
        found += (cited(word, before, after[0] if after else None)
                  or _sign(word, before[-1] if before else None, after, grey) or [put(word, STROKE.sub(r"\1i", word.text, 1))])
    return tuple(found)


def _is_price(word: Word, before: Sequence[Word], after: Sequence[Word], grey: Image) -> bool:
    """True for a "$" that no citation surrounds and that reaches as far above the digits as below."""
    if any(SUBDIVIDED.match(other.text) or STATUTE.match(other.text) for other in after):
        return False
    if before and STRONGLY.match(before[-1].text):
        return False
    if before and "(" not in word.text and not LEADING.match(before[-1].text) and before[-1].text[-1:] not in ",;)":
        return True
    seen = glyphs(grey, word.box)
    digit = _digit(seen[1:]) or (_digit(glyphs(grey, after[0].box)) if after else None)
    if not seen or digit is None:
        return True
    return seen[0].runs != RUNS and abs(seen[0].bottom - digit.bottom - (digit.top - seen[0].top)) <= 0.1 * digit.height


def _sign(word: Word, before: Word | None, after: Sequence[Word], grey: Image) -> list[Word]:
    """The word as "§" or "§§", alone or parted from its number; nothing when it is none."""
    alone = ALONE.match(word.text)
    if alone and after and NUMBER.match(after[0].text):
        if AMOUNT.match(after[0].text):
            return []
        count = _alone(alone, word, before, after, grey)
        return [put(word, alone[1] + "§" * count)] if count else []
    hanging = HANGING.match(word.text)
    if hanging and after and NUMBER.match(after[0].text) and not AMOUNT.match(after[0].text):
        if hanging[1]:
            return parted(word, hanging[1], "§" * len(hanging[2]))
        if len(after) == 2 and SUBDIVIDED.match(after[1].text):
            return parted(word, hanging[3], "§")
    if GROUP.match(word.text) and len(after) == 2 and all(GROUP.match(other.text) for other in after):
        return []  # a sign in groups of figures: no citation goes on with two numbers
    glued = GLUED.match(word.text)
    return _glued(glued, word, before, after, grey) if glued else []


def _alone(match: re.Match[str], word: Word, before: Word | None, after: Sequence[Word], grey: Image) -> int:
    """How many signs the word before a number is: 0, 1 or 2."""
    read = match[2] if len(match[2]) < 3 else "$$" if "$" in match[2] else ""
    if before is not None and read.isdigit() and (MONEY.match(before.text) or _numbers(before, after[1:])):
        return 0
    count = _counted(read, word, before, after, grey, opened=bool(match[1]))
    if count < 2 or _is_list(after):
        return count
    tall = [glyph for glyph in glyphs(grey, word.box) if not match[1] and glyph.right - glyph.left > 0.2 * glyph.height]
    return count if match[2] in PLAIN_DOUBLE and (not tall or _count(tall) > 1) else 1


def _numbers(before: Word, after: Sequence[Word]) -> bool:
    """True after a noun ("Rechnung 8901", "Haus 8 3"), which has a number, where no citation goes on."""
    return bool(NOUN.match(before.text)) and not (after and (SUBDIVIDED.match(after[0].text) or STATUTE.match(after[0].text)))


def _is_list(after: Sequence[Word]) -> bool:
    """True when more than one paragraph is named: "5, 51", "7 und 8", "12 ff."."""
    return after[0].text.endswith((",", "-")) or (len(after) == 2 and bool(LIST_GOES_ON.match(after[1].text)))


def _counted(read: str, word: Word, before: Word | None, after: Sequence[Word], grey: Image, *, opened: bool) -> int:
    """The same for what was read there, as the picture and the words around it say."""
    cited_so = bool(read) and _is_cited(read, before, after, word.text)
    numbers = len(after) == 2 and after[1].text[:1].isdigit() and read != "§"  # no paragraph is followed by another number
    number = len(read) == 2 and read.isdigit() and read not in DOUBLE
    if not read or ((numbers or number) and not cited_so):
        return 0
    seen, digit = glyphs(grey, word.box), _digit(glyphs(grey, after[0].box))
    signs = [glyph for glyph in seen[1 if opened else 0:] if digit and glyph.height > 0.6 * digit.height]
    count = _count(signs) if digit and signs and read not in DOUBLE else len(read)
    if digit and signs and _count(signs) <= 2 and (read != "&" or signs[0].right - signs[0].left <= 0.75 * signs[0].height):
        if read in "$§" and before is not None and _is_dollar(signs[0], digit) and not cited_so:
            return 0
        if all(is_sign(sign, digit, strict=read in "356B9") for sign in signs):
            return max(_count(signs), 2 if read in DOUBLE else 1) if read != "&" else 1
    if set(read) <= {"$", "§"}:
        return len(read)
    if cited_so:
        return min(count, len(read))
    demanded = before is not None and bool((STRONGLY if read.isdigit() else LEADING).match(before.text)) and read not in "369"
    weakly = bool(digit and signs) and all(digit is not None and _is_weakly(sign, digit) for sign in signs)
    return min(count, len(read)) if weakly and (demanded or len(read) == 2) and read != "gB" else 0


def _is_cited(read: str, before: Word | None, after: Sequence[Word], text: str) -> bool:
    """True for "der 88 5," and "nach 8 34 Abs.": two numbers in a row that only a citation has. None where one is missing."""
    leading = before is not None and bool(LEADING.match(before.text))
    often = before is not None and bool(OFTEN.match(before.text))
    number, following = after[0].text, after[1].text if len(after) == 2 else ""
    divided = bool(SUBDIVIDED.match(following) or STATUTE.match(following))
    if len(read) >= 2:
        if set(read) <= set("$8&§sS5"):
            return (leading or divided or "$" in read or "§" in read) and not re.match(r"^\d{4}", number)
        listed = number.endswith(",") or bool(LIST_GOES_ON.match(following))
        return listed and before is not None and bool(STRONGLY.match(before.text)) and set(read) <= set("$8&§sS53%")
    if read in "sS":
        return (divided or often) and not text.endswith((".", ",", ":"))
    if read not in "$8&§53":
        return False
    lettered = bool(LETTERED.match(number))
    if (often and (lettered or not THOUSANDS.match(number))) or (lettered and read != "3" and (leading or before is None)):
        return True
    demanded = read not in "53" or (read == "5" and (leading or text.startswith("(")))
    return demanded and (divided or bool(FOLLOWED.match(following)))


def _glued(match: re.Match[str], word: Word, before: Word | None, after: Sequence[Word], grey: Image) -> list[Word]:
    """ "81" as "§" and "1", where the picture or the words around it say so."""
    opening, read, number = match.groups()
    if before is not None and (COUNTING.match(before.text) or _numbers(before, after)) and read not in ("$", "$$", "§", "§§"):
        return []
    seen = glyphs(grey, word.box)[1 if opening else 0:]
    digit = _digit(seen[1:])
    runs, strict = 0, (read.isdigit() and read != "8") or bool(AMOUNT.match(word.text.lstrip("(")))
    doubled = read in "8$" and number[:1] in "8$" and read + number[:1] in word.text
    while digit and runs < min(len(seen) - 1, 2) and (not runs or doubled or len(read) > runs):
        if not is_sign(seen[runs], digit, strict=strict):
            break
        runs += 1
    if runs and _count(seen[:runs]) > len(read) and runs == 2:
        read, number = read + number[:1], number[1:]
    elif runs and _count(seen[:runs]) < len(read):
        runs = 0
    if runs and number[:1].isdigit() and not (read in ("$", "§") and digit and _is_dollar(seen[0], digit)):
        x0, y0, x1, y1 = word.box
        right, left = (min(max(edge / grey.width, x0), x1) for edge in (seen[runs - 1].right, seen[runs].left))
        return [replace(word, text=opening + "§" * len(read), raw=word.text, box=(x0, y0, right, y1)),
                replace(word, text=number, box=(left, y0, x1, y1))]
    dollar = before is not None and digit is not None and _is_dollar(seen[0], digit)  # "$3" at the start of a line is a heading
    priced = dollar or bool(AMOUNT.match(number))
    if (set(read) <= {"$", "§"} and not priced) or _is_number_of_law(
            read, number, before, after, seen, digit, opened=bool(opening)):
        return parted(word, opening + "§" * len(read), number)
    return []


def _is_number_of_law(read: str, number: str, before: Word | None, after: Sequence[Word], seen: Sequence[Glyph],
                      digit: Glyph | None, *, opened: bool) -> bool:
    """True for "85 Abs. 6" where no sign stands before: what is divided into paragraphs has one."""
    weakly = digit is not None and bool(seen) and _is_weakly(seen[0], digit)
    if weakly and before is not None and (
            (OFTEN.match(before.text) and read in "8$&") or (STRONGLY.match(before.text) and read in DOUBLE)):
        return True
    divided = bool(after) and bool(DIVIDED.match(after[0].text) or STATUTE.match(after[0].text))
    if not divided or read not in ("8", "$", "&", "S", "5") or (before is not None and LISTED.search(before.text)):
        return False
    if opened or (before is not None and (LEADING.match(before.text) or before.text.endswith((")", "),", ").", ";")))):
        return True
    long = len(re.sub(r"\D", "", number)) == 3  # no law has 8,277 paragraphs
    return read != "5" and (long or weakly)


def _digit(seen: Sequence[Glyph]) -> Glyph | None:
    """The digit to measure by: of the middle height and the middle foot among those of a number, commas left out."""
    tallest = max((glyph.height for glyph in seen), default=0)
    full = [glyph for glyph in seen if glyph.height >= 0.7 * tallest]
    if not full:
        return None
    by_height, by_foot = sorted(glyph.height for glyph in full), sorted(glyph.bottom for glyph in full)
    height, foot = by_height[(len(full) - 1) // 2], by_foot[(len(full) - 1) // 2]
    return Glyph(full[0].left, full[0].right, foot - height, foot, full[0].runs)


def _count(signs: Sequence[Glyph]) -> int:
    """How many signs the runs of ink are: two that touch make one wide run."""
    return sum(2 if sign.right - sign.left > 0.8 * sign.height else 1 for sign in signs)
