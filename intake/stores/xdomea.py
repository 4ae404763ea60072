"""xdomea 3.1.0 to another system: packages laid into a folder or sent by HTTP POST, answered by 0630 or 0402.

A filing goes out as 0605 SGOAblegen (or 0401 Abgabe), a correction as 0601 DokumentAktualisieren, a withdrawal as 0617
SGOUngueltigKennzeichnen; the Abgabe knows neither of these, so there a person must act. A package is
`<ProzessID>_<Nachricht>.zip` with the message and its files flat. The ProzessID is made from the key of the filing and the
number of the message: a package that went twice because its answer was lost has the same name and the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from intake.errors import InputError, Refused
from intake.stores import sidecar, spool
from intake.stores.handover import Parse, Reader, collect, receipt_of
from intake.stores.spool import CORRECTION, NEW, WITHDRAWAL, Message, Told
from intake.vocabulary import Answer, Filing, Receipt, Sha256
from intake.xdomea import Paper, papers, process_of, uuid_of
from intake.xdomea_messages import (
    Head,
    correct_document,
    file_document,
    package,
    package_name,
    transfer_document,
    withdraw_document,
)

CONFIRMED = {"04": "Abgabe.ImportBestaetigen.0402", "06": "FVDaten.ImportBestaetigen.0630"}
NO_CORRECTION = ("Das Schriftstück wurde {name} als Abgabe (xdomea 0401) übergeben und hat sich seither geändert oder wurde "
                 "zurückgenommen. Eine Abgabe lässt sich nicht berichtigen: Ändern Sie es dort von Hand ({title}).")


class Way(Protocol):
    """How a package reaches the other system: `send` returns what it said at once (None: nothing), raises ServiceError."""

    def send(self, package: Path, again: bool) -> tuple[Answer | None, bytes]: ...


@dataclass(slots=True)
class Xdomea:
    """Store `name` for one tenant; its memory is the folder `root`, on the file system of `folder` where there is one.

    Packages go to `folder`, else by `way`. `answers`: where answers lie, None = none is waited for. Raises as `HotFolder`.
    """

    name: str
    root: Path
    sender: str
    receiver: str
    parse: Parse
    folder: Path | None = None
    way: Way | None = None
    answers: Path | None = None
    kind: Literal["0605", "0401"] = "0605"
    note_type: str = ""

    def file(self, filing: Filing, read: Reader) -> Receipt:
        """Hand the filing over, or what changed of it since; a repeat only looks for the answer."""
        mark = spool.fingerprint("ablage", sidecar.told(filing, papers(filing, self.note_type)))
        return spool.tell(self.root, filing.key, mark, lambda told, kind: self._staged(told, filing, kind, mark, read),
                          self._settled)

    def withdraw(self, filing: Filing) -> None:
        """Tell that the filing was taken back; nothing when the other system never had it."""
        spool.take_back(self.root, filing.key, lambda told, kind: self._staged(told, filing, kind, kind, None), self._settled)

    def retry(self, filing: Filing) -> None:
        """After a refusal that a person settled: the next call tells it anew."""
        spool.tell_anew(self.root, filing.key)

    def _staged(self, told: Told, filing: Filing, kind: str, mark: str, read: Reader | None) -> Message:
        if kind != NEW and self.kind == "0401":
            raise Refused(NO_CORRECTION.format(name=self.name, title=filing.title))
        process = process_of(filing.key, told.next())
        head = Head(process, datetime.now(UTC), self.sender, self.receiver)
        files: Sequence[Paper] = papers(filing, self.note_type) if kind != WITHDRAWAL else ()
        number, data = self._message(head, told, filing, kind, files)
        name = package_name(process, number)
        return told.stage(kind, mark, [(f"{name}.zip", package(name, data, files if kind == NEW else (), read or _no_blobs))])

    def _message(self, head: Head, told: Told, filing: Filing, kind: str, files: Sequence[Paper]) -> tuple[str, bytes]:
        """(number of the kind of message, the message)."""
        reference = told.reference
        if kind == CORRECTION:
            return "0601", correct_document(head, filing, files, reference or uuid_of(filing.document))
        if kind == WITHDRAWAL:
            return "0617", withdraw_document(head, reference if _is_uuid(reference) else uuid_of(filing.document))
        if self.kind == "0401":
            return "0401", transfer_document(head, filing, files)
        return "0605", file_document(head, filing, files)

    def _settled(self, told: Told, message: Message) -> Receipt:
        """The receipt of a message, handed over now where it was not; raises Awaiting and Refused."""
        name = message.files[-1]
        if not message.told:
            self._hand_over(message)
        if message.answer() is None and self.answers is None:
            message.note(Answer(True))
        if message.answer() is None and self.answers is not None:
            group = name.rpartition(".zip")[0][-4:-2]
            stem = f"{name.partition('_')[0]}_{CONFIRMED[group]}"
            collect(message, [self.answers / f"{stem}{ending}" for ending in (".xml", ".zip")], self.parse, self.name)
        return receipt_of(self.name, told, message, name.removesuffix(".zip"))

    def _hand_over(self, message: Message) -> None:
        if self.folder is not None:
            spool.hand_over(message, self.folder)
            return
        assert self.way is not None  # the settings name a folder or an address
        package, tried = message.folder / message.files[-1], message.folder / "versucht"
        again = tried.exists()
        tried.touch()
        spool.sync(message.folder)
        answer, body = self.way.send(package, again)
        answer = (self._parsed(message.folder / "antwort-sofort", body) if body else None) or answer
        if answer is not None:
            message.note(answer)
        package.unlink()
        spool.sync(message.folder)

    def _parsed(self, place: Path, body: bytes) -> Answer | None:
        """What the other system said at once, when it says anything; kept as evidence."""
        place.write_bytes(body)
        try:
            return self.parse(place)
        except InputError:
            return None  # a page of words for people


def _no_blobs(sha256: Sha256) -> BinaryIO:
    raise AssertionError(f"a message without files asks for {sha256}")


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4 and all(sign in "0123456789abcdefABCDEF-" for sign in text)
