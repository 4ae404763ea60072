"""Learning from clerks: decisions in the database are the truth, a model is an artefact and the decisions since.

Every worker builds the same model from the same rows: it loads the version in use and learns, in their order, the decisions
made since that version was trained. After a correction the next document is proposed by a model that knows it.
`poststelle model train` makes a new version of all decisions. What lies under a restricted access class is not learnt: its
words must not show up as a reason somewhere else; there the plan's own words propose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from intake.db.core import parse_stamp, utcnow
from intake.db.documents import get_document, proposals_of
from intake.db.forecasts import proposed_entries
from intake.db.lessons import Lesson, all_live, lessons, uses
from intake.db.plan import all_entries, open_entries, with_classes
from intake.errors import Refused
from intake.journal import record
from intake.pipeline import Postroom, material_of
from intake.policy import OPEN_CLASSES
from intake.versions import FILING, folder, put_in_use, versions
from intake.vocabulary import AktenplanEntry, Material, Proposal

MOST_AT_ONCE = 500
"""So many decisions since the last training are learnt when a worker starts; with more it is time to train."""
MOST_TRAINED = 1024
"""So many decisions are trained on in a worker that has no version to begin with."""
LONGEST = 20_000
"""Characters of a document that are learnt and exported."""
LEAST_TO_COMPARE = 20
RECENT_SHARE, MOST_RECENT = 0.2, 300
MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Tools:
    """What learning needs of the classifiers, found by the postroom by their names.

    `train(examples, entries=)` and `restore(artefact)` give a model with `learn(example)`, `predict(examples)` and
    `to_artefact()`; `example(material, proposals, label)` is a document as the model sees it.
    """

    train: Callable[..., Any]
    restore: Callable[[Any], Any]
    example: Callable[[Material, Sequence[Proposal], str], Any]
    load: Callable[[Path], Any]
    save: Callable[..., None]


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model in memory: the version it began with ("" = none) and the ids of the decisions learnt since, in order."""

    model: Any
    version: str
    last: tuple[str, str] = ("", "")
    since: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trained:
    """What `train` did. `right`: how many of the `recent` decisions the new and the used models had right, each asked before
    it knew them; `why` is a German sentence."""

    version: str
    decisions: int
    recent: int
    right: tuple[int, int]
    used: bool
    why: str


@dataclass(frozen=True, slots=True)
class Differs:
    """A document that two versions would file differently; `decided` is the clerk's entry."""

    document: str
    first: str
    second: str
    decided: str


# ---- in the worker ---------------------------------------------------------------------------------------------------


def refresh(room: Postroom, tools: Tools, tenant: str, old: Learnt | None) -> Learnt | None:
    """The model with everything decided until now; None while there is nothing to learn from.

    Goes on from `old` where it can; begins anew when another version is used or something learnt was taken back.
    """
    with room.db.read() as conn:
        used = uses(conn, tenant, FILING)
        version = used[0].version if used else ""
        if old is not None and (old.version != version or not all_live(conn, old.since)):
            old = None
    return _from_version(room, tools, tenant, version, old) if version else _from_nothing(room, tools, tenant, old)


def _from_version(room: Postroom, tools: Tools, tenant: str, version: str, old: Learnt | None) -> Learnt:
    """The version in use and the decisions since it was trained."""
    if old is None:
        artefact = tools.load(folder(room.home, tenant, version))
        at, id = artefact.card["data"]["until"]
        old = Learnt(tools.restore(artefact), version, (at, id))
    with room.db.read() as conn:
        fresh = _learnable(room, tenant, lessons(conn, tenant, old.last))[-MOST_AT_ONCE:]
    return _taught(room, tools, old, fresh)


def _from_nothing(room: Postroom, tools: Tools, tenant: str, old: Learnt | None) -> Learnt | None:
    """Before the first training: trained on the first 2, 4, 8, ... decisions (which costs little while they are few), the
    others learnt one by one. The same rows give the same model, whenever a worker began."""
    with room.db.read() as conn:
        known = _learnable(room, tenant, lessons(conn, tenant))
        entries = open_entries(conn, tenant, utcnow().astimezone().date())
    if not known:
        return None
    base, ids = min(1 << (len(known).bit_length() - 1), MOST_TRAINED), tuple(one.id for one in known)
    if old is None or old.since != ids[:len(old.since)] or len(old.since) < base:
        model = tools.train([example for _, example in _examples(room, tools, known[:base])], entries=entries)
        old = Learnt(model, "", since=ids[:base])
    return _taught(room, tools, old, known[len(old.since):])


def _taught(room: Postroom, tools: Tools, old: Learnt, fresh: Sequence[Lesson]) -> Learnt:
    model = old.model
    for _, example in _examples(room, tools, fresh):
        model = model.learn(example)
    last = (fresh[-1].at, fresh[-1].id) if fresh else old.last
    return Learnt(model, old.version, last, (*old.since, *(one.id for one in fresh)))


def _learnable(room: Postroom, tenant: str, found: Iterable[Lesson]) -> list[Lesson]:
    """Without what is restricted, by its own access class or that of its entry."""
    with room.db.read() as conn:
        open_ids = {entry.id for entry in with_classes(conn, tenant, all_entries(conn, tenant))
                    if entry.access_class in OPEN_CLASSES}
    return [one for one in found if one.access_class in OPEN_CLASSES and one.values["entry"] in open_ids]


