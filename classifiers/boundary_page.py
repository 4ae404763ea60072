"""What one page tells about where documents begin and end, apart from its neighbours: its printed lines, words, page number.

Everything comes from the text, so that it holds for text layers, OCR and mere text alike; nothing here is learnt.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from intake.vocabulary import Page

HEAD_LINES, TAIL_LINES = 12, 8
MOST_LINES, MOST_LETTERS = 400, 20_000
"""What is looked at of a page: more lines or letters (tables, plans) cost time and say nothing new."""

_WORD = re.compile(r"[^\W\d_]{2,}")
_NUMBER = re.compile(r"\d[\d./-]*\d")
_DATE = re.compile(r"\b\d{1,2}\s?\.\s?(?:\d{1,2}\s?\.|januar|februar|märz|april|mai|juni|juli|august|september|oktober|november"
                   r"|dezember)\s?(?:19|20)?\d{2}\b", re.IGNORECASE)
_REFERENCE = re.compile(r"\b(?:DS|Drucksache|Vorlage|Az\.?|Aktenzeichen|Nr\.?|TOP|Bebauungsplan)\s*:?\s*(?:Nr\.?\s*)?"
                        r"([\w()./ -]{0,6}\d[\w./-]*)", re.IGNORECASE)
_DASHED = re.compile(r"(?:^|\s)[-–—~_]\s*(\d{1,3})\s*[-–—~_]$")
_NAMED = re.compile(r"\b(?:Seite|Seile|Blatt|Bl\.|S\.)\s*:?\s*(\d{1,3})(?:\s*(?:von|/|vom)\s*(\d{1,3}))?\b", re.IGNORECASE)
_OF = re.compile(r"(?:^|\s)(\d{1,3})\s*(?:/|von)\s*(\d{1,3})$")
_BARE = re.compile(r"^\W{0,2}(\d{1,3})\W{0,2}$")
_NUMBERED = re.compile(r"^[^\w§]{0,2}(?:(§|art(?:ikel)?\.?|zu (?:punkt|top)|punkt|top|zu|anlage|ziffer)\s*)?(\d{1,3})\s*"
                       r"([.):a-z]|$|\s)", re.IGNORECASE)
_GREETING = re.compile(r"sehr geehrte|guten tag|liebe[rs]? (?:frau|herr|koll|mit)|hallo ", re.IGNORECASE)
_CLOSING = re.compile(r"mit freundliche[nm]|freundliche grüße|hochachtungsvoll|im auftrag|i\. ?a\. |i\. ?v\. |in vertretung"
                      r"|\bgez\.|viele grüße|mit besten grüßen", re.IGNORECASE)
_ANNEX = re.compile(r"\b(?:anlage|anlagen|anhang|beilage)\b", re.IGNORECASE)
_TITLE = re.compile(r"\b(?:niederschrift|protokoll|p r o t o k o l l|bekanntmachung|tagesordnung|einladung|satzung|ordnung"
                    r"|vertrag|vereinbarung|antrag|anfrage|bericht|gutachten|konzept|merkblatt|bescheid|rechnung|angebot|vorlage"
                    r"|mitteilung|stellungnahme|begründung|übersicht|liste|entwurf|plan|programm|verordnung|beschluss"
                    r"|aufgaben|kriterien|belehrung|gebühren\w*|\w+satzung|\w+ordnung|\w+vorlage|(?:\w+)?richtlinien?)\b",
                    re.IGNORECASE)
_PREAMBLE = re.compile(r"aufgrund|auf grund|hat (?:die|der) .{3,60}(?:vertretung|versammlung|rat)|beschlossen|erlassen",
                       re.IGNORECASE)
_IN_FORCE = re.compile(r"in kraft|außer kraft|ausgefertigt|der gemeindevorstand|der magistrat|bürgermeister", re.IGNORECASE)
_ADDRESS = re.compile(r"\b(?:telefon|telefax|tel\.|fax|e-?mail|internet|www\.|auskunft erteilt|aktenzeichen|postfach|ihr zeichen"
                      r"|\d{5} [A-ZÄÖÜ])", re.IGNORECASE)
_CONTENTS = re.compile(r"inhaltsverzeichnis|\binhalt\b|gliederung", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Label:
    """A printed page number. `total` is 0 where the page does not say of how many; `sure` when a sign or word marks it as one."""

    number: int
    total: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Sketch:
    """A page as the boundary model sees it."""

    lines: tuple[str, ...]
    words: frozenset[str]
    numbers: frozenset[str]
    dates: frozenset[str]
    references: frozenset[str]
    label: Label | None
    tops: tuple[str, ...]  # masked lines at the top and at the bottom, where running headers and footers stand
    bottoms: tuple[str, ...]
    enumerators: tuple[tuple[str, int], ...]  # "§ 4", "Zu Punkt 5", "3." in their order
    numbers_of: Mapping[str, float]  # measures of this page alone, by name
    head_terms: frozenset[str]
    tail_terms: frozenset[str]


def sketch(page: Page) -> Sketch:
    """What the text of a page tells; an empty page gives an empty sketch."""
    text = page.text[:MOST_LETTERS]
    lines = tuple(line for raw in text.split("\n")[:MOST_LINES] if (line := raw.strip()))
    found = _WORD.findall(text)
    words = frozenset(word.lower() for word in found if len(word) >= 4)
    label, places = _label(lines)
    content = [line for at, line in enumerate(lines) if at not in places]
    return Sketch(
        lines, words,
        frozenset(number for number in _NUMBER.findall(text) if len(number) >= 4),
        frozenset(re.sub(r"\s", "", date).lower() for date in _DATE.findall(text)),
        frozenset(re.sub(r"[\s()]", "", one).lower() for one in _REFERENCE.findall(text)),
        label, tuple(masked(line) for line in lines[:4]), tuple(masked(line) for line in lines[-3:]),
        _enumerators(content), _measures(text, lines, content, found, label),
        frozenset(_terms(content[:HEAD_LINES], 3)), frozenset(_terms(content[-TAIL_LINES:][::-1], 3)),
    )


def masked(line: str) -> str:
    """A line without what changes from page to page: digits are 0, blanks gone, small letters."""
    return re.sub(r"\d+", "0", re.sub(r"\s+", "", line.lower()))


def _label(lines: tuple[str, ...]) -> tuple[Label | None, frozenset[int]]:
    """The printed page number in the three first and last lines, and the lines that hold nothing else."""
    count = len(lines)
    edge = [*range(min(3, count)), *(at for at in range(max(count - 3, 0), count) if at >= 3)]
    weak: tuple[Label, int] | None = None
    for at in edge:
        line = lines[at]
        if len(line) < 80 and (match := _DASHED.search(line)):
            return Label(int(match[1]), 0, True), frozenset((at,) if len(match[0]) == len(line) else ())
        if len(line) < 120 and (match := _NAMED.search(line)):
            return Label(int(match[1]), int(match[2] or 0), True), frozenset((at,) if len(match[0]) > len(line) - 6 else ())
        if len(line) < 60 and at >= count - 2 and (match := _OF.search(line)) and 0 < int(match[1]) <= int(match[2]):
            return Label(int(match[1]), int(match[2]), True), frozenset((at,) if len(match[0]) > len(line) - 4 else ())
        if at in (0, count - 1) and weak is None and (match := _BARE.match(line)):
            weak = Label(int(match[1]), 0, False), at
    return (weak[0], frozenset((weak[1],))) if weak else (None, frozenset())


def _enumerators(lines: list[str]) -> tuple[tuple[str, int], ...]:
    """Signs of running lists: the word or sign before the number ("" where there is none) and the number."""
    found = []
    for line in lines:
        if (match := _NUMBERED.match(line)) and (match[1] or match[3] in (".", ")")):
            found.append(((match[1] or match[3]).lower().replace("zu punkt", "punkt"), int(match[2])))
    return tuple(found)


def _terms(lines: list[str], near: int) -> set[str]:
    """Words and pairs of neighbours; those of the first `near` lines a second time, marked, because they stand at the edge."""
    terms: set[str] = set()
    for at, line in enumerate(lines):
        words = [word.lower() for word in re.findall(r"[^\W\d_]+|\d+|[^\w\s]", line)][:16]
        words = ["0" if word.isdigit() else word for word in words]
        pairs = [f"{one} {two}" for one, two in pairwise(words)]
        terms.update(words)
        terms.update(pairs)
        if at < near:
            terms.update(f"^{term}" for term in (*words, *pairs))
            terms.update(f"^{at}{word}" for word in words[:1])
    return terms


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _measures(text: str, lines: tuple[str, ...], content: list[str], found: list[str], label: Label | None) -> dict[str, float]:
    """Numbers of a page alone: how it begins, how it ends, how it is laid out."""
    head, tail = "\n".join(content[:HEAD_LINES]), "\n".join(content[-TAIL_LINES:])
    first, last = (content[0], content[-1]) if content else ("", "")
    letters = sum(map(str.isalpha, text))
    lengths = [len(line) for line in lines]
    measures = {
        "chars": math.log1p(len(text)),
        "lines": math.log1p(len(lines)),
        "line": _share(sum(lengths), len(lengths)),
        "widest": float(max(lengths, default=0)),
        "short": _share(sum(length < 25 for length in lengths), len(lengths)),
        "digits": _share(sum(map(str.isdigit, text)), len(text)),
        "odd": _share(len(text) - letters - sum(map(str.isdigit, text)) - text.count(" ") - text.count("\n"), len(text)),
        "capitals": _share(sum(map(str.isupper, text)), letters),
        "word": _share(sum(map(len, found)), len(found)),
        "single": _share(sum(length < 3 for length in lengths), len(lengths)),
        "gaps": _share(text.count("\n\n"), len(lines)),
        "euro": float("€" in text or "EUR" in text),
        "small_first": float(first[:1].islower()),
        "bullet_first": float(bool(re.match(r"[•\-–*§]|\uf0b7|\(?\d{1,2}[.)]|\([a-z0-9]{1,2}\)|[a-z]\)", first))),
        "heading": float(bool(first) and first[:1].isupper() and len(first) < 60 and first[-1] not in ".,;-"),
        "head_short": _share(sum(len(line) < 45 for line in content[:6]), len(content[:6])),
        "stop_last": float(last[-1:] in ".!?"),
        "hyphen_last": float(last[-1:] in "-\u00ad\u00ac" and len(last) > 20),
        "open_last": float(last[-1:].islower() or last[-1:] == ","),
        "colon_last": float(last[-1:] == ":"),
        "last_long": float(len(last) > 0.75 * max(lengths, default=1)),
        "greeting": float(bool(_GREETING.search(text[:2500]))),
        "closing": float(bool(_CLOSING.search(tail))),
        "annex": float(bool(_ANNEX.search("\n".join(lines[:4])))),
        "title": float(bool(_TITLE.search(head))),
        "title_top": float(bool(_TITLE.search("\n".join(content[:3])))),
        "preamble": float(bool(_PREAMBLE.search(text[:1500]))),
        "in_force": float(bool(_IN_FORCE.search(tail))),
        "address": float(len(_ADDRESS.findall("\n".join(lines[:25])))),
        "address_tail": float(len(_ADDRESS.findall(tail))),
        "contents": float(bool(_CONTENTS.search(head))),
        "date_head": float(bool(_DATE.search("\n".join(lines[:14])))),
        "date_tail": float(bool(_DATE.search(tail))),
        "label": float(min(label.number, 50)) if label else -1.0,
        "label_sure": float(label.sure) if label else -1.0,
        "label_last": float(label.total > 0 and label.number == label.total) if label else -1.0,
    }
    return measures
