"""The box: one foreign file, one sandboxed child, one typed and re-checked answer. Foreign bytes are parsed nowhere else.

A small file's child is forked in a sandbox that already runs and does one job after the other (warm.py), any other gets a
sandbox of its own; so does every repeat (`fresh`): what made one box die must not be able to blame its neighbours.

Every method raises InputError (a person must act: the bytes are the trouble), BoxDied (the child died: signal, limit
or time; counted as guilt of the original), ConfigError (bubblewrap cannot run here; the sentence names the line that
mends it) or ServiceError (no process could be started just now). Files of an answer lie in a new folder below
`workdir`, which the caller removes when it has adopted them.

Orders as the child sees them (`inside/*.run(order, inputs, out)`), beside the fields named here:
unpack {name, authserv_id, max_pages, max_parts, max_depth, max_megapixels, max_file_mib} inputs: the original;
open {unpack, read, most_pages} -> what unpack answers, and `read`: what read answers or null;
dkimcheck {keys: {name in the DNS: text, "" or null}} inputs: the message -> {verdicts};
office {program, max_pages} -> {pdf, pages};
picture {media_type, number, rotation, dpi, max_megapixels} -> {picture};
read {media_type, pages, reader, max_megapixels, tessdata, models, and the fields of ReadOrder} -> {pages, previews};
rendition {sources: [media type], pages: [{source, number, rotation, page, words: packed}], title, language, max_megapixels,
attachments: [{name, media_type, input}]} -> {pdf, pdfa, reason};
answer {} -> {accepted, reference, sentence};
xdomea {unpack, max_files, max_mib} -> what `inside.xdomea` reads of a message or package;
batchindex {files: [names that mean the file]} inputs: an XML index -> {entries: [[[name, value]]]}.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from intake.box import bwrap, mending, recheck
from intake.box.bwrap import Limits
from intake.box.inside import packed
from intake.box.inside.reader import SIGNS, STAMPDAY, reader_name
from intake.box.inside.sniff import OFFICE, RTF
from intake.box.package import Message, PackedDocument, RawMessage
from intake.box.results import (
    Attachment,
    FoundPart,
    MailOrder,
    Opened,
    ReadOrder,
    ReadResult,
    Rendition,
    RenditionPage,
    Sources,
    Unpacked,
)
from intake.box.sentences import DIED, QUARANTINED, SENTENCES
from intake.box.warm import MOST_BYTES, MOST_PAGES, Warm
from intake.config import BoxSettings
from intake.errors import BoxDied, ConfigError, InputError, Reason
from intake.resources import resource
from intake.vocabulary import Answer as Said
from intake.vocabulary import Envelope, Fact

__all__ = ["OFFICE", "QUARANTINED", "RTF", "SENTENCES", "Attachment", "Box", "FoundPart", "MailOrder", "Opened", "ReadOrder",
           "ReadResult", "Rendition", "RenditionPage", "Unpacked", "reader_version"]

_ANY_MAIL = MailOrder()
_CHECK = Limits(memory_mib=512, cpu_seconds=10, wall_seconds=60, output_mib=16)
MOST_PACKED_FILES, MOST_PACKED_MIB = 500_000, 200 << 10
"""So much a package may hold: an operator brings it, and the disk decides."""
_OUT_OF_MEMORY = 77  # inside.__main__.OUT_OF_MEMORY
_CAUSES_OF_LIMIT = {"SIGXCPU", "SIGKILL", "SIGXFSZ"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of a job that gave an answer: its output folder and what everything cost."""

    out: Path
    cpu_seconds: float


def reader_version(order: ReadOrder) -> str:
    """The name of a way of reading (at most 80 characters); raises ConfigError where its engine is not installed."""
    try:
        return reader_name(order.engine, order.languages, order.dpi, order.trust_text_layer)[:80]
    except PackageNotFoundError as error:
        raise ConfigError(f"Für die Texterkennung {order.engine} fehlt das Paket {error.name}. "
                          f"Geben Sie ein: pip install {error.name}") from None


