"""The shape of what is read of an xdomea message: shared by the job and by whoever asks for it. `data` is JSON of ours.

Only the fields that this house has a use for; dates are as written (ISO, "" = none), identifiers as written.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One HistorienProtokollInformation."""

    at: str
    actor: str
    action: str
    name: str = ""
    old: str = ""
    new: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A primary document: its name in the package, the sender's name of it, what our extension says of it.

    `file` names it in the box's output; None when the package has no such file, or nothing was to be unpacked.
    """

    name: str
    original: str = ""
    role: str = ""
    sha256: str = ""
    size: str = ""
    media_type: str = ""
    file: str | None = None


@dataclass(frozen=True, slots=True)
class PackedDocument:
    """Dokument, with its Anlagen."""

    id: str
    title: str = ""
    kind: str = ""
    received: str = ""
    letter_date: str = ""
    our_reference: str = ""
    sender: str = ""
    history: tuple[Line, ...] = ()
    files: tuple[PackedFile, ...] = ()
    attached: tuple[PackedDocument, ...] = ()
    data: str = ""


@dataclass(frozen=True, slots=True)
class PackedCase:
    """Vorgang (Teilvorgänge beside it)."""

    id: str
    title: str = ""
    reference: str = ""
    closed: str = ""
    history: tuple[Line, ...] = ()
    documents: tuple[PackedDocument, ...] = ()
    data: str = ""


@dataclass(frozen=True, slots=True)
class PackedFolder:
    """Akte (Teilakten beside it)."""

    id: str
    title: str = ""
    reference: str = ""
    notation: str = ""
    kind: str = ""
    opened: str = ""
    closed: str = ""
    history: tuple[Line, ...] = ()
    documents: tuple[PackedDocument, ...] = ()
    cases: tuple[PackedCase, ...] = ()
    data: str = ""


@dataclass(frozen=True, slots=True)
class PackedUnit:
    """Einheit of a plan, depth first; `above` is the Kennzeichen of the one it lies under."""

    notation: str
    title: str = ""
    above: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class RawMessage:
    """result.json of `xdomea`: what kind of message (0401), of which version, and what is in it outside of each other."""

    kind: str
    name: str
    version: str
    process: str
    made: str
    sender: str
    units: tuple[PackedUnit, ...] = ()
    folders: tuple[PackedFolder, ...] = ()
    cases: tuple[PackedCase, ...] = ()
    documents: tuple[PackedDocument, ...] = ()
    strangers: tuple[str, ...] = ()
