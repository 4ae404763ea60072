"""A box without a sandbox, for tests of everything behind it: files are text, a form feed begins a page.

Lines steer it: `#blank`, `#separator`, `#bad REASON`, `#die`, `#sleep SECONDS`, `#bug`, `#part NAME` (a new part begins).
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pikepdf

from intake.blobs import Blobs
from intake.box import reader_version
from intake.box.results import FoundPart, Opened, ReadOrder, ReadResult, Rendition, RenditionPage, Unpacked
from intake.config import Home, Settings
from intake.db.core import Database
from intake.errors import BoxDied, InputError, Reason
from intake.pipeline import Postroom
from intake.propose import Knowledge
from intake.protocols import Boundary, Store
from intake.vocabulary import Envelope, Evidence, Fact, Material, Page, Proposal, Receipt, Separator, Word


def fake_page(number: int, text: str) -> Page:
    """A page whose words stand one under the other."""
    shown = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    words = tuple(Word(word, (0.1, 0.01 * index, 0.5, 0.01 * index + 0.009), 0.9, line=index)
                  for index, word in enumerate(shown.split()[:90]))
    marks = tuple(Separator("qr", line.removeprefix("#sheet ")) for line in text.splitlines() if line.startswith("#sheet "))
    marks += (Separator("patch-T", ""),) if "#separator" in text else ()
    return Page(number, 210.0, 297.0, shown, words, blank="#blank" in text, script="print", separators=marks)


@dataclass
class FakeBox:
    """Counts what it did in `calls`; obeys the steering lines."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    media_type: str = "text/plain"

    def check(self) -> None:
        self.calls.append(("check", ""))

    def _obey(self, job: str, path: Path, text: str) -> None:
        self.calls.append((job, path.name))
        for line in text.splitlines():
            if line.startswith("#bad ") and job == "unpack":
                raise InputError("Diese Datei ist schlecht.", reason=Reason(line.split()[1]))
            if line.startswith("#badread") and job == "read":
                raise InputError("Diese Seiten sind schlecht.", reason=Reason.DAMAGED)
            if line.startswith("#die") and job == "read":
                raise BoxDied("Der Lesekasten ist gestorben.", reason=Reason.CRASHED)
            if line.startswith("#bug") and job == "read":
                raise RuntimeError("a bug")
            if line.startswith("#sleep ") and job == "read":
                time.sleep(float(line.split()[1]))

    def unpack(self, path: Path, name: str, workdir: Path) -> Unpacked:
        text = path.read_text(encoding="utf-8")
        if not text:
            raise InputError("Die Datei ist leer.", reason=Reason.EMPTY)
        self._obey("unpack", path, text)
        pieces = text.split("#part ")
        parts = [FoundPart(0, None, name, self.media_type, len(text), pieces[0].count("\f") + 1, path)]
        for position, piece in enumerate(pieces[1:], start=1):
            title, _, body = piece.partition("\n")
            target = workdir / f"part{position}"
            target.write_text(body, encoding="utf-8")
            if title.startswith("broken"):
                locked = Reason.ENCRYPTED
                kind = "application/vnd.oasis.opendocument" if title.endswith(".odt") else "application/zip"
                parts.append(FoundPart(position, 0, title, kind, 3, 0, target, locked, "verschlüsselt"))
                continue
            parts.append(FoundPart(position, 0, title, "text/plain", len(body), body.count("\f") + 1, target))
        said = next((line.split()[1:] for line in text.splitlines() if line.startswith("#message ")), [])
        if said:  # its Message-ID, and those of the messages it answers
            facts = tuple(Fact("mail_references", one, "header:References") for one in said[1:])
            parts[0] = replace(parts[0], facts=facts)
        envelope = Envelope(subject="Betreff" if len(parts) > 1 else None, message_id=said[0] if said else None)
        return Unpacked(envelope, tuple(parts), 0.0)

    def open(self, path: Path, name: str, order: ReadOrder, workdir: Path, *, fresh: bool = False,
             mail: Any = None, office: bool = False) -> Opened:
        return Opened(self.unpack(path, name, workdir), None)  # reads nothing at once: the tests count the chunks

    def draws(self, part: FoundPart) -> bool:
        return part.name.endswith(".odt")

    def office(self, part: FoundPart, workdir: Path) -> FoundPart:
        """Pages for `broken.odt`, which is an Office file that hangs on a message."""
        target = workdir / "drawn.txt"
        target.write_text("gezeichnet", encoding="utf-8")
        return replace(part, media_type="text/plain", pages=1, path=target, problem=None)

    def read(self, path: Path, media_type: str, pages: Sequence[int], order: ReadOrder, workdir: Path, *,
             fresh: bool = False) -> ReadResult:
        texts = path.read_text(encoding="utf-8").split("#part ")[0].split("\f")
        self._obey("read", path, "\n".join(texts[number - 1] for number in pages))
        previews = []
        for number in pages:
            target = workdir / f"{number}.jpg"
            target.write_bytes(b"\xff\xd8preview%d" % number)
            previews.append(target)
        read = tuple(fake_page(number, texts[number - 1]) for number in pages)
        return ReadResult(reader_version(order), read, tuple(previews), 0.01 * len(pages))

    def rendition(self, sources: Sequence[tuple[Path, str]], pages: Sequence[RenditionPage], *, title: str, workdir: Path,
                  language: str = "de-DE", attachments: Sequence[Any] = (), fresh: bool = False) -> Rendition:
        self.calls.append(("rendition", sources[0][0].name))
        out = workdir / "out.pdf"
        pdf = pikepdf.new()
        for page in pages:
            pdf.add_blank_page(page_size=(page.page.width_mm * 72 / 25.4, page.page.height_mm * 72 / 25.4))
        buffer = io.BytesIO()
        pdf.save(buffer, deterministic_id=True)
        out.write_bytes(buffer.getvalue())
        return Rendition(out, "2b", "", 0.0)


