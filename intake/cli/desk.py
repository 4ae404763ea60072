"""review, clarify: what a clerk can do, from the command line. The desk in the browser calls the same verbs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import Connection

from intake import postroom, review
from intake.cli import common, message, outcome
from intake.cli.common import ByOption, HomeOption, RevisionOption, TenantOption
from intake.cli.running import STATES
from intake.db.core import Tx
from intake.db.deliveries import get_delivery, parts_of
from intake.db.documents import get_document, ledger, live_decision, proposals_of
from intake.db.forecasts import PLACE
from intake.db.lists import id_by_ending, list_documents, list_problems
from intake.db.plan import get_entry
from intake.db.problems import get_problem
from intake.errors import Refused
from intake.vocabulary import Cut, DocumentState, PageState, Proposal, Viewer

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Prüfen und entscheiden.")
clarify_app = typer.Typer(no_args_is_help=True, help="Klärungsfälle: was eine Maschine nicht lösen kann.")
Ident = Annotated[str, typer.Argument(metavar="NUMMER", help="Die letzten Zeichen der Nummer genügen.")]
WAITING = (DocumentState.PROPOSED, DocumentState.CLARIFY)


class _Desk:
    """An open installation for one command of one clerk."""

    def __init__(self, home: Path | None, tenant: str | None, by: str | None = None) -> None:
        self.home = common.open_home(home)
        self.tenant = common.the_tenant(self.home, tenant).name
        self.viewer = Viewer(self.tenant)
        self.by = by

    def do(self, ident: str, revision: int | None, verb: Callable[[Tx, str, int, str], T]) -> T:
        """Call a verb of `review` on the document `ident` in one transaction, at the revision seen (default: the present)."""
        with common.database(self.home) as db, db.transaction() as tx:
            document = id_by_ending(tx.connection, self.viewer, ident, "document")
            seen = get_document(tx.connection, document).revision if revision is None else revision
            return verb(tx, document, seen, common.clerk(self.by))

    def do_delivery(self, ident: str, revision: int | None, verb: Callable[[Tx, str, int, str], T]) -> T:
        """The same for a verb on a delivery."""
        with common.database(self.home) as db, db.transaction() as tx:
            delivery = id_by_ending(tx.connection, self.viewer, ident, "delivery")
            seen = get_delivery(tx.connection, delivery).revision if revision is None else revision
            return verb(tx, delivery, seen, common.clerk(self.by))

    def document(self, conn: Connection, ident: str) -> str:
        return id_by_ending(conn, self.viewer, ident, "document")


# ---- look ------------------------------------------------------------------------------------------------------------


@app.command("ls")
def ls(home: HomeOption = None, tenant: TenantOption = None,
       everything: Annotated[bool, typer.Option("--all", help="Auch Abgelegtes und Zurückgewiesenes.")] = False,
       limit: Annotated[int, typer.Option("--limit", help="Höchstens so viele.")] = 100) -> None:
    """Die Schriftstücke, die auf einen Menschen warten."""
    desk = _Desk(home, tenant)
    with common.database(desk.home) as db, db.read() as conn:
        found = list_documents(conn, desk.viewer, outcome.LIVE if everything else WAITING, limit=limit)
        rows = [(common.short(line.id), line.received_at, STATES.get(line.state, line.state), line.revision, line.pages,
                 f"{line.title}\n{line.cut.marks[0]}" if line.cut.doubtful and line.cut.marks else line.title,
                 outcome.place(conn, desk.tenant, line))
                for line in found]
    common.table("", ("Nummer", "eingegangen", "Stand", "Rev.", "S.", "Titel", "Ort"), rows,
                 empty="Es wartet nichts auf Prüfung.")


@app.command("show")
def show(ident: Ident, home: HomeOption = None, tenant: TenantOption = None) -> None:
    """Ein Schriftstück mit allen Vorschlägen und ihren Fundstellen."""
    desk = _Desk(home, tenant)
    room = postroom.build(desk.home)
    try:
        with room.db.read() as conn:
            document = get_document(conn, desk.document(conn, ident))
            delivery = get_delivery(conn, document.delivery)
            proposals, decision = proposals_of(conn, document.id), live_decision(conn, document.id)
            line = next(one for one in list_documents(conn, desk.viewer, tuple(DocumentState), delivery=delivery.id)
                        if one.id == document.id)
            problem = next((one for one in list_problems(conn, desk.viewer) if one.subject == document.id), None)
            said = outcome.fate(room, conn, desk.tenant, line, problem)
            first = document.pages[0].part if document.pages else -1
            record = [row for part in parts_of(conn, delivery.id) if part.position == first for row in message.lines(part.facts)]
            loose = [ref for ref, owner, _ in ledger(conn, delivery.id) if owner is None]
            rows = [(one.field, _value(conn, desk.tenant, one), common.weight(one.confidence), _evidence(one))
                    for one in proposals
                    if not line.blind or one.field not in PLACE or one.evidence[0].by.startswith("clerk:")]
    finally:
        room.db.close()
    common.table(f"Schriftstück {document.id}", ("", ""), (
        ("Stand", f"{said} (Revision {document.revision})"), ("Sendung", f"{delivery.id} {delivery.original.name}"),
        ("eingegangen", delivery.received_at), ("Stapel", f"{delivery.batch}, Nr. {delivery.position}"),
        ("Seiten", ", ".join(f"{ref.part}/{ref.number}" + (f" ({ref.rotation}°)" if ref.rotation else "")
                             for ref in document.pages)),
        ("Geschnitten", cut_in_words(line.cut)),
        ("Leer- und Trennseiten der Sendung", ", ".join(f"{ref.part}/{ref.number} ({STATES[ref.state]})" for ref in loose)),
        ("Anlage zu", common.short(document.parent) if document.parent else ""), ("Zugriffsklasse", document.access_class),
        ("Verfügung", f"{decision.by}, {common.day(decision.at)}" if decision else "")))
    if record:
        common.table("Nachricht", ("", ""), record)
    common.table("Vorschläge", ("Feld", "Wert", "Gewicht", "Fundstelle"), rows, empty="Keine Vorschläge.")


def cut_in_words(cut: Cut) -> str:
    """Why the document is made of just these pages, how sure that is, what to look at and what a sheet says of it."""
    sure = f" ({common.weight(cut.probability)})" if cut.probability < 1 else ""
    said = tuple(f"Trennblatt auf Seite {one.page}: {one.value}" for one in cut.says)
    return "\n".join((f"{', '.join(cut.evidence)}{sure} ({cut.by})", *cut.marks, *said))


def _value(conn: Connection, tenant: str, proposal: Proposal) -> str:
    entry = get_entry(conn, tenant, proposal.value) if proposal.field == "entry" else None
    return f"{entry.notation} {entry.title}" if entry else proposal.value


def _evidence(proposal: Proposal) -> str:
    first = proposal.evidence[0]
    where = f"Seite {first.page}: " if first.page else ""
    return f"{where}„{first.text[:80]}“ ({first.by})"


# ---- decide ----------------------------------------------------------------------------------------------------------


@app.command("approve")
def approve(ident: Ident, entry: Annotated[str, typer.Option("--entry", help="Kennzeichen; öffnet eine neue Akte.")] = "",
            file: Annotated[str, typer.Option("--file", help="Aktenzeichen einer vorhandenen Akte.")] = "",
            title: Annotated[str, typer.Option("--title", help="Titel des Schriftstücks.")] = "",
            values: Annotated[list[str] | None, typer.Option("--set", metavar="FELD=WERT", help="Weitere Werte.")] = None,
            home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Freigeben: die Vorschläge gelten, wo hier nichts anderes steht; abgelegt wird danach von selbst."""
    said = _pairs(values or []) | {key: value for key, value in (("entry", entry), ("file", file), ("title", title)) if value}
    now = _Desk(home, tenant, by).do(ident, revision, lambda tx, id, seen, who: review.approve(tx, id, seen, who, said))
    common.say(f"Freigegeben (Revision {now}). Abgelegt wird beim nächsten: poststelle work")


