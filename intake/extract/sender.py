"""Who writes a letter: every place where a letter prints its sender, compared with one another. Pure.

The return line above the address, the letter head, the name below the closing, the foot with bank and register. What several
places say alike is sure; where recognition gives it differently, the spelling counts that more places have, else that of the
larger and surer type. A word that two other places spell alike replaces its reading in the one chosen; what was read there stays
in `raw`. Nothing is put together from letters: each word of a value stands so on the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from intake.extract.layout import Segment, evidence, legibility
from intake.extract.misread import bare
from intake.extract.zones import ADDRESS, Zones, label_of
from intake.keys import fold
from intake.vocabulary import Evidence, Material, Proposal, Word

_DOTS = r"\s*[·•|∙⋅*]\s+|\s+[·•|∙⋅*]\s*|,\s*"
_MISREAD = (r"|[.;]?\s+(?=(?:D\s?-\s?)?\d{5}\s+[A-ZÄÖÜ])"
            r"|(?<!Co)(?<!St)(?<!Dr)[.;]\s+(?=[A-ZÄÖÜ][^,.;·•|]{3,40}\s\d{1,3}\s?[a-z]?\s*[,.;·•|])")
"""A postcode begins a part whatever stands before it; so does a street with its number behind a full stop, misread commas."""
_PARTS, _DASHED = re.compile(_DOTS + _MISREAD), re.compile(_DOTS + _MISREAD + r"|\s+[–-]\s+")
TOWN = re.compile(r"(?:D\s?-\s?)?\d{5}\s+[A-ZÄÖÜ]")
STREET = re.compile(r"[^\W\d]{3}.*\s\d{1,3}\s?[a-z]?$")
_STREET_AND_TOWN = re.compile(r"[^,·•|∙⋅*]*\d+\s?[a-z]?\s*(?:[,.;·•|∙⋅*–-]\s*|\s)(?:D\s?-\s?)?\d{5}\s+[^,·•|]+$")
_CLOSING = re.compile(r"^(mit (freundliche|besten|vielen)|hochachtungsvoll|freundliche gr|viele gr|beste gr|"
                      r"im auftrag|i\.\s?a\.)", re.IGNORECASE)
_NO_NAME = re.compile(r"(?<!\d)(?!(?:1[89]|20)\d\d(?!\d))\d{3}|@|www\.|^(tel|fax|telefon|telefax|e-?mail|iban|bic|seite|datum|"
                      r"blatt|eing|eingang|eingegangen|posteingang|bankverbindung|internet)\b|\d[/.-]\d|/\d", re.IGNORECASE)
"""Lines with numbers, but for the year of a club, and with leading words."""
_BANK = re.compile(r"""(?<=\S)[\s·•|∙⋅*»,–-]+(?=(?:
      (?:kreis|stadt|landes|spar-\sund\s)?sparkasse|(?:vr|gls|deutsche)?\s?bank\b|volksbank|raiffeisen\w*|postbank|commerzbank
    | bankverbindung|konto|iban\b|bic\b|amtsgericht|registergericht|sitz\b|hr[ab]\b|ust|steuer-?nr|gesch[äa]ftsf|vorstand
    | telefon|tel\b|fax|e-?mail|www\.|internet))""", re.IGNORECASE | re.VERBOSE)
"""Where the name in a foot ends, with the dot between lost or not."""
_FOOT = re.compile(r"\biban\b|\bbic\b|\bhr[ab]\s?\d|amtsgericht|registergericht|ust-?id|\bwww\.|@|telefon|\btel\b",
                   re.IGNORECASE)
_SITE = re.compile(r"(?:www\.|@|//)([a-z0-9äöü.-]+)\.[a-z]{2,}", re.IGNORECASE)
FOOT_MM = 255.0
ALIKE = 0.8
"""Least similarity of two readings of one name: a misread letter in five."""
NOISE = " ‚,.'`´|_-"
LEAST = 0.4  # of a place that is an answer by itself
LARGE = 6.0  # mm; type this high counts whole, smaller type less


@dataclass(frozen=True, slots=True)
class Reading:
    """A place that may print the sender's name: characters start..end of a segment (or the lines of a name in two lines)."""

    by: str
    sure: float
    segment: Segment
    start: int
    end: int
    more: tuple[Segment, ...] = ()

    @property
    def text(self) -> str:
        return " ".join((self.segment.text[self.start:self.end], *(one.text.strip() for one in self.more)))

    @property
    def words(self) -> tuple[Word, ...]:
        return (*self.segment.words_at(self.start, self.end), *(word for one in self.more for word in one.words))

    @property
    def weight(self) -> float:
        """How far this place is believed against the others: legible and large counts more."""
        return (0.2 + 0.8 * legibility(self.words)) * (0.4 + 0.6 * min(1.0, self.segment.height / LARGE))


