"""Who may see what: the rule in plain Python (house.md, flow 8), for auditors to read. `intake.db.access` says it in SQL.

While a document waits, its own access class decides. Once it is filed, three things must agree: the access class of the entry
its Akte lies under, its own class when that is a raised one, and, for a viewer with branches or offices, that the Akte lies
under one of them. What nobody allowed is not seen: a class that a viewer was not given is closed to him.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from intake.vocabulary import Viewer

ORDINARY = "Poststelle"
"""Class of a document that nothing raised; it says nothing once the document is filed."""
OPEN = "allgemein"
"""Class of an entry that says none; such an entry has the class of the nearest entry above it that says one."""
CLOSED_BY_TITLE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Personal", re.compile(r"personal(akten|wesen|verwaltung|angelegenheiten|management|wirtschaft|sachen)?\b(?!-)", re.I)),
    ("Soziales", re.compile(r"sozial(es|hilfe|wesen|leistungen|amt)\b|soziale (hilfen|leistungen|sicherung)\b", re.I)),
    ("Jugend", re.compile(r"jugend(hilfe|amt|wesen)?\b(?!-)|kinder-, jugend-", re.I)),
)
"""Branches that are closed although the plan does not say so, by how the title begins (a plan imported without classes)."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What of a plan entry the rule looks at."""

    id: str
    parent: str | None
    title: str
    access_class: str


@dataclass(frozen=True, slots=True)
class Lying:
    """Where a filed document lies: the entry its Akte is under now, and the office that keeps the Akte."""

    entry: str
    office: str = ""


def classes_of(units: Iterable[Unit]) -> dict[str, str]:
    """The access class that holds for each entry, by id: its own, else that of the nearest entry above, else by its title."""
    by_id = {unit.id: unit for unit in units}
    found: dict[str, str] = {}
    for name in by_id:
        path: list[str] = []
        at: str | None = name
        while at is not None and at in by_id and at not in found and at not in path:
            path.append(at)
            at = by_id[at].parent
        above = found.get(at, OPEN) if at is not None else OPEN
        for step in reversed(path):
            above = found[step] = _own_class(by_id[step]) or above
    return found


def _own_class(unit: Unit) -> str:
    if unit.access_class not in (OPEN, ""):
        return unit.access_class
    return next((name for name, words in CLOSED_BY_TITLE if words.match(unit.title)), "")


def under(units: Iterable[Unit], branches: Iterable[str]) -> frozenset[str]:
    """The ids of these entries and of all entries below them; an id that the plan does not have gives nothing."""
    below: dict[str | None, list[str]] = {}
    names = set()
    for unit in units:
        below.setdefault(unit.parent, []).append(unit.id)
        names.add(unit.id)
    found: set[str] = set()
    todo = [name for name in branches if name in names]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(below.get(name, ()))
    return frozenset(found)


def sees_document(viewer: Viewer, own_class: str, lying: Lying | None, classes: Mapping[str, str],
                  branches: frozenset[str]) -> bool:
    """Whether the viewer sees a document of his tenant.

    `lying` is None while it waits; `classes` is what `classes_of` gave, `branches` what `under` gave for the viewer's branches.
    """
    if viewer.classes is None:
        return True
    if lying is None:
        return own_class in viewer.classes
    return (own_class == ORDINARY or own_class in viewer.classes) and sees_file(viewer, lying, classes, branches)


def sees_file(viewer: Viewer, lying: Lying, classes: Mapping[str, str], branches: frozenset[str]) -> bool:
    """Whether the viewer sees an Akte of his tenant, and so that it exists."""
    if viewer.classes is None:
        return True
    if classes.get(lying.entry) not in viewer.classes:
        return False
    return not (viewer.branches or viewer.offices) or lying.entry in branches or lying.office in viewer.offices
