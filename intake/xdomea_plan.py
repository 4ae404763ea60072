"""The message xdomea Aktenplan.Aktenplan.0301 (2.3 to 4.0) as rows of a plan. For files an operator imports, never for post.

Elements are found by their local names, so that all versions of the standard read alike. No entities, no network, no DTD.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from intake.errors import ConfigError
from intake.tables import MAX_BYTES, Row
from intake.xdomea import EXTENSION

MESSAGE = "Aktenplan.Aktenplan.0301"
_TRUE = {"true", "1"}
_OURS = {"Kennung": "id", "Stichworte": "keywords", "Amt": "unit", "Zugriffsklasse": "access_class"}


def read_message(path: Path) -> list[Row]:
    """(line in the file, values under the column names of a plan) for every Einheit, depth first.

    A unit without a Kennzeichen is a row without one (the report names it), what lies below it hangs on the unit above.
    A unit that is Stillgelegt ends with its Gueltigkeit, else with the day of the message. Raises ConfigError (German).
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ConfigError(f"{path} ist mit {size // 2**20} MiB zu groß für einen Aktenplan. Teilen Sie die Datei auf.")
        tree = etree.parse(path, parser)
    except OSError as error:
        raise ConfigError(f"Die Datei {path} lässt sich nicht lesen ({error.strerror or 'beschädigt'}). "
                          "Prüfen Sie Pfad und Rechte.") from error
    except etree.XMLSyntaxError as error:
        raise ConfigError(f"{path.name} ist kein gültiges XML (Zeile {error.lineno}). Lassen Sie den Aktenplan neu "
                          "ausgeben.") from error
    if tree.docinfo.doctype:
        raise ConfigError(f"{path.name} enthält eine DTD; das ist in xdomea nicht erlaubt. Lassen Sie den Aktenplan "
                          "neu ausgeben.")
    root = tree.getroot()
    plan = _child(root, "Aktenplan")
    if _local(root) != MESSAGE or plan is None:
        raise ConfigError(f"{path.name} ist keine Nachricht {MESSAGE}, sondern {_local(root)}. Wählen Sie die Datei mit dem "
                          "Aktenplan.")
    head = _child(root, "Kopf")
    made = _text(head, "Erstellungszeitpunkt")[:10] if head is not None else ""
    return list(_rows(plan, made))


def _rows(plan: etree._Element, made: str) -> Iterator[Row]:
    """The units without recursion: nothing in a file may exhaust our stack."""
    waiting = [(unit, "") for unit in reversed(_children(plan, "Einheit"))]
    while waiting:
        unit, above = waiting.pop()
        notation = _text(unit, "Kennzeichen")
        short, long = _text(unit, "BetreffKurz"), _text(unit, "Inhaltsangabe")
        ends = _text(unit, "Gueltigkeit", "Ende")
        if not ends and _text(unit, "Stillgelegt").lower() in _TRUE:
            ends = made
        yield unit.sourceline or 0, {
            "notation": notation, "title": short or long, "description": long if short and long != short else "",
            "disposal": _disposal(unit), "parent": above,
            "retention_years": _text(unit, "Aufbewahrungsdauer", "AnzahlJahre"),  # "" = Unbefristet
            "valid_from": _text(unit, "Gueltigkeit", "Beginn"), "valid_to": ends, **_ours(unit)}
        waiting += [(below, notation or above) for below in reversed(_children(unit, "Einheit"))]


def _ours(unit: etree._Element) -> dict[str, str]:
    """What a Poststelle wrote beside it: the standard has no field for ids, keywords, offices and access classes."""
    return {_OURS[name]: _text(field, "Wert") for extension in _children(unit, "AnwendungsspezifischeErweiterung")
            if _text(extension, "Kennung") == EXTENSION for field in _children(extension, "Feld")
            if (name := _text(field, "Name")) in _OURS and _text(field, "Wert")}


def _disposal(unit: etree._Element) -> str:
    """The code A, B or V, or a text that the parties agreed upon."""
    return _text(unit, "Aussonderungsart", "Aussonderungsart", "code") or _text(
        unit, "Aussonderungsart", "AussonderungsartKonfigurierbar")


def _local(element: etree._Element) -> str:
    name: str = etree.QName(element).localname
    return name


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in element if isinstance(child.tag, str) and _local(child) == name]


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next(iter(_children(element, name)), None)


def _text(element: etree._Element, *path: str) -> str:
    """The text at the end of a path of child elements in one line; "" where it is missing."""
    here: etree._Element | None = element
    for name in path:
        here = _child(here, name) if here is not None else None
    return " ".join((here.text or "").split()) if here is not None else ""