def senders(front: Zones, material: Material) -> Iterator[Proposal]:
    """Proposals of sender_name and sender_address from the first page, and from the envelope of a mail."""
    back = return_line(front)
    head = _head(front, back)
    if back is not None:
        yield from _address_in_line(back)
    yield from _head_address(front, back.top if back else ADDRESS[1] + 18)
    places = [*_in_line(back), *_in_head(head), *_signed(front, material), *_in_foot(front)]
    yield from _compared(places, _site(front))
    if material.envelope.sender:
        name = re.sub(r"\s*<[^>]*>\s*$", "", material.envelope.sender).strip(" \"'") or material.envelope.sender
        yield Proposal("sender_name", name, 0.9, (Evidence("rule:mail-sender@1", 0, None, material.envelope.sender),))


def return_line(front: Zones) -> Segment | None:
    """The line in small type above the address: the sender in one line with a postcode, separated by dots or commas."""
    lines = [one for one in front.all if one.box and one.left <= 50 and ADDRESS[1] - 4 <= one.top <= ADDRESS[3] - 8]
    for segment in lines if front.scale else ():
        pieces = parts(segment.text)
        towns = [at for at, piece in enumerate(pieces) if TOWN.match(piece) or re.fullmatch(r"\d{5}", piece)]
        nameless = towns and (towns[0] == 0 or (towns[0] == 1 and STREET.search(pieces[0])))
        if len(pieces) >= 3 and towns and not nameless:  # street and town alone are a line of the letter head
            return segment
    return None


def parts(text: str) -> list[str]:
    """The parts of an address in one line; a dash parts only where neither dots nor commas do ("Kreis Nordau - Der Landrat")."""
    found = _PARTS.split(text)
    return [one.strip() for one in (found if len(found) >= 3 else _DASHED.split(text))]


def _head(front: Zones, back: Segment | None) -> list[Segment]:
    """Lines of the letter head that can be a name; what stands at a leading word (Name, Telefon) is none."""
    values = {id(word) for one in front.labelled for word in one.segment.words}
    return [one for one in front.all if front.scale and one.bottom < ADDRESS[1] + 18 and not _NO_NAME.search(one.text)
            and one not in front.address and one is not back and one not in front.subject and label_of(one.text)[0] is None
            and re.search(r"[^\W\d_]{3}", one.text) and not any(id(word) in values for word in one.words)]


def _in_line(back: Segment | None) -> Iterator[Reading]:
    if back is not None:
        noise = len(back.text) - len(back.text.lstrip(NOISE))
        first = parts(back.text[noise:])[0]
        yield Reading("return-line", 0.93, back, noise, noise + len(first))


def _in_head(head: Sequence[Segment]) -> Iterator[Reading]:
    """Each line of the head, and two lines set alike as one; alone the largest is the likeliest."""
    largest = max(head, key=lambda one: (round(one.height, 0), -one.top), default=None)
    for one in head:
        yield Reading("letter-head", 0.6 if one is largest else 0.25, one, *_inside(one))
        for below in head:
            alike = abs(one.left - below.left) < 2 or abs(one.right - below.right) < 2
            if alike and 0 <= below.top - one.bottom + 0.3 * one.height <= one.height and abs(one.height - below.height) < 1.5:
                yield Reading("letter-head", 0.2, one, *_inside(one), (below,))


