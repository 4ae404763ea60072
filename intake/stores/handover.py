"""A hot folder of another system: the PDF, its originals and a sidecar, `.done` written last; its answer is read back.

`<key>-<number>` begins the name of everything of a message: `….daten.xml` (or `.json`) is the sidecar, `….done` says that all
of it is there. The other system answers with `….quittung.json` or `….quittung.xml`: `Ergebnis` angenommen or abgelehnt,
`Referenz` (what it calls the document), `Meldung` (a sentence for our clerk). A correction or a withdrawal has no files, only
the sidecar.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

from intake.errors import Awaiting, InputError, Refused
from intake.stores import sidecar, spool
from intake.stores.spool import NEW, WITHDRAWAL, Message, Told
from intake.vocabulary import Answer, Filing, Receipt, Sha256
from intake.xdomea import papers

Reader = Callable[[Sha256], BinaryIO]
Parse = Callable[[Path], Answer | None]
"""Reads what another system answered; None when it says neither yes nor no. Raises InputError when it is not understood."""
DONE, ANSWERS = ".done", (".quittung.json", ".quittung.xml")
STATE = ".poststelle"
WRITING_SECONDS = 60.0
"""So long an answer that cannot be understood may still be being written."""
REFUSED = "Das Zielsystem {name} hat das Schriftstück abgelehnt: {sentence}"
UNREADABLE = "Die Rückmeldung von {name} ist nicht lesbar ({why}). Fragen Sie dort nach, ob das Schriftstück angekommen ist."


@dataclass(slots=True)
class HotFolder:
    """Store `name` for one tenant. `answers`: where answers lie, None = none is waited for; `parse` reads one.

    `file` and `withdraw` raise Awaiting until an answer is there, Refused with its sentence, ServiceError for the folder.
    """

    name: str
    folder: Path
    answers: Path | None
    parse: Parse
    form: Literal["xml", "json"] = "xml"
    note_type: str = ""

    @property
    def _root(self) -> Path:
        return self.folder / STATE

    def file(self, filing: Filing, read: Reader) -> Receipt:
        """Hand the filing over, or what changed of it since; a repeat only looks for the answer."""
        mark = spool.fingerprint("ablage", sidecar.told(filing, papers(filing, self.note_type)))
        return spool.tell(self._root, filing.key, mark, lambda told, kind: self._staged(told, filing, kind, mark, read),
                          self._settled)

    def withdraw(self, filing: Filing) -> None:
        """Tell that the filing was taken back; nothing when the other system never had it."""
        spool.take_back(self._root, filing.key, lambda told, kind: self._staged(told, filing, kind, kind, None), self._settled)

    def retry(self, filing: Filing) -> None:
        """After a refusal that a person settled: the next call tells it anew."""
        spool.tell_anew(self._root, filing.key)

    def _staged(self, told: Told, filing: Filing, kind: str, mark: str, read: Reader | None) -> Message:
        number = told.next()
        stem = f"{filing.key[:24]}-{number}"
        files = [replace(paper, name=f"{stem}{'' if place == 0 else f'-{place}'}.{paper.name.rpartition('.')[2]}")
                 for place, paper in enumerate(papers(filing, self.note_type))] if kind != WITHDRAWAL else []
        values = {"Art": kind, "Nummer": str(number), "Erstellungszeitpunkt": datetime.now(UTC).isoformat(),
                  "Referenz": told.reference, **sidecar.told(filing, files)}
        data = sidecar.as_json(values) if self.form == "json" else sidecar.as_xml(values)
        contents: list[tuple[str, spool.Content]] = [(paper.name, paper.blob) for paper in files] if kind == NEW else []
        return told.stage(kind, mark, [*contents, (f"{stem}.daten.{self.form}", data), (f"{stem}{DONE}", b"")], read)

    def _settled(self, told: Told, message: Message) -> Receipt:
        """The receipt of a message, handed over now where it was not; raises Awaiting and Refused."""
        if not message.told:
            spool.hand_over(message, self.folder)
        stem = message.files[-1].removesuffix(DONE)
        if message.answer() is None and self.answers is None:
            message.note(Answer(True, stem))
        if message.answer() is None and self.answers is not None:
            collect(message, [self.answers / f"{stem}{ending}" for ending in ANSWERS], self.parse, self.name)
        return receipt_of(self.name, told, message, stem)


def collect(message: Message, places: list[Path], parse: Parse, name: str) -> None:
    """Look for the answer to a message and keep it, moved to the message as evidence. Nothing happens while there is none."""
    kept = sorted(message.folder.glob("antwort.*"))
    for place in places if not kept else ():
        if place.is_file() and not place.is_symlink():
            young = time.time() - place.stat().st_mtime < WRITING_SECONDS
            try:
                if parse(place) is None:
                    continue  # a mere receipt
            except InputError:
                if young:
                    continue
            kept = [message.folder / f"antwort{place.suffix}"]
            place.rename(kept[0])
            spool.sync(message.folder)
            break
    if kept:
        try:
            found = parse(kept[0])
            if found is not None:
                message.note(found)
        except InputError as error:
            message.note(Answer(False, "", UNREADABLE.format(name=name, why=error.detail or error)))


def receipt_of(name: str, told: Told, message: Message, otherwise: str) -> Receipt:
    """The receipt that an answer is; raises Awaiting while there is none, Refused with its sentence."""
    found = message.answer()
    if found is None:
        raise Awaiting(f"Das Schriftstück ist an {name} übergeben; die Rückmeldung steht noch aus.", since=message.made)
    answer, at = found
    if not answer.accepted:
        sentence = answer.sentence or "ohne Begründung."
        raise Refused(sentence if sentence.startswith("Die Rückmeldung") else REFUSED.format(name=name, sentence=sentence))
    return Receipt(name, answer.reference or told.reference or otherwise, at)
