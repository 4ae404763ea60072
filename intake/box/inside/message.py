"""A message taken apart, whatever it was wrapped in: header lines, text, remarks, and what hangs on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from intake.box.inside.lean import Buffer
from intake.box.inside.signed import Trust
from intake.box.inside.sniff import Kind
from intake.errors import Reason

ENCRYPTED = Kind("application/pkcs7-mime", Reason.ENCRYPTED,
                 "Die Nachricht ist verschlüsselt. Bitten Sie den Absender um eine unverschlüsselte Fassung.")
SIGNED = Kind("application/pkcs7-mime", Reason.DAMAGED,
              "Der Inhalt steckt in einer S/MIME-Datei (smime.p7m), die sich nicht öffnen lässt. Bitten Sie um eine PDF-Datei.")
PGP = Kind("application/pgp-encrypted", Reason.ENCRYPTED,
           "Der Inhalt ist mit PGP verschlüsselt. Bitten Sie den Absender um eine unverschlüsselte Fassung.")


@dataclass(slots=True)
class Leaf:
    """An attachment. `kind` is set where the message itself says what it is (encrypted); `cid` is its name in the text."""

    name: str
    data: bytes
    kind: Kind | None = None
    inline: bool = False
    cid: str = ""


@dataclass(slots=True)
class Letter:
    """A message taken apart: its headers, its text, remarks, and what hangs on it in order.

    `html` holds, by its index, the HTML that a text was given in too; `facts` the record of the message (record.py); `raw` is
    the message as it came, because signatures are over its very bytes; `trust` whose signatures are believed (None = nobody's).
    """

    headers: dict[str, str]
    text: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    leaves: list[Leaf | Letter] = field(default_factory=list)
    html: dict[int, str] = field(default_factory=dict)
    facts: list[tuple[str, str, str]] = field(default_factory=list)
    raw: Buffer = b""
    trust: Trust | None = None