def _inside(segment: Segment) -> tuple[int, int]:
    return len(segment.text) - len(segment.text.lstrip()), len(segment.text.rstrip())


def _signed(front: Zones, material: Material) -> Iterator[Reading]:
    """The first line below the closing that can be a name, above the foot."""
    closings = [index for index, segment in enumerate(front.all) if _CLOSING.match(segment.text)]
    for segment in front.all[closings[-1] + 1:closings[-1] + 4] if closings else ():
        if segment.top > FOOT_MM or _NO_NAME.search(segment.text):
            continue
        if re.match(r"(?:(?:Dr|Prof|Dipl)\.[\w.-]* )*[A-ZÄÖÜ]\w[\w.-]*(?: [\w.-]*\w\.?){1,3}$", segment.text.strip()):
            yield Reading("signature", 0.45 if len(material.pages) == 1 else 0.2, segment, *_inside(segment))
            return


def _in_foot(front: Zones) -> Iterator[Reading]:
    """The first part of a line of the foot that goes on with bank, register or telephone."""
    for one in front.all if front.scale else ():
        if one.top < FOOT_MM or not _FOOT.search(one.text):
            continue
        noise = len(one.text) - len(one.text.lstrip(NOISE))
        first = _PARTS.split(_BANK.split(one.text[noise:], maxsplit=1)[0])[0].rstrip(" ,|_-»·•")
        if len(first) >= 5 and not _NO_NAME.search(first) and not STREET.search(first) and label_of(first)[0] is None:
            yield Reading("foot", 0.5, one, noise, noise + len(first))


def _site(front: Zones) -> str:
    """The names before the dots of mail and web addresses in head and foot, folded: `hansen-bau` of www.hansen-bau.de."""
    return " ".join(fold(found) for one in front.all for found in _SITE.findall(one.text))


def _compared(places: Sequence[Reading], site: str) -> Iterator[Proposal]:
    """The likeliest place with those that agree as one answer, spelled as they spell it; the readings themselves less sure."""
    if not places:
        return
    first = max(places, key=lambda one: one.sure + 0.4 * _on_site(one, site) + 0.3 * any(
        other.by != one.by and _alike(one.text, other.text) for other in places))
    agreeing = [one for one in places if one is first or (one.by != first.by and _alike(first.text, one.text))]
    if len(agreeing) > 1:
        lined = any(one.by == "return-line" for one in agreeing)
        yield _spelled(_chosen(agreeing), agreeing, 0.95 if lined else 0.85)
    elif _on_site(first, site):
        agreeing = [replace(first, sure=max(first.sure, 0.75))]
    limit = 0.85 if len(agreeing) > 1 else 1.0
    rest = [one for one in places if not any(one.segment is other.segment for other in agreeing)]
    for one in (*agreeing, *rest):
        if one.sure >= LEAST and not one.more:
            yield _proposal(replace(one, sure=min(one.sure, limit)))


def _on_site(one: Reading, site: str) -> bool:
    """Whether a word of the name stands in an address of mail or web."""
    return any(len(word) >= 5 and word in site for word in re.findall(r"[a-z]+", fold(one.text)))


def _chosen(agreeing: Sequence[Reading]) -> Reading:
    """The reading whose spelling has the most weight among those as long as the return line has the name (or else the head).

    Where all say the same but for blanks, the one with more of them: recognition loses the blank behind a full stop. Where they
    differ in marks on letters alone, the one with more of them: a mark is lost in print, hardly ever made.
    """
    order = ("return-line", "letter-head", "foot", "signature")
    length = len(min((one for one in agreeing if not one.more), key=lambda one: (order.index(one.by), -one.sure)).text)
    whole = [one for one in agreeing if 0.85 * length <= len(one.text) <= 1.18 * length]
    return max(whole, key=lambda one: (
        sum(other.weight for other in whole if _unmarked(other.text) == _unmarked(one.text)), _marks(one.text),
        sum(other.weight for other in whole if _tight(other.text) == _tight(one.text)), len(one.text.split()), one.weight))


