"""Registers: a file somebody names or drops into register/ becomes what the town knows; a bad one changes nothing.

A file is read twice: first to the end, so that a broken one is refused before anything is touched, then in batches with a
transaction each (200,000 Akten must not keep the post waiting). A crash in between leaves some rows new and the file in its
place: the next look imports it again, which changes nothing that was done.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from intake.config import Home, Tenant
from intake.db.akten import gone_files, import_cases, import_files, import_register
from intake.db.core import Database, Tx, new_id, utcnow
from intake.db.knowledge import note_import, register_size
from intake.db.plan import ImportReport
from intake.db.problems import close_problems_of, open_problem, problem_of
from intake.errors import ConfigError, Reason
from intake.journal import record
from intake.keys import fold, reference_key
from intake.registers import REGISTERS, read_cases, read_register, stream_files
from intake.vocabulary import Problem

log = logging.getLogger(__name__)

ACTOR = "service:registers"
KINDS = ("files", "cases", *REGISTERS)
NAMES = {"files": "Akten", "cases": "Vorgänge", "gemarkungen": "Gemarkungen", "strassen": "Straßen", "kreditoren": "Kreditoren",
         "personen": "Personen"}
ENDINGS = frozenset((".csv", ".xlsx", ".xlsm"))
DONE, REPORT = "erledigt", ".bericht.txt"
SETTLE_SECONDS = 2.0
BATCH = 2000
MOST_GONE, FEW = 0.5, 20
"""A dropped file that would empty a register of more than 20 rows by more than half is a mistake until a person says so."""
MOST_LINES = 200
TOLD = 1000  # rows named in the journal; the report beside the file has all


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at register/ brought: files imported, files refused, files not finished yet."""

    imported: int = 0
    refused: int = 0
    unsettled: int = 0


def look(home: Home, db: Database) -> Looked:
    """Import what lies in the register folder of each tenant; what was done lies in erledigt/ with its report beside it."""
    imported = refused = unsettled = 0
    for tenant in home.settings.tenant:
        for path in waiting(home.registers(tenant)):
            if time.time() - path.stat().st_mtime < SETTLE_SECONDS:
                unsettled += 1
            elif not _refused_before(db, tenant, path):
                done = _import_dropped(db, tenant, path)
                imported, refused = imported + done, refused + (not done)
    return Looked(imported, refused, unsettled)


