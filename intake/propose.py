"""From what was read to what is proposed: asks the extractors and the plan, merges and ranks. Pure, decides nothing.

Fields: `entry` (id of an Aktenplaneinheit, up to five), `file` (id of an Akte), `title`, and whatever the extractors
answer (`file_reference`, `sender_name`, `letter_date`, `kind`, ...). Several may answer; nobody overwrites.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from intake.keys import notation_key, reference_key
from intake.protocols import Extractor
from intake.vocabulary import AktenplanEntry, Evidence, File, Material, Proposal

Ranker = Callable[[Material, Sequence[Proposal]], Iterable[Proposal]]
"""Asked second: proposals (of `entry`, `kind`, ...) from the document and what the extractors found in it."""
MOST_PER_FIELD = 5
LISTS = frozenset({"parcel", "parcel_id", "site_address", "enclosure", "iban", "email", "phone"})
"""Fields of which a document has several that are all right, not several answers to one question."""
MOST_OF_LIST = 60
TITLE_LENGTH = 160
LIKELY = 0.5
KNOWN_FILE = 0.99
"""How sure the Akte is when its Aktenzeichen was read in the reference zone (scaled by how legible it was)."""


def _nobody(_: Material, __: Sequence[Proposal]) -> Iterable[Proposal]:
    return ()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the town knows, handed in: open `entries` by id, `files` by normalised Aktenzeichen, and who to ask.

    `rank` answers `entry`, `judges` other fields (`kind`); both see what the extractors found. `resolve` answers which
    Akte it is (`file`, their `entry`, `office`, `handler`, and `new_file`: none of them); without it an Akte is proposed
    only where its Aktenzeichen stands. `preview` shows the form of a new Aktenzeichen under an entry in a year.
    """

    entries: Mapping[str, AktenplanEntry] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)
    extractors: tuple[Extractor, ...] = ()
    rank: Ranker = _nobody
    judges: tuple[Ranker, ...] = ()
    resolve: Ranker | None = None
    preview: Callable[[AktenplanEntry, int], str] | None = None


def propose(material: Material, knowledge: Knowledge) -> tuple[Proposal, ...]:
    """All proposals of a document, field by field, in each field the surest first and at most five.

    Always has a `title`; every proposal has evidence. Deterministic: the same material and knowledge, the same answer.
    """
    extracted = [proposal for extractor in knowledge.extractors for proposal in extractor(material)]
    judged = [proposal for ranker in (knowledge.rank, *knowledge.judges) for proposal in ranker(material, extracted)]
    references = [proposal for proposal in extracted if proposal.field == "file_reference"]
    resolved = [*knowledge.resolve(material, [*extracted, *judged])] if knowledge.resolve else _files(references, knowledge)
    files = [one for one in (*extracted, *resolved) if one.field == "file"]
    said = [one for one in extracted if one.field == "entry" and one.value in knowledge.entries]
    certain = [*said, *(one for one in resolved if one.field == "entry" and one.value in knowledge.entries),
               *_entries_of_signs(references, knowledge)]
    ranked = [one for one in judged if one.field == "entry" and one.value in knowledge.entries]
    entries = [*certain, *(_below(ranked, max(one.confidence for one in certain)) if certain else ranked)]
    others = [one for one in (*extracted, *judged, *resolved) if one.field not in ("file", "entry", "new_file")]
    merged = merge([*others, *files, *entries])
    return (*merged, *_new_file(resolved, merged, material, knowledge), *_office(merged, material, knowledge),
            _title(material, merged))


