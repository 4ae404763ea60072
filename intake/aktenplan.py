"""The filing plan as a file: load CSV, XLSX, xdomea 0301; validate, search, show as a tree, export. The database is the truth.

Ids are stable and apart from the notation: the column `id` of the file wins; where it is missing the id is made from
the notation at first sight, and `db.plan.import_plan` keeps the id a notation already has.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Literal

from intake.keys import fold, natural_key, notation_key
from intake.tables import read_rows
from intake.vocabulary import AktenplanEntry
from intake.xdomea_plan import read_message

COLUMNS = ("id", "notation", "title", "keywords", "unit", "retention_years", "disposal", "access_class",
           "valid_from", "valid_to", "description")
SYNONYMS: Mapping[str, str] = {
    "kennzeichen": "notation", "nummer": "notation", "aktenplankennzeichen": "notation", "gz": "notation",
    "titel": "title", "bezeichnung": "title", "inhaltsangabe": "title", "betreff": "title",
    "stichworte": "keywords", "stichwoerter": "keywords", "schlagworte": "keywords", "schlagwoerter": "keywords",
    "amt": "unit", "federfuehrung": "unit", "organisationseinheit": "unit",
    "frist": "retention_years", "aufbewahrung": "retention_years", "aufbewahrung_jahre": "retention_years",
    "aufbewahrungsfrist": "retention_years", "aufbewahrungsdauer": "retention_years", "retention": "retention_years",
    "aussonderungsart": "disposal", "archivwuerdigkeit": "disposal", "zugriffsklasse": "access_class",
    "gueltig_ab": "valid_from", "gueltig_von": "valid_from", "gueltig_bis": "valid_to",
    "reference_number": "notation", "effective_title": "title", "retention_period": "retention_years",
    "archival_value": "disposal", "valid_until": "valid_to", "responsible_org_unit": "unit",
    "beschreibung": "description", "erlaeuterung": "description", "uebergeordnet": "parent",
}
_DISPOSALS: Mapping[str, Literal["A", "B", "V"]] = {
    "a": "A", "archivwuerdig": "A", "archivieren": "A", "v": "V", "vernichten": "V", "nicht archivwuerdig": "V",
    "": "B", "b": "B", "bewerten": "B", "anbieten": "B", "auswahl": "B", "sampling": "B", "nicht geprueft": "B"}
_FOREVER = {"", "dauernd", "unbefristet", "dauerhaft", "-"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: `kind` orphan | duplicate | gap | value; `sentence` is German and says what to do."""

    kind: Literal["orphan", "duplicate", "gap", "value"]
    notation: str
    sentence: str


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What is remarkable about a plan. `blocking`: it must not be imported before somebody mends the file."""

    entries: int
    findings: tuple[Finding, ...] = ()

    @property
    def blocking(self) -> bool:
        return any(finding.kind == "duplicate" for finding in self.findings)

    def lines(self) -> tuple[str, ...]:
        """The report as German lines, the summary first."""
        counts = Counter(finding.kind for finding in self.findings)
        head = (f"{self.entries} Einträge, {counts['duplicate']} doppelt, {counts['value']} mit ungültigen Angaben, "
                f"{counts['orphan']} ohne übergeordneten Eintrag, {counts['gap']} Lücken in der Zählung")
        return (head, *(finding.sentence for finding in self.findings))


def read_plan(path: Path) -> tuple[tuple[AktenplanEntry, ...], PlanReport]:
    """The entries of a CSV (`;`, `,` or tab), XLSX or xdomea 0301 (XML) file in plan order, and the report on them.

    Entries are returned also when the report is blocking (to show them); raises ConfigError when the file is no plan:
    unreadable, or without the columns for Kennzeichen and Titel (`SYNONYMS` are understood).
    """
    rows = read_message(path) if path.suffix.lower() == ".xml" else read_rows(path, SYNONYMS, ("notation", "title"))
    entries: list[AktenplanEntry] = []
    findings: list[Finding] = []
    named: dict[str, str] = {}
    for line, row in rows:
        entry, faults = _entry(line, row)
        findings.extend(faults)
        if entry:
            entries.append(entry)
            named[entry.id] = row.get("parent", "")
    entries, double = _without_doubles(entries)
    entries, orphans = link(entries, named)
    return tuple(entries), PlanReport(len(entries), (*findings, *double, *orphans, *_gaps(entries)))


def _entry(line: int, row: Mapping[str, str]) -> tuple[AktenplanEntry | None, list[Finding]]:
    """One row as an entry; what cannot be understood becomes a finding and the default, never silence."""
    notation, title = row["notation"], row["title"]
    findings: list[Finding] = []

    def wrong(column: str, hint: str) -> None:
        what = f"Zeile {line} ({notation or '?'}): {column} „{row.get(column, '')}“ ist nicht zu verstehen. {hint}"
        findings.append(Finding("value", notation, what))

    if not notation_key(notation) or not title:
        wrong("title" if notation else "notation", "Tragen Sie Kennzeichen und Titel ein.")
        return None, findings
    years, retention = fold(row.get("retention_years", "")), None
    if years not in _FOREVER:
        if match := re.fullmatch(r"(\d{1,3})(?: ?jahre?)?", years):
            retention = int(match.group(1))
        else:
            wrong("retention_years", "Tragen Sie eine Zahl von Jahren ein, leer bedeutet dauernd.")
    disposal = _DISPOSALS.get(fold(row.get("disposal", "")))
    if disposal is None:
        wrong("disposal", "Erlaubt sind A (archivwürdig), B (bewerten) und V (vernichten).")
    dates: dict[str, date | None] = {}
    for column in ("valid_from", "valid_to"):
        try:
            dates[column] = parse_day(row.get(column, ""))
        except ValueError:
            wrong(column, "Schreiben Sie das Datum als 2026-01-31 oder 31.01.2026.")
    return AktenplanEntry(
        row.get("id", "") or made_id(notation), notation, title, _keywords(row.get("keywords", "")),
        row.get("unit", ""), retention, disposal or "B", row.get("access_class", "") or "allgemein",
        dates.get("valid_from"), dates.get("valid_to"), row.get("description", "")), findings


def parse_day(text: str) -> date | None:
    """A day written as 2026-01-31 or 31.01.2026; None for ""; raises ValueError for anything else."""
    if not text:
        return None
    if match := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text):
        return date(int(match.group(3)), int(match.group(2)), int(match.group(1)))
    return date.fromisoformat(text[:10])


def made_id(notation: str) -> str:
    """The id of an entry whose file has no ids: from the notation's key, at most 40 characters."""
    key = notation_key(notation)
    return f"n-{key}" if len(key) <= 38 else f"n-{hashlib.sha256(key.encode()).hexdigest()[:38]}"


