"""A document management system for tests: it empties hot folders, takes packages by HTTP, and answers."""

from __future__ import annotations

import http.server
import json
import re
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from intake.errors import Awaiting, InputError, Reason
from intake.protocols import Target
from intake.vocabulary import Answer, Filing, Receipt

_ALONE = threading.Lock()


def unasked(_path: Path) -> Answer | None:
    """For a target that never answers."""
    raise AssertionError("nobody answers here")


def in_json(path: Path) -> Answer | None:
    """The answers of this file's systems, which are no strangers: read without the box."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError("", reason=Reason.DAMAGED, detail="kein JSON") from error
    return Answer(said["Ergebnis"] == "angenommen", said.get("Referenz", ""), said.get("Meldung", ""))


def answer_all(folder: Path, refuse: str = "", consume: bool = True) -> list[dict[str, Any]]:
    """Take what is complete (has its .done) out of a hot folder and answer it; what was taken, each with its files."""
    with _ALONE:
        return _answer_all(folder, refuse, consume)


def _answer_all(folder: Path, refuse: str, consume: bool) -> list[dict[str, Any]]:
    taken = []
    for done in sorted(folder.glob("*.done")):
        stem = done.name.removesuffix(".done")
        said = json.loads((folder / f"{stem}.daten.json").read_text(encoding="utf-8"))
        said["stem"] = stem
        said["bytes"] = {path.name: path.read_bytes() for path in folder.glob(f"{stem}*") if path.name != done.name}
        taken.append(said)
        answer = {"Ergebnis": "abgelehnt" if refuse else "angenommen", "Meldung": refuse,
                  "Referenz": said["Referenz"] or f"DMS-{said['Schluessel'][:8]}"}
        if consume:
            for path in [done, *folder.glob(f"{stem}*")]:
                path.unlink(missing_ok=True)
        (folder / f"{stem}.quittung.json").write_text(json.dumps(answer), encoding="utf-8")
    return taken


@dataclass
class Waited:
    """A target whose answer comes between two looks: every call waits for it, as the outbox does."""

    target: Target
    answer: Callable[[], object]

    @property
    def name(self) -> str:
        return self.target.name

    def file(self, filing: Filing, read: Any) -> Receipt:
        for _ in range(50):
            try:
                return self.target.file(filing, read)
            except Awaiting:
                self.answer()
        raise AssertionError("no answer")

    def withdraw(self, filing: Filing) -> None:
        for _ in range(50):
            try:
                return self.target.withdraw(filing)
            except Awaiting:
                self.answer()
        raise AssertionError("no answer")


@dataclass
class Dms:
    """Takes packages by POST. `says` decides (status, body) from the package's name; the same name is not taken twice."""

    says: Callable[[str], tuple[int, bytes]] = lambda _name: (200, b"")
    taken: dict[str, bytes] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    posts: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def messages(self) -> list[tuple[str, bytes, dict[str, bytes]]]:
        """(name of the message, the message, the files) of every package taken, in their order."""
        found = []
        for data in self.taken.values():
            with zipfile.ZipFile(BytesIO(data)) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
            name = next(name for name in files if name.endswith(".xml") and "." in name.partition("_")[2].removesuffix(".xml"))
            found.append((name, files.pop(name), files))
        return found


@contextmanager
def listening(dms: Dms) -> Iterator[Dms]:
    """The system behind a real HTTP server on this machine."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length) if length else _chunked(self.rfile)
            name, data = _file_in(body, self.headers["Content-Type"])
            dms.posts[name] += 1
            dms.headers.append(dict(self.headers))
            status, answer = dms.says(name)
            if status < 300 and name not in dms.known:  # xdomea: "Die Nachricht ist bereits verarbeitet" (0000009)
                dms.known.add(name)
                dms.taken[name] = data
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    dms.url = f"http://127.0.0.1:{server.server_port}/ablage"
    try:
        yield dms
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _chunked(stream: Any) -> bytes:
    body = b""
    while size := int(stream.readline().strip() or b"0", 16):
        body += stream.read(size)
        stream.readline()
    return body


def _file_in(body: bytes, content_type: str) -> tuple[str, bytes]:
    mark = b"--" + re.search(r"boundary=([^;]+)", content_type)[1].strip('"').encode()  # type: ignore[index]
    head, _, rest = body.partition(mark)[2].partition(b"\r\n\r\n")
    name = re.search(rb'filename="([^"]+)"', head)[1].decode()  # type: ignore[index]
    return name, rest.rpartition(b"\r\n" + mark)[0]
