"""What lies beside the documents of an archive: data of scan services and portals, the message of a beBPo package, signatures.

Sidecars are looked for only in archives that receiving made of several files (their remark says so); an XJustiz message is
known by its name in any archive.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from intake.box.inside import sidecar, xjustiz
from intake.box.inside.archive import BROKEN, Packed
from intake.errors import InputError, Reason

BESIDE, PACKAGE = b"poststelle-beside/1", b"poststelle-package/1"
_DATA = re.compile(r"\.(xml|json|csv)$", re.IGNORECASE)
_SIGNATURE = re.compile(r"\.(p7s|pk7|pkcs7)$", re.IGNORECASE)
_PROOF = re.compile(r"(?:^|/)(vhn|pr(?:ue|ü)fprotokoll|inspection_?report|herkunftsnachweis)[^/]*\.(xml|html?|p7s)$",
                    re.IGNORECASE)
_TYPES = {"xml": "application/xml", "json": "application/json", "csv": "text/csv", "html": "text/html", "htm": "text/html"}
KEPT = "Die abgesetzte Signatur wird aufbewahrt; geprüft wird sie hier nicht."
PROOF = "Herkunftsnachweis oder Prüfprotokoll; es wird aufbewahrt."
SIDECAR = "Begleitdatei; ihre Angaben stehen bei dem Schriftstück."
NOTHING = "Die Begleitdatei sagt über keine der Dateien etwas; sie wird aufbewahrt. Prüfen Sie, ob sie hierher gehört."


@dataclass(frozen=True, slots=True)
class Told:
    """`data`: what parts without pages become, by name; `facts` of the others; `order` of names; `text` of a message."""

    data: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    text: str = ""
    envelope: dict[str, Any] = field(default_factory=dict)


def told(path: Path) -> Told:
    """What the archive at `path` tells of its files; nothing for an archive of the usual kind."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
            messages = [name for name in names if xjustiz.FILE.search(name)]
            if len(messages) == 1:
                return _of_message(messages[0], _read(archive, messages[0], xjustiz.MAX_BYTES), names)
            if archive.comment == BESIDE and names:
                return _of_sidecars(archive, names[:1], names[1:])
            if archive.comment == PACKAGE:
                data = [name for name in names if _DATA.search(name) and _describes(name, names)]
                return _of_sidecars(archive, [name for name in names if name not in data], data)
    except BROKEN:
        return Told()  # what cannot be opened is said file by file
    return Told()


def in_order(files: Iterable[Packed], told: Told) -> Iterable[Packed]:
    """The files in the order the message gives them, the rest behind; as they come where nothing gives an order."""
    if not told.order:
        return files
    ranks = {name: rank for rank, name in enumerate(told.order)}
    return sorted(files, key=lambda one: ranks.get(one.name, len(ranks)))


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as file:
        return file.read(most + 1)


# ---- sidecars --------------------------------------------------------------------------------------------------------


def _describes(name: str, names: list[str]) -> bool:
    """In a folder: data is what has the name of a document there, and every CSV and JSON file."""
    stem = name.rsplit(".", 1)[0].lower()
    return name.lower().endswith((".csv", ".json")) or any(
        other != name and not _DATA.search(other) and stem in (other.lower(), other.lower().rsplit(".", 1)[0]) for other in names)


def _of_sidecars(archive: zipfile.ZipFile, documents: list[str], others: list[str]) -> Told:
    data: dict[str, dict[str, Any]] = {}
    facts: dict[str, list[dict[str, str]]] = {}
    for name in others:
        data[name] = _kept(name, SIDECAR)
        if not _DATA.search(name):
            data[name]["detail"] = "Fertigmarke."
            continue
        try:
            content, (own, described) = _read(archive, name, sidecar.MAX_BYTES), _described_by(name, documents)
            said = {one: found for one in described if (found := sidecar.fields(name, content, one, own=own))}
        except InputError as error:
            data[name] |= {"problem": error.reason.value, "detail": error.detail}
            continue
        if not said:
            data[name]["detail"] = NOTHING
        for one, found in said.items():
            facts.setdefault(one, []).extend(_facts(name, found))
    return Told(data, {one: found[:150] for one, found in facts.items()})


