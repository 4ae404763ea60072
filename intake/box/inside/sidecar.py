"""Data beside a document, as scan services and portals deliver it: XML, JSON or CSV, flattened into named values.

All of it comes from strangers: no entity, no document type declaration, sizes, depth and numbers of fields are limited.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from lxml import etree

from intake.errors import InputError, Reason

MAX_BYTES, MAX_DEPTH, MAX_FIELDS, LONGEST = 2 << 20, 30, 120, 500
MAX_ROWS = 20_000
Field = tuple[str, str]
"""Name (a path: "Beleg/Absender", an attribute "Beleg@art") and value."""
_DOCTYPE = re.compile(rb"<\x00?!\x00?D\x00?O\x00?C\x00?T\x00?Y\x00?P\x00?E", re.IGNORECASE)
_NAMES = ("name", "key", "feld", "field", "id", "bezeichnung")
_VALUES = ("value", "wert")


def fields(name: str, data: bytes, document: str, *, own: bool = True) -> list[Field]:
    """What the file `name` says of the document called `document`, in its order; [] when an index says nothing of it.

    `own`: the file has the name of the document and describes nothing else; an index has to name it.

    Raises InputError damaged or too_large.
    """
    if len(data) > MAX_BYTES:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"Die Begleitdatei ist größer als {MAX_BYTES >> 20} MiB.")
    ending = name.lower().rsplit(".", 1)[-1]
    try:
        found = list(of_xml(data) if ending == "xml" else of_json(data) if ending == "json" else of_csv(data, document, own))
    except (etree.LxmlError, ValueError, RecursionError, csv.Error) as error:
        detail = f"Die Begleitdatei ist nicht lesbar ({type(error).__name__})."
        raise InputError("", reason=Reason.DAMAGED, detail=detail) from error
    plain = ((re.sub(r"[^\w./@+-]", "_", name)[:100], " ".join(value.split())[:LONGEST]) for name, value in found)
    return [one for one in dict.fromkeys(plain) if any(sign.isprintable() for sign in one[1])][:MAX_FIELDS]


def xml_root(data: bytes) -> etree._Element:
    """The root element. Raises etree.LxmlError or ValueError for what is not well-formed or declares a document type."""
    if _DOCTYPE.search(data):
        raise ValueError("document type declaration")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, dtd_validation=False,
                             remove_comments=True, remove_pis=True)
    root: etree._Element = etree.fromstring(data, parser)
    return root


def local(element: etree._Element) -> str:
    """The name of an element without its namespace."""
    return str(etree.QName(element).localname)


def of_xml(data: bytes) -> Iterator[Field]:
    """Leaves and attributes below the root; `<Feld name="Az">1</Feld>` and `<Feld name="Az" wert="1"/>` are called "Az"."""
    yield from _of_element(xml_root(data), "", 0)


def _of_element(element: etree._Element, path: str, depth: int) -> Iterator[Field]:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    attributes = {str(etree.QName(key).localname).lower(): str(value) for key, value in element.attrib.items()}
    text = (element.text or "").strip()
    called = next((attributes[one] for one in _NAMES if attributes.get(one)), "")
    value = text or next((attributes[one] for one in _VALUES if attributes.get(one)), "")
    if called and value and not len(element):
        yield called, value
        return
    if path and text and not len(element):
        yield path, text
    for key, one in attributes.items():
        yield f"{path}@{key}", one
    for child in element.iterchildren(tag=etree.Element):
        yield from _of_element(child, f"{path}/{local(child)}" if path else local(child), depth + 1)


def of_json(data: bytes) -> Iterator[Field]:
    """Every plain value, called by the names that lead to it; numbers as they are written."""
    yield from _of_value(json.loads(_text(data), parse_int=str, parse_float=str), "", 0)


def _of_value(value: Any, path: str, depth: int) -> Iterator[Field]:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _of_value(one, f"{path}/{key}" if path else str(key), depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from _of_value(one, path, depth + 1)
    elif isinstance(value, bool):
        yield path, "ja" if value else "nein"
    elif value is not None:
        yield path, str(value)


def of_csv(data: bytes, document: str, own: bool) -> Iterator[Field]:
    """The row that names the document (also without ending or folders); of its own CSV else the only row, or names and values."""
    rows = rows_of(data)
    if not rows:
        return
    row = row_of(rows, document)
    if row is None and own and len(rows) == 2:
        row = rows[1]
    if row is not None:
        yield from zip(rows[0], row, strict=False)
    elif own and all(len(one) == 2 for one in rows):
        yield from ((one[0], one[1]) for one in rows)


def rows_of(data: bytes) -> list[Sequence[str]]:
    """The rows with anything in them, the heading first; the sign between columns is the one that the heading has most of."""
    text = _text(data)
    heading = text.splitlines()[0] if text.strip() else ""
    between = max(";,\t|", key=heading.count)
    rows: list[Sequence[str]] = []
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True):
        if any(cell.strip() for cell in row):
            rows.append([cell.strip() for cell in row])
        if len(rows) > MAX_ROWS:
            raise ValueError("too many rows")
    return rows


def row_of(rows: Sequence[Sequence[str]], document: str) -> Sequence[str] | None:
    """The row below the heading of which one cell is the document's name; None when there is none or more than one."""
    base = document.replace("\\", "/").rsplit("/", 1)[-1].casefold()
    for wanted in ({base}, {base.rsplit(".", 1)[0]}):
        found = [row for row in rows[1:] if any(cell.replace("\\", "/").rsplit("/", 1)[-1].casefold() in wanted for cell in row)]
        if len(found) == 1:
            return found[0]
    return None


def _text(data: bytes) -> str:
    for code in ("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", "cp1252"):
        try:
            return data.decode(code)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
