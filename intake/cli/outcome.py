"""The table at the end: what came in, what became of each page, where each document lies or why it waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from intake import postroom
from intake.cli import common
from intake.cli.running import STATES
from intake.config import Home
from intake.db.akten import get_file
from intake.db.lists import DeliveryLine, DocumentLine, list_deliveries, list_documents, list_problems
from intake.db.plan import get_entry
from intake.db.work import counts
from intake.pipeline import Postroom
from intake.verify import verify
from intake.vocabulary import DocumentState, Problem, Viewer

LIVE = tuple(state for state in DocumentState if state is not DocumentState.SUPERSEDED)
PAGES = {"live": "in Schriftstücken", "separator": "Trennblatt", "blank": "leer"}


def show(home: Home) -> None:
    """Print the table for every tenant of `home`, and the totals."""
    room = postroom.build(home)
    try:
        for tenant in home.settings.tenant:
            with room.db.read() as conn:
                deliveries = list_deliveries(conn, Viewer(tenant.name))
                problems = {one.subject: one for one in list_problems(conn, Viewer(tenant.name))}
                rows = [row for line in deliveries for row in _rows(room, conn, tenant.name, line, problems)]
            common.table(tenant.title or tenant.name, ("Sendung", "Seiten", "Schriftstück", "Was daraus wurde"), rows,
                         empty="Es ist nichts eingegangen.")
            for problem in problems.values():
                if problem.subject_kind == "source":
                    common.say(problem.title)
        _totals(room)
    finally:
        room.db.close()


def _totals(room: Postroom) -> None:
    """Every page once, and whether everything is whole."""
    with room.db.read() as conn:
        pages = counts(conn)["pages"]
    report = verify(room.db, [tenant.name for tenant in room.home.settings.tenant], room.blobs, room.home.akten)
    common.say(f"{sum(pages.values())} Seiten: {pages['live']} in Schriftstücken, {pages['separator']} Trennblätter, "
               f"{pages['blank']} leer. " + ("Geprüft: alles ist ganz." if report.ok else
               f"{len(report.faults)} Fehler, sehen Sie nach mit: poststelle --home {room.home.root} verify"))


def _rows(room: Postroom, conn: Connection, tenant: str, line: DeliveryLine,
          problems: Mapping[str, Problem]) -> Iterator[tuple[str, str, str, str]]:
    pages = "\n".join(f"{number} {PAGES.get(state, state)}" for state, number in sorted(line.pages.items(), reverse=True))
    documents = list_documents(conn, Viewer(tenant), LIVE, delivery=line.id)
    if not documents:
        yield line.name, pages or "keine", "", _fate_of_delivery(line, problems.get(line.id))
    for number, document in enumerate(documents):
        what = f"{common.short(document.id)}  {document.title} ({document.pages} S.)"
        yield (line.name if number == 0 else "", pages if number == 0 else "", what,
               fate(room, conn, tenant, document, problems.get(document.id)))


def _fate_of_delivery(line: DeliveryLine, problem: Problem | None) -> str:
    if problem is not None:
        return f"Klärung: {problem.title}"
    said = STATES.get(line.state, line.state.value)
    return f"{said} von {common.short(line.twin_of)}" if line.twin_of else said


def fate(room: Postroom, conn: Connection, tenant: str, document: DocumentLine, problem: Problem | None) -> str:
    """Where the document lies, or why it waits: one German sentence, with the first proposal."""
    if document.filed is not None:
        return f"abgelegt in {place(conn, tenant, document)}"
    if problem is not None:
        return f"Klärung: {problem.title}"
    if document.state is not DocumentState.PROPOSED:
        return STATES.get(document.state, document.state.value)
    if document.blind:
        return f"wartet auf Prüfung\n{place(conn, tenant, document)}"
    return f"wartet auf Prüfung: {document.why}\n{place(conn, tenant, document)}"


def place(conn: Connection, tenant: str, document: DocumentLine) -> str:
    """Where the document lies; before that the best proposal, with how sure it is; says so when there is none."""
    if document.filed is not None:
        file = get_file(conn, tenant, document.filed)
        entry = get_entry(conn, tenant, file.entry) if file else None
        return f"{file.reference} „{file.title}“\n{entry.notation} {entry.title}" if file and entry else document.filed
    if document.blind:
        return "Stichprobe: bitte ohne Vorschlag entscheiden"
    if "file" in document.proposed and not _new_is_surer(document):
        value, sure = document.proposed["file"]
        file = get_file(conn, tenant, value)
        return f"Vorschlag: Akte {file.reference if file else value} ({common.weight(sure)})"
    if "entry" in document.proposed:
        value, sure = document.proposed["entry"]
        entry = get_entry(conn, tenant, value)
        what = f"{entry.notation} {entry.title} ({common.weight(sure)})" if entry else value
        return f"Vorschlag: neue Akte unter {what}" if "new_file" in document.proposed else f"Vorschlag: {what}"
    return "kein Vorschlag"


def _new_is_surer(document: DocumentLine) -> bool:
    """Whether approving would open a new Akte (propose.first_choice)."""
    return "new_file" in document.proposed and document.proposed["new_file"][1] > document.proposed["file"][1]
