"""Every scan product has its Transfervermerk: all mandatory fields, bound by hashes, honest about what is missing; printable."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.box import Box
from intake.box.results import RenditionPage
from intake.config import BoxSettings, Mailbox, ScanProfile, Tenant
from intake.transfernote import NAME, Scan, anomalies, as_bytes, faults, inside, missing, note, wanted
from intake.transferpdf import draw, page
from intake.vocabulary import Blob, Cut, Decision, Delivery, DeliveryState, Document, DocumentState, Page, PageRef, PageState

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TENANT = Tenant(name="mittelau", title="Amt Mittelau", scan_procedure="Verfahrensdokumentation Scannen, Fassung 1.2")
DOOR = ScanProfile(name="scanner", operator="Kerstin Möller (kms)", scanner="Kodak i3400, Inventar 2019-0412",
                   workplace="Zimmer 012", scan_settings={"Auflösung": "300 dpi", "Duplex": "ja"})
TIFF = Blob("b" * 64, "image/tiff", "scan.tif", 1000)
PDF = Blob(hashlib.sha256(b"pdf").hexdigest(), "application/pdf", "ablage.pdf", 3)
SCAN = Scan(
    Delivery("01M80WYMQPDZ72G537J76GX4XY", "mittelau", "k", "folder", "scanner", NOW, TIFF, DeliveryState.OPENED,
             batch="scanner/01"),
    Document("01M80WZK2JMSQD0H5H027K090V", "mittelau", "01M80WYMQPDZ72G537J76GX4XY",
             (PageRef(0, 4), PageRef(0, 5), PageRef(0, 7)), None, DocumentState.APPROVED, 3),
    Decision("01M80WZK2JMSQD0H5H027K090V", {}, "clerk:jt", NOW, 3),
    tuple(Page(number, 210.0, 297.0, quality=0.9) for number in (4, 5, 7)), {0: TIFF}, (PageRef(0, 6, PageState.BLANK),), (),
    Cut("rule:separator@1"), ("tesserocr-2.13.0/deu/300@2",), NOW, "2b")
MANDATORY = {"Scanbediener", "Scanner", "Verfahren", "Erfassungszeitpunkt", "Auffaelligkeit", "Qualitaetssicherung", "Erklaerung",
             "Auftraggeber", "Auftragnehmer", "Prozessschritt", "Stapel", "Pruefsumme"}


def test_all_that_the_guideline_asks_for() -> None:
    made = note(TENANT, DOOR, SCAN, NOW, PDF)
    assert made.keys() >= MANDATORY and made["Fehlende Pflichtangabe"] == []
    assert made["Stapel"]["Abbilder"] == "Datei 1: Abbild 4 bis 5, 7"
    assert made["Scanprodukt"]["Seiten"] == 3 == len(made["Seite"]) and made["Scanprodukt"]["Leerseiten nicht uebernommen"] == 1
    assert [step["Durchfuehrung"] for step in made["Prozessschritt"]] == [
        "Serverdienst", "Serverdienst", "Serverdienst", "Personal", "Serverdienst"]
    assert made["Qualitaetssicherung"]["durch"] == "jt"
    assert made["Auffaelligkeit"] == ["Eine leere Seite wurde nicht übernommen; sie bleibt in der Sendung einsehbar."]
    assert json.loads(as_bytes(made)) == made
    assert note(TENANT, DOOR, SCAN, NOW, PDF) == made


@pytest.mark.parametrize(("door", "tenant", "name"), [
    (DOOR.model_copy(update={"operator": ""}), TENANT, "Scanbediener"),
    (DOOR.model_copy(update={"scanner": ""}), TENANT, "Scanner"),
    (DOOR, TENANT.model_copy(update={"scan_procedure": ""}), "Verfahrensdokumentation mit Fassung")])
def test_what_is_missing_is_said_not_invented(door: ScanProfile, tenant: Tenant, name: str) -> None:
    made = note(tenant, door, SCAN, NOW, PDF)
    assert made["Fehlende Pflichtangabe"] == [name] == missing(made)
    assert name in page(made)


def test_it_is_bound_to_what_is_filed() -> None:
    made = note(TENANT, DOOR, SCAN, NOW, PDF)
    assert faults(made, PDF.sha256, [TIFF.sha256]) == []
    assert faults(made, "0" * 64, [TIFF.sha256]) and faults(made, PDF.sha256, ["0" * 64])
    assert faults(note(TENANT, DOOR, SCAN, NOW), PDF.sha256, [TIFF.sha256]), "one without the hash of its PDF binds nothing"
    other = replace(SCAN, document=replace(SCAN.document, pages=(PageRef(0, 4), PageRef(0, 5), PageRef(0, 7, rotation=90))))
    assert note(TENANT, DOOR, other, NOW, PDF)["Pruefsumme"]["Seitenliste"] != made["Pruefsumme"]["Seitenliste"]


def test_anomalies_are_told() -> None:
    pages = (Page(4, 210.0, 297.0, quality=0.3), Page(5, 210.0, 297.0, rotation=180, skew=-4.2),
             Page(7, 210.0, 297.0, script="handwriting", warnings=("damaged",)))
    refs = (PageRef(0, 4), PageRef(0, 5, rotation=90), PageRef(0, 7))
    cut = Cut("model:boundary@1", 0.6, marks=("Grenze unsicher.",), doubtful=True)
    found = anomalies(replace(SCAN, pages=pages, document=replace(SCAN.document, pages=refs), cut=cut, pdfa="none",
                              pdfa_reason="Schrift fehlt."))
    for words in ("geringe Bildgüte (0,30 von 1)", "um 4,2 Grad schräg", "um 180 Grad gedreht, aufgerichtet",
                  "von Hand um 90 Grad", "Handschrift", "gelesen mit Vorbehalt (damaged)", "leere Seite", "zweifelhaft",
                  "Grenze unsicher.", "Kein PDF/A: Schrift fehlt."):
        assert any(words in line for line in found), words
    made = note(TENANT, DOOR, replace(SCAN, pages=pages), NOW, PDF)
    assert made["Qualitaetssicherung"]["Ergebnis"] == "mit Auffälligkeiten freigegeben"
    alone = note(TENANT, DOOR, replace(SCAN, decision=replace(SCAN.decision, by="rule:budget@1")), NOW, PDF)
    assert alone["Qualitaetssicherung"]["Ergebnis"] == "nicht durch eine Person geprüft"


def test_what_is_a_scan_product() -> None:
    born = replace(SCAN, pages=tuple(replace(one, source="text-layer") for one in SCAN.pages), parts={0: PDF})
    assert wanted(DOOR, SCAN) and not wanted(DOOR, born)
    assert wanted(DOOR.model_copy(update={"transfer_note": "all"}), born)
    assert not wanted(DOOR.model_copy(update={"transfer_note": "off"}), SCAN) and not wanted(None, SCAN)
    assert not wanted(Mailbox(name="post", host="h", user="u"), SCAN), "a picture in a mail was scanned by somebody else"
    assert not wanted(DOOR, replace(SCAN, parts={0: Blob("c" * 64, "text/plain", "a.txt", 1)}))


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_printed_page_escapes_what_people_wrote(one: str, other: str) -> None:
    made = note(TENANT, DOOR.model_copy(update={"operator": f"<script>{one}", "scan_settings": {other: "<b>"}}), SCAN, NOW, PDF)
    html = page(made, [f"<i>{other}"])
    assert "<script>" not in html and "<b>" not in html and "<i>" not in html


def test_it_can_be_printed(tmp_path: Path) -> None:
    target = tmp_path / "note.pdf"
    draw(note(TENANT, DOOR, SCAN, NOW, PDF), target)
    with pikepdf.open(target) as pdf:
        assert 1 <= len(pdf.pages) <= 2 and pdf.Root.MarkInfo.Marked and str(pdf.Root.Lang) == "de"
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-layout", target, "-"], capture_output=True, text=True, check=True).stdout
        assert "Kerstin Möller (kms)" in text and PDF.sha256 in text and TIFF.sha256 in text
    draw(note(TENANT, DOOR, SCAN, NOW, PDF), target, ["Die Prüfsumme des PDF ist eine andere als im Transfervermerk."])
    assert target.stat().st_size > 5000


def test_it_lies_in_the_pdf_where_that_is_wanted(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (620, 877), 255).save(tmp_path / "scan.png", dpi=(75, 75))
    door = DOOR.model_copy(update={"transfer_note_embedded": True})
    assert inside(TENANT, DOOR, SCAN, tmp_path) == () and inside(TENANT, None, SCAN, tmp_path) == ()
    box = Box(BoxSettings(), scratch=tmp_path)
    made = box.rendition([(tmp_path / "scan.png", "image/png")], [RenditionPage(0, 1, 0, Page(1, 210.0, 297.0))], title="Brief",
                         workdir=tmp_path, attachments=inside(TENANT, door, SCAN, tmp_path))
    box.close()
    assert made.pdfa == "3b"
    with pikepdf.open(made.pdf) as pdf:
        said = json.loads(pdf.attachments[NAME].get_file().read_bytes())
    assert said["Scanbediener"] == DOOR.operator and said["Pruefsumme"]["Original"] == [TIFF.sha256]
    assert "PDF" not in said["Pruefsumme"], "it cannot hold the hash of what holds it"


def test_pages_that_were_scanned_again_are_named() -> None:
    when = datetime(2026, 11, 22, 12, tzinfo=UTC)
    pages = (PageRef(0, 1), PageRef(1, 2), PageRef(1, 4))
    again = (("replaced", 1, 2, when), ("inserted", 1, 4, when), ("replaced", 9, 9, when), ("double", 0, 0, when))
    told = anomalies(replace(SCAN, document=replace(SCAN.document, pages=pages), rescans=again))
    assert [sentence for sentence in told if "Nachscan" in sentence or "doppelt" in sentence] == [
        "Seite 2: Nachscan vom 22.11.2026, ersetzt die zuerst gescannte Seite, die einsehbar bleibt.",
        "Seite 3: Nachscan vom 22.11.2026, fehlte im ersten Scan.",
        "Eine doppelt gescannte Seite wurde ausgesondert; sie bleibt in der Sendung einsehbar."]
