"""The Transfervermerk of a scanned document (BSI TR-03138-P 1.5, A.NB.4; structure after the proposal of DRV Bund, 2016).

What it must hold: a) who made the scan product (an organisation alone is not enough), b) the technical and organisational
surroundings, c) anomalies, d) the time of capture, e) the result of the quality check, f) that it is a scan product and
matches the paper. What the settings do not say is named as missing, never invented.

Bound by hashes: the note beside the PDF holds the SHA-256 of the PDF, of its originals and of the list of pages it was made of.
A note inside the PDF cannot hold the hash of that PDF; it holds the others, and the note beside it has them all. The note
itself is one of the filed originals, so its own hash stands in the filing and, with it, in the journal.
"""

from __future__ import annotations

import hashlib
import json
import platform
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from intake.blobs import Blobs
from intake.box.results import Attachment
from intake.config import Backfile, Inbox, ScanProfile, Tenant
from intake.db import scans
from intake.db.core import utcnow
from intake.db.cuts import cut_of
from intake.vocabulary import NOTE_TYPE, Blob, Cut, Decision, Delivery, Document, Page, PageRef, Part

FORMAT = "poststelle-transfervermerk/1"
NAME = "transfervermerk.json"
POOR = 0.5
"""A page of less quality (0..1) is an anomaly."""
SKEWED = 3.0
"""So is one that lies slanted by more degrees."""
STATEMENT = ("Dieses Dokument ist ein Scanprodukt. Es wurde nach dem genannten Verfahren aus Papier erzeugt und stimmt mit ihm "
             "bildlich und inhaltlich überein, soweit unter Auffälligkeiten nichts anderes vermerkt ist.")
