"""Packages by HTTP POST (multipart, field `file`), as document management systems take them in."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from intake.errors import ConfigError, ServiceError
from intake.vocabulary import Answer

SECONDS = 30.0
MOST_BYTES = 4 << 20
"""A longer answer is not looked at."""
REFUSED = {400, 409, 413, 415, 422}
"""The package itself is the trouble; what else begins with 4 is the address or the sign-in."""
PATIENCE = {408, 423, 425, 429}


@dataclass(frozen=True, slots=True)
class Post:
    """The way to one address. `secret` gives the password when it is needed; `ca_file` "" = the system's authorities."""

    url: str
    user: str = ""
    secret: Callable[[], str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    ca_file: str = ""
    seconds: float = SECONDS

    def send(self, package: Path, again: bool) -> tuple[Answer | None, bytes]:
        """Send a package; (what the status alone says, the body where it is for a machine and may say more).

        `again`: it may have arrived before, so that "there is one" (409) is a yes. Raises ServiceError (later) and ConfigError
        (address, certificate or sign-in).
        """
        auth = httpx.BasicAuth(self.user, self.secret()) if self.user and self.secret else None
        try:
            with httpx.Client(verify=self._context(), timeout=self.seconds, auth=auth, headers=dict(self.headers)) as client, \
                    package.open("rb") as stream, \
                    client.stream("POST", self.url, files={"file": (package.name, stream, "application/zip")}) as answer:
                return self._judged(answer, again)
        except httpx.HTTPError as error:
            raise ServiceError(f"Das Zielsystem {self.url} antwortet nicht ({type(error).__name__}). Es wird von selbst "
                               "wiederholt.") from error

    def _judged(self, answer: httpx.Response, again: bool) -> tuple[Answer | None, bytes]:
        status, body = answer.status_code, _body(answer)
        spoken = body if body[:1] in (b"<", b"{") or body[:2] == b"PK" or body[:3] == b"\xef\xbb\xbf" else b""
        if 200 <= status < 300:
            return None, spoken
        if status == 409 and again:
            return Answer(True), b""
        if status in REFUSED:
            return Answer(False, "", f"Antwort {status} {answer.reason_phrase}."), spoken
        if status >= 500 or status in PATIENCE:
            raise ServiceError(f"Das Zielsystem {self.url} kann gerade nicht (Antwort {status}). Es wird von selbst wiederholt.")
        raise ConfigError(f"Das Zielsystem {self.url} nimmt nichts an (Antwort {status}). Prüfen Sie url, user und das Kennwort "
                          "dieser Übergabe in poststelle.toml.")

    def _context(self) -> ssl.SSLContext | bool:
        if not self.ca_file:
            return True
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise ConfigError(f"Das Zertifikat {self.ca_file} lässt sich nicht lesen. Prüfen Sie ca_file.") from error


def _body(answer: httpx.Response) -> bytes:
    read = b""
    for block in answer.iter_bytes():
        read += block
        if len(read) > MOST_BYTES:
            return b""
    return read
