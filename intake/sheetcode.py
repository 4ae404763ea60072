"""What the code on our own sheets says, as QR, DataMatrix or Code 128. Pure, bottom layer.

    MI1|M=mittelau|T=A|AP=652.30|AZ=BA/652.30-0001/2026|DA=Antrag|ID=01KA…|C=1A2B

M tenant, T what begins (D a document, A an Akte: a Leitbeleg, B a batch), AP Kennzeichen, AZ Aktenzeichen, DA kind of document,
ID of the sheet, C its check digits: CRC-16/CCITT-FALSE of all before "|C=". All but T and C may be left out; a sheet without M is
good for every tenant. Values are plain ASCII, everything else percent-encoded as UTF-8. Unknown fields are passed over.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import quote, unquote

Begins = Literal["document", "file", "batch"]
MARK = "MI1|"
LONGEST = 400  # characters: no sheet of ours says more
_BEGINS: dict[str, Begins] = {"D": "document", "A": "file", "B": "batch"}
_LETTER = {begins: letter for letter, begins in _BEGINS.items()}
_PLAIN = " /.,:;-_()+*'!"  # left as they are, beside letters and digits
_CODE = re.compile(r"MI1\|((?:[A-Z]{1,2}=[^|]*\|)+)C=([0-9A-F]{4})")


@dataclass(frozen=True, slots=True)
class SheetCode:
    """One sheet. `tenant` "" = any; entry (Kennzeichen), file (Aktenzeichen) and kind "" = it does not say."""

    id: str
    begins: Begins = "document"
    tenant: str = ""
    entry: str = ""
    file: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A code that looks like ours but must not be followed; `sentence` says why (German, what kind of sheet it is)."""

    sentence: str


def check_digits(text: str) -> str:
    """CRC-16/CCITT-FALSE as four hexadecimal digits."""
    return f"{binascii.crc_hqx(text.encode('utf-8'), 0xFFFF):04X}"


def encode(code: SheetCode) -> str:
    """The payload of a sheet; `decode` gives the same sheet back."""
    fields = {"M": code.tenant, "T": _LETTER[code.begins], "AP": code.entry, "AZ": code.file, "DA": code.kind, "ID": code.id}
    text = MARK + "|".join(f"{name}={quote(value, safe=_PLAIN)}" for name, value in fields.items() if value)
    return f"{text}|C={check_digits(text)}"


def decode(payload: str, tenant: str) -> SheetCode | Fault | None:
    """The sheet a barcode names; None for a barcode of others, a Fault for one of ours that is damaged or another tenant's.

    `tenant` is who reads; "" (outside an installation) accepts the sheets of all.
    """
    if not payload.startswith(MARK):
        return None
    found = _CODE.fullmatch(payload) if len(payload) <= LONGEST else None
    if found is None:
        return Fault("ein Trennblatt mit unvollständigem Code")
    if check_digits(payload.rpartition("|C=")[0]) != found[2]:
        return Fault("ein Trennblatt, dessen Prüfziffern nicht stimmen")
    said = dict(cast("tuple[str, str]", tuple(field.split("=", 1))) for field in found[1].rstrip("|").split("|"))
    begins = _BEGINS.get(said.get("T", ""))
    if begins is None:
        return Fault("ein Trennblatt unbekannter Art")
    code = SheetCode(said.get("ID", ""), begins, *(unquote(said.get(name, "")) for name in ("M", "AP", "AZ", "DA")))
    if code.tenant and tenant and code.tenant != tenant:
        return Fault("ein Trennblatt eines anderen Mandanten")
    return code