def waiting(folder: Path) -> list[Path]:
    """The files that wait in a register folder, by name; [] when there is none."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink() and not path.name.startswith("."))


def kind_of(name: str) -> str | None:
    """The register a file is for: its name begins with that (`akten-2026.csv`, `files.csv`); None for any other name."""
    plain = fold(Path(name).stem)
    if Path(name).suffix.lower() not in ENDINGS:
        return None
    return next((kind for kind, title in NAMES.items() if re.match(rf"(?:{kind}|{fold(title)})(?![a-z])", plain)), None)


def _import_dropped(db: Database, tenant: Tenant, path: Path) -> bool:
    kind = kind_of(path.name)
    try:
        if kind is None:
            raise ConfigError(f"„{path.name}“ ist keinem Register zuzuordnen. Nennen Sie die Datei nach dem Register, etwa "
                              "akten.csv, vorgaenge.csv, gemarkungen.csv, strassen.csv, kreditoren.xlsx oder personen.csv.")
        report, left_out = import_file(db, tenant.name, kind, path, ACTOR, careful=True)
    except ConfigError as error:
        _refuse(db, tenant, path, str(error))
        return False
    _lay_aside(path, kind, report, left_out)
    with db.transaction() as tx:
        close_problems_of(tx, tenant.name, "source", _subject(path), "imported")
    log.info("register imported", extra={"register": kind, "added": len(report.added), "changed": len(report.changed)})
    return True


def import_file(db: Database, tenant: str, kind: str, path: Path, actor: str, *,
                careful: bool = False) -> tuple[ImportReport, tuple[str, ...]]:
    """Make the rows of a CSV or XLSX file the register `kind`; the report, and a sentence on each row left out.

    Journal entry `register.imported` with the numbers (+ new, ~ changed, - gone, = unchanged). Raises ConfigError (German;
    nothing was changed) for a file that is unreadable or has no good row, with `careful` also for one that would delete more
    than half of a register. Imported Akten that a file lacks are told, never deleted.
    """
    left_out: list[str] = []
    if kind == "files":
        keys = {reference_key(row.reference) for row in stream_files(path, left_out)}
        with db.read() as conn:
            gone = gone_files(conn, tenant, keys)
        _plausible(path, len(keys), 0, 0, left_out)
        report = _files(db, tenant, path, tuple(gone))  # what is gone is only told: an Akte is never deleted
    else:
        report = _others(db, tenant, kind, path, left_out, careful)
    with db.transaction() as tx:
        note_import(tx, tenant, kind, path.name)
        rows = f"+{len(report.added)} ~{len(report.changed)} -{len(report.closed)} ={report.unchanged}"
        record(tx, tenant, actor, "register.imported", subjects={"register": kind}, new={
            "rows": rows, "added": report.added[:TOLD], "changed": report.changed[:TOLD], "gone": report.closed[:TOLD],
            "left_out": (*report.kept, *left_out)[:TOLD]})
    return report, tuple(left_out)


def _files(db: Database, tenant: str, path: Path, gone: tuple[str, ...]) -> ImportReport:
    whole = ImportReport(closed=gone)
    rows = stream_files(path, [])
    while some := list(islice(rows, BATCH)):
        with db.transaction() as tx:
            part = import_files(tx, tenant, some, complete=False)
        whole = ImportReport(whole.added + part.added, whole.changed + part.changed, gone, whole.unchanged + part.unchanged,
                             whole.kept + part.kept)
    return whole


def _others(db: Database, tenant: str, kind: str, path: Path, left_out: list[str], careful: bool) -> ImportReport:
    with db.transaction() as tx:
        size = register_size(tx.connection, tenant, kind)
        if kind == "cases":
            cases, sentences = read_cases(path)
            _plausible(path, len(cases), size, 0, sentences)
            report = import_cases(tx, tenant, cases)
        else:
            rows, sentences = read_register(path, kind)
            _plausible(path, len(rows), size, 0, sentences)
            report = import_register(tx, tenant, kind, rows)
            if careful:  # refused: the transaction is rolled back
                _plausible(path, len(rows), size, len(report.closed), sentences)
    left_out += sentences
    return report


def _plausible(path: Path, good: int, known: int, gone: int, left_out: list[str] | tuple[str, ...]) -> None:
    if not good:
        why = f" ({left_out[0]})" if left_out else ""
        raise ConfigError(f"„{path.name}“ enthält keine brauchbare Zeile{why}. Der bisherige Stand bleibt; legen Sie eine "
                          "berichtigte Datei ab.")
    if known > FEW and gone > MOST_GONE * known:
        raise ConfigError(f"In „{path.name}“ fehlen {gone} von {known} bekannten Zeilen. Der bisherige Stand bleibt. Ist das so "
                          "gewollt, geben Sie ein: poststelle registers import REGISTER DATEI")


def _lay_aside(path: Path, kind: str, report: ImportReport, left_out: tuple[str, ...]) -> None:
    done = path.parent / DONE
    done.mkdir(exist_ok=True)
    target = done / f"{utcnow().astimezone():%Y-%m-%d_%H%M%S}_{path.name}"
    target.with_name(target.name + REPORT).write_text("\n".join(report_lines(kind, path.name, report, left_out)) + "\n",
                                                      encoding="utf-8")
    path.replace(target)


def report_lines(kind: str, name: str, report: ImportReport, left_out: tuple[str, ...]) -> Iterator[str]:
    """The report on an import for people: the numbers, then what is new, changed and gone, and what was left out."""
    yield f"{NAMES[kind]} aus {name}, übernommen am {utcnow().astimezone():%d.%m.%Y um %H:%M Uhr}"
    yield report.line()
    for title, lines in (("Neu", report.added), ("Geändert", report.changed), ("Nicht mehr enthalten", report.closed),
                         ("Nicht übernommen", (*report.kept, *left_out))):
        if lines:
            yield ""
            yield f"{title} ({len(lines)}):"
            yield from (f"  {line}" for line in lines[:MOST_LINES])
            if len(lines) > MOST_LINES:
                yield f"  … und {len(lines) - MOST_LINES} weitere"


def _subject(path: Path) -> str:
    return f"register/{path.name}"


def _signature(path: Path) -> str:
    status = path.stat()
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def _refused_before(db: Database, tenant: Tenant, path: Path) -> bool:
    """Whether this very file is a Klärungsfall already; another one under its name is looked at anew."""
    with db.read() as conn:
        problem = problem_of(conn, tenant.name, "source", _subject(path))
    return problem is not None and problem.detail == _signature(path)


def _refuse(db: Database, tenant: Tenant, path: Path, sentence: str) -> None:
    with db.transaction() as tx:
        close_problems_of(tx, tenant.name, "source", _subject(path), "replaced")
        _open(tx, tenant, path, sentence)


def _open(tx: Tx, tenant: Tenant, path: Path, sentence: str) -> None:
    problem = Problem(id=new_id(), tenant=tenant.name, subject_kind="source", subject=_subject(path), step="registers",
                      reason=Reason.WRONG_TYPE, title=f"Register: {sentence}", detail=_signature(path), resolutions=("close",),
                      opened_at=tx.now)
    open_problem(tx, problem)
    record(tx, tenant.name, ACTOR, "problem.opened", subjects={"problem": problem.id}, new={"reason": Reason.WRONG_TYPE})