SCANNED = ("image/", "application/pdf")
NAMESPACE = uuid.UUID("6f9c5a2e-7f0b-5c1d-9a53-0a4e1f0c7d31")


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything a note is made of, beside the settings."""

    delivery: Delivery
    document: Document
    decision: Decision
    pages: Sequence[Page]
    parts: Mapping[int, Blob]
    blanks: Sequence[PageRef]
    sheets: Sequence[PageRef]
    cut: Cut
    readers: Sequence[str]
    read_at: datetime | None = None
    pdfa: str = ""
    pdfa_reason: str = ""
    rescans: Sequence[tuple[str, int, int, datetime]] = ()


def gather(conn: Connection, delivery: Delivery, document: Document, decision: Decision, pages: Sequence[Page],
           parts: Mapping[int, Part]) -> Scan:
    """What is known of the scan of a document about to be filed."""
    blanks, sheets = scans.left_out(conn, document)
    originals = {parts[ref.part].blob.sha256 for ref in document.pages}
    return Scan(delivery, document, decision, pages, {position: part.blob for position, part in parts.items()}, blanks, sheets,
                cut_of(conn, document.id), *scans.readers_of(conn, document.tenant, originals),
                rescans=scans.rescanned(conn, document.id))


def keep(blobs: Blobs, tenant: Tenant, door: Inbox | None, scan: Scan, pdf: Blob) -> Blob | None:
    """The note of a scan product and its PDF, kept to be filed beside it; None for what is no scan product."""
    if not wanted(door, scan):
        return None
    assert isinstance(door, ScanProfile | Backfile)
    return blobs.add_bytes(as_bytes(note(tenant, door, scan, utcnow(), pdf)), NAME, NOTE_TYPE)


def inside(tenant: Tenant, door: Inbox | None, scan: Scan, workdir: Path) -> tuple[Attachment, ...]:
    """The note to be embedded in the PDF (a file in `workdir`), where the door says so."""
    if not isinstance(door, ScanProfile | Backfile) or not door.transfer_note_embedded or not wanted(door, scan):
        return ()
    path = workdir / NAME
    path.write_bytes(as_bytes(note(tenant, door, scan, utcnow())))
    return (Attachment(path, NAME, "application/json"),)


def wanted(door: object, scan: Scan) -> bool:
    """Whether the document is a scan product: it came by a scan profile or a batch of old files, and its pages are pictures."""
    if not isinstance(door, ScanProfile | Backfile) or door.transfer_note == "off":
        return False
    kinds = {scan.parts[ref.part].media_type for ref in scan.document.pages}
    if not all(kind.startswith(SCANNED) for kind in kinds):
        return False
    return door.transfer_note == "all" or any(page.source == "ocr" for page in scan.pages)


def note(tenant: Tenant, door: ScanProfile | Backfile, scan: Scan, now: datetime, pdf: Blob | None = None) -> dict[str, Any]:
    """The note as plain values under German names, in the order in which it is printed. `pdf` is None for one inside it."""
    delivery, document = scan.delivery, scan.document
    made: dict[str, Any] = {
        "Format": FORMAT, "Kennung": str(uuid.uuid5(NAMESPACE, f"note/{document.id}/{document.revision}")),
        "Erstellungszeitpunkt": _time(now), "Erklaerung": STATEMENT,
        "Auftraggeber": {"Bezeichnung": tenant.title or tenant.name},
        "Auftragnehmer": {"Bezeichnung": door.contractor or tenant.title or tenant.name},
        "Scanbediener": door.operator, "Scanner": door.scanner, "Scanarbeitsplatz": door.workplace, "Scanprofil": door.name,
        "Scaneinstellungen": dict(door.scan_settings),
        "Verfahren": {"Verfahrensdokumentation": tenant.scan_procedure, "Schutzbedarf Integritaet": door.protection},
        "Stapel": {"Sendung": delivery.id, "Stapel": delivery.batch, "Nummer im Stapel": delivery.position,
                   "Abbilder": _ranges(document.pages)},
        "Erfassungszeitpunkt": _time(delivery.received_at),
        "Scanprodukt": {
            "Schriftstueck": document.id, "Seiten": len(document.pages), "Leerseiten nicht uebernommen": len(scan.blanks),
            "Trennblaetter nicht uebernommen": len(scan.sheets), "Format": f"PDF/A-{scan.pdfa}" if scan.pdfa not in ("", "none")
            else "PDF"},
        "Seite": [_page(number, ref, page) for number, (ref, page) in enumerate(zip(document.pages, scan.pages, strict=True), 1)],
        "Prozessschritt": _steps(scan, now), "Auffaelligkeit": anomalies(scan), "Qualitaetssicherung": _quality(scan),
        "Pruefsumme": _hashes(scan, pdf)}
    made["Fehlende Pflichtangabe"] = missing(made)
    return made


def _time(moment: datetime) -> str:
    return moment.astimezone().isoformat(timespec="seconds")


def _ranges(refs: Sequence[PageRef]) -> str:
    """Which pictures of the scan it was made of: "Datei 1: Abbild 4 bis 7, 9"."""
    texts = []
    for part in sorted({ref.part for ref in refs}):
        numbers = sorted(ref.number for ref in refs if ref.part == part)
        runs: list[list[int]] = []
        for number in numbers:
            if runs and number == runs[-1][-1] + 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        said = ", ".join(f"{run[0]} bis {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
        texts.append(f"Datei {part + 1}: Abbild {said}")
    return "; ".join(texts)


def _page(number: int, ref: PageRef, page: Page) -> dict[str, Any]:
    return {"Seite": number, "Datei": ref.part + 1, "Abbild": ref.number, "gedreht (Grad)": (page.rotation + ref.rotation) % 360,
            "Groesse (mm)": f"{page.width_mm:.0f} x {page.height_mm:.0f}", "Bildguete": round(page.quality, 2),
            "Schraeglage (Grad)": round(page.skew, 1)}


def _steps(scan: Scan, now: datetime) -> list[dict[str, Any]]:
    """What happened to the pictures, in order: who or what did it, when, with which system."""
    ours = f"Poststelle {_version('poststelle')}, Python {platform.python_version()}"
    person = scan.decision.by.startswith("clerk:")
    turned = [number for number, ref in enumerate(scan.document.pages, 1) if ref.rotation]
    steps: list[tuple[str, datetime | None, str, str, dict[str, Any]]] = [
        ("Eingang des Scans", scan.delivery.received_at, "Serverdienst", ours, {"Eingangsweg": scan.delivery.source}),
        ("Texterkennung und Bildprüfung", scan.read_at, "Serverdienst", ", ".join(scan.readers) or ours,
         {"Leerseiten erkannt": len(scan.blanks), "Trennblätter erkannt": len(scan.sheets)}),
        ("Trennung in Schriftstücke", None, "Personal" if scan.cut.by.startswith("clerk:") else "Serverdienst", scan.cut.by,
         {"Wahrscheinlichkeit": round(scan.cut.probability, 2)}),
        *([("Drehen von Seiten", None, "Personal", ours, {"Seiten": ", ".join(map(str, turned))})] if turned else []),
        ("Freigabe", scan.decision.at, "Personal" if person else "Serverdienst", ours,
         {"durch": scan.decision.by.removeprefix("clerk:")}),
        ("Erzeugen des Scanprodukts", now, "Serverdienst", ours, {
            "Verfahren": "Bilder unverändert, Textebene unsichtbar, keine verlustbehaftete JBIG2-Symbolkodierung",
            **({"kein PDF/A": scan.pdfa_reason} if scan.pdfa_reason else {})}),
    ]
    return [{"Bezeichnung": name, "Zeitpunkt": _time(at) if at else "", "Durchfuehrung": how, "System": system, **values}
            for name, at, how, system, values in steps]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unbekannt"


def anomalies(scan: Scan) -> list[str]:
    """What whoever relies on the picture should know, as German sentences; [] for none."""
    found = []
    for number, (ref, page) in enumerate(zip(scan.document.pages, scan.pages, strict=True), start=1):
        if page.quality < POOR:
            found.append(f"Seite {number}: geringe Bildgüte ({f'{page.quality:.2f}'.replace('.', ',')} von 1).")
        if abs(page.skew) > SKEWED:
            found.append(f"Seite {number}: um {f'{abs(page.skew):.1f}'.replace('.', ',')} Grad schräg eingezogen.")
        if page.rotation:
            found.append(f"Seite {number}: liegt im Scan um {page.rotation} Grad gedreht, aufgerichtet.")
        if ref.rotation:
            found.append(f"Seite {number}: von Hand um {ref.rotation} Grad gedreht.")
        if page.script == "handwriting":
            found.append(f"Seite {number}: Handschrift, die Textebene ist unzuverlässig.")
        found += [f"Seite {number}: gelesen mit Vorbehalt ({warning})." for warning in page.warnings]
    found += _of_rescans(scan)
    if scan.blanks:
        found.append("Eine leere Seite wurde nicht übernommen; sie bleibt in der Sendung einsehbar." if len(scan.blanks) == 1 else
                     f"{len(scan.blanks)} leere Seiten wurden nicht übernommen; sie bleiben in der Sendung einsehbar.")
    if scan.cut.doubtful:
        found.append("Beginn oder Ende des Schriftstücks waren zweifelhaft.")
    found += list(scan.cut.marks)
    if scan.pdfa == "none":
        found.append(f"Kein PDF/A: {scan.pdfa_reason}")
    return found


def _of_rescans(scan: Scan) -> list[str]:
    """Which pages came later than the rest, and what was set aside as a double."""
    places = {(ref.part, ref.number): number for number, ref in enumerate(scan.document.pages, start=1)}
    words = {"replaced": "ersetzt die zuerst gescannte Seite, die einsehbar bleibt", "inserted": "fehlte im ersten Scan"}
    found = [f"Seite {places[part, page]}: Nachscan vom {at.astimezone():%d.%m.%Y}, {words[kind]}."
             for kind, part, page, at in scan.rescans if (part, page) in places and kind in words]
    doubles = sum(kind == "double" for kind, *_ in scan.rescans)
    if doubles:
        found.append("Eine doppelt gescannte Seite wurde ausgesondert; sie bleibt in der Sendung einsehbar." if doubles == 1 else
                     f"{doubles} doppelt gescannte Seiten wurden ausgesondert; sie bleiben in der Sendung einsehbar.")
    return found


def _quality(scan: Scan) -> dict[str, str]:
    """Who looked at it, and what came of it. A filing without a person was not looked at."""
    if not scan.decision.by.startswith("clerk:"):
        return {"Art": "automatische Prüfung (Bildgüte, Leerseiten, Vollzähligkeit der Seiten)", "durch": scan.decision.by,
                "am": _time(scan.decision.at), "Ergebnis": "nicht durch eine Person geprüft"}
    marked = bool(anomalies(scan))
    return {"Art": "Sichtprüfung bei der Freigabe am Bildschirm, dazu automatische Prüfung der Vollzähligkeit",
            "durch": scan.decision.by.removeprefix("clerk:"), "am": _time(scan.decision.at),
            "Ergebnis": "mit Auffälligkeiten freigegeben" if marked else "ohne Beanstandung freigegeben"}


def _hashes(scan: Scan, pdf: Blob | None) -> dict[str, Any]:
    pages = [[scan.parts[ref.part].sha256, ref.number, ref.rotation] for ref in scan.document.pages]
    told = {"Verfahren": "SHA-256",
            "Original": [scan.parts[part].sha256 for part in sorted({ref.part for ref in scan.document.pages})],
            "Seitenliste": hashlib.sha256(json.dumps(pages).encode()).hexdigest()}
    return told | ({"PDF": pdf.sha256} if pdf else {})


def missing(made: Mapping[str, Any]) -> list[str]:
    """The mandatory fields that the settings leave open, as German names; [] when the note is complete."""
    asked = {"Scanbediener": made["Scanbediener"], "Scanner": made["Scanner"],
             "Verfahrensdokumentation mit Fassung": made["Verfahren"]["Verfahrensdokumentation"],
             "Erfassungszeitpunkt": made["Erfassungszeitpunkt"], "Ergebnis der Qualitätssicherung":
             made["Qualitaetssicherung"]["Ergebnis"], "Erklärung": made["Erklaerung"]}
    return [name for name, value in asked.items() if not value]


def as_bytes(made: Mapping[str, Any]) -> bytes:
    """The note as a file."""
    return (json.dumps(made, ensure_ascii=False, indent=1) + "\n").encode()


def faults(made: Mapping[str, Any], pdf: str, originals: Sequence[str]) -> list[str]:
    """What does not fit between a note and what is filed (hashes), as German sentences; [] when it is bound to it."""
    told = made.get("Pruefsumme", {})
    found = []
    if told.get("PDF") != pdf:
        found.append("Die Prüfsumme des PDF ist eine andere als im Transfervermerk.")
    if not set(told.get("Original", ())) & set(originals) and originals:
        found.append("Die Originale sind andere als im Transfervermerk.")
    return found