@dataclass
class FakeStore:
    """Remembers what it was given; can refuse."""

    name: str = "efile"
    filed: list[str] = field(default_factory=list)
    refuse: Callable[[], None] = lambda: None

    def file(self, filing: Any, read: Any) -> Receipt:
        self.refuse()
        with closing(read(filing.pdf.sha256)) as file:
            assert file.read(4) == b"%PDF"
        self.filed.append(filing.key)
        return Receipt(self.name, filing.key[:8], filing.received_at)

    def withdraw(self, filing: Any) -> None:
        self.filed.remove(filing.key)


def by_text(material: Material) -> tuple[Proposal, ...]:
    """An extractor for tests: `field=value` words become proposals."""
    found = []
    for number, page in enumerate(material.pages, start=1):
        for word in page.words:
            name, equals, value = word.text.partition("=")
            if equals:
                found.append(Proposal(name, value, 0.9, (Evidence("rule:reference-zone@1", number, word.box, word.text),)))
    return tuple(found)


def fake_room(root: Path, database: Database, *, rules: Mapping[str, bool] | None = None, box: FakeBox | None = None,
              stores: tuple[Store, ...] | None = None, knowledge: Knowledge | None = None,
              engine: Mapping[str, Any] | None = None, engine_url: str = "",
              profile: Mapping[str, Any] | None = None, boundary: Boundary | None = None) -> Postroom:
    """A postroom on a fake box with one tenant `mittelau` and one profile `scanner`."""
    scanner = {"name": "scanner", "settle_seconds": 0, "watch": "network", "office": "Bauamt", **(profile or {})}
    tenant = {"name": "mittelau", "profile": (scanner,), "rules": dict(rules or {}),
              "reference_patterns": (r"\bBA/\d+(?:\.\d+)?-\d{4}/\d{4}\b",)}
    settings = Settings(
        tenant=(tenant,), engine={"poll_seconds": 0.05, **(engine or {})},  # type: ignore[arg-type]
        database={"url": database.url, "engine_url": engine_url})
    home = Home(root, settings)
    home.folder(settings.tenant[0].profile[0]).mkdir(parents=True, exist_ok=True)
    known = knowledge or Knowledge(extractors=(by_text,))
    kept = stores or (FakeStore(),)
    blobs = {"mittelau": Blobs(root / "store" / "mittelau" / "blobs")}
    return Postroom(home, database, box or FakeBox(), blobs.__getitem__, lambda _tenant: known,  # type: ignore[arg-type]
                    lambda _tenant, pages: "Vertraulich" if pages and "vertraulich" in pages[0].text else None,
                    lambda _tenant: kept, lambda _tenant: boundary)  # type: ignore[arg-type,return-value]
