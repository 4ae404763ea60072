"""Own Aktenzeichen: found by the tenant's patterns or because an Akte has them; where they stood is part of the answer.

`rule:reference-zone@1` says that it stood in the reference zone (Informationsblock, Bezugszeichenzeile, Betreff, Bezug,
subject of a mail), `rule:reference-text@1` that it stood elsewhere. A digit is never taken for another: a misread sign is another
sign. Only where the pattern asks for a digit and recognition gave the letter that looks like it (or the other way round, or put a
blank in), or for a slash and it gave a stroke ("BAI632.60"), and one reading alone follows the pattern, that one is proposed,
less sure, with what was read in `raw`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product

from intake.extract.layout import Segment, evidence, legibility, segments
from intake.extract.zones import zones
from intake.keys import reference_key
from intake.vocabulary import Evidence, Material, Proposal, Word

ZONE = "rule:reference-zone@1"
TEXT = "rule:reference-text@1"
FIELD = "file_reference"
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_INSIDE = r"(?<![\w/])(?<![\w][.-]){}(?![\w/]|[.-]\w)"


_LOOKS_LIKE = {"O": "0", "o": "0", "Q": "0", "D": "0", "I": "1/", "l": "1/", "|": "1/", "!": "1/", "S": "5", "B": "8", "Z": "2",
               ",": ".", ".": "-", "1": "/", "7": "/", "J": "/"}
_LETTER_FOR = {"0": "O", "1": "I/", "8": "B", "5": "S", "2": "Z", "7": "/"}
MOST_MENDED, OFFICE = 2, 4
"""So many characters of a sign may be look-alikes; letters stand among so many first ones."""
MENDED = 0.75
"""How sure a mended sign is, of what it would be had it been read so."""


@dataclass(frozen=True, slots=True)
class _Hit:
    """A place of a sign; `raw` is what stands there where that was mended."""

    spelling: str
    place: Evidence
    read: float
    raw: str = ""


@dataclass(frozen=True, slots=True)
class References:
    """The extractor. `patterns` are the tenant's regular expressions, `known` the keys of the Akten there are."""

    patterns: tuple[re.Pattern[str], ...]
    known: Container[str] = frozenset()

    def __call__(self, material: Material) -> tuple[Proposal, ...]:
        """One proposal for each Aktenzeichen, with the evidence of every place where it stands, the zone's first."""
        hits: dict[str, list[_Hit]] = {}
        for hit in self._all(material):
            hits.setdefault(reference_key(hit.spelling), []).append(hit)
        proposals = []
        for found in hits.values():
            found.sort(key=lambda hit: (bool(hit.raw), hit.place.by != ZONE))
            first = found[0]
            sure = (0.97 if first.place.by == ZONE else 0.80) * (0.5 + 0.5 * first.read) * (MENDED if first.raw else 1.0)
            checks = (f"ocr:gelesen {first.raw}",) if first.raw else ()
            proposals.append(Proposal(
                FIELD, first.spelling, round(sure, 3), tuple(hit.place for hit in found[:8]), first.raw, checks))
        return tuple(sorted(proposals, key=lambda one: -one.confidence))

    def _all(self, material: Material) -> Iterator[_Hit]:
        subject = material.envelope.subject or ""
        for spelling, start, end in self.find(subject):
            yield _Hit(spelling, Evidence(ZONE, 0, None, subject[start:end]), 1.0)
        in_zone = {(zone.page, segment.text, segment.box) for zone in zones(material) for segment in zone.reference()}
        for number, page in enumerate(material.pages, start=1):
            here = segments(number, page)
            for lines in (*((one,) for one in here), *_broken(here)):
                by = ZONE if all((number, one.text, one.box) in in_zone for one in lines) else TEXT
                for spelling, words, text in self._in_lines(lines):
                    yield _Hit(spelling, evidence(by, number, words, text), legibility(words))
                for spelling, start, end in self.mended(lines[0].text) if page.source == "ocr" and len(lines) == 1 else ():
                    words, raw = lines[0].words_at(start, end), lines[0].text[start:end]
                    yield _Hit(spelling, evidence(by, number, words, raw), legibility(words), raw)

    def _in_lines(self, lines: Sequence[Segment]) -> Iterator[tuple[str, tuple[Word, ...], str]]:
        joined, start_of_second = "".join(one.text for one in lines), len(lines[0].text)
        for spelling, start, end in self.find(joined):
            if len(lines) == 1:
                yield spelling, lines[0].words_at(start, end), joined[start:end]
            elif start < start_of_second < end:
                words = (*lines[0].words_at(start, start_of_second), *lines[1].words_at(0, end - start_of_second))
                yield spelling, words, joined[start:end]

    def mended(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Signs in a recognised line that follow a pattern once look-alikes are changed: (as it should be, start, end)."""
        tight, places = _tighten(text)
        words = [match for match in re.finditer(r"\S+", tight) if re.search(r"\d", match.group())]
        pairs = [(one, two) for one, two in pairwise(words) if one.end() + 1 == two.start() and tight[one.end() - 1].isalnum()]
        for first, last in (*((one, one) for one in words), *pairs):
            whole = tight[first.start():last.end()]
            bare = whole.strip(".,;:()[]\"'„“")
            if len(bare) < 8 or sum(map(str.isdigit, bare)) < 5 or len(re.findall("[-/.,]", bare)) < 2 or self.find(whole):
                continue
            spelled = self._only(bare.replace(" ", ""))
            if spelled:
                start = first.start() + whole.index(bare)
                yield spelled, places[start], places[start + len(bare) - 1] + 1

    def _only(self, read: str) -> str:
        """The one text that follows a pattern with the fewest look-alikes changed; "" where there is none or more than one."""
        lettered = any(map(str.isalpha, read))  # of figures alone, a 1 that is a slash would make too many signs
        other = {at: (_LETTER_FOR if char.isdigit() and at < OFFICE else _LOOKS_LIKE).get(char, "")
                 for at, char in enumerate(read) if lettered or not char.isdigit()}
        places = [at for at, char in other.items() if char]
        for count in range(min(MOST_MENDED, len(places)) + 1):
            ways = {"".join(dict(zip(changed, chosen, strict=True)).get(at, char) for at, char in enumerate(read))
                    for changed in combinations(places, count) for chosen in product(*(other[at] for at in changed))}
            fitting = [way for way in ways if any(pattern.fullmatch(way) for pattern in self.patterns)]
            if fitting:
                return fitting[0] if len(fitting) == 1 else ""
        return ""

    def find(self, text: str) -> tuple[tuple[str, int, int], ...]:
        """The own Aktenzeichen in a text, each as (spelling without stray blanks, start, end), not overlapping."""
        tight, places = _tighten(text)
        found: dict[tuple[int, int], str] = {}
        for pattern in self.patterns:
            for match in re.finditer(_INSIDE.format(f"(?:{pattern.pattern})"), tight, pattern.flags):
                found[match.start(), match.end()] = match.group()
        for match in re.finditer(r"(?<!\S)\S+", tight):
            bare = match.group().strip(".,;:()[]\"'„“")
            if len(bare) >= 6 and re.search(r"\d", bare) and re.search(r"[-/.]", bare) and reference_key(bare) in self.known:
                start = match.start() + match.group().index(bare)
                found.setdefault((start, start + len(bare)), bare)
        longest = sorted(found, key=lambda span: (span[0] - span[1], span))
        taken: list[tuple[int, int]] = []
        for span in longest:
            if all(span[1] <= other[0] or span[0] >= other[1] for other in taken):
                taken.append(span)
        return tuple((found[span], places[span[0]], places[span[1] - 1] + 1) for span in sorted(taken))


def compiled(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    """The tenant's patterns, ready for `References`; raises re.error for a wrong one (the settings check them before)."""
    return tuple(re.compile(pattern) for pattern in patterns)


def _tighten(text: str) -> tuple[str, list[int]]:
    """`text` without blanks beside `-` and `/` and with plain dashes, and where each character stood before."""
    plain = _DASHES.sub("-", text)
    kept = [index for index, char in enumerate(plain) if not (char.isspace() and _beside_separator(plain, index))]
    return "".join(plain[index] for index in kept), kept


def _beside_separator(text: str, index: int) -> bool:
    """Whether the blank at `index` stands inside a sign (`BA / 632.60 - 0017`), not beside a dash between words."""
    before, after = text[:index].rstrip(), text[index:].lstrip()
    if not before or not after or not (before[-1] in "-/" or after[0] in "-/"):
        return False
    digits = [before.rstrip("-/ ")[-1:].isdigit(), after.lstrip("-/ ")[:1].isdigit()]
    return all(digits) or (any(digits) and "/" in (before[-1], after[0]))


def _broken(here: Sequence[Segment]) -> Iterator[tuple[Segment, Segment]]:
    """Pairs of lines where the first ends with a separator, so that a sign may go on in the second."""
    for before, after in pairwise(here):
        if before.text.rstrip()[-1:] in ("-", "/") and (before.box is None or abs(before.left - after.left) < 60):
            yield before, after