def _spelled(chosen: Reading, agreeing: Sequence[Reading], sure: float) -> Proposal:
    """The reading chosen; a word of it that two other places spell otherwise and alike is theirs."""
    base = _proposal(replace(chosen, by="head-and-return-line" if chosen.by == "letter-head" else chosen.by, sure=sure))
    places, words = list(base.evidence), []
    for at, word in enumerate(chosen.text.split()):
        rivals = [one for one in agreeing if one is not chosen and len(one.text.split()) == len(chosen.text.split())
                  and one.text.split()[at] != word]
        texts = [one.text.split()[at] for one in rivals]
        best = max(texts, key=texts.count, default="")
        if texts.count(best) >= 2 and SequenceMatcher(None, word, best).ratio() >= 0.6:
            rival = rivals[texts.index(best)]
            words.append(best)
            places.append(evidence(f"rule:letter-{rival.by}@1", rival.segment.page, rival.words, rival.text))
        else:
            words.append(word)
    value = " ".join(words)
    if value == base.value:
        return base
    return replace(base, value=value, raw=base.value, evidence=tuple(places), checks=(f"ocr:auch {base.value}",))


def _proposal(one: Reading) -> Proposal:
    sure = one.sure * (0.6 + 0.4 * legibility(one.words))
    return Proposal("sender_name", one.text, round(sure, 3), (
        evidence(f"rule:letter-{one.by}@1", one.segment.page, one.words, one.text),))


def _alike(one: str, other: str) -> bool:
    """Whether two readings are of one name: equal but for a misread letter in five, or one begins with the other."""
    first, second = fold(one), fold(other)
    shorter, longer = sorted((first, second), key=len)
    return len(shorter) >= 4 and (SequenceMatcher(None, first, second).ratio() >= ALIKE or (
        longer.startswith(shorter) and not longer[len(shorter)].isalnum()))


def _unmarked(text: str) -> str:
    return _tight(bare(text))


def _marks(text: str) -> int:
    return sum(bare(char) != char.lower() for char in _tight(text))


def _tight(text: str) -> str:
    return "".join(text.split())


def _address_in_line(back: Segment) -> Iterator[Proposal]:
    """Street and town behind the name of a return line."""
    noise = len(back.text) - len(back.text.lstrip(NOISE))
    first = noise + len(parts(back.text[noise:])[0])
    street = _STREET_AND_TOWN.search(back.text[first:])
    if street:
        start = first + street.start() + len(street.group()) - len(street.group().lstrip(" ,·•|∙⋅*–-"))
        pieces = [piece for piece in parts(back.text[start:]) if piece]
        words = back.words_at(start, len(back.text))
        yield Proposal("sender_address", ", ".join(pieces), round(0.9 * (0.6 + 0.4 * legibility(words)), 3), (
            evidence("rule:letter-return-line@1", back.page, words, back.text[start:]),))


def _head_address(front: Zones, end: float) -> Iterator[Proposal]:
    """Street and town in the letter head, one below the other and set alike, above `end` mm."""
    for town in front.all if front.scale else ():
        if town.bottom > end or not re.fullmatch(r"(?:D\s?-\s?)?\d{5}\s+[A-ZÄÖÜ][^\d|]{2,40}", town.text.strip()):
            continue
        for street in front.all:
            alike = abs(street.left - town.left) < 4 or abs(street.right - town.right) < 4
            if alike and 2.0 <= town.top - street.top <= 8.5 and STREET.search(street.text.strip()):
                words = (*street.words, *town.words)
                yield Proposal("sender_address", f"{street.text.strip()}, {town.text.strip()}", round(
                    0.92 * (0.6 + 0.4 * legibility(words)), 3), (evidence("rule:letter-head-address@1", town.page, words),))
                return