def _keywords(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in re.split(r"[,;|\n]", text) if word.strip()))


def _without_doubles(entries: Sequence[AktenplanEntry]) -> tuple[list[AktenplanEntry], list[Finding]]:
    """The first of each notation and id, later ones as findings; a closed entry may share a notation with its heir."""
    kept: list[AktenplanEntry] = []
    findings: list[Finding] = []
    ids: set[str] = set()
    notations: set[str] = set()
    for entry in entries:
        key = notation_key(entry.notation)
        if entry.valid_to is None and key in notations:
            findings.append(Finding(
                "duplicate", entry.notation, f"Das Kennzeichen {entry.notation} („{entry.title}“) steht mehrfach im "
                "Plan. Vergeben Sie jedes Kennzeichen nur einmal."))
        elif entry.id in ids:
            findings.append(Finding("duplicate", entry.notation, f"Die id {entry.id} steht mehrfach im Plan "
                                    f"(zuletzt bei {entry.notation}). Jede id darf nur einmal vorkommen."))
        else:
            ids.add(entry.id)
            kept.append(entry)
            if entry.valid_to is None:
                notations.add(key)
    return kept, findings


def link(
    entries: Sequence[AktenplanEntry], named: Mapping[str, str] | None = None,
) -> tuple[list[AktenplanEntry], list[Finding]]:
    """The entries with `parent` set to the id of the next entry above. `named`: parents a file names (id -> notation).

    Without a name the parent is the nearest entry whose notation is a prefix group by group (`10 44` of `10 44 01`),
    in decimal plans also digit by digit (`632` of `632.60`, `63` of `632`). A missing level is a finding.
    """
    by_key: dict[str, str] = {}
    for entry in entries:
        if entry.valid_to is None or notation_key(entry.notation) not in by_key:
            by_key[notation_key(entry.notation)] = entry.id
    decimal = _is_decimal(by_key)
    linked: list[AktenplanEntry] = []
    findings: list[Finding] = []
    for entry in entries:
        wanted = notation_key((named or {}).get(entry.id, ""))
        above = [wanted] if wanted else list(_above(notation_key(entry.notation), decimal))
        found = next((key for key in above if key in by_key and by_key[key] != entry.id), None)
        if above and found != above[0] and entry.valid_to is None:
            rest = f"er wird unter {found} eingeordnet" if found else "er steht nun ganz oben"
            findings.append(Finding(
                "orphan", entry.notation, f"Zu {entry.notation} („{entry.title}“) fehlt der übergeordnete Eintrag "
                f"{above[0]}; {rest}. Ergänzen Sie ihn im Plan."))
        linked.append(replace(entry, parent=by_key[found] if found else None))
    return linked, findings


def _is_decimal(keys: Iterable[str]) -> bool:
    """Whether digits of the first group count as levels (0, 02, 021): single digits stand above three tens or more."""
    firsts = {key.split(".")[0] for key in keys}
    digits = {first for first in firsts if len(first) == 1 and first.isdigit()}
    tens = {first[0] for first in firsts if len(first) == 2 and first.isdigit() and first[0] in digits}
    return len(tens) >= 3 and ("0" in digits or any(len(first) == 3 and first.isdigit() for first in firsts))


def _above(key: str, decimal: bool) -> Iterator[str]:
    """The notations above `key`, nearest first."""
    groups = key.split(".")
    for size in range(len(groups) - 1, 0, -1):
        yield ".".join(groups[:size])
    if decimal and groups[0].isdigit():
        for size in range(len(groups[0]) - 1, 0, -1):
            yield groups[0][:size]


