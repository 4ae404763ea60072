"""The index of a scan service as XML: one entry for each element that names a file, with what its ancestors say of it.

An entry is an element that has an attribute or a plain child of one of the names that mean the file. Its values are its
attributes and the plain elements below it that belong to no other entry, then in the same way what its ancestors say, the nearer
first: an Akte around its documents says the Aktenzeichen for all of them. Names are without namespaces; an attribute is also
called "Element@attribut", a plain element "Eltern/Element".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from intake.box.inside.sidecar import local, xml_root
from intake.errors import InputError, Reason

MAX_BYTES, MAX_DEPTH, MAX_ENTRIES, MAX_FIELDS, LONGEST = 64 << 20, 30, 500_000, 120, 500
Field = tuple[str, str]
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def run(order: Mapping[str, Any], inputs: Sequence[Path], _out: Path) -> dict[str, Any]:
    """The entries in their order, each a list of [name, value]; `order["files"]`: the names that mean the file.

    Raises InputError damaged (not well-formed, declares a document type, nested too deeply), too_large, wrong_type (no entry).
    """
    if inputs[0].stat().st_size > MAX_BYTES:
        raise InputError("", reason=Reason.TOO_LARGE, detail=f"mehr als {MAX_BYTES >> 20} MiB")
    try:
        root = xml_root(inputs[0].read_bytes())
        if root.getroottree().docinfo.doctype:
            raise ValueError("document type declaration")
        entries = list(_entries(root, frozenset(order["files"])))
    except (etree.LxmlError, ValueError, RecursionError) as error:
        raise InputError("", reason=Reason.DAMAGED, detail=f"{type(error).__name__}: {str(error)[:200]}") from error
    if not entries:
        raise InputError("", reason=Reason.WRONG_TYPE, detail=f"Wurzel {local(root)[:60]}")
    return {"entries": [[list(field) for field in entry] for entry in entries]}


def _entries(root: etree._Element, files: Collection[str]) -> Iterator[list[Field]]:
    every = list(root.iter(tag=etree.Element))  # kept, so that an element stays the same object
    naming = {one for one in every if any(_folded(name) in files for name, _ in _own(one))}
    if len(naming) > MAX_ENTRIES:
        raise ValueError("too many entries")
    holding: set[etree._Element] = set()
    for one in naming:
        above = one.getparent()
        while above is not None and above not in holding:
            holding.add(above)
            above = above.getparent()
    said: dict[etree._Element, list[Field]] = {}

    def says(element: etree._Element, depth: int = 0) -> list[Field]:
        """What an element says, with all below it that names no file and holds none that does."""
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        if element not in said:
            said[element] = [*_own(element), *(field for child in element.iterchildren(tag=etree.Element)
                                               if child not in naming and child not in holding and (len(child) or child.attrib)
                                               for field in says(child, depth + 1))]
        return said[element]

    for one in every:
        if one in naming:
            yield _plain([*says(one), *(field for above in one.iterancestors() for field in says(above))])


def _own(element: etree._Element) -> Iterator[Field]:
    """Attributes and plain children of an element."""
    for key, value in element.attrib.items():
        name = str(etree.QName(key).localname)
        yield f"{local(element)}@{name}", str(value)
        yield name, str(value)
    for child in element.iterchildren(tag=etree.Element):
        text = (child.text or "").strip()
        if text and not len(child):
            yield f"{local(element)}/{local(child)}", text
            yield local(child), text


def _folded(name: str) -> str:
    """A name as `intake.tables.column_name` spells it, which lies outside the box; good for names of letters."""
    return re.sub(r"[\s-]+", "_", name.lower().translate(_UMLAUTS))


def _plain(fields: Sequence[Field]) -> list[Field]:
    """One line a value, the first of each name."""
    first: dict[str, str] = {}
    for name, value in fields:
        plain = " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())[:LONGEST]
        if plain:
            first.setdefault(name[:100], plain)
    return list(first.items())[:MAX_FIELDS]
