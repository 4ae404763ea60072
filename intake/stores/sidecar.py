"""What lies beside a document in a hot folder: its data under the field names of xdomea, as XML or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from intake.vocabulary import Filing
from intake.xdomea import Paper, letter_day, text, uuid_of

FORMAT = "poststelle-uebergabe/1"


def told(filing: Filing, files: Sequence[Paper]) -> dict[str, Any]:
    """What the other system is told of a filing (without the message it is told in)."""
    values, entry = filing.values, filing.entry
    found: dict[str, Any] = {
        "Schluessel": filing.key, "Mandant": filing.tenant,
        "Dokument": _known({
            "ID": uuid_of(filing.document), "Betreff": filing.title, "Typ": values.get("kind", ""),
            "FremdesGeschaeftszeichen": values.get("our_reference", ""),
            "Posteingangsdatum": filing.received_at.astimezone().date().isoformat(),
            "DatumDesSchreibens": letter_day(filing), "Absender": values.get("sender_name", ""),
            "Seiten": str(filing.pages)}),
        "Akte": _known({"ID": uuid_of(filing.file.id), "Kennzeichen": filing.file.reference, "Betreff": filing.file.title}),
        "Aktenplaneinheit": _known({
            "Kennzeichen": entry.notation, "Inhaltsangabe": entry.title, "Zugriffsklasse": entry.access_class,
            "Aussonderungsart": entry.disposal,
            "Aufbewahrungsdauer": "unbefristet" if entry.retention is None else str(entry.retention)}),
        "Angabe": [{"Name": name, "Wert": value} for name, value in sorted(values.items())],
        "Datei": [_known({
            "Dateiname": paper.name, "DateinameOriginal": paper.blob.name, "Rolle": paper.role,
            "Medientyp": paper.blob.media_type, "Format": f"PDF/A-{paper.pdfa}" if paper.pdfa != "none" else "",
            "Groesse": str(paper.blob.size), "SHA-256": paper.blob.sha256}) for paper in files]}
    if filing.case:
        found["Vorgang"] = _known({
            "ID": uuid_of(filing.case.id), "Kennzeichen": filing.case.reference, "Betreff": filing.case.title})
    return found


def _known(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def as_json(values: Mapping[str, Any]) -> bytes:
    """The data as a JSON file."""
    return (json.dumps({"Format": FORMAT, **values}, ensure_ascii=True, indent=1) + "\n").encode()


def as_xml(values: Mapping[str, Any]) -> bytes:
    """The same as an XML file: an element a name, lists as repeated elements, no namespace."""
    root = etree.Element("Uebergabe")
    _add(root, {"Format": FORMAT, **values})
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return written


def _add(parent: etree._Element, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            made = etree.SubElement(parent, name)
            if isinstance(one, Mapping):
                _add(made, one)
            else:
                made.text = text(str(one))