def _gaps(entries: Sequence[AktenplanEntry]) -> list[Finding]:
    """Numbers left out between siblings, by the smallest step in use; hints only."""
    siblings: defaultdict[str | None, list[tuple[int, str]]] = defaultdict(list)
    for entry in entries:
        if entry.valid_to is None and (match := re.search(r"\d+$", entry.notation)):
            siblings[entry.parent].append((int(match.group()), entry.notation))
    findings = []
    for numbers in siblings.values():
        ordered = sorted(set(numbers))
        steps = [after[0] - before[0] for before, after in pairwise(ordered)]
        usual = Counter(steps).most_common(1)[0][0] if steps else 0
        for (before, after), step in zip(pairwise(ordered), steps, strict=True):
            if usual and step > usual:
                findings.append(Finding("gap", after[1], f"Zwischen {before[1]} und {after[1]} ist eine Lücke in der "
                                        "Zählung. Prüfen Sie, ob ein Eintrag fehlt."))
    return findings


def sort_keys(entries: Sequence[AktenplanEntry]) -> dict[str, str]:
    """id -> text of up to 160 characters by which the plan sorts depth first: level by level what the notation adds."""
    by_id = {entry.id: entry for entry in entries}
    keys: dict[str, str] = {}

    def key_of(entry: AktenplanEntry, depth: int = 0) -> str:
        if entry.id not in keys:
            above = by_id.get(entry.parent or "")
            own = notation_key(entry.notation)
            if above is None or depth > 20:
                keys[entry.id] = natural_key(own)
            else:
                added = own.removeprefix(notation_key(above.notation)).lstrip(".")
                keys[entry.id] = f"{key_of(above, depth + 1)}/{natural_key(added)}"
        return keys[entry.id][:160]

    return {entry.id: key_of(entry) for entry in entries}


def in_order(entries: Sequence[AktenplanEntry]) -> tuple[AktenplanEntry, ...]:
    """The entries depth first in plan order."""
    keys = sort_keys(entries)
    return tuple(sorted(entries, key=lambda entry: (keys[entry.id], entry.id)))


def tree(entries: Sequence[AktenplanEntry]) -> tuple[tuple[int, AktenplanEntry], ...]:
    """(depth from 0, entry) depth first, to print or draw the plan."""
    by_id = {entry.id: entry for entry in entries}

    def depth(entry: AktenplanEntry) -> int:
        return 1 + depth(by_id[entry.parent]) if entry.parent in by_id and entry.parent else 0

    return tuple((depth(entry), entry) for entry in in_order(entries))


def path_of(entry: AktenplanEntry, by_id: Mapping[str, AktenplanEntry]) -> tuple[AktenplanEntry, ...]:
    """The entries from the top of the plan down to `entry` itself."""
    above = by_id.get(entry.parent or "")
    return (*(path_of(above, by_id) if above else ()), entry)


def search(entries: Sequence[AktenplanEntry], words: str, limit: int = 20) -> tuple[AktenplanEntry, ...]:
    """The entries that match every word (as a part of notation, title, keywords or description), best first.

    Umlauts, case and spelling of notations do not matter. A match of the notation counts most, then title, keywords,
    description, then the titles above; ties in plan order. Without words: the first `limit` in plan order.
    """
    wanted = [fold(word) for word in words.split()]
    whole = notation_key(words)
    by_id = {entry.id: entry for entry in entries}
    scored: list[tuple[float, AktenplanEntry]] = []
    for entry in in_order(entries):
        above = " ".join(upper.title for upper in path_of(entry, by_id)[:-1])
        fields = ((fold(entry.title), 4.0), (fold(" ".join(entry.keywords)), 3.0), (fold(entry.description), 1.0),
                  (fold(above), 0.5))
        scores = [max((_match(word, text) * weight for text, weight in fields), default=0.0) for word in wanted]
        own = notation_key(entry.notation)
        number = 10.0 if whole and own == whole else 8.0 if whole and own.startswith(whole) else 0.0
        if number or all(scores):
            scored.append((number + sum(scores), entry))
    scored.sort(key=lambda pair: -pair[0])
    return tuple(entry for _, entry in scored[:limit])


def _match(word: str, text: str) -> float:
    """1 for a whole word, 0.8 for the beginning of one, 0.5 inside a compound, else 0."""
    if word not in text:
        return 0.0
    if re.search(rf"\b{re.escape(word)}\b", text):
        return 1.0
    return 0.8 if re.search(rf"\b{re.escape(word)}", text) else 0.5


def export_plan(entries: Sequence[AktenplanEntry], path: Path) -> None:
    """Writes the plan as CSV (`;`, UTF-8, columns as `COLUMNS`), so that `read_plan` gives the same entries back."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(COLUMNS)
        for entry in in_order(entries):
            writer.writerow((
                entry.id, entry.notation, entry.title, ", ".join(entry.keywords), entry.unit,
                "" if entry.retention is None else entry.retention, entry.disposal, entry.access_class,
                entry.valid_from or "", entry.valid_to or "", entry.description))