def input_error(reason: Reason, detail: str = "") -> InputError:
    """The error for a person, with the sentence that belongs to the reason."""
    return InputError(SENTENCES[reason], reason=reason, detail=detail)


class Box:
    """Runs jobs under the limits of the settings. `tessdata`: folder of the language data, None = where Debian has it.

    `scratch`: where warm boxes keep what they work on, None = the system's temporary folder. May be used by several threads.
    """

    def __init__(self, settings: BoxSettings, tessdata: Path | None = None, scratch: Path | None = None) -> None:
        self.settings = settings
        self.tessdata = tessdata
        self._warm = Warm(scratch)
        self._end = weakref.finalize(self, self._warm.close)  # also when the program ends

    def close(self) -> None:
        """End the sandboxes that wait for a next job. The box may be used again: it starts new ones."""
        self._warm.close()

    @staticmethod
    def reader_version(order: ReadOrder) -> str:
        """See `reader_version`: known without running the box."""
        return reader_version(order)

    def check(self) -> None:
        """Run the box once and try to break out of it; raises ConfigError when it cannot run or does not hold."""
        tried: dict[str, str] = {}
        with tempfile.TemporaryDirectory(prefix="poststelle-check-") as folder:
            for warm in dict.fromkeys((False, self.settings.warm)):
                answer = self._run("canary", {}, (), Path(folder), _CHECK, warm=warm)
                found = recheck.load(answer.out / "result.json", dict[str, str])
                tried |= {f"{name} (warm)" if warm else name: outcome for name, outcome in found.items()}
        escaped = sorted(name for name, outcome in tried.items() if not outcome.startswith("refused"))
        if escaped or not tried:
            raise ConfigError(
                f"Der Lesekasten hält nicht dicht ({', '.join(escaped)}). Starten Sie die Poststelle so nicht; prüfen Sie "
                "bubblewrap und den Kern (apt-get install --only-upgrade bubblewrap).")

    def unpack(self, path: Path, name: str, workdir: Path, *, mail: MailOrder = _ANY_MAIL, office: bool = False) -> Unpacked:
        """What the delivery at `path`, called `name` by its sender, consists of; InputError when it gives nothing.

        `office` (here and below): files that LibreOffice can draw are left to `office`, where it is installed.
        """
        answer = self._run("unpack", self._unpack_order(name, mail, office), (path,), workdir, self._limits())
        raw = recheck.load(answer.out / "result.json", recheck.RawUnpacked)
        return self._unpacked(raw.envelope, raw.parts, path, answer)

    def open(self, path: Path, name: str, order: ReadOrder, workdir: Path, *, fresh: bool = False,
             mail: MailOrder = _ANY_MAIL, office: bool = False) -> Opened:
        """The same, and the pages too where the delivery is one file of at most `order.chunk_pages` pages.

        `fresh` (here and below): it has been tried before, so it gets a sandbox of its own.
        """
        told = {"unpack": self._unpack_order(name, mail, office), "read": self._read_order(order),
                "most_pages": order.chunk_pages}
        limits = self._limits(order.chunk_pages, processes=order.engine == "pytesseract")
        with self._suspicious():
            answer = self._run("open", told, (path,), workdir, limits, self._data(), warm=self._small((path,), fresh))
            raw = recheck.load(answer.out / "result.json", recheck.RawOpened)
            unpacked = self._unpacked(raw.envelope, raw.parts, path, answer)
            if raw.read is None:
                return Opened(unpacked, None)
            return Opened(unpacked, self._pages(raw.read, range(1, unpacked.parts[0].pages + 1), order, answer))

    def read(self, path: Path, media_type: str, pages: Sequence[int], order: ReadOrder, workdir: Path, *,
             fresh: bool = False) -> ReadResult:
        """The pages `pages` (from 1) of the file at `path` as words, each with a preview, in that order."""
        told = self._read_order(order) | {"media_type": media_type, "pages": list(pages)}
        limits = self._limits(len(pages), processes=order.engine == "pytesseract")
        warm = len(pages) <= MOST_PAGES and self._small((path,), fresh)
        with self._suspicious():
            answer = self._run("read", told, (path,), workdir, limits, self._data(), warm=warm)
            return self._pages(recheck.load(answer.out / "result.json", recheck.RawRead), pages, order, answer)

    def dkim(self, path: Path, keys: Mapping[str, str | None], workdir: Path) -> tuple[Fact, ...]:
        """The verdict on the DKIM signatures of the message at `path`, one fact `mail_dkim_own` a key.

        `keys`: the text of each key by its name in the DNS ("" = there is none, None = the DNS was not reached).
        """
        with self._suspicious():
            answer = self._run("dkimcheck", {"keys": dict(keys)}, (path,), workdir, self._limits(),
                               warm=self._small((path,), fresh=False))
            found = recheck.load(answer.out / "result.json", recheck.RawVerdicts).verdicts
            if {one.name for one in found} != set(keys):
                raise recheck.nonsense("andere Schlüssel als bestellt")
            return recheck.facts([Fact("mail_dkim_own", f"{one.state} {one.name.partition('._domainkey.')[2]}", f"dkim:{one.why}")
                                  for one in found])

    def office(self, part: FoundPart, workdir: Path) -> FoundPart:
        """The Office file `part` as a PDF with its pages, drawn by LibreOffice in a sandbox of its own.

        Raises InputError where it gives none, ConfigError where LibreOffice is not installed (see `draws`).
        """
        program = self._office_program()
        if program is None:
            raise ConfigError("LibreOffice fehlt. Installieren Sie es: apt-get install libreoffice-writer-nogui "
                              "libreoffice-calc-nogui")
        told = {"program": str(program), "max_pages": self.settings.max_pages}
        folders = [str(folder) for folder in (program.parent.parent, Path("/etc/libreoffice")) if folder.is_dir()]
        limits = replace(self._limits(processes=True), local_sockets=True)
        answer = self._run("office", told, (part.path,), workdir, limits, folders)
        found = recheck.load(answer.out / "result.json", recheck.RawOffice)
        if found.pages > self.settings.max_pages:
            raise recheck.nonsense("Seitenzahl eines Teils")
        pdf = recheck.adopt(answer.out, found.pdf)
        return replace(part, media_type="application/pdf", size=pdf.stat().st_size, pages=found.pages, path=pdf, problem=None,
                       detail="Mit LibreOffice gezeichnet.")

    def draws(self, part: FoundPart) -> bool:
        """Whether `office` may help: an Office file without anything that runs, and LibreOffice is installed."""
        return part.media_type in OFFICE and part.problem == Reason.UNKNOWN_TYPE and self.has_office

    @property
    def has_office(self) -> bool:
        """Whether LibreOffice is installed and wanted."""
        return self._office_program() is not None

    def _office_program(self) -> Path | None:
        """LibreOffice itself, without the scripts around it; None where it is not installed or not wanted."""
        named = self.settings.office
        found = None if named == "off" else shutil.which("soffice") if named == "auto" else named
        return Path(found).resolve().with_name("soffice.bin") if found else None

    def page_image(self, path: Path, media_type: str, number: int, rotation: int, workdir: Path, dpi: int = 200) -> Path:
        """Page `number` (from 1) as a JPEG of about `dpi`, large sheets coarser; turned clockwise by `rotation` degrees.

        `rotation` is the reader's and the clerk's together. Raises InputError when the page cannot be shown.
        """
        if rotation % 90 or number < 1:
            raise ValueError(f"page {number} turned by {rotation}")
        told = {"media_type": media_type, "number": number, "rotation": rotation % 360, "dpi": dpi,
                "max_megapixels": self.settings.max_megapixels}
        with self._suspicious():
            answer = self._run("picture", told, (path,), workdir, self._limits(1), warm=self._small((path,), fresh=False))
            return recheck.adopt(answer.out, recheck.load(answer.out / "result.json", recheck.RawPicture).picture)

    @contextmanager
    def _suspicious(self) -> Iterator[None]:
        """After any irregular end, nonsense in the answer included, no warm box is used for a further job."""
        try:
            yield
        except BoxDied:
            self._warm.renew()
            raise

    def _small(self, inputs: Sequence[Path], fresh: bool) -> bool:
        """Whether a job with these inputs may share a sandbox with those before it."""
        if fresh or not self.settings.warm:
            return False
        try:
            return sum(path.stat().st_size for path in inputs) <= MOST_BYTES
        except OSError:
            return False  # `_takeable` says why

    def _unpack_order(self, name: str, mail: MailOrder, office: bool) -> dict[str, Any]:
        limits = ("max_pages", "max_parts", "max_depth", "max_megapixels", "max_file_mib")
        told = {"name": recheck.display(name), "office": office and self.has_office, **asdict(mail)}
        return told | {limit: getattr(self.settings, limit) for limit in limits}

    def _read_order(self, order: ReadOrder) -> dict[str, Any]:
        return {**asdict(order), "reader": reader_version(order), "max_megapixels": self.settings.max_megapixels,
                "tessdata": str(self._tessdata()), "models": str(self._models())}

    def _unpacked(self, envelope: Envelope, found: Sequence[recheck.RawPart], path: Path, answer: Answer) -> Unpacked:
        counted = [part.position for part in found] == list(range(len(found)))
        if not counted or not 1 <= len(found) <= self.settings.max_parts:
            raise recheck.nonsense("die Teile sind nicht fortlaufend gezählt")
        parts = tuple(self._found(part, path, answer.out) for part in found)
        return Unpacked(_envelope(envelope), parts, answer.cpu_seconds)

    def _pages(self, raw: recheck.RawRead, pages: Sequence[int], order: ReadOrder, answer: Answer) -> ReadResult:
        if [page.number for page in raw.pages] != list(pages) or len(raw.previews) != len(pages):
            raise recheck.nonsense("andere Seiten als bestellt")
        if raw.pages and all(page.blank and "damaged" in page.warnings for page in raw.pages):
            raise input_error(Reason.BLANK_AND_DAMAGED)
        previews = tuple(recheck.adopt(answer.out, name) for name in raw.previews)
        return ReadResult(reader_version(order), raw.pages, previews, answer.cpu_seconds)

    def rendition(self, sources: Sources, pages: Sequence[RenditionPage], *, title: str, workdir: Path,
                  language: str = "de-DE", attachments: Sequence[Attachment] = (), fresh: bool = False) -> Rendition:
        """A searchable PDF of the pages in that order, PDF/A where it can be made."""
        told = {
            "sources": [media_type for _, media_type in sources],
            "pages": [packed.told(page) for page in pages],
            "title": recheck.display(title), "language": language,
            "max_megapixels": self.settings.max_megapixels,
            "attachments": [{"name": recheck.display(one.name), "media_type": one.media_type, "input": index}
                            for index, one in enumerate(attachments, start=len(sources))],
        }
        inputs = [*(path for path, _ in sources), *(one.path for one in attachments)]
        with self._suspicious():
            answer = self._run("rendition", told, inputs, workdir, self._limits(len(pages)), warm=self._small(inputs, fresh))
            raw, spent = recheck.load(answer.out / "result.json", recheck.RawRendition), answer.cpu_seconds
            if raw.wants_processes:  # Ghostscript may help: once more, in a sandbox of its own that may start programs
                shutil.rmtree(answer.out)
                answer = self._run("rendition", told, inputs, workdir, self._limits(len(pages), processes=True))
                raw, spent = recheck.load(answer.out / "result.json", recheck.RawRendition), spent + answer.cpu_seconds
            return Rendition(recheck.adopt(answer.out, raw.pdf), raw.pdfa, recheck.display(raw.reason), spent)

    def answer(self, path: Path, workdir: Path) -> Said | None:
        """What another system answered to a hand-over; None for a mere receipt. Raises InputError for what is no answer."""
        with self._suspicious():
            run = self._run("answer", {}, (path,), workdir, self._limits(), warm=self._small((path,), fresh=False))
            raw = recheck.load(run.out / "result.json", recheck.RawAnswer)
            shutil.rmtree(run.out)
        if raw.accepted is None:
            return None
        return Said(raw.accepted, recheck.display(raw.reference, 200), recheck.display(raw.sentence))

    def xdomea(self, path: Path, workdir: Path, *, unpack: bool = True) -> Message:
        """A message of xdomea, or a package with its files (`unpack`) below `workdir`. Raises InputError for what is none."""
        order = {"unpack": unpack, "max_files": MOST_PACKED_FILES, "max_mib": MOST_PACKED_MIB}
        with self._suspicious():
            run = self._run("xdomea", order, (path,), workdir, self._limits(pages=100))
            raw = recheck.load(run.out / "result.json", RawMessage)
            named = (one.file for document in _documents(raw) for one in document.files if one.file)
            return Message(raw, {name: recheck.adopt(run.out, name) for name in named})

    def batch_index(self, path: Path, files: Sequence[str], workdir: Path) -> tuple[tuple[tuple[str, str], ...], ...]:
        """The entries of a scan service's XML index, each as (name, value) in their order; `files`: names that mean the file.

        Raises InputError damaged, too_large, or wrong_type where no element names a file.
        """
        with self._suspicious():
            run = self._run("batchindex", {"files": list(files)}, (path,), workdir, self._limits(pages=100))
            raw = recheck.load(run.out / "result.json", recheck.RawIndex)
            return tuple(tuple((recheck.display(name, 100), recheck.display(value)) for name, value in entry)
                         for entry in raw.entries)

    def _limits(self, pages: int = 0, *, processes: bool = False) -> Limits:
        return Limits(self.settings.memory_mib, self.settings.cpu_seconds + pages * self.settings.cpu_seconds_page,
                      self.settings.wall_seconds, self.settings.output_mib, processes)

    def _data(self) -> tuple[str, ...]:
        """The folders that recognising text needs to see."""
        return str(self._tessdata()), str(self._models())

    @staticmethod
    def _models() -> Path:
        """The folder of the models; which are read with belongs to the reader's version. ConfigError: one is missing."""
        for name in (SIGNS, STAMPDAY):
            resource("models", *name.split("/"), "arrays.npz")
        return resource("models")

    def _tessdata(self) -> Path:
        """The folder with language data; raises ConfigError when there is none."""
        for folder in (self.tessdata, *sorted(Path("/usr/share/tesseract-ocr").glob("*/tessdata"), reverse=True),
                       Path("/usr/share/tessdata")):
            if folder is not None and folder.is_dir():
                return folder
        raise ConfigError("Die Sprachdaten von Tesseract fehlen. Installieren Sie sie: "
                          "apt-get install tesseract-ocr tesseract-ocr-deu tesseract-ocr-frk tesseract-ocr-osd")

    def _found(self, part: recheck.RawPart, original: Path, out: Path) -> FoundPart:
        """One part re-checked, its file adopted. Pages and a problem exclude each other."""
        data = part.parent is not None and part.detail != ""  # what lay beside documents; the remark says what it is
        empty = part.pages == 0 and part.media_type != "application/zip" and not data  # an archive is its files
        wrong = part.pages > 0 if part.problem else empty
        if wrong or part.pages > self.settings.max_pages:
            raise recheck.nonsense("Seitenzahl eines Teils")
        if part.parent is not None and part.parent >= part.position:
            raise recheck.nonsense("Teil liegt in einem späteren")
        path = original if part.file is None else recheck.adopt(out, part.file)
        return FoundPart(
            part.position, part.parent, recheck.display(part.name, 200), recheck.display(part.media_type, 100),
            path.stat().st_size, part.pages, path, part.problem, recheck.display(part.detail), recheck.facts(part.facts))

    def _run(self, job: str, order: Mapping[str, Any], inputs: Sequence[Path], workdir: Path, limits: Limits,
             folders: Sequence[str] = (), *, warm: bool = False) -> Answer:
        """Run one job; its answer lies in a new folder below `workdir`, removed again unless there is one."""
        for path in inputs:
            self._takeable(path)
        out = Path(tempfile.mkdtemp(prefix=f"{job}-", dir=workdir))
        told = {"job": job, "order": dict(order), "inputs": len(inputs),
                "limits": {name: getattr(limits, name) for name in ("memory_mib", "cpu_seconds", "output_mib")}}
        answered = False
        try:
            ending = (self._warm.run(told, inputs, out, limits, folders) if warm else None) or (
                bwrap.run(told, inputs, out, limits, folders))
            told_by_child = _judge(ending, out)
            cpu_seconds = ending.cpu_seconds if ending.whole else ending.cpu_seconds + told_by_child
            answered = True
        finally:
            if not answered:
                shutil.rmtree(out)
        return Answer(out, cpu_seconds)

    def _takeable(self, path: Path) -> None:
        """Raises InputError for what needs no box to be refused: no file, no right to read it, no bytes, too many."""
        try:
            with path.open("rb"):
                found = path.stat()
        except OSError as error:
            raise input_error(Reason.UNREADABLE, error.strerror or "") from error
        if not stat.S_ISREG(found.st_mode):
            raise input_error(Reason.UNREADABLE, "keine gewöhnliche Datei")
        if found.st_size == 0:
            raise input_error(Reason.EMPTY)
        if found.st_size > self.settings.max_file_mib << 20:
            allowed = self.settings.max_file_mib
            raise input_error(Reason.TOO_LARGE, f"{found.st_size >> 20} MiB, erlaubt sind {allowed} MiB")


