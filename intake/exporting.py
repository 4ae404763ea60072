"""Akten as an xdomea package (0401 Abgabe): plan, Akten, Vorgänge, documents with their files and hashes, and their Protokoll.

Written Akte by Akte, so that a large store needs no more memory than its largest Akte. The package appears under its name when
all of it is on disk.
"""

from __future__ import annotations

import json
import os
import tempfile
import uuid
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from lxml import etree
from pydantic import TypeAdapter
from sqlalchemy import Connection

from intake import journal, xdomea
from intake.blobs import Blobs
from intake.config import Tenant
from intake.db.akten import cases_of
from intake.db.core import Database, utcnow
from intake.db.exchange import DocumentRow, documents_for, extensions, files_for, history_of
from intake.db.plan import all_entries
from intake.errors import Refused
from intake.vocabulary import NOTE_TYPE, AktenplanEntry, Case, File, Filing, Viewer
from intake.xdomea import Dokument, History, Paper
from intake.xdomea_messages import Head, message, package, package_name

ROWS = TypeAdapter(DocumentRow)
LARGEST_VALUE = 15_000
"""A longer old or new value is told by its fingerprint in the Protokoll alone."""


@dataclass(frozen=True, slots=True)
class Exported:
    """How much is in the package; `process` is its ProzessID."""

    process: str
    entries: int
    files: int
    documents: int
    blobs: int


def export(db: Database, blobs: Blobs, tenant: Tenant, viewer: Viewer, out: Path, *, file: str = "",
           entries: Collection[str] | None = None) -> Exported:
    """Write the package `out`: everything the viewer sees, one Akte (`file`, its id), or what lies under `entries` (ids).

    The whole plan is in it. Raises Refused when there is nothing, OSError where `out` cannot be written, ServiceError for a
    file that is missing or damaged (then there is no package).
    """
    process = str(uuid.uuid4())
    name = package_name(process, "0401")
    papers: list[Paper] = []
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".poststelle-") as folder:
        said = Path(folder) / "message.xml"
        with db.read() as conn:
            head = Head(process, utcnow(), tenant.title or tenant.name, tenant.title or tenant.name)
            counted = _write(conn, tenant, viewer, head, said, papers, file, entries)
        whole = Path(folder) / "package.zip"
        with whole.open("wb") as stream:
            package(name, said, papers, blobs.open)(stream)
            stream.flush()
            os.fsync(stream.fileno())
        whole.rename(out)
    return Exported(process, *counted, len(papers))


def _write(conn: Connection, tenant: Tenant, viewer: Viewer, head: Head, out: Path, papers: list[Paper], file: str,
           entries: Collection[str] | None) -> tuple[int, int, int]:
    """The message in the file `out`, its files added to `papers`; how many entries, Akten and documents there are."""
    plan = {entry.id: entry for entry in all_entries(conn, tenant.name)}
    root, top = message("0401", head)
    xdomea.add(top, "Importbestaetigung", True)
    xdomea.add(top, "Empfangsbestaetigung", False)
    files = documents = 0
    with etree.xmlfile(str(out), encoding="UTF-8") as written:
        written.write_declaration()
        with written.element(root.tag, nsmap={"xdomea": xdomea.NAMESPACE}):
            written.write(top, pretty_print=True)
            for akte, opened_on in files_for(conn, viewer, file=file, entries=entries):
                holder = xdomea.add(root, "Schriftgutobjekt")
                documents += _akte(conn, viewer, holder, akte, plan[akte.entry], opened_on, papers)
                written.write(holder, pretty_print=True)
                root.remove(holder)
                files += 1
            if not files:
                raise Refused("Es gibt nichts auszugeben. Prüfen Sie Aktenzeichen oder Kennzeichen.")
            own = extensions(conn, tenant.name)
            written.write(xdomea.plan(root, list(plan.values()), f"Aktenplan {tenant.title or tenant.name}",
                                      head.made.astimezone().date(), {name: _entry_data(entry, name in own)
                                                                      for name, entry in plan.items()}), pretty_print=True)
    return len(plan), files, documents


