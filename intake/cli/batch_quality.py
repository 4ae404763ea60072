"""batch sample, check, verdict, report, release, slips: quality assurance of a batch and its papers to sign."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Connection

from intake.backfile import quality, releasing, report, rescans
from intake.backfile.facts import facts_of
from intake.backfile.taking import profile_of
from intake.cli import common
from intake.cli.batch import NameArgument, app, named
from intake.config import Backfile, Home, Tenant
from intake.db import checks
from intake.db import rescans as rows
from intake.db.batches import Batch, item_of_delivery
from intake.db.checks import Check, Draw, Lot
from intake.db.core import Database, parse_stamp
from intake.db.differences import differences_of
from intake.db.documents import get_document
from intake.errors import Refused

__all__ = ["app"]
PdfOption = Annotated[Path, typer.Option("--pdf", help="Ziel der PDF-Datei.")]


@dataclass(frozen=True, slots=True)
class _At:
    """A batch of an opened installation."""

    home: Home
    tenant: Tenant
    db: Database
    batch: Batch


@contextmanager
def _at(home: Path | None, tenant: str | None, name: str) -> Iterator[_At]:
    place = common.open_home(home)
    town = common.the_tenant(place, tenant)
    with common.database(place) as db:
        yield _At(place, town, db, named(db, town, name))


@app.command("sample")
def sample_command(name: NameArgument, home: common.HomeOption = None, tenant: common.TenantOption = None,
                   by: common.ByOption = None) -> None:
    """Die Stichprobe für die Qualitätsprüfung ziehen und zeigen."""
    with _at(home, tenant, name) as here:
        with here.db.transaction() as tx:
            drawn = quality.draw(tx, here.batch, f"clerk:{common.clerk(by)}")
        with here.db.read() as conn:
            rows = checks.checks_of(conn, drawn.id)
    common.say(quality.plan_of(drawn).method)
    _show(rows)


@app.command("checks")
def checks_command(name: NameArgument, limit: Annotated[int, typer.Option("--limit", min=1, help="So viele höchstens.")] = 200,
                   open_only: Annotated[bool, typer.Option("--open", help="Nur was noch anzusehen ist.")] = False,
                   home: common.HomeOption = None, tenant: common.TenantOption = None) -> None:
    """Was noch anzusehen ist und was angesehen wurde."""
    with _at(home, tenant, name) as here, here.db.read() as conn:
        drawn = _open(checks.draws_of(conn, here.batch.id))
        _show(checks.checks_of(conn, drawn.id, open_only=open_only, limit=limit))
        left, faulty, _ = checks.counted(conn, drawn.id)
    common.say(f"Noch anzusehen: {left}; fehlerhaft in der Stichprobe: {faulty}, zulässig {drawn.accept}.")


def _show(rows: tuple[Check, ...]) -> None:
    common.table("", ("Schriftstück", "warum", "Befund der Maschine", "Ergebnis"), [
        (common.short(one.document), "Stichprobe" if one.sampled else "Befund", one.finding, quality.told(one))
        for one in rows], empty="Nichts anzusehen.")


def _open(draws: tuple[Draw, ...]) -> Draw:
    if not draws:
        raise Refused("Für diesen Stapel wurde noch keine Stichprobe gezogen. Geben Sie ein: poststelle batch sample NAME")
    return draws[0]


@app.command("check")
def check_command(
    name: NameArgument, number: Annotated[str, typer.Argument(help="Nummer des Schriftstücks aus der Liste, oder „alle“.")],
    verdict: Annotated[str, typer.Argument(help=", ".join(f"{word} = {title}" for word, title in quality.VERDICTS.items()))],
    defect: Annotated[str, typer.Option("--defect", help=", ".join(f"{word} = "
                                                                   f"{said}" for word, said in quality.DEFECTS.items()))] = "",
    page: Annotated[int, typer.Option("--page", min=0, help="Seite des Fehlers.")] = 0,
    note: Annotated[str, typer.Option("--note", help="Bemerkung.")] = "",
    home: common.HomeOption = None, tenant: common.TenantOption = None, by: common.ByOption = None,
) -> None:
    """Das Ergebnis des Vergleichs mit dem Papier festhalten."""
    with _at(home, tenant, name) as here:
        with here.db.read() as conn:
            rows = checks.checks_of(conn, _open(checks.draws_of(conn, here.batch.id)).id, open_only=True)
        ending = number.strip().lstrip("…").upper()
        chosen = [one for one in rows if number == "alle" or (len(ending) >= 4 and one.document.endswith(ending))]
        if not chosen or (number != "alle" and len(chosen) != 1):
            raise Refused(f"„{number}“ ist kein offenes Schriftstück dieser Prüfung. Die Liste zeigt: poststelle batch checks "
                          f"{name}")
        with here.db.transaction() as tx:
            for one in chosen:
                quality.check(tx, here.batch, one, verdict, f"clerk:{common.clerk(by)}", defect=defect, page=page, note=note)
    common.say(f"{len(chosen)} Schriftstücke geprüft: {quality.VERDICTS[verdict]}.")


@app.command("verdict")
def verdict_command(name: NameArgument, home: common.HomeOption = None, tenant: common.TenantOption = None,
                    by: common.ByOption = None) -> None:
    """Das Los annehmen oder zurückweisen, wie es der Stichprobenplan sagt."""
    with _at(home, tenant, name) as here:
        with here.db.read() as conn:
            drawn = _open(checks.draws_of(conn, here.batch.id))
        with here.db.transaction() as tx:
            said = quality.decide(tx, here.batch, drawn, f"clerk:{common.clerk(by)}")
    common.say("Das Los ist angenommen." if said == checks.ACCEPTED else
               "Das Los ist zurückgewiesen. Prüfen Sie alle Schriftstücke oder lassen Sie neu scannen, dann ziehen Sie neu.")


@app.command("report")
def report_command(name: NameArgument, pdf: PdfOption = Path("bericht.pdf"), home: common.HomeOption = None,
                   tenant: common.TenantOption = None, by: common.ByOption = None) -> None:
    """Den Bericht zum Stapel als PDF schreiben, zum Unterschreiben; die Abweichungen stehen daneben als CSV."""
    with _at(home, tenant, name) as here:
        with here.db.read() as conn:
            facts = facts_of(conn, here.tenant, here.batch, common.clerk(by))
            every = differences_of(conn, here.batch.id)
        with common.writing(pdf):
            report.report(facts, pdf, report.differences_file(every, pdf.with_suffix(".csv")))
    common.say(f"Geschrieben: {pdf} und {pdf.with_suffix('.csv').name}")


@app.command("release")
def release_command(name: NameArgument, pdf: PdfOption = Path("vernichtung.pdf"), home: common.HomeOption = None,
                    tenant: common.TenantOption = None, by: common.ByOption = None) -> None:
    """Die Liste des Papiers schreiben, das vernichtet werden darf; erst nach angenommener Prüfung und einer Sicherung."""
    with _at(home, tenant, name) as here:
        backed_up = releasing.backed_up(here.home.settings)
        with here.db.read() as conn:
            facts = facts_of(conn, here.tenant, here.batch, common.clerk(by))
            with common.writing(pdf):
                every = _told(releasing.released(conn, here.batch, backed_up))
                named, papers = report.release_files(every, pdf.with_suffix(".csv"), pdf.with_name(f"{pdf.stem}-bleibt.csv"))
        with common.writing(pdf):
            report.destruction(facts, named, backed_up, pdf, papers)
    common.say(f"{papers.documents} Schriftstücke dürfen vernichtet werden, {papers.kept.rows} nicht: {pdf}")


def _told(every: Iterator[tuple[Lot, str]]) -> Iterator[tuple[Lot, str]]:
    """The same, with the number of documents looked at shown while it lasts."""
    with Progress(TextColumn("Schriftstücke"), TextColumn("{task.completed:.0f}"), TimeElapsedColumn(), console=common.console(),
                  transient=True) as bar:
        task = bar.add_task("", total=None)
        for number, one in enumerate(every):
            if number % 1000 == 0:
                bar.update(task, completed=number)
            yield one


@app.command("slips")
def slips_command(name: NameArgument, pdf: PdfOption = Path("nachscan.pdf"), home: common.HomeOption = None,
                  tenant: common.TenantOption = None) -> None:
    """Zettel für alles drucken, was neu zu scannen ist, solange das Papier zur Hand ist."""
    with _at(home, tenant, name) as here:
        with here.db.read() as conn:
            drawn = _open(checks.draws_of(conn, here.batch.id))
            found = [_slip(conn, here.batch, one) for one in checks.checks_of(conn, drawn.id)
                     if one.verdict == "rescan" and one.faulty and not one.rescanned_at]
        if not found:
            raise Refused("Es gibt nichts neu zu scannen.")
        with common.writing(pdf):
            report.slips(found, pdf)
    common.say(f"{len(found)} Zettel: {pdf}. Legen Sie die Nachscans in {here.home.rescans(_profile(here))}")


def _profile(here: _At) -> Backfile:
    return profile_of(here.tenant, here.batch.profile)


def _slip(conn: Connection, batch: Batch, one: Check) -> report.Slip:
    """The slip of a check; of a missing page that is not named, behind the last one."""
    document = get_document(conn, one.document)
    item = item_of_delivery(conn, document.delivery)
    missing = one.defect == "missing"
    page = one.page if 0 < one.page <= len(document.pages) else len(document.pages) if missing or len(document.pages) == 1 else 0
    ref = document.pages[max(0, page - 1)]
    wish = rescans.Wish(batch.id, document.id, page, (ref.part, ref.number), "fehlt" if missing else "ersetzt")
    where = f"hinter {page}" if missing else str(page) if page else f"alle {len(document.pages)}"
    return report.Slip(batch.name, item.path if item else "", where, quality.DEFECTS.get(one.defect, ""), rescans.code(wish))


@app.command("rescans")
def rescans_command(name: NameArgument, home: common.HomeOption = None, tenant: common.TenantOption = None) -> None:
    """Was durch Nachscans ersetzt, eingefügt oder als doppelt ausgesondert wurde; die alten Seiten bleiben."""
    with _at(home, tenant, name) as here:
        with here.db.read() as conn:
            found = rows.rescans_of(conn, here.batch.id)
        common.table("", ("am", "Datei", "Schriftstück", "Seite", "was", "von"), [
            (common.day(parse_stamp(one.at)), one.path, common.short(one.document), one.page, rows.KINDS[one.kind],
             one.by.partition(":")[2]) for one in found], empty="Es gibt noch keinen Nachscan.")
        common.say(f"Nachscans gehören in den Ordner {here.home.rescans(_profile(here))}")