def _described_by(name: str, documents: list[str]) -> tuple[bool, list[str]]:
    """Whether a document has the data's name, and which; else all of them (an index)."""
    stem = name.rsplit(".", 1)[0].lower()
    own = [one for one in documents if stem in (one.lower(), one.lower().rsplit(".", 1)[0])]
    return bool(own), own or documents


def _facts(name: str, found: list[sidecar.Field]) -> Iterator[dict[str, str]]:
    file = re.sub(r"[^\w./@+-]", "_", name)[-90:]
    for one, value in found:
        yield {"name": "sidecar", "value": value, "term": f"sidecar:{file} {one or '-'}"}


def _kept(name: str, detail: str) -> dict[str, Any]:
    ending = name.lower().rsplit(".", 1)[-1]
    media_type = "application/pkcs7-signature" if _SIGNATURE.search(name) else _TYPES.get(ending, "application/octet-stream")
    return {"media_type": media_type, "detail": detail}


# ---- beBPo and EGVP packages -----------------------------------------------------------------------------------------


def _of_message(name: str, content: bytes, names: list[str]) -> Told:
    data = {one: _kept(one, PROOF if _PROOF.search(one) else KEPT) for one in names
            if _PROOF.search(one) or _SIGNATURE.search(one)}
    try:
        message = xjustiz.parse(content)
    except (etree.LxmlError, ValueError) as error:
        broken = {"problem": Reason.DAMAGED.value, "detail": f"Die XJustiz-Nachricht ist nicht lesbar ({type(error).__name__}); "
                  "ihre Anlagen sind aufgenommen."}
        return Told(data | {name: _kept(name, "") | broken})
    folder = name.rpartition("/")[0]
    here = {one.removeprefix(f"{folder}/") if folder else one: one for one in names}
    missing = [one.file for one in message.files if one.file not in here]
    detail = f"XJustiz-Nachricht, Version {message.version or 'ohne Angabe'}. {message.remark}".strip()
    if missing:
        detail += " Es fehlen: " + ", ".join(missing[:5]) + ("" if len(missing) <= 5 else f" und {len(missing) - 5} weitere")
    data[name] = _kept(name, detail[:1500]) | ({"problem": Reason.INCOMPLETE.value} if missing else {})
    common = _of_head(message)
    facts = {one: list(common) for one in names if one not in data}
    for one in message.files:
        if here.get(one.file) in facts:
            facts[here[one.file]] += [_fact("title", one.title, "anzeigename"), _fact("created", one.day, "datumDesSchreibens")]
    return Told(data, {one: [fact for fact in found if fact["value"]] for one, found in facts.items()},
                (*(here[one.file] for one in message.files if one.file in here), name), xjustiz.shown(message, missing),
                _envelope(message))


def _of_head(message: xjustiz.Message) -> list[dict[str, str]]:
    return [fact for fact in (
        *(_fact("own_reference", one, "aktenzeichen.empfaenger") for one in message.own_references[:5]),
        *(_fact("sender_reference", one, "aktenzeichen.absender") for one in message.sender_references[:5]),
        _fact("sender", message.sender, "absender"), _fact("recipient", message.recipient, "empfaenger"),
        _fact("version", message.version, "xjustizVersion")) if fact["value"]]


def _fact(name: str, value: str, where: str) -> dict[str, str]:
    return {"name": f"xjustiz_{name}", "value": value, "term": f"xjustiz:{where}"}


def _envelope(message: xjustiz.Message) -> dict[str, Any]:
    """The message's head as an envelope; a time without a zone is not passed on, nobody knows which moment it was."""
    created = message.created if message.created is not None and message.created.tzinfo is not None else None
    return {"sender": message.sender or None, "recipient": message.recipient or None,
            "date": created.isoformat() if created else None, "message_id": message.message_id or None}
