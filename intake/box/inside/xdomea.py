"""xdomea messages (2.3 to 4.0) and packages of others, read by local names: Akten, Vorgänge, Dokumente, plan, history, files.

A message of a kind that has no such objects is its head. Nothing is validated here: what is missing is "".
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

from lxml import etree

from intake.box.inside.xdomea_types import (
    Line,
    PackedCase,
    PackedDocument,
    PackedFile,
    PackedFolder,
    PackedUnit,
    RawMessage,
)
from intake.errors import InputError, Reason

MESSAGE = re.compile(r"(?:.*\.|.*_)(\d{4})(?:_\d+)?\.xml", re.IGNORECASE)
OURS, DATA = "urn:poststelle:xdomea:1", "Daten"
LONGEST, LONGEST_DATA, MOST_LINES = 20_000, 4 << 20, 20_000
BLOCK = 1 << 20
Element: TypeAlias = etree._Element
Files = dict[str, str | None]


def run(order: Mapping[str, Any], inputs: Sequence[Path], out: Path) -> dict[str, Any]:
    """What the message says; with `unpack` its files lie in `out`. Raises InputError when it is no xdomea message."""
    try:
        if not zipfile.is_zipfile(inputs[0]):
            return asdict(_message(etree.parse(inputs[0], _parser()), {}))
        with zipfile.ZipFile(inputs[0]) as archive:
            names = _members(archive, order)
            message = next((name for name in names if MESSAGE.fullmatch(name)), None)
            if message is None:
                raise InputError("", reason=Reason.WRONG_TYPE, detail="Im Paket fehlt die Nachricht (NAME.0401.xml).")
            files: Files = {name: _unpacked(archive, name, number, out) if order["unpack"] else None
                            for number, name in enumerate(names) if name != message}
            with archive.open(message) as stream:
                return asdict(_message(etree.parse(stream, _parser()), files))
    except (etree.LxmlError, ValueError) as error:
        raise InputError("", reason=Reason.DAMAGED, detail=f"Die Nachricht ist nicht lesbar ({type(error).__name__}).") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise InputError("", reason=Reason.DAMAGED, detail=f"Das Paket ist beschädigt ({type(error).__name__}).") from error


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True,
                           remove_pis=True)


def _members(archive: zipfile.ZipFile, order: Mapping[str, Any]) -> list[str]:
    """The files of the package by their names, flat, within the limits. Raises InputError too_large."""
    found = [one for one in archive.infolist() if not one.is_dir()]
    if len(found) > order["max_files"] or sum(one.file_size for one in found) > order["max_mib"] << 20:
        raise InputError("", reason=Reason.TOO_LARGE, detail="Das Paket ist zu groß; teilen Sie es auf.")
    return [one.filename for one in found]


def _unpacked(archive: zipfile.ZipFile, name: str, number: int, out: Path) -> str:
    """One file of the package, under a name of ours; never more than it said it has."""
    left = archive.getinfo(name).file_size
    target = out / f"f{number}"
    with archive.open(name) as source, target.open("wb") as stream:
        while block := source.read(BLOCK):
            left -= len(block)
            if left < 0:
                raise zipfile.BadZipFile("larger than it says")
            stream.write(block)
    return target.name


def _message(tree: Any, files: Files) -> RawMessage:
    if tree.docinfo.doctype:
        raise ValueError("document type declaration")
    root = tree.getroot()
    head = next((child for child in _children(root) if _local(child).lower() in ("kopf", "nachrichtenkopf")), None)
    if head is None:
        raise InputError("", reason=Reason.WRONG_TYPE, detail=f"Das ist keine xdomea-Nachricht ({_local(root)[:60]}).")
    newer = next(iter(_children(head, "identifikation.nachricht")), head)  # since 4.0
    number = _local(root).rpartition(".")[2]  # the code in the head is wrong in messages that circulate as examples
    kind = number if number.isdecimal() else _text(head, "Nachrichtentyp", "code") or _text(newer, "nachrichtentyp", "code")
    plan = next((one for one in root.iter() if isinstance(one.tag, str) and _local(one) == "Aktenplan"), None)
    folders, cases, documents = _objects(root)
    said = RawMessage(
        kind=kind, name=_local(root), version=str(etree.QName(root).namespace or "").rpartition(":")[2],
        process=_text(head, "ProzessID"), made=_text(head, "Erstellungszeitpunkt") or _text(newer, "erstellungszeitpunkt"),
        sender=_text(head, "Absender", "Institution", "Name") or _text(head, "autor", "NameInstitution", "Name"),
        units=tuple(_units(plan)) if plan is not None else (), folders=tuple(_folder(one, files) for one in folders),
        cases=tuple(_case(one, files) for one in cases), documents=tuple(_document(one, files) for one in documents))
    named = {one.text.strip() for one in root.iter() if isinstance(one.tag, str) and _local(one) == "Dateiname" and one.text}
    return RawMessage(**{**_shallow(said), "strangers": tuple(sorted(files.keys() - named))})


def _shallow(said: RawMessage) -> dict[str, Any]:
    return {name: getattr(said, name) for name in RawMessage.__slots__}


# ---- objects ---------------------------------------------------------------------------------------------------------


def _objects(root: Element) -> tuple[list[Element], list[Element], list[Element]]:
    """Akten (Teilakten too), Vorgänge outside of Akten (Teilvorgänge too), Dokumente outside of both."""
    folders: list[Element] = []
    cases: list[Element] = []
    documents: list[Element] = []
    waiting = list(reversed(_children(root)))
    while waiting:
        one = waiting.pop()
        name = _local(one)
        if name in ("Akte", "Teilakte"):
            folders.append(one)
            waiting += [child for part in _children(one, "Akteninhalt") for child in reversed(_children(part, "Teilakte"))]
        elif name in ("Vorgang", "Teilvorgang"):
            cases.append(one)
            waiting += reversed(_children(one, "Teilvorgang"))
        elif name == "Dokument":
            documents.append(one)
        elif name not in ("Kopf", "Aktenplan"):
            waiting += reversed(_children(one))
    return folders, cases, documents


def _folder(one: Element, files: Files) -> PackedFolder:
    inner = _children(one, "Akteninhalt")
    cases = [case for part in inner for case in _children(part, "Vorgang")]
    return PackedFolder(
        _identity(one), _subject(one), _sign(one), _text(one, "AllgemeineMetadaten", "Aktenplaneinheit", "Kennzeichen"),
        _text(one, "Typ"), _text(one, "Laufzeit", "Beginn"), _text(one, "ZdADatum") or _text(one, "Laufzeit", "Ende"),
        _history(one), tuple(_document(child, files) for part in inner for child in _documents_of(part)),
        tuple(_case(case, files) for whole in cases for case in (whole, *whole.iter("{*}Teilvorgang"))), _data(one))


def _case(one: Element, files: Files) -> PackedCase:
    return PackedCase(
        _identity(one), _subject(one), _sign(one), _text(one, "ZdADatum") or _text(one, "Laufzeit", "Ende"), _history(one),
        tuple(_document(child, files) for child in _documents_of(one)), _data(one))


def _documents_of(one: Element) -> list[Element]:
    """Dokumente; in 4.0 they lie in an element between."""
    found = list(_children(one, "Dokument"))
    for between in _children(one, "DokumentOderDokumentMitSchriftstueck"):
        found += _children(between, "Dokument")
    return found


def _document(one: Element, files: Files, depth: int = 0) -> PackedDocument:
    told = _told_files(one)
    primary = [item for version in _children(one, "Version") for form in _children(version, "Format")
               for item in _children(form, "Primaerdokument")]
    return PackedDocument(
        _identity(one), _subject(one), _text(one, "Typ"), _text(one, "Posteingangsdatum"), _text(one, "DatumDesSchreibens"),
        _text(one, "FremdesGeschaeftszeichen"), _text(one, "Absender", "Institution", "Name"), _history(one),
        tuple(_file(item, told, files) for item in primary),
        tuple(_document(lower, files, depth + 1) for lower in _children(one, "Anlage")) if depth < 20 else (), _data(one))


def _file(one: Element, told: Mapping[str, Mapping[str, str]], files: Files) -> PackedFile:
    name = _text(one, "Dateiname")
    said = told.get(name, {})
    digest = said.get("SHA-256", "") or _text(one, "Hash", "Wert")
    return PackedFile(name, _text(one, "DateinameOriginal"), said.get("Rolle", ""), digest, said.get("Groesse", ""),
                      said.get("Medientyp", ""), files.get(name))


def _told_files(one: Element) -> dict[str, dict[str, str]]:
    """What our extension says of each file, by its name."""
    return {_text(group, "Beschreibung"): {_text(field, "Name"): _text(field, "Wert") for field in _children(group, "Feld")}
            for extension in _ours(one) for group in _children(extension, "Feldgruppe") if _text(group, "Name") == "Datei"}


def _history(one: Element) -> tuple[Line, ...]:
    return tuple(Line(_text(line, "DatumUhrzeit"), _whole(line, "Akteur"), _whole(line, "Aktion"), _whole(line, "MetadatumName"),
                      _whole(line, "MetadatumAlterWert"), _whole(line, "MetadatumNeuerWert"), _whole(line, "Bemerkung"))
                 for line in _children(one, "HistorienProtokollInformation")[:MOST_LINES])


def _units(plan: Element) -> Iterator[PackedUnit]:
    waiting = [(unit, "") for unit in reversed(_children(plan, "Einheit"))]
    while waiting:
        unit, above = waiting.pop()
        notation = _text(unit, "Kennzeichen")
        yield PackedUnit(notation, _text(unit, "BetreffKurz") or _text(unit, "Inhaltsangabe"), above, _data(unit))
        waiting += [(lower, notation or above) for lower in reversed(_children(unit, "Einheit"))]


def _ours(one: Element) -> list[Element]:
    return [extension for extension in _children(one, "AnwendungsspezifischeErweiterung") if _text(extension, "Kennung") == OURS]


def _data(one: Element) -> str:
    """The field `Daten` of our extension, whole."""
    for extension in _ours(one):
        for field in _children(extension, "Feld"):
            if _text(field, "Name") == DATA:
                return _raw(field, "Wert")[:LONGEST_DATA]
    return ""


# ---- small help ------------------------------------------------------------------------------------------------------


def _identity(one: Element) -> str:
    return _text(one, "Identifikation", "ID") or _text(one, "Identifikation", "xdomeaUUID")


def _subject(one: Element) -> str:
    return _text(one, "AllgemeineMetadaten", "Betreff")


def _sign(one: Element) -> str:
    return _text(one, "AllgemeineMetadaten", "Kennzeichen")


def _local(element: Element) -> str:
    return str(etree.QName(element).localname)


def _children(element: Element, name: str = "") -> list[Element]:
    return [child for child in element if isinstance(child.tag, str) and (not name or _local(child) == name)]


def _text(element: Element, *path: str) -> str:
    """The text at the end of a path of children in one line; "" where it is missing."""
    return " ".join(_raw(element, *path).split())[:LONGEST]


def _whole(element: Element, *path: str) -> str:
    return _raw(element, *path)[:LONGEST]


def _raw(element: Element, *path: str) -> str:
    here: Element | None = element
    for name in path:
        here = next(iter(_children(here, name)), None) if here is not None else None
    return (here.text or "") if here is not None else ""
