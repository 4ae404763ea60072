"""A message taken apart, whatever it was wrapped in: header lines, text, remarks, and what hangs on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from intake.box.inside.sniff import Kind
from intake.errors import Reason

ENCRYPTED = Kind("application/pkcs7-mime", Reason.ENCRYPTED,
                 "Die Nachricht ist verschlüsselt. Bitten Sie den Absender um eine unverschlüsselte Fassung.")
SIGNED = Kind("application/pkcs7-mime", Reason.UNKNOWN_TYPE,
              "Der Inhalt steckt in einer S/MIME-Signatur (smime.p7m), die hier nicht geöffnet wird.")


@dataclass(slots=True)
class Leaf:
    """An attachment. `kind` is set where the message itself says what it is (encrypted)."""

    name: str
    data: bytes
    kind: Kind | None = None
    inline: bool = False


@dataclass(slots=True)
class Letter:
    """A message taken apart: its headers, its text, remarks, and what hangs on it in order."""

    headers: dict[str, str]
    text: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    leaves: list[Leaf | Letter] = field(default_factory=list)
