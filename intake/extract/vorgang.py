"""Where in the documents of an old building file a new Vorgang begins, and what it is called. Pure.

A file grew over decades: house, garage, extension, each with application, papers, permit, notices. A Vorgang begins with its
cover sheet or its application; another number or a jump of years tells two apart where the application is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from intake.extract.bauakte import bauakte
from intake.extract.dates import find_dates
from intake.extract.matters import matters
from intake.vocabulary import Evidence, Material, Page, Proposal

BY = "rule:vorgang@1"
SURE = 0.8
"""Of a title taken from the application; a guess by rule, told so by the bench."""
COVER = re.compile(r"^\s*(?:Bau-?akte|Vorgang|Vorgangsdeckblatt|Aktendeckel|Umschlagblatt|Heft \d+|Band \d+)\b", re.MULTILINE)
NUMBER = re.compile(r"\b(?:Bau(?:antrag|schein|genehmigung|register|tagebuch|bescheid)s?-?\s?(?:Nr\.?|Nummer)?|B\.?-?Nr\.?|"
                    r"Baubuch-Nr\.?)\s?:?\s*(?P<number>\d{1,5}\s?/\s?(?:\d{2}|\d{4}))\b")
FEW_WORDS = 45
"""A cover sheet says little."""
NEW_AFTER = timedelta(days=150)
"""An application so much later than the last is another one; amendments come sooner (rule of thumb)."""
JUMP = timedelta(days=3 * 365)
LONGEST = 120


@dataclass(frozen=True, slots=True)
class Seen:
    """What one document tells: its register, the day and number it bears, the Vorhaben, whether it is a cover sheet."""

    register: str = "12"
    day: date | None = None
    number: str = ""
    project: str = ""
    cover: bool = False


def seen(pages: tuple[Page, ...]) -> Seen:
    """What a document tells of the Vorgang it belongs to."""
    material = Material(pages, notes={"backfile": True})
    head = pages[0].text
    register = next((one.value for one in bauakte(material) if one.field == "register"), "12")
    project = next((one.value for one in matters(Material(pages[:1])) if one.field == "project"), "")
    days = [one.day for one in find_dates(head) if one.day.year >= 1850]
    number = NUMBER.search(head)
    cover = bool(COVER.search(head)) and len(head.split()) <= FEW_WORDS
    return Seen(register, days[0] if days else None, re.sub(r"\s", "", number["number"]) if number else "", project, cover)


def outline(documents: Sequence[tuple[Page, ...]]) -> tuple[str, ...]:
    """The title of the Vorgang of each document of an Akte, in order; "" for all where the Akte is one Vorgang without a name."""
    told = [seen(pages) for pages in documents]
    groups: list[list[int]] = []
    for at, one in enumerate(told):
        if not groups or begins(one, [told[before] for before in groups[-1]]):
            groups.append([])
        groups[-1].append(at)
    titles = [""] * len(documents)
    for number, group in enumerate(groups, start=1):
        title = _title([told[at] for at in group], number)
        for at in group:
            titles[at] = title if len(groups) > 1 or title != _nameless(1) else ""
    return tuple(titles)


def begins(one: Seen, group: Sequence[Seen]) -> bool:
    """Whether a document begins a new Vorgang behind those of `group`."""
    if one.cover:
        return True
    if all(before.cover for before in group):
        return False
    last = _last(group)
    number = next((before.number for before in reversed(group) if before.number), "")
    if one.number and number and one.number != number:
        return True
    late = one.day is not None and last is not None and one.day - last
    if one.register == "01" and any(before.register != "01" for before in group if not before.cover):
        same = bool(one.number) and one.number == number
        return not same and (late is False or late is None or late >= NEW_AFTER or _another(one, group))
    return bool(late and late >= JUMP and one.register in ("01", "07", "09", "12"))


def _last(group: Sequence[Seen]) -> date | None:
    return max((before.day for before in group if before.day is not None), default=None)


def _another(one: Seen, group: Sequence[Seen]) -> bool:
    """Whether the Vorhaben is another than that of the group's application."""
    project = next((before.project for before in group if before.project), "")
    if not one.project or not project:
        return False
    words, others = ({word for word in re.findall(r"\w{4,}", text.lower())} for text in (one.project, project))
    return len(words & others) * 2 < len(words | others)


def _title(group: Sequence[Seen], number: int) -> str:
    days = [one.day for one in group if one.day is not None]
    project = next((one.project for one in group if one.register == "01" and one.project), "") or next(
        (one.project for one in group if one.project), "")
    if not days and not project:
        return _nameless(number)
    return " ".join(filter(None, (str(min(days).year) if days else "", project or _nameless(number))))[:LONGEST]


def _nameless(number: int) -> str:
    return f"Vorgang {number}"


def vorgang(material: Material) -> Iterator[Proposal]:
    """The Vorgang that the outline of the Akte gave this document (`material.notes["case"]`)."""
    title = material.notes.get("case", "")
    if title:
        yield Proposal("case_title", title, SURE, (Evidence(BY, 0, None, f"Gliederung der Akte: {title}"),))

