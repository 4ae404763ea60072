"""Delivery -> parts: the box says what a delivery consists of, the files it found become blobs, each with a Part row.

The original itself is never changed: a plain scan is its own part, a mended or extracted file is a blob beside it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intake.blobs import Blobs
from intake.box import RTF, SENTENCES, Box, FoundPart, MailOrder, ReadOrder, ReadResult
from intake.errors import BoxDied, ConfigError, InputError, Reason
from intake.vocabulary import Blob, Delivery, Envelope, Fact, Part

DkimKeys = Callable[[Sequence[str]], Mapping[str, str | None]]
"""Asks for the texts of keys by their names in the DNS (sources.dnskeys); bounded in time, raises nothing."""


def sentence(reason: Reason) -> str:
    """The German sentence for a person: what is wrong with these bytes and what to do next."""
    return SENTENCES[reason]


MOST_ANCHORS, CERTIFICATES = 1 << 20, frozenset({".pem", ".crt", ".cer", ".der"})


def trust_anchors(folder: Path) -> str:
    """The certificates of authorities in a folder (PEM, or DER as .crt, .cer, .der), one after the other as PEM.

    They are the operator's own files, handed into the box with each message. Raises ConfigError when the folder cannot be read
    or holds more than 1 MiB.
    """
    try:
        files = [path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix.lower() in CERTIFICATES]
    except OSError as error:
        raise ConfigError(f"Der Ordner der vertrauten Zertifizierungsstellen {folder} ist nicht zu lesen ({error.strerror}). "
                          "Prüfen Sie trust_folder unter [mail].") from error
    found = "\n".join(
        data.decode("ascii", "replace") if b"-----BEGIN" in data else ssl.DER_cert_to_PEM_cert(data) for data in files)
    if len(found) > MOST_ANCHORS:
        raise ConfigError(f"In {folder} liegen mehr Zertifikate, als gebraucht werden (über 1 MiB). Behalten Sie nur die der "
                          "Zertifizierungsstellen, denen Sie vertrauen.")
    return found


@dataclass(frozen=True, slots=True)
class Contents:
    """What a delivery consists of; `read` holds its pages where it is one small file that was read at once."""

    envelope: Envelope
    parts: tuple[Part, ...]
    read: ReadResult | None


def unpack(box: Box, blobs: Blobs, delivery: Delivery, order: ReadOrder, workdir: Path,
           mail: MailOrder = MailOrder(), dkim_keys: DkimKeys | None = None) -> Contents:  # noqa: B008  frozen
    """The contents of a delivery, every part's bytes durable in `blobs` before this returns. May run twice.

    `workdir` is an empty folder that the caller removes; without `dkim_keys` no signature of a sender's server is checked.
    Raises InputError when nothing of the delivery can be read, BoxDied when the box died on it, ServiceError and ConfigError as
    the box and the blobs do.
    """
    original = blobs.path(delivery.original.sha256)
    opened = box.open(original, delivery.original.name, order, workdir, fresh=delivery.attempt > 0, mail=mail, office=True)
    first, *others = opened.unpacked.parts
    if dkim_keys is not None:
        first = replace(first, facts=(*first.facts, *_dkim(box, original, first.facts, dkim_keys, workdir)))
    found = _drawn(box, (first, *others), workdir)
    parts = tuple(_part(blobs, delivery, part, original) for part in found)
    return Contents(opened.unpacked.envelope, parts, opened.read)


def _dkim(box: Box, message: Path, facts: Sequence[Fact], keys: DkimKeys, workdir: Path) -> tuple[Fact, ...]:
    """The verdict on the signatures of the sender's servers; where checking itself breaks, that they were not checked."""
    names = [fact.value for fact in facts if fact.name == "mail_dkim_key"]
    if not names:
        return ()
    try:
        return box.dkim(message, keys(names), workdir)
    except (BoxDied, InputError):  # the message was read: it does not wait for this
        return tuple(Fact("mail_dkim_own", f"indeterminate {name.partition('._domainkey.')[2]}", "dkim:form") for name in names)


def _drawn(box: Box, parts: Sequence[FoundPart], workdir: Path) -> list[FoundPart]:
    """The parts with the pages of Office files, where LibreOffice draws them.

    What hangs on a message stays as it is, its pages lie in a part below it; of a delivery that is nothing else they are its
    own. What LibreOffice breaks on is a part with a problem and not tried again: the rest of the message goes on.
    RTF is then read as text.
    """
    found: list[FoundPart] = []
    places: dict[int, int] = {}
    for part in parts:
        places[part.position] = len(found)
        told = replace(part, position=len(found), parent=None if part.parent is None else places[part.parent])
        if not box.draws(part):
            found.append(told)
            continue
        try:
            pdf = box.office(told, workdir)
        except (InputError, BoxDied) as error:
            if part.media_type == RTF:
                text = box.unpack(part.path, part.name, workdir).parts[0]
                found.append(replace(text, position=told.position, parent=told.parent))
                continue
            if len(parts) == 1:
                raise
            found.append(replace(told, problem=error.reason, detail=error.detail if isinstance(error, InputError) else ""))
            continue
        if len(parts) == 1:
            return [pdf]
        found.append(replace(told, problem=None, detail="Die Seiten dieser Office-Datei zeigt der nächste Teil."))
        found.append(replace(pdf, position=len(found), parent=told.position, name=f"{Path(part.name).stem[:190]}.pdf"))
    return found


def _part(blobs: Blobs, delivery: Delivery, found: FoundPart, original: Path) -> Part:
    return Part(delivery=delivery.id, position=found.position, parent=found.parent, blob=_blob(blobs, delivery, found, original),
                pages=found.pages, problem=found.problem, detail=found.detail, facts=found.facts)


def _blob(blobs: Blobs, delivery: Delivery, found: FoundPart, original: Path) -> Blob:
    """The blob of a part: the original under the media type its content has, or the file the box wrote, adopted."""
    if found.path == original:
        return replace(delivery.original, media_type=found.media_type)
    return blobs.add_file(found.path, found.name, found.media_type)
