"""Numbers that carry a check of their own: IBAN, BIC, USt-IdNr, Steuernummer, Leitweg-ID. Pure.

Every finder gives all hits of a text with what was checked. Letters that recognition confuses with digits are read as
digits only where the check digits then hold, and the check says so ("iban:read-as-digits"); `raw` stays as it was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from stdnum import bic, iban
from stdnum.de import leitweg, stnr
from stdnum.eu import vat

_LOOKALIKE = str.maketrans("OoQDIl|SsBZGT", "0000111558267")
"""Letters that recognition gives for digits."""
_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2}\s?[0-9OIl]{2}(?:[\s\u00a0.]?[0-9A-Za-z|]){11,30})(?![A-Za-z0-9])")
_DE_IBAN = re.compile(r"(?<![A-Za-z0-9])(DE(?:[\s\u00a0.]{0,2}[0-9OoQDIl|SBZG]){20})(?![0-9])")
_BIC = re.compile(r"(?:BIC|SWIFT)(?:[ -]?Code)?\s*[.:]?\s*([A-Z]{6}[A-Z0-9]{2}(?:\s?[A-Z0-9]{3})?)(?![A-Za-z0-9])")
_VAT = re.compile(r"(?<![A-Za-z0-9])((?:DE[\s.]?(?:[\s.]?[0-9OIlB]){9}|ATU[\s.]?\d{8}|NL\d{9}B\d{2}|FR[0-9A-Z]{2}\s?\d{9}|"
                  r"PL\s?\d{10}|LU\s?\d{8}|BE\s?[01]\d{9}|DK\s?\d{8}|CZ\s?\d{8,10}|IT\s?\d{11}))(?![A-Za-z0-9])")
_TAX = re.compile(r"(?:St(?:euer)?[.\s-]{0,2}(?:nummer|Nr)[.\s]*(?:lautet)?|(?<![A-Za-z])St\.?-?Nr\.?)\s*:?\s*"
                  r"(\d{2,4}\s?/\s?\d{3,4}\s?/\s?\d{4,5}|\d{10,13}|\d{2,3}\s\d{3}\s\d{5})(?!\d)", re.IGNORECASE)
_LEITWEG = re.compile(r"(?<![A-Za-z0-9-])(\d{2,12}(?:-[A-Za-z0-9]{1,30})?-\d{2})(?![A-Za-z0-9-])")
_LEITWEG_LABEL = re.compile(r"(?:Leitweg|Buyer\s?Reference|BT-10)\D{0,15}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """A number in a text: characters start..end, its plain form without blanks, as it stood there, and its checks."""

    start: int
    end: int
    value: str
    raw: str
    checks: tuple[str, ...]


def find_ibans(text: str) -> tuple[FoundNumber, ...]:
    """All IBANs, also with wrong check digits where it is plainly one ("iban:wrong-checksum"); value without blanks."""
    found: dict[int, FoundNumber] = {}
    for match in _DE_IBAN.finditer(text):
        raw = match.group(1)
        found[match.start(1)] = _judged(match.start(1), raw, "iban", iban.is_valid, keep=2)
    for match in _IBAN.finditer(text):
        inside = [one for one in found.values() if one.start < match.end(1) and match.start(1) < one.end]
        end = None if inside or match.group(1).startswith("DE") else _iban_end(match.group(1))
        if end:
            raw = match.group(1)[:end]
            found[match.start(1)] = FoundNumber(match.start(1), match.start(1) + end, plain(raw), raw, ("iban:ok",))
    return tuple(found[start] for start in sorted(found))


def _iban_end(text: str) -> int | None:
    """Where a foreign IBAN at the start of `text` ends: the longest run that passes its check; None when none does."""
    return next((end for end in range(len(text), 14, -1) if iban.is_valid(plain(text[:end]))), None)


def _judged(start: int, raw: str, kind: str, valid: Callable[[str], bool], keep: int) -> FoundNumber:
    """A hit with its check; `keep` leading letters are never taken for digits."""
    value = plain(raw)
    digits = value[:keep] + value[keep:].translate(_LOOKALIKE)
    if valid(value) and value == digits:
        return FoundNumber(start, start + len(raw), value, raw, (f"{kind}:ok",))
    if valid(digits):
        return FoundNumber(start, start + len(raw), digits, raw, (f"{kind}:ok", f"{kind}:read-as-digits"))
    return FoundNumber(start, start + len(raw), value, raw, (f"{kind}:wrong-checksum",))


def plain(text: str) -> str:
    """Without blanks and full stops, as account and tax numbers are stored."""
    return re.sub(r"[\s\u00a0.]", "", text)


def find_bics(text: str) -> tuple[FoundNumber, ...]:
    """BICs after their leading word."""
    return tuple(FoundNumber(*match.span(1), plain(match.group(1)), match.group(1), (
        "bic:ok" if bic.is_valid(plain(match.group(1))) else "bic:wrong-form",)) for match in _BIC.finditer(text))


def find_vat_ids(text: str) -> tuple[FoundNumber, ...]:
    """USt-IdNr of the EU countries we meet; IBANs are not taken for one."""
    accounts = find_ibans(text)
    found = []
    for match in _VAT.finditer(text):
        if any(one.start < match.end(1) and match.start(1) < one.end for one in accounts):
            continue
        letters = 2 if match.group(1).startswith("DE") else len(match.group(1))
        found.append(_judged(match.start(1), match.group(1), "vat", vat.is_valid, keep=letters))
    return tuple(found)


def find_tax_numbers(text: str) -> tuple[FoundNumber, ...]:
    """Steuernummern after their leading word, with their slashes, without blanks; the Länder check only the form."""
    return tuple(FoundNumber(*match.span(1), re.sub(r"\s", "", match.group(1)), match.group(1), (
        "tax:ok" if stnr.is_valid(re.sub(r"\D", "", match.group(1))) else "tax:unknown-form",)) for match in _TAX.finditer(text))


def find_leitweg_ids(text: str) -> tuple[FoundNumber, ...]:
    """Leitweg-IDs: with right check digits anywhere (a Feinadressat or at least 8 digits), with wrong ones after the word."""
    found = []
    for match in _LEITWEG.finditer(text):
        raw = match.group(1)
        labelled = _LEITWEG_LABEL.search(text[:match.start()]) is not None
        right = leitweg.is_valid(raw)
        if labelled or (right and (raw.count("-") == 2 or len(raw) >= 11) and len(raw) >= 9):
            found.append(FoundNumber(*match.span(1), raw.upper(), raw, ("leitweg:ok" if right else "leitweg:wrong-checksum",)))
    return tuple(found)