def _entry_data(entry: AktenplanEntry, extension: bool) -> dict[str, Any]:
    return {**_plain(asdict(entry)), "extension": extension}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Days as ISO, everything else as JSON has it."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in values.items()}


def _akte(conn: Connection, viewer: Viewer, holder: xdomea.Element, file: File, entry: AktenplanEntry, opened_on: date | None,
          papers: list[Paper]) -> int:
    """One Akte with all that lies in it; how many documents."""
    made, content = xdomea.akte(holder, file, entry, opened_on=opened_on, history=_history(conn, viewer, file.id))
    found = _documents(conn, viewer, file, papers)
    loose = [one for one in found if one.filing.case is None]
    for number, one in enumerate(loose, start=1):
        xdomea.document(content, one, number=number)
    for place, case in enumerate(cases_of(conn, viewer.tenant, file.id), start=len(loose) + 1):
        _case(conn, viewer, content, case, file, entry, [one for one in found if one.filing.case == case], place)
    xdomea.finish_akte(made, file, _plain({**asdict(file), "opened_on": opened_on}))
    return sum(1 + len(one.attached) for one in found)


def _case(conn: Connection, viewer: Viewer, content: xdomea.Element, case: Case, file: File, entry: AktenplanEntry,
          own: list[Dokument], place: int) -> None:
    made = xdomea.case(content, case, file, entry, number=place, history=_history(conn, viewer, case.id))
    for number, one in enumerate(own, start=1):
        xdomea.document(made, one, number=number)
    xdomea.finish_case(made, _plain(asdict(case)))


def _documents(conn: Connection, viewer: Viewer, file: File, papers: list[Paper]) -> list[Dokument]:
    """The documents of an Akte; an Anlage hangs on its main document where both lie in the same place."""
    rows = documents_for(conn, viewer, file.id)
    where = {row.id: filing.case for filing, row in rows}
    lower: dict[str, list[Dokument]] = {}
    mains: list[tuple[Filing, DocumentRow]] = []
    for filing, row in rows:
        if row.parent is not None and row.parent in where and where[row.parent] == filing.case:
            lower.setdefault(row.parent, []).append(_dokument(conn, viewer, filing, row, papers, ()))
        else:
            mains.append((filing, row))
    return [_dokument(conn, viewer, filing, row, papers, tuple(lower.get(row.id, ()))) for filing, row in mains]


def _dokument(conn: Connection, viewer: Viewer, filing: Filing, row: DocumentRow, papers: list[Paper],
              attached: tuple[Dokument, ...]) -> Dokument:
    files = xdomea.papers(filing, NOTE_TYPE)
    papers += files
    data = ROWS.dump_python(row, mode="json") | {"case": filing.case.id if filing.case else ""}
    return Dokument(filing, files, tuple(_history(conn, viewer, row.id)), data, attached)


def _history(conn: Connection, viewer: Viewer, subject: str) -> Iterator[History]:
    """The Protokoll of an object: what it brought along, then what happened here. Who may not see everything sees no values:
    they may speak of what he may not see."""
    yield from history_of(conn, viewer.tenant, subject)
    told = list(journal.entries(conn, viewer.tenant, subject))
    values = journal.values(conn, viewer.tenant, [one.seq for one in told]) if viewer.classes is None else {}
    for one in told:
        said = values.get(one.seq)
        yield History(one.at, one.actor, one.action, _name(said), _said(said.old if said else None),
                      _said(said.new if said else None), f"Protokoll {one.seq}, SHA-256 {one.hash}")


def _name(said: journal.Values | None) -> str:
    """The fields that changed."""
    return ", ".join(sorted({**(said.old or {}), **(said.new or {})})) if said else ""


def _said(values: Any) -> str:
    text = json.dumps(values, ensure_ascii=False, sort_keys=True) if values is not None else ""
    return text if len(text) <= LARGEST_VALUE else ""