def _examples(room: Postroom, tools: Tools, found: Iterable[Lesson]) -> Iterator[tuple[Lesson, Any]]:
    for lesson in found:
        with room.db.read() as conn:
            document, proposals = get_document(conn, lesson.document), proposals_of(conn, lesson.document)
        material = material_of(room, document)
        yield lesson, tools.example(material, proposals, str(lesson.values["entry"]))


# ---- train, use, compare ---------------------------------------------------------------------------------------------


def train(room: Postroom, tools: Tools, tenant: str, by: str, *, force: bool = False) -> Trained:
    """A new version of all decisions; put in use unless it is worse than what is used on the newest of them. Raises Refused."""
    with room.db.read() as conn:
        known = _learnable(room, tenant, lessons(conn, tenant))
        entries = open_entries(conn, tenant, utcnow().astimezone().date())
    pairs = list(_examples(room, tools, known))
    if len({example.label for _, example in pairs}) < 2:
        raise Refused("Zum Lernen braucht es Entscheidungen zu mindestens zwei Aktenplaneinträgen. Geben Sie zuerst "
                      "Schriftstücke frei: poststelle review ls")
    recent, right = _on_recent(room, tools, pairs, entries)
    number = str(int((versions(room.home, tenant) or ["0"])[-1]) + 1)
    model = tools.train([example for _, example in pairs], entries=entries)
    artefact, last = model.to_artefact(), known[-1]
    card = {
        "name": FILING, "version": number, "trained_at": utcnow(), "by": by,
        "data": {"decisions": len(pairs), "entries": len({example.label for _, example in pairs}),
                 "from": known[0].at, "until": [last.at, last.id]},
        "measures": {"recent_decisions": recent, "right": right[0], "right_of_the_used": right[1]}}
    tools.save(room.home.models(tenant) / FILING / number, artefact.arrays, artefact.meta, card)
    worse = recent >= LEAST_TO_COMPARE and right[0] < right[1]
    said = (f"Von den letzten {recent} Entscheidungen trifft die neue Fassung {right[0]}, die bisherige {right[1]}."
            if recent >= LEAST_TO_COMPARE else "Für einen Vergleich gibt es noch zu wenige Entscheidungen.")
    with room.db.transaction() as tx:
        record(tx, tenant, by, "model.trained", subjects={"model": f"{FILING}/{number}"}, new={"card": card["measures"]})
        if not worse or force:
            put_in_use(tx, tenant, number, by, said)
    return Trained(number, len(pairs), recent, right, not worse or force, said)


def _on_recent(room: Postroom, tools: Tools, pairs: Sequence[tuple[Lesson, Any]],
               entries: Sequence[AktenplanEntry]) -> tuple[int, tuple[int, int]]:
    """(how many, (right by the new, right by the used)) of the newest decisions. The new one is trained on what came before
    and learns each after it was asked, as the used one did: its proposals were written down when they were made."""
    count = min(MOST_RECENT, int(len(pairs) * RECENT_SHARE))
    before, recent = [example for _, example in pairs[:len(pairs) - count]], pairs[len(pairs) - count:]
    if count < LEAST_TO_COMPARE or not before:
        return 0, (0, 0)
    with room.db.read() as conn:
        proposed = proposed_entries(conn, [lesson.document for lesson, _ in recent])
    model, mine = tools.train(before, entries=entries), 0
    for _, example in recent:
        mine += model.predict([example])[0].first == example.label
        model = model.learn(example)
    return count, (mine, sum(proposed.get(lesson.document) == example.label for lesson, example in recent))


def compare(room: Postroom, tools: Tools, tenant: str, first: str, second: str,
            most: int | None = None) -> tuple[int, list[Differs]]:
    """(how many documents, those that the two versions would file differently) of the last month; of the `most` newest."""
    models = [tools.restore(tools.load(folder(room.home, tenant, version))) for version in (first, second)]
    with room.db.read() as conn:
        known = [one for one in _learnable(room, tenant, lessons(conn, tenant)) if parse_stamp(one.at) > utcnow() - MONTH]
    known = known[-most:] if most else known
    found = []
    for lesson, example in _examples(room, tools, known):
        one, other = (model.predict([example])[0].first for model in models)
        if one != other:
            found.append(Differs(lesson.document, one, other, example.label))
    return len(known), found


def export_lines(room: Postroom, tools: Tools, tenant: str) -> Iterator[dict[str, Any]]:
    """The reviewed filings for `classifiers.train` and `classifiers.evaluate`, one a line, without what is restricted."""
    with room.db.read() as conn:
        known = _learnable(room, tenant, lessons(conn, tenant))
    for lesson, example in _examples(room, tools, known):
        yield {"what": "filing", "text": example.text[:LONGEST], "title": example.title, "label": example.label,
               "date": _day(example.date), "kind": lesson.values.get("kind", ""), "document": lesson.document,
               "decided_at": lesson.at}


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


def card_of(room: Postroom, tools: Tools, tenant: str, version: str) -> Mapping[str, Any]:
    """The card of a version, its bytes checked against it. Raises Refused and ConfigError."""
    card: Mapping[str, Any] = tools.load(folder(room.home, tenant, version)).card
    return card