def merge(proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """Equal values of a field as one proposal (highest confidence, all evidence), ranked, at most five a field (sixty of LISTS).

    Fields come in alphabetical order; equal confidences keep the order in which they were proposed.
    """
    found: dict[tuple[str, str], Proposal] = {}
    for one in proposals:
        old = found.get((one.field, one.value))
        found[one.field, one.value] = one if old is None else _joined(old, one)
    ranked = sorted(found.values(), key=lambda one: (one.field, -one.confidence))
    counts: dict[str, int] = {}
    kept: list[Proposal] = []
    for one in ranked:
        counts[one.field] = counts.get(one.field, 0) + 1
        if counts[one.field] <= (MOST_OF_LIST if one.field in LISTS else MOST_PER_FIELD):
            kept.append(one)
    return tuple(kept)


def _joined(old: Proposal, new: Proposal) -> Proposal:
    first, second = (old, new) if old.confidence >= new.confidence else (new, old)
    places = tuple(dict.fromkeys((*first.evidence, *second.evidence)))
    return replace(first, evidence=places, checks=tuple(dict.fromkeys((*first.checks, *second.checks))))


def best(proposals: Sequence[Proposal], name: str) -> Proposal | None:
    """The surest proposal of a field; None when nobody proposed one."""
    return max((one for one in proposals if one.field == name), key=lambda one: one.confidence, default=None)


def first_choice(proposals: Iterable[Proposal]) -> dict[str, str]:
    """What a decision takes over unless somebody says otherwise: the first value of each field, in the order given.

    No Akte where "none of them" is surer; and a `parent` is only ever a question to a person.
    """
    first: dict[str, Proposal] = {}
    for one in proposals:
        first.setdefault(one.field, one)
    if "file" in first and "new_file" in first and first["new_file"].confidence > first["file"].confidence:
        del first["file"]
    return {name: one.value for name, one in first.items() if name not in ("new_file", "parent")}


def _files(references: Sequence[Proposal], knowledge: Knowledge) -> list[Proposal]:
    """The Akten whose Aktenzeichen was read, and their entries; less sure when there are several."""
    known = [(one, knowledge.files[key]) for one in references
             if (key := reference_key(one.value)) in knowledge.files]
    share = 1.0 if len({file.id for _, file in known}) <= 1 else 0.6
    found: list[Proposal] = []
    for one, file in known:
        sure = round(min(KNOWN_FILE, one.confidence + 0.02) * share, 3)
        places = (*one.evidence, Evidence("register:files", 0, None, f"{file.reference} {file.title}"))
        found += [Proposal("file", file.id, sure, places), Proposal("entry", file.entry, sure, places)]
    return found


def _new_file(resolved: Sequence[Proposal], merged: Sequence[Proposal], material: Material,
              knowledge: Knowledge) -> Iterator[Proposal]:
    """That it needs an Akte of its own: the form of its Aktenzeichen and a title. The number is given at filing alone."""
    new, entry = best(resolved, "new_file"), best(merged, "entry")
    if new is None:
        return
    known = knowledge.entries.get(entry.value) if entry else None
    year = material.received_on.year if material.received_on else None
    value = knowledge.preview(known, year) if known and year and knowledge.preview else "neu"
    yield replace(new, value=value)
    file = best(merged, "file")
    if file is None or new.confidence > file.confidence:
        parts = [one for name in ("project", "subject", "site_address", "applicant") if (one := best(merged, name))]
        if parts and parts[0].field == "project":
            parts = [one for one in parts if one.field != "subject"]
        if parts:
            whole = shorten(", ".join(dict.fromkeys(one.value for one in parts)))
            yield Proposal("file_title", whole, round(min(one.confidence for one in parts), 3),
                           tuple(place for one in parts for place in one.evidence[:1]))


def _office(merged: Sequence[Proposal], material: Material, knowledge: Knowledge) -> Iterator[Proposal]:
    """The office that is in charge (Federführung): the Akte's own, else the entry's, else the one the profile scans for."""
    if best(merged, "office") is not None:
        return
    entry = best(merged, "entry")
    known = knowledge.entries.get(entry.value) if entry else None
    if entry and known and known.unit:
        yield Proposal("office", known.unit, entry.confidence,
                       (Evidence("rule:unit-of-entry@1", 0, None, f"{known.notation} {known.title}"), *entry.evidence[:2]))
    elif material.office:
        yield Proposal("office", material.office, 0.3, (Evidence("rule:office-of-profile@1", 0, None, material.office),))


def _below(ranked: Sequence[Proposal], limit: float) -> list[Proposal]:
    """What words alone suggest counts less than a known Akte: all scaled to stay under `limit`, unless that is a guess too."""
    top = max((one.confidence for one in ranked), default=0.0)
    factor = min(1.0, 0.9 * limit / top) if top and limit >= LIKELY else 1.0
    return [Proposal(one.field, one.value, round(one.confidence * factor, 3), one.evidence) for one in ranked]


def _entries_of_signs(references: Sequence[Proposal], knowledge: Knowledge) -> list[Proposal]:
    """The entry whose notation stands inside an own Aktenzeichen that no Akte has yet."""
    unknown = [one for one in references if reference_key(one.value) not in knowledge.files]
    if not unknown:
        return []
    notations = {notation_key(entry.notation): entry for entry in knowledge.entries.values()}
    found = []
    for one in unknown:
        pieces = re.split(r"[-/\s]+", one.value)
        fitting = [notations[key] for piece in pieces[:-1] if len(key := notation_key(piece)) >= 3 and key in notations]
        if fitting:
            entry = max(fitting, key=lambda one: len(one.notation))
            found.append(Proposal("entry", entry.id, round(0.9 * one.confidence, 3), (
                *one.evidence, Evidence("rule:notation-in-reference@1", 0, None, f"{entry.notation} {entry.title}"))))
    return found


def _title(material: Material, proposals: Sequence[Proposal]) -> Proposal:
    """A title a colleague understands: the Betreff, else kind, sender and date, else the name of the file."""
    subject = best(proposals, "subject")
    if subject:
        return Proposal("title", shorten(subject.value), subject.confidence, subject.evidence)
    parts = {name: best(proposals, name) for name in ("kind", "sender_name", "letter_date")}
    words = [_phrase(name, one.value) for name, one in parts.items() if one]
    if parts["kind"] or parts["sender_name"]:
        places = tuple(place for one in parts.values() if one for place in one.evidence[:1])
        if not parts["kind"]:
            words.insert(0, "Schreiben")
        return Proposal("title", shorten(" ".join(words)), 0.5, places)
    name = material.envelope.subject or re.sub(r"\.[A-Za-z0-9]{1,5}$", "", material.name).replace("_", " ").strip()
    text = name or "Schriftstück ohne Betreff"
    return Proposal("title", shorten(text), 0.2, (Evidence("rule:file-name@1", 0, None, material.name),))


def _phrase(name: str, value: str) -> str:
    if name == "sender_name":
        return f"von {value}"
    return f"vom {date.fromisoformat(value):%d.%m.%Y}" if name == "letter_date" else value


def shorten(text: str, length: int = TITLE_LENGTH) -> str:
    """`text` on one line, cut at a word with an ellipsis when it is longer than `length` characters."""
    plain = " ".join(text.split())
    if len(plain) <= length:
        return plain
    return plain[:length - 1].rsplit(" ", 1)[0].rstrip(" ,;:-") + "…"
