"""Whole messages of xdomea 3.1.0: head and body, and what a package of them is called.

0605 SGOAblegen files a document in another system, 0601 DokumentAktualisieren corrects it or its place, 0617
SGOUngueltigKennzeichnen takes it back; 0401 Abgabe hands over whole Akten, 0301 a plan.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree

from intake import xdomea
from intake.errors import ServiceError
from intake.vocabulary import AktenplanEntry, Blob, Filing, Sha256
from intake.xdomea import EXTENSION_NAME, NAMESPACE, Dokument, Element, Paper, add, code

NAMES = {
    "0301": "Aktenplan.Aktenplan.0301", "0401": "Abgabe.Abgabe.0401", "0601": "FVDaten.DokumentAktualisieren.0601",
    "0605": "FVDaten.SGOAblegen.0605", "0617": "FVDaten.SGOUngueltigKennzeichnen.0617"}

_EPOCH = (1980, 1, 1, 0, 0, 0)
_LARGE = 1 << 30


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a message says: its process, when it was made, who sends it to whom."""

    process: str
    made: datetime
    sender: str
    receiver: str


def package_name(process: str, kind: str) -> str:
    """The name of the message and, with another ending, of its package: `<ProzessID>_<Nachricht>`."""
    return f"{process}_{NAMES[kind]}"


def message(kind: str, head: Head) -> tuple[Element, Element]:
    """An empty message of this kind: (its root, its Kopf without what only some kinds have)."""
    root = etree.Element(f"{{{NAMESPACE}}}{NAMES[kind]}", nsmap={"xdomea": NAMESPACE})
    top = add(root, "Kopf")
    add(top, "ProzessID", head.process)
    code(top, "Nachrichtentyp", "nachrichtentyp", kind, "2.0")
    add(top, "Erstellungszeitpunkt", head.made)
    for tag, name in (("Absender", head.sender), ("Empfaenger", head.receiver)):
        add(add(add(top, tag), "Institution"), "Name", name)
    add(add(top, "SendendesSystem"), "Produktname", EXTENSION_NAME)
    return root, top


def _of_application(kind: str, head: Head) -> Element:
    """A message of the group FVDaten that asks for an answer."""
    root, top = message(kind, head)
    add(top, "Empfangsbestaetigung", False)
    add(top, "Importbestaetigung", True)
    add(top, "Erstellerkennung", EXTENSION_NAME)
    add(top, "Stapel", False)
    return root


def as_bytes(root: Element) -> bytes:
    """The message as a file."""
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def file_document(head: Head, filing: Filing, files: Sequence[Paper]) -> bytes:
    """0605: file this document in the Akte (and the Vorgang) of its Aktenzeichen."""
    root = _of_application("0605", head)
    wanted = add(root, "SchriftgutobjektZumAblegen")
    add(wanted, "FachverfahrenObjektID", filing.key)
    xdomea.document(add(wanted, "Schriftgutobjekt"), Dokument(filing, tuple(files)))
    add(wanted, "Ablageort", place_of(filing))
    return as_bytes(root)


def correct_document(head: Head, filing: Filing, files: Sequence[Paper], reference: str) -> bytes:
    """0601: the document that the other system knows as `reference` belongs elsewhere or is described otherwise."""
    root = _of_application("0601", head)
    wanted = add(root, "DokumentZumAktualisieren")
    add(wanted, "IDDokument", reference)
    add(wanted, "Ablageort", place_of(filing))
    add(wanted, "NeueVersionErstellen", False)
    xdomea.document(wanted, Dokument(filing, tuple(files)))
    return as_bytes(root)


def withdraw_document(head: Head, identity: str) -> bytes:
    """0617: the document with this UUID is void, it was filed by mistake."""
    root = _of_application("0617", head)
    add(add(root, "SchriftgutobjektZumUngueltigKennzeichnen"), "IDSGO", identity)
    return as_bytes(root)


def place_of(filing: Filing) -> str:
    """Ablageort: the Aktenzeichen, with the Vorgang behind it where there is one."""
    return f"{filing.file.reference}/{filing.case.reference}" if filing.case else filing.file.reference


def transfer(head: Head) -> Element:
    """0401 without its objects: `add(root, "Schriftgutobjekt")` holds each, a plan may follow."""
    root, top = message("0401", head)
    add(top, "Importbestaetigung", True)
    add(top, "Empfangsbestaetigung", False)
    return root


def transfer_document(head: Head, filing: Filing, files: Sequence[Paper]) -> bytes:
    """0401 with one document in its Akte."""
    root = transfer(head)
    made, content = xdomea.akte(add(root, "Schriftgutobjekt"), filing.file, filing.entry)
    if filing.case:
        case = xdomea.case(content, filing.case, filing.file, filing.entry, number=1)
        xdomea.document(case, Dokument(filing, tuple(files)), number=1)
    else:
        xdomea.document(content, Dokument(filing, tuple(files)), number=1)
    xdomea.finish_akte(made, filing.file)
    return as_bytes(root)


def plan_message(head: Head, entries: Sequence[AktenplanEntry], title: str) -> bytes:
    """0301: the plan."""
    root, top = message("0301", head)
    add(top, "Empfangsbestaetigung", False)
    xdomea.plan(root, entries, title, head.made.astimezone().date(), {})
    return as_bytes(root)


# ---- packages --------------------------------------------------------------------------------------------------------


def package(name: str, message: bytes | Path, files: Sequence[Paper],
            read: Callable[[Sha256], BinaryIO]) -> Callable[[Any], None]:
    """What writes a package: the message called `name` (its bytes, or a file), and its files flat beside it.

    The same, the same bytes.
    What it returns raises ServiceError for a file that is missing or damaged.
    """
    def write(stream: Any) -> None:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            head = zipfile.ZipInfo(f"{name}.xml", _EPOCH)
            head.compress_type = zipfile.ZIP_DEFLATED
            with (BytesIO(message) if isinstance(message, bytes) else message.open("rb")) as said, archive.open(
                    head, "w", force_zip64=not isinstance(message, bytes)) as target:
                shutil.copyfileobj(said, target, 1 << 20)
            for paper in files:
                entry = zipfile.ZipInfo(paper.name, _EPOCH)
                with read(paper.blob.sha256) as source, archive.open(
                        entry, "w", force_zip64=paper.blob.size > _LARGE) as target:
                    copy(source, target, paper.blob)

    return write


def copy(source: BinaryIO, target: Any, blob: Blob) -> None:
    """Copy the bytes of a blob; raises ServiceError when they do not have its hash any more."""
    digest = hashlib.sha256()
    while block := source.read(1 << 20):
        digest.update(block)
        target.write(block)
    if digest.hexdigest() != blob.sha256:
        raise ServiceError(f"Die aufbewahrte Datei {blob.sha256[:12]}… ist beschädigt. Prüfen Sie den Bestand mit "
                           "„poststelle verify“ und holen Sie sie aus der Sicherung zurück.")
