"""The message of a beBPo or EGVP package (XJustiz): who sent it to whom, both Aktenzeichen, when, and its documents in order.

Names and places differ between versions (2.x wrote "eigene_Nachrichten_ID" where 3.x writes "eigeneNachrichtenID"), so there is
one table a version, and a version or namespace that is not known is read by the newest table and said so: no message fails for
its version. Sources: XJustiz 2.4.0 and 3.2.1 messages, schema 3.5.1 (xjustiz_0000_grunddatensatz).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from intake.box.inside.sidecar import local, xml_root

NAMESPACE = "http://www.xjustiz.de"
"""Of all versions from 2.0 to 3.5.1; the version stands in `xjustizVersion`."""
FILE = re.compile(r"(?:^|/)xjustiz_nachricht[^/]*\.xml$", re.IGNORECASE)
MAX_BYTES, MOST_DOCUMENTS, LONGEST = 32 << 20, 2_000, 400
_NEW = {"sender": ("absender.sonstige", "absender.gericht", "absender.rvTraeger", "absender.polizeibehoerde"),
        "recipient": ("empfaenger.sonstige", "empfaenger.gericht", "empfaenger.rvTraeger", "empfaenger.polizeibehoerde"),
        "message_id": ("eigeneNachrichtenID",)}
_OLD = {"sender": ("absender_Sonstige", "absender_Gericht", "absender_RVTraeger"),
        "recipient": ("empfaenger_Sonstige", "empfaenger_Gericht", "empfaenger_RVTraeger"),
        "message_id": ("eigene_Nachrichten_ID",)}
VERSIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {"2": _OLD, "3": _NEW}
ANNEXES = {"004": "signierte Vorversion", "006": "Transfervermerk", "010": "Prüfvermerk"}
"""Bestandteil: files of a document that are not the document itself (code list GDS.Bestandteiltyp)."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that the message names: its title for people, what part of its document it is (a code), the day of the letter."""

    file: str
    title: str
    component: str
    day: str


@dataclass(frozen=True, slots=True)
class Message:
    """What the message says; every text may be "". `files` in the order of their numbers; `remark` a German sentence or ""."""

    kind: str
    version: str
    sender: str
    recipient: str
    sender_references: tuple[str, ...]
    own_references: tuple[str, ...]
    created: datetime | None
    message_id: str
    files: tuple[Attached, ...]
    remark: str


def parse(data: bytes) -> Message:
    """The message. Raises etree.LxmlError or ValueError for what is no well-formed XML or no message at all."""
    if len(data) > MAX_BYTES:
        raise ValueError("too large")
    root = xml_root(data)
    kind = local(root)
    if not kind.startswith("nachricht."):
        raise ValueError("no XJustiz message")
    head = next((one for one in root.iterchildren(tag=etree.Element) if local(one) == "nachrichtenkopf"), root)
    version = next((str(value) for one in root.iter(tag=etree.Element) for key, value in one.attrib.items()
                    if str(etree.QName(key).localname) == "xjustizVersion"), "")[:20]
    table = VERSIONS.get(version.partition(".")[0])
    known = table is not None and etree.QName(root).namespace == NAMESPACE
    names = table or _NEW
    return Message(
        kind, version, _first(head, names["sender"]), _first(head, names["recipient"]),
        tuple(_texts(head, "aktenzeichen.absender")), tuple(_texts(head, "aktenzeichen.empfaenger")),
        _moment(_first(head, ("erstellungszeitpunkt",))), _first(head, names["message_id"]),
        tuple(_files(root)), "" if known else f"Die XJustiz-Version „{version or 'ohne Angabe'}“ ist hier nicht bekannt; gelesen "
        "wurde, was gleich heißt. Prüfen Sie Absender und Aktenzeichen.")


def _texts(within: etree._Element, name: str) -> Iterator[str]:
    for element in within.iter(tag=etree.Element):
        if local(element) == name and (text := _text(element)):
            yield text


def _text(element: etree._Element) -> str:
    return " ".join(" ".join(str(one) for one in element.itertext()).split())[:LONGEST]


def _first(within: etree._Element, names: tuple[str, ...]) -> str:
    return next((text for name in names for text in _texts(within, name)), "")


def _moment(text: str) -> datetime | None:
    """A time without a zone is the time of the office's own clock: it stays without one."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _files(root: etree._Element) -> Iterator[Attached]:
    """The files of all documents, document by document in the order of the numbers in their container (else as written)."""
    documents = [one for one in root.iter(tag=etree.Element) if local(one) == "dokument"][:MOST_DOCUMENTS]
    numbered = sorted(enumerate(documents), key=lambda pair: (*_numbers(pair[1]), pair[0]))
    for _, document in numbered:
        title = _first(document, ("anzeigename",))
        day = _first(document, ("datumDesSchreibens",))
        for file in document.iter(tag=etree.Element):
            if local(file) == "datei" and (name := _first(file, ("dateiname",))):
                component = next((_text(one) for one in file.iter(tag=etree.Element) if local(one) == "bestandteil"), "")
                yield Attached(name, title, component[-3:], day[:10] if re.fullmatch(r"\d{4}-\d{2}-\d{2}.*", day) else "")


def _numbers(document: etree._Element) -> tuple[int, ...]:
    """The numbers of the containers around a document and its own, from the outside; what has none comes last."""
    found = []
    for element in (*reversed([*document.iterancestors()]), document):
        if local(element) in {"akte", "teilakte", "dokument"}:
            number = next((_text(two) for one in element.iterchildren(tag=etree.Element) if local(one) == "identifikation"
                           for two in one.iter(tag=etree.Element) if local(two) == "nummerImUebergeordnetenContainer"), "")
            found.append(int(number) if re.fullmatch(r"\d{1,9}", number) else 10**9)
    return tuple(found)


def shown(message: Message, missing: list[str]) -> str:
    """The message as a page for people."""
    created = f"{message.created:%d.%m.%Y %H:%M}" if message.created else ""
    lines = ["Nachricht aus dem elektronischen Rechtsverkehr (XJustiz)", ""]
    lines += [f"{name}: {value}" for name, value in (
        ("Absender", message.sender), ("Aktenzeichen des Absenders", ", ".join(message.sender_references)),
        ("Empfänger", message.recipient), ("Aktenzeichen des Empfängers", ", ".join(message.own_references)),
        ("Erstellt", created), ("Nachrichten-ID", message.message_id),
        ("Art", message.kind), ("XJustiz-Version", message.version)) if value]
    lines += ["", "Dateien:"] if message.files else []
    for number, one in enumerate(message.files, start=1):
        note = ANNEXES.get(one.component, "")
        said = [f"{number}. {one.title} ({one.file})" if one.title else f"{number}. {one.file}", note,
                "fehlt in diesem Paket" if one.file in missing else ""]
        lines.append(", ".join(word for word in said if word))
    return "\n".join([*lines, *(["", message.remark] if message.remark else [])]) + "\n"
