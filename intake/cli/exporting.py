"""efile export | import | transfer-note: whole Akten as xdomea out and in, the Transfervermerk of a document."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from intake import exporting, importing, pipeline, transfernote, transferpdf
from intake.aktenplan import path_of
from intake.blobs import Blobs
from intake.box import Box
from intake.cli import common
from intake.cli.common import ByOption, HomeOption, TenantOption
from intake.config import Home, Tenant
from intake.db.access import see_document, see_file
from intake.db.core import Database, utcnow
from intake.db.exchange import taken_in
from intake.db.filings import filing_of_document
from intake.db.lists import id_by_ending
from intake.db.plan import all_entries, entry_by_notation, get_entry
from intake.errors import Refused
from intake.postroom import build
from intake.vocabulary import NOTE_TYPE, Viewer
from intake.xdomea_messages import package_name


def export_command(
    out: Annotated[Path, typer.Argument(metavar="ZIP", help="Paket, das geschrieben wird, oder ein Ordner dafür.")],
    file: Annotated[str, typer.Option("--file", help="Nur diese Akte (Aktenzeichen).")] = "",
    entry: Annotated[str, typer.Option("--entry", help="Nur, was unter diesem Kennzeichen liegt.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Alle Akten.")] = False,
    home: HomeOption = None, tenant: TenantOption = None,
) -> None:
    """Akten mit Schriftstücken, Prüfsummen und Protokoll als xdomea 3.1.0 (Abgabe 0401) ausgeben."""
    if sum((bool(file), bool(entry), everything)) != 1:
        raise Refused("Was soll ausgegeben werden? Nennen Sie --file, --entry oder --all.")
    opened = common.open_home(home)
    settings = common.the_tenant(opened, tenant)
    viewer = Viewer(settings.name)
    with common.database(opened) as db, common.writing(out):
        with db.read() as conn:
            wanted = see_file(conn, viewer, file).id if file else ""
            entries = _entries(db, settings, entry) if entry else None
        target = out / ".poststelle-export.zip" if out.is_dir() else out
        done = exporting.export(db, Blobs(opened.blobs(settings.name)), settings, viewer, target, file=wanted, entries=entries)
        if out.is_dir():
            target = target.rename(out / f"{package_name(done.process, '0401')}.zip")
    common.say(f"{done.files} Akten mit {done.documents} Schriftstücken und {done.blobs} Dateien, dazu {done.entries} Einträge "
               f"des Aktenplans stehen in {target}.")


def _entries(db: Database, settings: Tenant, notation: str) -> frozenset[str]:
    """Ids of the entry with this Kennzeichen and of all below it."""
    with db.read() as conn:
        found = entry_by_notation(conn, settings.name, notation, utcnow().astimezone().date()) or get_entry(
            conn, settings.name, notation)
        if found is None:
            raise Refused(f"Das Kennzeichen {notation} gibt es nicht. Suchen Sie es mit: poststelle aktenplan ls WORT")
        plan = {one.id: one for one in all_entries(conn, settings.name)}
    return frozenset(name for name, one in plan.items() if found in path_of(one, plan))


def import_command(
    path: Annotated[Path, typer.Argument(metavar="ZIP", help="Paket (xdomea, ZIP) oder einzelne Nachricht (XML).")],
    show: Annotated[bool, typer.Option("--show", help="Nur zeigen, was darin ist; geht mit jeder xdomea-Nachricht.")] = False,
    read: Annotated[bool, typer.Option("--read/--no-read", help="Danach alle Seiten lesen, für Suche und Anzeige.")] = True,
    home: HomeOption = None, tenant: TenantOption = None, by: ByOption = None,
) -> None:
    """Ein Paket, das eine Poststelle ausgegeben hat, in einen leeren Mandanten einspielen."""
    opened = common.open_home(home)
    settings = common.the_tenant(opened, tenant)
    with tempfile.TemporaryDirectory(prefix="poststelle-import-") as folder:
        box = Box(opened.settings.box, scratch=Path(folder))
        message = box.xdomea(path, Path(folder), unpack=not show)
        box.close()
        if show:
            common.table(path.name, ("", ""), importing.summary(message).items())
            return
        with common.database(opened) as db:
            done = importing.take_in(db, Blobs(opened.blobs(settings.name)), settings, message, common.clerk(by))
    common.say(f"{done.files} Akten, {done.cases} Vorgänge und {done.documents} Schriftstücke mit {done.blobs} Dateien sind "
               "eingespielt. „poststelle work“ legt sie in den Aktenordner.")
    if read:
        common.say(f"{_read_all(opened, settings)} Sendungen sind gelesen.")


def _read_all(opened: Home, settings: Tenant) -> int:
    """Read the pages of what was taken in and has not been read; how many there are. May be stopped and repeated."""
    room = build(opened)
    try:
        with room.db.read() as conn:
            waiting = taken_in(conn, settings.name)
        for delivery in waiting:
            pipeline.read_again(room, delivery)
        return len(waiting)
    finally:
        room.box.close()
        room.db.close()


def transfer_note_command(
    number: Annotated[str, typer.Argument(metavar="NUMMER", help="Ein abgelegtes Schriftstück.")],
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Als PDF zum Drucken schreiben.")] = None,
    plain: Annotated[Path | None, typer.Option("--json", help="So, wie er abgelegt ist, für Maschinen schreiben.")] = None,
    home: HomeOption = None, tenant: TenantOption = None,
) -> None:
    """Den Transfervermerk eines gescannten Schriftstücks zeigen, prüfen und ausgeben."""
    opened = common.open_home(home)
    settings = common.the_tenant(opened, tenant)
    viewer = Viewer(settings.name)
    with common.database(opened) as db, db.read() as conn:
        document = see_document(conn, viewer, id_by_ending(conn, viewer, number, "document"))
        filing = filing_of_document(conn, document.id)
    blob = next((one for one in filing.originals if one.media_type == NOTE_TYPE), None) if filing else None
    if filing is None or blob is None:
        raise Refused("Dieses Schriftstück hat keinen Transfervermerk: Es ist nicht abgelegt, oder es wurde nicht gescannt.")
    data = Blobs(opened.blobs(settings.name)).read(blob.sha256)
    made = json.loads(data)
    others = [one.sha256 for one in filing.originals if one.media_type != NOTE_TYPE]
    found = transfernote.faults(made, filing.pdf.sha256, others)
    if plain:
        with common.writing(plain):
            plain.write_bytes(data)
    if pdf:
        with common.writing(pdf):
            transferpdf.draw(made, pdf, found)
    common.table(f"Transfervermerk {made['Kennung']}", ("", ""), (
        ("Scanbediener", made["Scanbediener"]), ("Scanner", made["Scanner"]), ("erfasst", made["Erfassungszeitpunkt"]),
        ("Abbilder", made["Stapel"]["Abbilder"]), ("Auffälligkeiten", "\n".join(made["Auffaelligkeit"]) or "keine"),
        ("Qualitätssicherung", made["Qualitaetssicherung"]["Ergebnis"]),
        ("fehlende Pflichtangaben", ", ".join(made["Fehlende Pflichtangabe"]) or "keine"),
        ("Prüfsummen", "stimmen" if not found else "\n".join(found))))
    if found:
        raise Refused("Der Transfervermerk passt nicht zu dem, was abgelegt ist. Prüfen Sie den Bestand mit: poststelle verify")