def _pairs(values: list[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    for name, sign, _ in pairs:
        if not sign or not name:
            raise Refused("Weitere Werte schreibt man als FELD=WERT, etwa --set letter_date=18.11.2025.")
    return {name.strip(): value for name, _, value in pairs}


@app.command("correct")
def correct(ident: Ident, field: Annotated[str, typer.Argument(metavar="FELD")],
            value: Annotated[str, typer.Argument(metavar="WERT", help="\"\" heißt: gibt es nicht.")],
            page: Annotated[int, typer.Option("--page", help="Seite, auf der es steht.")] = 0,
            home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Sagen, was richtig ist; der Vorschlag der Maschine bleibt dahinter stehen."""
    now = _Desk(home, tenant, by).do(
        ident, revision, lambda tx, id, seen, who: review.correct(tx, id, seen, who, field, value, page))
    common.say(f"Berichtigt (Revision {now}).")


@app.command("cut")
def cut(ident: Ident, before: Annotated[list[int], typer.Argument(metavar="SEITE...", help="Vor diesen Seiten schneiden.")],
        home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """In mehrere Schriftstücke schneiden."""
    made = _Desk(home, tenant, by).do(ident, revision, lambda tx, id, seen, who: review.cut(tx, id, seen, who, before))
    common.say(f"Geschnitten in {', '.join(common.short(id) for id in made)}.")


@app.command("join")
def join(idents: Annotated[list[str], typer.Argument(metavar="NUMMER...", help="In dieser Reihenfolge.")],
         home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None) -> None:
    """Schriftstücke einer Sendung verbinden."""
    desk = _Desk(home, tenant, by)
    with common.database(desk.home) as db, db.transaction() as tx:
        found = [get_document(tx.connection, desk.document(tx.connection, ident)) for ident in idents]
        made = review.join(tx, [(one.id, one.revision) for one in found], common.clerk(by))
    common.say(f"Verbunden zu {common.short(made)}.")


@app.command("rotate")
def rotate(ident: Ident, page: Annotated[int, typer.Argument(metavar="SEITE")],
           degrees: Annotated[int, typer.Argument(metavar="GRAD", help="90, 180 oder 270 im Uhrzeigersinn.")],
           home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Eine Seite drehen."""
    now = _Desk(home, tenant, by).do(
        ident, revision, lambda tx, id, seen, who: review.rotate(tx, id, seen, who, page, degrees))
    common.say(f"Gedreht (Revision {now}).")


@app.command("reorder")
def reorder(ident: Ident, order: Annotated[list[int], typer.Argument(metavar="SEITE...", help="Alle Seiten, neu gereiht.")],
            home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Die Seiten anders reihen."""
    now = _Desk(home, tenant, by).do(ident, revision, lambda tx, id, seen, who: review.reorder(tx, id, seen, who, order))
    common.say(f"Neu gereiht (Revision {now}).")


@app.command("attach")
def attach(ident: Ident, to: Annotated[str, typer.Option("--to", help="Das Hauptschriftstück; leer = eigenständig.")] = "",
           home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Zur Anlage eines anderen machen, oder ohne --to wieder eigenständig."""
    desk = _Desk(home, tenant, by)

    def verb(tx: Tx, id: str, seen: int, who: str) -> int:
        return review.attach(tx, id, seen, who, desk.document(tx.connection, to) if to else None)

    common.say(f"{'Anlage' if to else 'Eigenständig'} (Revision {desk.do(ident, revision, verb)}).")


@app.command("set-aside")
def set_aside(ident: Ident, page: Annotated[int, typer.Argument(metavar="SEITE")],
              separator: Annotated[bool, typer.Option("--separator", help="Trennblatt statt Leerseite.")] = False,
              home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Eine Leer- oder Trennseite herausnehmen; sie bleibt ansehbar."""
    state = PageState.SEPARATOR if separator else PageState.BLANK
    now = _Desk(home, tenant, by).do(
        ident, revision, lambda tx, id, seen, who: review.set_aside(tx, id, seen, who, page, state))
    common.say(f"Herausgenommen (Revision {now}).")


@app.command("put-back")
def put_back(ident: Ident,
             page: Annotated[str, typer.Option("--page", metavar="TEIL/SEITE", help="Diese Leer- oder Trennseite.")] = "",
             home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Eine Freigabe zurückholen, bevor abgelegt ist; mit --page eine Leer- oder Trennseite wieder einfügen."""
    desk = _Desk(home, tenant, by)
    if page:
        part, number = _place(page)
        now = desk.do(ident, revision, lambda tx, id, seen, who: review.put_back_page(tx, id, seen, who, part, number))
    else:
        now = desk.do(ident, revision, review.put_back)
    common.say(f"Zurückgeholt (Revision {now}).")


@app.command("page-as-document")
def page_as_document(ident: Annotated[str, typer.Argument(metavar="SENDUNG")],
                     page: Annotated[str, typer.Argument(metavar="TEIL/SEITE")], home: HomeOption = None,
                     tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Eine Leer- oder Trennseite zu einem eigenen Schriftstück machen."""
    part, number = _place(page)
    made = _Desk(home, tenant, by).do_delivery(
        ident, revision, lambda tx, id, seen, who: review.page_as_document(tx, id, seen, who, part, number))
    common.say(f"Neues Schriftstück {common.short(made)}.")


def _place(page: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", page)
    if found is None:
        raise Refused("Eine Seite der Sendung schreibt man als TEIL/SEITE, etwa 0/3 (steht in „review show“).")
    return int(found[1]), int(found[2])


@app.command("clarify")
def clarify(ident: Ident, question: Annotated[str, typer.Argument(metavar="FRAGE", help="Was zu klären ist.")],
            home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Zurückstellen, bis etwas geklärt ist."""
    made = _Desk(home, tenant, by).do(ident, revision, lambda tx, id, seen, who: review.clarify(tx, id, seen, who, question))
    common.say(f"Klärungsfall {common.short(made)}.")


@app.command("reject")
def reject(ident: Ident, home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None,
           revision: RevisionOption = None) -> None:
    """Zurückweisen (Irrläufer, Werbung); die Seiten bleiben ansehbar."""
    common.say(f"Zurückgewiesen (Revision {_Desk(home, tenant, by).do(ident, revision, review.reject)}).")


@app.command("undo")
def undo(ident: Ident, home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None,
         revision: RevisionOption = None) -> None:
    """Die letzte Entscheidung zurücknehmen, auch eine Ablage, einen Schnitt, eine Verbindung."""
    common.say(f"Rückgängig gemacht (Revision {_Desk(home, tenant, by).do(ident, revision, review.undo)}).")


@app.command("process-anyway")
def process_anyway(ident: Annotated[str, typer.Argument(metavar="SENDUNG")], home: HomeOption = None,
                   tenant: TenantOption = None, by: ByOption = None, revision: RevisionOption = None) -> None:
    """Eine Dublette trotzdem bearbeiten."""
    now = _Desk(home, tenant, by).do_delivery(ident, revision, review.process_anyway)
    common.say(f"Wird bearbeitet (Revision {now}).")


# ---- Klärungsfälle ---------------------------------------------------------------------------------------------------


@clarify_app.command("ls")
def clarify_ls(home: HomeOption = None, tenant: TenantOption = None) -> None:
    """Die offenen Klärungsfälle mit ihren Auswegen."""
    desk = _Desk(home, tenant)
    with common.database(desk.home) as db, db.read() as conn:
        found = list_problems(conn, desk.viewer)
    common.table("", ("Nummer", "seit", "Was ist", "--how"), (
        (common.short(one.id), one.opened_at, one.title,
         "\n".join(f"{how} ({review.RESOLUTIONS.get(how, how)})" for how in one.resolutions)) for one in found),
        empty="Es ist nichts zu klären.")


@clarify_app.command("resolve")
def clarify_resolve(
    ident: Ident, how: Annotated[str, typer.Option("--how", help="Ausweg, wie ihn „clarify ls“ nennt.")],
    note: Annotated[str, typer.Option("--note", help="Was geklärt wurde.")] = "",
    home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None,
) -> None:
    """Einen Klärungsfall auf einem seiner Wege lösen."""
    desk = _Desk(home, tenant, by)
    with common.database(desk.home) as db, db.transaction() as tx:
        problem = get_problem(tx.connection, id_by_ending(tx.connection, desk.viewer, ident, "problem"))
        review.resolve(tx, problem.id, common.clerk(by), how, note)
    common.say(f"Gelöst: {review.RESOLUTIONS.get(how, how)}.")