def _documents(raw: RawMessage) -> Iterator[PackedDocument]:
    """All documents of a message, wherever they lie."""
    cases = [*raw.cases, *(case for folder in raw.folders for case in folder.cases)]
    waiting = [*raw.documents, *(one for folder in raw.folders for one in folder.documents),
               *(one for case in cases for one in case.documents)]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.attached


def _judge(ending: bwrap.Ending, out: Path) -> float:
    """The CPU seconds of a job that answered; raises what its ending means otherwise."""
    if not ending.started and not ending.overrun:
        raise mending.trouble(ending.said)
    cause = bwrap.signal_of(ending.status)
    quiet = cause is not None and cause.name == "SIGABRT" and not ending.said.strip()  # how PDFium meets the end of memory
    if quiet or ending.overrun or ending.status == _OUT_OF_MEMORY or (cause and cause.name in _CAUSES_OF_LIMIT):
        raise _died(Reason.TIMEOUT, ending, cause.name if cause else "")
    if ending.status != 0:
        raise _died(Reason.CRASHED, ending, cause.name if cause else "")
    end = recheck.load(out / "ending.json", recheck.RawEnding)
    if end.reason is not None:
        raise input_error(end.reason, recheck.display(end.detail))
    recheck.regular(out / "result.json")
    return end.cpu_seconds


def _died(reason: Reason, ending: bwrap.Ending, cause: str) -> BoxDied:
    """How the child died, with the last lines it said (paths and code only, for whoever mends the parser)."""
    detail = f"Ende {ending.status} {cause} {ending.overrun}".strip() + "\n" + ending.said[-2000:]
    return BoxDied(DIED[reason], reason=reason, detail=detail)


def _envelope(raw: Envelope) -> Envelope:
    """The envelope with texts fit for showing; a header that says nothing is None."""
    def line(text: str | None) -> str | None:
        return recheck.display(text, 1000) or None if text else None
    return Envelope(line(raw.sender), line(raw.recipient), line(raw.subject), raw.date, line(raw.message_id))
